//! What all partitions came to: the comparisons topic read to its end, and added up.

use std::collections::{BTreeMap, HashMap};

use bus::{Bus, BusError, Received, Stretch, TopicPartition};
use bytes::Bytes;
use canary::{Ledger, Matchup, Report};
use policies::Definition;
use wire::{ComparisonRecord, ExecutorId, RendezvousName, Topics};

use crate::Kept;

/// What was compared of one rendezvous, up to the last words about its partitions.
#[derive(Clone, Debug)]
pub struct Compared {
    rendezvous: RendezvousName,
    partitions: BTreeMap<i32, Kept>,
}

/// The last words about the partitions of one rendezvous, as far as the topic was read.
pub(crate) struct Words {
    rendezvous: RendezvousName,
    topic: TopicPartition,
    next: i64,
    /// Where each lies, and what it says.
    last: HashMap<i32, (i64, Bytes)>,
}

/// Reads what was compared of `rendezvous` up to now.
pub async fn read(bus: &dyn Bus, rendezvous: &RendezvousName) -> Result<Compared, BusError> {
    let mut words = Words::new(rendezvous);
    words.catch_up(bus).await?;
    Ok(words.compared())
}

// === impl Words ===

impl Words {
    pub(crate) fn new(rendezvous: &RendezvousName) -> Self {
        let topic = TopicPartition::new(&Topics::of(rendezvous).comparisons, 0);
        Self { rendezvous: rendezvous.clone(), topic, next: 0, last: HashMap::new() }
    }

    /// Reads on to the end; returns whether there was anything.
    pub(crate) async fn catch_up(&mut self, bus: &dyn Bus) -> Result<bool, BusError> {
        let span = bus.span(&self.topic).await?;
        if self.next > span.end {
            // The topic was made anew: what is known of it is not in it.
            self.last.clear();
            self.next = span.start;
        }
        let mut fresh = Stretch::default();
        fresh.add_offsets(self.topic.clone(), self.next.max(span.start)..span.end);
        let is_new = !fresh.is_empty();
        fresh.read(bus, |received| self.take(received), |_| ()).await?;
        Ok(is_new)
    }

    fn take(&mut self, Received { offset, record, .. }: Received) {
        self.next = self.next.max(offset + 1);
        match ComparisonRecord::decode(&record) {
            Ok(record) if record.rendezvous == self.rendezvous => {
                self.last.insert(record.partition, (offset, record.counted));
            }
            Ok(other) => tracing::warn!(topic = %self.topic, offset, of = %other.rendezvous, "passed: of others"),
            Err(error) => tracing::warn!(topic = %self.topic, offset, %error, "passed: no word of ours"),
        }
    }

    /// Returns where the last word about `partition` lies.
    pub(crate) fn place_of(&self, partition: i32) -> Option<i64> {
        self.last.get(&partition).map(|(offset, _)| *offset)
    }

    /// Understands them; what is none of ours is told and left out.
    pub(crate) fn compared(&self) -> Compared {
        let read = |(partition, (_, word)): (&i32, &(i64, Bytes))| match Kept::read(word) {
            Ok(kept) => Some((*partition, kept)),
            Err(error) => {
                tracing::error!(topic = %self.topic, partition, %error, "what was compared cannot be read");
                None
            }
        };
        Compared { rendezvous: self.rendezvous.clone(), partitions: self.last.iter().filter_map(read).collect() }
    }
}

// === impl Compared ===

impl Compared {
    /// Returns what partitions came to by other ways than the topic.
    #[must_use]
    pub fn from_partitions(rendezvous: RendezvousName, partitions: impl IntoIterator<Item = (i32, Kept)>) -> Self {
        Self { rendezvous, partitions: partitions.into_iter().collect() }
    }

    /// Returns the last word about `partition`.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&Kept> {
        self.partitions.get(&partition)
    }

    /// Returns what was counted of `matchup` in all partitions.
    #[must_use]
    pub fn ledger(&self, matchup: &Matchup) -> Ledger {
        let mut sum = Ledger::default();
        for ledger in self.partitions.values().filter_map(|kept| kept.checkpoint.ledger(matchup)) {
            sum.merge(ledger);
        }
        sum
    }

    /// Returns the report about `canary` as `definition` compares it; `None` if it has no such canary.
    #[must_use]
    pub fn report(&self, definition: &Definition, canary: &ExecutorId) -> Option<Report> {
        let matchup = Matchup::of(definition).into_iter().find(|matchup| matchup.canary == *canary)?;
        Some(Report::of(&self.rendezvous, &matchup, &self.ledger(&matchup)))
    }

    /// Returns the reports about all canaries of `definition`, in its order.
    #[must_use]
    pub fn reports(&self, definition: &Definition) -> Vec<Report> {
        let report = |matchup: &Matchup| Report::of(&self.rendezvous, matchup, &self.ledger(matchup));
        Matchup::of(definition).iter().map(report).collect()
    }
}
