//! The real one: a Kafka cluster, through rdkafka.
//!
//! What rdkafka would do on the caller's thread and may take long (questions to brokers, closing) happens on threads of
//! their own, each with a bound: a broker that is away never holds a runtime up.

mod admin;
mod consumer;
mod error;
mod group;
mod inbox;
mod producer;
mod question;
mod received;
mod settings;
mod standing;
mod transactions;

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use futures::{FutureExt, future::ready};
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use wire::Timestamp;

use crate::{BoxFuture, Bus, BusError, Clock, Committed, Consumer, Producer, TopicPartition, TopicSpec, Transactions};
use consumer::{KafkaConsumer, RECORDS_MAX};
use producer::KafkaProducer;
use transactions::KafkaTransactions;

pub use settings::KafkaSettings;

/// How long a broker may take to answer a question before the caller is told `Unavailable`.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How many records a hasty tail returns at most: half a millisecond's work.
const HASTY_RECORDS_MAX: usize = 100;

/// A Kafka cluster.
pub struct KafkaBus {
    settings: KafkaSettings,
    /// Learns from append times, if it is to.
    clock: Option<Clock>,
    /// Asks for metadata and watermarks, and is in no group.
    asker: Asker,
}

/// The client that questions are asked with.
type Asker = Arc<BaseConsumer<Heard>>;

/// Remembers what librdkafka last said about a connection: questions fail with less than that.
#[derive(Default)]
struct Heard {
    last: Mutex<Option<(KafkaError, String)>>,
}

// === impl KafkaBus ===

impl KafkaBus {
    /// Opens the cluster that `settings` describe. Nothing is asked of it yet: a broker that is away is no error here,
    /// a setting that is wrong is.
    pub fn connect(settings: KafkaSettings) -> Result<Self, BusError> {
        settings.check()?;
        let asker: Asker = create(|| settings.asker().create_with_context(Heard::default()))?;
        serve(&asker)?;
        Ok(Self { settings, clock: None, asker })
    }

    /// Lets `clock` learn from the append times of all that is sent and read from now on.
    #[must_use]
    pub fn teaching(self, clock: &Clock) -> Self {
        Self { clock: Some(clock.clone()), ..self }
    }

    fn open_tail(
        &self,
        settings: &KafkaSettings,
        records_max: usize,
    ) -> BoxFuture<'static, Result<Box<dyn Consumer>, BusError>> {
        let tail = KafkaConsumer::tail(settings, self.clock.clone(), records_max);
        ready(tail.map(|tail| Box::new(tail) as Box<dyn Consumer>)).boxed()
    }
}

impl Bus for KafkaBus {
    fn describe(&self) -> String {
        format!("Kafka at {}", self.settings.brokers)
    }

    fn create_topics<'a>(&'a self, topics: &'a [TopicSpec]) -> BoxFuture<'a, Result<(), BusError>> {
        admin::create_topics(&self.settings, &self.asker, topics).boxed()
    }

    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<i32, BusError>> {
        admin::partitions(&self.asker, topic).boxed()
    }

    fn span<'a>(&'a self, partition: &'a TopicPartition) -> BoxFuture<'a, Result<Range<i64>, BusError>> {
        let (asker, partition) = (Arc::clone(&self.asker), partition.clone());
        question::ask(move || question::span(&asker, &partition)).boxed()
    }

    fn locate<'a>(&'a self, partition: &'a TopicPartition, at: Timestamp) -> BoxFuture<'a, Result<i64, BusError>> {
        let (asker, partition) = (Arc::clone(&self.asker), partition.clone());
        question::ask(move || question::locate(&asker, &partition, at)).boxed()
    }

    fn committed<'a>(
        &'a self,
        group: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Option<Committed>>, BusError>> {
        async move {
            let count = self.partitions(topic).await?;
            let (settings, group, topic) = (self.settings.clone(), group.to_owned(), topic.to_owned());
            question::ask(move || standing::committed(&settings, &group, &topic, count)).await
        }
        .boxed()
    }

    fn groups<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, BusError>> {
        let (asker, prefix) = (Arc::clone(&self.asker), prefix.to_owned());
        question::ask(move || standing::groups(&asker, &prefix)).boxed()
    }

    fn producer<'a>(&'a self, topics: &'a [&'a str]) -> BoxFuture<'a, Result<Arc<dyn Producer>, BusError>> {
        async move {
            for topic in topics {
                // Asked of a client that never creates topics, before the producer's, which might, names them.
                self.partitions(topic).await?;
            }
            let producer: Arc<dyn Producer> =
                Arc::new(KafkaProducer::open(&self.settings, self.clock.clone(), topics).await?);
            Ok(producer)
        }
        .boxed()
    }

    fn transactions<'a>(
        &'a self,
        id: &'a str,
        topics: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Box<dyn Transactions>, BusError>> {
        async move {
            for topic in topics {
                self.partitions(topic).await?;
            }
            let transactions: Box<dyn Transactions> = Box::new(KafkaTransactions::open(&self.settings, id).await?);
            Ok(transactions)
        }
        .boxed()
    }

    fn member<'a>(&'a self, group: &'a str, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Consumer>, BusError>> {
        async move {
            self.partitions(topic).await?;
            let consumer: Box<dyn Consumer> =
                Box::new(KafkaConsumer::member(&self.settings, self.clock.clone(), group, topic)?);
            Ok(consumer)
        }
        .boxed()
    }

    fn tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.open_tail(&self.settings, RECORDS_MAX)
    }

    fn hasty_tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.open_tail(&self.settings.hasty(), HASTY_RECORDS_MAX)
    }

    fn unhurried_tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.open_tail(&self.settings.unhurried(), RECORDS_MAX)
    }
}

// === impl Heard ===

impl Heard {
    /// Returns what `error` means for whoever wanted `what`, given what was heard.
    fn explain(&self, what: &str, error: &KafkaError) -> BusError {
        let heard = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (heard, error.rdkafka_error_code()) {
            (Some((cause, reason)), Some(code)) if error::is_absence(code) => {
                let sentence = format!("cannot {what}: {reason}");
                // A broker that refuses us is there; waiting does not help.
                let refused = cause.rdkafka_error_code().is_some_and(error::is_fatal);
                if refused { BusError::Fatal(sentence) } else { BusError::Unavailable(sentence) }
            }
            _ => error::sorted(what, error),
        }
    }

    fn forget(&self) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
        // That all brokers are down follows the reason why they are, and says less.
        if error.rdkafka_error_code() != Some(Code::AllBrokersDown) {
            self.last.lock().unwrap_or_else(PoisonError::into_inner).replace((error, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Heard {}

/// Creates a client. What fails here is a setting: a certificate that is not there, a value that does not fit.
fn create<T>(make: impl FnOnce() -> Result<T, KafkaError>) -> Result<Arc<T>, BusError> {
    make().map(Arc::new).map_err(|error| BusError::Fatal(format!("Kafka's client cannot be created: {error}")))
}

/// Takes the client's own events off its queue as long as the client lives, so that they never pile up.
fn serve(asker: &Asker) -> Result<(), BusError> {
    let asker: Weak<_> = Arc::downgrade(asker);
    let serve = move || {
        while let Some(asker) = asker.upgrade() {
            drop(asker.poll(Duration::from_millis(250)));
        }
    };
    let started = thread::Builder::new().name("kafka-asker".to_owned()).spawn(serve);
    started.map(drop).map_err(|error| BusError::Fatal(format!("a thread cannot be started: {error}")))
}

/// librdkafka calls every failed connection an error and repeats it; to us it is one interruption, which stations tell.
fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", "{facility} {line}");
        }
        _ => tracing::debug!(target: "librdkafka", "{facility} {line}"),
    }
}

impl fmt::Debug for KafkaBus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KafkaBus").field("settings", &self.settings).finish_non_exhaustive()
    }
}
