//! A rendezvous under test: its stations in this process, on any bus, with an outsider who reads what they write.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bus::{Bus, Clock, Producer, TopicPartition};
use bytes::Bytes;
use collector::Traces;
use control::{Follower, Outcome};
use decoy::ArchivedRecord;
use futures::future::join_all;
use hedgerow::{
    app::{self, App, Role, Running},
    observer::Observer,
    timekeeping,
};
use policies::{Definition, ResultBody};
use prometheus_client::registry::Registry;
use serde_json::Value;
use starter::{AdmissionKind, Answered, Limits, RawInput, Refusal, Starter};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, Record, Topics};

/// Generous: it bounds a test that has failed, never one that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The topics that callers may have their results sent to.
pub(crate) const REPLIES: &str = "replies-*";

/// Every station but the collector, which tests start and stop.
pub(crate) const AROUND: [Role; 3] = [Role::Executors, Role::Decoy, Role::Starter];
pub(crate) const UNARCHIVED: [Role; 3] = [Role::Collector, Role::Executors, Role::Starter];
pub(crate) const REPLYING: [Role; 4] = [Role::Collector, Role::Executors, Role::Starter, Role::Replier];
pub(crate) const ALL: [Role; 4] = [Role::Collector, Role::Executors, Role::Decoy, Role::Starter];

pub(crate) struct Rendezvous {
    pub(crate) app: App,
    pub(crate) follower: Follower,
    running: Running,
    observer: Observer,
    watching: CancellationToken,
    folder: TempDir,
    /// As it was first.
    definition: Arc<Definition>,
}

impl Rendezvous {
    /// Starts `roles` of a policy whose name (`NAME` in the text) is made unique, so that tests share a broker.
    pub(crate) async fn start(bus: Arc<dyn Bus>, clock: Clock, policy: &str, roles: &[Role]) -> Self {
        Self::start_traced(bus, clock, policy, roles, None).await
    }

    /// The same, handing traces over.
    pub(crate) async fn start_traced(
        bus: Arc<dyn Bus>,
        clock: Clock,
        policy: &str,
        roles: &[Role],
        traces: Option<Traces>,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let text = policy.replace("NAME", &name);
        let definition = Arc::new(Definition::parse("test", &text).unwrap_or_else(|problems| panic!("{problems}")));
        let (folder, watching) = (TempDir::new().unwrap(), CancellationToken::new());
        let follower = follow(&bus, &clock, &watching).await;
        let versions = follower.ensure_first(&definition, "a test", "test").await.unwrap();
        let app = App {
            history: follower.history(definition.name()),
            models: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies"),
            data: folder.path().to_owned(),
            limits: limits(),
            replies: REPLIES.parse().unwrap(),
            traces,
            ..App::new(bus, clock, versions, follower.models(), 4)
        };
        let running = app.start(roles, &mut Registry::default()).await.unwrap();
        let observer = Observer::start(&app.bus, &app.definition(), app.clock.now(), watching.clone()).await.unwrap();
        Self { app, follower, running, observer, watching, folder, definition }
    }

    pub(crate) fn starter(&self) -> &Starter {
        self.running.starter.as_ref().unwrap()
    }

    pub(crate) fn topics(&self) -> Topics {
        Topics::of(self.app.definition().name())
    }

    /// Starts one more station of the same rendezvous.
    pub(crate) async fn another(&self, role: Role) -> Running {
        self.app.start(&[role], &mut Registry::default()).await.unwrap()
    }

    /// Starts stations as another process would, which only has the file of the first version.
    pub(crate) async fn another_process(&self, roles: &[Role]) -> Running {
        self.another_host(Arc::clone(&self.app.bus), self.app.clock.clone(), roles).await
    }

    /// Starts stations as another host would, which sees the log through `bus` and the time on `clock`.
    pub(crate) async fn another_host(&self, bus: Arc<dyn Bus>, clock: Clock, roles: &[Role]) -> Running {
        let follower = follow(&bus, &clock, &self.watching).await;
        timekeeping::keep(&bus, &self.watching).await;
        let versions = follower.ensure_first(&self.definition, "a test", "test").await.unwrap();
        let app = App {
            history: follower.history(self.definition.name()),
            models: self.app.models.clone(),
            data: self.app.data.clone(),
            limits: limits(),
            replies: self.app.replies.clone(),
            kinds: self.app.kinds.clone(),
            ..App::new(bus, clock, versions, follower.models(), self.app.partitions)
        };
        app.start(roles, &mut Registry::default()).await.unwrap()
    }

    /// Makes `policy` live; returns its version.
    pub(crate) async fn apply(&self, policy: &str) -> u64 {
        let name = self.definition.name();
        let expected = self.app.versions.borrow().newest();
        let text = policy.replace("NAME", name.as_str()).into();
        let apply = Apply::live(text, expected);
        let change = self.follower.change(name, "a test", "an edit", Action::Apply(apply));
        let outcome = timeout(PATIENCE, self.follower.publish(change)).await.unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        expected + 1
    }

    pub(crate) async fn ask(&self, body: &str) -> Result<Answered, Refusal> {
        self.ask_as(body, None).await
    }

    pub(crate) async fn ask_as(&self, body: &str, key: Option<&str>) -> Result<Answered, Refusal> {
        ask(self.starter(), body, key).await
    }

    /// Asks by another process' starter.
    pub(crate) async fn ask_of(&self, starter: &Starter, body: &str) -> Answered {
        ask(starter, body, None).await.unwrap()
    }

    /// Asks all at once.
    pub(crate) async fn ask_all(&self, bodies: &[String]) -> Vec<Answered> {
        let asked = join_all(bodies.iter().map(|body| self.ask(body))).await;
        asked.into_iter().map(|answered| answered.unwrap()).collect()
    }

    /// Puts a record into the input topic, as a caller without a connection would.
    pub(crate) async fn put_input(&self, payload: &[u8]) {
        let inputs = self.topics().inputs;
        let producer = self.app.bus.producer(&[&inputs]).await.unwrap();
        let record = Record { payload: Some(Bytes::copy_from_slice(payload)), ..Record::default() };
        put(&*producer, &inputs, 0, record).await;
    }

    /// Waits until the log holds `count` requests.
    pub(crate) async fn has_requests(&self, count: i64) {
        let enough = async {
            loop {
                let mut held = 0;
                for partition in 0..self.app.partitions {
                    held +=
                        self.app.bus.span(&TopicPartition::new(&self.topics().requests, partition)).await.unwrap().end;
                }
                if held >= count {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, enough).await.expect("the requests are written");
    }

    /// Waits until an outsider sees exactly `count` requests with a result, none with a second one.
    pub(crate) async fn has_results(&self, count: usize) {
        self.until(|observed| observed.results.len() >= count, "results").await;
        self.observer.look(|observed| {
            assert_eq!((observed.results.len(), observed.second()), (count, 0));
        });
    }

    /// Waits until what an outsider sees satisfies `enough`.
    pub(crate) async fn until(&self, enough: impl Fn(&hedgerow::observer::Observed) -> bool, what: &str) {
        let seen = timeout(PATIENCE, self.observer.until(enough)).await;
        let saw = self.observer.look(|observed| (observed.results.len(), observed.responses.clone()));
        assert!(seen.is_ok(), "waited for {what}, saw so many results, and responses: {saw:?}");
    }

    /// Waits until the archive holds `count` records.
    pub(crate) async fn has_archived(&self, count: usize) {
        let enough = async {
            while archived(self.folder.path()).len() < count {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(timeout(PATIENCE, enough).await.is_ok(), "{} are archived", archived(self.folder.path()).len());
    }

    /// Stops every station; returns the folder that the decoy wrote into.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap();
        self.watching.cancel();
        self.folder
    }
}

/// However slow the machine is on which the tests run, callers are not shed for it.
fn limits() -> Limits {
    Limits { admission: AdmissionKind::Fixed, ..Limits::default() }
}

async fn follow(bus: &Arc<dyn Bus>, clock: &Clock, stop: &CancellationToken) -> Follower {
    app::follow(bus, clock, &mut Registry::default(), stop, std::future::ready(())).await.unwrap().unwrap()
}

/// Puts any record anywhere; returns its offset.
pub(crate) async fn put(producer: &dyn Producer, topic: &str, partition: i32, record: Record) -> i64 {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let acknowledge = Box::new(move |outcome| {
        let _ = sender.send(outcome);
    });
    producer.send(&TopicPartition::new(topic, partition), record, acknowledge).unwrap();
    timeout(PATIENCE, receiver).await.unwrap().unwrap().unwrap()
}

/// Asks `starter`.
pub(crate) async fn ask(starter: &Starter, body: &str, key: Option<&str>) -> Result<Answered, Refusal> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let input = RawInput { body, key: key.map(str::to_owned), ..RawInput::default() };
    timeout(PATIENCE, starter.ask(input)).await.expect("an answer or a refusal in time")
}

/// The result's body.
pub(crate) fn body(answered: &Answered) -> ResultBody {
    serde_json::from_slice(&answered.result.body).unwrap()
}

/// The rows of the wine data as request bodies, and the class of each.
pub(crate) fn wine_rows() -> Vec<(String, u64)> {
    let csv = include_str!("../../examples/wine/wine.csv");
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let mut row: HashMap<&str, Value> =
            names.iter().copied().zip(line.split(',').map(|text| serde_json::from_str(text).unwrap())).collect();
        let class = row.remove("class").unwrap().as_u64().unwrap();
        (serde_json::to_string(&row).unwrap(), class)
    };
    lines.map(row).collect()
}

/// Everything in the archive files below `folder`.
pub(crate) fn archived(folder: &Path) -> Vec<ArchivedRecord> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            records.extend(archived(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            records.extend(decoy::read(&path).unwrap());
        }
    }
    records
}
