//! A partition at the desk, and whether the group has given it to somebody else.

use wire::Timestamp;

use crate::partition::Partition;

/// A partition in hand.
pub(super) struct Seat {
    pub(super) partition: Partition,
    /// Set while it is served outside the group: until when, should nobody take it over.
    until: Option<Timestamp>,
}

// === impl Seat ===

impl Seat {
    pub(super) fn of(partition: Partition) -> Self {
        Self { partition, until: None }
    }

    /// It is somebody else's to take over, and served until he does, or until then.
    pub(super) fn leave(&mut self, until: Timestamp) {
        self.until = Some(until);
        self.partition.on_leaving(true);
    }

    /// It is ours again.
    pub(super) fn stay(&mut self) {
        self.until = None;
        self.partition.on_leaving(false);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.until.is_some()
    }

    /// Whether it is served outside the group no more: it was taken over, or nobody came.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now || !self.partition.is_running())
    }

    /// Whether its requests, which the group delivers, should be read before more responses are.
    pub(super) fn is_crowded(&self) -> bool {
        !self.is_leaving() && self.partition.is_crowded()
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        [self.partition.next_time(), self.until].into_iter().flatten().min()
    }
}
