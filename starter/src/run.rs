//! The loops beside the callers: results are followed for those who wait, input topics are read for those who do not.

mod inputs;
mod results;

use std::{future::Future, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Outage, TopicPartition};
use policies::Versions;
use schemas::Registry;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use wire::{ReplyTopics, Topics};

use crate::{
    metrics::Metrics,
    starter::{Limits, Link, Starter},
};

/// What the starter of one rendezvous needs.
pub struct StarterStation {
    /// Where its topics are.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// What is asked and how is decided: the live version, one on trial, and those that requests are pinned to.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// What it takes on.
    pub limits: Limits,
    /// Which topics callers may have their results sent to.
    pub replies: ReplyTopics,
    /// Who knows the schemas of inputs that are framed for a registry, if anybody does.
    pub schemas: Option<Arc<Registry>>,
}

/// The station's loops, to be run.
pub struct Loops {
    bus: Arc<dyn Bus>,
    topics: Topics,
    starter: Starter,
    schemas: Option<Arc<Registry>>,
}

/// What ends a starter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StarterError {
    /// The log refuses for good.
    #[error("the starter of `{rendezvous}` cannot go on")]
    Bus {
        /// Whose starter.
        rendezvous: String,
        /// Why.
        source: BusError,
    },
}

/// Who waits for the bus, if it is away.
const WHO: &str = "the starter";

/// How often the partitions are counted.
const COUNT_EVERY: Duration = Duration::from_secs(2);

const RESTART: &str = "stop every station, give all topics of the rendezvous as many, and start them with that number";

/// How long callers in hand may go on after `stop`.
const LAST_CALLERS: Duration = Duration::from_millis(1_500);

/// Opens the station: the handle that callers ask, which serves as soon as the loops are ready, and the loops.
#[must_use]
pub fn open(station: StarterStation) -> (Starter, Loops) {
    let StarterStation { bus, clock, versions, metrics, limits, replies, schemas } = station;
    let starter = Starter::new(versions, clock, metrics, limits, replies);
    let topics = Topics::of(starter.name());
    (starter.clone(), Loops { bus, topics, starter, schemas })
}

// === impl Loops ===

impl Loops {
    /// Runs until `stop`: then no new callers are served, those in hand get their results within a bound, what was read
    /// is written and committed. `ready` fires when callers are served.
    pub async fn run(self, stop: CancellationToken, ready: oneshot::Sender<()>) -> Result<(), StarterError> {
        let clock = self.starter.clock();
        let Some(link) = until_available(WHO, clock, &stop, || self.link()).await else { return Ok(()) };
        self.starter.connect(link.map_err(|source| self.error(source))?);
        let opened = until_available(WHO, clock, &stop, || results::open(&*self.bus, &self.topics)).await;
        let Some(tail) = opened else { return Ok(()) };
        let tail = tail.map_err(|source| self.error(source))?;
        let last_caller_left = CancellationToken::new();
        let ended = tokio::try_join!(
            self.keep_count(&last_caller_left),
            results::follow(tail, &self.starter, ready, &last_caller_left),
            self.until_stopped(&stop, &last_caller_left),
            inputs::read(&*self.bus, &self.topics, &self.starter, self.schemas.as_deref(), &stop),
        );
        self.starter.serve(false);
        ended.map(|_| ()).map_err(|source| self.error(source))
    }

    async fn link(&self) -> Result<Link, BusError> {
        let requests = self.bus.partitions(&self.topics.requests).await?;
        if self.bus.partitions(&self.topics.results).await? != requests {
            let Topics { requests, results, .. } = &self.topics;
            return Err(BusError::Fatal(format!("`{requests}` and `{results}` must have equally many partitions")));
        }
        let producer = self.bus.producer(&[&self.topics.requests, &self.topics.dead_letters]).await?;
        Ok(Link { producer, partitions: partitions(&self.topics.requests, requests) })
    }

    /// Refuses to go on when the requests have got more partitions: collectors that start from now on would look for a
    /// request in another one than it is written into.
    async fn keep_count(&self, stop: &CancellationToken) -> Result<(), BusError> {
        let Topics { requests, .. } = &self.topics;
        let Some(count) = self.starter.connected().map(|link| link.partitions.len()) else { return Ok(()) };
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(COUNT_EVERY) => {}
            }
            // Whether the log can be reached is told by those who read it.
            if let Ok(now) = self.bus.partitions(requests).await
                && usize::try_from(now) != Ok(count)
            {
                return Err(BusError::Fatal(format!("`{requests}` has {now} partitions and had {count}: {RESTART}")));
            }
        }
    }

    async fn until_stopped(&self, stop: &CancellationToken, done: &CancellationToken) -> Result<(), BusError> {
        stop.cancelled().await;
        self.starter.serve(false);
        let nobody_waits = async {
            while self.starter.callers() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(LAST_CALLERS, nobody_waits).await;
        self.starter.abandon();
        done.cancel();
        Ok(())
    }

    fn error(&self, source: BusError) -> StarterError {
        StarterError::Bus { rendezvous: self.starter.name().to_string(), source }
    }
}

/// Calls until the log can be reached; `None` if `stop` came first.
async fn until_available<T, F>(
    who: &'static str,
    clock: &Clock,
    stop: &CancellationToken,
    attempt: impl FnMut() -> F,
) -> Option<Result<T, BusError>>
where
    F: Future<Output = Result<T, BusError>>,
{
    let mut outage = Outage::of(who);
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        outcome = outage.insist(clock, attempt) => Some(outcome),
    }
}

fn partitions(topic: &str, count: i32) -> Vec<TopicPartition> {
    let first = TopicPartition::new(topic, 0);
    (0..count).map(|partition| TopicPartition { partition, ..first.clone() }).collect()
}
