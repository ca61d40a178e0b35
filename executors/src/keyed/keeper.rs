//! One executor that keeps state, from its first shift to its last.
//!
//! A shift lasts from joining the group to the first transaction of which it is not known what came of it. The next one
//! opens the same id, which settles that, joins anew, and reads again what is known. Dropping it at any point is a legal exit.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Outage, TopicSpec};
use executor::Keyed;
use futures::TryFutureExt as _;
use policies::{ExecutorSpec, StateSpec, Versions};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{ExecutorId, Timestamp, Topics};

use super::shift::{End, Shift};
use crate::{metrics::ExecutorMetrics, run::ExecutorsStation};

/// What is refused is taken for an interruption for so long after something broke.
const FORGIVE: Duration = Duration::from_secs(30);
/// What is in hand when it is stopped is written within this, or by the next owner.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);
/// A keeper that is told to stop has ended by then, unless a step hangs.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What a shift needs.
pub(super) struct Keeper {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Clock,
    pub(super) topics: Topics,
    pub(super) versions: watch::Receiver<Arc<Versions>>,
    pub(super) executor: ExecutorId,
    pub(super) state: StateSpec,
    pub(super) keyed: Arc<dyn Keyed>,
    pub(super) metrics: ExecutorMetrics,
}

// === impl Keeper ===

impl Keeper {
    pub(super) fn new(station: &ExecutorsStation, spec: &ExecutorSpec, keyed: Arc<dyn Keyed>) -> Self {
        Self {
            bus: Arc::clone(&station.bus),
            clock: station.clock.clone(),
            topics: Topics::of(station.definition().name()),
            versions: station.versions.clone(),
            executor: spec.id.clone(),
            state: spec.state.clone().unwrap_or_default(),
            keyed,
            metrics: station.metrics.of(&spec.id),
        }
    }

    /// Serves until `stop`; `ready` fires once it has joined its group.
    pub(super) async fn run(self, stop: CancellationToken, ready: oneshot::Sender<()>) -> Result<(), BusError> {
        // An id of one's own: members of the group are fenced off by the group. The same one for the life of the process,
        // so that opening it again settles what was open.
        let id = format!("{}.{}", self.group(), Uuid::new_v4());
        let mut outage = Outage::of("an executor that keeps state");
        let mut ready = Some(ready);
        let mut forgiven_until = Timestamp::EPOCH;
        loop {
            let mut shift = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                shift = self.begin(&id, &mut outage, forgiven_until) => shift?,
            };
            // Whoever started this may have stopped waiting.
            let _ = ready.take().map(|ready| ready.send(()));
            match shift.serve(&stop, &mut outage).await? {
                End::Stopped => {
                    if timeout(DRAIN_WITHIN, shift.drain()).await.is_err() {
                        tracing::warn!(executor = %self.executor, "the bus is slow: what is not written is left to the next owner");
                    }
                    shift.close().await;
                    return Ok(());
                }
                End::Anew(why) => {
                    tracing::warn!(executor = %self.executor, %why, "who keeps state begins anew");
                    shift.close().await;
                    forgiven_until = self.clock.now().after(FORGIVE);
                }
            }
        }
    }

    /// Returns the topic that what is known is kept in.
    pub(super) fn kept(&self) -> String {
        self.topics.state(&self.executor)
    }

    fn group(&self) -> String {
        self.topics.group(&format!("state.{}", self.executor))
    }

    async fn begin<'run>(
        &'run self,
        id: &str,
        outage: &mut Outage,
        forgiven_until: Timestamp,
    ) -> Result<Shift<'run>, BusError> {
        let forgive = |error| match error {
            BusError::Fatal(why) if self.clock.now() < forgiven_until => BusError::Unavailable(why),
            error => error,
        };
        let clock = &self.clock;
        outage.insist(clock, || self.create_topics().map_err(forgive)).await?;
        let (kept, responses) = (self.kept(), self.topics.responses.as_str());
        let mut written = vec![kept.as_str()];
        written.extend(self.state.commands.as_deref());
        // Before the group is joined: what it has committed is settled only then.
        let transactions = outage.insist(clock, || self.bus.transactions(id, &written).map_err(forgive)).await?;
        let producer =
            outage.insist(clock, || self.bus.producer(std::slice::from_ref(&responses)).map_err(forgive)).await?;
        let restorer = outage.insist(clock, || self.bus.hasty_tail().map_err(forgive)).await?;
        let mut shift = Shift::new(self, transactions, producer, restorer);
        if let Some(settings) = &self.state.settings {
            let tail = outage.insist(clock, || self.bus.tail().map_err(forgive)).await?;
            let count = outage.insist(clock, || self.bus.partitions(settings).map_err(forgive)).await?;
            shift.hear_settings(tail, settings, count)?;
        }
        if let Some(commands) = &self.state.commands {
            let count = outage.insist(clock, || self.bus.partitions(commands).map_err(forgive)).await?;
            shift.command_through(commands, count);
        }
        let group = self.group();
        let member = outage.insist(clock, || self.bus.member(&group, &self.topics.requests).map_err(forgive)).await?;
        shift.join(member);
        Ok(shift)
    }

    /// Creates what is not there. Settings and commands are others' topics too, and may have as many partitions as they like.
    async fn create_topics(&self) -> Result<(), BusError> {
        let partitions = self.bus.partitions(&self.topics.requests).await?;
        let mut specs = vec![TopicSpec { name: self.kept(), partitions, retention: None, compacted: true }];
        let others = [(&self.state.settings, 1, true), (&self.state.commands, partitions, false)];
        for (name, partitions, compacted) in others {
            if let Some(name) = name.as_deref().map(str::to_owned)
                && self.bus.partitions(&name).await.is_err()
            {
                specs.push(TopicSpec { name, partitions, retention: None, compacted });
            }
        }
        self.bus.create_topics(&specs).await
    }
}
