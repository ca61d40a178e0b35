//! A station in a thread of its own, or among others: it starts, says that it is ready, and stops when told.

use std::{fmt, future::Future, thread, time::Duration};

use anyhow::Context as _;
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A station that was started.
pub struct Station {
    name: String,
    ready: Option<oneshot::Receiver<()>>,
    /// Taken once how it ended has been told.
    ended: Option<oneshot::Receiver<anyhow::Result<()>>>,
}

/// Where stations live: each in a thread of its own, or all in one. There each of them must do little at a time and wait
/// for nothing but what comes next; what one hands to another then wakes no thread.
pub struct Place {
    shared: Option<(Handle, TaskTracker)>,
}

/// What a station tells of itself.
struct Told {
    name: String,
    ready: oneshot::Sender<()>,
    ended: oneshot::Sender<anyhow::Result<()>>,
    stop: CancellationToken,
}

/// How long a station may take to finish what is in hand, before its thread is left behind.
const GRACE: Duration = Duration::from_secs(8);

// === impl Station ===

impl Station {
    /// Starts a station in a thread with a runtime of its own: whatever it does there, it holds no other one up. When it
    /// ends by itself, for whatever reason, `stop` is cancelled for all: half a rendezvous serves nobody.
    pub fn start<F, E>(
        name: &str,
        stop: &CancellationToken,
        run: impl FnOnce(CancellationToken, oneshot::Sender<()>) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = Result<(), E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (station, told) = Self::named(name, stop);
        thread(name, move |runtime| runtime.block_on(told.of(run)))?;
        Ok(station)
    }

    fn named(name: &str, stop: &CancellationToken) -> (Self, Told) {
        let (ready_sender, ready) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let told = Told { name: name.to_owned(), ready: ready_sender, ended: ended_sender, stop: stop.clone() };
        (Self { name: name.to_owned(), ready: Some(ready), ended: Some(ended) }, told)
    }

    /// Waits until the station serves: `true`. It may have been stopped before, `false`, or have ended with an error.
    pub async fn ready(&mut self) -> anyhow::Result<bool> {
        let Some(ready) = self.ready.take() else { return Ok(true) };
        if ready.await.is_ok() {
            return Ok(true);
        }
        self.end().await?;
        Ok(false)
    }

    /// Waits until the station has ended, after `stop` was cancelled. How it ended is told once.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        self.end().await
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        let Some(ended) = self.ended.take() else { return Ok(()) };
        match tokio::time::timeout(GRACE, ended).await {
            Ok(Ok(outcome)) => outcome,
            // The sender is gone without a word: the thread panicked, and the panic is already on stderr.
            Ok(Err(_)) => anyhow::bail!("{} panicked", self.name),
            Err(_) => anyhow::bail!("{} did not stop within {GRACE:?}", self.name),
        }
    }
}

// === impl Place ===

impl Place {
    /// Returns where each station has a thread of its own.
    #[must_use]
    pub fn apart() -> Self {
        Self { shared: None }
    }

    /// Opens a thread called `name` for all of them; it ends with the last of them, once this is dropped.
    pub fn together(name: &str) -> anyhow::Result<Self> {
        let stations = TaskTracker::new();
        let ended = stations.clone();
        let runtime = thread(name, move |runtime| runtime.block_on(ended.wait()))?;
        Ok(Self { shared: Some((runtime, stations)) })
    }

    /// Starts a station here, as `Station::start` does.
    pub fn start<F, E>(
        &self,
        name: &str,
        stop: &CancellationToken,
        run: impl FnOnce(CancellationToken, oneshot::Sender<()>) -> F + Send + 'static,
    ) -> anyhow::Result<Station>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let Some((runtime, stations)) = &self.shared else { return Station::start(name, stop, run) };
        let (station, told) = Station::named(name, stop);
        stations.spawn_on(told.of(run), runtime);
        Ok(station)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((_, stations)) = &self.shared {
            stations.close();
        }
    }
}

// === impl Told ===

impl Told {
    /// Runs a station to its end and tells how it ended.
    async fn of<F, E>(self, run: impl FnOnce(CancellationToken, oneshot::Sender<()>) -> F)
    where
        F: Future<Output = Result<(), E>>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let Self { name, ready, ended, stop } = self;
        let outcome = run(stop.clone(), ready).await.with_context(|| format!("{name} stopped"));
        stop.cancel();
        // Nobody listens any more if the application has given up waiting.
        let _ = ended.send(outcome);
    }
}

/// Starts a thread with a runtime for what waits for records and for instants, and for nothing else: whoever wakes it
/// needs no call to the kernel while it is awake.
fn thread(name: &str, live: impl FnOnce(&Runtime) + Send + 'static) -> anyhow::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.with_context(|| format!("no runtime for {name}"))?;
    let handle = runtime.handle().clone();
    // A thread's name holds 15 bytes on Linux; the station's own word comes last in ours, so keep the end.
    let short = name.rsplit('/').next().unwrap_or(name).to_owned();
    let spawned = thread::Builder::new().name(short).spawn(move || {
        live(&runtime);
        // Without waiting for what a library may have left running.
        runtime.shutdown_background();
    });
    spawned.with_context(|| format!("no thread for {name}"))?;
    Ok(handle)
}

impl fmt::Debug for Station {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Station({})", self.name)
    }
}
