//! Keeps the decoy as the live version wants it: an edit of its part restarts it, and nobody else.
//!
//! The one before writes what it has in hand and commits before the next one reads on, so nothing is lost and nothing
//! archived twice. An archive that moved goes on where the other folder ended; one that was taken out and put back goes
//! on where it ended itself, as far as the log still holds that.

use std::{future::pending, path::PathBuf, pin::pin, sync::Arc};

use bus::{Bus, Clock};
use decoy::{DecoyError, DecoyStation};
use policies::{DecoySpec, Versions};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// The decoy's place in a rendezvous, whether there is one now or not.
pub(super) struct Archiving {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Clock,
    pub(super) versions: watch::Receiver<Arc<Versions>>,
    pub(super) base: PathBuf,
    pub(super) metrics: Arc<decoy::Metrics>,
}

// === impl Archiving ===

impl Archiving {
    /// Runs decoys one after the other until `stop`; `ready` fires when the first one is, or when there is none.
    pub(super) async fn run(self, stop: CancellationToken, ready: oneshot::Sender<()>) -> Result<(), DecoyError> {
        let mut versions = self.versions.clone();
        let mut ready = Some(ready);
        loop {
            let now = Arc::clone(&versions.borrow_and_update());
            let spec = now.live().decoy.clone();
            let until = stop.child_token();
            let mut running = pin!(self.run_one(&now, until.clone(), &mut ready));
            let edited = tokio::select! {
                ended = &mut running => return ended,
                edited = other_decoy(&mut versions, spec.as_ref()) => edited,
            };
            tracing::info!(version = edited, "the decoy changes");
            until.cancel();
            running.await?;
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    async fn run_one(
        &self,
        versions: &Versions,
        until: CancellationToken,
        ready: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), DecoyError> {
        // Only the first start is waited for by anybody.
        let ready = ready.take().unwrap_or_else(|| oneshot::channel().0);
        if versions.live().decoy.is_none() {
            let _ = ready.send(());
            until.cancelled().await;
            return Ok(());
        }
        let station = DecoyStation {
            bus: Arc::clone(&self.bus),
            clock: self.clock.clone(),
            definition: Arc::clone(versions.live()),
            base: self.base.clone(),
            has_moved: has_moved(versions),
            metrics: Arc::clone(&self.metrics),
        };
        decoy::run(station, until, ready).await
    }
}

/// Waits until the live version's decoy is another than `spec`; returns that version.
async fn other_decoy(versions: &mut watch::Receiver<Arc<Versions>>, spec: Option<&DecoySpec>) -> u64 {
    match versions.wait_for(|versions| versions.live().decoy.as_ref() != spec).await {
        Ok(versions) => versions.live().policy_ref.version,
        Err(_) => pending().await,
    }
}

/// Returns whether an earlier version archived into another folder than the live one does. Told by the versions alone,
/// so that a decoy that is killed on the way knows it too.
fn has_moved(versions: &Versions) -> bool {
    let live = versions.live();
    let here = live.decoy.as_ref().map(|decoy| &decoy.archive);
    let earlier = (1..live.policy_ref.version).filter_map(|version| versions.get(version));
    earlier
        .filter_map(|definition| definition.decoy.as_ref().map(|decoy| decoy.archive.clone()))
        .any(|archive| Some(&archive) != here)
}
