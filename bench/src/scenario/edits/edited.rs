//! Live edits under load on a real Kafka: how soon every station has a version that the brokers acknowledged, and what
//! edits cost the requests meanwhile.
//!
//! Each station follows the control topic by itself, as in processes of their own; whoever edits is one more process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use bus::{Bus, Clock, Producer, TopicPartition};
use bytes::Bytes;
use control::Follower;
use hedgerow::{
    app::{App, Role, Running},
    load::{Latencies, Pace},
    observer::Observer,
};
use policies::{Definition, Versions};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use starter::{RawInput, Starter};
use tokio::{
    sync::{oneshot, watch},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, CONTROL_TOPIC, RendezvousName, Timestamp};

use crate::{
    cpu::Whose,
    line::millis,
    measure::Measured,
    system::{Answer, Tally},
    work::{AMPLE, BODY, PARTITIONS, PATIENCE},
};

/// The stations that take edits up.
const ROLES: [Role; 3] = [Role::Collector, Role::Executors, Role::Starter];

/// Between two edits that change who is asked, this many change only how is decided.
const SAME_ROSTER: u64 = 10;

/// A rendezvous whose policy is edited while it is asked.
pub(crate) struct Edits {
    bus: Arc<dyn Bus>,
    name: RendezvousName,
    definition: Arc<Definition>,
    began: Timestamp,
    starter: Starter,
    running: Vec<Running>,
    editor: Follower,
    producer: Arc<dyn Producer>,
    log: Arc<Log>,
    stop: CancellationToken,
    version: u64,
    asked: u64,
    /// From the acknowledgement of the next version to a request that was still planned by the one before.
    stale: Latencies,
    stale_max: Duration,
}

/// When the brokers acknowledged each version, and when each station had it.
#[derive(Default)]
struct Log {
    acknowledged: Mutex<BTreeMap<u64, Instant>>,
    /// Per station, each change that it was told of: it may be told of several versions at once.
    taken: Mutex<[BTreeMap<u64, Instant>; ROLES.len()]>,
}

/// What came of one request.
struct Asked {
    at: Instant,
    version: Option<u64>,
}

/// Returns the policy's text as `version`: three echoes of whom all must agree, so that every version costs the same.
/// Each has a default of its own, and every so many of them change who is asked.
fn text(version: u64) -> String {
    let third = version / SAME_ROSTER;
    format!(
        "
rendezvous: edits
budget: 10s
input: {{ features: [x, class] }}
answer: {{ value: class }}
executors:
  a: {{ echo: {{}} }}
  b: {{ echo: {{}} }}
  c{third}: {{ echo: {{}} }}
decide:
  - agree: {{ votes: 3, on: [class] }}
    until: 10s
  - default: {{ class: {version} }}
"
    )
}

// === impl Edits ===

impl Edits {
    pub(crate) async fn start(bus: Arc<dyn Bus>, clock: Clock) -> anyhow::Result<Self> {
        let definition = Arc::new(Definition::parse("bench", &text(1))?);
        let (stop, log) = (CancellationToken::new(), Arc::new(Log::default()));
        let began = clock.now();
        let editor = follow(&bus, &clock, &stop).await?;
        editor.ensure_first(&definition, "bench", "bench").await?;
        let (mut running, mut starter) = (Vec::new(), None);
        for (station, role) in ROLES.into_iter().enumerate() {
            let follower = follow(&bus, &clock, &stop).await?;
            let versions = follower.versions(definition.name()).context("the first version is read by everybody")?;
            tokio::spawn(note(versions.clone(), Arc::clone(&log), station));
            let app = App::new(Arc::clone(&bus), clock.clone(), versions, follower.models(), PARTITIONS);
            let station = app.start(&[role], &mut Registry::default()).await?;
            starter = starter.or(station.starter.clone());
            running.push(station);
        }
        Ok(Self {
            name: definition.name().clone(),
            producer: bus.producer(&[CONTROL_TOPIC]).await?,
            starter: starter.context("the starter is among the stations")?,
            bus,
            definition,
            began,
            running,
            editor,
            log,
            stop,
            version: 1,
            asked: 0,
            stale: Latencies::default(),
            stale_max: Duration::ZERO,
        })
    }

    /// Offers `rate` requests a second for `seconds`, and meanwhile `edits` edits, evenly.
    pub(crate) async fn load(
        &mut self,
        rate: u32,
        seconds: u32,
        edits: u32,
        measured: &mut Measured,
    ) -> anyhow::Result<()> {
        let starter = self.starter.clone();
        let pace = Pace { rate, count: u64::from(rate) * u64::from(seconds) };
        self.asked += pace.count;
        let mut load = Measured::default();
        let mut finished = pace.drive(move |_| {
            let starter = starter.clone();
            async move {
                let (at, body) = (Instant::now(), Bytes::from_static(BODY));
                let answered = starter.ask(RawInput { body, ..RawInput::default() }).await;
                Asked { at, version: answered.ok().map(|answered| answered.result.policy.version) }
            }
        });
        let taking = async {
            let mut asked = Vec::new();
            while let Some(finished) = finished.recv().await {
                let answer = finished.outcome.version.map_or(Answer::Nothing, |_| Answer::Prediction);
                load.note(answer, pace.sent_at(finished.index), finished.latency, AMPLE);
                asked.push(finished.outcome);
            }
            asked
        };
        let first = self.version + 1;
        let editing = async {
            let mut turns = interval(Duration::from_secs(seconds.into()) / edits.max(1));
            for version in first..first + u64::from(edits) {
                turns.tick().await;
                self.edit(version).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        let cpu = Whose::All.seconds()?;
        let (asked, edited) = tokio::join!(taking, editing);
        load.cpu = Whose::All.seconds()? - cpu;
        measured.add(&load);
        edited?;
        self.version += u64::from(edits);
        self.take(&asked);
        Ok(())
    }

    /// Writes one edit and notes when the brokers had it.
    async fn edit(&self, version: u64) -> anyhow::Result<()> {
        let text = text(version).into();
        let apply = Apply::live(text, version - 1);
        let change = self.editor.change(&self.name, "bench", "one more", Action::Apply(apply));
        let (told, acknowledged) = oneshot::channel();
        let acknowledge = Box::new(move |outcome| {
            let _ = told.send((Instant::now(), outcome));
        });
        self.producer.send(&TopicPartition::new(CONTROL_TOPIC, 0), change.encode(), acknowledge)?;
        let (at, outcome) = acknowledged.await?;
        outcome?;
        lock(&self.log.acknowledged).insert(version, at);
        Ok(())
    }

    /// Holds the versions that decided against when they were acknowledged.
    fn take(&mut self, asked: &[Asked]) {
        let acknowledged = lock(&self.log.acknowledged);
        for Asked { at, version } in asked {
            let Some(version) = version else { continue };
            let Some(next) = acknowledged.get(&(version + 1)) else { continue };
            let stale = at.saturating_duration_since(*next);
            self.stale_max = self.stale_max.max(stale);
            if !stale.is_zero() {
                self.stale.record(stale);
            }
        }
    }

    /// Stops it; returns the figures that only edits have, and what the log says of everything that was asked.
    pub(crate) async fn stop(self) -> anyhow::Result<(Value, Tally)> {
        self.all_taken().await?;
        let watching = CancellationToken::new();
        let observer = Observer::start(&self.bus, &self.definition, self.began, watching.clone()).await?;
        // Whatever is missing has been counted by its caller.
        let _ = timeout(PATIENCE, observer.until(|observed| observed.results.len() as u64 >= self.asked)).await;
        let (results, second) = observer.look(|observed| (observed.results.len(), observed.second()));
        watching.cancel();
        for running in self.running {
            running.stop().await?;
        }
        self.stop.cancel();
        let (every, max) = self.log.every_station();
        let figures = json!({
            "edits": self.version - 1,
            "taken_p50_ms": millis(every.quantile(0.5)), "taken_p99_ms": millis(every.quantile(0.99)),
            "taken_max_ms": millis(max),
            "stale_p50_ms": millis(self.stale.quantile(0.5)), "stale_max_ms": millis(self.stale_max),
        });
        Ok((figures, Tally { answered: results as u64, second }))
    }

    /// Waits until every station has the last version.
    async fn all_taken(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.log.all_have(self.version) {
            if began.elapsed() > PATIENCE {
                bail!("not every station has version {}", self.version);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

async fn follow(bus: &Arc<dyn Bus>, clock: &Clock, stop: &CancellationToken) -> anyhow::Result<Follower> {
    let metrics = Arc::new(control::Metrics::default());
    Ok(Follower::start(Arc::clone(bus), clock.clone(), metrics, stop.clone()).await?)
}

/// Notes each version that a station is told of.
async fn note(mut versions: watch::Receiver<Arc<Versions>>, log: Arc<Log>, station: usize) {
    while versions.changed().await.is_ok() {
        let (at, live) = (Instant::now(), versions.borrow_and_update().live().policy_ref.version);
        lock(&log.taken)[station].entry(live).or_insert(at);
    }
}

// === impl Log ===

impl Log {
    /// Returns how long it took from each acknowledgement until the last station had that version or a newer one.
    fn every_station(&self) -> (Latencies, Duration) {
        let (acknowledged, taken) = (lock(&self.acknowledged), lock(&self.taken));
        let (mut all, mut max) = (Latencies::default(), Duration::ZERO);
        for (version, at) in &*acknowledged {
            let had = taken.iter().filter_map(|station| station.range(version..).next().map(|(_, had)| *had));
            let last = had.max().unwrap_or(*at).saturating_duration_since(*at);
            all.record(last);
            max = max.max(last);
        }
        (all, max)
    }

    fn all_have(&self, version: u64) -> bool {
        lock(&self.taken).iter().all(|station| station.range(version..).next().is_some())
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
