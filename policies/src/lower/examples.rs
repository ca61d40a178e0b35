//! The examples: each speaks of executors that there are.

use wire::{ExecutorId, Failure, FailureKind, Reply};

use crate::{
    Expectation,
    diagnostic::{Report, Spanned},
    document::{ExampleEntry, ExecutorEntry, HeardEntry, Says},
    example::{Example, Utterance},
};

pub(super) fn lower(entries: &[ExampleEntry], executors: &[ExecutorEntry], report: &mut Report<'_>) -> Vec<Example> {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(name) = &entry.name
            && entries[..index].iter().any(|earlier| earlier.name.as_ref().is_some_and(|earlier| earlier.is == name.is))
        {
            report.error(name.at, format!("two examples are called `{}`", name.is));
        }
    }
    entries.iter().filter_map(|entry| example(entry, executors, report)).collect()
}

fn example(entry: &ExampleEntry, executors: &[ExecutorEntry], report: &mut Report<'_>) -> Option<Example> {
    let mut heard: Vec<Utterance> =
        entry.heard.iter().filter_map(|entry| utterance(entry, executors, report)).collect();
    heard.sort_by_key(|utterance| utterance.at);
    let chosen = entry.executors.as_ref();
    let chosen = chosen.map(|names| names.iter().filter_map(|name| executor(name, executors, report)).collect());
    let expect = Expectation { executors: chosen, ..entry.expect.clone() };
    Some(Example { name: entry.name.as_ref()?.is.clone(), heard, expect })
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

fn executor(name: &Spanned<String>, executors: &[ExecutorEntry], report: &mut Report<'_>) -> Option<ExecutorId> {
    if executors.iter().any(|entry| entry.name.is == name.is) {
        return ExecutorId::new(&name.is).ok();
    }
    let problem = report.error(name.at, format!("the example speaks of `{}`, which is no executor", name.is));
    problem.did_you_mean(&name.is, executors.iter().map(|entry| entry.name.is.as_str()));
    None
}
