//! `decide:` as written: the ladder's clauses.

use std::{num::NonZeroUsize, time::Duration};

use super::{
    agree::{self, AgreeEntry, TieEntry},
    defaults::{self, DefaultEntry},
    read::{self, Members},
    tree::{Node, Value},
};
use crate::{
    Quantile,
    clause::How,
    diagnostic::{Report, Span, Spanned},
};

/// One clause.
#[derive(Debug)]
pub(crate) struct ClauseEntry {
    pub(crate) at: Span,
    /// `None` if it was wrong, and reported.
    pub(crate) body: Option<ClauseBody>,
    pub(crate) until: Option<Spanned<Duration>>,
    /// Whether `until` was written, be it wrongly.
    pub(crate) has_until: bool,
    pub(crate) extra_wait: Option<Spanned<ExtraWaitEntry>>,
}

/// What it says.
#[derive(Debug)]
pub(crate) enum ClauseBody {
    /// What an answer must be to win, if not any does.
    First(Option<Spanned<String>>),
    Prefer(Vec<RankEntry>),
    Agree(AgreeEntry),
    Best(BestEntry),
    Combine(CombineEntry),
    Default(DefaultEntry),
}

/// `extra_wait:`.
#[derive(Debug)]
pub(crate) struct ExtraWaitEntry {
    /// Of the time that the first usable answer took.
    pub(crate) times: Option<Spanned<f64>>,
    pub(crate) min: Option<Spanned<Duration>>,
    pub(crate) max: Option<Spanned<Duration>>,
}

/// One rank of a `prefer`.
#[derive(Debug)]
pub(crate) struct RankEntry {
    pub(crate) executor: Spanned<String>,
    pub(crate) until: Option<Spanned<PatienceEntry>>,
}

/// Until when a rank is waited for.
#[derive(Debug)]
pub(crate) enum PatienceEntry {
    At(Duration),
    Usual { quantile: Quantile, min: Option<Spanned<Duration>>, max: Option<Spanned<Duration>> },
}

/// A `best`.
#[derive(Debug)]
pub(crate) struct BestEntry {
    pub(crate) score: Option<Spanned<String>>,
    pub(crate) at_least: Option<Spanned<f64>>,
    pub(crate) on_tie: Vec<Spanned<TieEntry>>,
}

/// A `combine`.
#[derive(Debug)]
pub(crate) struct CombineEntry {
    pub(crate) how: How,
    pub(crate) of: Vec<Spanned<String>>,
    pub(crate) weights: Vec<WeightEntry>,
    pub(crate) min_answers: Option<Spanned<NonZeroUsize>>,
}

/// One of `weights:`.
#[derive(Debug)]
pub(crate) struct WeightEntry {
    pub(crate) executor: Spanned<String>,
    pub(crate) weight: Spanned<f64>,
}

const KINDS: [&str; 6] = ["first", "prefer", "agree", "best", "combine", "default"];
const HOWS: [&str; 3] = ["mean", "median", "vote_weighted"];
/// More clauses than this are no ladder that anybody could explain.
const CLAUSES_MAX: usize = 32;

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<ClauseEntry> {
    let items = read::list(node, "`decide`", report);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        report.error(node.at, "nothing decides").hint("add `- first: any` or `- default: { … }`");
    }
    if let Some(item) = items.get(CLAUSES_MAX) {
        report.error(item.at, format!("a ladder has at most {CLAUSES_MAX} clauses")).hint("use `cases` instead");
    }
    items.iter().take(CLAUSES_MAX).map(|item| ClauseEntry::read(item, report)).collect()
}

impl ClauseEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Self {
        // What is no clause may have meant any end.
        let nothing = Self { at: node.at, body: None, until: None, has_until: true, extra_wait: None };
        if node.text() == Some("first") {
            return Self { body: Some(ClauseBody::First(None)), has_until: false, ..nothing };
        }
        let Some(mut clause) = Members::of(node, "a clause", report) else { return nothing };
        let kinds = clause.any_of(&KINDS);
        let written = clause.take("until");
        let entry = Self {
            until: written.and_then(|node| read::duration(node, report)),
            has_until: written.is_some(),
            extra_wait: clause.take("extra_wait").and_then(|node| extra_wait(node, report)),
            ..nothing
        };
        let body = match kinds.as_slice() {
            [(kind, node)] => ClauseBody::read(kind, node, report),
            [] => {
                no_kind(node, report);
                return entry;
            }
            [_, (second, _), ..] => {
                report
                    .error(second.at, format!("a clause decides one way, and `{}` is a second", second.is))
                    .hint("start a new clause with `- `");
                None
            }
        };
        clause.finish(report);
        Self { at: kinds.first().map_or(node.at, |(kind, _)| kind.at), body, ..entry }
    }
}

fn no_kind(node: &Node, report: &mut Report<'_>) {
    let Value::Map(members) = &node.value else { return };
    match members.iter().find(|(key, _)| key.is != "until" && key.is != "extra_wait") {
        Some((key, _)) => {
            report.error(key.at, format!("there is no clause `{}`", key.is)).did_you_mean(&key.is, KINDS);
        }
        None => {
            report.error(node.at, "this clause does not say how it decides").did_you_mean("", KINDS);
        }
    }
}

/// `5ms`, or `{ times: 0.5, min: 1ms, max: 10ms }`.
fn extra_wait(node: &Node, report: &mut Report<'_>) -> Option<Spanned<ExtraWaitEntry>> {
    if node.text().is_some() {
        let fixed = read::duration(node, report)?;
        let is = ExtraWaitEntry { times: None, min: Some(fixed.clone()), max: Some(fixed) };
        return Some(Spanned { is, at: node.at });
    }
    let mut wait = Members::of(node, "`extra_wait`", report)?;
    let times = wait.require("times", report).and_then(|node| read::number(node, "`times`", report));
    let (min, max) = bounds(&mut wait, report);
    wait.finish(report);
    Some(Spanned { is: ExtraWaitEntry { times: Some(times?), min, max }, at: node.at })
}

pub(super) type Bounds = (Option<Spanned<Duration>>, Option<Spanned<Duration>>);

pub(super) fn bounds(members: &mut Members<'_>, report: &mut Report<'_>) -> Bounds {
    let min = members.take("min").and_then(|node| read::duration(node, report));
    let max = members.take("max").and_then(|node| read::duration(node, report));
    if let (Some(min), Some(max)) = (&min, &max)
        && min.is > max.is
    {
        report.error(min.at, "`min` is above `max`").hint("swap the two");
    }
    (min, max)
}

impl ClauseBody {
    fn read(kind: &Spanned<String>, node: &Node, report: &mut Report<'_>) -> Option<Self> {
        match kind.is.as_str() {
            "first" => first(node, report),
            "prefer" => Some(Self::Prefer(prefer(node, report)?)),
            "agree" => agree::read(node, report).map(Self::Agree),
            "best" => best(node, report).map(Self::Best),
            "combine" => combine(node, report).map(Self::Combine),
            _ => defaults::read(node, report).map(Self::Default),
        }
    }
}

/// `first: any`, `first: {}`, `first:` alone or `first: { where: … }`.
fn first(node: &Node, report: &mut Report<'_>) -> Option<ClauseBody> {
    if let Value::Map(members) = &node.value
        && !members.is_empty()
    {
        let mut first = Members::of(node, "`first`", report)?;
        let accepts = first.take("where").map(|node| read::text(node, "a `where`", report));
        first.finish(report);
        // A faulty `where` must not become none.
        return accepts?.map(|accepts| ClauseBody::First(Some(accepts)));
    }
    let any = node.is_null() || node.text() == Some("any") || matches!(&node.value, Value::Map(_));
    if !any {
        report
            .error(node.at, "`first` takes any executor's answer")
            .hint("write `first: any` or `first: { where: … }`; to choose among executors use `prefer`");
    }
    any.then_some(ClauseBody::First(None))
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
    let until = patience.require("until", report).and_then(|node| self::patience(node, report));
    patience.finish(report);
    Some(RankEntry { executor: executor.clone(), until })
}

/// `20ms`, `p95` or `{ quantile: p95, min: 2ms, max: 20ms }`.
fn patience(node: &Node, report: &mut Report<'_>) -> Option<Spanned<PatienceEntry>> {
    let is = match node.text() {
        Some(text) if text.starts_with('p') => {
            PatienceEntry::Usual { quantile: quantile(node, report)?, min: None, max: None }
        }
        Some(_) => PatienceEntry::At(read::duration(node, report)?.is),
        None => {
            let mut usual = Members::of(node, "a patience", report)?;
            let quantile = usual.require("quantile", report).and_then(|node| quantile(node, report));
            let (min, max) = bounds(&mut usual, report);
            usual.finish(report);
            PatienceEntry::Usual { quantile: quantile?, min, max }
        }
    };
    Some(Spanned { is, at: node.at })
}

pub(super) fn quantile(node: &Node, report: &mut Report<'_>) -> Option<Quantile> {
    let text = node.text().unwrap_or_default();
    let found = Quantile::ALL.into_iter().find(|quantile| quantile.as_str() == text);
    if found.is_none() {
        let problem = report.error(node.at, format!("`{text}` is no quantile that is measured"));
        problem.did_you_mean(text, Quantile::ALL.map(Quantile::as_str));
    }
    found
}

fn best(node: &Node, report: &mut Report<'_>) -> Option<BestEntry> {
    let mut best = Members::of(node, "`best`", report)?;
    let entry = BestEntry {
        score: best.require("score", report).and_then(|node| read::text(node, "a score", report)),
        at_least: best.take("at_least").and_then(|node| read::number(node, "`at_least`", report)),
        on_tie: best.take("on_tie").map_or_else(Vec::new, |node| agree::on_tie(node, report)),
    };
    best.finish(report);
    Some(entry)
}

/// `{ mean: [probability] }`, `{ median: probability }` or `{ vote_weighted: [class] }`.
fn combine(node: &Node, report: &mut Report<'_>) -> Option<CombineEntry> {
    let mut combine = Members::of(node, "`combine`", report)?;
    let hows = combine.any_of(&HOWS);
    let weights = combine.take("weights").map_or_else(Vec::new, |node| weights(node, report));
    let min_answers = combine.take("min_answers").and_then(|node| read::count(node, "`min_answers`", report));
    combine.finish(report);
    let (how, node) = match hows.as_slice() {
        [(how, node)] => (how, node),
        [] => {
            let problem = report.error(node.at, "`combine` does not say how");
            problem.hint("write `mean: [probability]`, `median: [probability]` or `vote_weighted: [class]`");
            return None;
        }
        [_, (second, _), ..] => {
            let problem = report.error(second.at, format!("`combine` works one way, and `{}` is a second", second.is));
            problem.hint("keep one, or make it two clauses");
            return None;
        }
    };
    let how = match how.is.as_str() {
        "mean" => How::Mean,
        "median" => How::Median,
        _ => How::VoteWeighted,
    };
    Some(CombineEntry { how, of: combined(node, report), weights, min_answers })
}

/// `[probability]`, or `probability` alone.
fn combined(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    if node.text().is_some() && !node.is_null() {
        return read::text(node, "a combined field", report).into_iter().collect();
    }
    if node.is_null() || matches!(&node.value, Value::List(items) if items.is_empty()) {
        report
            .error(node.at, "`combine` makes an answer of nothing")
            .hint("name fields of the answers: `[probability]`");
        return Vec::new();
    }
    read::texts(node, "the combined fields", "a combined field", report)
}

/// `{ forest: 2, boost: 0.5 }`.
pub(super) fn weights(node: &Node, report: &mut Report<'_>) -> Vec<WeightEntry> {
    let entries = read::entries(node, "the weights", report).iter();
    let weight = |(executor, node): &(Spanned<String>, Node)| {
        let weight = read::number(node, "a weight", report)?;
        Some(WeightEntry { executor: executor.clone(), weight })
    };
    entries.filter_map(weight).collect()
}
