//! Judges: executors that hear others before they answer.

use std::collections::HashSet;

use wire::{Budget, ExecutorId};

use crate::{
    diagnostic::{Report, Spanned},
    document::{ExecutorEntry, KindEntry},
};

/// Returns whom `entry` hears; what is wrong with it is reported.
pub(super) fn hears(entry: &ExecutorEntry, all: &[ExecutorEntry], report: &mut Report<'_>) -> Vec<ExecutorId> {
    let name = &entry.name.is;
    let Some(hears) = &entry.hears else {
        if let Some(wait) = &entry.wait {
            let problem = report.error(wait.at, format!("executor `{name}` waits for nobody"));
            problem.hint("name those whose answers it is given: `hears: [forest, boost]`");
        }
        return Vec::new();
    };
    if matches!(entry.kind, Some(KindEntry::Onnx(_))) {
        report
            .error(hears.at, format!("executor `{name}` runs an ONNX model, which takes features and no answers"))
            .hint("put the model that judges behind a server: `http: \"http://…/infer\"`");
    }
    if hears.names.is_empty() {
        report.error(hears.at, format!("executor `{name}` hears nobody")).hint("name somebody, or take `hears` out");
    } else if entry.wait.is_none() {
        report
            .error(hears.at, format!("executor `{name}` does not say how long it waits for those it hears"))
            .hint("add `wait: 10ms`, counted from the request's birth: then it begins with what it has heard");
    }
    let mut all_heard = Vec::with_capacity(hears.names.len());
    for (index, heard) in hears.names.iter().enumerate() {
        if hears.names[..index].iter().any(|earlier| earlier.is == heard.is) {
            report.error(heard.at, format!("executor `{name}` hears `{}` twice", heard.is));
        } else if check_heard(entry, heard, all, report) {
            all_heard.extend(ExecutorId::new(&heard.is));
        }
    }
    all_heard
}

fn check_heard(entry: &ExecutorEntry, heard: &Spanned<String>, all: &[ExecutorEntry], report: &mut Report<'_>) -> bool {
    let name = &entry.name.is;
    let others = || all.iter().filter(|other| !other.is_canary && other.name.is != *name);
    let Some(other) = all.iter().find(|other| other.name.is == heard.is) else {
        report
            .error(heard.at, format!("executor `{name}` hears `{}`, which is no executor", heard.is))
            .did_you_mean(&heard.is, others().map(|other| other.name.is.as_str()));
        return false;
    };
    if heard.is == *name {
        report.error(heard.at, format!("executor `{name}` hears itself")).hint("take it out of the list");
        return false;
    }
    if other.is_canary {
        report
            .error(heard.at, format!("executor `{name}` hears `{}`, a canary, whose answers reach nobody", heard.is))
            .hint("hear a candidate");
        return false;
    }
    let in_a_circle = |first: &str| reaches(first, name, all) && reaches(name, first, all);
    let is_told_already =
        all.iter().take_while(|other| other.name.is != *name).any(|other| in_a_circle(&other.name.is));
    if reaches(&heard.is, name, all) && !is_told_already {
        report
            .error(heard.at, format!("executor `{name}` waits for `{}`, which waits for it", heard.is))
            .hint("let one of them answer without the other");
        return false;
    }
    true
}

/// Returns whether `from` hears `to`, itself or through others.
fn reaches(from: &str, to: &str, all: &[ExecutorEntry]) -> bool {
    let (mut ahead, mut seen) = (vec![from], HashSet::new());
    while let Some(next) = ahead.pop() {
        if !seen.insert(next) {
            continue;
        }
        let entry = all.iter().find(|entry| entry.name.is == next);
        let heard = entry.and_then(|entry| entry.hears.as_ref()).map_or(&[][..], |hears| &hears.names);
        if heard.iter().any(|name| name.is == to) {
            return true;
        }
        ahead.extend(heard.iter().map(|name| name.is.as_str()));
    }
    false
}

/// Whoever begins when the budget is over is never heard in time.
pub(super) fn check_waits(entries: &[ExecutorEntry], budget: Option<Budget>, report: &mut Report<'_>) {
    let waits = entries.iter().filter(|entry| entry.hears.is_some()).filter_map(|entry| entry.wait.as_ref());
    for wait in waits.filter(|wait| budget.is_some_and(|budget| wait.is >= budget.as_duration())) {
        report
            .error(wait.at, "this wait for others' answers leaves no time to judge them")
            .hint("wait for less than the budget");
    }
}
