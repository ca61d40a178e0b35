//! The report's fields, as JSON has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ListsTold;
use crate::{Metric, Verdict};

/// Everything there is to say about one canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this shape: 1.
    pub format: u32,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub because: String,
    /// The rendezvous.
    pub rendezvous: String,
    /// Who was compared.
    pub canary: String,
    /// With whom.
    pub reference: String,
    /// How sure it is, however often one looks: the verdict is wrong with a probability of at most half of what is missing
    /// to 1, and any segment that is called worse with the other half. Each other interval holds by itself with this one.
    pub confidence: f64,
    /// Which requests it rests on.
    pub requests: RequestsTold,
    /// What was judged, and what was only measured.
    pub metrics: Vec<MetricTold>,
    /// Which answers were the same.
    pub agreement: AgreementTold,
    /// How alike lists are; `null` where the policy names none.
    #[serde(default)]
    pub lists: Option<ListsTold>,
    /// Numbers that were answered; `null` where the answers are no numbers.
    pub numbers: Option<NumbersTold>,
    /// Confidences that were stated; `null` where the policy names none.
    pub confidences: Option<NumbersTold>,
    /// How long answers took, in microseconds.
    pub latency: LatencyTold,
    /// Who failed when.
    pub failures: FailuresTold,
    /// What would have become of results.
    pub impact: ImpactTold,
    /// How far the reference differs from itself; `null` where nobody asked it twice.
    pub noise: Option<NoiseTold>,
    /// Where the canary is worst, at most ten, the surest first.
    pub segments: Vec<SegmentTold>,
    /// How the evidence grew.
    pub course: Vec<CourseTold>,
}

/// Which requests a report rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestsTold {
    /// How many asked the canary.
    pub asked: u64,
    /// How many had two answers that were compared.
    pub compared: u64,
    /// The share that was not compared.
    pub excluded_share: f64,
    /// How many were not compared, by why.
    pub excluded: BTreeMap<String, u64>,
    /// When the log took in the first that counts, in microseconds since the epoch.
    pub first_us: Option<i64>,
    /// When it took in the last.
    pub last_us: Option<i64>,
    /// For how long after the first request answers did not count, in microseconds.
    pub warm_up_us: u64,
    /// Responses of the canary to requests that are not known.
    pub strays: u64,
    /// How many answers of the canary came after the verdict; they count.
    pub late: u64,
    /// How many milliseconds after it.
    pub lateness_ms: Vec<QuantileTold>,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricTold {
    /// Which.
    pub metric: Metric,
    /// Whether it has a margin, and a part in the verdict.
    pub judged: bool,
    /// What it comes to.
    pub verdict: Verdict,
    /// In one sentence.
    pub because: String,
    /// `share`, or `us` for microseconds.
    pub unit: String,
    /// The harm that was seen: above 0 the canary is worse.
    pub harm: Option<f64>,
    /// Where it may truly lie.
    pub interval: Interval,
    /// How much of it is allowed.
    pub threshold: Option<f64>,
    /// Requests that this rests on.
    pub n: u64,
    /// Some of the requests behind it.
    pub examples: Vec<String>,
}

/// Two ends; `null` where nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// No smaller.
    pub low: Option<f64>,
    /// No larger.
    pub high: Option<f64>,
}

/// Which answers were the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgreementTold {
    /// Pairs of answers.
    pub compared: u64,
    /// The same twice.
    pub agreed: u64,
    /// Their share.
    pub share: Option<f64>,
    /// Where it may truly lie.
    pub interval: Interval,
    /// Who said what; `null` where the answers are no labels.
    pub matrix: Option<MatrixTold>,
    /// Some that differ.
    pub examples: Vec<String>,
}

/// Who said what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixTold {
    /// The labels; the last may be `(others)`.
    pub labels: Vec<String>,
    /// By what the reference said, then by what the canary said.
    pub counts: Vec<Vec<u64>>,
}

/// Numbers in pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumbersTold {
    /// Pairs of numbers.
    pub n: u64,
    /// The mean of canary less reference; `null` without a largest difference.
    pub mean_difference: Option<f64>,
    /// Where it may truly lie.
    pub mean_interval: Interval,
    /// Canary less reference.
    pub difference: DifferenceTold,
    /// How far both distributions lie apart.
    pub drift: DriftTold,
}

/// Differences in pairs: canary less reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferenceTold {
    /// Some quantiles, with where they may truly lie.
    pub quantiles: Vec<QuantileTold>,
    /// Low edge, high edge, how many: ascending.
    pub bars: Vec<(f64, f64, u64)>,
}

/// A quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileTold {
    /// Of which share: 0.99.
    pub share: f64,
    /// As seen.
    pub value: Option<f64>,
    /// Where it may truly lie.
    pub interval: Interval,
}

/// How far two distributions lie apart: described, not judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftTold {
    /// The largest distance between the distribution functions.
    pub kolmogorov_smirnov: Option<f64>,
    /// The population stability index.
    pub population_stability: Option<f64>,
}

/// How long answers took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyTold {
    /// From an executor's start to its response in the log.
    pub canary: Curve,
    /// The same.
    pub reference: Curve,
    /// How long the work took.
    pub canary_scored: Curve,
    /// The same.
    pub reference_scored: Curve,
    /// How much longer the canary took about the same request.
    pub difference: DifferenceTold,
    /// Those where it took longest.
    pub examples: Vec<String>,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Of so many.
    pub n: u64,
    /// Its quantiles.
    pub quantiles: Vec<QuantileTold>,
}

/// Who failed when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailuresTold {
    /// Both.
    pub both: u64,
    /// The canary alone.
    pub canary: u64,
    /// The reference alone.
    pub reference: u64,
    /// Neither.
    pub neither: u64,
    /// What the canary did, by kind.
    pub canary_said: SideTold,
    /// What the reference did, by kind.
    pub reference_said: SideTold,
    /// Some that the canary alone failed.
    pub examples: Vec<String>,
}

/// What one side did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideTold {
    /// How often it answered, failed and so on.
    pub said: BTreeMap<String, u64>,
    /// The models that did, with how many responses.
    pub models: BTreeMap<String, u64>,
}

/// What would have become of results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImpactTold {
    /// Requests that were decided about again.
    pub known: u64,
    /// How many would have another result had the canary been a candidate.
    pub as_candidate: u64,
    /// How many had it been the first in rank.
    pub as_first: u64,
    /// Where that share may truly lie.
    pub as_first_interval: Interval,
    /// How many could not be decided about again, by why.
    pub unknown: BTreeMap<String, u64>,
    /// Some that would have another.
    pub examples: Vec<String>,
}

/// How far the reference differs from itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseTold {
    /// Who answered a second time.
    pub twin: String,
    /// Pairs of answers of the reference and itself.
    pub compared: u64,
    /// How many differed.
    pub disagreed: u64,
    /// Where their share may truly lie.
    pub interval: Interval,
    /// How much longer the second took, in microseconds.
    pub latency_difference: DifferenceTold,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentTold {
    /// By what was cut: `input.alcohol`, `attributes.tenant`, `case`, `reference says`.
    pub dimension: String,
    /// The text, or from where to where.
    pub part: String,
    /// In what it is worse.
    pub metric: Metric,
    /// Whether it surely is, by more than is allowed.
    pub is_worse: bool,
    /// The harm that was seen.
    pub harm: f64,
    /// Where it may truly lie, corrected for the search.
    pub interval: Interval,
    /// The harm that was seen in all requests.
    pub overall: f64,
    /// How much of it is allowed.
    pub threshold: f64,
    /// Requests that this rests on.
    pub n: u64,
    /// Some that went badly.
    pub examples: Vec<String>,
}

/// What was known by some moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CourseTold {
    /// When, in microseconds since the epoch.
    pub until_us: i64,
    /// Requests by then.
    pub asked: u64,
    /// Pairs of answers by then.
    pub compared: u64,
    /// The share of different answers by then, less the noise that is known now.
    pub disagreement: Option<f64>,
    /// Where it might have lain.
    pub disagreement_interval: Interval,
    /// How much more often the canary failed.
    pub failures: Option<f64>,
    /// Where that might have lain.
    pub failures_interval: Interval,
    /// How much more often the canary was wrong; `null` where no truth was told.
    pub accuracy: Option<f64>,
    /// Where that might have lain.
    pub accuracy_interval: Interval,
}
