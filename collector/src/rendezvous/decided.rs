//! The ids that have their result, remembered so that a late response is `Late` and a second copy of a request does
//! not open again.
//!
//! Pure. Bounded by age and by count. Nothing is forgotten by age before the first `on_time`, so a replay that is
//! longer than the window decides nothing twice.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use wire::{RequestId, Timestamp};

/// So long an id is remembered: longer than a restarted starter takes to send its unanswered requests again.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// At most so many ids are remembered per partition, about 50 MB.
const COUNT_MAX: usize = 1 << 20;

/// A window of decided ids.
#[derive(Debug, Default)]
pub(super) struct Decided {
    ids: HashSet<RequestId>,
    order: VecDeque<(Timestamp, RequestId)>,
}

// === impl Decided ===

impl Decided {
    /// Remembers `request` from `at` on; again does nothing.
    pub(super) fn remember(&mut self, request: RequestId, at: Timestamp) {
        if !self.ids.insert(request) {
            return;
        }
        self.order.push_back((at, request));
        if self.order.len() > COUNT_MAX {
            self.forget_oldest();
        }
    }

    /// Returns whether `request` is remembered.
    pub(super) fn has(&self, request: &RequestId) -> bool {
        self.ids.contains(request)
    }

    /// Forgets what is older than the window.
    pub(super) fn on_time(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| at.after(WINDOW) <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.ids.remove(&oldest);
        }
    }
}
