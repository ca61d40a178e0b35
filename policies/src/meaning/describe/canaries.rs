//! A canary, taken apart: with whom it is compared, how, and what is done about it.

use std::time::Duration;

use serde_json::json;
use wire::ExecutorId;

use super::{Fact, Part, fact, optional, percent};
use crate::{CanaryActs, CanarySpec, Margins, PromoteWhen, RankedList, meaning::words};

/// Returns what it means that executor `id` is a canary.
pub(super) fn compared(id: &ExecutorId, spec: &CanarySpec) -> Part {
    let CanarySpec { of, margins, confidence, warm_up, within, largest_difference, sample, budget, hold, acts } = spec;
    let sample = sample.map(|share| percent(f64::from(share.parts()) / 10_000.0));
    let mut facts = vec![fact("of", of.as_str(), "is compared with `{new}` instead of `{old}`")];
    facts.extend(judged(margins));
    facts.extend([
        fact("confidence", percent(*confidence), "is judged with a confidence of {new} instead of {old}"),
        fact("warm_up", words::duration(*warm_up), "counts from {new} after its first request instead of {old}"),
        fact("within", words::canonical(json!(within)), "says the same up to {new} apart instead of {old}"),
        optional(
            "largest_difference",
            largest_difference.map(|largest| words::canonical(json!(largest)).to_string()),
            "nobody knows how much",
            "differs at most by {new} instead of {old}",
        ),
        optional("sample", sample, "all", "is asked about {new} of the requests instead of {old}"),
        optional("budget", budget.map(words::duration), "as long as its request", "may take {new} instead of {old}"),
        fact("hold", *hold, "is {new} instead of {old}").shown(if *hold { "held" } else { "not held" }),
    ]);
    facts.extend(done(acts.as_ref()));
    Part {
        path: format!("executors.{id}.canary"),
        key: id.to_string(),
        title: format!("canary `{id}`"),
        arrives: format!(
            "executor `{id}` is a canary of `{of}` (only compared) instead of a candidate (may be chosen)"
        ),
        leaves: format!("executor `{id}` is a candidate (may be chosen) instead of a canary of `{of}` (only compared)"),
        facts,
        groups: Vec::new(),
    }
}

/// Returns by which list canaries are compared; none is as if it said what is usual of one.
pub(super) fn lists(list: Option<&RankedList>) -> [Fact; 4] {
    let top = list.map_or(RankedList::TOP, |list| list.top).get() as u64;
    let persistence = list.map_or(RankedList::PERSISTENCE, |list| list.persistence);
    let quoted = |path: String| format!("`{path}`");
    [
        optional(
            "answer.list",
            list.map(|list| quoted(list.field())),
            "nothing",
            "canaries are compared by the list in {new} instead of {old}",
        )
        .plain(),
        optional(
            "answer.list.item",
            list.and_then(RankedList::item).map(quoted),
            "all of it",
            "an item of the list is known by {new} instead of {old}",
        )
        .plain(),
        fact(
            "answer.list.top",
            words::count(top, "item", "items"),
            "lists are compared by their first {new} instead of {old}",
        ),
        fact(
            "answer.list.persistence",
            percent(persistence),
            "whoever reads the list goes on to the next item in {new} of all cases instead of {old}",
        ),
    ]
}

fn judged(margins: &Margins) -> [Fact; 8] {
    let Margins { agreement, overlap, ranking, accuracy, failures, p50, p99, impact } = margins;
    let share = |name, margin: &Option<f64>, says| optional(name, margin.map(percent), "any number", says);
    let time = |name, margin: &Option<Duration>, says| optional(name, margin.map(words::duration), "any time", says);
    [
        share(
            "no_worse_by.agreement",
            agreement,
            "may answer otherwise than its reference in {new} of the requests instead of {old}",
        ),
        optional(
            "no_worse_by.overlap",
            overlap.map(percent),
            "all",
            "may name other items in {new} of its lists' first places instead of {old}",
        ),
        optional(
            "no_worse_by.ranking",
            ranking.map(percent),
            "any share",
            "may rank its lists otherwise by {new} instead of {old}",
        ),
        share("no_worse_by.accuracy", accuracy, "may be wrong in {new} more of the requests instead of {old}"),
        share("no_worse_by.failures", failures, "may fail {new} more of the requests instead of {old}"),
        time("no_worse_by.p50", p50, "may be {new} later at the median instead of {old}"),
        time("no_worse_by.p99", p99, "may be {new} later at the 99th percentile instead of {old}"),
        share("no_worse_by.impact", impact, "may change {new} of the results, were it first, instead of {old}"),
    ]
}

/// What is done by itself; nothing is as if it said so of each.
fn done(acts: Option<&CanaryActs>) -> [Fact; 3] {
    let promote = acts.and_then(|CanaryActs { promote, reject: _, after: _ }| *promote);
    let promoted = match promote {
        None => "never",
        Some(PromoteWhen::Better) => "when it is better",
        Some(PromoteWhen::NoWorse) => "when it is no worse",
    };
    let reject = acts.is_some_and(|acts| acts.reject);
    let pairs = |acts: &CanaryActs| words::count(acts.after, "pair", "pairs");
    [
        fact("acts.promote", promote.map(PromoteWhen::as_str), "becomes a candidate by itself {new} instead of {old}")
            .shown(promoted),
        fact("acts.reject", reject, "is taken out by itself {new} instead of {old}").shown(if reject {
            "when it is worse"
        } else {
            "never"
        }),
        optional("acts.after", acts.map(pairs), "any number of pairs", "is acted on after {new} instead of {old}"),
    ]
}
