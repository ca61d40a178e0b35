//! The verdict in one line, and why.

use canary::{Curve, Interval, MatrixTold, Metric, MetricTold, QuantileTold, Report, Verdict};
use maud::{Markup, html};

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

/// Returns the name of a verdict's colours.
pub(crate) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::NoWorse => "no-worse",
        Verdict::Worse => "worse",
        Verdict::NotEnoughEvidence => "open",
        Verdict::NotComparable => "apart",
    }
}

/// Returns the name of a verdict's colours in charts.
pub(crate) fn chart_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "s-better",
        Verdict::NoWorse => "s-no-worse",
        Verdict::Worse => "s-worse",
        Verdict::NotEnoughEvidence => "s-open",
        Verdict::NotComparable => "s-apart",
    }
}

/// Draws a verdict's sign: an arrow up, a tick, a cross, three dots, a crossed-out equals sign.
pub(crate) fn icon(verdict: Verdict) -> Markup {
    let path = match verdict {
        Verdict::Better => "M8 13.5V3M3.5 7.5L8 3L12.5 7.5",
        Verdict::NoWorse => "M2.5 8.5L6.3 12.3L13.5 4",
        Verdict::Worse => "M3.5 3.5L12.5 12.5M12.5 3.5L3.5 12.5",
        Verdict::NotEnoughEvidence => "M2.5 8V8.01M8 8V8.01M13.5 8V8.01",
        Verdict::NotComparable => "M2.5 5.8H13.5M2.5 10.2H13.5M11 2.5L5 13.5",
    };
    html! {
        svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" {
            path d=(path) {}
        }
    }
}

/// Returns a verdict as its sign and its word, in its colour.
pub(crate) fn mark(verdict: Verdict) -> Markup {
    html! { span class={ "mark " (class(verdict)) } { (icon(verdict)) (headline(verdict)) } }
}

/// Returns how people call a metric who have never seen one.
pub(crate) fn called(metric: Metric) -> &'static str {
    match metric {
        Metric::Agreement => "Different answers",
        Metric::Overlap => "Other items",
        Metric::Ranking => "Other ranking",
        Metric::Accuracy => "Wrong answers",
        Metric::Failures => "Failures",
        Metric::P50 => "Median latency",
        Metric::P99 => "Slowest hundredth",
        Metric::Impact => "Other results",
    }
}

/// Returns an interval in words.
pub(crate) fn between(interval: Interval, told: impl Fn(f64) -> String) -> String {
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("{} to {}", told(low), told(high)),
        (Some(low), None) => format!("above {}", told(low)),
        (None, Some(high)) => format!("below {}", told(high)),
        (None, None) => words::NOTHING.to_owned(),
    }
}

/// Returns where a metric's harm surely lies; where nothing was seen, nothing.
pub(crate) fn interval(metric: &MetricTold) -> String {
    if metric.n == 0 {
        words::NOTHING.to_owned()
    } else {
        between(metric.interval, |number| told(metric.metric, number))
    }
}

/// Returns the quantile of `share`, if the curve has it.
pub(crate) fn quantile(curve: &Curve, share: f64) -> Option<&QuantileTold> {
    curve.quantiles.iter().find(|one| (one.share - share).abs() < 1e-9)
}

/// Returns who said what else, the most frequent first: what the reference said, what the canary said, how often.
pub(crate) fn disagreements(matrix: &MatrixTold) -> Vec<(&str, &str, u64)> {
    let labels = || matrix.labels.iter().enumerate();
    let of = |row: usize, column: usize| matrix.counts.get(row)?.get(column).copied();
    let mut all: Vec<(&str, &str, u64)> = labels()
        .flat_map(|(row, reference)| labels().map(move |(column, canary)| (row, column, reference, canary)))
        .filter(|(row, column, ..)| row != column)
        .filter_map(|(row, column, reference, canary)| Some((&**reference, &**canary, of(row, column)?)))
        .filter(|(.., count)| *count > 0)
        .collect();
    // The sort is stable, so equals stay in the order of labels.
    all.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    all
}

/// Returns a reason, or what somebody did, as people say it; whatever is new stays as it is.
pub(crate) fn reason(why: &str) -> String {
    let told = match why {
        "warm_up" => "warm-up",
        "evicted" => "too much was held at once",
        "policy_unknown" => "the policy's version is not known",
        "refused" => "the request was refused",
        "reference_not_asked" => "the reference was not asked",
        "reference_silent" => "the reference said nothing",
        "reference_failed" => "the reference failed",
        "reference_abstained" => "the reference abstained",
        "canary_silent" => "the canary said nothing",
        "canary_failed" => "the canary failed",
        "canary_expired" => "the canary came to it too late",
        "canary_abstained" => "the canary abstained",
        "not_comparable" => "nothing in the answers to compare",
        "answered" => "answered",
        "unreadable" => "answered unreadably",
        "silent" => "said nothing",
        "expired" => "came to it too late",
        other => return other.replace('_', " "),
    };
    told.to_owned()
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
        Metric::Agreement
        | Metric::Overlap
        | Metric::Ranking
        | Metric::Accuracy
        | Metric::Failures
        | Metric::Impact => words::share(number),
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
    let more = if harm < 0.0 { "less" } else { "more" };
    let later = if harm < 0.0 { "earlier" } else { "later" };
    let often = |does: &str| {
        let often = Prose::name(canary).and(format!(" {does} {more} often than ")).and_name(reference);
        often.and(format!(", by {much} of all requests"))
    };
    let floor = if report.noise.is_some() { ", noise taken off" } else { "" };
    match metric {
        Metric::Agreement => {
            let differs = Prose::name(canary).and(" gives another answer than ").and_name(reference);
            differs.and(format!(" in {} of requests{floor}", told(metric, harm)))
        }
        Metric::Overlap => {
            let top = report.lists.as_ref().map_or_else(|| "first".to_owned(), |lists| format!("first {}", lists.top));
            let other =
                Prose::name(canary).and(format!(" has other items in {} of the {top} places", told(metric, harm)));
            other.and(" of its lists than ").and_name(reference).and(format!(", on average{floor}"))
        }
        Metric::Ranking => {
            let ranks = Prose::name(canary).and(format!(" ranks its lists {} otherwise than ", told(metric, harm)));
            ranks.and_name(reference).and(format!(", on average and the first places counting most{floor}"))
        }
        Metric::Accuracy => often("is wrong"),
        Metric::Failures => often("fails"),
        Metric::P50 => Prose::text("Half of the answers of ")
            .and_name(canary)
            .and(format!(" are there {much} {later} than those of "))
            .and_name(reference),
        Metric::P99 => Prose::text("99 of 100 answers of ")
            .and_name(canary)
            .and(format!(" are there {much} {later} than those of "))
            .and_name(reference),
        Metric::Impact => {
            let first = Prose::text("With ").and_name(canary).and(" first in rank ");
            first.and(format!("{much} of results would be others"))
        }
    }
}

fn better(report: &Report, metric: &MetricTold) -> Option<Prose> {
    let better = harmed(report, metric.metric, metric.harm?);
    Some(better.and("; in nothing that is judged is it worse."))
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
