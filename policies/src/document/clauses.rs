//! `decide:` as written: the ladder's clauses.

use std::{num::NonZeroUsize, time::Duration};

use super::{
    read::{self, Members},
    tree::{Node, Value},
};
use crate::diagnostic::{Report, Span, Spanned};

/// One clause.
#[derive(Debug)]
pub(crate) struct ClauseEntry {
    pub(crate) at: Span,
    /// `None` if it was wrong, and reported.
    pub(crate) body: Option<ClauseBody>,
    pub(crate) until: Option<Spanned<Duration>>,
    /// Whether `until` was written, be it wrongly.
    pub(crate) has_until: bool,
}

/// What it says.
#[derive(Debug)]
pub(crate) enum ClauseBody {
    First,
    Prefer(Vec<RankEntry>),
    Agree(AgreeEntry),
    Best(BestEntry),
    Default(String),
}

/// One rank of a `prefer`.
#[derive(Debug)]
pub(crate) struct RankEntry {
    pub(crate) executor: Spanned<String>,
    pub(crate) until: Option<Spanned<Duration>>,
}

/// An `agree`.
#[derive(Debug)]
pub(crate) struct AgreeEntry {
    pub(crate) votes: Option<Spanned<VotesEntry>>,
    pub(crate) on: Option<Vec<Spanned<String>>>,
}

/// How many must agree.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VotesEntry {
    Count(NonZeroUsize),
    Majority,
}

/// A `best`.
#[derive(Debug)]
pub(crate) struct BestEntry {
    pub(crate) score: Option<Spanned<String>>,
    pub(crate) at_least: Option<Spanned<f64>>,
}

const KINDS: [&str; 5] = ["first", "prefer", "agree", "best", "default"];

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<ClauseEntry> {
    let items = read::list(node, "`decide`", report);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        report.error(node.at, "nothing decides").hint("add `- first: any` or `- default: { … }`");
    }
    items.iter().map(|item| ClauseEntry::read(item, report)).collect()
}

impl ClauseEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Self {
        if node.text() == Some("first") {
            return Self { at: node.at, body: Some(ClauseBody::First), until: None, has_until: false };
        }
        // What is no clause may have meant any end.
        let nothing = Self { at: node.at, body: None, until: None, has_until: true };
        let Some(mut clause) = Members::of(node, "a clause", report) else { return nothing };
        let kinds = clause.any_of(&KINDS);
        let written = clause.take("until");
        let until = written.and_then(|node| read::duration(node, report));
        let body = match kinds.as_slice() {
            [(kind, node)] => ClauseBody::read(kind, node, report),
            [] => {
                no_kind(node, report);
                return Self { until, has_until: written.is_some(), ..nothing };
            }
            [_, (second, _), ..] => {
                report
                    .error(second.at, format!("a clause decides one way, and `{}` is a second", second.is))
                    .hint("start a new clause with `- `");
                None
            }
        };
        clause.finish(report);
        let at = kinds.first().map_or(node.at, |(kind, _)| kind.at);
        Self { at, body, until, has_until: written.is_some() }
    }
}

fn no_kind(node: &Node, report: &mut Report<'_>) {
    let Value::Map(members) = &node.value else { return };
    match members.iter().find(|(key, _)| key.is != "until") {
        Some((key, _)) if key.is == "combine" => {
            report.error(key.at, "`combine` is not there yet").hint("use `best` or `agree`");
        }
        Some((key, _)) => {
            report.error(key.at, format!("there is no clause `{}`", key.is)).did_you_mean(&key.is, KINDS);
        }
        None => {
            report.error(node.at, "this clause does not say how it decides").did_you_mean("", KINDS);
        }
    }
}

impl ClauseBody {
    fn read(kind: &Spanned<String>, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match kind.is.as_str() {
            "first" => first(node, report),
            "prefer" => Some(Self::Prefer(prefer(node, report)?)),
            "agree" => agree(node, report).map(Self::Agree),
            "best" => best(node, report).map(Self::Best),
            _ => read::object(node, "the default", report).map(|answer| Self::Default(answer.is)),
        }
    }
}

/// `first: any`, `first: {}` or `first:` alone.
fn first(node: &Node, report: &mut Report<'_>) -> Option<ClauseBody> {
    let any = node.is_null()
        || node.text() == Some("any")
        || matches!(&node.value, Value::Map(members) if members.is_empty());
    if !any {
        report
            .error(node.at, "`first` takes any executor's answer")
            .hint("write `first: any`; to choose among executors use `prefer`");
    }
    any.then_some(ClauseBody::First)
}

fn prefer(node: &Node, report: &mut Report<'_>) -> Option<Vec<RankEntry>> {
    let items = read::list(node, "the ranks of `prefer`", report);
    if let Value::List(items) = &node.value
        && items.is_empty()
    {
        report.error(node.at, "`prefer` ranks nobody").hint("list executors, best first");
        return None;
    }
    let ranks: Vec<RankEntry> = items.iter().filter_map(|item| rank(item, report)).collect();
    (!ranks.is_empty()).then_some(ranks)
}

/// `forest` or `forest: { until: 20ms }`.
fn rank(node: &Node, report: &mut Report<'_>) -> Option<RankEntry> {
    let Value::Map(members) = &node.value else {
        return read::text(node, "a rank", report).map(|executor| RankEntry { executor, until: None });
    };
    let [(executor, node)] = members.as_slice() else {
        report.error(node.at, "a rank is one executor").hint("start each rank with `- `");
        return None;
    };
    let mut patience = Members::of(node, "a rank's patience", report)?;
    let until = patience.require("until", report);
    let quantile = until.filter(|node| node.text().is_some_and(|text| text.starts_with('p')));
    if let Some(node) = quantile {
        report
            .error(node.at, "patience by quantile needs measured latencies, which are not kept yet")
            .hint("write a duration: `until: 20ms`");
        return None;
    }
    let until = until.and_then(|node| read::duration(node, report));
    patience.finish(report);
    Some(RankEntry { executor: executor.clone(), until })
}

/// `agree: 2`, `agree: majority` or `agree: { votes: …, on: […] }`.
fn agree(node: &Node, report: &mut Report<'_>) -> Option<AgreeEntry> {
    if node.text().is_some() {
        return Some(AgreeEntry { votes: votes(node, report), on: None });
    }
    let mut agree = Members::of(node, "`agree`", report)?;
    let entry = AgreeEntry {
        votes: agree.require("votes", report).and_then(|node| votes(node, report)),
        on: agree.take("on").map(|node| on(node, report)),
    };
    if let Some(node) = agree.take("on_tie")
        && node.text() != Some("plan_order")
    {
        report.error(node.at, "ties are broken by `plan_order` only").hint("leave `on_tie` out");
    }
    agree.finish(report);
    Some(entry)
}

/// `[class]`, or `class` alone.
fn on(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    if node.text().is_some() {
        return read::text(node, "a compared field", report).into_iter().collect();
    }
    let fields = read::texts(node, "`on`", "a compared field", report);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        report.error(node.at, "`on` compares nothing").hint("name the fields that must be the same, or leave `on` out");
    }
    fields
}

fn votes(node: &Node, report: &mut Report<'_>) -> Option<Spanned<VotesEntry>> {
    let votes = match node.text() {
        Some("majority") => Some(VotesEntry::Majority),
        Some(text) => text.parse().ok().map(VotesEntry::Count),
        None => None,
    };
    if votes.is_none() {
        report
            .error(node.at, "`votes` is a whole number from 1, or `majority`")
            .label(format!("this is {}", node.what()));
    }
    votes.map(|is| Spanned { is, at: node.at })
}

fn best(node: &Node, report: &mut Report<'_>) -> Option<BestEntry> {
    let mut best = Members::of(node, "`best`", report)?;
    let entry = BestEntry {
        score: best.require("score", report).and_then(|node| read::text(node, "a score", report)),
        at_least: best.take("at_least").and_then(|node| read::number(node, "`at_least`", report)),
    };
    best.finish(report);
    Some(entry)
}
