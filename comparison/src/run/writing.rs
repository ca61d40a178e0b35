//! What is written down of partitions, on its way to the log; and where our last words lie there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::{BusError, Producer, TopicPartition};
use tokio::sync::mpsc;
use wire::{ComparisonRecord, RendezvousName, Topics};

use crate::{Metrics, kept::Kept};

/// Writes down.
pub(super) struct Writing {
    producer: Arc<dyn Producer>,
    rendezvous: RendezvousName,
    topic: TopicPartition,
    metrics: Arc<Metrics>,
    /// Where our last word about each partition lies.
    places: BTreeMap<i32, i64>,
    /// Bounded: of each partition one word is on its way.
    told: (mpsc::UnboundedSender<Written>, mpsc::UnboundedReceiver<Written>),
}

/// What became of a checkpoint of a partition.
pub(super) type Written = (i32, Result<i64, BusError>);

/// What was counted when the station is stopped is written within this, or counted again by the next owner.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

// === impl Writing ===

impl Writing {
    pub(super) fn new(producer: Arc<dyn Producer>, rendezvous: RendezvousName, metrics: Arc<Metrics>) -> Self {
        let topic = TopicPartition::new(&Topics::of(&rendezvous).comparisons, 0);
        Self { producer, rendezvous, topic, metrics, places: BTreeMap::new(), told: mpsc::unbounded_channel() }
    }

    /// Hands over what is kept of `partition`; what becomes of it is told by `next`.
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    pub(super) fn send(&self, partition: i32, kept: &Kept) -> Result<(), BusError> {
        let record = ComparisonRecord { rendezvous: self.rendezvous.clone(), partition, counted: kept.written() };
        self.metrics.bytes.observe(record.counted.len() as f64);
        let told = self.told.0.clone();
        let acknowledge = move |outcome| {
            // Nobody listens any more once the station has stopped.
            let _ = told.send((partition, outcome));
        };
        self.producer.send(&self.topic, record.encode(), Box::new(acknowledge))
    }

    /// Waits for what becomes of what was handed over. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Written> {
        self.told.1.recv().await
    }

    /// Takes note of it.
    pub(super) fn on_written(&mut self, partition: i32, written: &Result<i64, BusError>) {
        match written {
            Ok(place) => {
                self.places.insert(partition, *place);
                self.metrics.checkpoints.inc()
            }
            Err(_) => self.metrics.refused.inc(),
        };
    }

    /// Takes note that the last word about `partition` lies at `place`; returns whether somebody else wrote it after ours.
    pub(super) fn is_contradicted(&mut self, partition: i32, place: i64) -> bool {
        let ours = self.places.entry(partition).or_insert(place);
        std::mem::replace(ours, place.max(*ours)) < place
    }

    /// Lets go of a partition.
    pub(super) fn forget(&mut self, partition: i32) {
        self.places.remove(&partition);
    }

    /// Waits until all of it is in the log, but not for long.
    pub(super) async fn drain(&self) {
        if self.producer.drain(DRAIN_WITHIN).await.is_err() {
            tracing::warn!("the bus is slow: what is not written down is counted again by the next owner");
        }
    }
}
