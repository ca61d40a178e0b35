//! The YAML as written: every field knows its line and column.
//!
//! Reading goes on after a mistake, so that one run names them all. What the fields mean together is `lower`'s.

mod agree;
mod breaker;
mod canaries;
mod cases;
mod clauses;
mod defaults;
mod examples;
mod executors;
mod lists;
mod read;
mod starts;
mod tree;

use std::time::Duration;

pub(crate) use agree::{AgreeEntry, ComparedEntry, EqualityEntry, TieEntry, VotesEntry};
pub(crate) use breaker::BreakerEntry;
pub(crate) use canaries::{ActsEntry, CanaryEntry, MarginEntry, MarginsEntry};
pub(crate) use cases::CaseEntry;
pub(crate) use clauses::{
    BestEntry, ClauseBody, ClauseEntry, CombineEntry, ExtraWaitEntry, PatienceEntry, RankEntry, WeightEntry,
};
pub(crate) use defaults::DefaultEntry;
pub(crate) use examples::{ExampleEntry, Given, HeardEntry, Says};
pub(crate) use executors::{CredentialsEntry, ExecutorEntry, KindEntry, StateEntry};
pub(crate) use lists::ListEntry;
#[cfg(test)]
pub(crate) use read::known;
pub(crate) use starts::{AfterEntry, StartEntry};

pub(crate) use tree::{FILE_MAX, too_large};

use crate::diagnostic::{Report, Spanned};
use read::Members;
use tree::Node;

/// A policy file. What is missing or wrong was reported and is `None` or left out.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) rendezvous: Option<Spanned<String>>,
    pub(crate) budget: Option<Spanned<Duration>>,
    pub(crate) approvals: Option<Spanned<u32>>,
    pub(crate) input: InputEntry,
    pub(crate) key: Option<Spanned<String>>,
    pub(crate) answer: AnswerEntry,
    pub(crate) executors: Vec<ExecutorEntry>,
    pub(crate) decoy: Option<DecoyEntry>,
    pub(crate) decide: Vec<ClauseEntry>,
    pub(crate) cases: Vec<CaseEntry>,
    pub(crate) objectives: Vec<ObjectiveEntry>,
    pub(crate) examples: Vec<ExampleEntry>,
}

/// `input:`.
#[derive(Debug, Default)]
pub(crate) struct InputEntry {
    /// The numbers.
    pub(crate) features: Vec<Spanned<String>>,
    pub(crate) texts: Vec<Spanned<String>>,
    pub(crate) attributes: Vec<Spanned<String>>,
}

/// `answer:`.
#[derive(Debug, Default)]
pub(crate) struct AnswerEntry {
    pub(crate) value: Option<Spanned<String>>,
    pub(crate) confidence: Option<Spanned<String>>,
    pub(crate) list: Option<ListEntry>,
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
    pub(crate) degraded_is_good: bool,
}

/// Reads `text`; `None` if it is not even a map.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Option<Document> {
    let root = tree::parse(text, report)?;
    Document::read(&root, report)
}

impl Document {
    fn read(root: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut file = Members::of(root, "a policy file", report)?;
        let name = file.require("rendezvous", report);
        let rendezvous = name.and_then(|node| read::text(node, "the rendezvous' name", report));
        let budget = file.require("budget", report).and_then(|node| read::duration(node, report));
        let approvals = file.take("approvals").and_then(|node| approvals(node, report));
        let input = file.require("input", report);
        let input = input.map_or_else(InputEntry::default, |node| InputEntry::read(node, report));
        let document = Self {
            rendezvous,
            budget,
            approvals,
            key: file.take("key").and_then(|node| read::text(node, "the key", report)),
            executors: {
                let node = file.require("executors", report);
                node.map_or_else(Vec::new, |node| executors::read(node, report))
            },
            decide: file.require("decide", report).map_or_else(Vec::new, |node| clauses::read(node, report)),
            cases: file.take("cases").map_or_else(Vec::new, |node| cases::read(node, report)),
            decoy: file.take("decoy").and_then(|node| DecoyEntry::read(node, report)),
            objectives: file.take("objectives").map_or_else(Vec::new, |node| objectives(node, report)),
            examples: file.take("examples").map_or_else(Vec::new, |node| examples::read(node, &input.texts, report)),
            answer: file.take("answer").map_or_else(AnswerEntry::default, |node| AnswerEntry::read(node, report)),
            input,
        };
        file.finish(report);
        Some(document)
    }
}

/// How many people must approve.
fn approvals(node: &Node, report: &mut Report<'_>) -> Option<Spanned<u32>> {
    let approvals = node.text().and_then(|text| text.parse().ok()).filter(|number| *number <= APPROVALS_MAX);
    if approvals.is_none() {
        let problem = report.error(node.at, "`approvals` is how many people besides the author must approve a change");
        problem.label(format!("this is {}", node.what())).hint(format!("write a number from 0 to {APPROVALS_MAX}"));
    }
    approvals.map(|is| Spanned { is, at: node.at })
}

/// More approvals than this are a change that never happens.
const APPROVALS_MAX: u32 = 10;

impl InputEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Self {
        let Some(mut input) = Members::of(node, "the input", report) else { return Self::default() };
        let texts = input.take("texts");
        // An input of texts alone is one, too.
        let node = if texts.is_some() { input.take("features") } else { input.require("features", report) };
        let features = node.map_or_else(Vec::new, |node| read::texts(node, "the features", "a feature", report));
        let is_empty = |node: &&Node| matches!(&node.value, tree::Value::List(items) if items.is_empty());
        if let Some(node) = node.filter(is_empty) {
            let problem = report.error(node.at, "the input has no features");
            problem.hint("name the numbers that models take, in their order");
        }
        if let Some(node) = texts.filter(is_empty) {
            report.error(node.at, "the input has no texts").hint("name those that models take, or leave `texts` out");
        }
        let texts = texts.map_or_else(Vec::new, |node| read::texts(node, "the texts", "a text's name", report));
        let attributes = input.take("attributes");
        let attributes =
            attributes.map_or_else(Vec::new, |node| read::texts(node, "the attributes", "an attribute", report));
        input.finish(report);
        Self { features, texts, attributes }
    }
}

impl AnswerEntry {
    fn read(node: &Node, report: &mut Report<'_>) -> Self {
        let Some(mut answer) = Members::of(node, "`answer`", report) else { return Self::default() };
        let entry = Self {
            value: answer.take("value").and_then(|node| read::text(node, "the value's field", report)),
            confidence: answer.take("confidence").and_then(|node| read::text(node, "the confidence's field", report)),
            list: answer.take("list").map(|node| ListEntry::read(node, report)),
        };
        answer.finish(report);
        entry
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
            degraded_is_good: objective.take("degraded").is_some_and(|node| is_good(node, report)),
        };
        objective.finish(report);
        Some(entry)
    }
}

/// `good` or `bad`.
fn is_good(node: &Node, report: &mut Report<'_>) -> bool {
    let word = node.text().unwrap_or_default();
    if !["good", "bad"].contains(&word) {
        let problem = report.error(node.at, "to an objective, degraded results are `good` or `bad`");
        problem
            .label(format!("this is {}", node.what()))
            .hint("without the field they are `bad`, however soon they come");
    }
    word == "good"
}

/// `99.9%` or `0.999`.
fn share(node: &Node, report: &mut Report<'_>) -> Option<Spanned<f64>> {
    let share = read::part(node).filter(|share| *share > 0.0 && *share <= 1.0);
    if share.is_none() {
        report.error(node.at, "a share lies above 0% and up to 100%").hint("write `99.9%`");
    }
    share.map(|is| Spanned { is, at: node.at })
}
