//! The loop: records in, checkpoints out. It decides nothing.
//!
//! Where no canary is, it waits for one and is in no group, reads nothing and asks nothing. Dropping the loop at any
//! point is a legal exit: what was not written down is counted again from where it was.

mod hands;
mod judging;
mod shift;
mod writing;

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Outage};
use canary::{Limits, Matchup};
use policies::{History, Versions};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Metrics,
    referee::{Found, Referee},
};
pub use hands::{begin_at, topics_of};
use shift::{End, Shift};

/// What a comparison needs. It shares the partitions with all comparisons of the same rendezvous.
pub struct ComparisonStation {
    /// Where the topics are.
    pub bus: Arc<dyn Bus>,
    /// What time it is.
    pub clock: Clock,
    /// Whose canaries are compared, and by what.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// What became of the policy; without it nothing is done about canaries by itself.
    pub history: Option<watch::Receiver<History>>,
    /// How much is held of each partition.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Why a comparison gave up.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// The bus cannot be used at all.
    #[error("the comparison cannot use the bus")]
    Bus(#[from] BusError),
}

/// So far back a partition begins of which nothing was ever written down. More of the log can be compared by a replay.
pub const LOOK_BACK: Duration = Duration::from_mins(15);

/// Compares until `stop` is cancelled; `ready` fires once it has joined its group, or has nothing to compare. What was
/// counted is written down within two seconds of being told to stop, or counted again by whoever goes on.
pub async fn run(
    station: ComparisonStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), ComparisonError> {
    let found = watch::Sender::default();
    let Some(history) = station.history.clone() else { return compare(station, stop, ready, found).await };
    let (bus, clock) = (Arc::clone(&station.bus), station.clock.clone());
    let referee = Referee { bus, clock, history, found: found.subscribe(), asked: None };
    tokio::select! {
        compared = compare(station, stop, ready, found) => compared,
        never = referee.run() => match never {},
    }
}

async fn compare(
    mut station: ComparisonStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
    found: watch::Sender<Option<Found>>,
) -> Result<(), ComparisonError> {
    let mut outage = Outage::of("the comparison");
    let mut ready = Some(ready);
    loop {
        if matchups(&station.versions).is_empty() {
            // Whoever started this station may have stopped waiting.
            ready.take().map(|ready| ready.send(()));
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = station.versions.changed() => if changed.is_err() {
                    stop.cancelled().await;
                    return Ok(());
                }
            }
            continue;
        }
        let mut shift = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            shift = Shift::begin(&station, found.clone(), &mut outage) => shift?,
        };
        ready.take().map(|ready| ready.send(()));
        let end = shift.serve(&stop, &mut outage).await?;
        shift.close().await;
        match end {
            End::Stopped => return Ok(()),
            End::NothingToCompare => {}
        }
    }
}

/// Returns what is to be compared now.
fn matchups(versions: &watch::Receiver<Arc<Versions>>) -> Vec<Matchup> {
    Matchup::of(versions.borrow().live())
}
