//! The bare fan-out: plain rdkafka and nothing else, as fast as we know how to write it.
//!
//! Topics, records and headers have the same shape as hedgerow's; the three pass-through executors share one fetch, as
//! hedgerow's do in one process. It promises nothing: no ids are checked, nothing is committed, a restart loses all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bus::{Bus, TopicSpec};
use bytes::Bytes;
use hedgerow::load::Pace;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, ThreadedProducer},
};
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;
use wire::{Budget, Record, Request, RequestId, Timestamp, Topics};

use crate::{PATIENCE, measure::Measured, rendezvous::BODY};

const PARTITIONS: i32 = 4;
const EXECUTORS: u32 = 3;

/// Callers by the request's key.
type Waiting = Arc<Mutex<HashMap<Vec<u8>, oneshot::Sender<()>>>>;

type Producer = ThreadedProducer<DefaultProducerContext>;

/// A bare fan-out that runs, until the process ends.
pub(crate) struct Bare {
    producer: Arc<Producer>,
    waiting: Waiting,
    topics: Topics,
}

// === impl Bare ===

impl Bare {
    pub(crate) async fn start(brokers: &str, bus: &Arc<dyn Bus>) -> anyhow::Result<Self> {
        let topics = Topics::of(&wire::RendezvousName::new("bare")?);
        let spec =
            |name: &String| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
        bus.create_topics(&[&topics.requests, &topics.responses, &topics.results].map(spec)).await?;

        let requests = consumer(brokers, &topics.requests)?;
        let responses = consumer(brokers, &topics.responses)?;
        let results = consumer(brokers, &topics.results)?;
        let waiting = Waiting::default();
        let (from_executors, from_collector) = (producer(brokers)?, producer(brokers)?);
        let (to_responses, to_results) = (topics.responses.clone(), topics.results.clone());
        thread::spawn(move || pass_through(&requests, &from_executors, &to_responses));
        thread::spawn(move || count_to_three(&responses, &from_collector, &to_results));
        let answering = Arc::clone(&waiting);
        thread::spawn(move || answer(&results, &answering));
        Ok(Self { producer: Arc::new(producer(brokers)?), waiting, topics })
    }

    /// Offers `rate` requests a second for `seconds`.
    pub(crate) async fn load(&self, rate: u32, seconds: u32, measured: &mut Measured) {
        let pace = Pace { rate, count: u64::from(rate) * u64::from(seconds) };
        let (producer, waiting) = (Arc::clone(&self.producer), Arc::clone(&self.waiting));
        let requests = self.topics.requests.clone();
        let finished = pace.drive(move |_| {
            let answered = ask(&producer, &waiting, &requests);
            async move { matches!(timeout(PATIENCE, answered).await, Ok(Ok(()))) }
        });
        measured.take(finished).await;
    }
}

fn ask(producer: &Producer, waiting: &Waiting, topic: &str) -> oneshot::Receiver<()> {
    let request = Request {
        id: RequestId::from_uuid(Uuid::new_v4()),
        born: Timestamp::EPOCH,
        budget: Budget::from_millis(10_000),
        policy: "bare@1".parse().expect("a constant"),
        plan: "a,b,c".parse().expect("a constant"),
        case: None,
        key: None,
        attributes: wire::Attributes::default(),
        traceparent: None,
        body: Bytes::from_static(BODY),
    };
    let record = request.encode();
    let (sender, receiver) = oneshot::channel();
    let key = record.key.clone().unwrap_or_default();
    waiting.lock().expect("never poisoned").insert(key.to_vec(), sender);
    send(producer, topic, request.id.partition(PARTITIONS), &record);
    receiver
}

fn pass_through(requests: &BaseConsumer, producer: &Producer, topic: &str) {
    while let Some(Ok(message)) = next(requests) {
        for _ in 0..EXECUTORS {
            forward(producer, topic, &message);
        }
    }
}

fn count_to_three(responses: &BaseConsumer, producer: &Producer, topic: &str) {
    let mut counts: HashMap<Vec<u8>, u32> = HashMap::new();
    while let Some(Ok(message)) = next(responses) {
        let key = message.key().unwrap_or_default();
        let count = counts.entry(key.to_vec()).or_default();
        *count += 1;
        if *count == EXECUTORS {
            counts.remove(key);
            forward(producer, topic, &message);
        }
    }
}

fn answer(results: &BaseConsumer, waiting: &Waiting) {
    while let Some(Ok(message)) = next(results) {
        let caller = waiting.lock().expect("never poisoned").remove(message.key().unwrap_or_default());
        if let Some(caller) = caller {
            // A caller that has lost patience counts its request as missing.
            let _ = caller.send(());
        }
    }
}

fn next(consumer: &BaseConsumer) -> Option<rdkafka::error::KafkaResult<rdkafka::message::BorrowedMessage<'_>>> {
    loop {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            return Some(message);
        }
    }
}

fn forward(producer: &Producer, topic: &str, message: &rdkafka::message::BorrowedMessage<'_>) {
    let headers = message.headers().map(rdkafka::message::BorrowedHeaders::detach).unwrap_or_default();
    let record = BaseRecord::to(topic)
        .partition(message.partition())
        .key(message.key().unwrap_or_default())
        .payload(message.payload().unwrap_or_default())
        .headers(headers);
    producer.send(record).map_err(|(error, _)| error).expect("the queue holds a second of any rate measured here");
}

fn send(producer: &Producer, topic: &str, partition: i32, record: &Record) {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in record.headers.iter() {
        headers = headers.insert(Header { key, value: value.map(AsRef::as_ref) as Option<&[u8]> });
    }
    let (key, payload) = (record.key.clone().unwrap_or_default(), record.payload.clone().unwrap_or_default());
    let record = BaseRecord::to(topic)
        .partition(partition)
        .key(key.as_ref() as &[u8])
        .payload(payload.as_ref() as &[u8])
        .headers(headers);
    producer.send(record).map_err(|(error, _)| error).expect("the queue holds a second of any rate measured here");
}

fn producer(brokers: &str) -> anyhow::Result<Producer> {
    let producer: Producer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "0")
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "2")
        .create()?;
    Ok(producer)
}

fn consumer(brokers: &str, topic: &str) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.error.backoff.ms", "10")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::End)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}
