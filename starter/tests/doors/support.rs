//! A rendezvous without executors: the starter under test, the log, and a scripted collector.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use axum::Router;
use bus::{Bus, Clock, EmbeddedBus, EmbeddedLimits, Event, Producer, Received, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use hedgerow_starter::{Limits, Metrics, RawInput, Starter, StarterError, StarterStation, http};
use policies::{Definition, Share, Trial, TrialMode, Versions};
use prometheus_client::registry::Registry;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Envelope, Fence, Fencing, Headers, Record, Request, ResultKind, ResultRecord, Topics};

const POLICY: &str = "
rendezvous: wine
budget: 5s
input: { features: [alcohol, ash], attributes: [tenant, customer_tier] }
key: attributes.customer_tier
answer: { value: class }
executors:
  echo: { echo: {} }
  slow: { echo: {}, start: { after: 1s } }
decide:
  - first:
    until: 5s
  - default: { class: unknown }
cases:
  - case: gold
    when: attributes.tenant == \"gold\" && input.alcohol > 10.0
    budget: 2s
    ask: [echo]
    decide:
      - default: { class: gold }
";

/// A valid body.
pub(crate) const BODY: &str = r#"{"alcohol":12.5,"ash":2}"#;

/// Results as the collector writes them.
pub(crate) const ANSWER: &str = r#"{"answer":{"class":1,"probability":0.75,"scores":[0.25,1],"label":"barolo","sure":true,"note":null},"decision":{"decided_by":"agree","completeness":"partial","reason":"early","executors":["forest","boost"],"receipt":[{"executor":"forest"}]}}"#;

/// The partitions of each topic.
pub(crate) const PARTITIONS: i32 = 3;

pub(crate) const EPOCH: u64 = 7;

/// One log.
pub(crate) struct World {
    pub(crate) bus: Arc<EmbeddedBus>,
    pub(crate) clock: Clock,
    pub(crate) topics: Topics,
    pub(crate) versions: watch::Sender<Arc<Versions>>,
    producer: Arc<dyn Producer>,
}

/// One run of the starter.
pub(crate) struct Station {
    pub(crate) starter: Starter,
    pub(crate) metrics: Arc<Metrics>,
    stop: CancellationToken,
    run: JoinHandle<Result<(), StarterError>>,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Clock::system(), EmbeddedLimits::default()).await
    }

    pub(crate) async fn with(clock: Clock, limits: EmbeddedLimits) -> Self {
        let bus = EmbeddedBus::with_limits(clock.clone(), limits);
        let topics = Topics::of(definition().name());
        let spec =
            |name: &String| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
        let Topics { inputs, requests, responses, results, dead_letters, .. } = &topics;
        let specs: Vec<_> = [inputs, requests, responses, results, dead_letters].map(spec).into();
        bus.create_topics(&specs).await.unwrap();
        let producer = bus.producer(&[&topics.results]).await.unwrap();
        let (versions, _) = watch::channel(Arc::new(Versions::only(Arc::new(definition()))));
        Self { bus, clock, topics, versions, producer }
    }

    /// Runs a starter, and waits until it serves.
    pub(crate) async fn start(&self) -> Station {
        self.start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(&self, limits: Limits) -> Station {
        self.start_asking(limits, None).await
    }

    pub(crate) async fn start_asking(&self, limits: Limits, schemas: Option<Arc<schemas::Registry>>) -> Station {
        let (metrics, stop, (ready, is_ready)) =
            (Arc::new(Metrics::default()), CancellationToken::new(), oneshot::channel());
        let (starter, loops) = hedgerow_starter::open(StarterStation {
            bus: Arc::clone(&self.bus) as Arc<dyn Bus>,
            clock: self.clock.clone(),
            versions: self.versions.subscribe(),
            metrics: Arc::clone(&metrics),
            limits,
            replies: "replies.*".parse().unwrap(),
            schemas,
        });
        let run = tokio::spawn(loops.run(stop.clone(), ready));
        soon(is_ready).await.expect("the starter gets ready");
        Station { starter, metrics, stop, run }
    }

    /// Makes `live` the live version, with `trial` serving a share of so many in 10,000.
    pub(crate) fn serve(&self, live: &Definition, trial: Option<(&Definition, u16)>) {
        let trial = trial.map(|(definition, parts)| {
            let mode = TrialMode::Share(Share::new(parts).unwrap());
            Trial { definition: Arc::new(definition.clone()), mode, tallies: BTreeMap::new() }
        });
        self.versions.send_replace(Arc::new(Versions::new(BTreeMap::new(), Arc::new(live.clone()), trial)));
    }

    /// Takes the results over.
    pub(crate) fn fence(&self, epoch: u64) {
        for partition in 0..PARTITIONS {
            self.put(&self.topics.results, partition, Fence(fencing(epoch)).encode());
        }
    }

    pub(crate) fn put(&self, topic: &str, partition: i32, record: Record) {
        self.producer.send(&TopicPartition::new(topic, partition), record, Box::new(|_| ())).unwrap();
    }

    /// Writes the result of `request` under `epoch`.
    pub(crate) fn answer(&self, request: &Request, epoch: u64, kind: ResultKind, body: &'static str) {
        let partition = request.id.partition(PARTITIONS);
        let result = ResultRecord {
            request: request.id,
            policy: request.policy.clone(),
            kind,
            key: None,
            reply: None,
            fencing: fencing(epoch),
            body: Bytes::from_static(body.as_bytes()),
        };
        self.put(&self.topics.results, partition, result.encode());
    }

    /// Takes the results over and answers every request with `ANSWER`.
    pub(crate) fn collect(self: &Arc<Self>) {
        self.fence(EPOCH);
        let (world, mut requests) = (Arc::clone(self), self.requests());
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                world.answer(&request, EPOCH, ResultKind::Prediction, ANSWER);
            }
        });
    }

    /// Returns the requests that are in the log, and those to come.
    pub(crate) fn requests(&self) -> mpsc::Receiver<Request> {
        let (sender, receiver) = mpsc::channel(10_000);
        let mut records = self.records(&self.topics.requests);
        tokio::spawn(async move {
            while let Some(received) = records.recv().await {
                let Ok(Envelope::Request(request)) = Envelope::decode(&received.record) else { panic!("no request") };
                if sender.send(request).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// Returns the records that `topic` holds, and those to come.
    pub(crate) fn records(&self, topic: &str) -> mpsc::Receiver<Received> {
        let (sender, receiver) = mpsc::channel(10_000);
        let (bus, topic) = (Arc::clone(&self.bus), topic.to_owned());
        tokio::spawn(async move {
            let mut tail = bus.tail().await.unwrap();
            for partition in 0..PARTITIONS {
                tail.start(&TopicPartition::new(&topic, partition), StartAt::Beginning).unwrap();
            }
            loop {
                let Ok(Event::Records(records)) = tail.next().await else { continue };
                for received in records {
                    if sender.send(received).await.is_err() {
                        return;
                    }
                }
            }
        });
        receiver
    }

    /// Returns how many records `topic` holds.
    pub(crate) async fn count(&self, topic: &str) -> i64 {
        let mut count = 0;
        for partition in 0..PARTITIONS {
            count += self.bus.span(&TopicPartition::new(topic, partition)).await.unwrap().end;
        }
        count
    }

    /// Puts an input into the input topic's first partition.
    pub(crate) fn input(&self, body: &str, headers: &[(&'static str, &str)]) {
        let mut all = Headers::default();
        for (name, value) in headers {
            all.push(name, Some(value.as_bytes()));
        }
        let payload = Some(Bytes::copy_from_slice(body.as_bytes()));
        self.put(&self.topics.inputs, 0, Record { key: None, headers: all, payload });
    }
}

// === impl Station ===

impl Station {
    /// Returns its front door, which knows when the starter is told to stop.
    pub(crate) fn router(&self) -> Router {
        http::router([self.starter.clone()], &self.stop)
    }

    /// Stops the starter as an orchestrator would, and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        soon(self.run).await.expect("the starter does not panic").expect("the starter ends well");
    }

    /// Waits for the error that it ends with.
    pub(crate) async fn ends(self) -> StarterError {
        soon(self.run).await.expect("the starter does not panic").expect_err("the starter refuses to go on")
    }

    /// Ends the starter between two polls, as kill -9 would: nothing is finished, nothing committed.
    pub(crate) async fn kill(self) {
        self.run.abort();
        assert!(soon(self.run).await.unwrap_err().is_cancelled());
    }

    /// Returns the value of one metric's sample as `/metrics` shows it.
    pub(crate) fn metric(&self, sample: &str) -> Option<String> {
        let mut registry = Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned))
    }
}

pub(crate) fn definition() -> Definition {
    edited(1, "", "")
}

/// Returns the policy as `version`, with `old` replaced by `new` in its text.
pub(crate) fn edited(version: u64, old: &str, new: &str) -> Definition {
    let text = POLICY.replacen(old, new, 1);
    let definition = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    definition.at_version(version)
}

pub(crate) fn fencing(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(epoch.into()) }
}

/// Returns a valid input under `key`.
pub(crate) fn keyed(key: &str) -> RawInput {
    RawInput { key: Some(key.to_owned()), ..unnamed() }
}

/// Returns a valid input without a key.
pub(crate) fn unnamed() -> RawInput {
    RawInput { body: Bytes::from_static(BODY.as_bytes()), ..RawInput::default() }
}

/// Waits for what must come: generously, for the machine may be busy.
pub(crate) async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), event).await.expect("it comes soon")
}
