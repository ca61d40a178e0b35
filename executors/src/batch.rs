//! PURE: how many requests an executor is given in one call.
//!
//! Learned from what calls took, as Clipper does (NSDI 2017, section 4.3): one more after each full call inside its
//! objective, a tenth fewer after each that took longer. Laws, each tested by name: never none and never more than the
//! most; a call that took too long never raises the limit, and one that was not full never does; under a backlog it
//! grows until it is used; nobody is held back, because a call takes what is there and waits for nothing.
//!
//! The objective is a share of the tightest budget in the call, and not what is left of it: under overload the earliest
//! deadline is always about to pass, so every call would seem too long, the limit would fall to one, and the executor
//! would be slowest exactly when it is needed most.

use std::{num::NonZeroUsize, time::Duration};

/// A call may take this part of the tightest budget in it: a request that comes when one has just begun waits for it, is
/// in the next, and has half its budget left for the log.
const PART_OF_BUDGET: u32 = 4;
/// What is left of the limit after a call that took too long.
const DECREASE: f64 = 0.9;

/// How many requests go into one call.
#[derive(Clone, Debug)]
pub(crate) struct BatchLimit {
    most: NonZeroUsize,
    /// From 1 to `most`; its whole part counts.
    limit: f64,
}

/// Returns how long a call may take in which `tightest` is the shortest budget.
pub(crate) fn objective(tightest: Duration) -> Duration {
    tightest / PART_OF_BUDGET
}

// === impl BatchLimit ===

impl BatchLimit {
    /// Returns a limit that begins with one and never passes `most`.
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self { most, limit: 1.0 }
    }

    /// Returns how many may go into the next call.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 1 and `most`, and its whole part is meant"
    )]
    pub(crate) fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.limit as usize).unwrap_or(NonZeroUsize::MIN).min(self.most)
    }

    /// Learns that a call of `size` requests `took` so long, and should have taken `objective` at most.
    #[expect(clippy::cast_precision_loss, reason = "a limit is far below 2^52")]
    pub(crate) fn on_scored(&mut self, size: usize, took: Duration, objective: Duration) {
        if took > objective {
            self.limit = (self.limit * DECREASE).max(1.0);
        } else if size >= self.limit().get() {
            self.limit = (self.limit + 1.0).min(self.most.get() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    fn upto(most: usize) -> BatchLimit {
        BatchLimit::new(NonZeroUsize::new(most).unwrap())
    }

    #[test]
    fn the_first_call_is_of_one_request() {
        assert_eq!(upto(32).limit().get(), 1);
    }

    #[test]
    fn a_quarter_of_the_tightest_budget_may_be_taken() {
        assert_eq!(objective(micros(50_000)), micros(12_500));
    }

    #[test]
    fn a_tenth_is_taken_off_after_a_call_that_took_too_long() {
        let mut limit = upto(100);
        (0..99).for_each(|_| limit.on_scored(limit.limit().get(), micros(1), micros(2)));
        assert_eq!(limit.limit().get(), 100);
        limit.on_scored(100, micros(3), micros(2));
        assert_eq!(limit.limit().get(), 90);
    }

    #[test]
    fn a_single_stall_costs_a_tenth_and_no_more() {
        let mut limit = upto(32);
        (0..31).for_each(|_| limit.on_scored(limit.limit().get(), micros(1), micros(2)));
        limit.on_scored(1, micros(9_000_000), micros(2));
        assert_eq!(limit.limit().get(), 28);
    }

    proptest! {
        #[test]
        fn it_is_never_none_and_never_more_than_the_most(
            most in 1_usize..2_000,
            calls in prop::collection::vec((0_usize..3_000, 0_u64..100, 0_u64..100), 0..300),
        ) {
            let mut limit = upto(most);
            for (size, took, objective) in calls {
                limit.on_scored(size, micros(took), micros(objective));
                prop_assert!((1..=most).contains(&limit.limit().get()));
            }
        }

        #[test]
        fn it_grows_by_full_calls_in_time_alone_and_shrinks_by_late_ones_alone(
            most in 1_usize..200,
            calls in prop::collection::vec((0_u64..100, 0_u64..100, 0_usize..200), 0..300),
        ) {
            let mut limit = upto(most);
            for (took, objective, missing) in calls {
                let before = limit.limit().get();
                limit.on_scored(before.saturating_sub(missing), micros(took), micros(objective));
                let after = limit.limit().get();
                if took > objective {
                    prop_assert!(after <= before);
                    prop_assert!(after < before || before < 11, "a tenth is at least one from eleven on");
                } else {
                    prop_assert_eq!(after, if missing == 0 { (before + 1).min(most) } else { before });
                }
            }
        }

        /// Played: an executor that takes `fixed` a call and `each` a request, and a queue that is never empty.
        #[test]
        fn under_a_backlog_it_grows_to_what_the_objective_allows_and_stays_about_there(
            most in 1_usize..100,
            (fixed, each) in (0_u64..500, 1_u64..100),
            allowed in 1_u64..5_000,
        ) {
            let mut limit = upto(most);
            let took = |size: usize| micros(fixed + each * size as u64);
            let mut sizes = Vec::new();
            for _ in 0..400 {
                let size = limit.limit().get();
                limit.on_scored(size, took(size), micros(allowed));
                sizes.push(size);
            }
            let best = (1..=most).rev().find(|size| took(*size) <= micros(allowed)).unwrap_or(1);
            let settled = &sizes[200..];
            prop_assert!(settled.iter().all(|size| *size <= best + 1), "{best}: {settled:?}");
            // Never lower than one step of a tenth, and its rounding, below what is allowed.
            prop_assert!(settled.iter().all(|size| size * 10 + 20 >= best * 9), "{best}: {settled:?}");
        }

        /// Played: requests come faster than one by one can be served, and slower than the largest calls can. Whatever
        /// is past its deadline when its turn comes is passed over. After the first second nobody is.
        #[test]
        fn it_does_not_fall_to_one_when_deadlines_pass_in_the_queue(load in 1.5_f64..3.0) {
            let (fixed, each, budget) = (micros(1_000), micros(50), micros(50_000));
            let every = (fixed + each).div_f64(load);
            let (mut limit, mut now, mut came, mut lost) = (upto(32), Duration::ZERO, 0_u32, 0);
            // A stall first: the queue begins with nothing but the dead.
            now += micros(500_000);
            let mut next = 0_u32;
            while now < micros(3_000_000) {
                while every * came <= now { came += 1; }
                while next < came && every * next + budget <= now {
                    lost += u32::from(now > micros(1_500_000));
                    next += 1;
                }
                let size = limit.limit().get().min((came - next) as usize);
                if size == 0 {
                    now = every * came;
                    continue;
                }
                let took = fixed + each * u32::try_from(size).unwrap();
                now += took;
                next += u32::try_from(size).unwrap();
                limit.on_scored(size, took, objective(budget));
            }
            prop_assert_eq!(lost, 0, "the limit is {}", limit.limit());
        }
    }
}
