//! Plays the examples that are written inside a policy file, by the same code that decides live.

mod timeline;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wire::{Attributes, ExecutorId, ModelVersion, Reply, RequestId, Response, Timestamp};

pub(crate) use timeline::Timeline;
use timeline::millis;

use crate::{
    Circumstances, Completeness, DecidedBy, Definition, Evaluation, Heard, LastKnown, Reason, Route, Step, Verdict,
    evidence::canonical_eq,
};

/// One example: who is heard when, and what must come of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its name.
    pub name: String,
    /// The case that it is about; if it also says what is asked, the case that must apply.
    pub(crate) case: Option<Arc<str>>,
    pub(crate) question: Option<Question>,
    pub(crate) last_known: Option<KnownBefore>,
    /// Whose breaker is open.
    pub(crate) open_breakers: Vec<ExecutorId>,
    pub(crate) heard: Vec<Utterance>,
    pub(crate) expect: Expectation,
}

/// What is asked in an example.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) body: Bytes,
    pub(crate) attributes: Attributes,
}

/// What was answered about the same key, and how long before.
#[derive(Clone, Debug)]
pub(crate) struct KnownBefore {
    pub(crate) age: Duration,
    pub(crate) answer: Bytes,
}

/// One response in an example.
#[derive(Clone, Debug)]
pub(crate) struct Utterance {
    pub(crate) at: Duration,
    pub(crate) executor: ExecutorId,
    pub(crate) reply: Reply,
}

/// What an example expects; what is `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// When, since the request's birth.
    pub at: Option<Duration>,
    /// These members of the answer.
    pub answer: Option<Value>,
    /// The clause kind that decides.
    pub decided_by: Option<DecidedBy>,
    /// How many were heard.
    pub completeness: Option<Completeness>,
    /// Why then.
    pub reason: Option<Reason>,
    /// Whose answer it is.
    pub executors: Option<Vec<ExecutorId>>,
}

/// How playing an example went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleOutcome {
    /// The example's name.
    pub name: String,
    /// Whether everything expected came true.
    pub passed: bool,
    /// What did not come true.
    pub misses: Vec<Miss>,
    /// The same beside what happened when, for people; empty if it passed.
    pub timeline: String,
}

/// Something that an example expected and that did not come true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// The key of `expect` that says it, or `case`.
    pub what: &'static str,
    /// What was expected.
    pub expected: String,
    /// What came of it.
    pub got: String,
}

impl Definition {
    /// Plays every example of the file, in its order.
    #[must_use]
    pub fn play_examples(&self) -> Vec<ExampleOutcome> {
        self.examples.iter().map(|example| self.play(example)).collect()
    }

    fn play(&self, example: &Example) -> ExampleOutcome {
        let mut timeline = Timeline::default();
        let verdict = example.verdict(self, &mut timeline);
        let mut misses = example.expect.misses(&verdict);
        if let (Some(expected), route) = (&example.case, example.route(self))
            && route.case.as_ref() != Some(expected)
        {
            let got = route.case.as_deref().unwrap_or("none").to_owned();
            misses.push(Miss { what: "case", expected: expected.to_string(), got });
        }
        let passed = misses.is_empty();
        let timeline = if passed { String::new() } else { timeline.written(&misses) };
        ExampleOutcome { name: example.name.clone(), passed, misses, timeline }
    }
}

// === impl Example ===

impl Example {
    /// Returns how what is asked is treated: as its question says if it has one, otherwise as its case does.
    fn route(&self, definition: &Definition) -> Route {
        let named = || definition.cases.iter().find(|case| Some(&case.name) == self.case.as_ref());
        match (&self.question, named()) {
            (Some(Question { body, attributes }), _) => definition.route(body, attributes, None),
            (None, Some(case)) => {
                Route { case: Some(Arc::clone(&case.name)), budget: case.budget, plan: case.plan.clone(), key: None }
            }
            (None, None) => Route { case: None, budget: definition.budget, plan: definition.plan(), key: None },
        }
    }

    /// Plays it under `definition`, and tells what happens.
    pub(crate) fn verdict(&self, definition: &Definition, timeline: &mut Timeline) -> Verdict {
        let route = self.route(definition);
        let policy = definition.policy_for(route.case.as_deref()).unwrap_or(&definition.policy);
        let last_known = self
            .last_known
            .as_ref()
            .map(|known| LastKnown { answer: known.answer.clone(), at: Timestamp::EPOCH.before(known.age) });
        let open_breakers = self.open_breakers.clone();
        let circumstances = Circumstances { last_known, open_breakers, ..Circumstances::default() };
        self.open_breakers.iter().for_each(|executor| timeline.strike(executor));
        let mut step = Evaluation::open(
            Arc::clone(policy),
            &route.plan,
            Timestamp::EPOCH,
            route.budget,
            Duration::ZERO,
            &circumstances,
        );
        for utterance in &self.heard {
            let Step::Wait(evaluation) = step else { break };
            let (heard, next) = evaluation.observe(&utterance.response(), Timestamp::EPOCH.after(utterance.at));
            if heard != Heard::Late {
                timeline.say(utterance, heard);
            }
            step = next;
        }
        let verdict = step.finish([]);
        timeline.decide(&verdict);
        for late in self.heard.iter().filter(|utterance| Timestamp::EPOCH.after(utterance.at) >= verdict.at) {
            if !verdict.knows(&late.executor) {
                timeline.say_late(late);
            }
        }
        verdict
    }
}

// === impl Utterance ===

impl Utterance {
    fn response(&self) -> Response {
        Response {
            request: RequestId::from_uuid(Uuid::nil()),
            executor: self.executor.clone(),
            model: ModelVersion::new(self.executor.as_str(), "example"),
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::ZERO,
            reply: self.reply.clone(),
        }
    }

    fn says(&self) -> String {
        match &self.reply {
            Reply::Answer(answer) => format!("answers {}", String::from_utf8_lossy(answer)),
            Reply::Failure(failure) => format!("gives no answer: {}", failure.message),
        }
    }
}

// === impl Expectation ===

impl Expectation {
    /// Returns what did not come true.
    fn misses(&self, verdict: &Verdict) -> Vec<Miss> {
        let mut misses = Vec::new();
        let mut check = |what: &'static str, expected: Option<String>, got: String| {
            if let Some(expected) = expected.filter(|expected| *expected != got) {
                misses.push(Miss { what, expected, got });
            }
        };
        check("at", self.at.map(millis), millis(verdict.at.since(Timestamp::EPOCH)));
        check("decided_by", self.decided_by.map(word), verdict.decided_by.as_str().to_owned());
        check("reason", self.reason.map(|reason| reason.as_str().to_owned()), verdict.reason.as_str().to_owned());
        let completeness = self.completeness.map(|completeness| completeness.as_str().to_owned());
        check("completeness", completeness, verdict.completeness.as_str().to_owned());
        check("executors", self.executors.as_deref().map(names), names(&verdict.executors));
        if let Some(expected) = &self.answer
            && !serde_json::from_slice(&verdict.answer).is_ok_and(|answer: Value| contains(&answer, expected))
        {
            let got = String::from_utf8_lossy(&verdict.answer).into_owned();
            check("answer", Some(expected.to_string()), got);
        }
        misses
    }
}

/// An answer may have more members than an example cares about.
fn contains(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| answer.get(name).is_some_and(|value| contains(value, expected)))
        }
        _ => canonical_eq(answer, expected),
    }
}

// === impl Verdict ===

impl Verdict {
    fn knows(&self, executor: &ExecutorId) -> bool {
        self.receipt.entries.iter().any(|entry| entry.executor == *executor && entry.after.is_some())
    }
}

fn word(decided_by: DecidedBy) -> String {
    decided_by.as_str().to_owned()
}

fn names(executors: &[ExecutorId]) -> String {
    format!("[{}]", executors.iter().map(ExecutorId::as_str).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
