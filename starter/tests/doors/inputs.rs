//! The input topic.

use std::{collections::BTreeSet, sync::Arc};

use bus::{Bus, Clock, EmbeddedLimits, Event, SendFault};
use bytes::Bytes;
use hedgerow_starter::Limits;
use tokio::sync::mpsc;
use wire::{Budget, DeadLetter, Record, Request, RequestId};

use crate::support::{BODY, EPOCH, PARTITIONS, World, definition, keyed, soon};

async fn world() -> Arc<World> {
    Arc::new(World::new().await)
}

/// Body, headers, and the sentence that refuses them.
type Bad = (&'static str, &'static [(&'static str, &'static str)], &'static str);

async fn take(requests: &mut mpsc::Receiver<Request>, count: usize) -> Vec<Request> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(soon(requests.recv()).await.unwrap());
    }
    taken
}

fn from_key(key: &str) -> RequestId {
    RequestId::from_key(definition().name(), key)
}

fn from_offset(offset: i64) -> RequestId {
    RequestId::from_position(definition().name(), "wine.inputs", 0, offset)
}

/// Returns what the starter's group has committed of partition 0, asking as a member once it was stopped.
pub(crate) async fn committed(world: &World) -> Option<i64> {
    let mut member = world.bus.member(&world.topics.group("starter"), &world.topics.inputs).await.unwrap();
    loop {
        if let Event::Assigned(assigned) = soon(member.next()).await.unwrap() {
            let first = assigned.into_iter().find(|assigned| assigned.partition.partition == 0).unwrap();
            return first.committed.map(|committed| committed.offset);
        }
    }
}

#[tokio::test]
async fn an_input_becomes_a_request_named_by_its_key_or_its_place() {
    let world = world().await;
    world.input(BODY, &[]);
    world.input(BODY, &[("idempotency-key", "k")]);
    world.input(BODY, &[("ce_id", "7")]);
    world.input(BODY, &[("ce_id", "7"), ("ce_source", "/till/4")]);
    world.input(r#"{"id":"named","inputs":[{"name":"x","shape":[1,2],"datatype":"FP64","data":[1,2]}]}"#, &[]);
    let station = world.start().await;
    let taken = take(&mut world.requests(), 5).await;
    let ids: BTreeSet<RequestId> = taken.iter().map(|request| request.id).collect();
    let expected = [from_offset(0), from_key("k"), from_key("7"), from_key("/till/4\u{1f}7"), from_key("named")];
    assert_eq!(ids, BTreeSet::from(expected));
    station.stop().await;
    assert_eq!(committed(&world).await, Some(5));
}

#[tokio::test]
async fn the_budget_counts_from_the_log_and_can_be_lowered() {
    let clock = Clock::standing_at(wire::Timestamp::from_micros(5_000_000));
    let world = World::with(clock.clone(), EmbeddedLimits::default()).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    world.input(BODY, &[("hedgerow-budget-ms", "12.5"), ("traceparent", trace)]);
    clock.advance(std::time::Duration::from_secs(3));
    let _station = world.start().await;
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!(request.born, wire::Timestamp::from_micros(5_000_000));
    assert_eq!(request.budget, Budget::from_micros(12_500));
    assert_eq!(request.traceparent.as_deref(), Some(trace.as_bytes()));
}

#[tokio::test]
async fn a_bad_input_goes_to_the_dead_letters_as_it_was_and_the_partition_goes_on() {
    let world = world().await;
    let bad: [Bad; 8] = [
        ("\u{1}not json", &[("x", "y")], "the body is not JSON: expected value at line 1, column 1"),
        ("{\"ash\":1}", &[], "feature `alcohol` is missing"),
        (
            BODY,
            &[("hedgerow-budget-ms", "soon")],
            "header `hedgerow-budget-ms` must be a number of milliseconds, more than 0 and at most an hour, not `soon`",
        ),
        (BODY, &[("idempotency-key", "")], "header `idempotency-key` must be 1 to 256 bytes of visible text, not ``"),
        ("", &[], "the body is empty: send one JSON object of features"),
        (
            BODY,
            &[("hedgerow-attribute-Customer_teir", "gold")],
            "attribute `Customer_teir` is not one that the policy declares, did you mean `customer_tier`?",
        ),
        (
            BODY,
            &[("hedgerow-attribute-tenant", "")],
            "attribute `tenant` must be 1 to 256 bytes of visible text, not ``",
        ),
        ("{\"alcohol\":\"NaN\",\"ash\":1}", &[], "feature `alcohol` must be a finite number, not \"NaN\""),
    ];
    for (body, headers, _) in bad {
        world.input(body, headers);
    }
    world.input(BODY, &[]);
    let station = world.start().await;
    let mut letters = world.records(&world.topics.dead_letters);
    for (offset, (body, headers, sentence)) in bad.into_iter().enumerate() {
        let letter = soon(letters.recv()).await.unwrap().record;
        let (origin, reason) = DeadLetter::describe(&letter).unwrap();
        assert_eq!((origin, &*reason), (format!("wine.inputs/0/{offset}"), sentence));
        assert_eq!(letter.payload.as_deref(), Some(body.as_bytes()));
        for (name, value) in headers {
            assert_eq!(letter.headers.get(name), Some(value.as_bytes()));
        }
    }
    assert_eq!(soon(world.requests().recv()).await.unwrap().id, from_offset(8));
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"dead_lettered\"}").as_deref(), Some("8"));
    assert_eq!(station.metric("hedgerow_invalid_inputs_total{reason=\"parameter\"}").as_deref(), Some("2"));
    station.stop().await;
    assert_eq!(committed(&world).await, Some(9));
}

#[tokio::test]
async fn a_tombstone_and_garbled_headers_are_dead_letters_too() {
    let world = world().await;
    world.put(&world.topics.inputs, 1, Record::default());
    let mut garbled = Record { payload: Some(Bytes::from_static(BODY.as_bytes())), ..Record::default() };
    garbled.headers.push("idempotency-key", Some(b"\xff\xfe"));
    world.put(&world.topics.inputs, 2, garbled);
    let _station = world.start().await;
    let mut letters = world.records(&world.topics.dead_letters);
    let mut partitions = BTreeSet::new();
    for _ in 0..2 {
        partitions.insert(soon(letters.recv()).await.unwrap().partition.partition);
    }
    assert_eq!(partitions, BTreeSet::from([1, 2]));
}

#[tokio::test]
async fn an_oversized_input_is_a_dead_letter_even_if_that_must_go_without_its_bytes() {
    let limits = EmbeddedLimits { record_bytes: 900, ..EmbeddedLimits::default() };
    let world = World::with(Clock::system(), limits).await;
    let padded = format!("{BODY}{}", " ".repeat(850 - BODY.len()));
    world.input(&padded, &[]);
    world.input(BODY, &[]);
    let _station = world.start().await;
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap().record;
    let (origin, reason) = DeadLetter::describe(&letter).unwrap();
    assert_eq!((&*origin, letter.payload), ("wine.inputs/0/0", None));
    assert_eq!(
        reason,
        "the body of 850 bytes is larger than the log takes; its 850 bytes are too many for a dead letter: read them at wine.inputs/0/0"
    );
    assert_eq!(soon(world.requests().recv()).await.unwrap().id, from_offset(1));
}

#[tokio::test]
async fn one_key_with_two_bodies_is_one_request_and_one_dead_letter() {
    let world = world().await;
    world.input(BODY, &[("idempotency-key", "k")]);
    world.input("{\"alcohol\":1,\"ash\":1}", &[("idempotency-key", "k")]);
    let _station = world.start().await;
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap().record;
    let (_, reason) = DeadLetter::describe(&letter).unwrap();
    assert_eq!(
        reason,
        format!("the key was given before with another body or other attributes, as request {}", from_key("k"))
    );
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn attributes_of_an_input_travel_with_its_request_and_others_under_its_key_are_a_conflict() {
    let world = world().await;
    world.input(BODY, &[("idempotency-key", "k"), ("hedgerow-attribute-tenant", "a")]);
    world.input(BODY, &[("idempotency-key", "k"), ("hedgerow-attribute-tenant", "b")]);
    let _station = world.start().await;
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap().record;
    let (_, reason) = DeadLetter::describe(&letter).unwrap();
    assert!(reason.contains("or other attributes"), "{reason}");
    assert_eq!(soon(world.requests().recv()).await.unwrap().attributes.get("tenant"), Some("a"));
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn a_caller_who_asks_what_the_topic_asked_waits_for_the_same_request() {
    let world = world().await;
    world.input(BODY, &[("idempotency-key", "k")]);
    let station = world.start().await;
    let request = soon(world.requests().recv()).await.unwrap();
    soon(written(&station, 1)).await;
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(keyed("k")).await });
    world.fence(EPOCH);
    world.answer(&request, EPOCH, wire::ResultKind::Prediction, "{}");
    assert_eq!(soon(asking).await.unwrap().unwrap().id, request.id);
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn a_restart_asks_nothing_twice_under_another_name() {
    let world = world().await;
    // Acknowledgements are held: the first run writes, and dies before it can commit.
    world.bus.faults().on_send(&world.topics.requests, 50, SendFault::AcknowledgementHeld);
    for _ in 0..50 {
        world.input(BODY, &[]);
    }
    let first = world.start().await;
    let mut requests = world.requests();
    let before: BTreeSet<_> = take(&mut requests, 50).await.iter().map(|request| request.id).collect();
    first.kill().await;
    let second = world.start().await;
    let after: BTreeSet<_> = take(&mut requests, 50).await.iter().map(|request| request.id).collect();
    assert_eq!(before, after);
    second.stop().await;
    assert_eq!(committed(&world).await, Some(50));
}

#[tokio::test]
async fn what_could_not_be_written_is_read_again_and_nothing_is_committed_before() {
    let world = world().await;
    world.bus.faults().on_send(&world.topics.requests, 3, SendFault::Failed);
    for _ in 0..10 {
        world.input(BODY, &[]);
    }
    let station = world.start().await;
    let mut requests = world.requests();
    let mut seen = BTreeSet::new();
    while seen.len() < 10 {
        seen.insert(soon(requests.recv()).await.unwrap().id);
    }
    assert_eq!(seen, (0..10).map(from_offset).collect());
    station.stop().await;
    assert_eq!(committed(&world).await, Some(10));
}

#[tokio::test]
async fn stopping_waits_for_acknowledgements_and_commits_them() {
    let world = world().await;
    world.bus.faults().on_send(&world.topics.requests, 3, SendFault::AcknowledgementHeld);
    for _ in 0..3 {
        world.input(BODY, &[]);
    }
    let station = world.start().await;
    take(&mut world.requests(), 3).await;
    let starter = station.starter.clone();
    let stopping = tokio::spawn(station.stop());
    while starter.is_ready() {
        tokio::task::yield_now().await;
    }
    world.bus.faults().release();
    soon(stopping).await.unwrap();
    assert_eq!(committed(&world).await, Some(3));
}

#[tokio::test]
async fn a_full_producer_holds_the_topic_and_loses_nothing() {
    let world = world().await;
    world.bus.faults().on_send(&world.topics.requests, 20, SendFault::Refused);
    for _ in 0..5 {
        world.input(BODY, &[]);
    }
    let station = world.start().await;
    let taken = take(&mut world.requests(), 5).await;
    let ids: BTreeSet<RequestId> = taken.iter().map(|request| request.id).collect();
    assert_eq!(ids, (0..5).map(from_offset).collect());
    assert_eq!(world.count(&world.topics.dead_letters).await, 0);
    station.stop().await;
}

#[tokio::test]
async fn more_inputs_than_may_be_in_hand_all_become_requests() {
    let world = world().await;
    let count = 20_000;
    for number in 0..count {
        let record = Record { payload: Some(Bytes::from_static(BODY.as_bytes())), ..Record::default() };
        world.put(&world.topics.inputs, number % PARTITIONS, record);
    }
    world.collect();
    let station = world.start_with(Limits { callers: 1_000, ..Limits::default() }).await;
    soon(written(&station, count)).await;
    station.stop().await;
    assert_eq!(world.count(&world.topics.requests).await, i64::from(count));
}

#[tokio::test]
async fn inputs_are_held_back_at_half_of_the_limit_and_callers_are_still_let_in() {
    let clock = Clock::standing_at(wire::Timestamp::from_micros(5_000_000));
    let world = Arc::new(World::with(clock.clone(), EmbeddedLimits::default()).await);
    for number in 0..100 {
        let record = Record { payload: Some(Bytes::from_static(BODY.as_bytes())), ..Record::default() };
        world.put(&world.topics.inputs, number % PARTITIONS, record);
    }
    let station = world.start_with(Limits { callers: 20, ..Limits::default() }).await;
    soon(written(&station, 10)).await;
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(crate::support::unnamed()).await });
    soon(async {
        while station.starter.callers() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(world.count(&world.topics.requests).await, 11, "ten inputs and one caller");
    // The results let the others in, and what stays without one leaves at its deadline.
    world.collect();
    soon(asking).await.unwrap().unwrap();
    soon(written(&station, 100)).await;
    station.stop().await;
    assert_eq!(world.count(&world.topics.requests).await, 101);
}

#[tokio::test]
async fn what_is_held_back_for_long_is_put_back_and_becomes_a_request_all_the_same() {
    let world = world().await;
    // It has no result, so it is in flight until its deadline, which is later than what is held back is kept.
    let mut first = Record { payload: Some(Bytes::from_static(BODY.as_bytes())), ..Record::default() };
    first.headers.push("hedgerow-budget-ms", Some(b"2700"));
    let second = Record { payload: Some(Bytes::from_static(BODY.as_bytes())), ..Record::default() };
    world.put(&world.topics.inputs, 0, first);
    world.put(&world.topics.inputs, 0, second);
    let station = world.start_with(Limits { callers: 2, ..Limits::default() }).await;
    soon(written(&station, 2)).await;
    station.stop().await;
    assert_eq!(world.count(&world.topics.requests).await, 2);
}

/// Lets others run until `count` inputs were written.
async fn written(station: &crate::support::Station, count: i32) {
    let wanted = Some(count.to_string());
    while station.metric("hedgerow_requests_total{outcome=\"written\"}") != wanted {
        tokio::task::yield_now().await;
    }
}
