//! Records batch by themselves on their way to the broker: no linger, and nobody says when there is load.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/support.rs"]
#[allow(dead_code, reason = "shared with the contract")]
mod support;

use std::{fs, path::Path, time::Duration};

use broker::Broker;
use hedgerow_bus::{KafkaBus, KafkaSettings, TopicPartition};
use support::{producer, record, send, topic, within};

const ALONE: usize = 20;
const TOGETHER: usize = 20_000;

/// Read from the log's own file: a batch lies there as it came over the wire.
#[tokio::test]
async fn records_go_alone_when_the_line_is_free_and_together_when_they_come_faster() {
    let broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
    let bus = KafkaBus::connect(KafkaSettings::new(broker.bootstrap())).unwrap();
    let name = topic(&bus, 1).await;
    let only = TopicPartition::new(&name, 0);
    let producer = producer(&bus, &name).await;
    for _ in 0..ALONE {
        send(&*producer, &only, record("alone")).await.unwrap();
    }
    for _ in 0..TOGETHER {
        producer.send(&only, record("together"), Box::new(|outcome| assert!(outcome.is_ok()))).unwrap();
    }
    within(producer.drain(Duration::from_secs(15))).await.unwrap();

    let batches = batches(&broker.data().join(format!("{name}-0/00000000000000000000.log")));
    assert_eq!(batches[..ALONE], [1; ALONE], "each went at once");
    let together = &batches[ALONE..];
    assert_eq!(together.iter().sum::<usize>(), TOGETHER);
    assert!(together.len() * 20 <= TOGETHER, "{} batches of {TOGETHER} records", together.len());
}

/// Returns how many records each batch of a segment has: format 2, where the length lies at 8 and the count at 57.
fn batches(segment: &Path) -> Vec<usize> {
    let (bytes, mut at, mut counts) = (fs::read(segment).unwrap(), 0, Vec::new());
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    while at < bytes.len() {
        counts.push(number(at + 57));
        at += 12 + number(at + 8);
    }
    counts
}
