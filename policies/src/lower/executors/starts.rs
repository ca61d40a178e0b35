//! When executors start: in time to be heard, and by the latency of somebody who is there to be measured.

use std::time::Duration;

use wire::{Budget, ExecutorId};

use crate::{
    Share, Start, UsualStart,
    diagnostic::{Report, Spanned},
    document::{AfterEntry, ExecutorEntry, StartEntry},
};

/// The share of the requests that may be hedged, in parts of 10,000, where a start follows a latency and the policy says no other.
const HEDGES: Share = match Share::new(1_000) {
    Some(share) => share,
    None => unreachable!(),
};

/// Returns when the executor of `entry` starts, and at most for which share of the requests.
pub(super) fn lower(
    entry: &ExecutorEntry,
    all: &[ExecutorEntry],
    budget: Option<Budget>,
    report: &mut Report<'_>,
) -> (Start, Option<Share>) {
    let Some(start) = &entry.start else { return (Start::NOW, None) };
    let (lowered, usual_share) = match &start.after {
        None => (Start::NOW, None),
        Some(AfterEntry::Fixed(after)) => (Start::After(*after), None),
        Some(AfterEntry::Usual { .. }) => {
            (usual(entry, start, all, budget, report).unwrap_or(Start::NOW), Some(HEDGES))
        }
    };
    if budget.is_some_and(|budget| lowered.latest() >= budget.as_duration()) {
        let problem = report.error(start.at, "this start comes when the budget is over");
        problem.hint("start it earlier, or raise the budget");
        return (Start::NOW, None);
    }
    (lowered, start.budget.as_ref().map_or(usual_share, share))
}

/// What is everything is no limit.
fn share(written: &Spanned<f64>) -> Option<Share> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10,000")]
    let parts = (written.is * 10_000.0).round() as u16;
    Share::new(parts.max(1))
}

fn usual(
    entry: &ExecutorEntry,
    start: &StartEntry,
    all: &[ExecutorEntry],
    budget: Option<Budget>,
    report: &mut Report<'_>,
) -> Option<Start> {
    let Some(AfterEntry::Usual { quantile, of, min, max, otherwise }) = &start.after else { return None };
    if entry.is_canary {
        let problem = report.error(start.at, "a canary does not start by somebody's latency");
        problem.label("a hedge is spared when others are fast, and a canary that is spared is not compared");
        problem.hint("write a time: `after: 2ms`");
        return None;
    }
    let of = match of {
        Some(of) => named(entry, of, all, report),
        None => only(entry, start, all, report),
    };
    let least = min.as_ref().map_or(Duration::ZERO, |min| min.is);
    // Half of the budget is left to whoever starts last.
    let half = budget.map_or(Duration::MAX, |budget| budget.as_duration() / 2);
    let most = max.as_ref().map_or(half.max(least), |max| max.is);
    let unknown = otherwise.as_ref().map_or(most, |otherwise| otherwise.is);
    if let Some(otherwise) = otherwise.as_ref().filter(|_| least <= most && !(least..=most).contains(&unknown)) {
        let problem = report.error(otherwise.at, "`otherwise` lies outside of the bounds");
        problem.hint("it is the start while too little is known: write one from `min` to `max`");
    }
    let budget_known = budget.is_some();
    let usual = UsualStart { of: of?, quantile: *quantile, min: least, max: most, otherwise: unknown };
    budget_known.then_some(Start::Usual(usual))
}

/// Returns the executor whose latency is named.
fn named(
    entry: &ExecutorEntry,
    of: &Spanned<String>,
    all: &[ExecutorEntry],
    report: &mut Report<'_>,
) -> Option<ExecutorId> {
    let others = || measured(entry, all).map(|other| other.name.is.as_str());
    let Some(found) = all.iter().find(|other| other.name.is == of.is) else {
        let problem = report.error(of.at, format!("a start follows `{}`, which is no executor", of.is));
        problem.did_you_mean(&of.is, others());
        return None;
    };
    let why_not = if found.is_canary {
        "is a canary, whose latency says nothing about what callers wait for"
    } else if found.name.is == entry.name.is {
        "starts by its own latency, which nobody has measured before it starts"
    } else if is_later(found) {
        "starts later itself: follow somebody who starts at once"
    } else {
        return ExecutorId::new(&found.name.is).ok();
    };
    report.error(of.at, format!("`{}` {why_not}", of.is)).did_you_mean("", others());
    None
}

/// Returns the one executor that starts at once: among several nobody can tell which is meant.
fn only(
    entry: &ExecutorEntry,
    start: &StartEntry,
    all: &[ExecutorEntry],
    report: &mut Report<'_>,
) -> Option<ExecutorId> {
    let mut candidates = measured(entry, all);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => ExecutorId::new(&only.name.is).ok(),
        (None, _) => {
            let problem = report.error(start.at, "nobody starts at once, whose latency could be followed");
            problem.hint("let one executor start at once, or write a time: `after: 2ms`");
            None
        }
        (Some(first), Some(second)) => {
            let (first, second) = (&first.name.is, &second.name.is);
            let problem = report.error(start.at, "several start at once, so whose latency this follows is not clear");
            problem.label(format!("`{first}` and `{second}` both do"));
            problem.hint(format!("say whose: `of: {first}`"));
            None
        }
    }
}

/// Returns who can be measured for somebody else's start: nobody's start may depend on a start that is later.
fn measured<'all>(entry: &'all ExecutorEntry, all: &'all [ExecutorEntry]) -> impl Iterator<Item = &'all ExecutorEntry> {
    all.iter().filter(|other| other.name.is != entry.name.is && !other.is_canary && !is_later(other))
}

fn is_later(entry: &ExecutorEntry) -> bool {
    entry.start.as_ref().is_some_and(|start| !matches!(start.after, Some(AfterEntry::Fixed(Duration::ZERO))))
}
