//! The cases: each with a condition that can hold, a budget that fits, somebody to ask and a ladder of its own.

use std::{collections::HashSet, sync::Arc, time::Duration};

use wire::{Budget, ExecutorId, Plan, Role};

use super::{
    NAME_HINT, check_budget,
    expressions::{self, Requests},
    ladder::{Ladder, written},
};
use crate::{
    Case, ExecutorSpec, Policy,
    clause::Condition,
    diagnostic::{Report, Spanned},
    document::{CaseEntry, Document},
};

/// More cases than this are another rendezvous: each request tries them in order.
const CASES_MAX: usize = 64;

pub(super) fn lower(
    document: &Document,
    budget: Option<Budget>,
    executors: &[ExecutorSpec],
    requests: Requests<'_>,
    report: &mut Report<'_>,
) -> Vec<Case> {
    let entries = &document.cases;
    if let Some(name) = entries.get(CASES_MAX).and_then(|entry| entry.name.as_ref()) {
        report.error(name.at, format!("a rendezvous has at most {CASES_MAX} cases"));
    }
    let entries = &entries[..entries.len().min(CASES_MAX)];
    check_names(entries, report);
    let condition = |entry: &CaseEntry, report: &mut Report<'_>| {
        entry.when.as_ref().and_then(|when| expressions::condition(when, requests, report))
    };
    let whens: Vec<_> = entries.iter().map(|entry| condition(entry, report)).collect();
    check_reached(entries, &whens, report);
    let cases = entries.iter().zip(whens);
    cases.filter_map(|(entry, when)| case(entry, when, document, budget, executors, report)).collect()
}

fn case(
    entry: &CaseEntry,
    when: Option<Condition>,
    document: &Document,
    whole: Option<Budget>,
    executors: &[ExecutorSpec],
    report: &mut Report<'_>,
) -> Option<Case> {
    let budget = match &entry.budget {
        Some(budget) => case_budget(budget, whole, report),
        None => whole,
    };
    let ask = entry.ask.as_ref().map(|ask| asked(ask, executors, report));
    let mut ladder = Ladder::new(document, budget, executors, ask.as_deref());
    let rungs = ladder.lower(&entry.decide, report);
    let is_asked = |executor: &&ExecutorSpec| {
        executor.role == Role::Canary || ask.as_ref().is_none_or(|ask| ask.contains(&executor.id))
    };
    let candidates = executors.iter().filter(|executor| executor.role == Role::Candidate);
    for executor in candidates.filter(is_asked) {
        check_asked(executor, entry, budget, ask.as_deref(), report);
    }
    let plan = Plan::new(executors.iter().filter(is_asked).map(ExecutorSpec::asked).collect());
    let budget = budget?;
    let policy = Arc::new(Policy::new(budget, executors, &plan, ladder.into_fields(), rungs));
    Some(Case { name: entry.name.as_ref()?.is.as_str().into(), when: Arc::new(when?), budget, plan, policy })
}

fn case_budget(budget: &Spanned<Duration>, whole: Option<Budget>, report: &mut Report<'_>) -> Option<Budget> {
    if let Some(whole) = whole.filter(|whole| budget.is > whole.as_duration()) {
        let problem = report.error(budget.at, "a case has no more time than its rendezvous");
        problem.label(format!("the budget is {}", written(whole.as_duration())));
        problem.hint("lower it, or raise the budget at the top");
        return Some(whole);
    }
    check_budget(budget, report)
}

/// Returns the candidates that a case asks.
fn asked(names: &[Spanned<String>], executors: &[ExecutorSpec], report: &mut Report<'_>) -> Vec<ExecutorId> {
    let mut asked: Vec<ExecutorId> = Vec::new();
    for name in names {
        match executors.iter().find(|executor| executor.id.as_str() == name.is) {
            Some(executor) if executor.role == Role::Canary => {
                let problem =
                    report.error(name.at, format!("`{}` is a canary, and canaries are always asked", name.is));
                problem.hint("take it out of `ask`");
            }
            Some(executor) if asked.contains(&executor.id) => {
                report.error(name.at, format!("`{}` is asked twice", name.is)).hint("name it once");
            }
            Some(executor) => asked.push(executor.id.clone()),
            None => {
                let candidates = executors.iter().filter(|executor| executor.role == Role::Candidate);
                let problem = report.error(name.at, format!("`ask` names `{}`, which is no executor", name.is));
                problem.did_you_mean(&name.is, candidates.map(|executor| executor.id.as_str()));
            }
        }
    }
    asked
}

/// Whoever is asked can be heard in time, and is told what it waits for.
fn check_asked(
    executor: &ExecutorSpec,
    entry: &CaseEntry,
    budget: Option<Budget>,
    ask: Option<&[ExecutorId]>,
    report: &mut Report<'_>,
) {
    let named = entry.ask.iter().flatten().find(|name| name.is == executor.id.as_str());
    let at = named.map(|name| name.at).or(entry.budget.as_ref().map(|budget| budget.at));
    let start = executor.start.latest();
    if let (Some(at), Some(budget)) = (at, budget.filter(|budget| start >= budget.as_duration())) {
        let problem = report.error(at, format!("`{}` starts when this case is over", executor.id));
        problem.label(format!("it starts after {}, and the case has {budget}", written(start)));
        problem.hint("leave it out of the case's `ask`, or give the case more time");
    }
    let unasked = executor.start.follows().filter(|of| ask.is_some_and(|ask| !ask.contains(of)));
    if let (Some(at), Some(of)) = (at, unasked) {
        let problem =
            report.error(at, format!("`{}` starts by the latency of `{of}`, whom this case does not ask", executor.id));
        problem.hint(format!("add `{of}` to the case's `ask`, or leave `{}` out", executor.id));
    }
    let missed = executor.hears.iter().find(|heard| ask.is_some_and(|ask| !ask.contains(heard)));
    if let (Some(at), Some(heard)) = (at, missed) {
        let problem = report.error(at, format!("`{}` hears `{heard}`, whom this case does not ask", executor.id));
        problem.hint(format!("add `{heard}` to the case's `ask`, or leave `{}` out", executor.id));
    }
}

fn check_names(entries: &[CaseEntry], report: &mut Report<'_>) {
    let mut seen = HashSet::new();
    for name in entries.iter().filter_map(|entry| entry.name.as_ref()) {
        if ExecutorId::new(&name.is).is_err() {
            report.error(name.at, format!("`{}` cannot name a case", name.is)).hint(NAME_HINT);
        }
        if !seen.insert(&name.is) {
            report
                .error(name.at, format!("two cases are called `{}`", name.is))
                .hint("results tell cases by their names");
        }
    }
}

/// A case that takes every request leaves none to those behind it.
fn check_reached(entries: &[CaseEntry], whens: &[Option<Condition>], report: &mut Report<'_>) {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut taker: Option<&CaseEntry> = None;
    for (entry, when) in entries.iter().zip(whens) {
        let (Some(written), Some(when)) = (&entry.when, when) else { continue };
        if let Some(name) = taker.and_then(|taker| taker.name.as_ref()) {
            let problem = report.error(written.at, "no request comes to this case");
            problem.label(format!("case `{}` above takes every one", name.is));
            problem.hint("make the case that takes every request the last");
        } else if !seen.insert(written.is.trim()) {
            let problem = report.error(written.at, "a case above has the same `when`, and takes its requests");
            problem.hint("change one of the two conditions");
        }
        match when.always() {
            Some(true) => taker = taker.or(Some(entry)),
            Some(false) => {
                let problem = report.warn(written.at, "no request is ever like this");
                problem.hint("compare something of the request, or take the case out");
            }
            None => {}
        }
    }
}
