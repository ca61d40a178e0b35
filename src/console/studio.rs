//! The thread in which pages are drawn.

use std::{future::Future, thread};

use anyhow::Context as _;
use bus::BusError;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

use crate::door::Problem;

/// One thread, whatever is drawn; it ends when the process stops.
pub(crate) struct Studio(Handle);

// === impl Studio ===

impl Studio {
    /// Opens it until `stop`.
    pub(crate) fn open(stop: CancellationToken) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().context("no runtime for the console")?;
        let handle = runtime.handle().clone();
        let run = move || runtime.block_on(stop.cancelled());
        thread::Builder::new().name("console".to_owned()).spawn(run).context("no thread for the console")?;
        Ok(Self(handle))
    }

    /// Runs `work` there.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let ended = self.0.spawn(work).await;
        ended.map_err(|error| Problem::Unreadable(BusError::Unavailable(format!("the console stops: {error}"))))
    }
}
