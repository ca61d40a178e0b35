//! What examples say: they change nothing that is decided, and are told so that nobody drops one unseen.

use serde_json::{Map, Value, json};
use wire::{ExecutorId, Reply};

use super::fact;
use crate::{
    Example, Expectation,
    example::Utterance,
    meaning::{part::Part, words},
};

pub(super) fn example(example: &Example) -> Part {
    let Example { name, heard, expect } = example;
    let title = format!("example `{name}`");
    Part {
        path: format!("examples.{name}"),
        key: name.clone(),
        arrives: format!("{title} is new"),
        leaves: format!("{title} is gone"),
        title,
        facts: vec![
            fact("heard", heard.iter().map(utterance).collect::<Value>(), "hears something else"),
            fact("expect", expectation(expect), "expects {new} instead of {old}"),
        ],
        groups: Vec::new(),
    }
}

/// Returns what happens in an example, whatever it expects to come of it.
pub(in crate::meaning) fn circumstances(example: &Example) -> Value {
    let mut value = self::example(example).value();
    if let Value::Object(members) = &mut value {
        members.remove("expect");
    }
    value
}

fn utterance(utterance: &Utterance) -> Value {
    let Utterance { at, executor, reply } = utterance;
    let says = match reply {
        Reply::Answer(answer) => words::json(answer),
        Reply::Failure(failure) => json!({ failure.kind.as_str(): failure.message }),
    };
    json!({ "at": words::duration(*at), "executor": executor.as_str(), "says": says })
}

fn expectation(expected: &Expectation) -> Value {
    let Expectation { at, answer, decided_by, completeness, reason, executors } = expected;
    let names = |executors: &Vec<ExecutorId>| executors.iter().map(ExecutorId::as_str).collect();
    let members = [
        ("at", at.map(|at| words::duration(at).into())),
        ("answer", answer.clone().map(words::canonical)),
        ("decided_by", decided_by.map(|word| word.as_str().into())),
        ("completeness", completeness.map(|word| word.as_str().into())),
        ("reason", reason.map(|word| word.as_str().into())),
        ("executors", executors.as_ref().map(names)),
    ];
    let said = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(said.collect::<Map<_, _>>())
}
