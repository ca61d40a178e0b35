//! What an edit of the policy asks of the desk, and what the desk asks of the policy's versions.

use std::sync::Arc;

use policies::Versions;
use tokio::sync::watch;
use wire::Timestamp;

use super::Desk;
use crate::{
    run::{hands::write, inbox::Item, recall::Followed},
    surroundings::Surroundings,
};

// === impl Desk ===

impl Desk {
    /// Takes note of an edit, before any request that may be pinned to it is heard.
    pub(super) fn read_versions(&mut self) {
        let versions = self.station.versions();
        if Arc::ptr_eq(&versions, &self.surroundings.versions) {
            return;
        }
        self.surroundings.on_versions(versions);
        self.station.metrics.breakers.forget();
        let now = self.now();
        for seat in self.seats.values_mut() {
            seat.partition.on_versions(now, &mut self.surroundings);
        }
        self.recall();
    }

    /// Begins to remember what is answered last about each key, once a version needs it.
    pub(super) fn recall(&mut self) {
        let Self { station, names, count, surroundings, .. } = self;
        self.recall.on_versions(&surroundings.versions, || Followed {
            bus: Arc::clone(&station.bus),
            clock: station.clock.clone(),
            names: names.clone(),
            count: *count,
            memory: surroundings.memory.clone(),
        });
    }

    /// Asks for the withdrawal of a version that does worse, if it is on us to ask.
    pub(super) fn judge(&mut self, now: Timestamp) {
        if self.seats.get(&0).is_some_and(|seat| seat.partition.is_running())
            && let Some(change) = self.referee.judge(&self.surroundings.versions, now)
        {
            write(&self.producer, &self.inbox, &self.names.control(), change.encode(), Item::Control);
        }
    }

    /// Announces how long executors take, if somebody's start follows that and it is on us to say so.
    pub(super) fn announce(&mut self, now: Timestamp) {
        let Surroundings { versions, speeds, .. } = &self.surroundings;
        if self.seats.get(&0).is_some_and(|seat| seat.partition.is_running() && !seat.is_leaving())
            && let Some(speeds) = self.announcer.announce(versions, speeds.latencies(), now)
        {
            write(&self.producer, &self.inbox, &self.names.control(), speeds.encode(), Item::Control);
        }
    }
}

/// Waits for an edit. Cancel-safe. Whoever edited may be gone; then nothing is edited any more.
pub(super) async fn edited(versions: &mut watch::Receiver<Arc<Versions>>) {
    if versions.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
