//! From the document as written to the definition as meant, or every problem at once.

mod examples;
mod ladder;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use wire::{Budget, ExecutorId, PolicyRef, RendezvousName, Role};

use crate::{
    DecoySpec, Definition, Diagnostics, ExecutorKind, ExecutorSpec, InputSchema, Objective, Policy,
    diagnostic::{Report, Spanned},
    document::{self, DecoyEntry, Document, ExecutorEntry, KindEntry, ObjectiveEntry},
    evidence::{EXECUTORS_MAX, Fields, Path},
};

/// Longest budget. Longer waits are no latency promise, and every open request holds memory.
const BUDGET_MAX: Duration = Duration::from_mins(5);
/// How long an input waits for its file, unless the policy says.
const ARCHIVE_EVERY: Duration = Duration::from_mins(1);
/// How many requests an executor works on at a time, unless the policy says.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN;
/// The same for a model on a server, which has its own queue.
const HTTP_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// Reads a policy file.
pub(crate) fn definition(source: &str, text: &str) -> Result<Definition, Diagnostics> {
    let mut report = Report::new(source, text);
    let definition = document::parse(text, &mut report).and_then(|document| lower(text, &document, &mut report));
    match definition {
        Some(definition) if report.is_clean() => Ok(definition),
        _ => Err(report.finish()),
    }
}

/// Returns what could be made of it, which counts only if the report is clean.
fn lower(text: &str, document: &Document, report: &mut Report<'_>) -> Option<Definition> {
    let rendezvous = document.rendezvous.as_ref().and_then(|name| rendezvous(name, report));
    let budget = document.budget.as_ref().and_then(|budget| check_budget(budget, report));
    let input = input(&document.features, report);
    let executors = executors(&document.executors, report);
    let mut fields = fields(document, report);
    let ladder = ladder::lower(&document.decide, budget, &executors, &mut fields, report);
    let examples = examples::lower(&document.examples, &document.executors, report);
    let objectives = document.objectives.iter().filter_map(objective).collect();
    let decoy = document.decoy.as_ref().and_then(|entry| decoy(entry, report));
    check_starts(&document.executors, budget, report);
    let budget = budget?;
    let plan = wire::Plan::new(executors.iter().map(ExecutorSpec::asked).collect());
    Some(Definition {
        policy_ref: PolicyRef { rendezvous: rendezvous?, version: 1 },
        text: text.into(),
        budget,
        input,
        attributes: Vec::new(),
        policy: Arc::new(Policy::new(budget, &executors, &plan, fields, ladder)),
        executors,
        decoy,
        cases: Vec::new(),
        key: None,
        approvals: 0,
        objectives,
        examples,
    })
}

fn rendezvous(name: &Spanned<String>, report: &mut Report<'_>) -> Option<RendezvousName> {
    let checked = RendezvousName::new(&name.is);
    if checked.is_err() {
        report.error(name.at, format!("`{}` cannot name a rendezvous", name.is)).hint(NAME_HINT);
    }
    checked.ok()
}

const NAME_HINT: &str = "use 1 to 60 letters, digits, `-` or `_`, starting with a letter";

fn check_budget(budget: &Spanned<Duration>, report: &mut Report<'_>) -> Option<Budget> {
    if budget.is.is_zero() {
        report
            .error(budget.at, "a budget of nothing leaves no time to answer")
            .hint("write how long a caller waits: `50ms`");
        return None;
    }
    if budget.is > BUDGET_MAX {
        report.error(budget.at, "a budget is at most 5 minutes");
        return None;
    }
    u64::try_from(budget.is.as_micros()).ok().map(Budget::from_micros)
}

fn input(features: &[Spanned<String>], report: &mut Report<'_>) -> InputSchema {
    for (index, feature) in features.iter().enumerate() {
        if features[..index].iter().any(|earlier| earlier.is == feature.is) {
            report.error(feature.at, format!("feature `{}` is named twice", feature.is));
        }
    }
    InputSchema { features: features.iter().map(|feature| Arc::from(feature.is.as_str())).collect() }
}

fn executors(entries: &[ExecutorEntry], report: &mut Report<'_>) -> Vec<ExecutorSpec> {
    if let Some(first_too_many) = entries.get(EXECUTORS_MAX) {
        report.error(first_too_many.name.at, format!("a rendezvous asks at most {EXECUTORS_MAX} executors"));
    }
    if let (Some(first), true) = (entries.first(), entries.iter().all(|entry| entry.is_canary)) {
        report
            .error(first.name.at, "every executor is a canary, so nobody may answer")
            .hint("make one a candidate by taking its `canary` out");
    }
    entries.iter().filter_map(|entry| executor(entry, entries, report)).collect()
}

fn executor(entry: &ExecutorEntry, all: &[ExecutorEntry], report: &mut Report<'_>) -> Option<ExecutorSpec> {
    let id = ExecutorId::new(&entry.name.is);
    if id.is_err() {
        report.error(entry.name.at, format!("`{}` cannot name an executor", entry.name.is)).hint(NAME_HINT);
    }
    let canary_of = entry.canary_of.as_ref().and_then(|of| reference(entry, of, all, report));
    let kind = match entry.kind.as_ref() {
        Some(KindEntry::Http(url)) => {
            check_url(url, report);
            Some(ExecutorKind::Http(url.is.clone()))
        }
        Some(KindEntry::Onnx(path)) => Some(ExecutorKind::Onnx(path.is.clone().into())),
        Some(KindEntry::Echo) => Some(ExecutorKind::Echo),
        Some(KindEntry::Constant { answer, delay }) => {
            Some(ExecutorKind::Constant { answer: answer.as_str().into(), delay: *delay })
        }
        None => None,
    };
    let usual = if matches!(kind, Some(ExecutorKind::Http(_))) { HTTP_CONCURRENCY } else { CONCURRENCY };
    // A faulty kind was reported; the executor stays, so that clauses that name it are not faulted too.
    Some(ExecutorSpec {
        id: id.ok()?,
        role: if entry.is_canary { Role::Canary } else { Role::Candidate },
        canary_of,
        start_after: entry.start_after.as_ref().map_or(Duration::ZERO, |after| after.is),
        concurrency: entry.concurrency.as_ref().map_or(usual, |concurrency| concurrency.is),
        kind: kind.unwrap_or(ExecutorKind::Echo),
        family: None,
        cost: 0.0,
    })
}

/// Whoever starts when the budget is over is never heard in time.
fn check_starts(entries: &[ExecutorEntry], budget: Option<Budget>, report: &mut Report<'_>) {
    let starts = entries.iter().filter_map(|entry| entry.start_after.as_ref());
    for start in starts.filter(|start| budget.is_some_and(|budget| start.is >= budget.as_duration())) {
        let problem = report.error(start.at, "this start comes when the budget is over");
        problem.hint("start it earlier, or raise the budget");
    }
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

fn check_url(url: &Spanned<String>, report: &mut Report<'_>) {
    if !url.is.starts_with("http://") && !url.is.starts_with("https://") {
        report.error(url.at, format!("`{}` is not an HTTP URL", url.is)).hint("start with `http://` or `https://`");
    }
}

fn fields(document: &Document, report: &mut Report<'_>) -> Fields {
    let mut fields = Fields::default();
    if let Some(path) = document.value.as_ref().and_then(|value| path(value, report)) {
        fields.set_value(&path);
    }
    if let Some(path) = document.confidence.as_ref().and_then(|confidence| path(confidence, report)) {
        fields.set_confidence(&path);
    }
    fields
}

/// Reads a field's path.
fn path(text: &Spanned<String>, report: &mut Report<'_>) -> Option<Path> {
    let path = Path::parse(&text.is);
    if path.is_none() {
        report
            .error(text.at, format!("`{}` is not a field of an answer", text.is))
            .hint("write a name, or names with dots between: `scores.fraud`");
    }
    path
}

fn decoy(entry: &DecoyEntry, report: &mut Report<'_>) -> Option<DecoySpec> {
    if let Some(every) = entry.every.as_ref().filter(|every| every.is.is_zero()) {
        report.error(every.at, "an archive that never waits writes a file for each input").hint("write `every: 60s`");
    }
    Some(DecoySpec {
        archive: entry.archive.as_ref()?.is.clone().into(),
        every: entry.every.as_ref().map_or(ARCHIVE_EVERY, |every| every.is),
        keep: entry.keep.as_ref().map(|keep| keep.is),
    })
}

fn objective(entry: &ObjectiveEntry) -> Option<Objective> {
    let (within, share, window) = (entry.within.as_ref()?, entry.share.as_ref()?, entry.window.as_ref()?);
    Some(Objective { within: within.is, share: share.is, window: window.is })
}
