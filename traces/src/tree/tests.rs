//! The tree of one request, drawn; and of any request, by its laws.

use std::{collections::BTreeMap, fmt::Write as _};

use bytes::Bytes;
use policies::{Definition, Given};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;
use wire::{Attributes, Failure, Fencing, ModelVersion, ResultRecord};

use super::*;
use crate::{Told, Whole};

const BORN: Timestamp = Timestamp::from_micros(1_795_249_695_000_000);
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const POLICY: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\nexecutors:\n  forest: { echo: }\n  \
    boost: { echo: }\n  next: { echo: , canary: { of: forest } }\ndecide:\n- first: any\n- default: { class: unknown }";
const PLACE: Place = Place { system: "kafka", partition: 2 };

/// A request and what became of it; instants are microseconds since its birth.
#[derive(Clone, Debug)]
struct Story {
    caller: bool,
    asked: u64,
    /// Who said something, when, after how long in queue and at work; nothing of both is a failure.
    said: Vec<(&'static str, u64, u64, u64)>,
    decided: u64,
    kind: ResultKind,
    given: u64,
}

fn after(micros: u64) -> Timestamp {
    BORN.after(Duration::from_micros(micros))
}

impl Story {
    fn recorded(&self) -> Recorded {
        let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        let request = Request {
            id: RequestId::from_key(definition.name(), "1"),
            born: BORN,
            budget: definition.budget,
            policy: definition.policy_ref.clone(),
            case: None,
            plan: definition.plan(),
            key: None,
            attributes: Attributes::default(),
            traceparent: self.caller.then(|| CALLER.into()),
            reply: None,
            body: "{}".into(),
        };
        let responses = self.said.iter().map(|(executor, at, queued, scored)| {
            let failed = || Failure { kind: FailureKind::Expired, message: "too late to begin".to_owned() };
            let answers = queued + scored > 0;
            let response = Response {
                request: request.id,
                executor: ExecutorId::new(executor).expect("a name"),
                model: ModelVersion::new(executor, "1f3a"),
                fetched: Duration::from_micros(at.saturating_sub(self.asked + queued + scored)),
                queued: Duration::from_micros(*queued),
                scored: Duration::from_micros(*scored),
                reply: if answers { Reply::Answer(r#"{"class":1}"#.into()) } else { Reply::Failure(failed()) },
            };
            (response, after(*at))
        });
        let responses: Vec<_> = responses.collect();
        let is_prediction = self.kind == ResultKind::Prediction;
        let heard = |name: &str| self.said.iter().find(|said| said.0 == name && said.1 <= self.decided);
        let receipt = ["forest", "boost", "next"].map(|name| {
            let after_us = heard(name).map(|said| said.1);
            let state = if after_us.is_some() { "answered" } else { "pending" };
            json!({ "executor": name, "role": "candidate", "state": state, "after_us": after_us })
        });
        let body = json!({ "answer": {}, "decision": {
            "decided_by": if is_prediction { "first" } else { "default" },
            "completeness": "partial",
            "reason": if is_prediction { "early" } else { "deadline" },
            "executors": if is_prediction { vec!["forest"] } else { vec![] },
            "policy": "wine@3", "elapsed_us": self.decided, "budget_us": 50_000, "receipt": receipt,
            "clauses": [{ "kind": if is_prediction { "first" } else { "default" }, "until_us": 50_000,
                "decided": true, "why": "forest answered first" }],
        }});
        let record = ResultRecord {
            request: request.id,
            policy: "wine@3".parse().expect("a policy"),
            kind: self.kind,
            key: None,
            reply: None,
            fencing: Fencing { epoch: 1, instance: Uuid::nil() },
            body: Bytes::from(body.to_string()),
        };
        let given = Given::read(record, after(self.given)).expect("it reads");
        Recorded { request: Some((request, after(self.asked))), responses, result: Some(given) }
    }

    fn spans(&self) -> Vec<Span> {
        spans(&self.recorded(), PLACE, Kept::Asked)
    }
}

/// As a tree, each span with its times, as people would look at it.
fn drawn(all: &[Span]) -> String {
    fn draw(all: &[Span], parent: Option<SpanId>, depth: usize, out: &mut String) {
        let known = |id: Option<SpanId>| id.is_some_and(|id| all.iter().any(|span| span.id == id));
        for span in all {
            let hangs = if parent.is_none() { !known(span.parent) } else { span.parent == parent };
            if !hangs {
                continue;
            }
            let since = |at: Timestamp| at.since(BORN).as_micros();
            let indent = "  ".repeat(depth);
            let _ = writeln!(
                out,
                "{indent}{} {:?} {:?} {}..{}",
                span.name,
                span.kind,
                span.station,
                since(span.start),
                since(span.end)
            );
            let _ = writeln!(
                out,
                "{indent}  | id {} parent {:?} {:?}",
                span.id,
                span.parent.map(|id| id.to_string()),
                span.status
            );
            for (name, value) in &span.attributes {
                let _ = writeln!(out, "{indent}  | {name} = {value:?}");
            }
            for event in &span.events {
                let _ = writeln!(out, "{indent}  | at {} {} {:?}", since(event.at), event.name, event.attributes);
            }
            for link in &span.links {
                let _ = writeln!(out, "{indent}  | heard {}", link.span);
            }
            draw(all, Some(span.id), depth + 1, out);
        }
    }
    let mut out = String::new();
    draw(all, None, 0, &mut out);
    out
}

#[test]
fn one_request_is_one_tree() {
    let story = Story {
        caller: true,
        asked: 400,
        said: vec![("boost", 5_000, 1_000, 2_000), ("forest", 9_000, 300, 7_000), ("next", 80_000, 0, 0)],
        decided: 9_000,
        kind: ResultKind::Prediction,
        given: 9_700,
    };
    insta::assert_snapshot!(drawn(&story.spans()));
}

#[test]
fn a_default_is_a_miss_and_no_failure_and_a_late_result_is_one() {
    let default =
        Story { caller: false, asked: 400, said: vec![], decided: 45_000, kind: ResultKind::Default, given: 46_000 };
    let root = &default.spans()[0];
    assert_eq!(root.attribute("hedgerow.miss"), Some(&"default".into()));
    assert_eq!(root.status, Status::Unset);
    let late = Story { kind: ResultKind::Prediction, given: 51_500, ..default };
    let root = &late.spans()[0];
    assert_eq!(root.attribute("hedgerow.miss"), Some(&"late".into()));
    assert_eq!(root.status, Status::Error("the result came 1.5 ms after its deadline".to_owned()));
    assert_eq!(root.attribute("hedgerow.slowest_stage"), Some(&"silent".into()));
}

#[test]
fn without_a_caller_s_trace_it_is_named_by_the_request_and_begins_with_it() {
    let story = story_of_nobody();
    let spans = story.spans();
    let id = story.recorded().id().unwrap().as_uuid().as_u128();
    assert!(spans.iter().all(|span| span.trace.number() == id));
    assert_eq!((spans[0].parent, spans[0].is_parent_remote), (None, false));
}

#[test]
fn a_late_answer_is_told_with_the_same_names_as_if_it_had_been_told_with_the_rest() {
    let story = Story { said: vec![("forest", 60_000, 100, 200)], ..story_of_nobody() };
    let recorded = story.recorded();
    let (request, asked) = recorded.request.clone().unwrap();
    let (response, appended) = &recorded.responses[0];
    let alone = late(&request, asked, (response, *appended), PLACE);
    let together = story.spans();
    let named =
        |spans: &[Span]| spans.iter().map(|span| (span.id, span.parent, span.start, span.end)).collect::<Vec<_>>();
    assert_eq!(named(&alone), named(&together[2..5]));
    assert!(alone[0].attribute("hedgerow.late").is_some() && together[2].attribute("hedgerow.late").is_some());
}

fn story_of_nobody() -> Story {
    Story { caller: false, asked: 400, said: vec![], decided: 9_000, kind: ResultKind::Prediction, given: 9_700 }
}

fn stories() -> impl Strategy<Value = Story> {
    let micros = || prop_oneof![0_u64..2_000, 0_u64..120_000];
    let who = prop_oneof![Just("forest"), Just("boost"), Just("next"), Just("stranger")];
    let said = prop::collection::vec((who, micros(), micros(), micros()), 0..6);
    let kind = prop_oneof![Just(ResultKind::Prediction), Just(ResultKind::Default), Just(ResultKind::Error)];
    (any::<bool>(), micros(), said, micros(), kind, micros())
        .prop_map(|(caller, asked, said, decided, kind, given)| Story { caller, asked, said, decided, kind, given })
}

proptest! {
    /// Clocks that disagree and logs that round down included: instants are drawn without regard to each other.
    #[test]
    fn every_parent_is_told_and_whatever_answers_no_producer_lies_within_it(story in stories()) {
        let all = story.spans();
        let by_id: BTreeMap<SpanId, &Span> = all.iter().map(|span| (span.id, span)).collect();
        prop_assert_eq!(by_id.len(), all.len(), "no two spans have one name");
        for span in &all {
            prop_assert!(span.start <= span.end);
            prop_assert_eq!(span.trace, all[0].trace);
            prop_assert!(span.links.iter().all(|link| by_id.contains_key(&link.span)));
            prop_assert!(span.events.iter().all(|event| (span.start..=span.end).contains(&event.at)));
            let Some(parent) = span.parent.and_then(|parent| by_id.get(&parent)) else {
                prop_assert_eq!(span.id, all[0].id, "only the root hangs under nobody here");
                prop_assert_eq!(span.parent.is_some(), story.caller);
                continue;
            };
            prop_assert!(parent.start <= span.start);
            prop_assert!(parent.kind == Kind::Producer || span.end <= parent.end);
        }
    }

    #[test]
    fn the_same_records_tell_the_same_spans_and_as_many_as_are_counted(story in stories()) {
        let recorded = story.recorded();
        let given = recorded.result.clone().unwrap();
        let told = Told::Whole(Box::new(Whole {
            request: recorded.request.clone().unwrap(),
            responses: recorded.responses.clone(),
            result: (given.record, given.appended),
            place: PLACE,
            kept: Kept::Asked,
        }));
        prop_assert_eq!(told.size(), story.spans().len());
        prop_assert_eq!(told.into_spans(), story.spans());
    }
}
