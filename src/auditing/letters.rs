//! The dead letters: how many of which topic, and which requests are among them.

use std::collections::{HashMap, HashSet};

use ::audit::DeadLetters;
use bus::{Bus, BusError, Stretch, TopicPartition};
use wire::{DeadLetter, Timestamp, Topics};

/// What was read of the dead letters.
pub(super) struct Letters {
    requests: String,
    /// From where each partition is read on.
    next: Vec<(TopicPartition, i64)>,
    told: DeadLetters,
    refused: HashMap<i32, HashSet<i64>>,
    held: usize,
}

/// So many refused requests are remembered.
const REFUSED_MAX: usize = 1_000_000;

// === impl Letters ===

impl Letters {
    pub(super) async fn open(bus: &dyn Bus, topics: &Topics, since: Option<Timestamp>) -> Result<Self, BusError> {
        let mut next = Vec::new();
        for partition in 0..bus.partitions(&topics.dead_letters).await? {
            let partition = TopicPartition::new(&topics.dead_letters, partition);
            let start = bus.span(&partition).await?.start;
            let from = match since {
                Some(since) => bus.locate(&partition, since).await?.max(start),
                None => start,
            };
            next.push((partition, from));
        }
        let (told, refused) = Default::default();
        Ok(Self { requests: topics.requests.clone(), next, told, refused, held: 0 })
    }

    /// Reads what was written since.
    pub(super) async fn catch_up(&mut self, bus: &dyn Bus) -> Result<(), BusError> {
        let mut stretch = Stretch::default();
        for (partition, next) in &mut self.next {
            let held = bus.span(partition).await?;
            stretch.add_offsets(partition.clone(), (*next).max(held.start)..held.end);
            *next = held.end.max(*next);
        }
        let mut origins = Vec::new();
        let see = |received: bus::Received| {
            origins.push(DeadLetter::describe(&received.record).map(|(origin, _)| origin));
        };
        stretch.read(bus, see, |_| ()).await?;
        for origin in origins {
            self.take(origin.as_deref());
        }
        Ok(())
    }

    /// Returns the offsets of the requests of `partition` that are among them.
    pub(super) fn refused(&mut self, partition: i32) -> HashSet<i64> {
        let refused = self.refused.remove(&partition).unwrap_or_default();
        self.held -= refused.len();
        refused
    }

    pub(super) fn told(self) -> DeadLetters {
        self.told
    }

    fn take(&mut self, origin: Option<&str>) {
        let place = origin.and_then(|origin| {
            let mut parts = origin.rsplitn(3, '/');
            let (offset, partition, topic) = (parts.next()?, parts.next()?, parts.next()?);
            Some((topic, partition.parse().ok()?, offset.parse().ok()?))
        });
        self.told.count += 1;
        let topic = place.map_or("unknown", |(topic, _, _)| topic);
        *self.told.by_origin.entry(topic.to_owned()).or_default() += 1;
        if let Some((topic, partition, offset)) = place
            && topic == self.requests
            && self.held < REFUSED_MAX
        {
            self.held += usize::from(self.refused.entry(partition).or_default().insert(offset));
        }
    }
}
