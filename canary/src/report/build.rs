//! From counts to the report.

use wire::RendezvousName;

use super::{
    AgreementTold, Curve, DifferenceTold, DriftTold, FailuresTold, ImpactTold, Interval, LatencyTold, MatrixTold,
    MetricTold, NoiseTold, NumbersTold, QuantileTold, Report, RequestsTold, SegmentTold, SideTold, course, lists,
};
use crate::{
    Cells, Finding, Ledger, Matchup, Segment, Tally,
    judge::{conclude, findings, noise_of, rate},
    segments::{Search, worst},
    statistics::{Bounds, Mean, kolmogorov_smirnov, population_stability, quantile, quantile_bounds, share},
    tally::{Matrix, Numbers, SideTally},
};

/// The version of the report's shape.
const FORMAT: u32 = 1;
/// So many segments are told.
const SEGMENTS_MAX: usize = 10;
/// So many bars show a distribution.
const BARS_MAX: usize = 48;
/// The quantiles of a curve.
const CURVE: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];
/// The quantiles of a difference.
const MIDDLE: [f64; 3] = [0.05, 0.5, 0.95];

// === impl Report ===

impl Report {
    /// Says everything about `matchup` in `rendezvous` that was counted in `ledger`.
    #[must_use]
    pub fn of(rendezvous: &RendezvousName, matchup: &Matchup, ledger: &Ledger) -> Self {
        let Ledger { pairs, noise, .. } = ledger;
        // Half of the error is the verdict's, half the search's; what else has an interval has it by itself.
        let (half, each) = (matchup.alpha(), 2.0 * matchup.alpha());
        let findings = findings(matchup, pairs, noise, half);
        let (verdict, because) = conclude(&findings, pairs);
        let segments = worst(&ledger.segments, &search(matchup, ledger, half), SEGMENTS_MAX);
        Self {
            format: FORMAT,
            verdict,
            because,
            rendezvous: rendezvous.to_string(),
            canary: matchup.canary.to_string(),
            reference: matchup.reference.to_string(),
            confidence: matchup.confidence,
            requests: requests(matchup, ledger, each),
            metrics: findings.iter().map(metric).collect(),
            agreement: agreement(pairs, each),
            lists: matchup.list.as_ref().map(|list| lists::of(list, pairs, noise, each)),
            numbers: numbers(&pairs.value, matchup.largest_difference, each),
            confidences: numbers(&pairs.confidence, Some(1.0), each),
            latency: latency(pairs, each),
            failures: failures(pairs),
            impact: impact(pairs, each),
            noise: matchup.twin.as_ref().map(|twin| told_noise(twin.as_str(), noise, each)),
            segments: segments.into_iter().map(segment).collect(),
            course: course::of(matchup, pairs, noise, half),
        }
    }
}

fn search<'matchup>(matchup: &'matchup Matchup, ledger: &Ledger, alpha: f64) -> Search<'matchup> {
    let (pairs, noise) = (&ledger.pairs, noise_of(&ledger.noise));
    let differ = rate(pairs.compared - pairs.agreed, pairs.compared).unwrap_or(0.0);
    let floor = rate(noise.0, noise.1).unwrap_or(0.0);
    let mean = |mean: Mean| mean.seen().unwrap_or(0.0);
    let overall = [differ - floor, mean(pairs.failures().difference()), mean(pairs.mistakes().difference())];
    Search { margins: &matchup.margins, alpha, noise, overall }
}

fn requests(matchup: &Matchup, ledger: &Ledger, alpha: f64) -> RequestsTold {
    let pairs = &ledger.pairs;
    RequestsTold {
        asked: pairs.asked,
        compared: pairs.compared,
        excluded_share: rate(pairs.asked - pairs.compared, pairs.asked).unwrap_or(0.0),
        excluded: pairs.excluded.iter().map(|(why, count)| (why.as_str().to_owned(), *count)).collect(),
        first_us: pairs.span.map(|(first, _)| first),
        last_us: pairs.span.map(|(_, last)| last),
        warm_up_us: u64::try_from(matchup.warm_up.as_micros()).unwrap_or(u64::MAX),
        strays: ledger.strays,
        late: pairs.lateness.total(),
        lateness_ms: quantiles(&pairs.lateness, &MIDDLE, alpha),
    }
}

fn metric(finding: &Finding) -> MetricTold {
    MetricTold {
        metric: finding.metric,
        judged: finding.margin.is_some(),
        verdict: finding.verdict,
        because: finding.to_string(),
        unit: finding.metric.unit().to_owned(),
        harm: finding.harm.map(millionths),
        interval: finding.bounds.into(),
        threshold: finding.margin,
        n: finding.n,
        examples: finding.examples.clone(),
    }
}

fn agreement(pairs: &Tally, alpha: f64) -> AgreementTold {
    AgreementTold {
        compared: pairs.compared,
        agreed: pairs.agreed,
        share: rate(pairs.agreed, pairs.compared),
        interval: share(pairs.agreed, pairs.compared, alpha).into(),
        matrix: matrix(&pairs.matrix),
        examples: pairs.examples.disagreed.names(),
    }
}

fn matrix(matrix: &Matrix) -> Option<MatrixTold> {
    let (known, has_others) = matrix.labels();
    let labels: Vec<Option<String>> = known.into_iter().map(Some).chain(has_others.then_some(None)).collect();
    let row = |reference: &Option<String>| {
        labels.iter().map(|canary| matrix.of(reference.as_deref(), canary.as_deref())).collect()
    };
    let counts: Vec<Vec<u64>> = labels.iter().map(row).collect();
    let name = |label: Option<String>| label.unwrap_or_else(|| "(others)".to_owned());
    (!counts.is_empty()).then(|| MatrixTold { labels: labels.iter().cloned().map(name).collect(), counts })
}

fn numbers(numbers: &Numbers, largest: Option<f64>, alpha: f64) -> Option<NumbersTold> {
    let n = numbers.difference.total();
    let mean = largest.map(|largest| Mean::of_cells(&numbers.difference, (-largest, largest)));
    (n > 0).then(|| NumbersTold {
        n,
        mean_difference: mean.as_ref().and_then(Mean::seen).map(millionths),
        mean_interval: mean.map_or_else(Interval::default, |mean| mean.bounds(alpha).into()),
        difference: difference(&numbers.difference, alpha),
        drift: DriftTold {
            kolmogorov_smirnov: kolmogorov_smirnov(&numbers.canary, &numbers.reference).map(millionths),
            population_stability: population_stability(&numbers.canary, &numbers.reference).map(millionths),
        },
    })
}

fn latency(pairs: &Tally, alpha: f64) -> LatencyTold {
    LatencyTold {
        canary: curve(&pairs.canary.latency, alpha),
        reference: curve(&pairs.reference.latency, alpha),
        canary_scored: curve(&pairs.canary.scored, alpha),
        reference_scored: curve(&pairs.reference.scored, alpha),
        difference: difference(&pairs.slower, alpha),
        examples: pairs.examples.slowest.names(),
    }
}

fn failures(pairs: &Tally) -> FailuresTold {
    FailuresTold {
        both: pairs.failed.both,
        canary: pairs.failed.canary,
        reference: pairs.failed.reference,
        neither: pairs.failed.neither,
        canary_said: side(&pairs.canary),
        reference_said: side(&pairs.reference),
        examples: pairs.examples.failed.names(),
    }
}

fn side(side: &SideTally) -> SideTold {
    SideTold {
        said: side.said.iter().map(|(said, count)| (said.as_str().to_owned(), *count)).collect(),
        models: side.models.clone(),
    }
}

fn impact(pairs: &Tally, alpha: f64) -> ImpactTold {
    let impact = &pairs.impact;
    ImpactTold {
        known: impact.known,
        as_candidate: impact.candidate,
        as_first: impact.first,
        as_first_interval: share(impact.first, impact.known, alpha).into(),
        unknown: impact.unknown.clone(),
        examples: pairs.examples.changed.names(),
    }
}

fn told_noise(twin: &str, noise: &Tally, alpha: f64) -> NoiseTold {
    let (disagreed, compared) = noise_of(noise);
    NoiseTold {
        twin: twin.to_owned(),
        compared,
        disagreed,
        interval: share(disagreed, compared, alpha).into(),
        latency_difference: difference(&noise.slower, alpha),
    }
}

fn segment(segment: Segment) -> SegmentTold {
    SegmentTold {
        is_worse: segment.bounds.low > segment.margin,
        dimension: segment.dimension,
        part: segment.part,
        metric: segment.metric,
        harm: millionths(segment.harm),
        interval: segment.bounds.into(),
        overall: millionths(segment.overall),
        threshold: segment.margin,
        n: segment.n,
        examples: segment.examples,
    }
}

fn curve(cells: &Cells<u64>, alpha: f64) -> Curve {
    Curve { n: cells.total(), quantiles: quantiles(cells, &CURVE, alpha) }
}

fn difference(cells: &Cells<u64>, alpha: f64) -> DifferenceTold {
    let bars = cells.within(BARS_MAX);
    DifferenceTold {
        quantiles: quantiles(cells, &MIDDLE, alpha),
        bars: bars.iter().map(|(low, high, count)| (low, high, *count)).collect(),
    }
}

fn quantiles(cells: &Cells<u64>, shares: &[f64], alpha: f64) -> Vec<QuantileTold> {
    let told = |share: &f64| QuantileTold {
        share: *share,
        value: quantile(cells, *share),
        interval: quantile_bounds(cells, *share, alpha).into(),
    };
    shares.iter().map(told).collect()
}

// === impl Interval ===

impl From<Bounds> for Interval {
    /// Rather too wide than too narrow; digits beyond a millionth are noise, and differ between machines.
    fn from(bounds: Bounds) -> Self {
        let known = |end: f64| end.is_finite().then_some(end / 1e6);
        Self { low: known((bounds.low * 1e6).floor()), high: known((bounds.high * 1e6).ceil()) }
    }
}

/// Digits beyond are noise, and differ between machines.
pub(super) fn millionths(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
