//! What one executor did for the requests of some time.
//!
//! Law: of each request that was decided, each executor that was asked is counted once by how far it was: `heard`, `failed`,
//! `abstained`, `spared`, `struck` or `pending`; what comes of a pending one later is `late`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
    time::Duration,
};

use policies::{ReceiptEntry, ReceiptState};
use serde::{Deserialize, Serialize};
use wire::{FailureKind, Reply, Response, Role};

use crate::Times;

/// Counts of one executor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Executor {
    /// Whether it is only compared.
    pub canary: bool,
    /// The models that answered; of more than eight those whose names come first.
    pub models: BTreeSet<String>,
    /// Answers, in time or not, from the request's birth to the answer in the log.
    pub answers: Times,
    /// How long their requests waited in the executor.
    pub queued: Times,
    /// How long the work on them took.
    pub computed: Times,
    /// Answers that were there when the verdict fell.
    pub heard: u64,
    /// Those that a result was made of.
    pub useful: u64,
    /// Answers that came after the verdict.
    pub late: u64,
    /// Failures by their kind, in time or not.
    pub failed: BTreeMap<Failed, u64>,
    /// Answers that could not be chosen, or that it chose not to give.
    pub abstained: u64,
    /// Requests that were decided before it might start.
    pub spared: u64,
    /// Requests for which it was not waited, because its breaker was open.
    pub struck: u64,
    /// Requests that were decided before anything was heard of it.
    pub pending: u64,
    /// Work on answers that results were made of, in microseconds.
    pub useful_us: u64,
    /// Work of a candidate that no result was made of.
    pub wasted_us: u64,
    /// Work of a canary.
    pub compared_us: u64,
}

/// The kinds of failure that are none of its own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    /// The model or its server raised an error.
    Failed,
    /// The deadline left no time for the work.
    Expired,
    /// Its queue was full.
    Overloaded,
}

/// A server may call its model otherwise in each answer.
const MODELS_MAX: usize = 8;

// === impl Executor ===

impl Executor {
    /// Counts what was known of it when a verdict fell `after` its request's birth.
    pub(crate) fn on_verdict(&mut self, entry: &ReceiptEntry, is_used: bool, after: Duration) {
        self.canary = entry.role == Role::Canary;
        match entry.state {
            ReceiptState::Answered => {
                self.heard += 1;
                self.useful += u64::from(is_used);
                self.on_answer(entry.after.unwrap_or_default(), entry.queued, entry.scored);
            }
            ReceiptState::Abstained => self.abstained += 1,
            ReceiptState::Failed => self.on_failure(entry.failed.unwrap_or(FailureKind::Failed)),
            ReceiptState::BreakerOpen => self.struck += 1,
            ReceiptState::Pending if entry.starts > after => self.spared += 1,
            ReceiptState::Pending => self.pending += 1,
        }
        if let Some(model) = &entry.model {
            self.on_model(model.as_str());
        }
        self.on_work(entry.scored, is_used);
    }

    /// Counts a response that the log took in so long `after` its request's birth, and after the verdict.
    pub(crate) fn on_late(&mut self, response: &Response, after: Option<Duration>, is_canary: bool) {
        self.canary = is_canary;
        match &response.reply {
            Reply::Answer(_) => {
                self.late += 1;
                if let Some(after) = after {
                    self.on_answer(after, response.queued, response.scored);
                }
            }
            Reply::Failure(failure) => self.on_failure(failure.kind),
        }
        self.on_work(response.scored, false);
    }

    /// Makes it rougher, for where there are many of it.
    pub(crate) fn roughen(&mut self) {
        for times in [&mut self.answers, &mut self.queued, &mut self.computed] {
            *times = times.rougher();
        }
    }

    /// Returns how many failures there were.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    fn on_answer(&mut self, after: Duration, queued: Duration, computed: Duration) {
        self.answers.add(after);
        self.queued.add(queued);
        self.computed.add(computed);
    }

    fn on_failure(&mut self, kind: FailureKind) {
        match Failed::of(kind) {
            Some(kind) => *self.failed.entry(kind).or_default() += 1,
            None => self.abstained += 1,
        }
    }

    fn on_model(&mut self, model: &str) {
        if !self.models.contains(model) {
            self.models.insert(model.to_owned());
            self.bound_models();
        }
    }

    fn bound_models(&mut self) {
        while self.models.len() > MODELS_MAX {
            self.models.pop_last();
        }
    }

    fn on_work(&mut self, took: Duration, is_used: bool) {
        let spent = match (self.canary, is_used) {
            (true, _) => &mut self.compared_us,
            (false, true) => &mut self.useful_us,
            (false, false) => &mut self.wasted_us,
        };
        *spent += micros(took);
    }
}

// === impl Failed ===

impl Failed {
    /// Returns what a failure is counted as; `None` if it was chosen.
    pub(crate) fn of(kind: FailureKind) -> Option<Self> {
        match kind {
            FailureKind::Abstained => None,
            FailureKind::Failed => Some(Self::Failed),
            FailureKind::Expired => Some(Self::Expired),
            FailureKind::Overloaded => Some(Self::Overloaded),
        }
    }
}

impl Default for Executor {
    fn default() -> Self {
        Self {
            canary: false,
            models: BTreeSet::new(),
            answers: Times::rough(),
            queued: Times::rough().rougher(),
            computed: Times::rough().rougher(),
            heard: 0,
            useful: 0,
            late: 0,
            failed: BTreeMap::new(),
            abstained: 0,
            spared: 0,
            struck: 0,
            pending: 0,
            useful_us: 0,
            wasted_us: 0,
            compared_us: 0,
        }
    }
}

impl AddAssign<&Self> for Executor {
    fn add_assign(&mut self, other: &Self) {
        self.answers += &other.answers;
        self.queued += &other.queued;
        self.computed += &other.computed;
        self.add_counts(other);
    }
}

impl Executor {
    /// Returns the sum of `all`.
    pub(crate) fn total(all: &[&Self]) -> Self {
        let mut total = Self {
            answers: Times::total(all.iter().map(|one| &one.answers)),
            queued: Times::total(all.iter().map(|one| &one.queued)),
            computed: Times::total(all.iter().map(|one| &one.computed)),
            ..Self::default()
        };
        for one in all {
            total.add_counts(one);
        }
        total
    }

    /// Adds all but the times.
    fn add_counts(&mut self, other: &Self) {
        self.canary |= other.canary;
        other.models.iter().for_each(|model| self.on_model(model));
        self.heard += other.heard;
        self.useful += other.useful;
        self.late += other.late;
        for (kind, count) in &other.failed {
            *self.failed.entry(*kind).or_default() += count;
        }
        self.abstained += other.abstained;
        self.spared += other.spared;
        self.struck += other.struck;
        self.pending += other.pending;
        self.useful_us += other.useful_us;
        self.wasted_us += other.wasted_us;
        self.compared_us += other.compared_us;
    }
}

pub(crate) fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
