//! `cases:` as written: requests that are decided about in a way of their own.

use std::time::Duration;

use super::{
    clauses::{self, ClauseEntry},
    read::{self, Members},
    tree::{Node, Value},
};
use crate::diagnostic::{Report, Spanned};

/// One case.
#[derive(Debug)]
pub(crate) struct CaseEntry {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) when: Option<Spanned<String>>,
    pub(crate) budget: Option<Spanned<Duration>>,
    /// Only these are asked; everybody if it is `None`.
    pub(crate) ask: Option<Vec<Spanned<String>>>,
    pub(crate) decide: Vec<ClauseEntry>,
}

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Vec<CaseEntry> {
    let items = read::list(node, "the cases", report);
    items.iter().filter_map(|item| case(item, report)).collect()
}

fn case(node: &Node, report: &mut Report<'_>) -> Option<CaseEntry> {
    let mut case = Members::of(node, "a case", report)?;
    let entry = CaseEntry {
        name: case.require("case", report).and_then(|node| read::text(node, "a case's name", report)),
        when: case.require("when", report).and_then(|node| read::text(node, "a case's `when`", report)),
        budget: case.take("budget").and_then(|node| read::duration(node, report)),
        ask: case.take("ask").map(|node| ask(node, report)),
        decide: case.require("decide", report).map_or_else(Vec::new, |node| clauses::read(node, report)),
    };
    case.finish(report);
    Some(entry)
}

fn ask(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        report.error(node.at, "`ask` asks nobody").hint("name the executors to ask, or leave `ask` out to ask all");
    }
    read::texts(node, "`ask`", "an executor to ask", report)
}
