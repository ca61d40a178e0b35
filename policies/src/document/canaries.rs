//! `canary:` as written: with whom it is compared, by how much it may be worse, and what is done about it.

use std::{num::NonZeroUsize, time::Duration};

use super::{
    read::{self, Members},
    tree::{Node, Value},
};
use crate::{
    PromoteWhen,
    diagnostic::{Report, Span, Spanned},
    duration::{micros_of, number_and_unit},
};

/// A canary.
#[derive(Debug)]
pub(crate) struct CanaryEntry {
    pub(crate) of: Option<Spanned<String>>,
    pub(crate) no_worse_by: Option<MarginsEntry>,
    pub(crate) confidence: Option<Spanned<f64>>,
    pub(crate) warm_up: Option<Spanned<Duration>>,
    pub(crate) within: Option<Spanned<f64>>,
    pub(crate) largest_difference: Option<Spanned<f64>>,
    pub(crate) sample: Option<Spanned<f64>>,
    pub(crate) budget: Option<Spanned<Duration>>,
    pub(crate) hold: Option<Spanned<bool>>,
    pub(crate) acts: Option<ActsEntry>,
}

/// By how much it may be worse, as far as that is written.
#[derive(Debug)]
pub(crate) struct MarginsEntry {
    pub(crate) at: Span,
    pub(crate) agreement: Option<MarginEntry<f64>>,
    pub(crate) overlap: Option<MarginEntry<f64>>,
    pub(crate) ranking: Option<MarginEntry<f64>>,
    pub(crate) accuracy: Option<MarginEntry<f64>>,
    pub(crate) failures: Option<MarginEntry<f64>>,
    pub(crate) p50: Option<MarginEntry<Duration>>,
    pub(crate) p99: Option<MarginEntry<Duration>>,
    pub(crate) impact: Option<MarginEntry<f64>>,
}

/// What is written of one metric; `None` is `off`: it is not judged.
pub(crate) type MarginEntry<T> = Spanned<Option<T>>;

/// What is done about it.
#[derive(Debug)]
pub(crate) struct ActsEntry {
    pub(crate) at: Span,
    pub(crate) promote: Option<PromoteWhen>,
    pub(crate) reject: bool,
    pub(crate) after: Option<Spanned<NonZeroUsize>>,
}

// === impl CanaryEntry ===

impl CanaryEntry {
    /// `{ of: forest, no_worse_by: { agreement: 1%, p99: 5ms }, confidence: 99%, … }`.
    pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut canary = Members::of(node, "`canary`", report)?;
        let of = canary.require("of", report).and_then(|node| read::text(node, "a canary's reference", report));
        let entry = Self {
            of,
            no_worse_by: canary.take("no_worse_by").and_then(|node| MarginsEntry::read(node, report)),
            confidence: canary.take("confidence").and_then(|node| part(node, "`confidence`", "99%", report)),
            warm_up: canary.take("warm_up").and_then(|node| read::duration(node, report)),
            within: canary.take("within").and_then(|node| read::number(node, "`within`", report)),
            largest_difference: canary
                .take("largest_difference")
                .and_then(|node| read::number(node, "`largest_difference`", report)),
            sample: canary.take("sample").and_then(|node| part(node, "`sample`", "2%", report)),
            budget: canary.take("budget").and_then(|node| read::duration(node, report)),
            hold: canary.take("hold").and_then(|node| truth(node, report)),
            acts: canary.take("acts").and_then(|node| ActsEntry::read(node, report)),
        };
        canary.finish(report);
        Some(entry)
    }
}

// === impl MarginsEntry ===

impl MarginsEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        if is_nothing(node) {
            let problem = report.error(node.at, "`no_worse_by` declares nothing");
            problem.hint("write by how much it may be worse: `{ agreement: 1%, p99: 5ms }`");
            return None;
        }
        let mut margins = Members::of(node, "`no_worse_by`", report)?;
        let entry = Self {
            at: node.at,
            agreement: margins.take("agreement").and_then(|node| share(node, "agreement", report)),
            overlap: margins.take("overlap").and_then(|node| share(node, "overlap", report)),
            ranking: margins.take("ranking").and_then(|node| share(node, "ranking", report)),
            accuracy: margins.take("accuracy").and_then(|node| share(node, "accuracy", report)),
            failures: margins.take("failures").and_then(|node| share(node, "failures", report)),
            p50: margins.take("p50").and_then(|node| time(node, "p50", report)),
            p99: margins.take("p99").and_then(|node| time(node, "p99", report)),
            impact: margins.take("impact").and_then(|node| share(node, "impact", report)),
        };
        margins.finish(report);
        Some(entry)
    }
}

fn is_nothing(node: &Node) -> bool {
    node.is_null() || matches!(&node.value, Value::Map(members) if members.is_empty())
}

/// A margin that is a share of requests, or `off`, which some readers of YAML take for `false`.
fn share(node: &Node, name: &str, report: &mut Report<'_>) -> Option<MarginEntry<f64>> {
    let text = node.text().unwrap_or_default();
    if matches!(text, "off" | "false") {
        return Some(Spanned { is: None, at: node.at });
    }
    let (number, unit) = number_and_unit(text);
    if !number.is_empty() && micros_of(unit.trim()).is_some() {
        let problem = report.error(node.at, format!("`{name}` is a share, and this is a time"));
        problem.hint(format!("write `{name}: 1%`; times are `p50` and `p99`"));
        return None;
    }
    part(node, "a margin", "1%", report).map(|Spanned { is, at }| Spanned { is: Some(is), at })
}

/// A margin that is a time, or `off`.
fn time(node: &Node, name: &str, report: &mut Report<'_>) -> Option<MarginEntry<Duration>> {
    let text = node.text().unwrap_or_default();
    if matches!(text, "off" | "false") {
        return Some(Spanned { is: None, at: node.at });
    }
    if text.ends_with('%') {
        let problem = report.error(node.at, format!("`{name}` is a time, and this is a share"));
        problem.hint(format!("write how much later its answers may come: `{name}: 5ms`"));
        return None;
    }
    read::duration(node, report).map(|Spanned { is, at }| Spanned { is: Some(is), at })
}

/// `99.9%` or `0.999`; which shares make sense is `lower`'s.
fn part(node: &Node, what: &str, example: &str, report: &mut Report<'_>) -> Option<Spanned<f64>> {
    let part = read::part(node);
    if part.is_none() {
        let problem = report.error(node.at, format!("{what} is a share"));
        problem.label(format!("this is {}", node.what())).hint(format!("write `{example}`"));
    }
    part.map(|is| Spanned { is, at: node.at })
}

fn truth(node: &Node, report: &mut Report<'_>) -> Option<Spanned<bool>> {
    let truth = match node.text() {
        Some("true") => true,
        Some("false") => false,
        _ => {
            report.error(node.at, "`hold` is true or false").label(format!("this is {}", node.what()));
            return None;
        }
    };
    Some(Spanned { is: truth, at: node.at })
}

// === impl ActsEntry ===

impl ActsEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let useless = |report: &mut Report<'_>| {
            let problem = report.error(node.at, "`acts` does nothing");
            problem.hint("write what is done: `{ promote: better }`, `{ reject: worse }` or both");
        };
        if is_nothing(node) {
            useless(report);
            return None;
        }
        let mut acts = Members::of(node, "`acts`", report)?;
        let (promote, reject) = (acts.take("promote"), acts.take("reject"));
        if promote.is_none() && reject.is_none() && acts.take("after").is_some() {
            useless(report);
        }
        let entry = Self {
            at: node.at,
            promote: promote.and_then(|node| promote_when(node, report)),
            reject: reject.is_some_and(|node| reject_when(node, report)),
            after: acts.take("after").and_then(|node| read::count(node, "`after`", report)),
        };
        acts.finish(report);
        Some(entry)
    }
}

fn promote_when(node: &Node, report: &mut Report<'_>) -> Option<PromoteWhen> {
    let text = node.text().unwrap_or_default();
    let found = PromoteWhen::ALL.into_iter().find(|when| when.as_str() == text);
    if found.is_none() {
        let problem = report.error(node.at, format!("nobody is promoted for being `{text}`"));
        problem.did_you_mean(text, PromoteWhen::ALL.map(PromoteWhen::as_str));
    }
    found
}

fn reject_when(node: &Node, report: &mut Report<'_>) -> bool {
    let text = node.text().unwrap_or_default();
    if text != "worse" {
        let problem = report.error(node.at, format!("nobody is taken out for being `{text}`"));
        problem.did_you_mean(text, ["worse"]);
    }
    true
}
