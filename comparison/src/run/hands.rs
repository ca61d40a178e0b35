//! What takes time beside the loop: looking where partitions stand, and where topics end.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use bus::{Bus, BusError, Clock, TopicPartition};
use canary::{Positions, Topic};
use wire::{LEAD, RendezvousName, Timestamp, Topics};

use super::LOOK_BACK;
use crate::{
    compared::{Compared, read},
    kept::Kept,
    partition::Start,
};

/// From where each of some partitions is compared.
pub(super) type Starts = BTreeMap<i32, Start>;
/// Where each of `Topic::ALL` ended of partitions, and when that was asked.
pub(super) type Ends = (Vec<(i32, [Range<i64>; 3])>, Timestamp);

/// Finds from where `partitions` are to be compared: on from the last word about each, or a little back.
pub(super) async fn find_starts(
    bus: Arc<dyn Bus>,
    clock: Clock,
    rendezvous: RendezvousName,
    partitions: Vec<i32>,
) -> Result<Starts, BusError> {
    let topics = Topics::of(&rendezvous);
    let compared: Compared = read(&*bus, &rendezvous).await?;
    let since = clock.now().before(LOOK_BACK);
    let mut starts = Starts::new();
    for partition in partitions {
        let start = match compared.partition(partition) {
            Some(kept) => Start::Kept(kept.clone()),
            None => begin_at(&*bus, &topics, partition, since).await?.0,
        };
        starts.insert(partition, start);
    }
    Ok(starts)
}

/// Asks where the topics of `partitions` end.
pub(super) async fn find_ends(
    bus: Arc<dyn Bus>,
    clock: Clock,
    topics: Topics,
    partitions: Vec<i32>,
) -> Result<Ends, BusError> {
    let (asked, mut ends) = (clock.now(), Vec::new());
    for partition in partitions {
        let [requests, responses, results] = topics_of(&topics, partition);
        let spans = (bus.span(&requests).await?, bus.span(&responses).await?, bus.span(&results).await?);
        ends.push((partition, spans.into()));
    }
    Ok((ends, asked))
}

/// Returns each of `Topic::ALL` of a partition.
#[must_use]
pub fn topics_of(topics: &Topics, partition: i32) -> [TopicPartition; 3] {
    Topic::ALL.map(|topic| topic_of(topics, topic, partition))
}

/// Returns `topic` of a partition.
pub(super) fn topic_of(topics: &Topics, topic: Topic, partition: i32) -> TopicPartition {
    TopicPartition::new(name_of(topics, topic), partition)
}

/// Returns what `topic` is called.
pub(super) fn name_of(topics: &Topics, topic: Topic) -> &str {
    match topic {
        Topic::Requests => &topics.requests,
        Topic::Responses => &topics.responses,
        Topic::Results => &topics.results,
    }
}

/// Returns how a partition is compared from `since` on, and from where each of its topics is read for that.
pub async fn begin_at(
    bus: &dyn Bus,
    topics: &Topics,
    partition: i32,
    since: Timestamp,
) -> Result<(Start, [i64; 3]), BusError> {
    let [requests, responses, results] = topics_of(topics, partition);
    let positions = Positions {
        requests: first(bus, &requests, since).await?,
        responses: first(bus, &responses, since).await?,
        results: first(bus, &results, since).await?,
    };
    let fences_from = first(bus, &results, since.before(LEAD)).await?;
    let start = Start::At(Kept::nothing_before(positions), fences_from);
    Ok((start, [positions.requests, positions.responses, fences_from]))
}

async fn first(bus: &dyn Bus, partition: &TopicPartition, since: Timestamp) -> Result<i64, BusError> {
    let held = bus.span(partition).await?;
    Ok(bus.locate(partition, since).await?.clamp(held.start, held.end))
}
