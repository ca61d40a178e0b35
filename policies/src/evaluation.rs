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

use crate::{
    Circumstances, Completeness, DecidedBy, Fallen, Policy, Reason, Verdict,
    clause::{Choice, Judgement, Why},
    evidence::{Evidence, Speech},
    verdict::Ruling,
};

/// One request that is not decided yet. Whoever holds a verdict holds nothing that could emit another.
#[derive(Debug)]
pub struct Evaluation {
    policy: Arc<Policy>,
    evidence: Evidence,
    /// No clause lasts longer than this, since birth: the request's budget, less the way back.
    cap: Duration,
    /// The clause that is being tried.
    rung: usize,
    /// Why the clauses above it did not decide.
    refused: Vec<Why>,
    /// What has been played so far; never goes back.
    clock: Timestamp,
    /// The next instant at which something is due.
    wake: Timestamp,
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
    /// Time decided before it was heard: the verdict that comes with it does not know it.
    Late,
}

// A million requests of four executors may be open: at most 512 bytes each, beside what was answered.
const _: () = assert!(size_of::<Evaluation>() + 4 * Evaluation::VOICE_BYTES <= 512);

// === impl Evaluation ===

impl Evaluation {
    /// What each executor that was asked adds to an open request, in bytes, beside its answer.
    pub const VOICE_BYTES: usize = Evidence::VOICE_BYTES;

    /// Opens a request born at `born`. `lead` is how much earlier than its deadline the last clause must end, so that
    /// the result is received in time (the measured way back to the caller); at most half of the budget is given up.
    /// Of the request's own budget and the policy's, the shorter counts. A budget of nothing is stale on arrival.
    pub fn open(
        policy: Arc<Policy>,
        plan: &Plan,
        born: Timestamp,
        budget: Budget,
        lead: Duration,
        circumstances: &Circumstances,
    ) -> Step {
        let budget = budget.min(policy.budget()).as_duration();
        if budget.is_zero() {
            return Step::Emit(Box::new(Self::refuse(
                &policy,
                plan,
                born,
                Reason::StaleOnArrival,
                born,
                circumstances,
            )));
        }
        let evidence = Evidence::new(policy.roster(plan), born);
        let cap = budget.saturating_sub(lead.min(budget / 2));
        Self { policy, evidence, cap, rung: 0, refused: Vec::new(), clock: born, wake: born }.settle()
    }

    /// Returns the default for a request that is not evaluated at all: stale on arrival, or shed at `at`.
    #[must_use]
    pub fn refuse(
        policy: &Policy,
        plan: &Plan,
        born: Timestamp,
        reason: Reason,
        at: Timestamp,
        _circumstances: &Circumstances,
    ) -> Verdict {
        let evidence = Evidence::new(policy.roster(plan), born);
        let answer = policy.default_answer().clone();
        let ruling = Ruling {
            decided_by: DecidedBy::Default,
            completeness: Completeness::None,
            reason,
            answer,
            at,
            fallback: Some(Fallen::Constant),
        };
        ruling.explained(&evidence, &policy.fields, Vec::new(), Vec::new())
    }

    /// Hears a response that the log took in at `at`. Clauses that ended by then are played first.
    pub fn observe(mut self, response: &Response, at: Timestamp) -> (Heard, Step) {
        let Some(seat) = self.evidence.seat(&response.executor) else {
            return (Heard::Uninvited, self.on_time(at));
        };
        if self.evidence.has_heard(seat) {
            return (Heard::Duplicate, self.on_time(at));
        }
        if self.wake <= at {
            match self.on_time(at) {
                Step::Wait(evaluation) => self = evaluation,
                emit @ Step::Emit(_) => return (Heard::Late, emit),
            }
        }
        self.clock = self.clock.max(at);
        self.evidence.hear(seat, response, self.clock, &self.policy.fields);
        (Heard::New, self.settle())
    }

    /// Plays what is due at `now`, one instant at a time. Early and repeated calls are harmless.
    pub fn on_time(mut self, now: Timestamp) -> Step {
        while self.wake <= now {
            self.clock = self.clock.max(self.wake);
            match self.settle() {
                Step::Wait(evaluation) => self = evaluation,
                emit @ Step::Emit(_) => return emit,
            }
        }
        self.clock = self.clock.max(now);
        Step::Wait(self)
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.wake
    }

    /// Plays every clause that has an opinion now, until one waits or decides.
    fn settle(mut self) -> Step {
        let since = self.clock.since(self.evidence.born);
        loop {
            let rung = self.policy.rung(self.rung);
            let end = rung.until.min(self.cap);
            let refused = match rung.clause.judge(&self.evidence, since) {
                Judgement::Accept(choice) => return self.decide(choice, false),
                Judgement::Reject(why) => why,
                Judgement::Wait(wake) if since < end => {
                    self.wake = self.evidence.born.after(wake.map_or(end, |wake| wake.min(end)));
                    return Step::Wait(self);
                }
                Judgement::Wait(_) => match rung.clause.conclude(&self.evidence) {
                    Ok(choice) => return self.decide(choice, true),
                    Err(why) => why,
                },
            };
            self.refused.push(refused);
            self.rung += 1;
        }
    }

    fn decide(self, choice: Choice, ended: bool) -> Step {
        let decided_by = self.policy.rung(self.rung).clause.kind();
        let reason = match decided_by {
            DecidedBy::Default => self.why_default(),
            _ if self.evidence.outstanding() == 0 => Reason::AllAnswered,
            _ if ended || choice.impatient => Reason::Deadline,
            _ => Reason::Early,
        };
        let (completeness, answer) = (self.completeness(), choice.answer);
        let fallback = (decided_by == DecidedBy::Default).then_some(Fallen::Constant);
        let ruling = Ruling { decided_by, completeness, reason, answer, at: self.clock, fallback };
        let tried = self.refused.into_iter().chain([choice.why]).enumerate();
        let clauses =
            tried.map(|(index, why)| self.policy.rung(index).note(why, index == self.rung, self.cap)).collect();
        Step::Emit(Box::new(ruling.explained(&self.evidence, &self.policy.fields, choice.seats, clauses)))
    }

    fn completeness(&self) -> Completeness {
        let candidates = self.evidence.candidates().count();
        match self.evidence.usable().count() {
            0 => Completeness::None,
            usable if usable == candidates => Completeness::Full,
            _ => Completeness::Partial,
        }
    }

    /// Nobody alive, then disagreement, then silence: the most telling reason first.
    fn why_default(&self) -> Reason {
        let mut said = self.evidence.candidates().map(|(_, said)| said).peekable();
        let anybody = said.peek().is_some();
        let failed =
            |said: Option<&crate::evidence::Said>| said.is_some_and(|said| matches!(said.speech, Speech::Failed(_)));
        let (waiting, silent) = (self.evidence.outstanding() > 0, self.evidence.usable().next().is_none());
        if anybody && said.all(failed) {
            Reason::AllFailed
        } else if self.refused.iter().any(|why| matches!(why, Why::Dispute { .. })) {
            Reason::Dispute
        } else if self.refused.iter().any(|why| matches!(why, Why::TooFew { .. })) || (silent && !waiting) {
            Reason::TooFew
        } else if waiting {
            Reason::Deadline
        } else {
            Reason::AllAnswered
        }
    }
}

#[cfg(test)]
mod tests;
