//! What is judged: its words, its unit, and its margin.

use policies::Margins;
use serde::{Deserialize, Serialize};

use crate::{statistics::exact, tally::micros};

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of different answers, less the reference's own noise.
    Agreement,
    /// How much of the first items of its lists is others, less the reference's own noise.
    Overlap,
    /// How far its lists rank otherwise, less the reference's own noise.
    Ranking,
    /// How much more often the canary is wrong, where the truth was told.
    Accuracy,
    /// How much more often the canary fails.
    Failures,
    /// How much later half of its answers come, in microseconds.
    P50,
    /// How much later 99 of 100 of its answers come, in microseconds.
    P99,
    /// The share of results that would be others were the canary first in rank.
    Impact,
}

// === margins ===

/// Returns the margin for `metric`, in its unit.
pub(crate) fn margin(margins: &Margins, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Agreement => margins.agreement,
        Metric::Overlap => margins.overlap,
        Metric::Ranking => margins.ranking,
        Metric::Accuracy => margins.accuracy,
        Metric::Failures => margins.failures,
        Metric::P50 => margins.p50.map(micros),
        Metric::P99 => margins.p99.map(micros),
        Metric::Impact => margins.impact,
    }
}

/// Returns the part of `alpha` that is each judged metric's.
pub(crate) fn part(margins: &Margins, alpha: f64) -> f64 {
    let judged: u64 = Metric::ALL.iter().map(|metric| u64::from(margin(margins, *metric).is_some())).sum();
    alpha / exact(judged.max(1))
}

// === impl Metric ===

impl Metric {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::Agreement,
        Self::Overlap,
        Self::Ranking,
        Self::Accuracy,
        Self::Failures,
        Self::P50,
        Self::P99,
        Self::Impact,
    ];

    /// Returns whether it is about lists: there is nothing to say of it where the policy names none.
    pub(super) fn is_of_lists(self) -> bool {
        matches!(self, Self::Overlap | Self::Ranking)
    }

    /// Returns whether less harm than none makes a canary better: a different answer is no better one by itself.
    pub(super) fn may_be_better(self) -> bool {
        !matches!(self, Self::Agreement | Self::Overlap | Self::Ranking | Self::Impact)
    }

    fn is_time(self) -> bool {
        matches!(self, Self::P50 | Self::P99)
    }

    /// Returns what its numbers are counted in, as in JSON.
    pub(crate) fn unit(self) -> &'static str {
        if self.is_time() { "us" } else { "share" }
    }

    /// Returns a number of this metric as people read it.
    #[must_use]
    pub fn told(self, number: f64) -> String {
        if self.is_time() { format!("{:.1} ms", number / 1e3) } else { format!("{:.2} %", number * 100.0) }
    }

    /// Returns a harm in words: of what there is more, or less.
    pub(super) fn harm_told(self, harm: f64) -> String {
        let (more, later) = if harm < 0.0 { ("fewer", "earlier") } else { ("more", "later") };
        let much = self.told(harm.abs());
        match self {
            // Fewer than by noise is noise.
            Self::Agreement => format!("{} of answers differ beyond noise", self.told(harm)),
            Self::Overlap => format!("{} of the first items are others beyond noise", self.told(harm)),
            Self::Ranking => format!("lists rank {} otherwise beyond noise", self.told(harm)),
            Self::Accuracy => format!("{much} {more} wrong answers than the reference"),
            Self::Failures => format!("{much} {more} failures than the reference"),
            Self::P50 => format!("{much} {later} than the reference at the median"),
            Self::P99 => format!("{much} {later} than the reference at the 99th percentile"),
            Self::Impact => format!("{much} of results would be others were it first in rank"),
        }
    }

    /// Returns the word for it, the same in reports, YAML, metrics and pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Overlap => "overlap",
            Self::Ranking => "ranking",
            Self::Accuracy => "accuracy",
            Self::Failures => "failures",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Impact => "impact",
        }
    }
}
