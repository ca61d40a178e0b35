//! The rule for a whole topic: each partition has its own fences, so each has a reader of its own.

use std::collections::HashMap;

use super::{ResultsEntry, ResultsReader};
use crate::{Fencing, Record};

/// Reads a results topic, each partition in offset order, the partitions interleaved in any way.
#[derive(Clone, Debug)]
pub struct TopicReader {
    window: usize,
    partitions: HashMap<i32, ResultsReader>,
}

// === impl TopicReader ===

impl TopicReader {
    /// Starts to read, remembering the last `window` results of each partition: with 0 a repeat is valid again.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { window, partitions: HashMap::new() }
    }

    /// Reads what lies next in `partition`.
    pub fn read(&mut self, partition: i32, record: &Record) -> ResultsEntry {
        let window = self.window;
        self.partitions.entry(partition).or_insert_with(|| ResultsReader::new(window)).read(record)
    }

    /// Returns the fencing whose results are valid now in `partition`.
    #[must_use]
    pub fn accepted(&self, partition: i32) -> Option<Fencing> {
        self.partitions.get(&partition)?.accepted()
    }

    /// Forgets what was read of `partition`, because it is not read on but from somewhere else: the log was cut off, or
    /// made anew, and the fences that were accepted may no longer be in it.
    pub fn restart(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::{Envelope, Fence, PolicyRef, RendezvousName, RequestId, ResultKind, ResultRecord};

    fn fence(epoch: u64) -> Record {
        Fence(Fencing { epoch, instance: Uuid::nil() }).encode()
    }

    fn result(epoch: u64) -> ResultRecord {
        let policy = PolicyRef { rendezvous: RendezvousName::new("wine").unwrap(), version: 1 };
        let (request, kind) = (RequestId::from_uuid(Uuid::nil()), ResultKind::Prediction);
        let fencing = Fencing { epoch, instance: Uuid::nil() };
        ResultRecord { request, policy, kind, key: None, reply: None, fencing, body: Bytes::from_static(b"{}") }
    }

    #[test]
    fn the_fence_of_another_partition_says_nothing_about_this_one() {
        let mut reader = TopicReader::new(9);
        let _ = reader.read(0, &fence(1));
        assert_eq!(reader.read(1, &result(1).encode()), ResultsEntry::Void { result: result(1), accepted: None });
        assert_eq!(reader.read(0, &result(1).encode()).valid(), Some(result(1)));
        assert_eq!(reader.read(0, &result(1).encode()).standing(), Some(result(1)));
    }

    #[test]
    fn a_topic_made_anew_begins_with_its_own_fences() {
        let mut reader = TopicReader::new(9);
        let _ = reader.read(0, &fence(5));
        let _ = reader.read(0, &fence(1));
        assert_eq!(reader.read(0, &result(1).encode()).valid(), None);
        reader.restart(0);
        let _ = reader.read(0, &fence(1));
        assert_eq!(reader.read(0, &result(1).encode()).valid(), Some(result(1)));
    }

    #[test]
    fn what_is_neither_a_result_nor_a_fence_is_garbage_and_changes_nothing() {
        let mut reader = TopicReader::new(9);
        let _ = reader.read(0, &fence(5));
        let ResultsEntry::Garbage(missing) = reader.read(0, &Record::default()) else { panic!("it has no type") };
        assert_eq!(missing.to_string(), "header `ce_type` is missing");
        let request = crate::envelope::tests::request();
        let ResultsEntry::Garbage(misplaced) = reader.read(0, &Envelope::Request(request).encode()) else {
            panic!("a request is no result");
        };
        assert_eq!(misplaced.to_string(), "a request is not what this topic holds");
        assert_eq!(reader.accepted(0).map(|fencing| fencing.epoch), Some(5));
    }
}
