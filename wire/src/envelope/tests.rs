//! What is written is read back; what is garbage is named.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{Asked, RendezvousName, Role};

fn name() -> RendezvousName {
    RendezvousName::new("wine").unwrap()
}

pub(crate) fn request() -> Request {
    Request {
        id: RequestId::from_key(&name(), "row-1"),
        born: Timestamp::from_micros(1_700_000_000_000_001),
        budget: Budget::from_millis(50),
        policy: "wine@12".parse().unwrap(),
        case: Some("gold".into()),
        plan: "forest,boost+5000,~next".parse().unwrap(),
        key: Some("customer-7".into()),
        attributes: r#"{"tenant":"gold"}"#.parse().unwrap(),
        traceparent: Some(Bytes::from_static(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
        reply: Some(Arc::new(reply())),
        body: Bytes::from_static(br#"{"alcohol":13.2}"#),
    }
}

fn reply() -> ReplyTo {
    let (key, correlation) = (Some(Bytes::from_static(b"k")), Some(Bytes::from_static(b"\x00\xff")));
    ReplyTo { address: "orders.replies/3".parse().unwrap(), key, correlation }
}

pub(crate) fn response(reply: Reply) -> Response {
    Response {
        request: request().id,
        executor: ExecutorId::new("forest").unwrap(),
        model: ModelVersion::new("forest", "1f3a"),
        fetched: Duration::from_micros(430),
        queued: Duration::from_micros(120),
        scored: Duration::from_micros(9),
        reply,
    }
}

pub(crate) fn failure(kind: FailureKind) -> Reply {
    Reply::Failure(Failure { kind, message: "no weights".to_owned() })
}

fn fencing() -> Fencing {
    Fencing { epoch: 7, instance: Uuid::from_u128(42) }
}

pub(crate) fn result(kind: ResultKind) -> ResultRecord {
    let policy = "wine@12".parse().unwrap();
    ResultRecord {
        request: request().id,
        policy,
        kind,
        key: None,
        reply: None,
        fencing: fencing(),
        body: Bytes::from_static(b"{}"),
    }
}

#[test]
fn every_record_is_read_back_as_it_was_written() {
    let all = [
        Envelope::Request(request()),
        Envelope::Request(Request {
            traceparent: None,
            reply: None,
            plan: Plan::default(),
            case: None,
            key: None,
            attributes: Attributes::default(),
            ..request()
        }),
        Envelope::Response(response(Reply::Answer(Bytes::from_static(b"{}")))),
        Envelope::Response(response(failure(FailureKind::Failed))),
        Envelope::Response(response(failure(FailureKind::Abstained))),
        Envelope::Response(response(failure(FailureKind::Expired))),
        Envelope::Response(response(failure(FailureKind::Overloaded))),
        Envelope::Result(result(ResultKind::Prediction)),
        Envelope::Result(result(ResultKind::Default)),
        Envelope::Result(result(ResultKind::Error)),
        Envelope::Result(ResultRecord { key: Some("customer-7".into()), ..result(ResultKind::Default) }),
        Envelope::Result(ResultRecord { reply: Some(Arc::new(reply())), ..result(ResultKind::Prediction) }),
        Envelope::Result(ResultRecord {
            reply: Some(Arc::new(ReplyTo { address: "orders".parse().unwrap(), key: None, correlation: None })),
            ..result(ResultKind::Error)
        }),
        Envelope::Fence(Fence(fencing())),
    ];
    for envelope in all {
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
    }
}

#[test]
fn a_default_has_a_type_of_its_own() {
    let type_of = |kind| result(kind).encode().headers.get("ce_type").map(<[u8]>::to_vec);
    assert_ne!(type_of(ResultKind::Default), type_of(ResultKind::Prediction));
}

#[test]
fn garbage_is_named() {
    let without = |gone: &str| {
        let record = request().encode();
        let mut headers = Headers::default();
        record.headers.iter().filter(|(name, _)| *name != gone).for_each(|(name, value)| {
            headers.push(name, value);
        });
        Envelope::decode(&Record { headers, ..record }).unwrap_err().to_string()
    };
    assert_eq!(without("ce_type"), "header `ce_type` is missing");
    assert_eq!(without("ce_born"), "header `ce_born` is missing");

    let with = |name: &'static str, value: &'static [u8]| {
        let mut record = request().encode();
        record.headers.push(name, Some(value));
        Envelope::decode(&record).unwrap_err().to_string()
    };
    assert_eq!(with("ce_budget", b"-4"), "header `ce_budget` cannot be read: `-4`");
    assert_eq!(with("ce_plan", b"a,,b+x"), "header `ce_plan` cannot be read: `a,,b+x`");
    assert_eq!(with("ce_type", b"com.acme.order"), "record type `com.acme.order` is unknown");
}

#[test]
fn a_dead_letter_keeps_the_original_and_says_why() {
    let mut original = Record { payload: Some(Bytes::from_static(b"\xff\x00")), ..Record::default() };
    original.headers.push("mine", None);
    let letter = DeadLetter { origin: "wine.inputs/0/7".into(), reason: "not JSON".into(), original };
    let written = letter.encode();
    assert_eq!(DeadLetter::describe(&written), Some(("wine.inputs/0/7".into(), "not JSON".into())));
    assert_eq!(written.payload, letter.original.payload);
    assert_eq!(written.headers.iter().next(), Some(("mine", None)));
}

proptest! {
    #[test]
    fn no_headers_make_decoding_panic(
        name in "ce_[a-z]{2,8}|traceparent",
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut record = request().encode();
        record.headers.push(&name, Some(&value));
        let _ = Envelope::decode(&record);
    }

    #[test]
    fn any_plan_is_read_back(names in proptest::collection::vec("[a-z][a-z0-9_-]{0,8}", 0..5), start in 0_u64..9_000) {
        let asked = |name: &String| Asked {
            executor: ExecutorId::new(name).unwrap(),
            role: if name.len().is_multiple_of(2) { Role::Canary } else { Role::Candidate },
            start_after: Duration::from_micros(start),
        };
        let plan = Plan::new(names.iter().map(asked).collect());
        prop_assert_eq!(plan.to_string().parse::<Plan>(), Ok(plan));
    }
}
