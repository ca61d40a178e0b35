//! Commits on their way: one request at a time, and of each partition only the newest waits.
//!
//! With several requests in flight, one that is retried could land behind a later one and undo it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::TopicPartitionList;

use crate::{Commit, Committed, TopicPartition, kafka::group::positions};

#[derive(Default)]
pub(super) struct Commits {
    /// Bounded by the partitions that this member owns.
    waiting: BTreeMap<TopicPartition, Committed>,
    in_flight: Option<Instant>,
}

/// After so long a request is given up: a lost commit only means more to read again.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

// === impl Commits ===

impl Commits {
    pub(super) fn add(&mut self, commits: impl IntoIterator<Item = Commit>) {
        self.waiting.extend(commits.into_iter().map(|commit| (commit.partition, commit.committed)));
    }

    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.waiting.retain(|partition, _| !partitions.contains(partition));
    }

    /// Returns what is to be sent at `now`: nothing while a request is in flight.
    pub(super) fn due(&mut self, now: Instant) -> Option<TopicPartitionList> {
        if self.in_flight.is_some_and(|sent| now.saturating_duration_since(sent) < GIVEN_UP_AFTER) {
            return None;
        }
        let due = self.all()?;
        self.in_flight = Some(now);
        Some(due)
    }

    pub(super) fn returned(&mut self) {
        self.in_flight = None;
    }

    /// Returns all that waits.
    pub(super) fn all(&mut self) -> Option<TopicPartitionList> {
        if self.waiting.is_empty() {
            return None;
        }
        Some(positions(std::mem::take(&mut self.waiting)))
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::Offset;

    use super::*;

    fn commit(offset: i64) -> Commit {
        let committed = Committed { offset, metadata: String::new() };
        Commit { partition: TopicPartition::new("topic", 0), committed }
    }

    fn offset(due: Option<TopicPartitionList>) -> Option<Offset> {
        due.map(|due| due.elements()[0].offset())
    }

    #[test]
    fn one_request_at_a_time_and_only_the_newest_waits() {
        let now = Instant::now();
        let mut commits = Commits::default();
        commits.add([commit(1)]);
        assert_eq!(offset(commits.due(now)), Some(Offset::Offset(1)));
        commits.add([commit(2), commit(3)]);
        assert_eq!(offset(commits.due(now)), None);
        commits.returned();
        assert_eq!(offset(commits.due(now)), Some(Offset::Offset(3)));
    }

    #[test]
    fn a_request_without_an_answer_is_given_up() {
        let now = Instant::now();
        let mut commits = Commits::default();
        commits.add([commit(1)]);
        assert!(commits.due(now).is_some());
        commits.add([commit(2)]);
        assert_eq!(offset(commits.due(now + GIVEN_UP_AFTER)), Some(Offset::Offset(2)));
    }

    #[test]
    fn what_was_taken_back_is_not_committed() {
        let mut commits = Commits::default();
        commits.add([commit(1)]);
        commits.forget(&[TopicPartition::new("topic", 0)]);
        assert!(commits.all().is_none());
    }
}
