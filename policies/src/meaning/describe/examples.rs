//! What examples say: they change nothing that is decided, and are told so that nobody drops one unseen.

use serde_json::{Map, Value, json};
use wire::{ExecutorId, Reply};

use super::{fact, optional};
use crate::{
    Example, Expectation,
    example::{KnownBefore, Question, Utterance},
    meaning::{part::Part, words},
};

pub(super) fn example(example: &Example) -> Part {
    let Example { name, case, question, last_known, open_breakers, heard, expect } = example;
    let title = format!("example `{name}`");
    Part {
        path: format!("examples.{name}"),
        key: name.clone(),
        arrives: format!("{title} is new"),
        leaves: format!("{title} is gone"),
        title,
        facts: vec![
            optional("case", case.as_deref().map(str::to_owned), "none", "is about case {new} instead of {old}"),
            fact("question", question.as_ref().map(self::question), "asks something else"),
            fact("last_known", last_known.as_ref().map(known), "has something else known from before"),
            optional("breaker_open", open(open_breakers), "nobody", "has the breaker of {new} open instead of {old}"),
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

/// What an example does not say of a question is 0.
fn question(Question { body, attributes }: &Question) -> Value {
    let mut input = words::json(body);
    if let Value::Object(members) = &mut input {
        members.retain(|_, number| *number != json!(0));
    }
    let said: Map<_, _> = attributes.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({ "input": input, "attributes": said })
}

fn known(KnownBefore { age, answer }: &KnownBefore) -> Value {
    json!({ "answer": words::json(answer), "age": words::duration(*age) })
}

fn open(open_breakers: &[ExecutorId]) -> Option<String> {
    let names: Vec<&str> = open_breakers.iter().map(ExecutorId::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
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
