//! The policy as meant: a ladder of clauses that ends in a total one.
//!
//! Law: whatever is heard or not heard, some clause of the ladder decides, because the last is a default.
//! It deliberately does not know how it was written (`document`) nor about any single request (`evaluation`).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use wire::{Budget, Plan};

use crate::{
    ExecutorSpec, Latencies,
    clause::{Clause, Fallback, Seating},
    evidence::{Cast, Evidence, Fields, Roster, canonical_eq},
};

/// A checked policy. Immutable, shared by every request that it decides about.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) budget: Budget,
    pub(crate) ladder: Vec<Rung>,
    pub(crate) fallback: Bytes,
    pub(crate) fields: Fields,
    pub(crate) cast: Arc<Cast>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) has_extra_wait: bool,
    pub(crate) last_roster: LastRoster,
}

/// The roster of the plan that was asked for last, of those that are not the policy's own: where starts follow latencies,
/// the requests of some seconds share one.
#[derive(Debug, Default)]
pub(crate) struct LastRoster(Mutex<Option<Arc<Roster>>>);

/// One clause, and until when it is tried.
#[derive(Clone, Debug)]
pub(crate) struct Rung {
    pub(crate) clause: Clause,
    /// Since the request's birth.
    pub(crate) until: Duration,
    /// How much longer than the first usable answer took, at most.
    pub(crate) extra_wait: Option<ExtraWait>,
}

/// How long a clause goes on after the first usable answer: so much of the time that this answer took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ExtraWait {
    /// In thousandths of the first answer's time; 0 leaves `min`.
    pub(crate) thousandths: u32,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

// === impl Policy ===

impl Policy {
    /// Puts a checked ladder together, about those of `executors` that `plan` asks. A ladder that ends in `first` gets an empty object as its default, for the
    /// request that nobody answers.
    pub(crate) fn new(
        budget: Budget,
        executors: &[ExecutorSpec],
        plan: &Plan,
        mut fields: Fields,
        mut ladder: Vec<Rung>,
    ) -> Self {
        let fallback = match ladder.last() {
            Some(Rung { clause: Clause::Default(fallback), .. }) => fallback.constant().clone(),
            _ => Bytes::from_static(b"{}"),
        };
        if !matches!(ladder.last(), Some(Rung { clause: Clause::Default(_), .. })) {
            let clause = Clause::Default(Fallback::Constant(fallback.clone()));
            ladder.push(Rung { clause, until: budget.as_duration(), extra_wait: None });
        }
        let cast = Arc::new(Cast::of(executors));
        let roster = Arc::new(Roster::of(plan, &cast, ladder.iter().map(|rung| &rung.clause)));
        let has_extra_wait = ladder.iter().any(|rung| rung.extra_wait.is_some());
        for compared in ladder.iter().flat_map(|rung| rung.clause.compared_as_written()) {
            fields.keep_text(compared);
        }
        let last_roster = LastRoster::default();
        Self { budget, ladder, fallback, fields, cast, roster, has_extra_wait, last_roster }
    }

    /// Returns how long an answer may take, unless the request asks for less.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Returns the answer for when no model's is acceptable in time and nothing is known of the key: one JSON object.
    #[must_use]
    pub fn default_answer(&self) -> &Bytes {
        &self.fallback
    }

    /// Returns how old a prediction about the same key may be, if this policy falls back to the last known one.
    #[must_use]
    pub fn last_known_age(&self) -> Option<Duration> {
        self.ladder.iter().find_map(|rung| match &rung.clause {
            Clause::Default(Fallback::LastKnown { max_age, .. }) => Some(*max_age),
            _ => None,
        })
    }

    /// Returns what an answer says where the policy's `answer: { value }` points; `None` if it says nothing there.
    #[must_use]
    pub fn value_of(&self, answer: &[u8]) -> Option<Value> {
        let facts = self.fields.read(answer).ok()?;
        self.fields.value()?.of(&facts).cloned()
    }

    /// Returns what an answer says that this policy compares: the value, where the policy says where it is, and
    /// otherwise all of it. `None` if it is not there, or no JSON object.
    #[must_use]
    pub fn answer_proper(&self, answer: &[u8]) -> Option<Value> {
        if self.fields.value().is_some() {
            return self.value_of(answer);
        }
        serde_json::from_slice(answer).ok().filter(Value::is_object)
    }

    /// Returns the confidence that an answer states, where the policy says where it is.
    #[must_use]
    pub fn confidence_of(&self, answer: &[u8]) -> Option<f64> {
        let field = self.fields.confidence()?;
        field.number(&self.fields.read(answer).ok()?)
    }

    /// Returns whether two answers are the same to this policy: in their values, or altogether where one has none.
    #[must_use]
    pub fn same_answer(&self, left: &Value, right: &Value) -> bool {
        let value = |answer: &Value| self.value_of(answer.to_string().as_bytes());
        match (value(left), value(right)) {
            (Some(left), Some(right)) => canonical_eq(&left, &right),
            _ => canonical_eq(left, right),
        }
    }

    /// Returns the same policy with `more` time: its budget, each clause and each patience last as much longer.
    pub(crate) fn prolonged(&self, more: Duration) -> Self {
        let mut longer = self.clone();
        let micros = u64::try_from(more.as_micros()).unwrap_or(u64::MAX);
        longer.budget = Budget::from_micros(self.budget.as_micros().saturating_add(micros));
        for rung in &mut longer.ladder {
            rung.until = rung.until.saturating_add(more);
            rung.clause.prolong(more);
        }
        longer
    }

    /// Returns it with `less` time: its budget, each clause and each patience end so much earlier, or at once.
    pub(crate) fn shortened(&self, less: Duration) -> Self {
        let mut shorter = self.clone();
        let micros = u64::try_from(less.as_micros()).unwrap_or(u64::MAX);
        shorter.budget = Budget::from_micros(self.budget.as_micros().saturating_sub(micros));
        for rung in &mut shorter.ladder {
            rung.until = rung.until.saturating_sub(less);
            rung.clause.shorten(less);
        }
        shorter
    }

    /// Returns the clause at `index`; the last one stands for everything behind it.
    pub(crate) fn rung(&self, index: usize) -> &Rung {
        self.ladder.get(index).or(self.ladder.last()).expect("a ladder ends in a default")
    }

    /// Returns what the ladder ends with.
    pub(crate) fn fallback(&self) -> &Fallback {
        let last = self.ladder.iter().rev().find_map(|rung| match &rung.clause {
            Clause::Default(fallback) => Some(fallback),
            _ => None,
        });
        last.expect("a ladder ends in a default")
    }

    /// Returns when the clause at `index` ends, since birth, no clause lasting longer than `cap`. It never ends before
    /// the one above: otherwise it would depend on whether that one was given up early what this one gets to hear.
    pub(crate) fn end(&self, index: usize, cap: Duration, evidence: &Evidence) -> Duration {
        let own = self.rung(index).until.min(cap);
        let first = if self.has_extra_wait { evidence.first_usable() } else { None };
        let Some(first) = first else { return own };
        let ends = self.ladder.iter().take(index + 1).map(|rung| rung.end(first).min(cap));
        ends.max().unwrap_or(own)
    }

    /// Returns whether a request can fall back to what was said last about its key.
    pub(crate) fn asks_for_last_known(&self) -> bool {
        matches!(self.fallback(), Fallback::LastKnown { .. })
    }

    /// Looks up every patience that depends on how long executors usually take.
    pub(crate) fn look_up(&self, evidence: &Evidence, latencies: &Latencies) -> Vec<Duration> {
        if evidence.roster.lookups == 0 {
            return Vec::new();
        }
        let of = |(index, rung): (usize, &Rung)| match (&rung.clause, evidence.roster.seating(index)) {
            (Clause::Prefer(prefer), Seating::Ranks(ranks)) => prefer.look_up(ranks, evidence, latencies),
            _ => Vec::new(),
        };
        self.ladder.iter().enumerate().flat_map(of).collect()
    }

    /// Returns who may speak under `plan`: shared where the plan is the policy's own, which is nearly always, or the one
    /// that was asked for before.
    pub(crate) fn roster(&self, plan: &Plan) -> Arc<Roster> {
        if self.roster.is_of(plan) {
            return Arc::clone(&self.roster);
        }
        let mut last = self.last_roster.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roster) = last.as_ref().filter(|roster| roster.is_of(plan)) {
            return Arc::clone(roster);
        }
        let roster = Arc::new(Roster::of(plan, &self.cast, self.ladder.iter().map(|rung| &rung.clause)));
        *last = Some(Arc::clone(&roster));
        roster
    }
}

// === impl LastRoster ===

impl Clone for LastRoster {
    /// A policy that is changed after it was copied seats others.
    fn clone(&self) -> Self {
        Self::default()
    }
}

// === impl Rung ===

impl Rung {
    /// Returns when it ends if the first usable answer took `first`.
    fn end(&self, first: Duration) -> Duration {
        self.extra_wait.map_or(self.until, |extra| self.until.min(first.saturating_add(extra.after(first))))
    }
}

// === impl ExtraWait ===

impl ExtraWait {
    /// Returns how much longer after a first answer that took `first`. At least a moment: what comes at the same instant
    /// is heard, whichever of the two comes first.
    fn after(self, first: Duration) -> Duration {
        let micros = first.as_micros() * u128::from(self.thousandths) / 1_000;
        let share = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        share.max(self.min).min(self.max).max(Duration::from_micros(1))
    }
}
