//! Builds the stations of one rendezvous and joins them: the wiring diagram.

mod archiving;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use bus::{Bus, BusError, Clock, TopicSpec};
use collector::{CollectorStation, Traces};
use comparison::ComparisonStation;
use control::{FollowError, Follower};
use executors::{ExecutorsStation, Kinds};
use policies::{Definition, History, Versions};
use prometheus_client::registry::Registry;
use sealer::{Destination, SealerStation};
use starter::{Starter, StarterStation};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use wire::{ExecutorId, ReplyTopics, Topics};

use self::archiving::Archiving;
use crate::{
    settings::RETENTION,
    station::{Place, Station},
};

/// The stations that a process can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Takes inputs, fans them out, answers callers
    Starter,
    /// Score requests, each with its model
    Executors,
    /// Decides, one result per request
    Collector,
    /// Archives the exact inputs
    Decoy,
    /// Compares canaries with their references
    Comparison,
    /// Copies valid results, each once, for consumers that read only what is committed
    Sealer,
    /// Sends results to the topics that their callers named
    Replier,
}

/// One rendezvous to be run by this process.
pub struct App {
    /// The log.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// What is asked of whom, and how is decided.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// The models that are published.
    pub published: watch::Receiver<Arc<models::Registry>>,
    /// What became of the policy so far; without it nothing is done about canaries by itself.
    pub history: Option<watch::Receiver<History>>,
    /// The folder that the definition's model paths start from.
    pub models: PathBuf,
    /// The folder that the decoy's archive path starts from.
    pub data: PathBuf,
    /// The executors to run, of those defined; `None` for all.
    pub only: Option<Vec<ExecutorId>>,
    /// What the starter takes on.
    pub limits: starter::Limits,
    /// Which topics callers may have their results sent to.
    pub replies: ReplyTopics,
    /// Where the schemas of framed inputs are asked for, if anywhere.
    pub registry: Option<schemas::RegistryAt>,
    /// What is compiled in, for policies that say `rust: NAME`.
    pub kinds: Kinds,
    /// Partitions of topics that do not exist yet.
    pub partitions: i32,
    /// Whose traces are kept, and where they go; `None` if nobody wants any.
    pub traces: Option<Traces>,
}

/// A rendezvous that runs.
pub struct Running {
    /// The way in, if this process runs the starter.
    pub starter: Option<Starter>,
    /// Cancelled when it is to stop, or when a station has ended.
    pub stop: CancellationToken,
    stations: Vec<Station>,
}

/// So long what was counted is kept: a day more than objectives usually look back.
const MEASURES_KEPT: Duration = Duration::from_hours(31 * 24);

/// How often a wait for the bus is retried, and how often it is spoken of.
const RETRY: Duration = Duration::from_millis(500);
const REMIND: Duration = Duration::from_secs(10);

// === impl App ===

impl App {
    /// Returns one of which nothing else is wanted: all executors, none of them compiled in, files from where the process
    /// was started, no replies, no traces, and nothing done about canaries.
    #[must_use]
    pub fn new(
        bus: Arc<dyn Bus>,
        clock: Clock,
        versions: watch::Receiver<Arc<Versions>>,
        published: watch::Receiver<Arc<models::Registry>>,
        partitions: i32,
    ) -> Self {
        Self {
            bus,
            clock,
            versions,
            published,
            history: None,
            models: PathBuf::new(),
            data: PathBuf::new(),
            only: None,
            limits: starter::Limits::default(),
            replies: ReplyTopics::default(),
            registry: None,
            kinds: Kinds::default(),
            partitions,
            traces: None,
        }
    }

    /// Starts the stations and waits until each of them serves.
    pub async fn start(&self, roles: &[Role], metrics: &mut Registry) -> anyhow::Result<Running> {
        create_topics(&self.bus, &topics(&self.definition(), self.partitions, roles)).await?;
        let stop = CancellationToken::new();
        let mut running = Running { starter: None, stop: stop.clone(), stations: Vec::new() };
        let place = self.place()?;
        for role in roles {
            let station = match role {
                Role::Starter => self.start_starter(&place, &stop, metrics, &mut running.starter)?,
                Role::Executors => self.start_executors(&place, &stop, metrics)?,
                Role::Collector => self.start_collector(&place, &stop, metrics)?,
                Role::Decoy => self.start_decoy(&stop, metrics)?,
                Role::Comparison => self.start_comparison(&stop, metrics)?,
                Role::Sealer => self.start_sealer(Destination::Sealed, &stop, metrics)?,
                Role::Replier => self.start_sealer(Destination::Replies(self.replies.clone()), &stop, metrics)?,
            };
            running.stations.push(station);
        }
        let ready = running.ready().await;
        if let Ok(true) = ready {
            return Ok(running);
        }
        // A station that ended took the others with it; the error is told by the one that had it.
        let stopped = running.stop().await;
        ready.and(stopped)?;
        bail!("the stations were stopped before they were ready")
    }

    /// Returns where the stations live that only pass records on. In one process one thread does: a record that one of
    /// them sends is there for the next at once. On Kafka it comes by way of the client's threads whoever reads it, and
    /// threads of their own let the stations use more cores. Decoy, comparison, sealer and replier take long over a step: never here.
    fn place(&self) -> anyhow::Result<Place> {
        if self.bus.is_in_process() { Place::together("stations") } else { Ok(Place::apart()) }
    }

    fn start_starter(
        &self,
        place: &Place,
        stop: &CancellationToken,
        metrics: &mut Registry,
        handle: &mut Option<Starter>,
    ) -> anyhow::Result<Station> {
        let counted = Arc::new(starter::Metrics::default());
        let failures = Arc::clone(&counted);
        let registry = |at| schemas::Registry::start(at, move || failures.on_registry_failure());
        let schemas = self.registry.clone().map(registry).transpose()?.map(Arc::new);
        let station = StarterStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            versions: self.versions.clone(),
            metrics: counted,
            limits: self.limits,
            replies: self.replies.clone(),
            schemas,
        };
        station.metrics.register(metrics);
        let (starter, run) = starter::open(station);
        *handle = Some(starter);
        place.start(&self.called("starter"), stop, move |stop, ready| run.run(stop, ready))
    }

    fn start_executors(
        &self,
        place: &Place,
        stop: &CancellationToken,
        metrics: &mut Registry,
    ) -> anyhow::Result<Station> {
        let station = ExecutorsStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            versions: self.versions.clone(),
            models: self.published.clone(),
            base: self.models.clone(),
            kinds: self.kinds.clone(),
            only: self.only.clone(),
            metrics: Arc::new(executors::Metrics::default()),
            sampling: self.traces.as_ref().map(|traces| traces.sampling),
        };
        station.metrics.register(metrics);
        place.start(&self.called("executors"), stop, move |stop, ready| executors::run(station, stop, ready))
    }

    fn start_collector(
        &self,
        place: &Place,
        stop: &CancellationToken,
        metrics: &mut Registry,
    ) -> anyhow::Result<Station> {
        let station = CollectorStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            versions: self.versions.clone(),
            metrics: Arc::new(collector::Metrics::default()),
            traces: self.traces.clone(),
        };
        station.metrics.register(metrics);
        place.start(&self.called("collector"), stop, move |stop, ready| collector::run(station, stop, ready))
    }

    fn start_decoy(&self, stop: &CancellationToken, metrics: &mut Registry) -> anyhow::Result<Station> {
        let station = Archiving {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            versions: self.versions.clone(),
            base: self.data.clone(),
            metrics: Arc::new(decoy::Metrics::default()),
        };
        station.metrics.register(metrics);
        Station::start(&self.called("decoy"), stop, move |stop, ready| station.run(stop, ready))
    }

    fn start_comparison(&self, stop: &CancellationToken, metrics: &mut Registry) -> anyhow::Result<Station> {
        let station = ComparisonStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            versions: self.versions.clone(),
            history: self.history.clone(),
            limits: canary::Limits::default(),
            metrics: Arc::new(comparison::Metrics::default()),
        };
        station.metrics.register(metrics);
        Station::start(&self.called("comparison"), stop, move |stop, ready| comparison::run(station, stop, ready))
    }

    fn start_sealer(
        &self,
        to: Destination,
        stop: &CancellationToken,
        metrics: &mut Registry,
    ) -> anyhow::Result<Station> {
        let name = self.called(to.station());
        let station = SealerStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            rendezvous: self.definition().name().clone(),
            to,
            metrics: Arc::new(sealer::Metrics::default()),
        };
        station.metrics.register(&station.to, metrics);
        Station::start(&name, stop, move |stop, ready| sealer::run(station, stop, ready))
    }

    /// Returns the version that is live now.
    #[must_use]
    pub fn definition(&self) -> Arc<Definition> {
        Arc::clone(self.versions.borrow().live())
    }

    fn called(&self, station: &str) -> String {
        format!("{}/{station}", self.definition().name())
    }
}

// === impl Running ===

impl Running {
    async fn ready(&mut self) -> anyhow::Result<bool> {
        for station in &mut self.stations {
            if !station.ready().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stops every station and waits until what was in hand is finished; the first error of any of them.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let mut outcome = Ok(());
        for station in self.stations {
            let ended = station.ended().await;
            outcome = outcome.and(ended);
        }
        outcome
    }
}

/// Reads and checks a rendezvous' file; the folder it lies in is where its model paths start.
pub fn load(path: &Path) -> anyhow::Result<(Arc<Definition>, PathBuf)> {
    let source = path.display().to_string();
    let checked = Definition::check_file(&source, &crate::policy_file::read(&source)?);
    let definition = checked.definition.ok_or(checked.problems)?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    Ok((Arc::new(definition), folder))
}

/// Reads the control topic to its end and follows it from then on, for every rendezvous of the process; `None` if it
/// was stopped before. Waits for a bus that is away; once it is there, `meanwhile` is waited for too.
pub async fn follow(
    bus: &Arc<dyn Bus>,
    clock: &Clock,
    metrics: &mut Registry,
    stop: &CancellationToken,
    meanwhile: impl Future<Output = ()>,
) -> anyhow::Result<Option<Follower>> {
    let counted = Arc::new(control::Metrics::default());
    counted.register(metrics);
    let followed = async {
        create_topics(bus, &control::topics()).await?;
        let follower = Follower::start(Arc::clone(bus), clock.clone(), counted, stop.clone());
        Ok(tokio::join!(follower, meanwhile).0)
    };
    let followed: anyhow::Result<_> = tokio::select! {
        followed = followed => followed,
        () = stop.cancelled() => return Ok(None),
    };
    match followed? {
        Err(FollowError::Stopped) => Ok(None),
        followed => Ok(Some(followed?)),
    }
}

/// Creates topics; while the bus is away it waits, and says for what and since when.
async fn create_topics(bus: &Arc<dyn Bus>, specs: &[TopicSpec]) -> anyhow::Result<()> {
    let since = Instant::now();
    let mut spoken: Option<Instant> = None;
    loop {
        match bus.create_topics(specs).await {
            Ok(()) => break,
            Err(BusError::Unavailable(why)) => {
                if spoken.is_none_or(|at| at.elapsed() >= REMIND) {
                    let waited = since.elapsed().as_secs();
                    tracing::warn!("waiting for {} since {waited} s: {why}", bus.describe());
                    spoken = Some(Instant::now());
                }
                sleep(RETRY).await;
            }
            Err(error) => return Err(error).with_context(|| format!("on {}", bus.describe())),
        }
    }
    if spoken.is_some() {
        tracing::info!("{} answers after {} s", bus.describe(), since.elapsed().as_secs());
    }
    Ok(())
}

fn topics(definition: &Definition, partitions: i32, roles: &[Role]) -> Vec<TopicSpec> {
    let Topics { inputs, requests, responses, results, sealed, comparisons, measures, dead_letters, .. } =
        Topics::of(definition.name());
    let sealed = roles.contains(&Role::Sealer).then_some(sealed);
    let of_its_own = [inputs, requests, responses, results, dead_letters].into_iter().chain(sealed);
    let spec = |name| TopicSpec { name, partitions, retention: Some(RETENTION), compacted: false };
    // Whatever this process runs: who asks for a report finds an empty topic, and not none.
    let comparisons = TopicSpec { name: comparisons, partitions: 1, retention: None, compacted: true };
    let measures = TopicSpec { name: measures, partitions: 1, retention: Some(MEASURES_KEPT), compacted: true };
    of_its_own.map(spec).chain([comparisons, measures]).chain(control::topics()).collect()
}
