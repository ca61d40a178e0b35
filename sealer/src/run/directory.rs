//! How many partitions the topics have that callers name; asked when one is named, and again after a while.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Bus, BusError, TopicPartition};
use wire::{ReplyTo, ReplyTopics, RequestId, Timestamp};

use crate::{metrics::Reason, reply};

/// Finds the partition for each reply.
pub(super) struct Directory {
    bus: Arc<dyn Bus>,
    allowed: ReplyTopics,
    known: HashMap<Arc<str>, Known>,
}

/// What was found when a topic was looked at.
struct Known {
    /// `None` if there is no such topic, or none that may be seen.
    partitions: Option<i32>,
    until: Timestamp,
}

/// Topics may be given more partitions.
const STANDS: Duration = Duration::from_mins(1);
/// And may be made; until then whoever names one that is not there costs no question for each request.
const ABSENT_STANDS: Duration = Duration::from_secs(1);
/// Callers may name as many as they like.
const KNOWN_MAX: usize = 1_000;

// === impl Directory ===

impl Directory {
    pub(super) fn new(bus: Arc<dyn Bus>, allowed: ReplyTopics) -> Self {
        Self { bus, allowed, known: HashMap::new() }
    }

    /// Returns where the reply about `request` goes, or why it goes nowhere. An error only if the bus is away.
    pub(super) async fn place(
        &mut self,
        reply: &ReplyTo,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Result<TopicPartition, Reason>, BusError> {
        let topic = &reply.address.topic;
        if !self.allowed.allow(topic) {
            return Ok(Err(Reason::NotAllowed));
        }
        let Some(count) = self.partitions(topic, now).await? else { return Ok(Err(Reason::NoTopic)) };
        let partition = reply::partition(reply, request, count).ok_or(Reason::NoPartition);
        Ok(partition.map(|partition| TopicPartition { topic: Arc::clone(topic), partition }))
    }

    async fn partitions(&mut self, topic: &Arc<str>, now: Timestamp) -> Result<Option<i32>, BusError> {
        if let Some(known) = self.known.get(topic).filter(|known| now < known.until) {
            return Ok(known.partitions);
        }
        let partitions = match self.bus.partitions(topic).await {
            Ok(count) => Some(count),
            Err(BusError::Fatal(why)) => {
                tracing::warn!(%topic, why, "results that callers want there are not sent");
                None
            }
            Err(error) => return Err(error),
        };
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let until = now.after(if partitions.is_some() { STANDS } else { ABSENT_STANDS });
        self.known.insert(Arc::clone(topic), Known { partitions, until });
        Ok(partitions)
    }
}
