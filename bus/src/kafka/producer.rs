//! Sending: records go into librdkafka's queue at once, and a thread hands their acknowledgements out.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};
use tokio::sync::Notify;
use wire::{Headers, Record, Timestamp};

use super::{
    ANSWER_WITHIN, KafkaSettings, error,
    question::{aside, ask, patiently},
};
use crate::{Acknowledge, BoxFuture, BusError, Clock, Producer, TopicPartition};

/// A producer. Dropped, it delivers what was handed over for a moment longer, on its thread.
pub(super) struct KafkaProducer {
    client: Arc<BaseProducer<Deliveries>>,
    state: Arc<State>,
    clock: Option<Clock>,
}

/// What the producer and its thread share.
#[derive(Default)]
struct State {
    in_flight: AtomicUsize,
    /// Rung when nothing is in flight any more.
    landed: Notify,
    warm: AtomicBool,
    /// Rung when the producer id is there.
    warmed: Notify,
    dropped: AtomicBool,
}

/// Where librdkafka tells what became of records.
struct Deliveries {
    state: Arc<State>,
    clock: Option<Clock>,
}

/// An acknowledgement on its way through librdkafka. It is `Sync` only because rdkafka asks for it.
type Opaque = Box<Mutex<Option<Pending>>>;

/// What waits for an acknowledgement.
struct Pending {
    acknowledge: Acknowledge,
    /// What the clock that learns from it read when it was sent.
    sent: Option<Timestamp>,
}

/// How long a dropped producer goes on delivering.
const LINGER: Duration = Duration::from_secs(2);
/// How long its thread waits for events at a time; also how long it may outlive the producer. The last millisecond of
/// each wait is spent turning, as rdkafka rounds down: rare waits keep that below a fiftieth of a percent of a core.
const WAIT: Duration = Duration::from_secs(5);
/// How long a producer may take to warm up.
const WARM_WITHIN: Duration = Duration::from_secs(10);
/// In the statistics once the broker has given the producer its id.
const WARM: &[u8] = b"\"idemp_state\": \"Assigned\"";

// === impl KafkaProducer ===

impl KafkaProducer {
    /// Opens a producer and waits until its first record to any of `topics` would cost what every record costs.
    pub(super) async fn open(
        settings: &KafkaSettings,
        clock: Option<Clock>,
        topics: &[&str],
    ) -> Result<Self, BusError> {
        let state = Arc::new(State::default());
        let context = Deliveries { state: Arc::clone(&state), clock: clock.clone() };
        let client = super::create(|| settings.producer().create_with_context(context))?;
        let producer = Self { client, state, clock };
        producer.serve()?;
        producer.warm_up(topics).await?;
        Ok(producer)
    }

    fn serve(&self) -> Result<(), BusError> {
        let (client, state) = (Arc::clone(&self.client), Arc::clone(&self.state));
        aside("kafka-producer", move || {
            while !state.dropped.load(Ordering::Acquire) {
                client.poll(WAIT);
            }
            let dropped = Instant::now();
            while state.in_flight.load(Ordering::Acquire) > 0 && dropped.elapsed() < LINGER {
                client.poll(Duration::from_millis(10));
            }
        })
    }

    /// Makes the client learn who leads the partitions, connect to those brokers, and get its producer id. A question to
    /// each leader is what connects; it leaves nothing in the topics, as a record sent for practice would.
    async fn warm_up(&self, topics: &[&str]) -> Result<(), BusError> {
        for topic in topics {
            let (client, topic) = (Arc::clone(&self.client), (*topic).to_owned());
            ask(move || connect(&client, &topic)).await?;
        }
        let warm = tokio::time::timeout(WARM_WITHIN, self.state.wait_until_warm()).await;
        warm.map_err(|_| BusError::Unavailable("cannot get a producer id: no broker gave one".to_owned()))
    }

    fn hand_over(&self, to: &TopicPartition, record: &Record, acknowledge: Acknowledge) -> Result<(), BusError> {
        let sent = self.clock.as_ref().map(Clock::reading);
        let opaque: Opaque = Box::new(Mutex::new(Some(Pending { acknowledge, sent })));
        let mut outgoing: BaseRecord<'_, [u8], [u8], Opaque> =
            BaseRecord::with_opaque_to(&to.topic, opaque).partition(to.partition);
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.payload.as_deref();
        outgoing.headers = headers(&record.headers);
        self.client.send(outgoing).map_err(|(error, _)| error::sorted(&format!("send to {to}"), &error))
    }
}

impl Producer for KafkaProducer {
    fn send(&self, to: &TopicPartition, record: Record, acknowledge: Acknowledge) -> Result<(), BusError> {
        if to.partition < 0 {
            return Err(BusError::Fatal(format!("{to} is no partition")));
        }
        // Before it is handed over: it may be acknowledged before `send` returns.
        self.state.in_flight.fetch_add(1, Ordering::AcqRel);
        self.hand_over(to, &record, acknowledge).inspect_err(|_| self.state.land())
    }

    fn in_flight(&self) -> usize {
        self.state.in_flight.load(Ordering::Acquire)
    }

    fn drain(&self, within: Duration) -> BoxFuture<'_, Result<(), BusError>> {
        async move {
            let drained = tokio::time::timeout(within, self.state.wait_until_landed()).await;
            drained.map_err(|_| {
                let left = self.in_flight();
                BusError::Unavailable(format!("{left} records are not acknowledged after {within:?}"))
            })
        }
        .boxed()
    }
}

impl Drop for KafkaProducer {
    fn drop(&mut self) {
        self.state.dropped.store(true, Ordering::Release);
    }
}

// === impl State ===

impl State {
    fn land(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.landed.notify_waiters();
        }
    }

    async fn wait_until_landed(&self) {
        loop {
            // Asked for before it is looked: what lands in between is not missed.
            let landed = self.landed.notified();
            if self.in_flight.load(Ordering::Acquire) == 0 {
                return;
            }
            landed.await;
        }
    }

    async fn wait_until_warm(&self) {
        loop {
            let warmed = self.warmed.notified();
            if self.warm.load(Ordering::Acquire) {
                return;
            }
            warmed.await;
        }
    }
}

// === impl Deliveries ===

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        super::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if !self.state.warm.load(Ordering::Relaxed) && statistics.windows(WARM.len()).any(|part| part == WARM) {
            self.state.warm.store(true, Ordering::Release);
            self.state.warmed.notify_waiters();
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Opaque;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Opaque) {
        let pending = opaque.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let (Some(clock), Ok(message)) = (&self.clock, result)
            && let Some(sent) = pending.as_ref().and_then(|pending| pending.sent)
            && let rdkafka::Timestamp::LogAppendTime(millis) = message.timestamp()
        {
            clock.on_appended(sent, Timestamp::from_micros(millis.saturating_mul(1_000)));
        }
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, message)) => {
                Err(error::sorted(&format!("send to {}/{}", message.topic(), message.partition()), error))
            }
        };
        if let Some(Pending { acknowledge, .. }) = pending {
            acknowledge(result);
        }
        self.state.land();
    }
}

/// Asks each broker that leads a partition of `topic` something, which connects to it. Blocks.
fn connect(client: &BaseProducer<Deliveries>, topic: &str) -> Result<(), BusError> {
    let failed = |error: KafkaError| error::sorted(&format!("reach the leaders of {topic}"), &error);
    let metadata = client.client().fetch_metadata(Some(topic), ANSWER_WITHIN).map_err(failed)?;
    let mut reached = Vec::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        if !reached.contains(&partition.leader()) {
            let ask = || client.client().fetch_watermarks(topic, partition.id(), ANSWER_WITHIN);
            patiently(ask).map_err(failed)?;
            reached.push(partition.leader());
        }
    }
    Ok(())
}

pub(super) fn headers(headers: &Headers) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let copied = OwnedHeaders::new_with_capacity(headers.len());
    Some(headers.iter().fold(copied, |copied, (key, value)| copied.insert(Header { key, value })))
}
