//! A rendezvous on the embedded bus whose starter and executors are scripted.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use bus::{Bus, Clock, Consumer, EmbeddedBus, Event, Producer, StartAt, TopicPartition, TopicSpec};
use hedgerow_collector::{CollectorError, CollectorStation, Metrics, run};
use policies::{Definition, ResultBody, Version, Versions};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    Budget, Fencing, ModelVersion, Record, Reply, Request, RequestId, Response, ResultRecord, ResultsReader,
    TopicReader, Topics,
};

/// Longer than anything here takes, on any machine.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

pub(crate) const DEFINITION: &str = "\
rendezvous: test\nbudget: 60s\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 60s\n- default: { class: none }\n";

pub(crate) struct Scene {
    pub(crate) embedded: Arc<EmbeddedBus>,
    pub(crate) clock: Clock,
    pub(crate) definition: Arc<Definition>,
    /// What every collector of this scene sees of the policy.
    pub(crate) versions: watch::Sender<Arc<Versions>>,
    pub(crate) topics: Topics,
    pub(crate) partitions: i32,
    pub(crate) producer: Arc<dyn Producer>,
}

pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), CollectorError>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Scene {
    pub(crate) async fn set(partitions: i32) -> Self {
        Self::set_with(DEFINITION, partitions).await
    }

    pub(crate) async fn set_with(text: &str, partitions: i32) -> Self {
        Self::set_on(Clock::system(), text, partitions).await
    }

    pub(crate) async fn set_on(clock: Clock, text: &str, partitions: i32) -> Self {
        let embedded = EmbeddedBus::new(clock.clone());
        let definition = parsed(text, 1);
        let topics = Topics::of(definition.name());
        let names = [&topics.requests, &topics.responses, &topics.results, &topics.dead_letters];
        let specs = names.map(|name| TopicSpec { name: name.clone(), partitions, retention: None, compacted: false });
        embedded.create_topics(&specs).await.expect("they are new");
        let written = names.map(String::as_str);
        let producer = embedded.producer(&written).await.expect("the topics exist");
        let versions = watch::Sender::new(Arc::new(Versions::only(Arc::clone(&definition))));
        Self { embedded, clock, definition, versions, topics, partitions, producer }
    }

    /// Makes `definition` the live version; all earlier ones stay known.
    pub(crate) fn edit(&self, definition: &Arc<Definition>) {
        self.versions.send_modify(|versions| {
            let known = (1..=versions.newest()).filter_map(|version| versions.get(version)).chain([definition.clone()]);
            let all: BTreeMap<u64, Arc<Version>> =
                known.map(|known| (known.policy_ref.version, Arc::new(Version::parsed(known)))).collect();
            *versions = Arc::new(Versions::new(all, Arc::clone(definition), None));
        });
    }

    /// Starts a collector and waits until it serves.
    pub(crate) async fn collector(&self) -> Running {
        let (running, served) = self.start();
        timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
        running
    }

    /// Starts a collector.
    pub(crate) fn start(&self) -> (Running, oneshot::Receiver<()>) {
        self.start_seeing(self.versions.subscribe())
    }

    /// Starts a collector that sees these versions.
    pub(crate) fn start_seeing(&self, versions: watch::Receiver<Arc<Versions>>) -> (Running, oneshot::Receiver<()>) {
        let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let station = CollectorStation {
            bus: self.embedded.clone(),
            clock: self.clock.clone(),
            versions,
            metrics: metrics.clone(),
            traces: None,
        };
        let (ready, served) = oneshot::channel();
        let task = tokio::spawn(run(station, stop.clone(), ready));
        (Running { stop, task, metrics }, served)
    }

    pub(crate) fn ask(&self, number: u32, budget: Budget) {
        self.ask_under(&self.definition, number, budget, None);
    }

    /// Asks as a starter does that serves `definition`.
    pub(crate) fn ask_under(&self, definition: &Definition, number: u32, budget: Budget, key: Option<&str>) {
        let id = id(number);
        let request = Request {
            id,
            born: self.clock.now(),
            budget: budget.min(definition.budget),
            policy: definition.policy_ref.clone(),
            plan: definition.plan(),
            case: None,
            key: key.map(Arc::from),
            attributes: wire::Attributes::default(),
            traceparent: None,
            reply: None,
            body: "{\"x\":1}".into(),
        };
        self.put(&self.topics.requests, id.partition(self.partitions), request.encode());
    }

    pub(crate) fn answer(&self, executor: &str, number: u32, class: &str) {
        let response = Response {
            request: id(number),
            executor: wire::ExecutorId::new(executor).expect("a name"),
            model: ModelVersion::from("model@1"),
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::ZERO,
            reply: Reply::Answer(format!(r#"{{"class":"{class}"}}"#).into()),
        };
        self.put(&self.topics.responses, response.request.partition(self.partitions), response.encode());
    }

    pub(crate) fn put(&self, topic: &str, partition: i32, record: Record) {
        let sent = self.producer.send(&TopicPartition::new(topic, partition), record, Box::new(|_| {}));
        sent.expect("the bus takes it");
    }

    pub(crate) async fn reader(&self, topic: &str) -> Box<dyn Consumer> {
        let mut tail = self.embedded.tail().await.expect("the bus is there");
        for partition in 0..self.partitions {
            tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).expect("it exists");
        }
        tail
    }

    /// Waits until each of `0..count` has a valid result and returns them. Fails if any id ever has two.
    pub(crate) async fn results(&self, count: usize) -> HashMap<RequestId, ResultRecord> {
        let mut tail = self.reader(&self.topics.results).await;
        let mut reader = TopicReader::new(100_000);
        let mut valid = HashMap::new();
        while valid.len() < count {
            let event = timeout(GENEROUS, tail.next()).await;
            let Ok(event) = event else { panic!("only {} of {count} have a result", valid.len()) };
            let Event::Records(records) = event.expect("the bus is there") else { continue };
            for received in records {
                let read = reader.read(received.partition.partition, &received.record);
                if let Some(result) = read.valid() {
                    assert!(valid.insert(result.request, result).is_none(), "two results of one request");
                }
            }
        }
        valid
    }

    /// Returns the fencing under which results of partition 0 are valid now.
    pub(crate) async fn fence(&self) -> Fencing {
        let results = TopicPartition::new(&self.topics.results, 0);
        let end = self.embedded.span(&results).await.expect("it exists").end;
        let (mut tail, mut reader) = (self.reader(&self.topics.results).await, ResultsReader::new(0));
        let mut read = 0;
        while read < end {
            let event = timeout(GENEROUS, tail.next()).await.expect("it is there").expect("the bus is there");
            let Event::Records(records) = event else { continue };
            for received in records.iter().filter(|received| received.partition == results) {
                read = received.offset + 1;
                let _ = reader.read(&received.record);
            }
        }
        reader.accepted().expect("there is a fence")
    }

    /// Asks `number` and lets two agree about it.
    pub(crate) fn ask_and_answer(&self, number: u32) {
        self.ask(number, Budget::from_millis(60_000));
        self.answer("a", number, "cat");
        self.answer("b", number, "cat");
    }

    pub(crate) async fn result(&self, number: u32) -> ResultBody {
        let results = self.results(1).await;
        serde_json::from_slice(&results[&id(number)].body).expect("a result's body is JSON")
    }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(GENEROUS, self.task)
            .await
            .expect("it stops in time")
            .expect("it does not panic")
            .expect("it stops well");
    }

    /// Ends the task wherever it is, as a kill would.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.is_err(), "it was still running");
    }

    /// Waits until a counter is at least `least`.
    pub(crate) async fn until(&self, counter: &str, least: u64) {
        let reached = async {
            while self.value(counter) < least {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(GENEROUS, reached).await.is_ok(), "{counter} is not {least}:\n{}", self.counted());
    }

    /// Waits until a counter is shown, even if it is nothing.
    pub(crate) async fn until_shown(&self, counter: &str) {
        let shown = async {
            while !self.counted().contains(counter) {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(GENEROUS, shown).await.is_ok(), "{counter} is not shown:\n{}", self.counted());
    }

    pub(crate) fn value(&self, counter: &str) -> u64 {
        let text = self.counted();
        let value = text.lines().find_map(|line| line.strip_prefix(counter)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a counter is a number"))
    }

    pub(crate) fn counted(&self) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text takes text");
        text
    }
}

pub(crate) fn parsed(text: &str, version: u64) -> Arc<Definition> {
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(definition.at_version(version))
}

pub(crate) fn id(number: u32) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(u128::from(number) * 0x9E37_79B9_7F4A_7C15))
}
