//! Tells what this process counted, slice by slice, in the rendezvous' topic of measures: whoever reads what all collectors
//! told has the sum, also of those that are gone.

use std::sync::Arc;

use bus::{Producer, TopicPartition};
use measures::{Diary, Slice, Sum};
use uuid::Uuid;
use wire::{Measured, RendezvousName, Timestamp, Topics};

/// What is told.
#[derive(Debug)]
pub(super) struct Feed {
    rendezvous: RendezvousName,
    /// Names this process, and never another.
    process: Uuid,
    partition: TopicPartition,
    diary: Diary,
}

// === impl Feed ===

impl Feed {
    pub(super) fn new(rendezvous: RendezvousName, topics: &Topics) -> Self {
        let partition = TopicPartition::new(&topics.measures, 0);
        Self { rendezvous, process: Uuid::new_v4(), partition, diary: Diary::default() }
    }

    pub(super) fn add(&mut self, counted: &Sum, now: Timestamp) {
        self.diary.add(counted, now);
    }

    /// Writes what is to be told now, or `all` that is not told yet. Nobody waits for it, and what the log does not take
    /// is told again with what is counted next.
    pub(super) fn tell(&mut self, producer: &Arc<dyn Producer>, now: Timestamp, all: bool) {
        for slice in self.diary.tell(now, all) {
            let acknowledge = Box::new(|outcome: Result<i64, _>| {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "what the collector counted is not in the log");
                }
            });
            if let Err(error) = producer.send(&self.partition, self.record(&slice).encode(), acknowledge) {
                tracing::debug!(%error, "what the collector counted is not in the log");
            }
        }
    }

    fn record(&self, slice: &Slice) -> Measured {
        let counted = serde_json::to_vec(slice).expect("counts are numbers and words").into();
        let (rendezvous, process) = (self.rendezvous.clone(), self.process);
        Measured { rendezvous, process, level: slice.level, place: slice.place(), counted }
    }
}
