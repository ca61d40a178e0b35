//! The loop: events in, outputs out, asleep until the next deadline. It decides nothing.

mod announcer;
mod desk;
mod hands;
mod inbox;
mod recall;
mod referee;

use std::sync::Arc;

use bus::{Bus, BusError, Clock};
use policies::{Definition, Versions};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use traces::{Kept, Sampling, Told};
use wire::TraceId;

use crate::{metrics::Metrics, traced::Traced};
use desk::Desk;

/// A collector, ready to be run. It shares the partitions with all collectors of the same rendezvous.
#[derive(Clone)]
pub struct CollectorStation {
    /// Where the topics are.
    pub bus: Arc<dyn Bus>,
    /// What time it is.
    pub clock: Clock,
    /// What is asked and how is decided: the live version, one on trial, and those that requests are pinned to.
    pub versions: watch::Receiver<Arc<Versions>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whose traces are kept, and where they go; `None` if nobody wants any.
    pub traces: Option<Traces>,
}

/// Where traces go.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Whose are kept.
    pub sampling: Sampling,
    /// Takes them, and never makes anybody wait: what finds no room is dropped.
    pub told: mpsc::Sender<Told>,
    /// Counts the spans of what was dropped.
    pub dropped: Counter,
    /// Counts the requests that found no room to be watched.
    pub unwatched: Counter,
}

/// Why a collector gave up.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The bus cannot be used at all.
    #[error("the collector cannot use the bus")]
    Bus(#[from] BusError),
    /// A topic has another number of partitions than it had, or than the other topics have.
    #[error(
        "topic {topic} has {is} partitions, and the collector began with {was}: ids are placed by that number, so what is \
         open could be decided twice or never. Stop the starters and let what is open be answered; then give requests, \
         responses and results equally many partitions, and start every station again"
    )]
    Partitions {
        /// Which.
        topic: String,
        /// How many the requests had when the collector began.
        was: i32,
        /// How many it has.
        is: i32,
    },
}

// === impl Traces ===

impl Traces {
    /// Hands over what a process kept for traces; what finds no room is counted.
    fn hand_over(&self, kept: &mut Traced) {
        while let Some(told) = kept.poll_told() {
            say(&told);
            if let Err(refused) = self.told.try_send(told) {
                self.dropped.inc_by(refused.into_inner().size() as u64);
            }
        }
        self.unwatched.inc_by(kept.take_unwatched());
    }
}

/// Says what was missed, for whoever looks for it.
fn say(told: &Told) {
    if let Told::Whole(whole) = told
        && let Kept::Missed(miss) = whole.kept
    {
        let (request, trace_id) = (whole.request.0.id, TraceId::of(&whole.request.0));
        tracing::debug!(%request, %trace_id, miss = miss.as_str(), "a request missed what was promised");
    }
}

// === impl CollectorStation ===

impl CollectorStation {
    /// Returns the version that is live now.
    pub(crate) fn definition(&self) -> Arc<Definition> {
        Arc::clone(self.versions.borrow().live())
    }

    /// Returns the versions as they are now.
    pub(crate) fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.borrow())
    }
}

/// Serves until `stop` is cancelled; `ready` fires once every partition given to it is served. Stopped, it leaves the
/// group at once and serves on until others have taken its partitions over, for some seconds at most; whoever has none
/// to wait for decides what can be decided, confirms what was written, and leaves the rest to the next owner.
pub async fn run(
    station: CollectorStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), CollectorError> {
    let mut desk = tokio::select! {
        desk = Desk::open(station, ready) => desk?,
        () = stop.cancelled() => return Ok(()),
    };
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => break,
            event = desk.next() => event,
        };
        desk.act(event).await?;
    }
    desk.stop();
    while !desk.is_done() {
        let event = desk.next().await;
        desk.act(event).await?;
    }
    desk.close().await;
    Ok(())
}
