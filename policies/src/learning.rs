//! How often each executor was right, and how much its vote should weigh for that.
//!
//! Laws: whoever answered is judged, chosen or not, late or in time, canaries too; of two that were judged on as many
//! requests the one that was right more often never weighs less; too little evidence moves nothing.
//! It deliberately does not know where records are read (`Recorded`), and changes no policy: what it learns becomes the
//! next version by an ordinary edit, so that every verdict stays replayable from the version that it names.

mod screen;
mod truth;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use wire::{ExecutorId, FailureKind, Reply, Response, Role};

pub use truth::{Mistold, Truths};

use crate::{Definition, ReceiptState, Recorded, evidence::canonical_eq};

/// Judges recorded responses by what turned out to be true.
#[derive(Debug)]
pub struct Learning {
    definition: Arc<Definition>,
    truths: Truths,
    untold: u64,
    records: Vec<(ExecutorId, TrackRecord)>,
}

/// How one executor did, where the truth is known.
#[derive(Debug, Default)]
struct TrackRecord {
    asked: u64,
    judged: u64,
    correct: u64,
    late: u64,
    abstained: u64,
    failed: u64,
    silent: u64,
    models: BTreeSet<String>,
}

/// What was learned. As JSON its fields are documented in `docs/learn.md`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lesson {
    /// The live version, in whose words the truth is told.
    pub policy: String,
    /// Of how many requests the truth was told.
    pub told: u64,
    /// How many of those are not in what was read.
    pub unknown: u64,
    /// How many recorded requests nobody told the truth of.
    pub untold: u64,
    /// Every executor of the live version in its order, then those that are gone.
    pub executors: Vec<Learned>,
    /// What to write under `weights`: the candidates of the live version.
    pub weights: BTreeMap<String, f64>,
    /// What all candidates then weigh together.
    pub total_weight: f64,
}

/// What was learned of one executor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learned {
    /// Which.
    pub name: String,
    /// `candidate`, `canary` or, where the live version has no such executor, `gone`.
    pub role: &'static str,
    /// Of how many requests with a known truth it was asked.
    pub asked: u64,
    /// How many of those it answered: these are judged.
    pub judged: u64,
    /// How many of its answers were right.
    pub correct: u64,
    /// The share of its answers that were right; `None` without any.
    pub accuracy: Option<f64>,
    /// Where that share may truly lie, with 95% confidence.
    pub interval: [f64; 2],
    /// How many of the judged answers came after the verdict.
    pub late: u64,
    /// How often it chose not to answer, or answered without the value.
    pub abstained: u64,
    /// How often it failed, expired or was overloaded.
    pub failed: u64,
    /// How often nothing was heard of it.
    pub silent: u64,
    /// The models that the judged answers are of, of at most 16.
    pub models: Vec<String>,
    /// Whether it was judged often enough for its weight to be learned.
    pub learned: bool,
    /// What its vote should weigh; 1 where that is not learned. For others than candidates: what it would.
    pub weight: f64,
}

/// Whoever was judged less often keeps the weight 1.
const JUDGED_MIN: u64 = 30;
/// Log-odds beyond are taken for these: whoever is nearly always wrong keeps a voice, and nobody outvotes everyone.
const ODDS: (f64, f64) = (0.1, 10.0);
/// Of the normal distribution: 95% lie within so many deviations.
const Z: f64 = 1.959_963_985;
/// So many models of one executor are told apart.
const MODELS_MAX: usize = 16;

// === impl Learning ===

impl Learning {
    /// Begins to judge by `truths`, which were told in the words of `definition`.
    #[must_use]
    pub fn new(definition: Arc<Definition>, truths: Truths) -> Self {
        let records = definition.executors.iter().map(|spec| (spec.id.clone(), TrackRecord::default())).collect();
        Self { definition, truths, untold: 0, records }
    }

    /// Judges everybody who was asked about one request, if the truth about it is known.
    pub fn add(&mut self, recorded: &Recorded) {
        let Some((request, _)) = &recorded.request else { return };
        let Some(truth) = self.truths.meet(request.id) else {
            self.untold += 1;
            return;
        };
        for asked in request.plan.asked() {
            let place = self.records.iter().position(|(id, _)| *id == asked.executor).unwrap_or_else(|| {
                self.records.push((asked.executor.clone(), TrackRecord::default()));
                self.records.len() - 1
            });
            let record = &mut self.records[place].1;
            record.asked += 1;
            // The first response is its vote, and no later one changes it.
            let first = recorded.responses.iter().find(|(response, _)| response.executor == asked.executor);
            let Some((response, _)) = first else {
                record.silent += 1;
                continue;
            };
            let right = match &response.reply {
                Reply::Failure(failure) if failure.kind != FailureKind::Abstained => {
                    record.failed += 1;
                    continue;
                }
                Reply::Failure(_) => None,
                Reply::Answer(answer) => self.definition.policy.value_of(answer).map(|said| canonical_eq(&said, truth)),
            };
            match right {
                Some(right) => record.judge(right, response, was_late(recorded, &asked.executor)),
                None => record.abstained += 1,
            }
        }
    }

    /// Returns what was learned.
    #[must_use]
    pub fn finish(self) -> Lesson {
        let candidates = self.records.iter().filter(|(id, _)| self.role(id) == "candidate");
        let odds = candidates.filter_map(|(_, record)| record.odds());
        let best = odds.fold(None, |best: Option<f64>, odds| Some(best.map_or(odds, |best| best.max(odds))));
        let learned = |(id, record): &(ExecutorId, TrackRecord)| record.learned(id, self.role(id), best);
        let executors: Vec<Learned> = self.records.iter().map(learned).collect();
        let candidates = executors.iter().filter(|executor| executor.role == "candidate");
        let weights: BTreeMap<String, f64> =
            candidates.map(|candidate| (candidate.name.clone(), candidate.weight)).collect();
        Lesson {
            policy: self.definition.policy_ref.to_string(),
            told: self.truths.len(),
            unknown: self.truths.unmet(),
            untold: self.untold,
            total_weight: hundredths(weights.values().sum()),
            weights,
            executors,
        }
    }

    fn role(&self, id: &ExecutorId) -> &'static str {
        let spec = self.definition.executor(id.as_str());
        spec.map_or("gone", |spec| if spec.role == Role::Canary { "canary" } else { "candidate" })
    }
}

fn was_late(recorded: &Recorded, executor: &ExecutorId) -> bool {
    let receipt = recorded.result.iter().flat_map(|given| &given.body.decision.receipt);
    receipt
        .filter(|entry| entry.executor == executor.as_str())
        .any(|entry| matches!(entry.state, ReceiptState::Pending | ReceiptState::BreakerOpen))
}

// === impl TrackRecord ===

impl TrackRecord {
    fn judge(&mut self, right: bool, response: &Response, late: bool) {
        self.judged += 1;
        self.correct += u64::from(right);
        self.late += u64::from(late);
        if self.models.len() < MODELS_MAX && !self.models.contains(response.model.as_str()) {
            self.models.insert(response.model.as_str().to_owned());
        }
    }

    /// The log-odds of being right, the best weight of a vote among independent ones (Nitzan & Paroush 1982); one
    /// answer more of either kind keeps it finite (Laplace). `None` without enough evidence.
    fn odds(&self) -> Option<f64> {
        let odds = (float(self.correct) + 1.0) / (float(self.judged - self.correct) + 1.0);
        (self.judged >= JUDGED_MIN).then(|| libm::log(odds).clamp(ODDS.0, ODDS.1))
    }

    /// Weights are told as shares of the best one's: any common factor means the same to a majority, and as 1 is what
    /// a vote weighs unless the policy says, whoever is not yet known counts like the best and no threshold in
    /// whole votes is reached by fewer voters than before.
    fn learned(&self, id: &ExecutorId, role: &'static str, best: Option<f64>) -> Learned {
        let weight = self.odds().zip(best).map(|(odds, best)| hundredths(odds / best));
        Learned {
            name: id.to_string(),
            role,
            asked: self.asked,
            judged: self.judged,
            correct: self.correct,
            accuracy: (self.judged > 0).then(|| millionths(float(self.correct) / float(self.judged))),
            interval: wilson(self.correct, self.judged),
            late: self.late,
            abstained: self.abstained,
            failed: self.failed,
            silent: self.silent,
            models: self.models.iter().cloned().collect(),
            learned: weight.is_some(),
            weight: weight.unwrap_or(1.0),
        }
    }
}

/// Where the share that `correct` of `all` are seen of may truly lie (Wilson 1927): it stays within 0 and 1, and says
/// something even where all or none were right.
fn wilson(correct: u64, all: u64) -> [f64; 2] {
    if all == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (float(all), float(correct) / float(all));
    let (scale, centre) = (1.0 + Z * Z / n, share + Z * Z / (2.0 * n));
    let half = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n));
    [centre - half, centre + half].map(|end| millionths((end / scale).clamp(0.0, 1.0)))
}

/// More digits than a policy need show; the least weight, 0.1 of 10, is still one of them.
fn hundredths(weight: f64) -> f64 {
    (weight * 100.0).round() / 100.0
}

/// What is beyond is noise, and differs between machines.
fn millionths(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
