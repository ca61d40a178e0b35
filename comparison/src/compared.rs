//! What all partitions came to: the comparisons topic read to its end, and added up.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bus::{Bus, BusError, Event, StartAt, TopicPartition};
use bytes::Bytes;
use canary::{Ledger, Matchup, Report};
use policies::Definition;
use tokio::time::timeout;
use wire::{ComparisonRecord, ExecutorId, RendezvousName, Topics};

use crate::Kept;

/// What was compared of one rendezvous, up to the last words about its partitions.
#[derive(Clone, Debug)]
pub struct Compared {
    rendezvous: RendezvousName,
    partitions: BTreeMap<i32, Kept>,
}

/// A log that holds records and delivers none for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

/// Reads what was compared of `rendezvous` up to now.
pub async fn read(bus: &dyn Bus, rendezvous: &RendezvousName) -> Result<Compared, BusError> {
    let topic = TopicPartition::new(&Topics::of(rendezvous).comparisons, 0);
    let span = bus.span(&topic).await?;
    let mut words: HashMap<i32, Bytes> = HashMap::new();
    let mut next = span.start;
    if next < span.end {
        let mut tail = bus.unhurried_tail().await?;
        tail.start(&topic, StartAt::Offset(next))?;
        while next < span.end {
            match timeout(STALLED, tail.next()).await {
                Ok(Ok(Event::Records(records))) => {
                    for received in records {
                        next = next.max(received.offset + 1);
                        match ComparisonRecord::decode(&received.record) {
                            Ok(record) if record.rendezvous == *rendezvous => {
                                words.insert(record.partition, record.counted);
                            }
                            other => tracing::warn!(%topic, offset = received.offset, ?other, "no word of ours"),
                        }
                    }
                }
                Ok(Ok(Event::Assigned(_) | Event::Revoked(_)) | Err(BusError::Unavailable(_))) => {}
                Ok(Err(BusError::OffsetGone { low, high, .. })) => {
                    next = if next > high { high } else { low.max(next) };
                    tail.start(&topic, StartAt::Offset(next))?;
                    if high < span.end {
                        break;
                    }
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let seconds = STALLED.as_secs();
                    return Err(BusError::Unavailable(format!("{topic} at {next}: nothing came for {seconds} s")));
                }
            }
        }
        tail.close(Vec::new()).await;
    }
    Ok(Compared::of(rendezvous, words))
}

// === impl Compared ===

impl Compared {
    /// Understands the last words about each partition; what is none of ours is told and left out.
    fn of(rendezvous: &RendezvousName, words: HashMap<i32, Bytes>) -> Self {
        let read = |(partition, word): (i32, Bytes)| match Kept::read(&word) {
            Ok(kept) => Some((partition, kept)),
            Err(error) => {
                tracing::error!(%rendezvous, partition, %error, "what was compared cannot be read, and begins anew");
                None
            }
        };
        Self { rendezvous: rendezvous.clone(), partitions: words.into_iter().filter_map(read).collect() }
    }

    /// Returns what partitions came to by other ways than the topic.
    #[must_use]
    pub fn from_partitions(rendezvous: RendezvousName, partitions: impl IntoIterator<Item = (i32, Kept)>) -> Self {
        Self { rendezvous, partitions: partitions.into_iter().collect() }
    }

    /// Returns the last word about `partition`.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&Kept> {
        self.partitions.get(&partition)
    }

    /// Returns what was counted of `matchup` in all partitions.
    #[must_use]
    pub fn ledger(&self, matchup: &Matchup) -> Ledger {
        let mut sum = Ledger::default();
        for ledger in self.partitions.values().filter_map(|kept| kept.checkpoint.ledger(matchup)) {
            sum.merge(ledger);
        }
        sum
    }

    /// Returns the report about `canary` as `definition` compares it; `None` if it has no such canary.
    #[must_use]
    pub fn report(&self, definition: &Definition, canary: &ExecutorId) -> Option<Report> {
        let matchup = Matchup::of(definition).into_iter().find(|matchup| matchup.canary == *canary)?;
        Some(Report::of(&self.rendezvous, &matchup, &self.ledger(&matchup)))
    }

    /// Returns the reports about all canaries of `definition`, in its order.
    #[must_use]
    pub fn reports(&self, definition: &Definition) -> Vec<Report> {
        let report = |matchup: &Matchup| Report::of(&self.rendezvous, matchup, &self.ledger(matchup));
        Matchup::of(definition).iter().map(report).collect()
    }
}
