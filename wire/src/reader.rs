//! The rule by which anybody reads a partition of the results topic, so that each request has exactly one result.
//!
//! Keep the accepted fencing, none at first. A fence with a higher epoch replaces it; any other fence is ignored.
//! Epochs go round: `a` is higher than `b` if `a - b`, as it wraps, lies between 1 and 2^63 - 1. So whatever epoch a
//! stranger writes there is a higher one, and nobody can lock a partition for good.
//! A result is valid if and only if its fencing is the accepted one. The first valid result of a request is *the*
//! result; later valid ones are repeats of it (the writer's own retries) and are dropped.
//! Repeats are recognised within a window, which must be longer than the writer's longest retry.

use std::collections::{HashSet, VecDeque};

use crate::{Fence, Fencing, RequestId, ResultRecord};

/// Reads one partition of a results topic in offset order.
#[derive(Clone, Debug)]
pub struct ResultsReader {
    accepted: Option<Fencing>,
    seen: HashSet<RequestId>,
    order: VecDeque<RequestId>,
    window: usize,
}

/// What a record of the results topic is to a reader.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The result of its request.
    Valid,
    /// A valid result again; to be dropped.
    Repeat,
    /// Written without the right to; to be dropped.
    Void,
}

// === impl Fencing ===

impl Fencing {
    /// Returns whether this one takes over from `accepted`: its epoch is higher, as epochs go round.
    #[must_use]
    pub fn succeeds(self, accepted: Self) -> bool {
        (1..=i64::MAX.unsigned_abs()).contains(&self.epoch.wrapping_sub(accepted.epoch))
    }

    /// Returns the epoch of whoever takes over from this one.
    #[must_use]
    pub fn next_epoch(self) -> u64 {
        self.epoch.wrapping_add(1)
    }
}

// === impl ResultsReader ===

impl ResultsReader {
    /// Starts at a partition's beginning, or behind a fence, remembering the last `window` results.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { accepted: None, seen: HashSet::new(), order: VecDeque::new(), window }
    }

    /// Returns the fencing whose results are valid now.
    #[must_use]
    pub fn accepted(&self) -> Option<Fencing> {
        self.accepted
    }

    /// Returns whether `request` has a valid result within the window.
    #[must_use]
    pub fn has(&self, request: &RequestId) -> bool {
        self.seen.contains(request)
    }

    /// Reads a fence; returns whether it was accepted.
    pub fn on_fence(&mut self, Fence(fencing): Fence) -> bool {
        let higher = self.accepted.is_none_or(|accepted| fencing.succeeds(accepted));
        if higher {
            self.accepted = Some(fencing);
        }
        higher
    }

    /// Reads a result.
    pub fn on_result(&mut self, result: &ResultRecord) -> Reading {
        if self.accepted != Some(result.fencing) {
            return Reading::Void;
        }
        if !self.seen.insert(result.request) {
            return Reading::Repeat;
        }
        self.order.push_back(result.request);
        if self.order.len() > self.window
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Reading::Valid
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn fencing(epoch: u64) -> Fencing {
        Fencing { epoch, instance: Uuid::nil() }
    }

    proptest! {
        #[test]
        fn there_is_always_a_successor_whatever_epoch_a_stranger_writes(epoch: u64) {
            let stranger = fencing(epoch);
            let next = fencing(stranger.next_epoch());
            prop_assert!(next.succeeds(stranger) && !stranger.succeeds(next) && !stranger.succeeds(stranger));
        }
    }

    #[test]
    fn the_last_epoch_is_followed_by_the_first() {
        let mut reader = ResultsReader::new(1);
        assert!(reader.on_fence(Fence(fencing(u64::MAX))));
        assert!(reader.on_fence(Fence(fencing(0))));
        assert!(!reader.on_fence(Fence(fencing(u64::MAX))));
    }
}
