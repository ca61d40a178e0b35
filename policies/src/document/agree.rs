//! `agree:` as written, and what it shares with other clauses: how ties are broken.

use std::num::NonZeroUsize;

use super::{
    clauses::{self, WeightEntry},
    read::{self, Members},
    tree::{Node, Value},
};
use crate::diagnostic::{Report, Span, Spanned};

/// An `agree`.
#[derive(Debug, Default)]
pub(crate) struct AgreeEntry {
    pub(crate) votes: Option<Spanned<VotesEntry>>,
    pub(crate) min_votes: Option<Spanned<f64>>,
    pub(crate) margin: Option<Spanned<f64>>,
    pub(crate) weights: Vec<WeightEntry>,
    pub(crate) must_include: Vec<Spanned<String>>,
    pub(crate) from_families: Option<Spanned<NonZeroUsize>>,
    pub(crate) on: Option<Vec<ComparedEntry>>,
    pub(crate) on_tie: Vec<Spanned<TieEntry>>,
}

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum VotesEntry {
    /// So much weight.
    Count(f64),
    Majority,
    Plurality,
}

/// A field that is compared.
#[derive(Debug)]
pub(crate) struct ComparedEntry {
    pub(crate) field: Spanned<String>,
    pub(crate) equality: EqualityEntry,
}

/// How it is compared.
#[derive(Debug)]
pub(crate) enum EqualityEntry {
    Exact,
    CanonicalJson,
    Class,
    Within { abs: Option<Spanned<f64>>, rel: Option<Spanned<f64>> },
    Bucket(Spanned<f64>),
}

/// What to do about a tie.
#[derive(Debug)]
pub(crate) enum TieEntry {
    Prefer(Vec<Spanned<String>>),
    Best(Spanned<String>),
    NextClause,
    PlanOrder,
}

const EQUALITIES: [&str; 5] = ["exact", "canonical_json", "class", "within", "bucket"];
const TIES: [&str; 4] = ["prefer", "best", "next_clause", "plan_order"];

/// `agree: 2`, `agree: majority` or `agree: { votes: …, … }`.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<AgreeEntry> {
    if node.text().is_some() {
        return Some(AgreeEntry { votes: votes(node, report), ..AgreeEntry::default() });
    }
    let mut agree = Members::of(node, "`agree`", report)?;
    let must_include = agree.take("must_include");
    let entry = AgreeEntry {
        votes: agree.require("votes", report).and_then(|node| votes(node, report)),
        min_votes: agree.take("min_votes").and_then(|node| read::number(node, "`min_votes`", report)),
        margin: agree.take("margin").and_then(|node| read::number(node, "`margin`", report)),
        weights: agree.take("weights").map_or_else(Vec::new, |node| clauses::weights(node, report)),
        must_include: must_include.map_or_else(Vec::new, |node| names(node, "`must_include`", report)),
        from_families: agree.take("from_families").and_then(|node| read::count(node, "`from_families`", report)),
        on: agree.take("on").map(|node| on(node, report)),
        on_tie: agree.take("on_tie").map_or_else(Vec::new, |node| on_tie(node, report)),
    };
    agree.finish(report);
    Some(entry)
}

fn votes(node: &Node, report: &mut Report<'_>) -> Option<Spanned<VotesEntry>> {
    let votes = match node.text() {
        Some("majority") => Some(VotesEntry::Majority),
        Some("plurality") => Some(VotesEntry::Plurality),
        Some(text) => text.parse().ok().filter(|votes: &f64| votes.is_finite() && *votes > 0.0).map(VotesEntry::Count),
        None => None,
    };
    if votes.is_none() {
        report
            .error(node.at, "`votes` is a number above 0, `majority` or `plurality`")
            .label(format!("this is {}", node.what()));
    }
    votes.map(|is| Spanned { is, at: node.at })
}

/// `[a, b]`, or `a` alone.
fn names(node: &Node, what: &str, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        report.error(node.at, format!("{what} names nobody")).hint("name an executor, or leave it out");
    }
    if node.text().is_some() {
        return read::text(node, "an executor's name", report).into_iter().collect();
    }
    read::texts(node, what, "an executor's name", report)
}

/// `[class]`, or `class` alone.
fn on(node: &Node, report: &mut Report<'_>) -> Vec<ComparedEntry> {
    let Value::List(items) = &node.value else { return compared(node, report).into_iter().collect() };
    if items.is_empty() {
        report.error(node.at, "`on` compares nothing").hint("name the fields that must be the same, or leave `on` out");
    }
    items.iter().filter_map(|item| compared(item, report)).collect()
}

/// `class` or `class: …`.
fn compared(node: &Node, report: &mut Report<'_>) -> Option<ComparedEntry> {
    let Value::Map(members) = &node.value else {
        let field = read::text(node, "a compared field", report)?;
        return Some(ComparedEntry { field, equality: EqualityEntry::CanonicalJson });
    };
    let [(field, node)] = members.as_slice() else {
        report.error(node.at, "`on` compares one field at a time").hint("start each field with `- `");
        return None;
    };
    Some(ComparedEntry { field: field.clone(), equality: equality(node, report)? })
}

/// `exact`, or `{ within: { abs: 0.05 } }`.
fn equality(node: &Node, report: &mut Report<'_>) -> Option<EqualityEntry> {
    if let Value::Map(members) = &node.value
        && let [(kind, node)] = members.as_slice()
    {
        match kind.is.as_str() {
            "within" => return within(node, report),
            "bucket" => return bucket(node, report),
            _ => {}
        }
    }
    let written = match &node.value {
        Value::Map(members) => members.first().map_or("", |(name, _)| name.is.as_str()),
        _ => node.text().unwrap_or_default(),
    };
    match written {
        "exact" => Some(EqualityEntry::Exact),
        "canonical_json" => Some(EqualityEntry::CanonicalJson),
        "class" => Some(EqualityEntry::Class),
        "within" | "bucket" => {
            let problem = report.error(node.at, format!("`{written}` does not say how far apart"));
            problem.hint("write `{ within: { abs: 0.05 } }` or `{ bucket: { width: 10 } }`");
            None
        }
        _ => {
            let problem = report.error(node.at, format!("nothing is compared by `{written}`"));
            problem.did_you_mean(written, EQUALITIES);
            None
        }
    }
}

fn within(node: &Node, report: &mut Report<'_>) -> Option<EqualityEntry> {
    let mut within = Members::of(node, "`within`", report)?;
    let (abs, rel) = (within.take("abs"), within.take("rel"));
    let abs = abs.and_then(|node| read::number(node, "`abs`", report));
    let rel = rel.and_then(|node| read::number(node, "`rel`", report));
    within.finish(report);
    if abs.is_none() && rel.is_none() {
        let problem = report.error(node.at, "`within` allows no distance");
        problem.hint("write `within: { abs: 0.05 }`, or `rel` for a share of the larger number");
        return None;
    }
    for distance in abs.iter().chain(&rel).filter(|distance| distance.is < 0.0) {
        report.error(distance.at, "a distance is not negative").hint("write `abs: 0.05`, or `rel: 0.1` for a tenth");
    }
    for share in rel.iter().filter(|share| share.is >= 1.0) {
        report
            .error(share.at, "numbers within all of the larger one are all the same")
            .hint("write `rel: 0.1` for a tenth");
    }
    Some(EqualityEntry::Within { abs, rel })
}

fn bucket(node: &Node, report: &mut Report<'_>) -> Option<EqualityEntry> {
    let mut bucket = Members::of(node, "`bucket`", report)?;
    let width = bucket.require("width", report).and_then(|node| read::number(node, "a bucket's width", report));
    bucket.finish(report);
    let width = width?;
    if width.is <= 0.0 {
        report.error(width.at, "a bucket without width holds nothing").hint("write how wide it is: `width: 10`");
        return None;
    }
    Some(EqualityEntry::Bucket(width))
}

/// A list, or one entry alone.
pub(super) fn on_tie(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<TieEntry>> {
    let Value::List(items) = &node.value else { return tie(node, report).into_iter().collect() };
    items.iter().filter_map(|item| tie(item, report)).collect()
}

fn tie(node: &Node, report: &mut Report<'_>) -> Option<Spanned<TieEntry>> {
    let Value::Map(members) = &node.value else {
        return tie_word(node.text().unwrap_or_default(), node.at, report);
    };
    let [(kind, node)] = members.as_slice() else {
        report.error(node.at, "a tie is broken by one thing after another").hint("start each with `- `");
        return None;
    };
    let is = match kind.is.as_str() {
        "prefer" => TieEntry::Prefer(names(node, "a tie's `prefer`", report)),
        "best" => TieEntry::Best(read::text(node, "a tie's score", report)?),
        word => return tie_word(word, kind.at, report),
    };
    Some(Spanned { is, at: kind.at })
}

fn tie_word(written: &str, at: Span, report: &mut Report<'_>) -> Option<Spanned<TieEntry>> {
    match written {
        "next_clause" => Some(Spanned { is: TieEntry::NextClause, at }),
        "plan_order" => Some(Spanned { is: TieEntry::PlanOrder, at }),
        "prefer" | "best" => {
            let problem = report.error(at, format!("a tie broken by `{written}` needs to know by what"));
            problem.hint("write `{ prefer: [forest, boost] }` or `{ best: answer.confidence }`");
            None
        }
        _ => {
            report.error(at, format!("no tie is broken by `{written}`")).did_you_mean(written, TIES);
            None
        }
    }
}
