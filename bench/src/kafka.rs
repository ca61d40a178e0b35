//! Plain rdkafka, as fast as we know how to use it: for everything that is measured beside hedgerow.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use bus::{Bus, TopicSpec};
use bytes::Bytes;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedHeaders, BorrowedMessage, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord},
};
use uuid::Uuid;
use wire::{Budget, Request, RequestId, Timestamp, Topics};

use crate::{
    system::Tally,
    work::{BODY, PARTITIONS},
};

/// A producer, with a thread that hears what became of its records. Cheap to clone; every clone is the same one.
#[derive(Clone)]
pub(crate) struct Producer(Arc<Handle>);

struct Handle {
    client: Arc<BaseProducer>,
    dropped: Arc<AtomicBool>,
}

/// How long a loop waits for a record before it looks whether it should end. The client spins for the last millisecond of
/// every wait: a short one is a processor's time taken from whoever is measured meanwhile.
const TURN: Duration = Duration::from_secs(2);

/// Creates topics of the same shape as hedgerow's, under a name of their own.
pub(crate) async fn topics(bus: &Arc<dyn Bus>, name: &str) -> anyhow::Result<Topics> {
    let topics = Topics::of(&wire::RendezvousName::new(name)?);
    let spec =
        |name: &String| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
    bus.create_topics(&[&topics.requests, &topics.responses, &topics.results].map(spec)).await?;
    Ok(topics)
}

pub(crate) fn producer(brokers: &str) -> anyhow::Result<Producer> {
    let client: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "0")
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "2")
        .set("queue.buffering.max.messages", "1000000")
        .create()?;
    let (client, dropped) = (Arc::new(client), Arc::new(AtomicBool::new(false)));
    let (hearing, until) = (Arc::clone(&client), Arc::clone(&dropped));
    // Not the library's own: that one wakes ten times a second, and spins each time.
    thread::Builder::new().name("bare-producer".to_owned()).spawn(move || {
        while !until.load(Ordering::Relaxed) {
            hearing.poll(TURN);
        }
    })?;
    Ok(Producer(Arc::new(Handle { client, dropped })))
}

/// Whether a reader sees what is in a transaction that is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    All,
    Committed,
}

/// Returns a consumer of everything in `topic`.
///
/// From its beginning: the end is looked up some time after this returns, and what was sent meanwhile would not be heard.
pub(crate) fn consumer(brokers: &str, topic: &str) -> anyhow::Result<BaseConsumer> {
    reader(brokers, topic, Sees::All, "false")
}

/// Returns a consumer of what `sees` lets through.
pub(crate) fn consumer_that(sees: Sees, brokers: &str, topic: &str) -> anyhow::Result<BaseConsumer> {
    reader(brokers, topic, sees, "false")
}

fn reader(brokers: &str, topic: &str, sees: Sees, says_ends: &str) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.error.backoff.ms", "10")
        .set("isolation.level", if sees == Sees::All { "read_uncommitted" } else { "read_committed" })
        .set("enable.partition.eof", says_ends)
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

/// Gives every record to `take`, in a thread of this name, until `stop`.
pub(crate) fn each(
    name: &str,
    consumer: BaseConsumer,
    stop: &Arc<AtomicBool>,
    mut take: impl FnMut(&BorrowedMessage<'_>) + Send + 'static,
) -> anyhow::Result<()> {
    let stop = Arc::clone(stop);
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            // An error is told again as a time-out of whoever waits.
            if let Some(Ok(message)) = consumer.poll(TURN) {
                take(&message);
            }
        }
    })?;
    Ok(())
}

/// Reads a whole results topic, in which each record is a result and its key the request.
pub(crate) fn tally(brokers: &str, topic: &str, sees: Sees) -> anyhow::Result<Tally> {
    let consumer = reader(brokers, topic, sees, "true")?;
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
        reply: None,
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
    let sent = producer.0.client.send(record).map_err(|(error, _)| error);
    sent.expect("the queue holds some seconds of any rate measured here");
}

/// Returns the request that a record belongs to.
pub(crate) fn request_of(message: &BorrowedMessage<'_>) -> Uuid {
    message.key().and_then(|key| Uuid::from_slice(key).ok()).unwrap_or_default()
}

// === impl Handle ===

impl Drop for Handle {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use broker::Broker;
    use bus::{KafkaBus, KafkaSettings};
    use rdkafka::producer::Producer as _;

    use super::*;
    use crate::system::fresh;

    /// At 10,000 a second half a second of requests was lost on a bare fan-out that had not found the end of its topics.
    #[tokio::test]
    async fn what_is_sent_before_a_reader_has_found_its_place_is_heard_and_counted_once() {
        let brokers = Broker::shared().unwrap();
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
        let topic = topics(&bus, &fresh("early")).await.unwrap().results;
        let heard = tokio::task::spawn_blocking(move || {
            let producer = producer(brokers).unwrap();
            (0..1_000).for_each(|_| ask(&producer, &topic, Uuid::new_v4()));
            producer.0.client.flush(Duration::from_secs(30)).unwrap();
            let reader = consumer(brokers, &topic).unwrap();
            let mut heard = HashSet::new();
            // A time-out ends a reader that hears nothing.
            while heard.len() < 1_000
                && let Some(Ok(message)) = reader.poll(Duration::from_secs(10))
            {
                heard.insert(request_of(&message));
            }
            (heard.len(), tally(brokers, &topic, Sees::All).unwrap())
        });
        let (heard, tally) = heard.await.unwrap();
        assert_eq!((heard, tally), (1_000, Tally { answered: 1_000, second: 0 }));
    }
}
