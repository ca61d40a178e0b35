//! Appends records. They are in the log, and acknowledged, before `send` returns, unless a test says otherwise.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;

use super::{
    Log, Topic,
    faults::Sending,
    partition::{self, Partition},
};
use crate::{Acknowledge, BoxFuture, BusError, Clock, Producer, TopicPartition};

pub(super) struct EmbeddedProducer {
    log: Arc<Log>,
    /// The topics it was opened for: the bus' own map, and its lock, are asked only for others.
    topics: Vec<Arc<Topic>>,
    kept: Arc<super::faults::Kept>,
    /// Learns from append times, if it is to.
    clock: Option<Clock>,
}

// === impl EmbeddedProducer ===

impl EmbeddedProducer {
    pub(super) fn open(log: &Arc<Log>, clock: Option<Clock>, topics: &[&str]) -> Result<Self, BusError> {
        let topics = topics.iter().map(|name| log.topic(name)).collect::<Result<_, _>>()?;
        Ok(Self { log: Arc::clone(log), topics, kept: Arc::default(), clock })
    }

    fn partition(&self, to: &TopicPartition) -> Result<Arc<Partition>, BusError> {
        let known = self.topics.iter().find(|topic| topic.name == to.topic);
        match known.and_then(|topic| topic.partition(to.partition).ok()) {
            Some(partition) => Ok(Arc::clone(partition)),
            None => self.log.partition(to),
        }
    }
}

impl Producer for EmbeddedProducer {
    fn send(&self, to: &TopicPartition, record: wire::Record, acknowledge: Acknowledge) -> Result<(), BusError> {
        let partition = self.partition(to)?;
        if partition::size(&record) > self.log.limits.record_bytes {
            return Err(BusError::TooLarge);
        }
        if self.log.faults.are_armed() {
            let sending = Sending { partition, record, acknowledge, kept: Arc::clone(&self.kept) };
            return self.log.faults.send(sending);
        }
        let sent = self.clock.as_ref().map(|clock| (clock, clock.reading(), self.log.clock.now()));
        let offset = partition.append(record);
        if let Some((clock, sent, appended)) = sent {
            clock.on_appended(sent, appended);
        }
        acknowledge(Ok(offset));
        Ok(())
    }

    fn in_flight(&self) -> usize {
        self.kept.count()
    }

    fn drain(&self, within: Duration) -> BoxFuture<'_, Result<(), BusError>> {
        async move {
            let drained = tokio::time::timeout(within, self.kept.none()).await;
            drained.map_err(|_| {
                let kept = self.in_flight();
                BusError::Unavailable(format!("{kept} records are not acknowledged after {within:?}"))
            })
        }
        .boxed()
    }
}
