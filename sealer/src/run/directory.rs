//! How many partitions the topics have that callers name; asked when one is named, and again after a while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Bus, BusError, TopicPartition};
use wire::{ReplyTo, ReplyTopics, RequestId, Timestamp};

use crate::{metrics::Reason, reply};

/// Finds the partition for each reply.
pub(super) struct Directory {
    bus: Arc<dyn Bus>,
    allowed: ReplyTopics,
    known: HashMap<Arc<str>, Known>,
}

/// What was found when a topic was looked at.
struct Known {
    /// How many, or why nothing can be sent there.
    partitions: Result<i32, Reason>,
    until: Timestamp,
}

/// Topics may be given more partitions, and be allowed. To try one that is forbidden costs the others a transaction.
const STANDS: Duration = Duration::from_mins(1);
/// And may be made; until then whoever names one that is not there costs no question for each request.
const ABSENT_STANDS: Duration = Duration::from_secs(1);
/// Callers may name as many as they like.
const KNOWN_MAX: usize = 1_000;

// === impl Directory ===

impl Directory {
    pub(super) fn new(bus: Arc<dyn Bus>, allowed: ReplyTopics) -> Self {
        Self { bus, allowed, known: HashMap::new() }
    }

    /// Returns where the reply about `request` goes, or why it goes nowhere. An error only if the bus is away.
    pub(super) async fn place(
        &mut self,
        reply: &ReplyTo,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Result<TopicPartition, Reason>, BusError> {
        let topic = &reply.address.topic;
        if !self.allowed.allow(topic) {
            return Ok(Err(Reason::NotAllowed));
        }
        let count = self.partitions(topic, now).await?;
        let partition = count.and_then(|count| reply::partition(reply, request, count).ok_or(Reason::NoPartition));
        Ok(partition.map(|partition| TopicPartition { topic: Arc::clone(topic), partition }))
    }

    /// Remembers for a while that nothing may be written to `topic`.
    pub(super) fn forbid(&mut self, topic: &Arc<str>, now: Timestamp) {
        self.know(topic, Err(Reason::Forbidden), now.after(STANDS));
    }

    async fn partitions(&mut self, topic: &Arc<str>, now: Timestamp) -> Result<Result<i32, Reason>, BusError> {
        if let Some(known) = self.known.get(topic).filter(|known| now < known.until) {
            return Ok(known.partitions);
        }
        let partitions = match self.bus.partitions(topic).await {
            Ok(count) => Ok(count),
            Err(BusError::Fatal(why)) => {
                tracing::warn!(%topic, why, "results that callers want there are not sent");
                Err(Reason::NoTopic)
            }
            Err(error) => return Err(error),
        };
        self.know(topic, partitions, now.after(if partitions.is_ok() { STANDS } else { ABSENT_STANDS }));
        Ok(partitions)
    }

    fn know(&mut self, topic: &Arc<str>, partitions: Result<i32, Reason>, until: Timestamp) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(Arc::clone(topic), Known { partitions, until });
    }
}
