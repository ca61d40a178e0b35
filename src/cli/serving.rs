//! Serving until told to stop, for `hedgerow up` and `hedgerow run`: the bus, the stations, the doors.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use axum::Router;
use bus::{Bus, Clock};
use clap::{Args, ValueEnum};
use control::Access;
use executors::Kinds;
use policies::Definition;
use prometheus_client::registry::Registry;
use schemas::RegistryAt;
use starter::{AdmissionKind, Limits};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use wire::{ExecutorId, ReplyTopics};

use super::{Failure, apply::watch::watch_inside, control::whoever_calls};
use crate::{
    alerting::{AlertArgs, WantedAlerts},
    app::{self, App, Role, Running},
    console::{ConsoleArgs, Opening, Place},
    doors::{Doors, Routes},
    otlp::{Otlp, OtlpArgs, Wanted},
    scrape,
    settings::BusArgs,
    timekeeping,
};

/// How it is served.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Where the front door listens (`/v2`, `/metrics`, `/control`, `/api`, and the console if that is this machine alone)
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

    /// Topics that callers may have their results sent to, besides NAME.results; `*` stands for any letters. They must exist
    #[arg(long, value_name = "TOPIC,…")]
    reply_topics: Option<ReplyTopics>,

    /// The schema registry that knows the schemas of input records in Avro, Protobuf or JSON that are framed for one
    #[arg(long, value_name = "URL")]
    schema_registry: Option<String>,

    /// Where the secret for it is, `env:NAME` or `file:PATH`: `user:password`, or a token
    #[arg(long, value_name = "WHERE", requires = "schema_registry")]
    schema_registry_credentials: Option<schemas::Credentials>,

    #[command(flatten)]
    console: ConsoleArgs,

    #[command(flatten)]
    alerts: AlertArgs,

    #[command(flatten)]
    traces: OtlpArgs,

    #[command(flatten)]
    bus: BusArgs,
}

/// What is served.
pub(super) struct Job<'run> {
    /// The rendezvous' files.
    pub(super) files: &'run [PathBuf],
    /// The stations to run; without any, the console is all there is.
    pub(super) roles: &'run [Role],
    /// The executors to run, of those defined; all, if none is named.
    pub(super) only: &'run [ExecutorId],
    /// Whether each save of a file is applied.
    pub(super) watch: bool,
    /// What is compiled in.
    pub(super) kinds: &'run Kinds,
}

/// What a job needs, read and checked before anything starts.
struct Prepared {
    loaded: Vec<Loaded>,
    wanted: Option<Wanted>,
    alerts: WantedAlerts,
    schemas: Option<RegistryAt>,
    opening: Opening,
}

/// Where is listened. The doors are taken before anything starts: an address in use is found at once.
struct Listeners {
    front: Option<TcpListener>,
    console: Option<TcpListener>,
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

// === impl Loaded ===

impl Loaded {
    fn read(file: &Path) -> Result<Self, Failure> {
        let (definition, models) = super::load(file)?;
        Ok(Self { source: file.display().to_string(), definition, models })
    }
}

// === impl Serve ===

impl Serve {
    /// Returns the brokers, if any are named.
    pub(super) fn brokers(&self) -> Option<&str> {
        self.bus.brokers()
    }

    /// Returns the topics that callers may name, if any are.
    pub(super) fn replies(&self) -> Option<&ReplyTopics> {
        self.reply_topics.as_ref()
    }

    fn registry(&self) -> anyhow::Result<Option<RegistryAt>> {
        let at = |address: &String| RegistryAt::new(address, self.schema_registry_credentials.clone());
        Ok(self.schema_registry.as_ref().map(at).transpose()?)
    }

    pub(super) fn run(&self, job: &Job) -> Result<ExitCode, Failure> {
        let loaded = job.files.iter().map(|file| Loaded::read(file)).collect::<Result<Vec<_>, _>>()?;
        let opening = self.console.opening(self.listen, job.roles.is_empty()).map_err(Failure::Refused)?;
        let clock = Clock::system();
        super::runtime()?.block_on(async {
            let bus = self.bus.open(&clock).map_err(Failure::Refused)?;
            let wanted = self.traces.wanted().map_err(Failure::Refused)?;
            let alerts = self.alerts.wanted().map_err(Failure::Refused)?;
            let schemas = self.registry().map_err(Failure::Refused)?;
            let prepared = Prepared { loaded, wanted, alerts, schemas, opening };
            self.serve(&bus, &clock, prepared, job).await.map_err(Failure::Failed)
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
        Prepared { loaded, wanted, alerts, schemas, opening }: Prepared,
        job: &Job<'_>,
    ) -> anyhow::Result<ExitCode> {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone())?;
        let listeners = Listeners::bind(self.listen, opening.place, job.roles.is_empty()).await?;
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
                published: follower.models(),
                history: follower.history(definition.name()),
                models,
                data: data.clone(),
                only: (!job.only.is_empty()).then(|| job.only.to_vec()),
                limits: self.limits(),
                replies: self.reply_topics.clone().unwrap_or_default(),
                registry: schemas.clone(),
                kinds: job.kinds.clone(),
                partitions: self.bus.partitions,
                traces: otlp.as_ref().map(Otlp::traces),
            };
            names.push(app.definition().name().to_string());
            let labels = [("rendezvous".into(), app.definition().name().to_string().into())];
            let metrics = registry.sub_registry_with_labels(labels.into_iter());
            let running = tokio::select! {
                running = app.start(job.roles, metrics) => running?,
                () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
            };
            starters.extend(running.starter.clone());
            end_together(running.stop.clone(), stop.clone());
            all.push(running);
        }
        listeners.tell(&names.join(", "), &bus.describe(), opening.place)?;
        for file in job.files.iter().filter(|_| job.watch) {
            watch_inside(follower.clone(), file.clone());
        }
        let doors = Doors {
            bus: Arc::clone(bus),
            clock: clock.clone(),
            follower,
            starters,
            registry,
            alerts,
            control: self.control.into(),
            opening,
            stop: stop.clone(),
        };
        // Callers in hand get their answers while every station still works; only then these stop.
        listeners.serve(doors.open()?, &stop).await?;
        let stopped = stop_all(all).await;
        if let Some(otlp) = otlp {
            otlp.flush().await;
        }
        stopped?;
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Listeners ===

impl Listeners {
    async fn bind(front: SocketAddr, place: Place, is_console_alone: bool) -> anyhow::Result<Self> {
        let bind = async |at: SocketAddr, option: &str| {
            let bound = TcpListener::bind(at).await;
            bound.with_context(|| format!("cannot listen on {at}: choose another address with {option}"))
        };
        Ok(Self {
            front: if is_console_alone { None } else { Some(bind(front, "--listen").await?) },
            console: match place {
                Place::Apart(at) => Some(bind(at, "--console").await?),
                Place::Front | Place::Nowhere => None,
            },
        })
    }

    /// Says where people and programs go. Asked of the sockets, because port 0 lets the system choose.
    fn tell(&self, names: &str, bus: &str, place: Place) -> anyhow::Result<()> {
        if let Some(front) = &self.front {
            tracing::info!("{names} ready on {bus}, at http://{}", front.local_addr()?);
        }
        match (&self.console, &self.front, place) {
            (Some(console), Some(_), _) => tracing::info!("the console is at http://{}", console.local_addr()?),
            (Some(console), None, _) => {
                tracing::info!("the console is ready on {bus}, at http://{}", console.local_addr()?);
            }
            (None, Some(front), Place::Front) => {
                tracing::info!("the console is there too: http://{}", front.local_addr()?);
            }
            (None, ..) => tracing::info!(
                "no console is served, since others reach the front door: give it a place of its own with --console"
            ),
        }
        Ok(())
    }

    async fn serve(self, routes: Routes, stop: &CancellationToken) -> anyhow::Result<()> {
        let serve = async |listener: Option<TcpListener>, served: Option<Router>| match listener.zip(served) {
            Some((listener, served)) => starter::http::serve(listener, served, stop.clone()).await,
            None => Ok(()),
        };
        tokio::try_join!(serve(self.front, Some(routes.front)), serve(self.console, routes.console))?;
        Ok(())
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
