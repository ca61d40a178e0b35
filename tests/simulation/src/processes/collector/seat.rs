//! A partition in a collector's hands: where it reads on, and whether the group has given it to somebody else.

use std::collections::BTreeMap;

use collector::{Partition, Source};
use wire::Timestamp;

/// A partition in hand.
pub(super) struct Seat {
    pub(super) partition: Partition,
    /// By source: where it reads on, if it reads.
    pub(super) at: BTreeMap<Source, i64>,
    /// Set while it is served outside the group: until when, should nobody take it over.
    pub(super) until: Option<Timestamp>,
}

// === impl Seat ===

impl Seat {
    pub(super) fn of(partition: Partition) -> Self {
        Self { partition, at: BTreeMap::new(), until: None }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now || !self.partition.is_running())
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        [self.partition.next_time(), self.until].into_iter().flatten().min()
    }
}
