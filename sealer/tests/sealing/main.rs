//! Sealers on both buses: whatever happens to them, each valid result is sealed once, in order, as it was.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

mod forbidden;
mod lookups;
mod scene;

use std::sync::Arc;

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings, SendFault};
use scene::Scene;

/// Makes a test of each case on each bus.
macro_rules! each {
    ($($case:ident,)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")] async fn $case() { super::$case(super::embedded()).await; })*
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")] async fn $case() { super::$case(super::kafka().await).await; })*
        }
    };
}

each! {
    each_valid_result_is_sealed_once_in_order_as_it_was,
    dropped_again_and_again_it_seals_each_result_once,
    sealers_that_come_and_go_seal_each_result_once,
    a_sealer_that_is_told_to_stop_seals_what_it_has_read,
}

fn embedded() -> Arc<dyn Bus> {
    EmbeddedBus::new(Clock::system())
}

async fn kafka() -> Arc<dyn Bus> {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap())
}

async fn each_valid_result_is_sealed_once_in_order_as_it_was(bus: Arc<dyn Bus>) {
    let mut scene = Scene::new(bus).await;
    scene.write(500).await;
    let sealer = scene.sealer().await;
    scene.write(500).await;
    scene.until_all_is_sealed(&sealer).await;
    sealer.stop().await.unwrap();
    scene.check().await;
}

async fn dropped_again_and_again_it_seals_each_result_once(bus: Arc<dyn Bus>) {
    let mut scene = Scene::new(bus).await;
    for round in 0..8 {
        let sealer = scene.sealer().await;
        for _ in 0..=round % 3 {
            let before = sealer.metrics.transactions.get();
            scene.write(100).await;
            sealer.until(|metrics| metrics.transactions.get() > before).await;
        }
        // Dropped with some in hand, and its transactions at any step.
        scene.write(100).await;
        sealer.drop_dead().await;
    }
    let last = scene.sealer().await;
    scene.until_all_is_sealed(&last).await;
    last.stop().await.unwrap();
    scene.check().await;
}

async fn sealers_that_come_and_go_seal_each_result_once(bus: Arc<dyn Bus>) {
    let mut scene = Scene::new(bus).await;
    let first = scene.sealer().await;
    scene.write(200).await;
    first.until(|metrics| metrics.sealed.get() > 0).await;
    let mut others = Vec::new();
    for round in 0..6 {
        others.push(scene.sealer().await);
        scene.write(200).await;
        if round % 2 == 1 {
            others.remove(0).stop().await.unwrap();
            scene.write(100).await;
            others.remove(0).drop_dead().await;
        }
    }
    scene.write(200).await;
    scene.until_all_is_sealed(&first).await;
    first.stop().await.unwrap();
    scene.check().await;
}

async fn a_sealer_that_is_told_to_stop_seals_what_it_has_read(bus: Arc<dyn Bus>) {
    let mut scene = Scene::new(bus).await;
    let sealer = scene.sealer().await;
    scene.write(300).await;
    sealer.until(|metrics| metrics.void.get() > 0 && metrics.repeats.get() > 0).await;
    sealer.stop().await.unwrap();
    let again = scene.sealer().await;
    scene.until_all_is_sealed(&again).await;
    again.stop().await.unwrap();
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_fail_or_whose_end_is_not_known_double_and_lose_nothing() {
    let bus = EmbeddedBus::new(Clock::system());
    let mut scene = Scene::new(Arc::clone(&bus) as Arc<dyn Bus>).await;
    let sealer = scene.sealer().await;
    let topic = scene.topics.sealed.clone();
    for fault in [SendFault::Failed, SendFault::AcknowledgementLost, SendFault::Refused].repeat(3) {
        let (aborted, restarts) = (sealer.metrics.aborted.get(), sealer.metrics.restarts.get());
        bus.faults().on_send(&topic, 1, fault);
        scene.write(100).await;
        sealer.until(|metrics| metrics.aborted.get() + metrics.restarts.get() > aborted + restarts).await;
    }
    assert!(sealer.metrics.restarts.get() >= 3, "an end that is not known is found out by beginning anew");
    scene.until_all_is_sealed(&sealer).await;
    sealer.stop().await.unwrap();
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_bus_is_waited_for() {
    let bus = EmbeddedBus::new(Clock::system());
    let mut scene = Scene::new(Arc::clone(&bus) as Arc<dyn Bus>).await;
    let sealer = scene.sealer().await;
    for _ in 0..3 {
        scene.write(100).await;
        let before = sealer.metrics.transactions.get();
        sealer.until(|metrics| metrics.transactions.get() > before).await;
        bus.faults().interrupt();
        tokio::task::yield_now().await;
        bus.faults().restore();
    }
    scene.until_all_is_sealed(&sealer).await;
    sealer.stop().await.unwrap();
    scene.check().await;
}

/// Between transactions: with one replica Kafka itself may forget to end one that is open (docs/faults.md).
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_between_transactions_doubles_and_loses_nothing() {
    let mut broker =
        tokio::task::spawn_blocking(Broker::start).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(broker.bootstrap())).unwrap());
    let mut scene = Scene::new(bus).await;
    let sealer = scene.sealer().await;
    for _ in 0..2 {
        scene.write(300).await;
        scene.until_all_is_sealed(&sealer).await;
        broker = tokio::task::spawn_blocking(move || {
            broker.restart().unwrap();
            broker
        })
        .await
        .unwrap();
    }
    scene.write(100).await;
    scene.until_all_is_sealed(&sealer).await;
    sealer.stop().await.unwrap();
    scene.check().await;
}
