//! The examples: each speaks of executors, features, attributes and cases that there are.

use std::collections::HashSet;

use wire::{Attributes, ExecutorId, Failure, FailureKind, Reply};

use crate::{
    Case, Expectation,
    diagnostic::{Report, Spanned},
    document::{ClauseBody, DefaultEntry, Document, ExampleEntry, ExecutorEntry, Given, HeardEntry, InputEntry, Says},
    example::{Example, KnownBefore, Question, Utterance},
};

pub(super) fn lower(document: &Document, cases: &[Case], report: &mut Report<'_>) -> Vec<Example> {
    let mut seen = HashSet::new();
    for name in document.examples.iter().filter_map(|entry| entry.name.as_ref()) {
        if !seen.insert(&name.is) {
            report.error(name.at, format!("two examples are called `{}`", name.is));
        }
    }
    document.examples.iter().filter_map(|entry| example(entry, document, cases, report)).collect()
}

fn example(entry: &ExampleEntry, document: &Document, cases: &[Case], report: &mut Report<'_>) -> Option<Example> {
    let executors = &document.executors;
    let mut heard: Vec<Utterance> =
        entry.heard.iter().filter_map(|entry| utterance(entry, executors, report)).collect();
    heard.sort_by_key(|utterance| utterance.at);
    let chosen = entry.executors.as_ref();
    let chosen = chosen.map(|names| names.iter().filter_map(|name| executor(name, executors, report)).collect());
    let expect = Expectation { executors: chosen, ..entry.expect.clone() };
    let case = entry.case.as_ref();
    if let Some(case) = case.filter(|case| !document.cases.iter().any(|entry| is_called(entry, &case.is))) {
        let names = document.cases.iter().filter_map(|entry| entry.name.as_ref());
        let problem = report.error(case.at, format!("the example is about case `{}`, which there is not", case.is));
        problem.did_you_mean(&case.is, names.map(|name| name.is.as_str()));
    }
    let case = case.and_then(|name| cases.iter().find(|case| *case.name == *name.is)).map(|case| case.name.clone());
    let last_known = entry.last_known.as_ref().and_then(|known| {
        if !looks_back(document) {
            let problem = report.error(known.at, "no default looks at what was known last");
            problem.hint("use it: `default: { last_known: { max_age: 1h, otherwise: { … } } }`");
        }
        let age = known.is.age.as_ref()?.is;
        Some(KnownBefore { age, answer: known.is.answer.clone().into() })
    });
    let question = question(entry, document, report);
    let open_breakers = entry.breaker_open.iter().filter_map(|name| open_breaker(name, executors, report)).collect();
    let name = entry.name.as_ref()?.is.clone();
    Some(Example { name, case, question, last_known, open_breakers, heard, expect })
}

/// Whether some ladder may end in what was answered earlier.
fn looks_back(document: &Document) -> bool {
    let mut clauses = document.decide.iter().chain(document.cases.iter().flat_map(|case| &case.decide));
    clauses.any(|clause| matches!(clause.body, Some(ClauseBody::Default(DefaultEntry::LastKnown { .. })) | None))
}

fn is_called(entry: &crate::document::CaseEntry, name: &str) -> bool {
    entry.name.as_ref().is_some_and(|called| called.is == name)
}

/// Returns what is asked, if the example says so: numbers that it leaves out are 0, and texts empty.
fn question(entry: &ExampleEntry, document: &Document, report: &mut Report<'_>) -> Option<Question> {
    let InputEntry { features, texts, attributes: known } = &document.input;
    let numbers = features.iter().map(|feature| (feature.is.clone(), 0.0.into()));
    let mut body: serde_json::Map<String, serde_json::Value> =
        numbers.chain(texts.iter().map(|text| (text.is.clone(), "".into()))).collect();
    for (name, value) in entry.input.iter().flatten() {
        let value = match value {
            Given::Number(number) => (*number).into(),
            Given::Text(text) => text.as_str().into(),
        };
        if body.insert(name.is.clone(), value).is_none() {
            let problem = report.error(name.at, format!("the example gives `{}`, which is no feature", name.is));
            problem.did_you_mean(&name.is, features.iter().chain(texts).map(|feature| feature.is.as_str()));
        }
    }
    let mut attributes = Attributes::default();
    for (name, value) in &entry.attributes {
        if !known.iter().any(|attribute| attribute.is == name.is) {
            let problem = report.error(name.at, format!("the example says `{}`, which is no attribute", name.is));
            problem.did_you_mean(&name.is, known.iter().map(|attribute| attribute.is.as_str()));
        }
        attributes.set(name.is.as_str(), value.is.as_str());
    }
    let says_any = entry.input.is_some() || !entry.attributes.is_empty();
    says_any.then(|| Question { body: serde_json::Value::Object(body).to_string().into(), attributes })
}

fn utterance(entry: &HeardEntry, executors: &[ExecutorEntry], report: &mut Report<'_>) -> Option<Utterance> {
    let failure = |kind, message: &String| Reply::Failure(Failure { kind, message: message.clone() });
    let reply = match &entry.says {
        Says::Answer(answer) => Reply::Answer(answer.clone().into()),
        Says::Fails(why) => failure(FailureKind::Failed, why),
        Says::Abstains(why) => failure(FailureKind::Abstained, why),
    };
    Some(Utterance { at: entry.at.is, executor: executor(&entry.executor, executors, report)?, reply })
}

/// Whoever has no breaker is waited for, or never was.
fn open_breaker(name: &Spanned<String>, executors: &[ExecutorEntry], report: &mut Report<'_>) -> Option<ExecutorId> {
    let has_none =
        |entry: &&ExecutorEntry| entry.is_canary || entry.breaker.as_ref().is_some_and(|breaker| breaker.is_off);
    if executors.iter().filter(has_none).any(|entry| entry.name.is == name.is) {
        report.error(name.at, format!("the example opens the breaker of `{}`, which has none", name.is));
        return None;
    }
    executor(name, executors, report)
}

fn executor(name: &Spanned<String>, executors: &[ExecutorEntry], report: &mut Report<'_>) -> Option<ExecutorId> {
    if executors.iter().any(|entry| entry.name.is == name.is) {
        return ExecutorId::new(&name.is).ok();
    }
    let problem = report.error(name.at, format!("the example speaks of `{}`, which is no executor", name.is));
    problem.did_you_mean(&name.is, executors.iter().map(|entry| entry.name.is.as_str()));
    None
}
