//! `hedgerow up FILE…` and `hedgerow run STATION… FILE`: serve until told to stop.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use bus::{Bus, Clock};
use clap::{Args, ValueEnum};
use control::{Access, door};
use policies::Definition;
use prometheus_client::registry::Registry;
use starter::{AdmissionKind, Limits};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use wire::ExecutorId;

use super::{Failure, apply::watch::watch_inside, control::whoever_calls};
use crate::{
    alerting::{AlertArgs, Looks, WantedAlerts},
    app::{self, App, Role, Running},
    auditing::audit_routes,
    canaries::canary_routes,
    door::Shelf,
    explain::explain_routes,
    lagging::Lagging,
    measuring::{Measuring, measures_routes},
    otlp::{Otlp, OtlpArgs, Wanted},
    oversight::Oversight,
    results::results_routes,
    scrape,
    settings::BusArgs,
    timekeeping,
};

/// Runs every station.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow up policies/wine.yaml\n  \
    curl -d @input.json localhost:8080/v2/models/wine/infer\n  hedgerow up *.yaml --brokers kafka:9092 --listen 0.0.0.0:8080\n  \
    hedgerow up wine.yaml --watch                          every save is live at once")]
pub(super) struct Up {
    /// The rendezvous' files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Apply each file on every save, until somebody else applies: `hedgerow apply --watch` in the same process
    #[arg(long)]
    watch: bool,

    /// Copy valid results, each once, into the topic NAME.sealed, for consumers that read only what is committed
    #[arg(long)]
    sealed: bool,

    #[command(flatten)]
    serve: Serve,
}

/// Runs some stations of one rendezvous.
#[derive(Args, Debug)]
#[command(override_usage = "hedgerow run [OPTIONS] <STATION>... <FILE>")]
#[command(after_help = "Examples:\n  hedgerow run starter wine.yaml --brokers kafka:9092\n  \
    hedgerow run executors wine.yaml --only forest,boost --brokers kafka:9092\n  \
    hedgerow run collector decoy wine.yaml --brokers kafka:9092\n\nMore processes of a station share its partitions.")]
pub(super) struct Run {
    /// Stations (starter, executors, collector, decoy, comparison, sealer), then the rendezvous' file
    #[arg(required = true, num_args = 2.., value_name = "STATION")]
    stations_and_file: Vec<String>,

    /// The executors to run in this process, of those defined (all, when not given)
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,

    #[command(flatten)]
    serve: Serve,
}

/// What both need.
#[derive(Args, Debug)]
struct Serve {
    /// Where the front door listens (`/v2`, `/metrics`, `/control`)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", env = "LISTEN", hide_env_values = true)]
    listen: SocketAddr,

    /// From where the door (`/control`) takes changes of policies: from this machine, anyone or nobody
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Takes::Loopback, env = "HEDGEROW_CONTROL", hide_env_values = true)]
    control: Takes,

    /// The folder that archives are written under
    #[arg(long, value_name = "DIR", default_value = "hedgerow-data")]
    data: PathBuf,

    /// How many requests of a rendezvous may be in flight here at most; callers beyond it are shed (429)
    #[arg(long, value_name = "N", default_value_t = Limits::CALLERS.into(), value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_in_flight: u32,

    /// Whether fewer may be in flight when those cannot be answered within their budgets
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Admits::Adaptive)]
    admission: Admits,

    #[command(flatten)]
    traces: OtlpArgs,

    #[command(flatten)]
    alerts: AlertArgs,

    #[command(flatten)]
    bus: BusArgs,
}

/// A rendezvous' file, read.
struct Loaded {
    /// The file's name, as it was given.
    source: String,
    definition: Arc<Definition>,
    /// The folder that its model paths start from.
    models: PathBuf,
}

/// From where changes of policies are taken.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Takes {
    // Without a doc comment each, so that the help stays short.
    Loopback,
    Anyone,
    Nobody,
}

/// How the limit of requests in flight is found.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Admits {
    // Without a doc comment each, so that the help stays short.
    Adaptive,
    Fixed,
}

// === impl Up ===

impl Up {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let mut roles = vec![Role::Collector, Role::Executors, Role::Decoy, Role::Comparison, Role::Starter];
        roles.extend(self.sealed.then_some(Role::Sealer));
        self.serve.run(&self.files, &roles, &[], self.watch)
    }
}

// === impl Takes ===

impl From<Takes> for Access {
    fn from(takes: Takes) -> Self {
        match takes {
            Takes::Loopback => Self::Loopback,
            Takes::Anyone => Self::Anyone,
            Takes::Nobody => Self::Nobody,
        }
    }
}

// === impl Run ===

impl Run {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let (file, stations) = self.stations_and_file.split_last().expect("clap takes at least two");
        let roles = stations.iter().map(|name| role(name)).collect::<Result<Vec<_>, _>>()?;
        if self.serve.bus.brokers().is_none() {
            return Err(Failure::Refused(anyhow::anyhow!(
                "a station alone needs a log that it shares with the others: name it with --brokers, or run all \
                 stations in one process with `hedgerow up`"
            )));
        }
        let only = self.only.iter().map(|name| ExecutorId::new(name)).collect::<Result<Vec<_>, _>>();
        let only = only.map_err(|error| Failure::Refused(error.into()))?;
        self.serve.run(&[PathBuf::from(file)], &roles, &only, false)
    }
}

// === impl Loaded ===

impl Loaded {
    fn read(file: &Path) -> Result<Self, Failure> {
        let (definition, models) = super::load(file)?;
        Ok(Self { source: file.display().to_string(), definition, models })
    }
}

fn role(name: &str) -> Result<Role, Failure> {
    <Role as clap::ValueEnum>::from_str(name, true).map_err(|_| {
        Failure::Refused(anyhow::anyhow!(
            "`{name}` is no station: there are starter, executors, collector, decoy, comparison and sealer"
        ))
    })
}

// === impl Serve ===

impl Serve {
    fn run(&self, files: &[PathBuf], roles: &[Role], only: &[ExecutorId], watch: bool) -> Result<ExitCode, Failure> {
        let watched = if watch { files } else { &[] };
        let loaded = files.iter().map(|file| Loaded::read(file)).collect::<Result<Vec<_>, _>>()?;
        let clock = Clock::system();
        super::runtime()?.block_on(async {
            let bus = self.bus.open(&clock).map_err(Failure::Refused)?;
            let wanted = self.traces.wanted().map_err(Failure::Refused)?;
            let loaded = (loaded, wanted, self.alerts.wanted().map_err(Failure::Refused)?);
            self.serve(&bus, &clock, loaded, roles, only, watched).await.map_err(Failure::Failed)
        })
    }

    fn limits(&self) -> Limits {
        let admission = match self.admission {
            Admits::Adaptive => AdmissionKind::Adaptive,
            Admits::Fixed => AdmissionKind::Fixed,
        };
        Limits { callers: usize::try_from(self.max_in_flight).unwrap_or(usize::MAX), admission, ..Limits::default() }
    }

    /// The embedded bus begins at offset 0 each time, so each run of it gets an archive of its own.
    fn data(&self, clock: &Clock) -> PathBuf {
        match self.bus.brokers() {
            Some(_) => self.data.clone(),
            None => self.data.join(format!("embedded-{}", clock.now().as_micros() / 1_000_000)),
        }
    }

    async fn serve(
        &self,
        bus: &Arc<dyn Bus>,
        clock: &Clock,
        (loaded, wanted, alerts): (Vec<Loaded>, Option<Wanted>, WantedAlerts),
        roles: &[Role],
        only: &[ExecutorId],
        watched: &[PathBuf],
    ) -> anyhow::Result<ExitCode> {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone())?;
        // The door is taken before anything starts: an address in use is found at once.
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}: choose another address with --listen", self.listen))?;
        let (mut registry, mut all, mut starters) = (Registry::default(), Vec::new(), Vec::new());
        scrape::register(&mut registry);
        timekeeping::register(clock, &mut registry);
        let otlp = wanted.map(|wanted| Otlp::start(&wanted, &mut registry)).transpose()?;
        let timekeeping = async {
            if self.bus.brokers().is_some() {
                timekeeping::keep(bus, &stop).await;
            }
        };
        let Some(follower) = app::follow(bus, clock, &mut registry, &stop, timekeeping).await? else {
            return Ok(ExitCode::SUCCESS);
        };
        let (caller, data, mut names) = (whoever_calls(), self.data(clock), Vec::new());
        for Loaded { source, definition, models } in loaded {
            let versions = tokio::select! {
                versions = follower.ensure_first(&definition, &caller, &source) => versions?,
                () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
            };
            let app = App {
                bus: Arc::clone(bus),
                clock: clock.clone(),
                versions,
                history: follower.history(definition.name()),
                models,
                data: data.clone(),
                only: (!only.is_empty()).then(|| only.to_vec()),
                limits: self.limits(),
                partitions: self.bus.partitions,
                traces: otlp.as_ref().map(Otlp::traces),
            };
            names.push(app.definition().name().to_string());
            let labels = [("rendezvous".into(), app.definition().name().to_string().into())];
            let metrics = registry.sub_registry_with_labels(labels.into_iter());
            let running = tokio::select! {
                running = app.start(roles, metrics) => running?,
                () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
            };
            starters.extend(running.starter.clone());
            end_together(running.stop.clone(), stop.clone());
            all.push(running);
        }
        // Asked of the socket, because port 0 lets the system choose.
        let address = listener.local_addr()?;
        tracing::info!("{} ready on {}, at http://{address}", names.join(", "), bus.describe());
        for file in watched {
            watch_inside(follower.clone(), file.clone());
        }
        let versions = follower.clone();
        let known: Shelf = Arc::new(move |name| versions.now(name));
        let measuring = Arc::new(Measuring::new(Arc::clone(bus), clock.clone(), stop.clone()));
        let looks = Looks {
            bus: Arc::clone(bus),
            clock: clock.clone(),
            follower: follower.clone(),
            measuring: Arc::clone(&measuring),
            lagging: Arc::new(Lagging::new(Arc::clone(bus), clock.clone())),
        };
        let oversight = Oversight::start(looks, alerts, &mut registry, stop.clone())?;
        let following = follower.clone();
        let measures = measures_routes(measuring, Arc::clone(&known), Arc::new(move || following.names()));
        let overseen = oversight.api(Arc::clone(&known));
        let explanations = explain_routes(Arc::clone(bus), clock.clone(), Arc::clone(&known));
        let audits = audit_routes(Arc::clone(bus), clock.clone(), Arc::clone(&known));
        let canaries = canary_routes(Arc::clone(bus), clock.clone(), Arc::clone(&known));
        let results = results_routes(Arc::clone(bus), clock.clone(), known, stop.clone());
        let told = explanations.merge(audits).merge(canaries).merge(results).merge(measures).merge(overseen);
        let doors = starter::http::router(starters).merge(scrape::routes(registry));
        let routes = doors.merge(door::router(follower, self.control.into())).merge(told);
        // Callers in hand get their answers while every station still works; only then these stop.
        starter::http::serve(listener, routes, stop.clone()).await?;
        let stopped = stop_all(all).await;
        if let Some(otlp) = otlp {
            otlp.flush().await;
        }
        stopped?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A station that ends takes the process with it, so that whoever supervises it starts it anew, whole.
fn end_together(one: CancellationToken, all: CancellationToken) {
    tokio::spawn(async move {
        one.cancelled().await;
        all.cancel();
    });
}

async fn stop_all(all: Vec<Running>) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for running in all {
        let stopped = running.stop().await;
        outcome = outcome.and(stopped);
    }
    outcome
}

fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: what is in hand is finished first");
        stop.cancel();
    });
    Ok(())
}
