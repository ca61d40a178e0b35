//! Executors that keep state: for each of them a thread of its own, which reads the requests in the order of the log.
//!
//! They share no fetch with the others: who keeps state skips nothing, however late it is, and hands a partition on with
//! all that is known about its keys. What is decided stands in the crate `keyed`; here it is carried out.

mod batch;
mod keeper;
mod shift;

use std::sync::Arc;

use futures::future::join_all;
use policies::{ExecutorKind, ExecutorSpec, Versions};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    load::LoadError,
    run::{ExecutorsError, ExecutorsStation},
};
use keeper::Keeper;

/// The executors here that keep state.
pub(crate) struct Keepers {
    station: ExecutorsStation,
    versions: watch::Receiver<Arc<Versions>>,
    running: Vec<Running>,
    /// Ends with the first of them that ends by itself.
    ended: CancellationToken,
}

/// One of them at work.
struct Running {
    spec: ExecutorSpec,
    stop: CancellationToken,
    ready: Option<oneshot::Receiver<()>>,
    done: oneshot::Receiver<()>,
}

// === impl Keepers ===

impl Keepers {
    /// Starts those that the versions have; waits until each of them has joined its group.
    pub(crate) async fn start(station: &ExecutorsStation) -> Result<Self, ExecutorsError> {
        let (station, versions) = (station.clone(), station.versions.clone());
        let mut keepers = Self { station, versions, running: Vec::new(), ended: CancellationToken::new() };
        for spec in keepers.wanted() {
            let executor = spec.id.clone();
            keepers.begin(spec).map_err(|cause| ExecutorsError::Load { executor, cause })?;
        }
        for running in &mut keepers.running {
            if let Some(ready) = running.ready.take() {
                // One that ended instead is told of by `follow`.
                let _ = ready.await;
            }
        }
        Ok(keepers)
    }

    /// Follows the versions until `stop`, then lets everybody finish. Ends before that if one of them did.
    pub(crate) async fn follow(mut self, stop: CancellationToken) -> Result<(), ExecutorsError> {
        let ended = self.ended.clone();
        let outcome = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                () = ended.cancelled() => break Err(ExecutorsError::Keeper),
                changed = self.versions.changed() => {
                    if changed.is_err() {
                        // Nobody can publish any more.
                        stop.cancelled().await;
                        break Ok(());
                    }
                    self.settle().await;
                }
            }
        };
        let all = std::mem::take(&mut self.running);
        join_all(all.into_iter().map(Running::stop)).await;
        outcome
    }

    /// Those of the live version, and of the one on trial whom the live one does not have.
    fn wanted(&self) -> Vec<ExecutorSpec> {
        let versions = self.versions.borrow();
        let mut wanted: Vec<ExecutorSpec> = Vec::new();
        for spec in versions.in_use().flat_map(|definition| &definition.executors) {
            let is_ours = self.station.only.as_ref().is_none_or(|only| only.contains(&spec.id));
            if spec.state.is_some() && is_ours && wanted.iter().all(|other| other.id != spec.id) {
                wanted.push(spec.clone());
            }
        }
        wanted
    }

    async fn settle(&mut self) {
        self.versions.mark_unchanged();
        let wanted = self.wanted();
        let is_same = |a: &ExecutorSpec, b: &ExecutorSpec| a.id == b.id && a.kind == b.kind && a.state == b.state;
        let going: Vec<Running> =
            self.running.extract_if(.., |running| !wanted.iter().any(|spec| is_same(spec, &running.spec))).collect();
        // One after the other: a successor in the same process waits for what it knows.
        join_all(going.into_iter().map(Running::stop)).await;
        for spec in wanted {
            if self.running.iter().all(|running| running.spec.id != spec.id) {
                let executor = spec.id.clone();
                if let Err(cause) = self.begin(spec) {
                    tracing::error!(%executor, %cause, "this executor cannot be loaded, and nobody answers for it; mend what is wrong, then apply the policy again");
                    self.station.metrics.load_failed(&executor);
                }
            }
        }
    }

    fn begin(&mut self, spec: ExecutorSpec) -> Result<(), LoadError> {
        let ExecutorKind::Rust(name) = &spec.kind else { return Err(LoadError::Unknown) };
        let keyed = self.station.kinds.keyed(name, &spec)?;
        let keeper = Keeper::new(&self.station, &spec, keyed);
        let (stop, ended) = (CancellationToken::new(), self.ended.clone());
        let (say_ready, ready) = oneshot::channel();
        let (say_done, done) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| LoadError::Thread(error.to_string()))?;
        let (stopped, executor) = (stop.clone(), spec.id.clone());
        let live = move || {
            let outcome = runtime.block_on(keeper.run(stopped, say_ready));
            runtime.shutdown_background();
            if let Err(error) = outcome {
                tracing::error!(%executor, %error, "who keeps state has stopped");
                ended.cancel();
            }
            // The station may have stopped waiting.
            let _ = say_done.send(());
        };
        let spawned = std::thread::Builder::new().name(format!("k-{}", spec.id)).spawn(live);
        spawned.map_err(|error| LoadError::Thread(error.to_string()))?;
        self.running.push(Running { spec, stop, ready: Some(ready), done });
        Ok(())
    }
}

// === impl Running ===

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        // It ends within seconds by itself, or its thread is left behind.
        let _ = tokio::time::timeout(keeper::ENDS_WITHIN, self.done).await;
    }
}
