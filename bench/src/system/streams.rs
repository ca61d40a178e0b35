//! A Kafka Streams topology in the collector's place; executors and callers are plain rdkafka's.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{BoxFuture, Bus};
use rdkafka::Message as _;
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Answer, System, Tally,
    bare::Callers,
    fresh,
    peer::{self, Peer},
    stations,
};
use crate::{
    kafka::{self, Producer, Sees},
    work::{PATIENCE, Work},
};

/// What the topology promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guarantee {
    /// That nothing is lost, as it does by default.
    AtLeastOnce,
    /// Exactly once: results are seen when their transaction is committed.
    ExactlyOnce,
}

/// A topology that runs, and what is around it.
pub(crate) struct Streams {
    guarantee: Guarantee,
    brokers: String,
    producer: Producer,
    waiting: Callers<bool>,
    requests: Arc<str>,
    results: String,
    stop: Arc<AtomicBool>,
    peer: Mutex<Option<Peer>>,
    _state: TempDir,
}

// === impl Guarantee ===

impl Guarantee {
    fn setting(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at_least_once",
            Self::ExactlyOnce => "exactly_once_v2",
        }
    }

    /// Which results a reader may believe.
    fn sees(self) -> Sees {
        match self {
            Self::AtLeastOnce => Sees::All,
            Self::ExactlyOnce => Sees::Committed,
        }
    }

    /// How often progress is committed. Results wait for it where it is a transaction, so it is as short as pays.
    fn commit_every(self) -> Duration {
        match self {
            Self::AtLeastOnce => Duration::from_secs(1),
            Self::ExactlyOnce => Duration::from_millis(5),
        }
    }

    /// How much earlier than its deadline a request is decided: what the way back takes.
    fn lead(self) -> Duration {
        match self {
            Self::AtLeastOnce => Duration::from_millis(3),
            Self::ExactlyOnce => Duration::from_millis(8),
        }
    }
}

// === impl Streams ===

impl Streams {
    pub(crate) async fn start(
        brokers: &str,
        bus: &Arc<dyn Bus>,
        work: Work,
        budget: Duration,
        guarantee: Guarantee,
    ) -> anyhow::Result<Self> {
        let topics = kafka::topics(bus, &fresh("streams")).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let (state, folder) = (tempfile::tempdir()?, peer::folder()?);
        let mut java = Command::new("java");
        java.args(["-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"])
            .arg(class_path(&folder))
            .args(["Meeting", brokers, &topics.requests, &topics.responses, &topics.results])
            .args([&fresh("meeting"), guarantee.setting()])
            .arg(guarantee.commit_every().as_millis().to_string())
            .arg((budget.saturating_sub(guarantee.lead())).as_millis().to_string())
            .arg(state.path());
        let peer = Peer::start(java).await?;
        stations::start(brokers, &topics, work, &stop)?;
        let results = kafka::consumer_that(guarantee.sees(), brokers, &topics.results)?;
        let waiting = Callers::default();
        let answering = waiting.clone();
        kafka::each("starter", results, &stop, move |result| {
            answering.answer(kafka::request_of(result), result.payload() == Some(b"p"));
        })?;
        let producer = kafka::producer(brokers)?;
        let (brokers, peer) = (brokers.to_owned(), Mutex::new(Some(peer)));
        let (requests, results) = (topics.requests.into(), topics.results);
        Ok(Self { guarantee, brokers, producer, waiting, requests, results, stop, peer, _state: state })
    }
}

impl System for Streams {
    fn name(&self) -> &'static str {
        match self.guarantee {
            Guarantee::AtLeastOnce => "Kafka Streams",
            Guarantee::ExactlyOnce => "Kafka Streams, exactly once",
        }
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let (producer, waiting, requests) = (self.producer.clone(), self.waiting.clone(), Arc::clone(&self.requests));
        Box::pin(async move {
            let id = Uuid::new_v4();
            let answered = waiting.wait(id);
            kafka::ask(&producer, &requests, id);
            match timeout(PATIENCE, answered).await {
                Ok(Ok(true)) => Answer::Prediction,
                Ok(Ok(false)) => Answer::Default,
                _ => Answer::Nothing,
            }
        })
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(async {
            let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (brokers, topic, sees) = (self.brokers.clone(), self.results.clone(), self.guarantee.sees());
            let end = move || {
                // What is still open in a transaction is committed, or is not there.
                drop(peer);
                kafka::tally(&brokers, &topic, sees)
            };
            let tally = tokio::task::spawn_blocking(end).await?;
            self.stop.store(true, Ordering::Relaxed);
            Ok(Some(tally?))
        })
    }
}

fn class_path(folder: &Path) -> String {
    let streams = folder.join("streams");
    format!("{}:{}", streams.join("classes").display(), streams.join("jars").join("*").display())
}
