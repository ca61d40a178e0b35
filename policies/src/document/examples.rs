//! `examples:` as written.

use std::time::Duration;

use super::{
    read::{self, Members},
    tree::{Node, Value},
};
use crate::{
    Completeness, DecidedBy, Expectation, Reason,
    diagnostic::{Report, Spanned},
};

/// One example.
#[derive(Debug)]
pub(crate) struct ExampleEntry {
    pub(crate) name: Option<Spanned<String>>,
    /// Which case it is about, or must turn out to be about.
    pub(crate) case: Option<Spanned<String>>,
    /// What is asked: numbers and texts under the names of features.
    pub(crate) input: Option<Vec<(Spanned<String>, Given)>>,
    /// What the caller says beside.
    pub(crate) attributes: Vec<(Spanned<String>, Spanned<String>)>,
    pub(crate) last_known: Option<Spanned<LastKnownEntry>>,
    /// Whose breaker is open.
    pub(crate) breaker_open: Vec<Spanned<String>>,
    pub(crate) heard: Vec<HeardEntry>,
    pub(crate) expect: Expectation,
    /// Whom it expects to be chosen.
    pub(crate) executors: Option<Vec<Spanned<String>>>,
}

/// What is asked about one feature.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Number(f64),
    Text(String),
}

/// What was answered earlier about the same key.
#[derive(Debug)]
pub(crate) struct LastKnownEntry {
    pub(crate) age: Option<Spanned<Duration>>,
    /// The answer, as a JSON object.
    pub(crate) answer: String,
}

/// One response in it.
#[derive(Debug)]
pub(crate) struct HeardEntry {
    pub(crate) at: Spanned<Duration>,
    pub(crate) executor: Spanned<String>,
    pub(crate) says: Says,
}

/// What is said.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// This JSON object.
    Answer(String),
    /// Nothing, having failed.
    Fails(String),
    /// Nothing, by choice.
    Abstains(String),
}

/// Reads the examples of a policy whose input has these `texts`.
pub(super) fn read(node: &Node, texts: &[Spanned<String>], report: &mut Report<'_>) -> Vec<ExampleEntry> {
    let items = read::list(node, "the examples", report);
    items.iter().filter_map(|item| example(item, texts, report)).collect()
}

fn example(node: &Node, texts: &[Spanned<String>], report: &mut Report<'_>) -> Option<ExampleEntry> {
    let mut example = Members::of(node, "an example", report)?;
    let name = example.require("name", report).and_then(|node| read::text(node, "an example's name", report));
    let expect = example.require("expect", report);
    let (expect, executors) = expect.and_then(|node| expectation(node, report)).unwrap_or_default();
    let entry = ExampleEntry {
        name,
        case: example.take("case").and_then(|node| read::text(node, "an example's case", report)),
        input: example.take("input").map(|node| input(node, texts, report)),
        attributes: example.take("attributes").map_or_else(Vec::new, |node| attributes(node, report)),
        last_known: example.take("last_known").and_then(|node| last_known(node, report)),
        breaker_open: example.take("breaker_open").map_or_else(Vec::new, |node| breakers(node, report)),
        heard: example.take("heard").map_or_else(Vec::new, |node| heard(node, report)),
        expect,
        executors,
    };
    example.finish(report);
    Some(entry)
}

fn input(node: &Node, texts: &[Spanned<String>], report: &mut Report<'_>) -> Vec<(Spanned<String>, Given)> {
    let mut given = Vec::new();
    for (name, node) in read::entries(node, "an example's input", report) {
        let value = if texts.iter().any(|text| text.is == name.is) {
            feature_text(node, report).map(Given::Text)
        } else {
            read::number(node, "a feature's value", report).map(|number| Given::Number(number.is))
        };
        given.extend(value.map(|value| (name.clone(), value)));
    }
    given
}

/// A text may be empty, and may look like a number: `postcode: 12345`.
fn feature_text(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let text = node.text().filter(|_| !node.is_null());
    if text.is_none() {
        report.error(node.at, "this feature is a text").label(format!("this is {}", node.what()));
    }
    text.map(str::to_owned)
}

fn attributes(node: &Node, report: &mut Report<'_>) -> Vec<(Spanned<String>, Spanned<String>)> {
    let entries = read::entries(node, "an example's attributes", report).iter();
    entries.filter_map(|(name, node)| Some((name.clone(), read::text(node, "an attribute's value", report)?))).collect()
}

/// `{ class: 1, age: 5m }`: an answer's members beside its age.
fn last_known(node: &Node, report: &mut Report<'_>) -> Option<Spanned<LastKnownEntry>> {
    let members = read::entries(node, "an example's `last_known`", report);
    let age = members.iter().find(|(name, _)| name.is == "age");
    if age.is_none() && matches!(node.value, Value::Map(_)) {
        report.error(node.at, "what was known last does not say how old it is").hint("add `age: 5m`");
    }
    let age = age.and_then(|(_, node)| read::duration(node, report));
    let answer: serde_json::Map<_, _> = members
        .iter()
        .filter(|(name, _)| name.is != "age")
        .map(|(name, node)| (name.is.clone(), node.to_json(report)))
        .collect();
    let is = LastKnownEntry { age: Some(age?), answer: serde_json::Value::Object(answer).to_string() };
    Some(Spanned { is, at: node.at })
}

fn breakers(node: &Node, report: &mut Report<'_>) -> Vec<Spanned<String>> {
    read::texts(node, "`breaker_open`", "an executor whose breaker is open", report)
}

fn heard(node: &Node, report: &mut Report<'_>) -> Vec<HeardEntry> {
    let mut heard = Vec::new();
    for (time, node) in read::entries(node, "`heard`", report) {
        let Some(at) = read::duration_in(&time.is, time.at, report) else { continue };
        for (executor, node) in read::entries(node, "what is heard at one time", report) {
            let Some(says) = says(node, report) else { continue };
            heard.push(HeardEntry { at: at.clone(), executor: executor.clone(), says });
        }
    }
    heard
}

/// `{ fails: "…" }`, `{ abstains: "…" }` or an answer.
fn says(node: &Node, report: &mut Report<'_>) -> Option<Says> {
    if let Value::Map(members) = &node.value
        && let [(key, node)] = members.as_slice()
    {
        match key.is.as_str() {
            "fails" => return read::text(node, "why it fails", report).map(|why| Says::Fails(why.is)),
            "abstains" => return read::text(node, "why it abstains", report).map(|why| Says::Abstains(why.is)),
            _ => {}
        }
    }
    read::object(node, "an example's answer", report).map(|answer| Says::Answer(answer.is))
}

type Expected = (Expectation, Option<Vec<Spanned<String>>>);

fn expectation(node: &Node, report: &mut Report<'_>) -> Option<Expected> {
    let mut expect = Members::of(node, "`expect`", report)?;
    let expectation = Expectation {
        at: expect.take("at").and_then(|node| read::duration(node, report)).map(|at| at.is),
        answer: expect.take("answer").map(|node| node.to_json(report)),
        decided_by: expect.take("decided_by").and_then(|node| word(node, DecidedBy::ALL, DecidedBy::as_str, report)),
        completeness: expect
            .take("completeness")
            .and_then(|node| word(node, Completeness::ALL, Completeness::as_str, report)),
        reason: expect.take("reason").and_then(|node| word(node, Reason::ALL, Reason::as_str, report)),
        executors: None,
    };
    let executors = expect
        .take("executors")
        .map(|node| read::texts(node, "the expected executors", "an expected executor", report));
    expect.finish(report);
    Some((expectation, executors))
}

/// One of a closed set of words.
fn word<T: Copy>(node: &Node, all: &[T], as_str: fn(T) -> &'static str, report: &mut Report<'_>) -> Option<T> {
    let text = node.text().unwrap_or_default();
    let found = all.iter().copied().find(|one| as_str(*one) == text);
    if found.is_none() {
        let problem = report.error(node.at, format!("no verdict says `{text}` there"));
        problem.did_you_mean(text, all.iter().map(|one| as_str(*one)));
    }
    found
}
