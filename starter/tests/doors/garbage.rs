//! What no caller of ours would write, and topics that change under the starter.

use std::sync::Arc;

use bus::{Clock, EmbeddedLimits, TopicPartition};
use bytes::Bytes;
use wire::{DeadLetter, Headers, Record};

use crate::{
    inputs::committed,
    support::{BODY, PARTITIONS, World, keyed, soon},
};

#[path = "../../../tests/pipeline/garbage.rs"]
mod table;

async fn world() -> Arc<World> {
    Arc::new(World::new().await)
}

#[tokio::test]
async fn every_sort_of_garbage_in_the_inputs_is_a_dead_letter_and_the_partition_goes_on() {
    let world = world().await;
    let sorts = table::garbage();
    for (_, record) in &sorts {
        world.put(&world.topics.inputs, 0, record.clone());
    }
    world.input(BODY, &[]);
    let station = world.start().await;
    let mut letters = world.records(&world.topics.dead_letters);
    for (offset, (what, record)) in sorts.iter().enumerate() {
        let letter = soon(letters.recv()).await.unwrap().record;
        let (origin, reason) = DeadLetter::describe(&letter).unwrap();
        assert_eq!(origin, format!("wine.inputs/0/{offset}"), "{what}: {reason}");
        assert_eq!(letter.payload, record.payload, "{what}");
    }
    soon(world.requests().recv()).await.unwrap();
    station.stop().await;
    assert_eq!(committed(&world).await, i64::try_from(sorts.len() + 1).ok());
}

/// It was wrong once: the input was read again and again, for its dead letter never fitted.
#[tokio::test]
async fn an_input_whose_headers_alone_fill_a_record_is_put_aside_and_the_partition_goes_on() {
    let limits = EmbeddedLimits { record_bytes: 20_000, ..EmbeddedLimits::default() };
    let world = World::with(Clock::system(), limits).await;
    let mut headers = Headers::default();
    headers.push("x", Some(&vec![b'x'; 19_990]));
    world.put(
        &world.topics.inputs,
        0,
        Record { headers, payload: Some(Bytes::from_static(b"?")), ..Record::default() },
    );
    world.input(BODY, &[]);
    let station = world.start().await;
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap().record;
    let (origin, reason) = DeadLetter::describe(&letter).unwrap();
    assert_eq!(origin, "wine.inputs/0/0");
    assert!(
        reason.ends_with("its 19992 bytes are too many for a dead letter: read them at wine.inputs/0/0"),
        "{reason}"
    );
    soon(world.requests().recv()).await.unwrap();
    station.stop().await;
    assert_eq!(committed(&world).await, Some(2));
}

#[tokio::test]
async fn every_sort_of_garbage_in_the_results_is_counted_and_callers_get_theirs() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    let sorts = table::garbage();
    for (index, (_, record)) in sorts.iter().enumerate() {
        for partition in 0..PARTITIONS {
            world.put(&world.topics.results, partition, record.clone());
        }
        soon(station.starter.ask(keyed(&index.to_string()))).await.unwrap();
    }
    let count = sorts.len() * usize::try_from(PARTITIONS).unwrap();
    let wanted = Some(count.to_string());
    soon(async {
        while station.metric("hedgerow_starter_results_unreadable_total") != wanted {
            tokio::task::yield_now().await;
        }
    })
    .await;
    station.stop().await;
}

#[tokio::test]
async fn a_committed_offset_past_the_end_of_the_inputs_is_told_and_what_is_held_is_asked() {
    let world = world().await;
    (0..20).for_each(|_| world.input(BODY, &[]));
    let first = world.start().await;
    let mut requests = world.requests();
    for _ in 0..20 {
        soon(requests.recv()).await.unwrap();
    }
    first.stop().await;
    assert_eq!(committed(&world).await, Some(20));
    world.bus.recreate(&world.topics.inputs).unwrap();
    world.input(BODY, &[("idempotency-key", "new")]);
    let second = world.start().await;
    soon(requests.recv()).await.unwrap();
    assert_eq!(second.metric("hedgerow_inputs_gone_total").as_deref(), Some("1"));
    second.stop().await;
    assert_eq!(committed(&world).await, Some(1));
}

#[tokio::test]
async fn inputs_cut_off_before_they_were_read_are_told_and_the_rest_is_asked() {
    let world = world().await;
    world.input(BODY, &[]);
    let first = world.start().await;
    let mut requests = world.requests();
    soon(requests.recv()).await.unwrap();
    first.stop().await;
    (0..5).for_each(|_| world.input(BODY, &[]));
    world.bus.drop_before(&TopicPartition::new(&world.topics.inputs, 0), 4).unwrap();
    let second = world.start().await;
    soon(requests.recv()).await.unwrap();
    soon(requests.recv()).await.unwrap();
    assert_eq!(second.metric("hedgerow_inputs_gone_total").as_deref(), Some("1"));
    second.stop().await;
    assert_eq!(committed(&world).await, Some(6));
}

#[tokio::test]
async fn results_cut_off_or_created_again_under_it_cost_later_callers_nothing() {
    let world = world().await;
    world.collect();
    let station = world.start().await;
    soon(station.starter.ask(keyed("before"))).await.unwrap();
    world.bus.recreate(&world.topics.results).unwrap();
    // Whoever takes over finds no fence, and begins above whatever was there.
    world.fence(crate::support::EPOCH + 1);
    let mut requests = world.requests();
    soon(requests.recv()).await.unwrap();
    let starter = station.starter.clone();
    let asking = tokio::spawn(async move { starter.ask(keyed("after")).await });
    let request = soon(requests.recv()).await.unwrap();
    world.answer(&request, crate::support::EPOCH + 1, wire::ResultKind::Prediction, "{}");
    assert_eq!(soon(asking).await.unwrap().unwrap().id, request.id);
    station.stop().await;
}

#[tokio::test]
async fn requests_that_grow_under_way_are_refused_loudly() {
    let world = world().await;
    let station = world.start().await;
    world.bus.grow(&world.topics.requests, 5).unwrap();
    let error = station.ends().await;
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("`wine.requests` has 5 partitions and had 3: stop every station"), "{source}");
}
