//! A partition at the desk, and whether the group has given it to somebody else.

use std::time::Duration;

use wire::Timestamp;

use crate::partition::Partition;

/// A partition in hand.
pub(super) struct Seat {
    pub(super) partition: Partition,
    /// Set while it is served outside the group: until when, should nobody take it over.
    until: Option<Timestamp>,
    /// Set while it is read twice, until those who read it for long have surely begun.
    settled: Option<Timestamp>,
    /// Set while its responses wait a moment for its requests.
    pub(super) responses_wait: Option<Timestamp>,
}

/// So long it is read twice: twice as long as a fetch may take on an idle topic.
const SETTLE: Duration = Duration::from_secs(1);

// === impl Seat ===

impl Seat {
    pub(super) fn of(partition: Partition) -> Self {
        Self { partition, until: None, settled: None, responses_wait: None }
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

    /// Whether its requests should be read before more responses are.
    pub(super) fn is_crowded(&self) -> bool {
        self.partition.is_running() && self.partition.is_crowded()
    }

    /// From now on it is read twice for a moment.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.settled = Some(now.after(SETTLE));
        self.responses_wait = None;
    }

    /// It is taken over anew: what was to end of its earlier life has ended with it.
    pub(super) fn unsettle(&mut self) {
        self.settled = None;
        self.responses_wait = None;
    }

    /// Whether it need not be read twice any more; says so once.
    pub(super) fn has_settled(&mut self, now: Timestamp) -> bool {
        self.settled.take_if(|settled| *settled <= now).is_some()
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        let times = [self.partition.next_time(), self.until, self.settled, self.responses_wait];
        times.into_iter().flatten().min()
    }
}
