//! The loop: records in, transactions out. It decides nothing.
//!
//! One shift lasts from joining the group to the first transaction of which it is not known what came of it. The next
//! one opens the same id, which settles that, and joins anew, which tells where the partitions stand. Dropping the loop
//! at any point is a legal exit: what was not committed is not there.

mod shift;

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Outage};
use futures::TryFutureExt as _;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{RendezvousName, Timestamp, Topics};

use crate::Metrics;
use shift::{End, Shift};

/// What a sealer needs. It shares the partitions with all sealers of the same rendezvous.
pub struct SealerStation {
    /// Where the topics are; `Topics::sealed` has as many partitions as the results.
    pub bus: Arc<dyn Bus>,
    /// What time it is.
    pub clock: Clock,
    /// Whose results are sealed.
    pub rendezvous: RendezvousName,
    /// What is counted.
    pub metrics: Arc<Metrics>,
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

/// Seals until `stop` is cancelled; `ready` fires once it has joined its group. Stopping takes about five seconds at
/// most: what was read is sealed, and what is not is left to the next owner.
pub async fn run(
    station: SealerStation,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), SealerError> {
    // An id of one's own: members of the group are fenced off by the group. The same one for the life of the process,
    // so that opening it again settles what was open.
    let topics = Topics::of(&station.rendezvous);
    let id = format!("{}.{}", topics.group("sealer"), Uuid::new_v4());
    let mut outage = Outage::of("the sealer");
    let mut ready = Some(ready);
    // What was refused at first is refused. Later, a broker that comes back may not know its topics for a moment.
    let mut forgiven_until = Timestamp::EPOCH;
    loop {
        let mut shift = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            shift = begin(&station, &topics, &id, &mut outage, forgiven_until) => shift?,
        };
        if let Some(ready) = ready.take() {
            // Whoever started this station may have stopped waiting.
            let _ = ready.send(());
        }
        match shift.serve(&stop, &mut outage).await? {
            End::Stopped => {
                if timeout(DRAIN_WITHIN, shift.drain()).await.is_err() {
                    tracing::warn!("the bus is slow: what is not sealed is left to the next owner");
                }
                shift.close().await;
                return Ok(());
            }
            End::Anew(why) => {
                tracing::warn!(%why, "the sealer begins anew");
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
    id: &str,
    outage: &mut Outage,
    forgiven_until: Timestamp,
) -> Result<Shift, BusError> {
    let (bus, clock) = (&station.bus, &station.clock);
    let (sealed, group) = ([topics.sealed.as_str()], topics.group("sealer"));
    let forgive = |error| match error {
        BusError::Fatal(why) if clock.now() < forgiven_until => BusError::Unavailable(why),
        error => error,
    };
    // Before the group is joined: what it has committed is settled only then.
    let opening = || bus.transactions(id, &sealed).map_err(forgive);
    let transactions = outage.insist(clock, opening).await?;
    let joining = || bus.member(&group, &topics.results).map_err(forgive);
    let consumer = outage.insist(clock, joining).await?;
    Ok(Shift::new(consumer, transactions, &topics.sealed, clock.clone(), Arc::clone(&station.metrics)))
}
