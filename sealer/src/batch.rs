//! What the next transaction is made of: records to be written, and how far each partition has been read.
//!
//! Pure. Bounded by records and bytes: who fills it stops reading until it is sent.

use std::{collections::BTreeMap, time::Duration};

use bus::TopicPartition;
use bytes::Bytes;
use wire::{
    Record, Timestamp,
    mutation::{self, Mutation::AbortedIsForgotten},
};

use crate::place::Place;

/// What is to be written and committed together.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order of the log.
    records: Vec<Copied>,
    bytes: usize,
    places: BTreeMap<TopicPartition, Place>,
    /// Since when there are records, and since when places.
    since: Option<Timestamp>,
    moved: Option<Timestamp>,
}

/// A result on its way.
#[derive(Debug)]
pub struct Copied {
    /// Where it lies in the results.
    pub from: TopicPartition,
    /// Where it is to lie.
    pub to: TopicPartition,
    /// When the log had taken it in there.
    pub appended: Timestamp,
    /// What is written there.
    pub record: Record,
}

/// A result waits for others so long at most.
pub(crate) const GATHER: Duration = Duration::from_millis(50);
/// That nothing was to be copied is committed so much later: the owner's fence alone is no reason for a transaction.
pub(crate) const IDLE: Duration = Duration::from_secs(5);
const RECORDS_MAX: usize = 5_000;
const BYTES_MAX: usize = 8 << 20;

// === impl Batch ===

impl Batch {
    /// Adds a result behind the others.
    pub fn push(&mut self, copied: Copied, now: Timestamp) {
        self.since.get_or_insert(now);
        self.bytes += size(&copied.record);
        self.records.push(copied);
    }

    /// Takes note of where `partition` stands, with all that was pushed of it.
    pub fn reach(&mut self, partition: &TopicPartition, place: Place, now: Timestamp) {
        self.moved.get_or_insert(now);
        self.places.insert(partition.clone(), place);
    }

    /// Lets go of all that is of `partition`, which is somebody else's now.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.records.retain(|copied| copied.from != *partition);
        self.bytes = self.records.iter().map(|copied| size(&copied.record)).sum();
        self.places.remove(partition);
    }

    /// Lets go of the largest record for `topic` and returns it: it is more than that takes.
    pub fn drop_largest(&mut self, topic: &str) -> Option<Copied> {
        let of_topic = self.records.iter().enumerate().filter(|(_, copied)| *copied.to.topic == *topic);
        let (index, _) = of_topic.max_by_key(|(_, copied)| size(&copied.record))?;
        let dropped = self.records.remove(index);
        self.bytes -= size(&dropped.record);
        Some(dropped)
    }

    /// Lets go of all that is for `topic`, and returns how much that was.
    pub fn drop_topic(&mut self, topic: &str) -> usize {
        let before = self.records.len();
        self.records.retain(|copied| *copied.to.topic != *topic);
        self.bytes = self.records.iter().map(|copied| size(&copied.record)).sum();
        before - self.records.len()
    }

    /// Puts `later` behind what is there.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        if mutation::is(AbortedIsForgotten) {
            self.records.clear();
        }
        self.records.extend(later.records);
        self.bytes += later.bytes;
        self.places.extend(later.places);
        self.since = self.since.or(later.since);
        self.moved = self.moved.or(later.moved);
        self
    }

    /// Returns whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns whether nothing more should be read before this is sent.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_MAX || self.bytes >= BYTES_MAX
    }

    /// Returns when it is to be sent, if there is anything.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match (self.since, self.moved) {
            _ if self.places.is_empty() => None,
            (Some(_), _) if self.is_full() => Some(Timestamp::EPOCH),
            (Some(since), _) if !self.records.is_empty() => Some(since.after(GATHER)),
            (_, moved) => moved.map(|moved| moved.after(IDLE)),
        }
    }

    /// Returns what is to be written.
    #[must_use]
    pub fn records(&self) -> &[Copied] {
        &self.records
    }

    /// Returns where each partition will stand, to be committed with the records.
    pub fn places(&self) -> impl Iterator<Item = (&TopicPartition, &Place)> {
        self.places.iter()
    }
}

fn size(record: &Record) -> usize {
    record.key.as_ref().map_or(0, Bytes::len) + record.payload.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    fn copied(partition: i32, payload: &'static str) -> Copied {
        let record = Record { payload: Some(Bytes::from_static(payload.as_bytes())), ..Record::default() };
        let (from, to) = (TopicPartition::new("results", partition), TopicPartition::new("sealed", partition));
        Copied { from, to, appended: at(0), record }
    }

    fn place(next: i64) -> Place {
        Place { next, valid: None, from: 0, valid_from: None }
    }

    fn payloads(batch: &Batch) -> Vec<&[u8]> {
        batch.records().iter().map(|copied| &copied.record.payload.as_ref().unwrap()[..]).collect()
    }

    #[test]
    fn results_wait_a_moment_for_others_and_places_alone_for_long() {
        let mut batch = Batch::default();
        assert_eq!(batch.due(), None);
        batch.reach(&TopicPartition::new("results", 0), place(1), at(1_000));
        assert_eq!(batch.due(), Some(at(6_000)));
        batch.push(copied(0, "a"), at(2_000));
        batch.push(copied(0, "b"), at(2_010));
        assert_eq!(batch.due(), Some(at(2_050)));
    }

    #[test]
    fn a_full_batch_is_due_at_once() {
        let mut batch = Batch::default();
        for _ in 0..RECORDS_MAX {
            assert!(!batch.is_full());
            batch.push(copied(0, "a"), at(1_000));
        }
        batch.reach(&TopicPartition::new("results", 0), place(1), at(1_000));
        assert!(batch.is_full());
        assert_eq!(batch.due(), Some(Timestamp::EPOCH));
    }

    #[test]
    fn what_is_tried_again_goes_first_and_stands_where_the_later_stood() {
        let (mut first, mut later) = (Batch::default(), Batch::default());
        let partition = TopicPartition::new("results", 0);
        first.push(copied(0, "a"), at(0));
        first.push(copied(1, "b"), at(0));
        first.reach(&partition, place(1), at(0));
        later.push(copied(0, "c"), at(9));
        later.reach(&partition, place(2), at(9));
        let mut both = first.then(later);
        assert_eq!(payloads(&both), [b"a", b"b", b"c"]);
        assert_eq!(both.places().map(|(_, place)| place.next).collect::<Vec<_>>(), [2]);
        both.forget(&partition);
        assert_eq!(payloads(&both), [b"b"]);
        assert!(both.is_empty(), "nothing is known of where the other stands");
    }

    #[test]
    fn the_largest_for_a_topic_goes_when_one_is_too_large_for_it() {
        let mut batch = Batch::default();
        for payload in ["a", "large", "b"] {
            batch.push(copied(0, payload), at(0));
        }
        batch.push(Copied { to: TopicPartition::new("elsewhere", 0), ..copied(0, "larger") }, at(0));
        assert_eq!(batch.drop_largest("sealed").unwrap().record, copied(0, "large").record);
        assert_eq!(payloads(&batch), [&b"a"[..], b"b", b"larger"]);
        assert!(batch.drop_largest("nowhere").is_none());
        assert_eq!((batch.drop_topic("elsewhere"), batch.drop_topic("elsewhere")), (1, 0));
        assert_eq!(payloads(&batch), [b"a", b"b"]);
    }
}
