//! Callers in the same process.

use std::{sync::Arc, time::Duration};

use bus::{Clock, EmbeddedLimits, SendFault};
use bytes::Bytes;
use hedgerow_starter::{InvalidInput, Limits, RawInput, Refusal};
use wire::{Budget, RequestId, ResultKind, Timestamp};

use crate::support::{ANSWER, BODY, EPOCH, World, definition, keyed, soon, unnamed};

async fn world() -> Arc<World> {
    Arc::new(World::new().await)
}

#[tokio::test]
async fn a_caller_gets_the_one_result_of_the_log() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    let answered = soon(station.starter.ask(unnamed())).await.unwrap();
    assert_eq!((&*answered.result.body, answered.result.kind), (ANSWER.as_bytes(), ResultKind::Prediction));
    assert_eq!(answered.result.request, answered.id);
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!((request.id, &*request.body), (answered.id, BODY.as_bytes()));
    assert_eq!((request.budget, request.plan), (Budget::from_millis(5_000), definition().plan()));
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"prediction\"}").as_deref(), Some("1"));
    assert_eq!(station.metric("hedgerow_requests_in_flight").as_deref(), Some("0"));
    station.stop().await;
}

#[tokio::test]
async fn the_same_key_twice_is_one_request_and_both_callers_are_answered() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let (first, second) = (station.starter.clone(), station.starter.clone());
    let first = tokio::spawn(async move { first.ask(keyed("k")).await });
    let request = soon(requests.recv()).await.unwrap();
    let second = tokio::spawn(async move { second.ask(keyed("k")).await });
    soon(until(|| station.starter.callers() == 2)).await;
    world.fence(EPOCH);
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    let (first, second) = (soon(first).await.unwrap().unwrap(), soon(second).await.unwrap().unwrap());
    assert_eq!((first.id, first.result), (second.id, second.result));
    // And once more, when it is long answered.
    let third = soon(station.starter.ask(keyed("k"))).await.unwrap();
    assert_eq!(third.id, RequestId::from_key(definition().name(), "k"));
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    let answered = soon(station.starter.ask(keyed("k"))).await.unwrap();
    let other = RawInput { body: Bytes::from_static(b"{\"alcohol\":1,\"ash\":2}"), ..keyed("k") };
    assert_eq!(station.starter.ask(other).await.unwrap_err(), Refusal::Conflict { id: answered.id });
    let attributes = vec![("tenant".to_owned(), Bytes::from_static(b"a"))];
    let other = RawInput { attributes, ..keyed("k") };
    assert_eq!(station.starter.ask(other).await.unwrap_err(), Refusal::Conflict { id: answered.id });
    // The same numbers in another spelling are the same body.
    let spelled = RawInput { body: Bytes::from_static(b"{ \"ash\":2.0, \"alcohol\":1.25e1 }"), ..keyed("k") };
    assert_eq!(soon(station.starter.ask(spelled)).await.unwrap().id, answered.id);
}

#[tokio::test]
async fn a_void_result_reaches_nobody() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    let request = soon(requests.recv()).await.unwrap();
    // Before any fence, then from a collector that was replaced, then from the one that holds the partition.
    world.answer(&request, EPOCH, ResultKind::Default, "{\"void\":1}");
    world.fence(EPOCH);
    world.answer(&request, EPOCH - 1, ResultKind::Default, "{\"void\":2}");
    world.fence(EPOCH - 1);
    world.answer(&request, EPOCH - 1, ResultKind::Default, "{\"void\":3}");
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    assert_eq!(&*soon(asking).await.unwrap().unwrap().result.body, ANSWER.as_bytes());
}

#[tokio::test]
async fn a_starter_that_comes_later_finds_the_fence_and_the_results_of_the_last_minute() {
    let world = world().await;
    world.collect();
    let earlier = world.start().await;
    soon(earlier.starter.ask(keyed("k"))).await.unwrap();
    earlier.kill().await;
    let later = world.start().await;
    soon(later.starter.ask(keyed("k"))).await.unwrap();
    assert_eq!(world.count(&world.topics.requests).await, 1);
    soon(later.starter.ask(keyed("l"))).await.unwrap();
}

#[tokio::test]
async fn a_starter_that_begins_at_a_fence_that_landed_late_answers_nobody_by_it() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_800_000_000_000_000));
    let world = Arc::new(World::with(clock.clone(), EmbeddedLimits::default()).await);
    let before = world.start().await;
    let mut requests = world.requests();
    let starter = before.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(keyed("k")).await });
    let request = soon(requests.recv()).await.unwrap();
    before.kill().await;
    asking.abort();
    // The owner, a zombie whose fence lands late, and the owner again; a starter that comes now reads the last two.
    world.fence(EPOCH);
    clock.advance(Duration::from_secs(6));
    world.fence(EPOCH - 1);
    world.answer(&request, EPOCH - 1, ResultKind::Default, "{\"void\":1}");
    world.fence(EPOCH);
    clock.advance(Duration::from_secs(88));
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    let later = world.start().await;
    assert_eq!(&*soon(later.starter.ask(keyed("k"))).await.unwrap().result.body, ANSWER.as_bytes());
    assert_eq!(world.count(&world.topics.requests).await, 1);
}

#[tokio::test]
async fn a_default_is_told_from_a_prediction() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    world.fence(EPOCH);
    world.answer(&soon(requests.recv()).await.unwrap(), EPOCH, ResultKind::Default, "{}");
    assert_eq!(soon(asking).await.unwrap().unwrap().result.kind, ResultKind::Default);
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"default\"}").as_deref(), Some("1"));
}

#[tokio::test]
async fn an_error_is_counted_apart_from_defaults() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    world.fence(EPOCH);
    world.answer(&soon(requests.recv()).await.unwrap(), EPOCH, ResultKind::Error, "{}");
    assert_eq!(soon(asking).await.unwrap().unwrap().result.kind, ResultKind::Error);
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"error\"}").as_deref(), Some("1"));
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"default\"}"), None);
}

#[tokio::test]
async fn without_a_result_the_caller_is_told_so_after_deadline_and_grace_and_not_before() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let world = World::with(clock.clone(), EmbeddedLimits::default()).await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let input = RawInput { budget: Some(Budget::from_millis(300)), ..keyed("k") };
    let asking = tokio::spawn(async move { starter.ask(input).await });
    let request = soon(requests.recv()).await.unwrap();
    clock.advance(Duration::from_micros(1_299_999));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(station.starter.callers(), 1);
    clock.advance(Duration::from_micros(1));
    assert_eq!(soon(asking).await.unwrap().unwrap_err(), Refusal::NoResult { id: request.id });
    assert_eq!(station.starter.callers(), 0);
}

#[tokio::test]
async fn one_caller_too_many_is_shed_at_once() {
    let world = world().await;
    let station = world.start_with(Limits { callers: 1, ..Limits::default() }).await;
    let starter = station.starter.clone();
    let waiting = tokio::spawn(async move { starter.ask(unnamed()).await });
    soon(until(|| station.starter.callers() == 1)).await;
    let mut asking = Box::pin(station.starter.ask(unnamed()));
    let shed = futures::poll!(&mut asking);
    assert!(matches!(shed, std::task::Poll::Ready(Err(Refusal::Shed { .. }))), "{shed:?}");
    // Who goes away makes room.
    waiting.abort();
    soon(until(|| station.starter.callers() == 0)).await;
    assert!(futures::poll!(Box::pin(station.starter.ask(unnamed()))).is_pending());
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"abandoned\"}").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_full_producer_sheds_at_once_and_keeps_no_seat() {
    let world = world().await;
    let station = world.start().await;
    world.bus.faults().on_send(&world.topics.requests, 1, SendFault::Refused);
    let mut asking = Box::pin(station.starter.ask(keyed("k")));
    let shed = futures::poll!(&mut asking);
    assert!(matches!(shed, std::task::Poll::Ready(Err(Refusal::Shed { .. }))), "{shed:?}");
    assert_eq!(station.starter.callers(), 0);
    world.collect();
    soon(station.starter.ask(keyed("k"))).await.unwrap();
}

#[tokio::test]
async fn a_write_that_fails_is_told_to_everybody_who_waits_for_it() {
    let world = world().await;
    let station = world.start().await;
    world.bus.faults().on_send(&world.topics.requests, 1, SendFault::Failed);
    let refused = soon(station.starter.ask(keyed("k"))).await.unwrap_err();
    assert!(matches!(refused, Refusal::Unavailable(_)), "{refused:?}");
    world.collect();
    soon(station.starter.ask(keyed("k"))).await.unwrap();
}

#[tokio::test]
async fn a_result_answers_even_if_the_acknowledgement_of_the_request_is_still_out() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    world.bus.faults().on_send(&world.topics.requests, 1, SendFault::AcknowledgementHeld);
    soon(station.starter.ask(unnamed())).await.unwrap();
}

#[tokio::test]
async fn a_request_without_acknowledgement_or_result_was_not_accepted() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let world = World::with(clock.clone(), EmbeddedLimits::default()).await;
    let station = world.start().await;
    world.bus.faults().on_send(&world.topics.requests, 1, SendFault::AcknowledgementHeld);
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    soon(until(|| station.starter.callers() == 1)).await;
    clock.advance(Duration::from_secs(6));
    let refused = soon(asking).await.unwrap().unwrap_err();
    assert!(matches!(refused, Refusal::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn what_the_log_cannot_take_is_refused_as_too_large() {
    let limits = EmbeddedLimits { record_bytes: 600, ..EmbeddedLimits::default() };
    let world = World::with(Clock::system(), limits).await;
    let station = world.start().await;
    let body = format!("{BODY}{}", " ".repeat(500));
    let refused = soon(station.starter.ask(RawInput { body: body.into(), ..unnamed() })).await.unwrap_err();
    assert_eq!(refused, Refusal::Invalid(InvalidInput::TooLargeForLog { size: 524 }));
}

#[tokio::test]
async fn a_budget_can_be_lowered_and_never_raised() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    for (asked, granted) in [(7, 7), (60_000, 5_000)] {
        let input = RawInput { budget: Some(Budget::from_millis(asked)), ..keyed(&asked.to_string()) };
        soon(station.starter.ask(input)).await.unwrap();
        let id = RequestId::from_key(definition().name(), &asked.to_string());
        let mut requests = world.requests();
        let request = loop {
            let request = soon(requests.recv()).await.unwrap();
            if request.id == id {
                break request;
            }
        };
        assert_eq!(request.budget, Budget::from_millis(granted));
    }
}

#[tokio::test]
async fn poison_in_the_results_stops_nobody() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    for partition in 0..crate::support::PARTITIONS {
        let garbage = wire::Record { payload: Some(Bytes::from_static(b"\xff\x00{")), ..wire::Record::default() };
        world.put(&world.topics.results, partition, garbage);
    }
    for key in ["a", "b", "c", "d", "e"] {
        soon(station.starter.ask(keyed(key))).await.unwrap();
    }
}

#[tokio::test]
async fn before_it_is_ready_and_after_it_was_stopped_it_says_so() {
    let world = world().await;
    let station = world.start().await;
    let starter = station.starter.clone();
    station.stop().await;
    assert!(!starter.is_ready());
    let refused = starter.ask(unnamed()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the starter of `wine` is not ready");
    assert_eq!(world.count(&world.topics.requests).await, 0);
}

#[tokio::test]
async fn stopping_waits_for_the_callers_in_hand() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    let request = soon(requests.recv()).await.unwrap();
    let starter = station.starter.clone();
    let stopping = tokio::spawn(station.stop());
    soon(until(|| !starter.is_ready())).await;
    world.fence(EPOCH);
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    soon(asking).await.unwrap().unwrap();
    soon(stopping).await.unwrap();
}

#[tokio::test]
async fn whoever_waits_longer_than_a_starter_that_stops_is_told_so() {
    let world = world().await;
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(keyed("mine")).await });
    soon(requests.recv()).await.unwrap();
    station.stop().await;
    let refused = soon(asking).await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "the starter stops: ask again with the same key, here or elsewhere");
}

#[tokio::test]
async fn an_interruption_of_the_log_ends_nothing() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    world.bus.faults().interrupt();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(unnamed()).await });
    soon(until(|| station.starter.callers() == 1)).await;
    world.bus.faults().restore();
    soon(asking).await.unwrap().unwrap();
    station.stop().await;
}

/// Lets others run until `is_so`.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_frees_its_seat_and_its_result_bothers_nobody() {
    let world = world().await;
    world.fence(EPOCH);
    let station = world.start().await;
    let mut requests = world.requests();
    let starter = station.starter.clone();
    let waiting = tokio::spawn(async move { starter.ask(keyed("gone")).await });
    let abandoned = soon(requests.recv()).await.unwrap();
    waiting.abort();
    soon(until(|| station.starter.callers() == 0)).await;
    world.answer(&abandoned, EPOCH, ResultKind::Prediction, ANSWER);
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(keyed("here")).await });
    let request = soon(requests.recv()).await.unwrap();
    world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
    assert_eq!(soon(asking).await.unwrap().unwrap().id, request.id);
    // Who comes back finds it.
    assert_eq!(soon(station.starter.ask(keyed("gone"))).await.unwrap().id, abandoned.id);
    assert_eq!(station.metric("hedgerow_requests_total{outcome=\"abandoned\"}").as_deref(), Some("1"));
    station.stop().await;
}
