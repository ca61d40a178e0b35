//! The YAML as written: every field knows its line and column.
//!
//! Reading goes on after a mistake, so that one run names them all. What the fields mean together is `lower`'s.

mod clauses;
mod examples;
mod executors;
mod read;
mod tree;

use std::time::Duration;

pub(crate) use clauses::{AgreeEntry, BestEntry, ClauseBody, ClauseEntry, RankEntry, VotesEntry};
pub(crate) use examples::{ExampleEntry, HeardEntry, Says};
pub(crate) use executors::{ExecutorEntry, KindEntry};

use crate::diagnostic::{Report, Spanned};
use read::Members;
use tree::Node;

/// A policy file. What is missing or wrong was reported and is `None` or left out.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) rendezvous: Option<Spanned<String>>,
    pub(crate) budget: Option<Spanned<Duration>>,
    pub(crate) features: Vec<Spanned<String>>,
    pub(crate) value: Option<Spanned<String>>,
    pub(crate) confidence: Option<Spanned<String>>,
    pub(crate) executors: Vec<ExecutorEntry>,
    pub(crate) decoy: Option<DecoyEntry>,
    pub(crate) decide: Vec<ClauseEntry>,
    pub(crate) objectives: Vec<ObjectiveEntry>,
    pub(crate) examples: Vec<ExampleEntry>,
}

/// `decoy:`.
#[derive(Debug)]
pub(crate) struct DecoyEntry {
    pub(crate) archive: Option<Spanned<String>>,
    pub(crate) every: Option<Spanned<Duration>>,
    pub(crate) keep: Option<Spanned<Duration>>,
}

/// One of `objectives:`.
#[derive(Debug)]
pub(crate) struct ObjectiveEntry {
    pub(crate) within: Option<Spanned<Duration>>,
    pub(crate) share: Option<Spanned<f64>>,
    pub(crate) window: Option<Spanned<Duration>>,
}

/// Reads `text`; `None` if it is not even a map.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Option<Document> {
    let root = tree::parse(text, report)?;
    Document::read(&root, report)
}

impl Document {
    fn read(root: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut file = Members::of(root, "a policy file", report)?;
        let document = Self {
            rendezvous: file
                .require("rendezvous", report)
                .and_then(|node| read::text(node, "the rendezvous' name", report)),
            budget: file.require("budget", report).and_then(|node| read::duration(node, report)),
            features: file.require("input", report).map_or_else(Vec::new, |node| features(node, report)),
            executors: {
                let node = file.require("executors", report);
                node.map_or_else(Vec::new, |node| executors::read(node, report))
            },
            decide: file.require("decide", report).map_or_else(Vec::new, |node| clauses::read(node, report)),
            decoy: file.take("decoy").and_then(|node| DecoyEntry::read(node, report)),
            objectives: file.take("objectives").map_or_else(Vec::new, |node| objectives(node, report)),
            examples: file.take("examples").map_or_else(Vec::new, |node| examples::read(node, report)),
            ..Self::with_answer(file.take("answer"), report)
        };
        file.finish(report);
        Some(document)
    }

    fn with_answer(node: Option<&Node>, report: &mut Report<'_>) -> Self {
        let (mut value, mut confidence) = (None, None);
        if let Some(mut answer) = node.and_then(|node| Members::of(node, "`answer`", report)) {
            value = answer.take("value").and_then(|node| read::text(node, "the value's field", report));
            confidence = answer.take("confidence").and_then(|node| read::text(node, "the confidence's field", report));
            answer.finish(report);
        }
        Self {
            rendezvous: None,
            budget: None,
            features: Vec::new(),
            value,
            confidence,
            executors: Vec::new(),
            decoy: None,
            decide: Vec::new(),
            objectives: Vec::new(),
            examples: Vec::new(),
        }
    }
}

impl DecoyEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut decoy = Members::of(node, "the decoy", report)?;
        let entry = Self {
            archive: decoy.require("archive", report).and_then(|node| read::text(node, "the archive's folder", report)),
            every: decoy.take("every").and_then(|node| read::duration(node, report)),
            keep: decoy.take("keep").and_then(|node| read::duration(node, report)),
        };
        decoy.finish(report);
        Some(entry)
    }
}

fn features(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    let Some(mut input) = Members::of(node, "the input", report) else { return Vec::new() };
    let node = input.require("features", report);
    let features = node.map_or_else(Vec::new, |node| read::texts(node, "the features", "a feature", report));
    if let Some(node) = node.filter(|node| matches!(&node.value, tree::Value::List(items) if items.is_empty())) {
        report.error(node.at, "the input has no features").hint("name the numbers that models take, in their order");
    }
    input.finish(report);
    features
}

fn objectives(node: &Node, report: &mut Report<'_>) -> Vec<ObjectiveEntry> {
    let items = read::list(node, "the objectives", report);
    items.iter().filter_map(|item| ObjectiveEntry::read(item, report)).collect()
}

impl ObjectiveEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut objective = Members::of(node, "an objective", report)?;
        let entry = Self {
            within: objective.require("within", report).and_then(|node| read::duration(node, report)),
            share: objective.require("share", report).and_then(|node| share(node, report)),
            window: objective.require("window", report).and_then(|node| read::duration(node, report)),
        };
        objective.finish(report);
        Some(entry)
    }
}

/// `99.9%` or `0.999`.
fn share(node: &Node, report: &mut Report<'_>) -> Option<Spanned<f64>> {
    let text = node.text().unwrap_or_default();
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    };
    let share = share.filter(|share| *share > 0.0 && *share <= 1.0);
    if share.is_none() {
        report.error(node.at, "a share lies above 0% and up to 100%").hint("write `99.9%`");
    }
    share.map(|is| Spanned { is, at: node.at })
}
