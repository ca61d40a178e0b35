//! The breakers of all executors that the versions in use may wait for, in one partition.
//!
//! Pure. Law: who is waited for is decided once, when a request is opened, and stands in its receipt.
//! Each partition has its own: all of its requests are answered by the same process of an executor, so when one of
//! several processes dies, those are waited for no more whom it left alone, and the others are as before.

use std::collections::VecDeque;

use policies::{Definition, ExecutorSpec, Verdict, Versions};
use wire::{ExecutorId, FailureKind, Plan, Reply, Response, Timestamp};

use crate::breaker::{Breaker, Standing, Tally};

/// So many transitions are kept for whoever tells them; older ones are not told.
const TRANSITIONS_MAX: usize = 64;

/// A breaker for each executor.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    executors: Vec<Kept>,
    /// How many are not closed: of most requests nobody need be asked.
    broken: usize,
    transitions: VecDeque<Transition>,
    seed: u64,
}

#[derive(Debug)]
struct Kept {
    executor: ExecutorId,
    /// An answer so many microseconds after birth is of no use to anybody.
    budget: i64,
    breaker: Breaker,
}

/// A breaker that stands otherwise than before.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    /// Whose.
    pub(crate) executor: ExecutorId,
    /// As what it stands now.
    pub(crate) to: Standing,
    /// What was counted until then.
    pub(crate) tally: Tally,
}

// === impl Breakers ===

impl Breakers {
    /// Makes pauses other than those of whoever has another seed; to be called first.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Keeps those of the executors of the versions that are live or on trial; one that opens otherwise begins anew.
    pub(crate) fn on_versions(&mut self, versions: &Versions) {
        let budget = versions.in_use().map(|definition| definition.budget.as_micros()).max().unwrap_or_default();
        let budget = i64::try_from(budget).unwrap_or(i64::MAX);
        let mut before = std::mem::take(&mut self.executors);
        for spec in versions.in_use().flat_map(|definition| &definition.executors) {
            self.keep(spec, budget, &mut before);
        }
        self.count();
    }

    fn keep(&mut self, spec: &ExecutorSpec, budget: i64, before: &mut Vec<Kept>) {
        let Some(opens) = spec.breaker else { return };
        if self.executors.iter().any(|kept| kept.executor == spec.id) {
            return;
        }
        let known = before.iter().position(|kept| kept.executor == spec.id && *kept.breaker.spec() == opens);
        let known = known.map(|index| before.swap_remove(index).breaker);
        let breaker = known.unwrap_or_else(|| Breaker::new(opens, self.seed));
        self.executors.push(Kept { executor: spec.id.clone(), budget, breaker });
    }

    /// Returns who of `plan` is not waited for by a request that is opened now under `definition`.
    pub(crate) fn open(&mut self, plan: &Plan, definition: &Definition, born: Timestamp) -> Vec<ExecutorId> {
        if self.broken == 0 {
            return Vec::new();
        }
        let mut open = Vec::new();
        for index in 0..self.executors.len() {
            let kept = &self.executors[index];
            let has_breaker = |spec: &ExecutorSpec| spec.id == kept.executor && spec.breaker.is_some();
            if kept.breaker.standing() != Standing::Closed
                && plan.find(&kept.executor).is_some()
                && definition.executors.iter().any(has_breaker)
                && !self.tell(index, |breaker| breaker.awaits(born))
            {
                open.push(self.executors[index].executor.clone());
            }
        }
        open
    }

    /// Takes note of a response before the verdict, which the log took in at `appended`, to a request born at `born`.
    pub(crate) fn on_response(&mut self, response: &Response, born: Timestamp, appended: Timestamp, now: Timestamp) {
        if is_good(&response.reply) {
            return self.on_late(response, born, appended, now);
        }
        if let Some(index) = self.place(&response.executor) {
            self.tell(index, |breaker| breaker.on_bad(born, now));
        }
    }

    /// Takes note of a response after the verdict. Whoever failed then was not needed, or was awaited in vain: that was
    /// counted with the verdict.
    pub(crate) fn on_late(&mut self, response: &Response, born: Timestamp, appended: Timestamp, now: Timestamp) {
        let after = appended.as_micros().saturating_sub(born.as_micros());
        if is_good(&response.reply)
            && let Some(index) = self.place(&response.executor)
            && after < self.executors[index].budget
        {
            self.on_good(index, now);
        }
    }

    /// Takes note of a verdict: whoever said nothing though a clause waited for it to its end, was awaited in vain.
    pub(crate) fn on_verdict(&mut self, verdict: &Verdict, born: Timestamp, now: Timestamp) {
        for entry in verdict.receipt.entries.iter().filter(|entry| entry.in_vain) {
            if let Some(index) = self.place(&entry.executor) {
                self.tell(index, |breaker| breaker.on_bad(born, now));
            }
        }
    }

    /// Returns how each stands.
    pub(crate) fn standings(&self) -> impl Iterator<Item = (&ExecutorId, Standing)> {
        self.executors.iter().map(|kept| (&kept.executor, kept.breaker.standing()))
    }

    /// Returns the next transition that was not told yet.
    pub(crate) fn poll_transition(&mut self) -> Option<Transition> {
        self.transitions.pop_front()
    }

    fn place(&self, executor: &ExecutorId) -> Option<usize> {
        self.executors.iter().position(|kept| kept.executor == *executor)
    }

    /// Nearly every response of nearly every executor comes here, and finds it closed.
    fn on_good(&mut self, index: usize, now: Timestamp) {
        if self.broken == 0 {
            self.executors[index].breaker.on_good(now);
        } else {
            self.tell(index, |breaker| breaker.on_good(now));
        }
    }

    /// Tells a breaker something, and keeps note if it stands otherwise then.
    fn tell<T>(&mut self, index: usize, event: impl FnOnce(&mut Breaker) -> T) -> T {
        let Kept { executor, breaker, .. } = &mut self.executors[index];
        let (before, tally) = (breaker.standing(), breaker.tally());
        let told = event(breaker);
        let to = breaker.standing();
        if to != before {
            let tally = if to == Standing::Open { breaker.tally() } else { tally };
            let transition = Transition { executor: executor.clone(), to, tally };
            self.transitions.push_back(transition);
            if self.transitions.len() > TRANSITIONS_MAX {
                self.transitions.pop_front();
            }
            self.count();
        }
        told
    }

    fn count(&mut self) {
        self.broken = self.standings().filter(|(_, standing)| *standing != Standing::Closed).count();
    }
}

/// Whether it shows that an executor is alive: whoever chose not to answer is.
fn is_good(reply: &Reply) -> bool {
    match reply {
        Reply::Answer(_) => true,
        Reply::Failure(failure) => match failure.kind {
            FailureKind::Abstained => true,
            FailureKind::Failed | FailureKind::Expired | FailureKind::Overloaded => false,
        },
    }
}

#[cfg(test)]
mod tests;
