//! Everything that is counted of the requests of some time: it adds up, over time, partitions and processes.
//!
//! Law: sums of parts, in any order, are the sum of the whole; so is what stands in the log once it is read again.
//! A result and what executors had done by its verdict count when it is read back from the log as valid, other work when it
//! is heard of, uses of models where they were used. How one request is followed from one to the other it deliberately does not know (the collector does).

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use policies::{DecidedBy, Reason, Verdict};
use serde::{Deserialize, Serialize};
use wire::{Response, ResultKind, Timestamp};

use crate::{Executor, Passage, Results, Stage, Times, Uses, executor::micros};

/// Counts of some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sum {
    /// Results, by what they are.
    pub results: Results,
    /// Results, by what decided.
    pub decided: Vec<Decided>,
    /// Results that came later than their budget, or that are degraded.
    pub misses: u64,
    /// Where the time of results went.
    pub stages: BTreeMap<Stage, Spent>,
    /// How many results' time is in that. Of many misses at once it is not waited to learn where their time went.
    pub split: u64,
    /// What executors did, by name.
    pub executors: BTreeMap<String, Executor>,
    /// What their models did, by the executor's name, as those tell who run them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<String, Uses>,
}

/// Results that one clause decided for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The clause's place in its ladder, from 1; 0 if none was tried.
    pub clause: usize,
    /// Its kind.
    pub by: DecidedBy,
    /// Why then.
    pub reason: Reason,
    /// How many.
    pub results: u64,
}

/// What a stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Of all results that were split, in microseconds.
    pub took_us: u64,
    /// Misses in which it took longest.
    pub blamed: u64,
}

// === impl Sum ===

impl Sum {
    /// Counts what executors had done when `verdict` fell about a request born at `born`.
    pub fn on_verdict(&mut self, verdict: &Verdict, born: Timestamp) {
        let after = verdict.at.since(born);
        for entry in &verdict.receipt.entries {
            let is_used = verdict.executors.contains(&entry.executor);
            self.executor(entry.executor.as_str()).on_verdict(entry, is_used, after);
        }
    }

    /// Counts a response that the log took in so long `after` its request's birth, if that is known, and after the verdict.
    pub fn on_late(&mut self, response: &Response, after: Option<Duration>, is_canary: bool) {
        self.executor(response.executor.as_str()).on_late(response, after, is_canary);
    }

    /// Counts a result that is in the log so long `after` its request's birth. Returns whether it missed its `budget`.
    pub fn on_result(&mut self, kind: ResultKind, decided: Decided, after: Duration, budget: Duration) -> bool {
        let is_degraded = kind != ResultKind::Prediction;
        let Results { predicted, degraded } = &mut self.results;
        (if is_degraded { degraded } else { predicted }).add(after);
        self.decide(decided);
        let is_missed = is_degraded || after > budget;
        self.misses += u64::from(is_missed);
        is_missed
    }

    /// Counts where the time of a result went.
    pub fn on_passage(&mut self, passage: &Passage, is_missed: bool) {
        let stages = passage.stages();
        for (stage, took) in stages.iter() {
            self.stages.entry(stage).or_default().took_us += micros(took);
        }
        if let Some(stage) = stages.blamed().filter(|_| is_missed) {
            self.stages.entry(stage).or_default().blamed += 1;
        }
        self.split += 1;
    }

    /// Returns it with executors' times in half as many cells: fifty executors for a month are many.
    #[must_use]
    pub(crate) fn rougher(&self) -> Self {
        let mut rougher = self.clone();
        rougher.executors.values_mut().for_each(Executor::roughen);
        rougher.uses.values_mut().for_each(Uses::roughen);
        rougher
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decided.is_empty() && self.executors.is_empty() && self.split == 0 && self.uses.is_empty()
    }

    fn decide(&mut self, decided: Decided) {
        if let Some(have) = self.decided.iter_mut().find(|have| have.is_like(&decided)) {
            have.results += decided.results;
        } else {
            self.decided.push(decided);
            self.decided.sort_by_key(|decided| (decided.clause, decided.by.as_str(), decided.reason.as_str()));
        }
    }

    fn executor(&mut self, name: &str) -> &mut Executor {
        if !self.executors.contains_key(name) {
            self.executors.insert(name.to_owned(), Executor::default());
        }
        self.executors.get_mut(name).expect("it was put there")
    }
}

impl AddAssign<&Self> for Sum {
    fn add_assign(&mut self, other: &Self) {
        self.results += &other.results;
        self.add_counts(other);
        for (name, executor) in &other.executors {
            *self.executor(name) += executor;
        }
    }
}

impl Sum {
    /// Returns the sum of `all`: what adding them one by one gives, sooner if they are many.
    #[must_use]
    pub fn total(all: &[&Self]) -> Self {
        let predicted = Times::total(all.iter().map(|one| &one.results.predicted));
        let degraded = Times::total(all.iter().map(|one| &one.results.degraded));
        let mut total = Self { results: Results { predicted, degraded }, ..Self::default() };
        let mut executors: BTreeMap<&str, Vec<&Executor>> = BTreeMap::new();
        for one in all {
            total.add_counts(one);
            for (name, executor) in &one.executors {
                executors.entry(name).or_default().push(executor);
            }
        }
        total.executors = executors.into_iter().map(|(name, all)| (name.to_owned(), Executor::total(&all))).collect();
        total
    }

    /// Adds all but results' times and executors.
    fn add_counts(&mut self, other: &Self) {
        other.decided.iter().for_each(|decided| self.decide(*decided));
        self.misses += other.misses;
        for (stage, spent) in &other.stages {
            let here = self.stages.entry(*stage).or_default();
            here.took_us += spent.took_us;
            here.blamed += spent.blamed;
        }
        self.split += other.split;
        for (name, uses) in &other.uses {
            *self.uses.entry(name.clone()).or_default() += uses;
        }
    }
}

// === impl Decided ===

impl Decided {
    /// Returns by what one result was decided.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        let (clause, by, reason) = (verdict.receipt.clauses.len(), verdict.decided_by, verdict.reason);
        Self { clause, by, reason, results: 1 }
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.clause, self.by, self.reason) == (other.clause, other.by, other.reason)
    }
}

#[cfg(test)]
mod tests;
