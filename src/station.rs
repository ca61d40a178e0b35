//! A station in a thread of its own: it starts, says that it is ready, and stops when told.

use std::{fmt, future::Future, thread, time::Duration};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A station that was started.
pub struct Station {
    name: String,
    ready: Option<oneshot::Receiver<()>>,
    /// Taken once how it ended has been told.
    ended: Option<oneshot::Receiver<anyhow::Result<()>>>,
}

/// How long a station may take to finish what is in hand, before its thread is left behind.
const GRACE: Duration = Duration::from_secs(8);

// === impl Station ===

impl Station {
    /// Starts a station in a thread with a runtime of its own, so that no station can hold another one up. When it
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
        let (ready_sender, ready) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let (stop, owned) = (stop.clone(), name.to_owned());
        // A thread's name holds 15 bytes on Linux; the station's own word comes last in ours, so keep the end.
        let short = name.rsplit('/').next().unwrap_or(name).to_owned();
        thread::Builder::new()
            .name(short)
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let outcome = runtime.context("no runtime for the station").and_then(|runtime| {
                    let outcome = runtime.block_on(run(stop.clone(), ready_sender));
                    runtime.shutdown_background();
                    outcome.with_context(|| format!("{owned} stopped"))
                });
                stop.cancel();
                // Nobody listens any more if the application has given up waiting.
                let _ = ended_sender.send(outcome);
            })
            .context("no thread for the station")?;
        Ok(Self { name: name.to_owned(), ready: Some(ready), ended: Some(ended) })
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

impl fmt::Debug for Station {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Station({})", self.name)
    }
}
