//! What was written about all partitions, followed every few seconds: what it comes to, and who contradicts us.

use std::{sync::Arc, time::Duration};

use bus::{BoxFuture, Bus, BusError};
use wire::{RendezvousName, Timestamp};

use crate::compared::Words;

/// Follows the topic.
pub(super) struct Judging {
    /// Away while somebody reads on.
    words: Option<Words>,
    next: Timestamp,
    pub(super) reading: Option<BoxFuture<'static, Looked>>,
}

/// What is known, and whether there was anything new.
pub(super) type Looked = (Words, Result<bool, BusError>);

/// So often it is looked whether there is anything new.
const JUDGE_EVERY: Duration = Duration::from_secs(3);

// === impl Judging ===

impl Judging {
    pub(super) fn new() -> Self {
        Self { words: None, next: Timestamp::EPOCH, reading: None }
    }

    /// Returns when to look again, if nobody is looking.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.reading.is_none().then_some(self.next)
    }

    /// Looks, if it is time to.
    pub(super) fn look(&mut self, bus: &Arc<dyn Bus>, rendezvous: &RendezvousName, now: Timestamp) {
        if self.reading.is_some() || now < self.next {
            return;
        }
        self.next = now.after(JUDGE_EVERY);
        let (bus, mut words) = (Arc::clone(bus), self.words.take().unwrap_or_else(|| Words::new(rendezvous)));
        self.reading = Some(Box::pin(async move {
            let outcome = words.catch_up(&*bus).await;
            (words, outcome)
        }));
    }

    /// Takes back what is known.
    pub(super) fn on_looked(&mut self, words: Words) -> &Words {
        self.words.insert(words)
    }

    /// Forgets what was seen: it is to be judged anew.
    pub(super) fn forget(&mut self) {
        (self.words, self.next) = (None, Timestamp::EPOCH);
    }
}
