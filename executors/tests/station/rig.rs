//! A station with models that misbehave on purpose, and somebody who asks and listens.

use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::{
    BoxFuture, Bus, BusError, Clock, Consumer, EmbeddedBus, EmbeddedLimits, Event, Producer, StartAt, TopicPartition,
    TopicSpec,
};
use bytes::Bytes;
use hedgerow_executors::{self as executors, Echo, Executor, ExecutorsError, ExecutorsStation, Input, Loader, Metrics};
use policies::{Definition, Trial, TrialMode, Version, Versions};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::{
    sync::{Semaphore, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    Budget, Envelope, ExecutorId, Failure, Fence, Fencing, Headers, ModelVersion, PolicyRef, Record, RendezvousName,
    Reply, Request, RequestId, Response, ResultKind, ResultRecord, Timestamp, Topics,
};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What a model does.
#[derive(Clone, Copy)]
pub(crate) enum Model {
    /// Answers on its own thread.
    Fine,
    /// Answers in the fetching loop.
    Echo,
    /// Panics.
    Panicking,
    /// Panics in the fetching loop.
    PanickingAtOnce,
    /// Waits for ever, politely.
    Endless,
    /// Waits for ever the first time, then answers.
    EndlessOnce,
    /// Takes its thread and never gives it back.
    Blocking,
    /// Answers with the features that it reads.
    Reading,
    /// Answers with the place in memory where the features are that it reads.
    Pointing,
    /// Takes batches of eight; each call waits until the rig lets it through.
    Gated(Mishap),
}

/// What befalls the second call of a model.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    None,
    Panic,
    Hang,
}

struct Scripted {
    model: Model,
    scored: Arc<AtomicUsize>,
    gate: Arc<Gate>,
}

/// Lets calls through, and keeps which requests were in each.
pub(crate) struct Gate {
    pub(crate) open: Semaphore,
    pub(crate) calls: Mutex<Vec<Vec<RequestId>>>,
}

impl Executor for Scripted {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        let before = self.scored.fetch_add(1, Ordering::Relaxed);
        match self.model {
            Model::Panicking | Model::PanickingAtOnce => panic!("no more grapes"),
            Model::Blocking => loop {
                std::thread::park();
            },
            Model::Endless => Box::pin(pending()),
            Model::EndlessOnce if before == 0 => Box::pin(pending()),
            Model::Fine | Model::Echo | Model::EndlessOnce => Box::pin(async { Ok(input.body.clone()) }),
            Model::Reading => Box::pin(async { Ok(format!("{{\"read\":{:?}}}", input.features()?).into()) }),
            Model::Pointing => {
                Box::pin(async { Ok(format!("{{\"at\":{}}}", input.features()?.as_ptr().addr()).into()) })
            }
            Model::Gated(_) => Box::pin(async move { self.call(&[input]).await.remove(0) }),
        }
    }

    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(self.call(inputs))
    }

    fn batch_max(&self) -> NonZeroUsize {
        NonZeroUsize::new(if matches!(self.model, Model::Gated(_)) { 8 } else { 1 }).unwrap()
    }

    fn model(&self) -> ModelVersion {
        "scripted@1".into()
    }

    fn is_instantaneous(&self) -> bool {
        matches!(self.model, Model::PanickingAtOnce)
    }
}

impl Scripted {
    async fn call(&self, inputs: &[&Input]) -> Vec<Result<Bytes, Failure>> {
        let calls = {
            let mut calls = self.gate.calls.lock().unwrap();
            calls.push(inputs.iter().map(|input| input.request).collect());
            calls.len()
        };
        self.gate.open.acquire().await.unwrap().forget();
        match self.model {
            Model::Gated(Mishap::Panic) if calls == 2 => panic!("no more grapes"),
            Model::Gated(Mishap::Hang) if calls == 2 => pending().await,
            _ => inputs.iter().map(|input| Ok(input.body.clone())).collect(),
        }
    }
}

/// Somebody who asks and listens.
pub(crate) struct Rig {
    pub(crate) bus: Arc<EmbeddedBus>,
    /// For models that wait at it.
    pub(crate) gate: Arc<Gate>,
    /// How often a scripted model was asked.
    pub(crate) scored: Arc<AtomicUsize>,
    /// Which executors were loaded, one after the other.
    pub(crate) loads: Arc<Mutex<Vec<String>>>,
    clock: Clock,
    versions: watch::Sender<Arc<Versions>>,
    /// The models that are published.
    pub(crate) published: watch::Sender<Arc<::models::Registry>>,
    all: Mutex<BTreeMap<u64, Arc<Version>>>,
    models: Vec<(ExecutorId, Model)>,
    producer: Arc<dyn Producer>,
    heard: tokio::sync::Mutex<Box<dyn Consumer>>,
    early: Mutex<Vec<Heard>>,
    metrics: Mutex<Arc<Metrics>>,
    /// When each request was born.
    asked: Mutex<HashMap<RequestId, Timestamp>>,
    ids: AtomicUsize,
}

/// A response, and where and when it came.
pub(crate) struct Heard {
    pub(crate) partition: i32,
    /// How long after the request's birth.
    pub(crate) after: Duration,
    pub(crate) response: Response,
}

/// A station that starts.
pub(crate) struct Starting {
    clock: Clock,
    stop: CancellationToken,
    ready: oneshot::Receiver<()>,
    task: JoinHandle<Result<(), ExecutorsError>>,
}

/// A station that was told to stop.
pub(crate) struct Leaving(JoinHandle<Result<(), ExecutorsError>>);

/// A station that serves.
pub(crate) struct Running {
    clock: Clock,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ExecutorsError>>,
}

// === impl Rig ===

impl Rig {
    pub(crate) const PARTITIONS: i32 = 3;
    pub(crate) const BODY: &str = r#"{"hue":1.5,"ash":2}"#;

    pub(crate) async fn new(models: &[(&str, Model)]) -> Self {
        Self::on(Clock::system(), models).await
    }

    pub(crate) async fn on(clock: Clock, models: &[(&str, Model)]) -> Self {
        Self::within(clock, Duration::from_secs(10), models).await
    }

    /// The same, under a policy of another budget.
    pub(crate) async fn within(clock: Clock, budget: Duration, models: &[(&str, Model)]) -> Self {
        let lines: Vec<String> =
            models.iter().map(|(name, _)| format!("{name}: {{ echo: , concurrency: 1 }}")).collect();
        let policy = format!("({}ms) {}", budget.as_millis(), lines.join("\n  "));
        Self::scripted(clock, &policy, models).await
    }

    /// The same, under a policy of which only who is there is told.
    pub(crate) async fn scripted(clock: Clock, executors: &str, models: &[(&str, Model)]) -> Self {
        let mut rig = Self::of_policy(clock, executors).await;
        rig.models = models.iter().map(|(name, model)| (ExecutorId::new(name).unwrap(), *model)).collect();
        rig
    }

    pub(crate) async fn of_policy(clock: Clock, executors: &str) -> Self {
        let bus = EmbeddedBus::new(clock.clone());
        let topics = Topics::of(&RendezvousName::new("wine").unwrap());
        let spec = |name: &String| TopicSpec {
            name: name.clone(),
            partitions: Self::PARTITIONS,
            retention: None,
            compacted: false,
        };
        bus.create_topics(&[spec(&topics.requests), spec(&topics.responses), spec(&topics.results)]).await.unwrap();
        let mut tail = bus.tail().await.unwrap();
        for partition in 0..Self::PARTITIONS {
            tail.start(&TopicPartition::new(&topics.responses, partition), StartAt::Beginning).unwrap();
        }
        Self {
            producer: bus.producer(&[&topics.requests]).await.unwrap(),
            all: Mutex::new(BTreeMap::from([(1, Arc::new(Version::parsed(definition(executors, 1))))])),
            versions: watch::channel(Arc::new(Versions::only(definition(executors, 1)))).0,
            published: watch::Sender::default(),
            bus,
            gate: Arc::new(Gate { open: Semaphore::new(0), calls: Mutex::default() }),
            scored: Arc::default(),
            loads: Arc::default(),
            clock,
            models: Vec::new(),
            heard: tokio::sync::Mutex::new(tail),
            early: Mutex::default(),
            metrics: Mutex::default(),
            asked: Mutex::default(),
            ids: AtomicUsize::new(0),
        }
    }

    /// Starts a station with the scripted models.
    pub(crate) async fn start(&self) -> Running {
        self.begin().ready().await
    }

    /// Starts a station with the kinds that the policy names.
    pub(crate) async fn start_kinds(&self) -> Running {
        self.begin_with(self.kinds(), self.station()).ready().await
    }

    /// The same, in a process that runs only some of them.
    pub(crate) async fn start_only(&self, names: &[&str]) -> Running {
        let only = names.iter().map(|name| ExecutorId::new(name).unwrap()).collect();
        let station = ExecutorsStation { only: Some(only), ..self.station() };
        self.begin_with(self.kinds(), station).ready().await
    }

    fn kinds(&self) -> Loader {
        executors::by_kind(self.bus.clone(), "/nowhere".into(), self.clock.clone(), None, executors::Kinds::default())
    }

    /// Makes a version with `executors` live; returns its number.
    pub(crate) fn apply(&self, executors: &str) -> u64 {
        let version = self.publish(executors);
        self.versions.send_replace(Arc::new(Versions::new(self.all(), self.version(version), None)));
        version
    }

    /// Puts a version with `executors` on trial beside the live one; returns its number.
    pub(crate) fn try_out(&self, executors: &str) -> u64 {
        let version = self.publish(executors);
        let trial = Trial { definition: self.version(version), mode: TrialMode::Shadow, tallies: BTreeMap::new() };
        self.versions.send_replace(Arc::new(Versions::new(self.all(), self.live(), Some(trial))));
        version
    }

    fn publish(&self, executors: &str) -> u64 {
        let mut all = self.all.lock().unwrap();
        let version = all.last_key_value().unwrap().0 + 1;
        all.insert(version, Arc::new(Version::parsed(definition(executors, version))));
        version
    }

    fn all(&self) -> BTreeMap<u64, Arc<Version>> {
        self.all.lock().unwrap().clone()
    }

    fn version(&self, version: u64) -> Arc<Definition> {
        Arc::clone(self.all()[&version].definition().unwrap())
    }

    fn live(&self) -> Arc<Definition> {
        Arc::clone(self.versions.borrow().live())
    }

    pub(crate) fn begin(&self) -> Starting {
        let (models, scored, gate) = (self.models.clone(), Arc::clone(&self.scored), Arc::clone(&self.gate));
        let loader: Loader = Arc::new(move |post| {
            let spec = &post.spec;
            let model = models.iter().find(|(id, _)| *id == spec.id).unwrap().1;
            let executor: Arc<dyn Executor> = match model {
                Model::Echo => Arc::new(Echo::new(&spec.id)),
                model => Arc::new(Scripted { model, scored: Arc::clone(&scored), gate: Arc::clone(&gate) }),
            };
            Box::pin(async { Ok(executor) })
        });
        self.begin_with(loader, self.station())
    }

    fn begin_with(&self, loader: Loader, station: ExecutorsStation) -> Starting {
        let loads = Arc::clone(&self.loads);
        let loader: Loader = Arc::new(move |post| {
            loads.lock().unwrap().push(post.spec.id.to_string());
            loader(post)
        });
        let (stop, (ready, is_ready)) = (CancellationToken::new(), oneshot::channel());
        let task = tokio::spawn(executors::run_with(station, loader, stop.clone(), ready));
        Starting { clock: self.clock.clone(), stop, ready: is_ready, task }
    }

    fn station(&self) -> ExecutorsStation {
        let bus: Arc<dyn Bus> = self.bus.clone();
        let metrics = Arc::clone(&self.metrics.lock().unwrap());
        let versions = self.versions.subscribe();
        let (clock, base) = (self.clock.clone(), "/nowhere".into());
        let (models, kinds) = (self.published.subscribe(), executors::Kinds::default());
        ExecutorsStation { bus, clock, versions, models, base, only: None, metrics, kinds, sampling: None }
    }

    /// Asks everybody.
    pub(crate) fn send(&self, budget: Duration) -> RequestId {
        self.send_planned(&self.live().plan().to_string(), budget)
    }

    pub(crate) fn send_planned(&self, plan: &str, budget: Duration) -> RequestId {
        let id = self.fresh_id();
        self.send_request(id, plan, budget, self.live().policy_ref.version)
    }

    /// Asks `plan` under `version`, be it live, gone or not here yet.
    pub(crate) fn send_under(&self, version: u64, plan: &str, budget: Duration) -> RequestId {
        self.send_request(self.fresh_id(), plan, budget, version)
    }

    /// Asks everybody with an id that belongs into `partition`.
    pub(crate) fn send_into_partition(&self, budget: Duration, partition: i32) -> RequestId {
        let id =
            std::iter::repeat_with(|| self.fresh_id()).find(|id| id.partition(Self::PARTITIONS) == partition).unwrap();
        let live = self.live();
        self.send_request(id, &live.plan().to_string(), budget, live.policy_ref.version)
    }

    fn fresh_id(&self) -> RequestId {
        RequestId::from_key(self.live().name(), &self.ids.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Asks everybody about the largest input that its topic takes; returns how large that is.
    pub(crate) fn send_largest(&self, budget: Duration) -> usize {
        let live = self.live();
        let (plan, version) = (live.plan().to_string(), live.policy_ref.version);
        for bytes in (Self::BODY.len()..EmbeddedLimits::default().record_bytes).rev() {
            let body = Self::BODY.to_owned() + &" ".repeat(bytes - Self::BODY.len());
            match self.try_send(self.fresh_id(), &plan, budget, version, body.into()) {
                Ok(()) => return bytes,
                Err(error) => assert!(matches!(error, BusError::TooLarge), "{error}"),
            }
        }
        panic!("it takes nothing");
    }

    /// Asks everybody about `body`.
    pub(crate) fn send_body(&self, body: &'static str, budget: Duration) -> RequestId {
        let (id, live) = (self.fresh_id(), self.live());
        let (plan, version) = (live.plan().to_string(), live.policy_ref.version);
        self.try_send(id, &plan, budget, version, body.into()).unwrap();
        id
    }

    fn send_request(&self, id: RequestId, plan: &str, budget: Duration, version: u64) -> RequestId {
        self.try_send(id, plan, budget, version, Self::BODY.into()).unwrap();
        id
    }

    fn try_send(&self, id: RequestId, plan: &str, budget: Duration, version: u64, body: Bytes) -> Result<(), BusError> {
        let born = self.clock.now();
        self.asked.lock().unwrap().insert(id, born);
        let request = Request {
            id,
            born,
            budget: Budget::from_micros(budget.as_micros().try_into().unwrap()),
            policy: PolicyRef { rendezvous: self.live().name().clone(), version },
            plan: plan.parse().unwrap(),
            case: None,
            key: None,
            attributes: wire::Attributes::default(),
            traceparent: None,
            reply: None,
            body,
        };
        let to = TopicPartition::new("wine.requests", id.partition(Self::PARTITIONS));
        self.producer.send(&to, request.encode(), Box::new(|_| {}))
    }

    pub(crate) fn send_poison(&self) {
        self.put(Record { key: None, headers: Headers::default(), payload: Some("what?".into()) });
    }

    /// Writes any record into partition 0 of the requests.
    pub(crate) fn put(&self, record: Record) {
        self.producer.send(&TopicPartition::new("wine.requests", 0), record, Box::new(|_| {})).unwrap();
    }

    /// Returns the next `count` responses.
    pub(crate) async fn responses(&self, count: usize) -> Vec<Heard> {
        tokio::time::timeout(PATIENCE, self.listen(count)).await.expect("the responses come")
    }

    async fn listen(&self, count: usize) -> Vec<Heard> {
        let mut tail = self.heard.lock().await;
        let mut heard: Vec<Heard> = std::mem::take(&mut *self.early.lock().unwrap());
        while heard.len() < count {
            // An interruption, which some tests make, is told here too.
            let Ok(Event::Records(records)) = tail.next().await else { continue };
            for received in records {
                let Ok(Envelope::Response(response)) = Envelope::decode(&received.record) else {
                    panic!("{received:?}")
                };
                let after = received.appended.since(self.asked.lock().unwrap()[&response.request]);
                heard.push(Heard { partition: received.partition.partition, after, response });
            }
        }
        *self.early.lock().unwrap() = heard.split_off(count);
        heard
    }

    /// Waits until scripted models were asked `count` times.
    pub(crate) async fn until_scored(&self, count: usize) {
        let enough = async {
            while self.scored.load(Ordering::Relaxed) < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.expect("the models are asked");
    }

    /// Waits until a metric is `value`.
    pub(crate) async fn until(&self, metric: &str, value: u64) {
        let reached = async {
            while self.counted(metric) < value {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("the metric is reached");
    }

    /// Returns the value of a metric, 0 if it is not there.
    pub(crate) fn counted(&self, metric: &str) -> u64 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.metrics.lock().unwrap().register(&mut registry);
        encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(metric));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }

    pub(crate) fn forget_metrics(&self) {
        *self.metrics.lock().unwrap() = Arc::default();
    }

    /// Joins the group of those who run all executors, and does nothing there.
    pub(crate) async fn join(&self) -> Box<dyn Consumer> {
        let group = Topics::of(self.live().name()).executors_group(None);
        self.bus.member(&group, "wine.requests").await.unwrap()
    }

    /// Says about `request` what another process' `executor` would say.
    pub(crate) fn respond(&self, request: RequestId, executor: &str) {
        let (executor, reply) = (ExecutorId::new(executor).unwrap(), Reply::Answer(Self::BODY.into()));
        let (model, took) = ("scripted@1".into(), Duration::ZERO);
        let response =
            Response { request, executor, model, fetched: Duration::ZERO, queued: took, scored: took, reply };
        let to = TopicPartition::new("wine.responses", request.partition(Self::PARTITIONS));
        self.producer.send(&to, response.encode(), Box::new(|_| {})).unwrap();
    }

    /// Writes a fence into every partition of the results.
    pub(crate) async fn fence(&self, epoch: u64) -> Fencing {
        let fencing = Fencing { epoch, instance: Uuid::nil() };
        for partition in 0..Self::PARTITIONS {
            let (to, (written, is_written)) = (TopicPartition::new("wine.results", partition), oneshot::channel());
            let acknowledge = Box::new(move |outcome: Result<i64, _>| {
                let _ = written.send(outcome.is_ok());
            });
            self.producer.send(&to, Fence(fencing).encode(), acknowledge).unwrap();
            assert!(is_written.await.unwrap());
        }
        fencing
    }

    /// Writes a result about `request`.
    pub(crate) fn decide(&self, request: RequestId, fencing: Fencing) {
        let (policy, kind) = (self.live().policy_ref.clone(), ResultKind::Prediction);
        let result = ResultRecord { request, policy, kind, key: None, reply: None, fencing, body: Self::BODY.into() };
        let to = TopicPartition::new("wine.results", request.partition(Self::PARTITIONS));
        self.producer.send(&to, result.encode(), Box::new(|_| {})).unwrap();
    }

    /// Returns the sum of the offsets that the group committed.
    pub(crate) async fn committed(&self) -> i64 {
        let mut member = self.join().await;
        let Event::Assigned(partitions) = member.next().await.unwrap() else { panic!("nothing is assigned") };
        assert_eq!(partitions.len(), usize::try_from(Self::PARTITIONS).unwrap());
        member.close(Vec::new()).await;
        partitions.iter().filter_map(|assigned| assigned.committed.as_ref()).map(|committed| committed.offset).sum()
    }
}

/// Runs a policy's executors to the error that is expected.
pub(crate) async fn run_policy(executors: &str, only: Option<Vec<ExecutorId>>) -> Result<(), ExecutorsError> {
    let rig = Rig::of_policy(Clock::system(), executors).await;
    let station = ExecutorsStation { only, ..rig.station() };
    let (ready, _) = oneshot::channel();
    tokio::time::timeout(PATIENCE, executors::run(station, CancellationToken::new(), ready)).await.expect("it ends")
}

/// A policy with `executors`; its features are `hue` and `ash`, unless the executors begin with a list of others, and its
/// budget is 10 s, unless they begin with another in parentheses.
fn definition(executors: &str, version: u64) -> Arc<Definition> {
    let (budget, executors) =
        executors.strip_prefix('(').and_then(|rest| rest.split_once(") ")).unwrap_or(("10s", executors));
    let (features, executors) =
        executors.strip_prefix('[').and_then(|rest| rest.split_once("] ")).unwrap_or(("hue, ash", executors));
    let text = format!(
        "rendezvous: wine\nbudget: {budget}\ninput: {{ features: [{features}] }}\n\
         executors:\n  {executors}\ndecide:\n  - default: {{ class: unknown }}\n"
    );
    let definition = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    Arc::new(definition.at_version(version))
}

// === impl Heard, Starting, Running, Leaving ===

impl Heard {
    pub(crate) fn by(&self, executor: &str) -> bool {
        self.response.executor.as_str() == executor
    }
}

impl Starting {
    pub(crate) async fn ready(self) -> Running {
        let Self { clock, stop, ready, task } = self;
        tokio::time::timeout(PATIENCE, ready).await.expect("the station is ready").expect("the station runs");
        Running { clock, stop, task }
    }
}

impl Running {
    /// Ends it without a word, as a kill would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn stop(self) {
        let (clock, leaving) = (self.clock.clone(), self.leave());
        let time_passes = async {
            loop {
                clock.advance(millis(10));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = leaving.gone() => {}
            () = time_passes, if matches!(clock, Clock::Virtual(_)) => {}
        }
    }

    /// Tells it to stop, and does not wait for it.
    pub(crate) fn leave(self) -> Leaving {
        self.stop.cancel();
        Leaving(self.task)
    }
}

impl Leaving {
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_finished()
    }

    pub(crate) async fn gone(self) {
        tokio::time::timeout(PATIENCE, self.0).await.expect("the station stops").unwrap().unwrap();
    }
}
