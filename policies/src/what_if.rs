//! What another policy would have made of requests that were decided: recorded responses, no model asked again.
//!
//! Laws: what was is what the results say; what would have been is a replay, so it knows nothing of answers that
//! nobody computed, nor of executors that nobody asked: they count as silent, and are named. A request about which
//! a sampled canary was not asked is left out where that canary would have a vote: its silence would be our doing.
//! It deliberately does not know where records are read (`Recorded`).

mod screen;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;
use wire::{ExecutorId, ResultKind, Role};

use crate::{DecidedBy, Definition, Reason, Recorded, Rehearing};

/// Compares what was with what would have been, request by request.
#[derive(Debug)]
pub struct WhatIf {
    definition: Arc<Definition>,
    report: WhatIfReport,
    was: Vec<u64>,
    would: Vec<u64>,
    heard: BTreeSet<ExecutorId>,
}

/// What came of it. As JSON its fields are documented in `docs/what-if.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WhatIfReport {
    /// The rendezvous.
    pub rendezvous: String,
    /// How many requests were decided again.
    pub replayed: u64,
    /// How many would have got another answer.
    pub different: u64,
    /// How many would have been answered earlier by more than a millisecond.
    pub earlier: u64,
    /// How many would have been answered later by more than a millisecond.
    pub later: u64,
    /// How many would have got a default (or an error) where they got a prediction.
    pub default_instead: u64,
    /// How many would have got a prediction where they got a default (or an error).
    pub prediction_instead: u64,
    /// What was.
    pub was: ArmTold,
    /// What would have been.
    pub would: ArmTold,
    /// How many could not be decided again, by why.
    pub left_out: BTreeMap<String, u64>,
    /// Executors that the policy asks and of whom no response was recorded: they count as silent.
    pub silent: Vec<String>,
    /// Some requests that would have got another answer.
    pub examples: Vec<ExampleTold>,
}

/// How one policy did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ArmTold {
    /// How many requests got a default or an error.
    pub defaults: u64,
    /// From birth to verdict, in microseconds: half of them came sooner.
    pub p50_us: u64,
    /// Nine in ten came sooner.
    pub p90_us: u64,
    /// 99 in 100 came sooner.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

/// One request that would have got another answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExampleTold {
    /// Which.
    pub id: String,
    /// What it got.
    pub was: OutcomeTold,
    /// What it would have got.
    pub would: OutcomeTold,
}

/// What a request got, or would have got.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeTold {
    /// The answer.
    pub answer: Value,
    /// The clause kind that decided.
    pub decided_by: DecidedBy,
    /// Why then.
    pub reason: Reason,
    /// From birth to verdict, in microseconds.
    pub elapsed_us: u64,
}

/// So many examples are shown.
const EXAMPLES_MAX: usize = 5;
/// Less is neither earlier nor later.
const NOTICEABLE_US: u64 = 1_000;

// === impl WhatIf ===

impl WhatIf {
    /// Begins to compare with `definition`.
    #[must_use]
    pub fn new(definition: Arc<Definition>) -> Self {
        let report = WhatIfReport { rendezvous: definition.name().to_string(), ..WhatIfReport::default() };
        Self { definition, report, was: Vec::new(), would: Vec::new(), heard: BTreeSet::new() }
    }

    /// Decides one request again. `old` is the version that decided then, if it is known.
    pub fn add(&mut self, recorded: &Recorded, old: Option<&Definition>) {
        let (rehearing, given) = match (Rehearing::of(recorded), &recorded.result) {
            (Ok(rehearing), Some(given)) if !rehearing.was_refused() => (rehearing, given),
            (Ok(_), _) => return self.leave_out("refused before it was evaluated"),
            (Err(why), _) => return self.leave_out(why.kind()),
        };
        if old.is_some_and(|old| self.misses_a_sample(recorded, old)) {
            return self.leave_out("a canary that would have a vote was not asked");
        }
        let verdict = rehearing.under(&self.definition, old);
        self.heard.extend(recorded.responses.iter().map(|(response, _)| response.executor.clone()));
        let was = OutcomeTold {
            answer: given.body.answer.clone(),
            decided_by: given.body.decision.decided_by,
            reason: given.body.decision.reason,
            elapsed_us: given.body.decision.elapsed_us,
        };
        let elapsed = verdict.at.since(rehearing.born()).as_micros();
        let would = OutcomeTold {
            answer: serde_json::from_slice(&verdict.answer).unwrap_or_default(),
            decided_by: verdict.decided_by,
            reason: verdict.reason,
            elapsed_us: u64::try_from(elapsed).unwrap_or(u64::MAX),
        };
        self.count(given.record.kind, verdict.kind(), &was, &would);
        if !self.definition.policy.same_answer(&was.answer, &would.answer) {
            self.report.different += 1;
            if self.report.examples.len() < EXAMPLES_MAX {
                self.report.examples.push(ExampleTold { id: given.record.request.to_string(), was, would });
            }
        }
    }

    /// Returns what came of it.
    #[must_use]
    pub fn finish(mut self) -> WhatIfReport {
        self.report.was.measure(self.was);
        self.report.would.measure(self.would);
        let silent = self.definition.executors.iter().filter(|spec| !self.heard.contains(&spec.id));
        self.report.silent = silent.map(|spec| spec.id.to_string()).collect();
        self.report
    }

    fn count(&mut self, given: ResultKind, now: ResultKind, was: &OutcomeTold, would: &OutcomeTold) {
        let report = &mut self.report;
        let (defaulted, defaults) = (given != ResultKind::Prediction, now != ResultKind::Prediction);
        report.replayed += 1;
        report.was.defaults += u64::from(defaulted);
        report.would.defaults += u64::from(defaults);
        report.default_instead += u64::from(defaults && !defaulted);
        report.prediction_instead += u64::from(defaulted && !defaults);
        report.earlier += u64::from(would.elapsed_us + NOTICEABLE_US < was.elapsed_us);
        report.later += u64::from(was.elapsed_us + NOTICEABLE_US < would.elapsed_us);
        self.was.push(was.elapsed_us);
        self.would.push(would.elapsed_us);
    }

    /// Returns whether somebody who would have a vote was a canary then, and not asked because of its sample.
    fn misses_a_sample(&self, recorded: &Recorded, old: &Definition) -> bool {
        let Some((request, _)) = &recorded.request else { return false };
        let has_a_vote =
            |id: &ExecutorId| self.definition.executor(id.as_str()).is_some_and(|spec| spec.role == Role::Candidate);
        let mut sampled =
            old.executors.iter().filter(|spec| spec.canary.as_ref().is_some_and(|it| it.sample.is_some()));
        sampled.any(|spec| request.plan.find(&spec.id).is_none() && has_a_vote(&spec.id))
    }

    fn leave_out(&mut self, why: &str) {
        *self.report.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

// === impl ArmTold ===

impl ArmTold {
    fn measure(&mut self, mut elapsed: Vec<u64>) {
        elapsed.sort_unstable();
        let at = |per_mille: usize| {
            let rank = (elapsed.len() * per_mille).div_ceil(1_000).max(1) - 1;
            elapsed.get(rank).copied().unwrap_or_default()
        };
        (self.p50_us, self.p90_us, self.p99_us, self.max_us) = (at(500), at(900), at(990), at(1_000));
    }
}

#[cfg(test)]
mod tests;
