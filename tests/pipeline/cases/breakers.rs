//! An executor that dies under way in one partition, and comes back: who waits for it, and for how long.

use std::time::Duration;

use bus::{Consumer, Event, StartAt, TopicPartition};
use hedgerow::app::Role;
use policies::{DecisionBody, Reason, ReceiptState};
use tokio::{sync::watch, task::JoinHandle};
use wire::{Envelope, ExecutorId, ModelVersion, Reply, Request, RequestId, Response};

use crate::rendezvous::{Rendezvous, body};

/// Waits for both as long as it may. Both are scripted: the station of executors is not started.
pub(crate) const BREAKABLE: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class, confidence: sure }
executors:
  steady: { constant: { answer: { class: 1 } } }
  mortal: { constant: { answer: { class: 2 } }, breaker: { min: 3, window: 5s, pause: 30s } }
decide:
  - best: { score: sure }
    until: 400ms
  - default: { class: unknown }
";

/// Every station but the executors.
pub(crate) const UNSCRIPTED: [Role; 2] = [Role::Collector, Role::Starter];

/// The partition in which it dies, and one in which it lives.
const DEADLY: i32 = 0;
const HEALTHY: i32 = 1;
/// So many requests at most may wait until one does not: the breaker asks for three, over half a second.
const WAITS_MAX: usize = 10;
/// So many may do without one who is back: the breaker closes with the fifth answer that is read.
const SPARED_MAX: usize = 200;

/// Asks about keys of one partition or another.
struct Caller {
    rendezvous: Rendezvous,
    keys: u32,
}

/// A pause that is longer than the test: only what an executor says, though nobody waits for it, shows that it is back.
pub(crate) async fn a_dead_executor_is_waited_for_by_few_requests_and_used_again_when_it_is_back(
    rendezvous: Rendezvous,
) {
    let (dead, hears) = watch::channel(false);
    let mortal = script(&rendezvous, "mortal", 0.9, hears).await;
    let steady = script(&rendezvous, "steady", 0.5, watch::channel(false).1).await;
    let mut caller = Caller { rendezvous, keys: 0 };
    caller.is_used(DEADLY).await;
    caller.is_used(HEALTHY).await;

    dead.send_replace(true);
    let mut waits = 0;
    let spared = loop {
        let decision = caller.ask(DEADLY).await;
        assert_eq!(decision.executors, ["steady"]);
        if state(&decision) == ReceiptState::BreakerOpen {
            break decision;
        }
        assert_eq!((state(&decision), decision.reason), (ReceiptState::Pending, Reason::Deadline), "to the end");
        waits += 1;
        assert!(waits <= WAITS_MAX, "the breaker does not open");
    };
    assert!(waits >= 3, "fewer than `min` opened it");
    assert_eq!(spared.reason, Reason::AllAnswered);
    for _ in 0..20 {
        let decision = caller.ask(DEADLY).await;
        assert_eq!((state(&decision), decision.reason), (ReceiptState::BreakerOpen, Reason::AllAnswered), "at once");
        let elsewhere = caller.ask(HEALTHY).await;
        assert_eq!(elsewhere.executors, ["mortal"], "another process of it answers there");
    }

    dead.send_replace(false);
    caller.is_used(DEADLY).await;
    mortal.abort();
    steady.abort();
    caller.rendezvous.stop().await;
}

// === impl Caller ===

impl Caller {
    /// Asks something new about a key of `partition`.
    async fn ask(&mut self, partition: i32) -> DecisionBody {
        let (name, count) = (self.rendezvous.app.definition().name().clone(), self.rendezvous.app.partitions);
        let key = loop {
            self.keys += 1;
            let key = self.keys.to_string();
            if RequestId::from_key(&name, &key).partition(count) == partition {
                break key;
            }
        };
        body(&self.rendezvous.ask_as("{\"x\": 1}", Some(&key)).await.unwrap()).decision
    }

    /// Asks until twenty in a row have heard it: before, it may not listen yet, or not be waited for.
    async fn is_used(&mut self, partition: i32) {
        let mut used = 0;
        for _ in 0..SPARED_MAX {
            let decision = self.ask(partition).await;
            let is_used = decision.executors == ["mortal"] && decision.reason == Reason::AllAnswered;
            used = if is_used { used + 1 } else { 0 };
            if used == 20 {
                return;
            }
        }
        panic!("it is not waited for");
    }
}

fn state(decision: &DecisionBody) -> ReceiptState {
    decision.receipt.iter().find(|entry| entry.executor == "mortal").expect("it was asked").state
}

/// Answers every request for `executor`, but those of one partition while it is dead: these are never answered.
async fn script(rendezvous: &Rendezvous, executor: &str, sure: f64, dead: watch::Receiver<bool>) -> JoinHandle<()> {
    let (bus, topics) = (rendezvous.app.bus.clone(), rendezvous.topics());
    let producer = bus.producer(&[&topics.responses]).await.unwrap();
    let mut tail: Box<dyn Consumer> = bus.tail().await.unwrap();
    for partition in 0..rendezvous.app.partitions {
        tail.start(&TopicPartition::new(&topics.requests, partition), StartAt::Beginning).unwrap();
    }
    let executor = ExecutorId::new(executor).unwrap();
    tokio::spawn(async move {
        while let Ok(event) = tail.next().await {
            let Event::Records(records) = event else { continue };
            for received in records {
                let Ok(Envelope::Request(Request { id, .. })) = Envelope::decode(&received.record) else { continue };
                let partition = received.partition.partition;
                if partition == DEADLY && *dead.borrow() {
                    continue;
                }
                let response = Response {
                    request: id,
                    executor: executor.clone(),
                    model: ModelVersion::from("script@1"),
                    fetched: Duration::ZERO,
                    queued: Duration::ZERO,
                    scored: Duration::ZERO,
                    reply: Reply::Answer(format!(r#"{{"class":1,"sure":{sure}}}"#).into()),
                };
                let to = TopicPartition::new(&topics.responses, partition);
                producer.send(&to, response.encode(), Box::new(|_| {})).unwrap();
            }
        }
    })
}
