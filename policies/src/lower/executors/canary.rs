//! Canaries: compared with a candidate, by margins that can be kept, and acted on only where that changes something.

use std::time::Duration;

use wire::{Budget, ExecutorId};

use crate::{
    CanaryActs, CanarySpec, ExecutorSpec, Margins, Share, canary,
    diagnostic::{Report, Spanned},
    document::{ActsEntry, AfterEntry, CanaryEntry, ExecutorEntry, MarginEntry, MarginsEntry},
};

/// Returns how the canary of `entry` is compared; `None` if it is none, or nobody can be compared with it.
pub(super) fn canary(
    entry: &ExecutorEntry,
    all: &[ExecutorEntry],
    whole: Option<Budget>,
    report: &mut Report<'_>,
) -> Option<CanarySpec> {
    let written = entry.canary.as_ref()?;
    check_budget(entry, written, whole, report);
    let of = written.of.as_ref().and_then(|of| reference(entry, of, all, report));
    let margins = margins(entry, written.no_worse_by.as_ref(), report);
    let acts = written.acts.as_ref().map(acts);
    check_numbers(written, report);
    let sample = written.sample.as_ref().and_then(|sample| share(sample, report));
    if let Some(hold) = written.hold.as_ref().filter(|hold| hold.is && acts.is_none()) {
        let what = format!("nothing is done about canary `{}` by itself, so there is nothing to hold", entry.name.is);
        report.warn(hold.at, what).hint("take `hold` out, or say what is done: `acts: { promote: better }`");
    }
    let usual = CanarySpec::new(of?);
    let number = |written: &Option<Spanned<f64>>| written.as_ref().map(|number| number.is);
    Some(CanarySpec {
        margins,
        confidence: number(&written.confidence).unwrap_or(usual.confidence),
        warm_up: written.warm_up.as_ref().map_or(usual.warm_up, |warm_up| warm_up.is),
        within: number(&written.within).unwrap_or(usual.within),
        largest_difference: number(&written.largest_difference),
        sample,
        budget: written.budget.as_ref().map(|budget| budget.is),
        hold: written.hold.as_ref().is_some_and(|hold| hold.is),
        acts,
        ..usual
    })
}

/// Finds the candidate that a canary is compared with.
fn reference(
    entry: &ExecutorEntry,
    of: &Spanned<String>,
    all: &[ExecutorEntry],
    report: &mut Report<'_>,
) -> Option<ExecutorId> {
    let candidates = || all.iter().filter(|other| !other.is_canary).map(|other| other.name.is.as_str());
    match all.iter().find(|other| other.name.is == of.is) {
        Some(other) if !other.is_canary => ExecutorId::new(&of.is).ok(),
        Some(_) if of.is == entry.name.is => {
            report.error(of.at, format!("canary `{}` is compared with itself", of.is)).did_you_mean("", candidates());
            None
        }
        Some(_) => {
            report
                .error(of.at, format!("`{}` is itself a canary, so nothing can be compared with it", of.is))
                .did_you_mean("", candidates());
            None
        }
        None => {
            report
                .error(of.at, format!("canary `{}` is compared with `{}`, which is no executor", entry.name.is, of.is))
                .did_you_mean(&of.is, candidates());
            None
        }
    }
}

/// What is written takes the place of what is usual, one by one.
fn margins(entry: &ExecutorEntry, written: Option<&MarginsEntry>, report: &mut Report<'_>) -> Margins {
    let usual = Margins::default();
    let Some(written) = written else { return usual };
    let margins = Margins {
        agreement: margin(written.agreement.as_ref(), usual.agreement, report),
        overlap: margin(written.overlap.as_ref(), usual.overlap, report),
        ranking: margin(written.ranking.as_ref(), usual.ranking, report),
        accuracy: margin(written.accuracy.as_ref(), usual.accuracy, report),
        failures: margin(written.failures.as_ref(), usual.failures, report),
        p50: later(written.p50.as_ref(), usual.p50, report),
        p99: later(written.p99.as_ref(), usual.p99, report),
        impact: margin(written.impact.as_ref(), usual.impact, report),
    };
    if margins == Margins::none() {
        let problem = report.warn(written.at, format!("nothing of canary `{}` is judged", entry.name.is));
        problem.hint("leave a margin in, or no verdict is ever found");
    }
    margins
}

fn margin(written: Option<&MarginEntry<f64>>, usual: Option<f64>, report: &mut Report<'_>) -> Option<f64> {
    let Some(written) = written else { return usual };
    match written.is {
        Some(share) if share <= 0.0 => {
            report
                .error(written.at, "no number of requests shows that nothing at all is worse")
                .hint("write the least that matters: `1%`, or `off` if it is not judged");
        }
        Some(share) if share > 1.0 => {
            report
                .error(written.at, "a margin above 100% allows more than there is")
                .hint("write the least that matters: `1%`, or `off` if it is not judged");
        }
        _ => {}
    }
    written.is
}

fn later(
    written: Option<&MarginEntry<Duration>>,
    usual: Option<Duration>,
    report: &mut Report<'_>,
) -> Option<Duration> {
    let Some(written) = written else { return usual };
    if written.is.is_some_and(|later| later.is_zero()) {
        report
            .error(written.at, "no number of answers shows that none comes later")
            .hint("write the least that matters: `5ms`, or `off` if it is not judged");
    }
    written.is
}

fn check_numbers(written: &CanaryEntry, report: &mut Report<'_>) {
    let is_sure = |confidence: f64| confidence > 0.5 && confidence < 1.0;
    if let Some(confidence) = written.confidence.as_ref().filter(|confidence| !is_sure(confidence.is)) {
        report
            .error(confidence.at, "nobody is surer than 100%, nor decides by tossing a coin")
            .hint("write how sure a verdict has to be, above 50% and below 100%: `confidence: 99%`");
    }
    if let Some(within) = written.within.as_ref().filter(|within| within.is < 0.0) {
        report.error(within.at, "no two numbers are closer than equal").hint("write `within: 0.05`, or take it out");
    }
    let within = written.within.as_ref().map_or(0.0, |within| within.is).max(0.0);
    if let Some(largest) = written.largest_difference.as_ref().filter(|largest| largest.is <= within) {
        report
            .error(largest.at, "if numbers never differ by more than this, all of them are the same answer")
            .label(format!("numbers up to {within} apart are the same"))
            .hint("write by how much two answers can differ at most: 1 for probabilities");
    }
}

/// A canary may take longer than its request, as long as somebody still compares it.
fn check_budget(entry: &ExecutorEntry, written: &CanaryEntry, whole: Option<Budget>, report: &mut Report<'_>) {
    let Some(budget) = &written.budget else { return };
    let start = entry.start.as_ref().and_then(|start| match start.after {
        Some(AfterEntry::Fixed(after)) => Some(after),
        _ => None,
    });
    if budget.is <= start.unwrap_or_default() {
        let problem = report.error(budget.at, format!("canary `{}` has no time to answer", entry.name.is));
        problem.hint("write how long its answers may take from the request's birth: `budget: 200ms`");
    } else if whole.is_some_and(|whole| budget.is > whole.as_duration() + CanarySpec::BEYOND_MAX) {
        let problem = report.error(budget.at, "nobody compares what comes so late");
        problem.label("a canary may take up to 5 seconds longer than the rendezvous' budget");
        problem.hint("lower it");
    }
}

fn share(sample: &Spanned<f64>, report: &mut Report<'_>) -> Option<Share> {
    let parts = (sample.is * 10_000.0).round();
    if parts < 1.0 {
        report
            .error(sample.at, "a canary that is asked about so few requests is not compared")
            .hint("write at least 0.01%: `sample: 2%`");
        return None;
    }
    if parts >= 10_000.0 {
        report
            .error(sample.at, "a sample is less than everything")
            .hint("take `sample` out to ask about every request");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 9,999")]
    Share::new(parts as u16)
}

fn acts(written: &ActsEntry) -> CanaryActs {
    let after = written.after.as_ref().map_or(CanaryActs::AFTER, |after| after.is.get() as u64);
    CanaryActs { promote: written.promote, reject: written.reject, after }
}

/// A twin that becomes a candidate, or goes, changes nothing but the noise floor.
pub(super) fn check_twins(entries: &[ExecutorEntry], executors: &[ExecutorSpec], report: &mut Report<'_>) {
    for entry in entries {
        let Some(acts) = entry.canary.as_ref().and_then(|canary| canary.acts.as_ref()) else { continue };
        let spec = executors.iter().find(|spec| spec.id.as_str() == entry.name.is);
        if let Some(spec) = spec.filter(|spec| canary::is_twin(spec, executors))
            && let Some(CanarySpec { of, .. }) = &spec.canary
        {
            let what = format!("canary `{}` runs what `{of}` runs, so there is nothing to act on", entry.name.is);
            let problem = report.error(acts.at, what);
            problem.label(format!("it tells how far `{of}` differs from itself"));
            problem.hint("take `acts` out, or let it run another model");
        }
    }
}
