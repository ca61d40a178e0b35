//! An executor that is slow now and then, and one that stands in for it, which starts when that is known.

use std::time::Duration;

use bus::{Event, StartAt, TopicPartition};
use hedgerow::app::Role;
use policies::Quantile;
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::{task::JoinHandle, time::timeout};
use wire::{Envelope, ExecutorId, ModelVersion, Reply, Request, Response};

use super::PATIENCE;
use crate::rendezvous::{Rendezvous, body};

/// As long as nothing is known the hedge waits for longer than anybody who is slow here.
pub(crate) const HEDGED: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
executors:
  usual: { constant: { answer: { class: 1 } } }
  hedge: { constant: { answer: { class: 2 } }, start: { after: p90, min: 150ms, max: 10s, budget: 20% } }
decide:
  - first: any
  - default: { class: unknown }
";

const FAST: &str = "{\"x\": 1}";
const SLOW: &str = "{\"x\": 7.5}";
/// How long who is slow takes.
const SLOWNESS: Duration = Duration::from_secs(4);
const WORK: Duration = Duration::from_millis(10);
/// So many answers must be known, and some may still be on their way.
const FIRST: u64 = 40;
const ROUNDS: u64 = 5;
const ROUND: u64 = 20;

pub(crate) async fn a_hedge_starts_when_somebody_is_slower_than_usual_within_its_budget_and_is_counted(
    mut rendezvous: Rendezvous,
) {
    let usual = ExecutorId::new("usual").unwrap();
    rendezvous.app.only = Some(vec![ExecutorId::new("hedge").unwrap()]);
    let mut metrics = Registry::default();
    let running = rendezvous.app.start(&[Role::Collector, Role::Executors], &mut metrics).await.unwrap();
    let script = script(&rendezvous, usual.clone()).await;

    for _ in 0..FIRST {
        assert_eq!(decided_by(&rendezvous, FAST).await, ["usual"]);
    }
    assert!(counted(&metrics, LATER, "outcome=\"started\"") < 1.0, "who answers is not hedged");
    let mut versions = rendezvous.app.versions.clone();
    let known = versions.wait_for(|versions| versions.usual().of(&usual, Quantile::P90).is_some());
    drop(timeout(PATIENCE, known).await.expect("it is announced how long it takes").unwrap());

    for _ in 0..ROUNDS {
        for _ in 1..ROUND {
            decided_by(&rendezvous, FAST).await;
        }
        assert_eq!(decided_by(&rendezvous, SLOW).await, ["hedge"], "before who is slow");
    }
    let asked = FIRST + ROUNDS * ROUND;
    let started = counted(&metrics, LATER, "outcome=\"started\"");
    assert!(started >= 5.0 && started <= 1.0 + 0.2 * f64::from(u32::try_from(asked).unwrap()), "{started}");
    assert!(counted(&metrics, LATER, "outcome=\"decided\"") >= 1.0, "who is not needed is spared");

    // What was outrun comes after all, and the books are closed twice a second.
    until(&metrics, "hedgerow_hedge_saved_seconds_count", 5.0).await;
    assert!(counted(&metrics, "hedgerow_hedge_saved_seconds_sum", "") > 5.0, "more than a second each");
    assert!(counted(&metrics, "hedgerow_hedges_total", "outcome=\"won\"") >= 5.0);
    assert!(counted(&metrics, "hedgerow_wasted_executor_seconds_total", "executor=\"usual\"") >= 0.04);
    assert!(counted(&metrics, "hedgerow_useful_executor_seconds_total", "executor=\"usual\"") >= 0.3);
    script.abort();
    running.stop().await.unwrap();
    rendezvous.stop().await;
}

const LATER: &str = "hedgerow_executor_later_starts_total";

async fn decided_by(rendezvous: &Rendezvous, asked: &str) -> Vec<String> {
    body(&rendezvous.ask(asked).await.unwrap()).decision.executors
}

/// Returns the sum of the values of a metric whose labels have `label`.
fn counted(metrics: &Registry, name: &str, label: &str) -> f64 {
    let mut text = String::new();
    encode(&mut text, metrics).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn until(metrics: &Registry, name: &str, least: f64) {
    let reached = async {
        while counted(metrics, name, "") < least {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{name} stays at {}", counted(metrics, name, "")));
}

/// Answers every request for `executor`: at once, or late if it is one of the slow ones.
async fn script(rendezvous: &Rendezvous, executor: ExecutorId) -> JoinHandle<()> {
    let (bus, topics) = (rendezvous.app.bus.clone(), rendezvous.topics());
    let producer = bus.producer(&[&topics.responses]).await.unwrap();
    let mut tail = bus.tail().await.unwrap();
    for partition in 0..rendezvous.app.partitions {
        tail.start(&TopicPartition::new(&topics.requests, partition), StartAt::Beginning).unwrap();
    }
    tokio::spawn(async move {
        while let Ok(event) = tail.next().await {
            let Event::Records(records) = event else { continue };
            for received in records {
                let Ok(Envelope::Request(Request { id, body, .. })) = Envelope::decode(&received.record) else {
                    continue;
                };
                let to = TopicPartition::new(&topics.responses, received.partition.partition);
                let response = Response {
                    request: id,
                    executor: executor.clone(),
                    model: ModelVersion::from("script@1"),
                    fetched: Duration::ZERO,
                    queued: Duration::ZERO,
                    scored: WORK,
                    reply: Reply::Answer("{\"class\":1}".into()),
                };
                let (producer, is_slow) = (producer.clone(), body.windows(3).any(|digits| digits == b"7.5"));
                let say = move || producer.send(&to, response.encode(), Box::new(|_| {})).unwrap();
                if is_slow {
                    tokio::spawn(async move {
                        tokio::time::sleep(SLOWNESS).await;
                        say();
                    });
                } else {
                    say();
                }
            }
        }
    })
}
