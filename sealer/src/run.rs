//! The loop: records in, transactions out. It decides nothing.
//!
//! One shift lasts from joining the group to the first transaction of which it is not known what came of it. The next
//! one opens the same id, which settles that, and joins anew, which tells where the partitions stand. Dropping the loop
//! at any point is a legal exit: what was not committed is not there.

mod directory;
mod shift;

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Outage};
use futures::TryFutureExt as _;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{RendezvousName, ReplyTopics, Timestamp, Topics};

use crate::Metrics;
use directory::Directory;
use shift::{End, Shift, Way};

/// What a sealer needs. It shares the partitions with all sealers of the same rendezvous.
pub struct SealerStation {
    /// Where the topics are; `Topics::sealed`, if that is where to, has as many partitions as the results.
    pub bus: Arc<dyn Bus>,
    /// What time it is.
    pub clock: Clock,
    /// Whose results are copied.
    pub rendezvous: RendezvousName,
    /// Where to.
    pub to: Destination,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What is copied, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Every result, into `Topics::sealed`.
    Sealed,
    /// Results whose callers named a topic, into those of them that are allowed.
    Replies(ReplyTopics),
}

/// Why a sealer gave up.
#[derive(Debug, thiserror::Error)]
pub enum SealerError {
    /// The bus cannot be used at all.
    #[error("the sealer cannot use the bus")]
    Bus(#[from] BusError),
}

/// What is refused is taken for an interruption for so long after something broke.
const FORGIVE: Duration = Duration::from_secs(30);
/// What is in hand when the station is stopped is sealed within this, or by the next owner.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// Copies until `stop` is cancelled; `ready` fires once it has joined its group. Stopping takes about five seconds at
/// most: what was read is copied, and what is not is left to the next owner.
pub async fn run(
    station: SealerStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), SealerError> {
    // An id of one's own: members of the group are fenced off by the group. The same one for the life of the process,
    // so that opening it again settles what was open.
    let topics = Topics::of(&station.rendezvous);
    let group = topics.group(station.to.station());
    let id = format!("{group}.{}", Uuid::new_v4());
    let mut outage = Outage::of(match station.to {
        Destination::Sealed => "the sealer",
        Destination::Replies(_) => "the replier",
    });
    let mut ready = Some(ready);
    // What was refused at first is refused. Later, a broker that comes back may not know its topics for a moment.
    let mut forgiven_until = Timestamp::EPOCH;
    loop {
        let mut shift = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            shift = begin(&station, &topics, (&group, &id), &mut outage, forgiven_until) => shift?,
        };
        if let Some(ready) = ready.take() {
            // Whoever started this station may have stopped waiting.
            let _ = ready.send(());
        }
        match shift.serve(&stop, &mut outage).await? {
            End::Stopped => {
                if timeout(DRAIN_WITHIN, shift.drain()).await.is_err() {
                    tracing::warn!("the bus is slow: what is not copied is left to the next owner");
                }
                shift.close().await;
                return Ok(());
            }
            End::Anew(why) => {
                tracing::warn!(%why, "the {} begins anew", station.to.station());
                station.metrics.restarts.inc();
                shift.close().await;
                forgiven_until = station.clock.now().after(FORGIVE);
            }
        }
    }
}

async fn begin(
    station: &SealerStation,
    topics: &Topics,
    (group, id): (&str, &str),
    outage: &mut Outage,
    forgiven_until: Timestamp,
) -> Result<Shift, BusError> {
    let (bus, clock) = (&station.bus, &station.clock);
    let written: &[&str] = match station.to {
        Destination::Sealed => &[topics.sealed.as_str()],
        Destination::Replies(_) => &[],
    };
    let forgive = |error| match error {
        BusError::Fatal(why) if clock.now() < forgiven_until => BusError::Unavailable(why),
        error => error,
    };
    // Before the group is joined: what it has committed is settled only then.
    let opening = || bus.transactions(id, written).map_err(forgive);
    let transactions = outage.insist(clock, opening).await?;
    let joining = || bus.member(group, &topics.results).map_err(forgive);
    let consumer = outage.insist(clock, joining).await?;
    let way = match &station.to {
        Destination::Sealed => Way::Sealed(topics.sealed.as_str().into()),
        Destination::Replies(allowed) => Way::Replies(Directory::new(Arc::clone(bus), allowed.clone())),
    };
    Ok(Shift::new(consumer, transactions, way, clock.clone(), Arc::clone(&station.metrics)))
}

// === impl Destination ===

impl Destination {
    /// Returns the name of the station that copies there.
    #[must_use]
    pub fn station(&self) -> &'static str {
        match self {
            Self::Sealed => "sealer",
            Self::Replies(_) => "replier",
        }
    }
}
