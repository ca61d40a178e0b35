//! The executors: each runs something that can be asked, and canaries are compared with candidates.

mod breaker;
mod canary;
mod judges;
mod kind;
mod starts;
mod state;

use std::{num::NonZeroUsize, time::Duration};

use wire::{Budget, ExecutorId, Role};

use super::NAME_HINT;
use crate::{
    ExecutorKind, ExecutorSpec,
    diagnostic::Report,
    document::{ExecutorEntry, KindEntry},
    evidence::EXECUTORS_MAX,
};

/// How many requests an executor works on at a time, unless the policy says.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN;
/// The same for a model on a server, which has its own queue.
const SERVER_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
/// More requests than this do not wait for one executor.
const BATCH_MAX: usize = 1_024;

pub(super) fn lower(
    entries: &[ExecutorEntry],
    budget: Option<Budget>,
    has_key: bool,
    report: &mut Report<'_>,
) -> Vec<ExecutorSpec> {
    if let Some(first_too_many) = entries.get(EXECUTORS_MAX) {
        report.error(first_too_many.name.at, format!("a rendezvous asks at most {EXECUTORS_MAX} executors"));
    }
    if let (Some(first), true) = (entries.first(), entries.iter().all(|entry| entry.is_canary)) {
        report
            .error(first.name.at, "every executor is a canary, so nobody may answer")
            .hint("make one a candidate by taking its `canary` out");
    }
    judges::check_waits(entries, budget, report);
    let executors = entries.iter().take(EXECUTORS_MAX);
    let executors = executors.filter_map(|entry| executor(entry, entries, budget, has_key, report)).collect::<Vec<_>>();
    canary::check_twins(entries, &executors, report);
    executors
}

fn executor(
    entry: &ExecutorEntry,
    all: &[ExecutorEntry],
    budget: Option<Budget>,
    has_key: bool,
    report: &mut Report<'_>,
) -> Option<ExecutorSpec> {
    let id = ExecutorId::new(&entry.name.is);
    if id.is_err() {
        report.error(entry.name.at, format!("`{}` cannot name an executor", entry.name.is)).hint(NAME_HINT);
    }
    let kind = kind::kind(entry, report);
    if let Some(cost) = entry.cost.as_ref().filter(|cost| cost.is < 0.0) {
        report
            .error(cost.at, "no answer costs less than nothing")
            .hint("write what one costs, in any unit: `cost: 1.5`");
    }
    let (start, hedges) = starts::lower(entry, all, budget, report);
    let usual = if matches!(kind, Some(ExecutorKind::Server(_))) { SERVER_CONCURRENCY } else { CONCURRENCY };
    // A faulty kind was reported; the executor stays, so that clauses that name it are not faulted too.
    Some(ExecutorSpec {
        id: id.ok()?,
        role: if entry.is_canary { Role::Canary } else { Role::Candidate },
        canary: canary::canary(entry, all, budget, report),
        start,
        hedges,
        concurrency: entry.concurrency.as_ref().map_or(usual, |concurrency| concurrency.is),
        max_batch: max_batch(entry, report),
        kind: kind.unwrap_or(ExecutorKind::Echo),
        family: entry.family.as_ref().map(|family| family.is.as_str().into()),
        cost: entry.cost.as_ref().map_or(0.0, |cost| cost.is),
        hears: judges::hears(entry, all, report),
        wait: entry.wait.as_ref().map_or(Duration::ZERO, |wait| wait.is),
        breaker: breaker::breaker(entry, report),
        state: state::state(entry, has_key, report),
    })
}

/// Returns how many requests go in one call at most: what a model says of itself is not known here, and of a server it
/// is not known whether it takes several.
fn max_batch(entry: &ExecutorEntry, report: &mut Report<'_>) -> Option<NonZeroUsize> {
    let usual = if matches!(entry.kind, Some(KindEntry::Onnx(_) | KindEntry::Model(_) | KindEntry::Python(_))) {
        None
    } else {
        Some(NonZeroUsize::MIN)
    };
    let Some(written) = &entry.max_batch else { return usual };
    let takes_several = !matches!(entry.kind, Some(KindEntry::Wasm(_) | KindEntry::Echo | KindEntry::Constant { .. }));
    if !takes_several && written.is > NonZeroUsize::MIN {
        report
            .error(written.at, format!("executor `{}` gains nothing from batches", entry.name.is))
            .hint("take `max_batch` out: it answers one request after the other");
    } else if written.is.get() > BATCH_MAX {
        report
            .error(written.at, format!("a batch of {} requests never comes together", written.is))
            .label(format!("at most {BATCH_MAX} wait for one executor"))
            .hint("write what one call takes at most, 32 for instance: the size is found by itself");
    }
    Some(written.is)
}
