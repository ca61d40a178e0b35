//! The station: one fetch of `requests`, shared by all executors of this process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Consumer, Producer};
use futures::future::join_all;
use policies::{Definition, ExecutorSpec, Versions};
use tokio::{
    sync::{oneshot, watch},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use wire::{ExecutorId, Topics};

use crate::{
    desk::Desk,
    executor::Executor,
    fetch::Fetch,
    load::{self, LoadError, Loader},
    metrics::Metrics,
    outage::Outage,
    thread::{self, Thread},
    work::Responder,
};

/// How long to wait before asking an unreachable log again.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How often progress is committed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How long executors may finish what is in hand when the station stops.
const FINISH: Duration = Duration::from_millis(1_500);
/// How long the log may then take to acknowledge.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a station waits for its first partitions before it counts as ready without: there may be more processes
/// than partitions.
const FIRST_PARTITIONS: Duration = Duration::from_secs(10);

/// The executors of one rendezvous in this process.
pub struct ExecutorsStation {
    /// Where requests come from and responses go.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// What is asked and how is decided: the live version, one on trial, and those that requests are pinned to.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// The folder that relative model paths start from: the policy file's.
    pub base: PathBuf,
    /// Which of the definition's executors run here; `None` runs all.
    pub only: Option<Vec<ExecutorId>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Why the station ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorsError {
    /// An executor cannot be loaded.
    #[error("executor `{executor}`: {cause}")]
    Load {
        /// Which.
        executor: ExecutorId,
        /// Why.
        cause: LoadError,
    },
    /// Somebody was asked for whom the definition does not know.
    #[error("there is no executor `{executor}`; the policy has {known}")]
    Unknown {
        /// Who was asked for.
        executor: ExecutorId,
        /// Who there is.
        known: String,
    },
    /// No executor is left to run.
    #[error("no executor is named to run here")]
    Nobody,
    /// The bus refuses.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Runs the executors until `stop`; `ready` fires when every model is loaded and warm and the partitions are started.
pub async fn run(
    station: ExecutorsStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ExecutorsError> {
    let schema = Arc::new(station.definition().input.clone());
    let loader = load::by_kind(schema, station.base.clone(), station.clock.clone());
    run_with(station, loader, stop, ready).await
}

/// Runs executors that `loader` makes: for kinds of one's own.
pub async fn run_with(
    station: ExecutorsStation,
    loader: Loader,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ExecutorsError> {
    let specs = station.chosen()?;
    let executors = load_all(&specs, &loader).await?;
    let Some((producer, consumer)) = station.connect(&specs, &stop).await? else { return Ok(()) };
    let (mut desks, mut threads) = (Vec::new(), Vec::new());
    for (spec, (thread, executor)) in specs.iter().zip(executors) {
        let metrics = station.metrics.of(&spec.id);
        let responder = Responder { executor: spec.id.clone(), producer: Arc::clone(&producer), metrics };
        let desk = Arc::new(Desk::new(executor, spec.concurrency, responder, station.clock.clone()));
        // A thread that is gone answers nothing; its requests expire like a hung one's.
        let _ = thread.begin.send(Arc::clone(&desk));
        threads.push(thread.done);
        desks.push((spec.id.clone(), desk));
    }
    let mut fetch = Fetch::new(&station, desks.clone(), consumer);
    let outcome = serve(&mut fetch, stop, ready).await;
    for (_, desk) in &desks {
        desk.close();
    }
    // A model that hangs is left behind with its thread; what is not acknowledged by now is not committed.
    let _ = tokio::time::timeout(FINISH, join_all(threads)).await;
    let _ = producer.drain(DRAIN).await;
    fetch.close().await;
    Ok(outcome?)
}

/// Fetches until told to stop.
async fn serve(fetch: &mut Fetch, stop: CancellationToken, ready: oneshot::Sender<()>) -> Result<(), BusError> {
    let mut commits = tokio::time::interval(COMMIT_EVERY);
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut idle = std::pin::pin!(tokio::time::sleep(FIRST_PARTITIONS));
    let mut ready = Some(ready);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = commits.tick() => fetch.commit()?,
            () = &mut idle, if ready.is_some() => say(&mut ready),
            turn = fetch.turn() => turn?,
        }
        if fetch.has_partitions() {
            say(&mut ready);
        }
    }
}

fn say(ready: &mut Option<oneshot::Sender<()>>) {
    // Whoever started us may not care.
    let _ = ready.take().map(|ready| ready.send(()));
}

/// Loads every model, all at the same time, each on its own thread.
async fn load_all(specs: &[ExecutorSpec], loader: &Loader) -> Result<Vec<(Thread, Arc<dyn Executor>)>, ExecutorsError> {
    let failed = |spec: &ExecutorSpec, cause| ExecutorsError::Load { executor: spec.id.clone(), cause };
    let threads: Vec<Thread> = specs
        .iter()
        .map(|spec| thread::start(&spec.id, loader(spec)).map_err(|cause| failed(spec, cause)))
        .collect::<Result<_, _>>()?;
    let mut executors = Vec::with_capacity(specs.len());
    for (spec, mut thread) in specs.iter().zip(threads) {
        let outcome = (&mut thread.loaded).await.unwrap_or(Err(LoadError::Panicked));
        executors.push((thread, outcome.map_err(|cause| failed(spec, cause))?));
    }
    Ok(executors)
}

// === impl ExecutorsStation ===

impl ExecutorsStation {
    /// Returns the version that is live now.
    pub(crate) fn definition(&self) -> Arc<Definition> {
        Arc::clone(self.versions.borrow().live())
    }

    /// Returns the executors that run here.
    fn chosen(&self) -> Result<Vec<ExecutorSpec>, ExecutorsError> {
        let definition = self.definition();
        let all = &definition.executors;
        let Some(only) = &self.only else {
            return Some(all.clone()).filter(|all| !all.is_empty()).ok_or(ExecutorsError::Nobody);
        };
        if let Some(unknown) = only.iter().find(|id| all.iter().all(|spec| spec.id != **id)) {
            let known: Vec<&str> = all.iter().map(|spec| spec.id.as_str()).collect();
            return Err(ExecutorsError::Unknown { executor: unknown.clone(), known: known.join(", ") });
        }
        let chosen: Vec<_> = all.iter().filter(|spec| only.contains(&spec.id)).cloned().collect();
        Some(chosen).filter(|chosen| !chosen.is_empty()).ok_or(ExecutorsError::Nobody)
    }

    /// Opens the producer and joins the group, waiting for the log as long as it takes; `None` if stopped meanwhile.
    async fn connect(
        &self,
        specs: &[ExecutorSpec],
        stop: &CancellationToken,
    ) -> Result<Option<(Arc<dyn Producer>, Box<dyn Consumer>)>, BusError> {
        let topics = Topics::of(self.definition().name());
        let ids: Vec<ExecutorId> = specs.iter().map(|spec| spec.id.clone()).collect();
        let group = topics.executors_group(&ids);
        let connected = async {
            let mut outage = Outage::default();
            loop {
                let tried = async {
                    let producer = self.bus.producer(&[&topics.responses]).await?;
                    Ok((producer, self.bus.member(&group, &topics.requests).await?))
                };
                match tried.await {
                    Err(BusError::Unavailable(what)) => outage.begin(&what, self.clock.now()),
                    other => return other,
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
        };
        tokio::select! {
            connected = connected => connected.map(Some),
            () = stop.cancelled() => Ok(None),
        }
    }
}
