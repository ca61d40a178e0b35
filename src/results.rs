//! The results of one rendezvous as the reader rule tells them: those of the past, and those to come.
//!
//! In the log's order within each partition; between partitions as they come.

mod door;
mod line;

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};
use tokio::time::timeout;
use wire::{LEAD, RendezvousName, Timestamp, TopicReader, Topics};

pub use door::results_routes;
pub use line::Line;

/// Which results are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose.
    pub rendezvous: RendezvousName,
    /// Those that the log took in from then on.
    pub since: Timestamp,
    /// Whether those to come are wanted too.
    pub follow: bool,
    /// Whether what is no result is wanted too, with the reason.
    pub all: bool,
}

/// Reads results.
pub struct Results {
    tail: Box<dyn Consumer>,
    reader: TopicReader,
    wanted: Wanted,
    /// Of the partitions that are not read to where they ended at first: where that was.
    behind: BTreeMap<i32, i64>,
    /// How many records are read of how many.
    read: (u64, u64),
}

/// More than a partition takes in twice the writer's longest retry, at a thousand a second.
const WINDOW: usize = 65_536;
/// A log that holds records and delivers none for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

// === impl Results ===

impl Results {
    /// Begins to read.
    pub async fn open(bus: &dyn Bus, wanted: Wanted) -> Result<Self, BusError> {
        let topic = Topics::of(&wanted.rendezvous).results;
        let (mut tail, mut behind, mut total) = (bus.unhurried_tail().await?, BTreeMap::new(), 0);
        let from = wanted.since.before(LEAD).max(Timestamp::EPOCH);
        for partition in 0..bus.partitions(&topic).await? {
            let partition = TopicPartition::new(&topic, partition);
            let span = bus.span(&partition).await?;
            let first = bus.locate(&partition, from).await?.clamp(span.start, span.end);
            if first < span.end {
                behind.insert(partition.partition, span.end);
                total += span.end.abs_diff(first);
            }
            if first < span.end || wanted.follow {
                tail.start(&partition, StartAt::Offset(first))?;
            }
        }
        Ok(Self { tail, reader: TopicReader::new(WINDOW), wanted, behind, read: (0, total) })
    }

    /// Returns what comes next, perhaps nothing that is wanted; `None` behind the last. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, BusError> {
        loop {
            if self.behind.is_empty() && !self.wanted.follow {
                return Ok(None);
            }
            match self.event().await {
                Ok(Event::Records(records)) => return self.on_records(records).map(Some),
                Ok(Event::Assigned(_) | Event::Revoked(_)) => {}
                Err(BusError::OffsetGone { partition, low, high, .. }) => self.on_gone(&partition, low..high)?,
                // It is said once, and the next call waits.
                Err(BusError::Unavailable(why)) if self.wanted.follow => tracing::warn!("waiting for the log: {why}"),
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns how many records are read of how many there were at first.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.read
    }

    async fn event(&mut self) -> Result<Event, BusError> {
        if self.wanted.follow {
            return self.tail.next().await;
        }
        let stalled = |_| BusError::Unavailable(format!("nothing was delivered for {} s", STALLED.as_secs()));
        timeout(STALLED, self.tail.next()).await.map_err(stalled)?
    }

    fn on_records(&mut self, records: Vec<Received>) -> Result<Vec<Line>, BusError> {
        let mut lines = Vec::new();
        for received in records {
            let index = received.partition.partition;
            let end = self.behind.get(&index).copied();
            // What came after the command did is not asked for.
            if end.is_none() && !self.wanted.follow {
                continue;
            }
            self.read.0 += 1;
            let entry = self.reader.read(index, &received.record);
            // By the log's time for what was there, which alone was looked for by it.
            if (end.is_none() || received.appended >= self.wanted.since)
                && let Some(line) = Line::of(&received, entry, self.reader.accepted(index))
                && (self.wanted.all || line.is_valid())
            {
                lines.push(line);
            }
            if end.is_some_and(|end| received.offset + 1 >= end) {
                self.catch_up(&received.partition)?;
            }
        }
        Ok(lines)
    }

    /// A partition is read to where it ended at first.
    fn catch_up(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.behind.remove(&partition.partition);
        if self.wanted.follow { Ok(()) } else { self.tail.stop(partition) }
    }

    /// The log has deleted what was to be read, or was made anew.
    fn on_gone(&mut self, partition: &TopicPartition, held: std::ops::Range<i64>) -> Result<(), BusError> {
        self.reader.restart(partition.partition);
        if self.behind.get(&partition.partition).is_some_and(|end| !(held.start + 1..=held.end).contains(end)) {
            self.catch_up(partition)?;
        }
        if self.wanted.follow || self.behind.contains_key(&partition.partition) {
            self.tail.start(partition, StartAt::Offset(held.start))?;
        }
        Ok(())
    }
}
