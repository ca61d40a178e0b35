//! Garbage in every topic, and stations that come late, are too many, or come and go.

use std::{collections::BTreeSet, time::Duration};

use bus::{Event, StartAt, TopicPartition};
use bytes::Bytes;
use hedgerow::app::Role;
use starter::{RawInput, Starter};
use tokio::time::timeout;
use wire::{CONTROL_TOPIC, DeadLetter, ResultKind};

use super::ARCHIVED;
use crate::{
    garbage::garbage,
    rendezvous::{PATIENCE, Rendezvous, put},
};

/// Each sort of garbage lies in the inputs, the requests and the responses, is put aside from there once, and costs
/// nobody anything; in the results and in the control topic it is skipped.
pub(crate) async fn garbage_in_every_topic_under_load_is_put_aside_and_costs_nobody_a_result(rendezvous: Rendezvous) {
    let topics = rendezvous.topics();
    let written = [&topics.inputs, &topics.requests, &topics.responses, &topics.results].map(String::as_str);
    let producer = rendezvous.app.bus.producer(&written).await.unwrap();
    let sorts = garbage();
    let mut asked = 0;
    let mut strewn = BTreeSet::new();
    for (index, (_, record)) in (0_i32..).zip(&sorts) {
        let partition = index % rendezvous.app.partitions;
        for topic in [&topics.inputs, &topics.requests, &topics.responses] {
            let offset = put(&*producer, topic, partition, record.clone()).await;
            strewn.insert(format!("{topic}/{partition}/{offset}"));
        }
        put(&*producer, &topics.results, partition, record.clone()).await;
        // A compacted topic takes nothing without a key.
        let key = Some(Bytes::from(format!("{}-{index}", topics.results)));
        put(&*producer, CONTROL_TOPIC, 0, wire::Record { key, ..record.clone() }).await;
        let bodies: Vec<String> = (0..5).map(|x| format!("{{\"x\": {}}}", asked + x)).collect();
        let answers = rendezvous.ask_all(&bodies).await;
        assert!(answers.iter().all(|answered| answered.result.kind == ResultKind::Prediction));
        asked += bodies.len();
    }
    rendezvous.has_results(asked).await;
    let put_aside = dead_letters(&rendezvous, strewn.len()).await;
    assert_eq!(put_aside, strewn);
    assert_eq!(rendezvous.apply(&ARCHIVED.replace("60s", "50s")).await, 2, "the control topic goes on");
    rendezvous.ask(r#"{"x": 0.5}"#).await.unwrap();
    rendezvous.stop().await;
}

/// Reads dead letters until there are `count`; returns where their originals lie.
async fn dead_letters(rendezvous: &Rendezvous, count: usize) -> BTreeSet<String> {
    let topic = rendezvous.topics().dead_letters;
    let mut tail = rendezvous.app.bus.tail().await.unwrap();
    for partition in 0..rendezvous.app.partitions {
        tail.start(&TopicPartition::new(&topic, partition), StartAt::Beginning).unwrap();
    }
    let mut origins = BTreeSet::new();
    while origins.len() < count {
        let event = timeout(PATIENCE, tail.next()).await;
        let Ok(event) = event else { panic!("only {} of {count} dead letters: {origins:?}", origins.len()) };
        let Event::Records(records) = event.unwrap() else { continue };
        origins.extend(records.iter().map(|received| DeadLetter::describe(&received.record).unwrap().0));
    }
    tail.close(Vec::new()).await;
    origins
}

/// Started with a starter alone: what is asked waits in the log for those who come late.
pub(crate) async fn requests_made_before_anybody_listened_are_answered(rendezvous: Rendezvous) {
    let bodies: Vec<String> = (0..50).map(|x| format!("{{\"x\": {x}}}")).collect();
    let asking = rendezvous.ask_all(&bodies);
    let coming = async {
        rendezvous.has_requests(50).await;
        let executors = rendezvous.another(Role::Executors).await;
        (executors, rendezvous.another(Role::Collector).await)
    };
    let (answers, (executors, collector)) = tokio::join!(asking, coming);
    assert!(answers.iter().all(|answered| answered.result.kind == ResultKind::Prediction));
    rendezvous.has_results(50).await;
    executors.stop().await.unwrap();
    collector.stop().await.unwrap();
    rendezvous.stop().await;
}

/// Five collectors share four partitions; the fifth serves as soon as there is something for it to do.
pub(crate) async fn more_collectors_than_partitions_are_idle_and_not_broken(rendezvous: Rendezvous) {
    let mut collectors = Vec::new();
    for _ in 0..=rendezvous.app.partitions {
        collectors.push(rendezvous.another(Role::Collector).await);
    }
    let bodies: Vec<String> = (0..40).map(|x| format!("{{\"x\": {x}}}")).collect();
    rendezvous.ask_all(&bodies).await;
    let last = collectors.pop().unwrap();
    for collector in collectors {
        collector.stop().await.unwrap();
    }
    rendezvous.ask_all(&bodies).await;
    rendezvous.has_results(80).await;
    last.stop().await.unwrap();
    rendezvous.stop().await;
}

/// Three collectors, then one, then three again, while somebody asks all the time.
pub(crate) async fn from_three_collectors_to_one_to_three_under_load_each_request_has_one_result(
    rendezvous: Rendezvous,
) {
    let mut collectors = Vec::new();
    for _ in 0..3 {
        collectors.push(rendezvous.another(Role::Collector).await);
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let asking = tokio::spawn(ask_until(rendezvous.starter().clone(), stop.clone()));
    for _ in 0..2 {
        collectors.pop().unwrap().stop().await.unwrap();
    }
    for _ in 0..2 {
        collectors.push(rendezvous.another(Role::Collector).await);
    }
    stop.cancel();
    let asked = timeout(PATIENCE, asking).await.unwrap().unwrap();
    rendezvous.has_results(asked).await;
    for collector in collectors {
        collector.stop().await.unwrap();
    }
    rendezvous.stop().await;
}

/// Asks about a hundred times a second; returns how many were answered with a prediction, which all must be.
async fn ask_until(starter: Starter, stop: tokio_util::sync::CancellationToken) -> usize {
    let mut asking = tokio::task::JoinSet::new();
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while !stop.is_cancelled() {
        pace.tick().await;
        let (starter, body) = (starter.clone(), Bytes::from(format!("{{\"x\": {}}}", asking.len())));
        asking.spawn(async move { starter.ask(RawInput { body, ..RawInput::default() }).await });
    }
    let asked = asking.len();
    while let Some(answered) = asking.join_next().await {
        assert_eq!(answered.unwrap().unwrap().result.kind, ResultKind::Prediction);
    }
    asked
}
