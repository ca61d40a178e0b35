//! The station: one fetch of `requests`, shared by all executors of this process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Consumer, Outage, Producer};
use futures::future::join_all;
use models::Registry;
use policies::{Definition, ExecutorKind, Versions};
use tokio::{
    sync::{oneshot, watch},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use traces::Sampling;
use wire::{ExecutorId, Topics};

use crate::{
    crew::{Crew, Office},
    fetch::Fetch,
    keyed::Keepers,
    kinds::Kinds,
    load::{self, LoadError, Loader},
    metrics::Metrics,
    uses::Journal,
};

/// Who waits for the bus, if it is away.
pub(crate) const WHO: &str = "the executors' station";
/// How often progress is committed, and told what was counted.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How long a station that stops stays in its group to finish what it has read, and how often it looks whether it has.
const SETTLE: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long executors may finish what is in hand when the station stops.
const FINISH: Duration = Duration::from_millis(1_500);
/// How long the log may then take to acknowledge.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a station waits for its first partitions before it counts as ready without: there may be more processes
/// than partitions.
const FIRST_PARTITIONS: Duration = Duration::from_secs(10);

/// The executors of one rendezvous in this process.
#[derive(Clone)]
pub struct ExecutorsStation {
    /// Where requests come from and responses go.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// What is asked and how is decided: the live version, one on trial, and those that requests are pinned to.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// The models that are published.
    pub models: watch::Receiver<Arc<Registry>>,
    /// The folder that relative model paths start from: the policy file's.
    pub base: PathBuf,
    /// Which of the definition's executors run here; `None` runs all.
    pub only: Option<Vec<ExecutorId>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is compiled into this process, for policies that say `rust: NAME`.
    pub kinds: Kinds,
    /// Whose traces are kept, so that servers are told to keep their part; `None` if nobody wants any.
    pub sampling: Option<Sampling>,
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
    /// An executor that keeps state has ended; it has said why.
    #[error("an executor that keeps state has stopped")]
    Keeper,
    /// The bus refuses.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Runs the executors until `stop`, and hands over; `ready` fires when every model is loaded and warm and the partitions are started.
pub async fn run(
    station: ExecutorsStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ExecutorsError> {
    let (bus, base, clock) = (Arc::clone(&station.bus), station.base.clone(), station.clock.clone());
    let loader = load::by_kind(bus, base, clock, station.sampling, station.kinds.clone());
    run_with(station, loader, stop, ready).await
}

/// Runs executors that `loader` makes: for kinds of one's own.
pub async fn run_with(
    station: ExecutorsStation,
    loader: Loader,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ExecutorsError> {
    station.check_names()?;
    // Those who keep state work by themselves, and end with the others.
    let keepers = tokio::select! {
        keepers = Keepers::start(&station) => keepers?,
        () = stop.cancelled() => return Ok(()),
    };
    let together = stop.child_token();
    let sharing = async {
        let outcome = share_a_fetch(station, loader, together.clone(), ready).await;
        together.cancel();
        outcome
    };
    let keeping = async {
        let outcome = keepers.follow(together.clone()).await;
        together.cancel();
        outcome
    };
    let (outcome, kept) = tokio::join!(sharing, keeping);
    outcome.and(kept)
}

/// Runs all others.
async fn share_a_fetch(
    mut station: ExecutorsStation,
    loader: Loader,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ExecutorsError> {
    let begun = async {
        let producer = station.open_producer().await?;
        let crew = station.load(loader, Arc::clone(&producer)).await?;
        let reader = station.open_reader().await?;
        Ok::<_, ExecutorsError>((producer, crew, reader, station.join().await?))
    };
    let (producer, crew, reader, member) = tokio::select! {
        begun = begun => begun?,
        () = stop.cancelled() => return Ok(()),
    };
    let metrics = Arc::clone(&station.metrics);
    let mut journal = Journal::new(station.definition().name(), Arc::clone(&producer), station.clock.clone());
    let mut fetch = Fetch::new(station, crew, member, reader);
    let tell = || journal.tell(&metrics.uses, false);
    let outcome = match serve(&mut fetch, tell, stop, ready).await {
        Ok(()) => hand_over(&mut fetch).await,
        failed => failed,
    };
    fetch.start_all_hedges();
    // A model that hangs is left behind with its thread.
    let _ = tokio::time::timeout(FINISH, join_all(fetch.crew().close())).await;
    journal.tell(&metrics.uses, true);
    let _ = producer.drain(DRAIN).await;
    if outcome.is_err() {
        fetch.leave()?.await;
    }
    Ok(outcome?)
}

/// Fetches until told to stop, and has told now and then what was counted.
async fn serve(
    fetch: &mut Fetch,
    mut tell: impl FnMut(),
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), BusError> {
    let mut commits = tokio::time::interval(COMMIT_EVERY);
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut idle = std::pin::pin!(tokio::time::sleep(FIRST_PARTITIONS));
    let mut ready = Some(ready);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = commits.tick() => {
                tell();
                fetch.commit()?;
            }
            () = &mut idle, if ready.is_some() => say(&mut ready),
            turn = fetch.turn() => turn?,
        }
        if fetch.has_partitions() {
            say(&mut ready);
        }
    }
}

/// Goes on until somebody else does: in the group until what was read is done and can be committed, so that the successor
/// need not do it again; then outside it, until the successor was heard or nobody asks any more.
async fn hand_over(fetch: &mut Fetch) -> Result<(), BusError> {
    let read = fetch.read();
    if let Ok(failed @ Err(_)) = tokio::time::timeout(SETTLE, until(fetch, |fetch| fetch.is_done(&read))).await {
        return failed;
    }
    let left = fetch.leave()?;
    until(fetch, |fetch| !fetch.has_partitions()).await?;
    left.await;
    Ok(())
}

async fn until(fetch: &mut Fetch, enough: impl Fn(&Fetch) -> bool) -> Result<(), BusError> {
    // Acknowledgements come on other threads and wake nobody.
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while !enough(fetch) {
        tokio::select! {
            biased;
            _ = looks.tick() => {}
            turn = fetch.turn() => turn?,
        }
    }
    Ok(())
}

fn say(ready: &mut Option<oneshot::Sender<()>>) {
    // Whoever started us may not care.
    let _ = ready.take().map(|ready| ready.send(()));
}

// === impl ExecutorsStation ===

impl ExecutorsStation {
    /// Returns the version that is live now.
    pub(crate) fn definition(&self) -> Arc<Definition> {
        Arc::clone(self.versions.borrow().live())
    }

    /// Refuses names of executors that no version has which matters now.
    fn check_names(&self) -> Result<(), ExecutorsError> {
        let Some(only) = &self.only else { return Ok(()) };
        let versions = Arc::clone(&self.versions.borrow());
        let mut all: Vec<&ExecutorId> = Vec::new();
        for spec in versions
            .in_use()
            .flat_map(|definition| &definition.executors)
            .filter(|spec| spec.kind != ExecutorKind::Elsewhere)
        {
            if !all.contains(&&spec.id) {
                all.push(&spec.id);
            }
        }
        if let Some(unknown) = only.iter().find(|id| !all.contains(id)) {
            let known: Vec<&str> = all.into_iter().map(ExecutorId::as_str).collect();
            return Err(ExecutorsError::Unknown { executor: unknown.clone(), known: known.join(", ") });
        }
        if only.is_empty() { Err(ExecutorsError::Nobody) } else { Ok(()) }
    }

    /// Loads every model, all at the same time, each on its own thread.
    ///
    /// Of a policy that was never edited each of them must load: whoever starts it is there to read why one does not.
    /// Once it was edited, a restart finds what there was before: an executor that could not be loaded fails its
    /// requests, and the others work. A model that was not published yet can be, once there is a station.
    async fn load(&mut self, loader: Loader, producer: Arc<dyn Producer>) -> Result<Crew, ExecutorsError> {
        let versions = Arc::clone(&self.versions.borrow_and_update());
        let models = Arc::clone(&self.models.borrow_and_update());
        let is_first = versions.newest() <= 1;
        let (only, metrics, clock) = (self.only.clone(), Arc::clone(&self.metrics), self.clock.clone());
        let mut crew = Crew::new(Office { loader, only, producer, metrics, clock }, versions, models);
        while crew.is_loading() {
            let next = crew.next_loaded().await;
            let failed =
                crew.on_loaded(next).filter(|(_, cause)| is_first && !matches!(cause, LoadError::Unresolved(_)));
            if let Some((executor, cause)) = failed {
                return Err(ExecutorsError::Load { executor, cause });
            }
        }
        Ok(crew)
    }

    async fn open_producer(&self) -> Result<Arc<dyn Producer>, BusError> {
        let topics = Topics::of(self.definition().name());
        let written = [topics.responses.as_str()];
        Outage::of(WHO).insist(&self.clock, || self.bus.producer(&written)).await
    }

    async fn open_reader(&self) -> Result<Box<dyn Consumer>, BusError> {
        Outage::of(WHO).insist(&self.clock, || self.bus.tail()).await
    }

    /// Joins the group.
    async fn join(&self) -> Result<Box<dyn Consumer>, BusError> {
        let topics = Topics::of(self.definition().name());
        let group = topics.executors_group(self.only.as_deref());
        Outage::of(WHO).insist(&self.clock, || self.bus.member(&group, &topics.requests)).await
    }
}
