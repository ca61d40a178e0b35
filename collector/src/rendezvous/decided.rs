//! The ids that have their result, remembered so that a late response is `Late` and a second copy of a request does
//! not open again; with their births, so that a late response is measured.
//!
//! Pure. Bounded by age and by count. Nothing is forgotten by age before the first `on_time`, so a replay that is
//! longer than the window decides nothing twice.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use foldhash::fast::RandomState;
use wire::{
    RequestId, Timestamp,
    mutation::{self, Mutation::NothingIsRemembered},
};

/// So long an id is remembered: longer than a restarted starter takes to send its unanswered requests again.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// At most so many ids are remembered per partition, about 66 MB.
const COUNT_MAX: usize = 1 << 20;

/// A window of decided ids.
#[derive(Debug, Default)]
pub(super) struct Decided {
    births: HashMap<RequestId, Timestamp, RandomState>,
    order: VecDeque<(Timestamp, RequestId)>,
}

// === impl Decided ===

impl Decided {
    /// The birth of a request that was answered in an earlier life.
    pub(super) const UNKNOWN: Timestamp = Timestamp::EPOCH;

    /// Remembers `request`, born at `born`, from `at` on; again does nothing.
    pub(super) fn remember(&mut self, request: RequestId, born: Timestamp, at: Timestamp) {
        if mutation::is(NothingIsRemembered) {
            return;
        }
        let Entry::Vacant(entry) = self.births.entry(request) else { return };
        entry.insert(born);
        self.order.push_back((at, request));
        if self.order.len() > COUNT_MAX {
            self.forget_oldest();
        }
    }

    /// Returns whether `request` is remembered.
    pub(super) fn has(&self, request: &RequestId) -> bool {
        self.births.contains_key(request)
    }

    /// Returns when `request` was born, if it is remembered and that is known.
    pub(super) fn born(&self, request: &RequestId) -> Option<Timestamp> {
        self.births.get(request).copied().filter(|born| *born != Self::UNKNOWN)
    }

    /// Forgets what is older than the window.
    pub(super) fn on_time(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| at.after(WINDOW) <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.births.remove(&oldest);
        }
    }
}
