//! The bare fan-out: plain rdkafka and nothing else.
//!
//! Topics, records and headers have the same shape as hedgerow's; the pass-through executors share one fetch, as
//! hedgerow's do in one process. It promises nothing: no ids are checked, nothing is committed, a restart loses all.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bus::{BoxFuture, Bus};
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use super::{Answer, System, Tally, fresh};
use crate::{
    kafka::{self, Producer, Sees},
    work::PATIENCE,
};

/// How many hear a request, and how many of them are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Three, and all of them.
    FanOut,
    /// Three who are waited for, a fourth who is not, and one more reader of every request who says nothing: as many as
    /// there are with a canary and a decoy.
    FanOutAndMore,
    /// One: three hops in a chain, requests → responses → results.
    Chain,
}

/// A bare fan-out that runs.
pub(crate) struct Bare {
    shape: Shape,
    brokers: String,
    producer: Producer,
    waiting: Callers<()>,
    requests: Arc<str>,
    results: String,
    stop: Arc<AtomicBool>,
}

/// Callers by their request.
pub(crate) struct Callers<T>(Arc<Mutex<HashMap<Uuid, oneshot::Sender<T>>>>);

// === impl Shape ===

impl Shape {
    fn executors(self) -> u32 {
        match self {
            Self::FanOut => 3,
            Self::FanOutAndMore => 4,
            Self::Chain => 1,
        }
    }

    fn awaited(self) -> u32 {
        self.executors().min(3)
    }
}

// === impl Bare ===

impl Bare {
    pub(crate) async fn start(brokers: &str, bus: &Arc<dyn Bus>, shape: Shape) -> anyhow::Result<Self> {
        let topics = kafka::topics(bus, &fresh("bare")).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let requests = kafka::consumer(brokers, &topics.requests)?;
        let (producer, to) = (kafka::producer(brokers)?, topics.responses.clone());
        kafka::each("executors", requests, &stop, move |message| {
            for _ in 0..shape.executors() {
                kafka::forward(&producer, &to, message);
            }
        })?;
        if shape == Shape::FanOutAndMore {
            kafka::each("decoy", kafka::consumer(brokers, &topics.requests)?, &stop, |_| {})?;
        }
        let responses = kafka::consumer(brokers, &topics.responses)?;
        let (producer, to) = (kafka::producer(brokers)?, topics.results.clone());
        let mut counts: HashMap<Uuid, u32> = HashMap::new();
        kafka::each("collector", responses, &stop, move |message| {
            let id = kafka::request_of(message);
            let count = counts.entry(id).or_default();
            *count += 1;
            let count = *count;
            if count == shape.awaited() {
                kafka::forward(&producer, &to, message);
            }
            if count == shape.executors() {
                counts.remove(&id);
            }
        })?;
        let results = kafka::consumer(brokers, &topics.results)?;
        let waiting = Callers::default();
        let answering = waiting.clone();
        kafka::each("starter", results, &stop, move |result| answering.answer(kafka::request_of(result), ()))?;
        let (producer, brokers) = (kafka::producer(brokers)?, brokers.to_owned());
        let (requests, results) = (topics.requests.into(), topics.results);
        Ok(Self { shape, brokers, producer, waiting, requests, results, stop })
    }
}

impl System for Bare {
    fn name(&self) -> &'static str {
        match self.shape {
            Shape::FanOut => "bare fan-out",
            Shape::FanOutAndMore => "bare fan-out of five",
            Shape::Chain => "bare chain",
        }
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let (producer, waiting, requests) = (self.producer.clone(), self.waiting.clone(), Arc::clone(&self.requests));
        Box::pin(async move {
            let id = Uuid::new_v4();
            let answered = waiting.wait(id);
            kafka::ask(&producer, &requests, id);
            if matches!(timeout(PATIENCE, answered).await, Ok(Ok(()))) { Answer::Prediction } else { Answer::Nothing }
        })
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(async {
            self.stop.store(true, Ordering::Relaxed);
            let (brokers, topic) = (self.brokers.clone(), self.results.clone());
            let tally = move || kafka::tally(&brokers, &topic, Sees::All);
            Ok(Some(tokio::task::spawn_blocking(tally).await??))
        })
    }
}

// === impl Callers ===

impl<T> Callers<T> {
    /// Takes down a caller.
    pub(crate) fn wait(&self, id: Uuid) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id, sender);
        receiver
    }

    /// Tells a caller, if there is one. Whoever has lost patience counts its request as unanswered.
    pub(crate) fn answer(&self, id: Uuid, answer: T) {
        let caller = self.lock().remove(&id);
        if let Some(caller) = caller {
            let _ = caller.send(answer);
        }
    }

    /// Strikes a caller off who has decided without.
    pub(crate) fn forget(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, oneshot::Sender<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Callers<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Callers<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
