//! Policies played as timelines: `10:a=cat` is a's answer `{"class":"cat"}` in the log after 10 ms.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use uuid::Uuid;
use wire::{Budget, Failure, FailureKind, ModelVersion, Plan, Reply, RequestId, Response};

use super::*;
use crate::{Circumstances, Definition, Verdict};

mod clauses;
mod laws;
mod options;
mod times;

/// A policy over candidates a to d and canary z, with a budget of 50 ms, that decides by `ladder`.
fn policy(ladder: &str) -> Definition {
    let text = format!(
        "rendezvous: test\nbudget: 50ms\ninput: {{ features: [x] }}\nanswer: {{ value: class, confidence: sure }}\n\
         executors:\n  a: {{ echo: }}\n  b: {{ echo: }}\n  c: {{ echo: }}\n  d: {{ echo: }}\n  \
         z: {{ echo: , canary: {{ of: a }} }}\n\
         decide:\n{ladder}"
    );
    Definition::parse("test.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Who is asked: a plan as text, of at most the policy's executors.
fn plan(text: &str) -> Plan {
    text.parse().expect("a plan")
}

/// One event: `10:a=cat`, `10:a=cat/0.9` (with confidence), `10:a!` (fails), `10:a?` (abstains), `10:a={…}` (bare
/// JSON, without spaces), `10` (a timer).
#[derive(Clone, Debug)]
enum Event {
    Said(Response, Timestamp),
    Timer(Timestamp),
}

fn event(text: &str) -> Event {
    let (time, rest) = text.split_once(':').unwrap_or((text, ""));
    let at = Timestamp::EPOCH.after(Duration::from_secs_f64(time.parse::<f64>().expect("a time") / 1000.0));
    if rest.is_empty() {
        return Event::Timer(at);
    }
    let (name, reply) = if let Some((name, class)) = rest.split_once('=') {
        (name, Reply::Answer(answer(class).into()))
    } else {
        let (name, kind) = rest.split_at(rest.len() - 1);
        let kind = if kind == "!" { FailureKind::Failed } else { FailureKind::Abstained };
        (name, Reply::Failure(Failure { kind, message: "dead".to_owned() }))
    };
    Event::Said(response(name, reply), at)
}

fn answer(class: &str) -> String {
    match class.split_once('/') {
        _ if class.starts_with('{') => class.to_owned(),
        Some((class, sure)) => format!(r#"{{"class":"{class}","sure":{sure}}}"#),
        None => format!(r#"{{"class":"{class}"}}"#),
    }
}

fn response(name: &str, reply: Reply) -> Response {
    Response {
        request: RequestId::from_uuid(Uuid::nil()),
        executor: wire::ExecutorId::new(name).expect("a name"),
        model: ModelVersion::new(name, "1"),
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply,
    }
}

/// Plays `events` under `ladder`, asking `asked`, and then lets time run out: what was heard beside first votes, and
/// the verdict.
fn play(definition: &Definition, asked: &str, events: &[Event]) -> (String, Verdict) {
    let budget = definition.budget;
    let mut step = Evaluation::open(
        Arc::clone(&definition.policy),
        &plan(asked),
        Timestamp::EPOCH,
        budget,
        Duration::ZERO,
        &Circumstances::default(),
    );
    let mut notes = String::new();
    for event in events {
        let Step::Wait(evaluation) = step else { break };
        step = match event {
            Event::Timer(at) => evaluation.on_time(*at),
            Event::Said(response, at) => {
                let (heard, step) = evaluation.observe(response, *at);
                if heard != Heard::New {
                    let _ = write!(notes, "{heard:?} {}; ", response.executor);
                }
                step
            }
        };
    }
    (notes, run_out(step))
}

fn run_out(step: Step) -> Verdict {
    step.finish([])
}

/// `20: cat (agree a b, early, partial)`.
fn tell(verdict: &Verdict) -> String {
    let answer: serde_json::Value = serde_json::from_slice(&verdict.answer).expect("an answer is JSON");
    let class = answer.get("class").map_or_else(|| answer.to_string(), |class| class.to_string().replace('"', ""));
    let executors = verdict.executors.iter().fold(String::new(), |names, name| names + " " + name.as_str());
    let at = verdict.at.since(Timestamp::EPOCH).as_secs_f64() * 1e6;
    let at = at.round() / 1000.0;
    let (by, reason, completeness) =
        (verdict.decided_by.as_str(), verdict.reason.as_str(), verdict.completeness.as_str());
    format!("{at}: {class} ({by}{executors}, {reason}, {completeness})")
}

#[track_caller]
fn check_plan(ladder: &str, asked: &str, timeline: &str, expected: &str) {
    let events: Vec<Event> = timeline.split_whitespace().map(event).collect();
    let (notes, verdict) = play(&policy(ladder), asked, &events);
    assert_eq!(format!("{notes}{}", tell(&verdict)), expected, "{ladder}");
}

/// Asks a, b, c and the canary z.
#[track_caller]
fn check(ladder: &str, timeline: &str, expected: &str) {
    check_plan(ladder, "a,b,c,~z", timeline, expected);
}

const TWO_AGREE: &str = "- agree: 2\n  until: 30ms\n- default: { class: none }";
const GRADED: &str = "- agree: 2\n  until: 15ms\n- best: { score: answer.confidence, at_least: 0.8 }\n  until: 30ms\n\
    - prefer: [a, b, c]\n- default: { class: none }";
const PREFER: &str = "- prefer: [a, b, c]\n- default: { class: none }";
const PATIENT: &str = "- prefer: [{ a: { until: 10ms } }, { b: { until: 20ms } }, c]\n- default: { class: none }";
const BEST: &str = "- best: { score: sure, at_least: 0.5 }\n- default: { class: none }";
const FIRST: &str = "- first: any";
