//! What is started, and how far it has been delivered.

use rdkafka::{Message as _, message::BorrowedMessage};

use crate::TopicPartition;

/// The partitions that are started. Few, and records of one come in runs: a list is searched faster than a map.
#[derive(Default)]
pub(super) struct Reading {
    started: Vec<Started>,
    /// Counts starts, so that an answer about an older one is known to be old.
    epoch: u64,
    /// Where the last record's partition was found.
    last: usize,
}

struct Started {
    partition: TopicPartition,
    epoch: u64,
    /// librdkafka reads it; before that, its offset is being looked up.
    assigned: bool,
    /// The next offset to be delivered, if it is known.
    position: Option<i64>,
}

// === impl Reading ===

impl Reading {
    /// Notes a start and returns its number.
    pub(super) fn begin(&mut self, partition: TopicPartition, assigned: bool, position: Option<i64>) -> u64 {
        self.epoch += 1;
        self.started.push(Started { partition, epoch: self.epoch, assigned, position });
        self.epoch
    }

    pub(super) fn has(&self, partition: &TopicPartition) -> bool {
        self.started.iter().any(|started| started.partition == *partition)
    }

    /// Forgets `partition`; returns whether librdkafka reads it.
    pub(super) fn forget(&mut self, partition: &TopicPartition) -> bool {
        let found = self.started.iter().position(|started| started.partition == *partition);
        found.is_some_and(|index| self.started.swap_remove(index).assigned)
    }

    /// Takes a record in: returns its partition if it is to be delivered. What librdkafka had fetched before a partition
    /// was stopped or moved back never is.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>) -> Option<TopicPartition> {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let is_it = |started: &Started| started.partition.partition == partition && *started.partition.topic == *topic;
        if !self.started.get(self.last).is_some_and(is_it) {
            self.last = self.started.iter().position(is_it)?;
        }
        let started = &mut self.started[self.last];
        if !started.assigned || started.position.is_some_and(|position| offset < position) {
            return None;
        }
        started.position = Some(offset + 1);
        Some(started.partition.clone())
    }

    /// Notes where the `epoch`-th start begins; returns its partition if that start still counts.
    pub(super) fn on_located(&mut self, epoch: u64, offset: i64) -> Option<TopicPartition> {
        let started = self.started.iter_mut().find(|started| started.epoch == epoch)?;
        started.assigned = true;
        started.position = Some(offset);
        Some(started.partition.clone())
    }

    /// Forgets what was begun with the `epoch`-th start; returns its partition if that start still counts.
    pub(super) fn on_gone(&mut self, epoch: u64) -> Option<TopicPartition> {
        let index = self.started.iter().position(|started| started.epoch == epoch)?;
        Some(self.started.swap_remove(index).partition)
    }

    /// Returns each start's number, partition and next offset, where that is known.
    pub(super) fn positions(&self) -> Vec<(u64, TopicPartition, i64)> {
        let known = |started: &Started| Some((started.epoch, started.partition.clone(), started.position?));
        self.started.iter().filter(|started| started.assigned).filter_map(known).collect()
    }
}
