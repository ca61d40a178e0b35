//! Plain rdkafka with the policy written into it: three answers or 20 ms, whichever comes first.
//!
//! The client that asks hears the responses itself and decides in memory: two hops, no result in any log, and nobody who
//! could go on if it dies.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{BoxFuture, Bus};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{Answer, System, Tally, bare::Callers, fresh, stations};
use crate::{
    kafka::{self, Producer},
    work::{CANDIDATES, Work},
};

/// A client and its executors, running.
pub(crate) struct Plain {
    producer: Producer,
    waiting: Callers<()>,
    requests: Arc<str>,
    budget: Duration,
    stop: Arc<AtomicBool>,
}

// === impl Plain ===

impl Plain {
    pub(crate) async fn start(brokers: &str, bus: &Arc<dyn Bus>, work: Work, budget: Duration) -> anyhow::Result<Self> {
        let topics = kafka::topics(bus, &fresh("plain")).await?;
        let stop = Arc::new(AtomicBool::new(false));
        stations::start(brokers, &topics, work, &stop)?;
        let responses = kafka::consumer(brokers, &topics.responses)?;
        let waiting = Callers::default();
        let answering = waiting.clone();
        let mut counts: HashMap<Uuid, usize> = HashMap::new();
        kafka::each("starter", responses, &stop, move |message| {
            let id = kafka::request_of(message);
            let count = counts.entry(id).or_default();
            *count += 1;
            if *count == CANDIDATES.len() {
                counts.remove(&id);
                answering.answer(id, ());
            }
        })?;
        Ok(Self { producer: kafka::producer(brokers)?, waiting, requests: topics.requests.into(), budget, stop })
    }
}

impl System for Plain {
    fn name(&self) -> &'static str {
        "rdkafka"
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let (producer, waiting, requests) = (self.producer.clone(), self.waiting.clone(), Arc::clone(&self.requests));
        let budget = self.budget;
        Box::pin(async move {
            let id = Uuid::new_v4();
            let (answered, due) = (waiting.wait(id), Instant::now() + budget);
            kafka::ask(&producer, &requests, id);
            if matches!(timeout_at(due, answered).await, Ok(Ok(()))) {
                return Answer::Prediction;
            }
            waiting.forget(id);
            Answer::Default
        })
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        self.stop.store(true, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(None)))
    }
}
