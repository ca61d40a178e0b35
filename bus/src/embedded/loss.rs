//! What somebody with rights on a cluster may do to its topics under everybody: for tests, beside `Faults`.

use std::sync::{Arc, PoisonError};

use super::{EmbeddedBus, Topic, lock, partition::Partition};
use crate::{BusError, TopicPartition};

// === impl EmbeddedBus ===

impl EmbeddedBus {
    /// Drops all records of `partition` before `offset`, as retention or a request to delete them would.
    pub fn drop_before(&self, partition: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.log.partition(partition).map(|partition| partition.drop_before(offset))
    }

    /// Deletes `topic` and creates it again: its offsets begin at 0, and whatever its groups committed stays as it is.
    pub fn recreate(&self, topic: &str) -> Result<(), BusError> {
        self.log.topic(topic).map(|topic| topic.partitions.iter().for_each(|partition| partition.begin_again()))
    }

    /// Gives `topic` more partitions, up to `count`, and its groups those that are new.
    pub fn grow(&self, topic: &str, count: usize) -> Result<(), BusError> {
        let old = self.log.topic(topic)?;
        let Some(first) = old.partitions.first() else { return Ok(()) };
        let fresh = (old.partitions.len()..count).map(|index| {
            let partition = i32::try_from(index).unwrap_or(i32::MAX);
            Arc::new(Partition::like(first, TopicPartition { topic: Arc::clone(&old.name), partition }))
        });
        let partitions = old.partitions.iter().cloned().chain(fresh).collect();
        let grown = Arc::new(Topic { name: Arc::clone(&old.name), partitions });
        self.log.topics.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&old.name), grown);
        for ((_, of), group) in &*lock(&self.log.groups) {
            if *of == old.name {
                group.grow(count);
            }
        }
        Ok(())
    }
}
