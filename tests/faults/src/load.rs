//! Callers: each asks at its own instant, whatever became of those before it, and tries again as a real one would.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Bus as _, KafkaBus, Producer, TopicPartition};
use bytes::Bytes;
use hedgerow::load::Latencies;
use reqwest::{Client, StatusCode};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};
use wire::{Headers, Record, RendezvousName, RequestId, Topics};

use crate::deployment::{Deployment, Doors};

/// Callers that keep coming.
pub(crate) struct Load {
    stop: oneshot::Sender<()>,
    asking: JoinHandle<u64>,
    told: mpsc::UnboundedReceiver<Told>,
}

/// What came of them all.
#[derive(Default)]
pub(crate) struct Callers {
    /// How many asked.
    pub(crate) asked: u64,
    /// Requests that were acknowledged, by an answer or by the log.
    pub(crate) acknowledged: Vec<RequestId>,
    /// How many were told that no result came in time, or lost their patience.
    pub(crate) unanswered: u64,
    /// From the instant at which each meant to ask to its answer, tries included, of those who asked once it was warm.
    pub(crate) latencies: Latencies,
}

/// What came of one.
enum Told {
    Answered(RequestId, Instant, Duration),
    Put(RequestId),
    Nothing,
}

/// Who asks whom.
#[derive(Clone)]
struct Caller {
    name: RendezvousName,
    doors: Doors,
    client: Client,
    producer: Arc<dyn Producer>,
    inputs: Arc<str>,
}

/// One request of so many comes through the topic of inputs.
const BY_TOPIC: u64 = 10;

/// A caller gives up after so long, and each of its tries after so long.
const PATIENCE: Duration = Duration::from_mins(1);
const TRY: Duration = Duration::from_secs(3);

/// A caller waits so long before it tries another door, and so long when it was asked to by `Retry-After`.
const ANOTHER_DOOR: Duration = Duration::from_millis(20);
const ASKED_TO_WAIT: Duration = Duration::from_secs(1);

// === impl Load ===

impl Load {
    /// Begins to ask `rate` times a second.
    pub(crate) async fn start(rate: u32, deployment: &Deployment, bus: &KafkaBus) -> anyhow::Result<Self> {
        let topics = Topics::of(deployment.name());
        let caller = Caller {
            name: deployment.name().clone(),
            doors: deployment.doors(),
            client: Client::builder().timeout(TRY).build()?,
            producer: bus.producer(&[&topics.inputs]).await?,
            inputs: topics.inputs.into(),
        };
        let (stop, mut stopped) = oneshot::channel();
        let (tell, told) = mpsc::unbounded_channel();
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        // A caller that could not be started in time is started at once: nobody is left out.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let asking = tokio::spawn(async move {
            let mut asked = 0;
            loop {
                let intended = tokio::select! {
                    _ = &mut stopped => return asked,
                    intended = ticks.tick() => intended.into_std(),
                };
                let (caller, tell, index) = (caller.clone(), tell.clone(), asked);
                tokio::spawn(async move {
                    // The reader goes when the row has failed.
                    let _ = tell.send(caller.ask(index, intended).await);
                });
                asked += 1;
            }
        });
        Ok(Self { stop, asking, told })
    }

    /// Lets nobody ask any more, and returns when each has his answer or has given up; times are those since `warm`.
    pub(crate) async fn stop(mut self, warm: Instant) -> anyhow::Result<Callers> {
        // It asks until it is told not to.
        let _ = self.stop.send(());
        let mut callers = Callers { asked: self.asking.await?, ..Callers::default() };
        while let Some(told) = self.told.recv().await {
            match told {
                Told::Answered(request, intended, latency) => {
                    callers.acknowledged.push(request);
                    if intended >= warm {
                        callers.latencies.record(latency);
                    }
                }
                Told::Put(request) => callers.acknowledged.push(request),
                Told::Nothing => callers.unanswered += 1,
            }
        }
        Ok(callers)
    }
}

// === impl Caller ===

impl Caller {
    async fn ask(&self, index: u64, intended: Instant) -> Told {
        let key = index.to_string();
        let request = RequestId::from_key(&self.name, &key);
        let body = format!("{{\"x\":{index}}}");
        let mut turn = index;
        while intended.elapsed() < PATIENCE {
            if index.is_multiple_of(BY_TOPIC) {
                if self.put(&key, &body).await {
                    return Told::Put(request);
                }
                sleep(ANOTHER_DOOR).await;
                continue;
            }
            turn += 1;
            match self.post(turn, &key, &body).await {
                Some(StatusCode::OK) => return Told::Answered(request, intended, intended.elapsed()),
                Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => sleep(ASKED_TO_WAIT).await,
                Some(_) => return Told::Nothing,
                None => sleep(ANOTHER_DOOR).await,
            }
        }
        Told::Nothing
    }

    /// Asks at the door whose turn it is; nothing if nobody is there, or he goes away without an answer.
    async fn post(&self, turn: u64, key: &str, body: &str) -> Option<StatusCode> {
        let url = format!("http://{}/v2/models/{}/infer", self.doors.get(turn)?, self.name);
        let asked = self.client.post(url).header("idempotency-key", key).body(body.to_owned());
        Some(asked.send().await.ok()?.status())
    }

    /// Puts the input into its topic; returns whether the log has acknowledged it.
    async fn put(&self, key: &str, body: &str) -> bool {
        let mut headers = Headers::default();
        headers.push("idempotency-key", Some(key.as_bytes()));
        let record = Record { key: None, headers, payload: Some(Bytes::copy_from_slice(body.as_bytes())) };
        let (tell, told) = oneshot::channel();
        let acknowledge = Box::new(move |outcome: Result<i64, _>| {
            // The caller waits for it, unless all is over.
            let _ = tell.send(outcome.is_ok());
        });
        let to = TopicPartition::new(&self.inputs, 0);
        self.producer.send(&to, record, acknowledge).is_ok() && told.await.unwrap_or(false)
    }
}
