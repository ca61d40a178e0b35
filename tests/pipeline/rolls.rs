//! Collectors are rolled under load on a real Kafka: whoever serves next is warm before whoever served goes.

use std::{sync::Arc, time::Duration};

use broker::Broker;
use bus::{Clock, KafkaBus, KafkaSettings};
use futures::{StreamExt as _, stream::FuturesUnordered};
use hedgerow::app::Role;
use tokio::time::{MissedTickBehavior, interval};
use wire::ResultKind;

use crate::rendezvous::{Rendezvous, body};

/// Two that answer at once and agree.
const PROMPT: &str = "
rendezvous: NAME
budget: 100ms
input: { features: [x] }
answer: { value: class }
executors:
  one: { constant: { answer: { class: 1 } } }
  two: { constant: { answer: { class: 1 } } }
decide:
  - agree: 2
    until: 100ms
  - default: { class: unknown }
";

/// Before there was a hand-over, each of the four cost half of the partitions half a second to a second: 200 requests or
/// more of the 1,600 that are asked. What a stall of the machine may cost is far less than that.
#[tokio::test(flavor = "multi_thread")]
async fn rolling_two_collectors_under_load_costs_no_deadline() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    let rendezvous = Rendezvous::start(bus, Clock::system(), PROMPT, &[Role::Executors, Role::Starter]).await;
    let collectors = [rendezvous.another(Role::Collector).await, rendezvous.another(Role::Collector).await];
    let (done, mut rolled) = tokio::sync::oneshot::channel();
    let asking = async {
        let mut ticks = interval(Duration::from_millis(5));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut open, mut answered) = (FuturesUnordered::new(), Vec::new());
        loop {
            tokio::select! {
                _ = ticks.tick() => open.push(rendezvous.ask(r#"{"x": 1}"#)),
                Some(one) = open.next() => answered.push(one.unwrap()),
                _ = &mut rolled => break,
            }
        }
        while let Some(one) = open.next().await {
            answered.push(one.unwrap());
        }
        answered
    };
    let rolling = async {
        let mut fresh = Vec::new();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for old in collectors {
            old.stop().await.unwrap();
            fresh.push(rendezvous.another(Role::Collector).await);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        done.send(()).unwrap();
        fresh
    };
    let (answered, fresh) = tokio::join!(asking, rolling);
    let missed = answered.iter().filter(|answered| {
        let decision = body(answered).decision;
        answered.result.kind == ResultKind::Default || decision.elapsed_us > decision.budget_us
    });
    let (missed, asked) = (missed.count(), answered.len());
    eprintln!("{missed} of {asked} missed their deadline");
    assert!(missed * 100 <= asked * 2, "{missed} of {asked} missed their deadline");
    rendezvous.has_results(asked).await;
    for collector in fresh {
        collector.stop().await.unwrap();
    }
    rendezvous.stop().await;
}
