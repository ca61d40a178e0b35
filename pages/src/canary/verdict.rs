//! The verdict in one line, and why.

use canary::{Metric, MetricTold, Report, Verdict};

use crate::{prose::Prose, words};

/// Returns the sign that stands before a verdict's word.
pub(crate) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "▲",
        Verdict::NoWorse => "✓",
        Verdict::Worse => "✗",
        Verdict::NotEnoughEvidence => "…",
        Verdict::NotComparable => "≠",
    }
}

/// Returns a verdict's word as the beginning of a sentence.
pub(crate) fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "Better",
        Verdict::NoWorse => "No worse",
        Verdict::Worse => "Worse",
        Verdict::NotEnoughEvidence => "Not enough evidence",
        Verdict::NotComparable => "Not comparable",
    }
}

/// Returns why, for somebody who has never seen a report.
pub(crate) fn why(report: &Report) -> Prose {
    let found = |verdict| report.metrics.iter().find(|metric| metric.judged && metric.verdict == verdict);
    let told = match report.verdict {
        Verdict::Worse => found(Verdict::Worse).and_then(|metric| worse(report, metric)),
        Verdict::Better => found(Verdict::Better).and_then(|metric| better(report, metric)),
        Verdict::NoWorse => Some(no_worse(report)),
        Verdict::NotEnoughEvidence if report.requests.asked > 0 => {
            found(Verdict::NotEnoughEvidence).map(|metric| open(report, metric))
        }
        Verdict::NotEnoughEvidence | Verdict::NotComparable => None,
    };
    told.unwrap_or_else(|| Prose::text(sentence(&report.because)))
}

/// Returns a clause as a sentence of its own.
pub(crate) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let end = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Returns a number of `metric` as people read it.
pub(crate) fn told(metric: Metric, number: f64) -> String {
    match metric {
        Metric::P50 | Metric::P99 => words::micros(number),
        Metric::Agreement | Metric::Accuracy | Metric::Failures | Metric::Impact => words::share(number),
    }
}

fn worse(report: &Report, metric: &MetricTold) -> Option<Prose> {
    let (harm, margin) = (metric.harm?, metric.threshold?);
    let allowed = format!("; at most {} was allowed.", told(metric.metric, margin));
    Some(harmed(report, metric.metric, harm).and(allowed))
}

fn harmed(report: &Report, metric: Metric, harm: f64) -> Prose {
    let (canary, reference) = (&report.canary, &report.reference);
    let much = told(metric, harm.abs());
    let more = if harm < 0.0 { "fewer" } else { "more" };
    let later = if harm < 0.0 { "earlier" } else { "later" };
    match metric {
        Metric::Agreement => {
            let floor = if report.noise.is_some() { ", noise taken off" } else { "" };
            let differs = Prose::name(canary).and(" gives another answer than ").and_name(reference);
            differs.and(format!(" in {} of requests{floor}", told(metric, harm)))
        }
        Metric::Accuracy => {
            Prose::name(canary).and(" is wrong in ").and(format!("{much} of requests {more} than ")).and_name(reference)
        }
        Metric::Failures => {
            Prose::name(canary).and(" fails in ").and(format!("{much} of requests {more} than ")).and_name(reference)
        }
        Metric::P50 => Prose::text("half of the answers of ")
            .and_name(canary)
            .and(format!(" are there {much} {later} than those of "))
            .and_name(reference),
        Metric::P99 => Prose::text("99 of 100 answers of ")
            .and_name(canary)
            .and(format!(" are there {much} {later} than those of "))
            .and_name(reference),
        Metric::Impact => {
            let first = Prose::text("with ").and_name(canary).and(" first in rank ");
            first.and(format!("{much} of results would be others"))
        }
    }
}

fn better(report: &Report, metric: &MetricTold) -> Option<Prose> {
    let better = harmed(report, metric.metric, metric.harm?);
    Some(better.and(", and in nothing that is judged it is worse."))
}

fn no_worse(report: &Report) -> Prose {
    let judged: Vec<&str> =
        report.metrics.iter().filter(|metric| metric.judged).map(|metric| metric.metric.word()).collect();
    let within =
        Prose::name(&report.canary).and(" keeps every margin it was given against ").and_name(&report.reference);
    within.and(format!(" ({}), on {} requests.", judged.join(", "), words::count(report.requests.asked)))
}

fn open(report: &Report, metric: &MetricTold) -> Prose {
    let requests = words::count(metric.n);
    let begin = Prose::text(format!("After {requests} requests nobody can say yet whether "));
    let begin = begin.and_name(&report.canary).and(format!(" keeps its margin for {}", metric.metric.word()));
    let interval = match (metric.interval.low, metric.interval.high, metric.threshold) {
        (Some(low), Some(high), Some(margin)) => {
            let [low, high, margin] = [low, high, margin].map(|number| told(metric.metric, number));
            format!(": the harm lies between {low} and {high}, and {margin} is allowed.")
        }
        _ => ".".to_owned(),
    };
    begin.and(interval)
}
