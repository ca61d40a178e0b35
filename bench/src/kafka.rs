//! Plain rdkafka, as fast as we know how to use it: for everything that is measured beside hedgerow.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{Bus, TopicSpec};
use bytes::Bytes;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedHeaders, BorrowedMessage, Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, ThreadedProducer},
};
use uuid::Uuid;
use wire::{Budget, Request, RequestId, Timestamp, Topics};

use crate::{
    system::Tally,
    work::{BODY, PARTITIONS},
};

pub(crate) type Producer = Arc<ThreadedProducer<DefaultProducerContext>>;

/// How long a loop waits for a record before it looks whether it should end.
const TURN: Duration = Duration::from_millis(200);

/// Creates topics of the same shape as hedgerow's, under a name of their own.
pub(crate) async fn topics(bus: &Arc<dyn Bus>, name: &str) -> anyhow::Result<Topics> {
    let topics = Topics::of(&wire::RendezvousName::new(name)?);
    let spec =
        |name: &String| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
    bus.create_topics(&[&topics.requests, &topics.responses, &topics.results].map(spec)).await?;
    Ok(topics)
}

pub(crate) fn producer(brokers: &str) -> anyhow::Result<Producer> {
    let producer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "0")
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "2")
        .set("queue.buffering.max.messages", "1000000")
        .create()?;
    Ok(Arc::new(producer))
}

/// Whether a reader sees what is in a transaction that is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    All,
    Committed,
}

/// Returns a consumer of everything in `topic`, from now on.
pub(crate) fn consumer(brokers: &str, topic: &str) -> anyhow::Result<BaseConsumer> {
    read_from(brokers, topic, Offset::End, Sees::All)
}

/// Returns a consumer of what `sees` lets through, from now on.
pub(crate) fn consumer_that(sees: Sees, brokers: &str, topic: &str) -> anyhow::Result<BaseConsumer> {
    read_from(brokers, topic, Offset::End, sees)
}

fn read_from(brokers: &str, topic: &str, offset: Offset, sees: Sees) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.error.backoff.ms", "10")
        .set("isolation.level", if sees == Sees::All { "read_uncommitted" } else { "read_committed" })
        .set("enable.partition.eof", if offset == Offset::Beginning { "true" } else { "false" })
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, offset)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

/// Gives every record to `take` until `stop`.
pub(crate) fn each(consumer: &BaseConsumer, stop: &AtomicBool, mut take: impl FnMut(&BorrowedMessage<'_>)) {
    while !stop.load(Ordering::Relaxed) {
        // An error is told again as a time-out of whoever waits.
        if let Some(Ok(message)) = consumer.poll(TURN) {
            take(&message);
        }
    }
}

/// Reads a whole results topic, in which each record is a result and its key the request.
pub(crate) fn tally(brokers: &str, topic: &str, sees: Sees) -> anyhow::Result<Tally> {
    let consumer = read_from(brokers, topic, Offset::Beginning, sees)?;
    let (mut requests, mut all, mut ended) = (HashSet::new(), 0, HashSet::new());
    // A partition may say more than once that this is its end.
    while (0..PARTITIONS).any(|partition| !ended.contains(&partition)) {
        match consumer.poll(TURN) {
            Some(Ok(message)) => {
                all += 1;
                requests.insert(message.key().unwrap_or_default().to_vec());
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
    }
    let answered = requests.len() as u64;
    Ok(Tally { answered, second: all - answered })
}

/// Sends one request, shaped like hedgerow's.
pub(crate) fn ask(producer: &Producer, topic: &str, id: Uuid) {
    let request = Request {
        id: RequestId::from_uuid(id),
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
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in record.headers.iter() {
        headers = headers.insert(Header { key, value });
    }
    let payload = record.payload.clone().unwrap_or_default();
    let record = BaseRecord::to(topic)
        .partition(request.id.partition(PARTITIONS))
        .key(id.as_bytes().as_slice())
        .payload(payload.as_ref() as &[u8])
        .headers(headers);
    send(producer, record);
}

/// Sends a record on as it is, to the same partition of another topic.
pub(crate) fn forward(producer: &Producer, topic: &str, message: &BorrowedMessage<'_>) {
    let headers = message.headers().map(BorrowedHeaders::detach).unwrap_or_default();
    let record = BaseRecord::to(topic)
        .partition(message.partition())
        .key(message.key().unwrap_or_default())
        .payload(message.payload().unwrap_or_default())
        .headers(headers);
    send(producer, record);
}

pub(crate) fn send(producer: &Producer, record: BaseRecord<'_, [u8], [u8]>) {
    producer.send(record).map_err(|(error, _)| error).expect("the queue holds some seconds of any rate measured here");
}

/// Returns the request that a record belongs to.
pub(crate) fn request_of(message: &BorrowedMessage<'_>) -> Uuid {
    message.key().and_then(|key| Uuid::from_slice(key).ok()).unwrap_or_default()
}
