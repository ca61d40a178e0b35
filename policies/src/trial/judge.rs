//! Whether a version on trial does worse than the live one: however often one asks, it is wrongly found worse with a
//! probability of at most `ALPHA`.
//!
//! Each objective of the live version and the share of defaults are compared. A version is worse where its share lies
//! above the live one's by more than a margin, the lower bound of the one above the upper bound of the other. No
//! traffic is never "worse". Law: two versions that do alike are told apart with a probability of at most `ALPHA`.

use std::fmt;

use super::{ArmTally, TrialTally};
use crate::{
    Objective,
    sequence::{Bounds, bounds},
};

/// How often at most a trial may be withdrawn wrongly.
const ALPHA: f64 = 0.01;
/// What is worse by less than a thousandth of all requests is not worth a withdrawal; of what an objective allows to be
/// missed, by less than half.
const MARGIN: f64 = 0.001;

/// What is to become of a version on trial.
#[derive(Clone, Debug, PartialEq)]
pub enum TrialJudgement {
    /// Too little was seen to say.
    NotEnough,
    /// It is no worse than the live version.
    Keep,
    /// It is worse, and should go.
    Worse(Worsening),
}

/// In what a version on trial is worse: numbers now, a sentence when somebody asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Worsening {
    /// The objective that it misses more often; `None` if it is that it gives more defaults.
    pub objective: Option<Objective>,
    trial: Seen,
    live: Seen,
}

/// How often something was seen of one version, and how often it can be at all.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    hits: u64,
    of: u64,
    bounds: Bounds,
}

/// One comparison, with its part of the error that is allowed.
struct Comparison {
    objective: Option<Objective>,
    trial: Seen,
    live: Seen,
    margin: f64,
}

// === impl TrialTally ===

impl TrialTally {
    /// Judges by what was counted, `objectives` being the live version's.
    #[must_use]
    pub fn judge(&self, objectives: &[Objective]) -> TrialJudgement {
        let comparisons = self.comparisons(objectives);
        if let Some(worse) = comparisons.iter().find(|comparison| comparison.is_worse()) {
            let Comparison { objective, trial, live, .. } = *worse;
            return TrialJudgement::Worse(Worsening { objective, trial, live });
        }
        if comparisons.iter().all(Comparison::is_no_worse) { TrialJudgement::Keep } else { TrialJudgement::NotEnough }
    }

    fn comparisons(&self, objectives: &[Objective]) -> Vec<Comparison> {
        // Each comparison rests on two bounds, and may err in either.
        let parts = 2 * u32::try_from(objectives.len() + 1).unwrap_or(u32::MAX);
        let alpha = ALPHA / f64::from(parts);
        let compare = |objective, margin, hits: &dyn Fn(&ArmTally) -> u64| {
            let seen = |arm: &ArmTally| Seen::of(hits(arm), arm.decided, alpha);
            Comparison { objective, margin, trial: seen(&self.trial), live: seen(&self.live) }
        };
        let missed = objectives.iter().enumerate().map(|(index, objective)| {
            let margin = MARGIN.min((1.0 - objective.share) / 2.0);
            compare(Some(*objective), margin, &|arm| arm.missed.get(index).copied().unwrap_or(0))
        });
        missed.chain([compare(None, MARGIN, &|arm| arm.defaults)]).collect()
    }
}

// === impl Comparison ===

impl Comparison {
    fn is_worse(&self) -> bool {
        self.trial.bounds.low > self.live.bounds.high + self.margin
    }

    fn is_no_worse(&self) -> bool {
        self.trial.bounds.high <= self.live.bounds.low + self.margin
    }
}

// === impl Seen ===

impl Seen {
    fn of(hits: u64, of: u64, alpha: f64) -> Self {
        Self { hits, of, bounds: bounds(hits, of, alpha) }
    }
}

// === impl Worsening ===

impl fmt::Display for Worsening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objective, trial, live } = self;
        write!(out, "of its answers {} of {} ", trial.hits, trial.of)?;
        match objective {
            Some(Objective { within, degraded_is_good: true, .. }) => write!(out, "came after {within:?}")?,
            Some(Objective { within, .. }) => write!(out, "came after {within:?} or were degraded")?,
            None => write!(out, "were defaults")?,
        }
        let (at_least, at_most) = (100.0 * trial.bounds.low, 100.0 * live.bounds.high);
        write!(out, ", at least {at_least:.2} %; of the live version's {} of {}, ", live.hits, live.of)?;
        write!(out, "at most {at_most:.2} %")
    }
}

#[cfg(test)]
mod tests;
