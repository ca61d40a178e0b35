//! One request under one policy: the state machine that ends in exactly one verdict.
//!
//! Laws, each tested by name:
//! - *One verdict*: every request gets exactly one, whatever the order of responses, duplicates and timers.
//! - *Time first*: at equal instants the deadline precedes the response.
//! - *Punctuality is not correctness*: a timer that fires late changes when we answer, never what.
//! - *No idle waiting*: once everyone has answered, the remaining clauses are played at once.
//! - *Silence is a verdict*: the default, never an error, never a missing result.
//!
//! It deliberately does not know about logs, partitions, offsets or who writes the result.

use std::{sync::Arc, time::Duration};

use wire::{Budget, Plan, Response, Timestamp};

use crate::{Policy, Verdict};

/// One request that is not decided yet. Whoever holds a verdict holds nothing that could emit another.
#[derive(Debug)]
pub struct Evaluation {
    policy: Arc<Policy>,
}

/// What an evaluation has come to.
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Not decided: tell it more, at the latest at its deadline.
    Wait(Evaluation),
    /// Decided.
    Emit(Box<Verdict>),
}

/// What a response was to the evaluation that heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The first of its executor.
    New,
    /// Another of the same executor: counted, never a second vote.
    Duplicate,
    /// Of nobody that was asked.
    Uninvited,
}

// === impl Evaluation ===

impl Evaluation {
    /// Opens a request born at `born`. `lead` is how much earlier than its deadline the last clause must end, so that
    /// the result is received in time (the measured way back to the caller); at most half of the budget is given up.
    pub fn open(policy: Arc<Policy>, plan: &Plan, born: Timestamp, budget: Budget, lead: Duration) -> Step {
        let _ = (plan, born, budget, lead);
        Step::Wait(Self { policy })
    }

    /// Hears a response that the log took in at `at`. Clauses that ended by then are played first.
    pub fn observe(self, response: &Response, at: Timestamp) -> (Heard, Step) {
        let _ = (response, at);
        (Heard::New, Step::Wait(self))
    }

    /// Plays what is due at `now`. Early and repeated calls are harmless.
    pub fn on_time(self, now: Timestamp) -> Step {
        let _ = now;
        Step::Wait(self)
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let _ = &self.policy;
        Timestamp::EPOCH
    }
}
