//! One request under one policy: the state machine that ends in exactly one verdict.
//!
//! Laws, each tested by name:
//! - *One verdict*: every request gets exactly one, whatever the order of responses, duplicates and timers.
//! - *Time first*: at equal instants the deadline precedes the response.
//! - *Punctuality is not correctness*: a timer that fires late changes when we answer, never what.
//! - *No idle waiting*: once everyone has answered, the remaining clauses are played at once.
//! - *An open breaker is a failure at birth*: the verdict is the one that this failure would have brought.
//! - *Silence is a verdict*: the default, never an error, never a missing result.
//!
//! It deliberately does not know about logs, partitions, offsets or who writes the result.

use std::{sync::Arc, time::Duration};

use wire::{Budget, Plan, Response, Timestamp};

use crate::{
    Circumstances, Completeness, DecidedBy, LastKnown, Policy, Reason, Verdict,
    clause::{Choice, Clause, Judgement, Moment, Why},
    evidence::{Evidence, Seats},
    verdict::{ClauseNote, Ruling},
};

/// One request that is not decided yet. Whoever holds a verdict holds nothing that could emit another.
#[derive(Debug)]
pub struct Evaluation {
    policy: Arc<Policy>,
    evidence: Evidence,
    /// What its policy had to know besides, when it was opened; most policies need nothing.
    known: Option<Box<Known>>,
    /// Why the clauses above the one that is tried did not decide: as many as there are above it.
    refused: Vec<Why>,
    /// For whom some clause waited until its end, or until patience with it ended.
    awaited: Seats,
    /// How many responses that clause has refused one by one.
    heard_out: u8,
    /// No clause lasts longer than until then: the request's deadline, less the way back.
    cap: Timestamp,
    /// What has been played so far; never goes back.
    clock: Timestamp,
    /// The next instant at which something is due.
    wake: Timestamp,
}

/// What is taken down when a request is opened.
#[derive(Debug)]
struct Known {
    lookups: Vec<Duration>,
    last: Option<LastKnown>,
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
    /// Of somebody whose breaker was open when the request was opened: a sign of life, and no vote.
    Unawaited,
    /// Time decided before it was heard: the verdict that comes with it does not know it.
    Late,
}

// A million requests of four executors may be open: at most 512 bytes each, beside what was answered.
const _: () = assert!(size_of::<Evaluation>() + 4 * Evaluation::VOICE_BYTES <= 512);

// === impl Step ===

impl Step {
    /// Hears what was `said`, in the order in which it counts, and lets time run out if nobody is left who could decide.
    pub fn finish<'said>(mut self, said: impl IntoIterator<Item = (&'said Response, Timestamp)>) -> Verdict {
        let mut said = said.into_iter();
        loop {
            self = match self {
                Self::Emit(verdict) => return *verdict,
                Self::Wait(evaluation) => {
                    if let Some((response, at)) = said.next() {
                        evaluation.observe(response, at).1
                    } else {
                        let due = evaluation.deadline();
                        evaluation.on_time(due)
                    }
                }
            }
        }
    }
}

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
        let mut evidence = Evidence::new(policy.roster(plan), born);
        evidence.strike(&circumstances.open_breakers);
        let known = Known::of(&policy, &evidence, circumstances);
        let cap = born.after(budget.saturating_sub(lead.min(budget / 2)));
        let (refused, awaited) = (Vec::new(), Seats::NONE);
        Self { policy, evidence, known, refused, awaited, heard_out: 0, cap, clock: born, wake: born }.settled()
    }

    /// Returns the default for a request that is not evaluated at all: stale on arrival, or shed at `at`.
    #[must_use]
    pub fn refuse(
        policy: &Policy,
        plan: &Plan,
        born: Timestamp,
        reason: Reason,
        at: Timestamp,
        circumstances: &Circumstances,
    ) -> Verdict {
        let mut evidence = Evidence::new(policy.roster(plan), born);
        let choice = policy.fallback().say(circumstances.last_known.as_ref(), at);
        let (decided_by, completeness) = (DecidedBy::Default, Completeness::None);
        Ruling { decided_by, completeness, reason, choice, at, in_vain: Seats::NONE }.explained(
            &mut evidence,
            &policy.fields,
            Vec::new(),
        )
    }

    /// Hears a response that the log took in at `at`. Clauses that ended by then are played first.
    pub fn observe(mut self, response: &Response, at: Timestamp) -> (Heard, Step) {
        let Some(seat) = self.evidence.roster.seat(&response.executor) else {
            return (Heard::Uninvited, self.on_time(at));
        };
        if self.evidence.is_struck(seat) {
            return (Heard::Unawaited, self.on_time(at));
        }
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
        // What a canary says is recorded, and no clause looks at it.
        let step = if self.evidence.is_candidate(seat) { self.settled() } else { Step::Wait(self) };
        (Heard::New, step)
    }

    /// Plays what is due at `now`, one instant at a time. Early and repeated calls are harmless.
    pub fn on_time(mut self, now: Timestamp) -> Step {
        while self.wake <= now {
            self.clock = self.clock.max(self.wake);
            if let Some(verdict) = self.settle() {
                return Step::Emit(verdict);
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

    fn settled(mut self) -> Step {
        self.settle().map_or_else(|| Step::Wait(self), Step::Emit)
    }

    /// Plays every clause that has an opinion now, until one waits or decides.
    fn settle(&mut self) -> Option<Box<Verdict>> {
        loop {
            let rung = self.refused.len();
            let (moment, end) = self.moment(rung);
            let clause = &self.policy.rung(rung).clause;
            let refused = match clause.judge(&moment) {
                Judgement::Accept(choice) => return Some(self.decide(choice, false)),
                Judgement::Reject(why) => why,
                Judgement::Wait(wake) if moment.since < end => {
                    self.wake = self.evidence.born.after(wake.map_or(end, |wake| wake.min(end)));
                    self.heard_out = self.evidence.heard();
                    return None;
                }
                Judgement::Wait(_) => {
                    let (awaited, conclusion) = (clause.awaits(&moment), clause.conclude(&moment));
                    self.awaited = self.awaited.union(awaited);
                    match conclusion {
                        Ok(choice) => return Some(self.decide(choice, true)),
                        Err(why) => why,
                    }
                }
            };
            self.refuse_by(refused);
        }
    }

    /// Goes on to the next clause.
    fn refuse_by(&mut self, why: Why) {
        if self.refused.is_empty() {
            self.refused.reserve_exact(self.policy.ladder.len());
        }
        self.refused.push(why);
        self.heard_out = 0;
    }

    /// Returns what the clause at `rung` judges now, and when it ends.
    fn moment(&self, rung: usize) -> (Moment<'_>, Duration) {
        let cap = self.cap.since(self.evidence.born);
        let moment = Moment {
            evidence: &self.evidence,
            seating: self.evidence.roster.seating(rung),
            lookups: self.known.as_ref().map_or(&[], |known| &known.lookups),
            known: self.known.as_ref().and_then(|known| known.last.as_ref()),
            since: self.clock.since(self.evidence.born),
            heard_out: self.heard_out,
        };
        (moment, self.policy.end(rung, cap, &self.evidence))
    }

    fn decide(&mut self, choice: Choice, ended: bool) -> Box<Verdict> {
        let decided_by = self.policy.rung(self.refused.len()).clause.kind();
        let reason = match decided_by {
            DecidedBy::Default => self.why_default(),
            _ if self.evidence.pending().is_empty() => Reason::AllAnswered,
            _ if ended || !choice.impatient.is_empty() => Reason::Deadline,
            _ => Reason::Early,
        };
        let completeness = self.completeness();
        let decided = self.refused.len();
        let tried = std::mem::take(&mut self.refused).into_iter().chain([choice.why.clone()]).enumerate();
        let clauses = tried.map(|(rung, why)| self.note(rung, rung == decided, why)).collect();
        let in_vain = self.awaited.union(choice.impatient);
        let ruling = Ruling { decided_by, completeness, reason, choice, at: self.clock, in_vain };
        Box::new(ruling.explained(&mut self.evidence, &self.policy.fields, clauses))
    }

    /// Says how the clause at `index` fared.
    fn note(&self, index: usize, decided: bool, why: Why) -> ClauseNote {
        let (rung, cap) = (self.policy.rung(index), self.cap.since(self.evidence.born));
        let (until, end) = (rung.until.min(cap), self.policy.end(index, cap, &self.evidence));
        let extra_until = (end < until).then_some(end);
        let patience = match &rung.clause {
            Clause::Prefer(prefer) => prefer.patience_at(&self.moment(index).0),
            _ => Vec::new(),
        };
        ClauseNote { kind: rung.clause.kind(), until, extra_until, decided, why, patience }
    }

    fn completeness(&self) -> Completeness {
        let usable = self.evidence.usable();
        if usable.is_empty() {
            Completeness::None
        } else if usable == self.evidence.roster.candidates() {
            Completeness::Full
        } else {
            Completeness::Partial
        }
    }

    /// Nobody alive, then disagreement, then silence: the most telling reason first.
    fn why_default(&self) -> Reason {
        let (waiting, silent) = (!self.evidence.pending().is_empty(), self.evidence.usable().is_empty());
        if self.evidence.all_failed() {
            Reason::AllFailed
        } else if self.refused.iter().any(Why::is_dispute) {
            Reason::Dispute
        } else if self.refused.iter().any(Why::is_too_few) || (silent && !waiting) {
            Reason::TooFew
        } else if waiting {
            Reason::Deadline
        } else {
            Reason::AllAnswered
        }
    }
}

// === impl Known ===

impl Known {
    /// Looks up what the policy may ask for, if it may ask for anything.
    fn of(policy: &Policy, evidence: &Evidence, circumstances: &Circumstances) -> Option<Box<Self>> {
        let last = circumstances.last_known.as_ref().filter(|_| policy.asks_for_last_known()).cloned();
        let lookups = policy.look_up(evidence, &circumstances.latencies);
        (last.is_some() || !lookups.is_empty()).then(|| Box::new(Self { lookups, last }))
    }
}

#[cfg(test)]
mod tests;
