//! The verdict: whether a canary is worse than its reference by more than was allowed, and how sure that is.
//!
//! Laws: however often one asks, a canary that is not worse by more than its margins is found worse, or one that is
//! found no worse (or better), wrongly, with a probability of at most the matchup's; no traffic is never worse; what cannot
//! be compared is neither. Every finding names its number, its threshold, how many requests it rests on, its interval
//! and some of those requests.
//! All that is judged is harm: above 0 the canary is worse. The probability of error is shared equally by the metrics
//! that have a margin (Bonferroni), which are known before the first request.

mod metric;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use metric::Metric;
pub(crate) use metric::{margin, part};

use crate::{
    Excluded, Matchup, Said, Tally,
    statistics::{Bounds, Mean, Paired, difference, exact, quantile, quantile_bounds, share},
    tally::Shares,
};

/// What a canary is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse in nothing, and surely better in something that has a margin.
    Better,
    /// Surely not worse by more than any margin.
    NoWorse,
    /// Surely worse by more than a margin.
    Worse,
    /// Nobody can say yet.
    NotEnoughEvidence,
    /// There are answers, and they cannot be held against each other.
    NotComparable,
}

/// What was found in one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which.
    pub metric: Metric,
    /// The harm that was seen: above 0 the canary is worse.
    pub harm: Option<f64>,
    /// Where it may truly lie; infinite where nothing is known.
    pub bounds: Bounds,
    /// The margin; `None` if it is not judged.
    pub margin: Option<f64>,
    /// Requests that it rests on.
    pub n: u64,
    /// What that comes to.
    pub verdict: Verdict,
    /// Some of the requests behind it.
    pub examples: Vec<String>,
}

/// Below so many requests nobody is told that they cannot be compared.
const TOO_FEW: u64 = 30;

// === judging ===

/// Judges every metric; `alpha` is the probability that any of those with a margin is wrongly found worse, better or no
/// worse.
#[must_use]
pub fn findings(matchup: &Matchup, pairs: &Tally, noise: &Tally, alpha: f64) -> Vec<Finding> {
    let alpha = part(&matchup.margins, alpha);
    let metrics = Metric::ALL.into_iter().filter(|metric| matchup.list.is_some() || !metric.is_of_lists());
    metrics.map(|metric| finding(metric, matchup, pairs, noise, alpha)).collect()
}

/// Returns what `findings` come to, and why in one sentence.
#[must_use]
pub fn conclude(findings: &[Finding], pairs: &Tally) -> (Verdict, String) {
    let judged = || findings.iter().filter(|finding| finding.margin.is_some());
    if let Some(worse) = judged().find(|finding| finding.verdict == Verdict::Worse) {
        return (Verdict::Worse, worse.to_string());
    }
    if pairs.asked == 0 {
        return (Verdict::NotEnoughEvidence, "no request has asked the canary yet".to_owned());
    }
    if let Some(why) = not_comparable(pairs) {
        return (Verdict::NotComparable, why);
    }
    if judged().next().is_none() {
        return (Verdict::NotEnoughEvidence, "no margin is declared, so there is nothing to judge by".to_owned());
    }
    if let Some(open) = judged().find(|finding| finding.verdict == Verdict::NotEnoughEvidence) {
        return (Verdict::NotEnoughEvidence, open.to_string());
    }
    let better = judged().find(|finding| finding.verdict == Verdict::Better);
    let (verdict, why) = better.map_or((Verdict::NoWorse, None), |better| (Verdict::Better, Some(better)));
    let names: Vec<&str> = judged().map(|finding| finding.metric.word()).collect();
    let all = || format!("within the margins of {} on {} requests", names.join(", "), pairs.asked);
    (verdict, why.map_or_else(all, Finding::to_string))
}

fn not_comparable(pairs: &Tally) -> Option<String> {
    let strange = pairs.excluded.get(&Excluded::NotComparable).copied().unwrap_or_default();
    if strange >= TOO_FEW && strange > pairs.compared {
        let of = strange + pairs.compared;
        return Some(format!("of {of} pairs of answers {strange} have nothing that the policy compares"));
    }
    let reference = pairs.reference.count(Said::Answered) + pairs.reference.count(Said::Unreadable);
    let seen: u64 = pairs.reference.said.values().sum();
    (seen >= TOO_FEW && reference == 0).then(|| format!("the reference answered none of {seen} requests"))
}

fn finding(metric: Metric, matchup: &Matchup, pairs: &Tally, noise: &Tally, alpha: f64) -> Finding {
    let examples = &pairs.examples;
    let (n, harm, bounds, examples) = match metric {
        Metric::Agreement => {
            let (seen, floor) = ((pairs.compared - pairs.agreed, pairs.compared), noise_of(noise));
            let harm = rate(seen.0, seen.1).map(|rate_seen| rate_seen - rate(floor.0, floor.1).unwrap_or(0.0));
            (pairs.compared, harm, excess(seen, floor, alpha), &examples.disagreed)
        }
        Metric::Overlap => apart(&pairs.lists.overlap, &noise.lists.overlap, alpha, &examples.apart),
        Metric::Ranking => apart(&pairs.lists.ranking, &noise.lists.ranking, alpha, &examples.apart),
        Metric::Accuracy => paired(pairs.mistakes(), alpha, &examples.wrong),
        Metric::Failures => paired(pairs.failures(), alpha, &examples.failed),
        Metric::P50 | Metric::P99 => {
            let level = if metric == Metric::P50 { 0.5 } else { 0.99 };
            let (canary, reference) = (&pairs.canary.latency, &pairs.reference.latency);
            let seen = quantile(canary, level).zip(quantile(reference, level));
            let half = |cells| quantile_bounds(cells, level, alpha / 2.0);
            let bounds = difference(half(canary), half(reference));
            let n = canary.total().min(reference.total());
            (n, seen.map(|(canary, reference)| canary - reference), bounds, &examples.slowest)
        }
        Metric::Impact => {
            let (changed, known) = (pairs.impact.first, pairs.impact.known);
            (known, rate(changed, known), share(changed, known, alpha), &examples.changed)
        }
    };
    let margin = self::margin(&matchup.margins, metric);
    let verdict = verdict(metric, n, bounds, margin.unwrap_or(0.0));
    Finding { metric, harm, bounds, margin, n, verdict, examples: examples.names() }
}

fn paired<T>(paired: Paired, alpha: f64, examples: &T) -> (u64, Option<f64>, Bounds, &T) {
    let mean: Mean = paired.difference();
    (paired.of, mean.seen(), mean.bounds(alpha), examples)
}

/// Returns how much less alike lists are than the reference's own, where that was asked twice, and to itself otherwise.
fn apart<'tally, T>(
    seen: &Shares,
    floor: &Shares,
    alpha: f64,
    examples: &'tally T,
) -> (u64, Option<f64>, Bounds, &'tally T) {
    let harm = seen.mean().map(|alike| floor.mean().unwrap_or(1.0) - alike);
    let bounds = if floor.total() == 0 {
        seen.known_lacks().bounds(alpha)
    } else {
        difference(seen.known_lacks().bounds(alpha / 2.0), floor.known_lacks().bounds(alpha / 2.0))
    };
    (seen.total(), harm, bounds, examples)
}

fn verdict(metric: Metric, n: u64, bounds: Bounds, margin: f64) -> Verdict {
    if n == 0 {
        Verdict::NotEnoughEvidence
    } else if bounds.low > margin {
        Verdict::Worse
    } else if bounds.high < 0.0 && metric.may_be_better() {
        Verdict::Better
    } else if bounds.high <= margin {
        Verdict::NoWorse
    } else {
        Verdict::NotEnoughEvidence
    }
}

/// Returns how often a reference that was asked twice differed from itself, of how many.
pub(crate) fn noise_of(noise: &Tally) -> (u64, u64) {
    (noise.compared - noise.agreed, noise.compared)
}

/// Returns the bounds of how many answers more differ than by noise. A reference that was never asked twice is taken for
/// one that always answers alike.
pub(crate) fn excess(seen: (u64, u64), noise: (u64, u64), alpha: f64) -> Bounds {
    if noise.1 == 0 {
        return share(seen.0, seen.1, alpha);
    }
    difference(share(seen.0, seen.1, alpha / 2.0), share(noise.0, noise.1, alpha / 2.0))
}

/// Returns a share; none of nothing.
pub(crate) fn rate(hits: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| exact(hits) / exact(of))
}

// === impl Finding ===

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, harm, bounds, margin, n, .. } = self;
        let Some(harm) = harm else { return write!(out, "nothing is known of {} yet", metric.word()) };
        write!(out, "{} on {n} requests, ", metric.harm_told(*harm))?;
        let (low, high) = (metric.told(bounds.low), metric.told(bounds.high));
        match (bounds.low.is_finite(), bounds.high.is_finite()) {
            (true, true) => write!(out, "surely between {low} and {high}")?,
            (true, false) => write!(out, "surely more than {low}")?,
            (false, true) => write!(out, "surely less than {high}")?,
            (false, false) => out.write_str("and nobody can say yet how much it truly is")?,
        }
        match margin {
            Some(margin) => write!(out, "; {} are allowed", metric.told(*margin)),
            None => Ok(()),
        }
    }
}

// === words ===

impl Verdict {
    /// Returns the word for it, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NoWorse => "no_worse",
            Self::Worse => "worse",
            Self::NotEnoughEvidence => "not_enough_evidence",
            Self::NotComparable => "not_comparable",
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NoWorse => "no worse",
            Self::Worse => "worse",
            Self::NotEnoughEvidence => "not enough evidence",
            Self::NotComparable => "not comparable",
        }
    }
}

#[cfg(test)]
mod tests;
