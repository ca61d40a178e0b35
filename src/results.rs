//! The results of one rendezvous as the reader rule tells them: those of the past, and those to come.
//!
//! In the log's order within each partition; between partitions as they come.

mod door;
mod line;
mod place;
mod subscribing;

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};
use tokio::time::timeout;
use wire::{LEAD, RendezvousName, ResultsEntry, Timestamp, TopicReader, Topics};

pub use door::results_routes;
pub use line::Line;
pub use place::{NoPlace, Place};

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
    /// What is known already, of a reader who goes on; then `since` is its instant.
    pub after: Option<Place>,
}

/// Records that were deleted before they were read, or whose fence was: from `from` on, before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) partition: i32,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// How far a partition is read.
#[derive(Clone, Copy, Debug)]
struct Stand {
    /// The offset that comes next.
    next: i64,
    /// When the log took in what came last.
    at: Timestamp,
    /// Before this offset everything is known already.
    known: i64,
    /// From here on nobody can tell which results count, because the fence before them is deleted: until the next one.
    unfenced: Option<i64>,
}

/// Reads results.
pub struct Results {
    tail: Box<dyn Consumer>,
    reader: TopicReader,
    wanted: Wanted,
    /// Of the partitions that are not read to where they ended at first: where that was.
    behind: BTreeMap<i32, i64>,
    stands: BTreeMap<i32, Stand>,
    /// Not told yet: a piece for each time that the log was cut off.
    lost: Vec<Lost>,
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
        let (mut stands, mut lost) = (BTreeMap::new(), Vec::new());
        let from = wanted.since.before(LEAD).max(Timestamp::EPOCH);
        for partition in 0..bus.partitions(&topic).await? {
            let partition = TopicPartition::new(&topic, partition);
            let span = bus.span(&partition).await?;
            let first = bus.locate(&partition, from).await?.clamp(span.start, span.end);
            let index = partition.partition;
            let known = wanted.after.as_ref().and_then(|place| place.next.get(&index)).copied();
            // A place behind the end is one of a log that is not there any more.
            let known = known.filter(|known| *known <= span.end);
            let cut = known.filter(|known| *known < span.start);
            if let Some(from) = cut {
                lost.push(Lost { partition: index, from, to: span.start });
            }
            let known = known.unwrap_or(first).max(first);
            let unfenced = cut.map(|_| span.start);
            stands.insert(index, Stand { next: known, at: wanted.since, known, unfenced });
            if first < span.end {
                behind.insert(partition.partition, span.end);
                total += span.end.abs_diff(first);
            }
            if first < span.end || wanted.follow {
                tail.start(&partition, StartAt::Offset(first))?;
            }
        }
        Ok(Self { tail, reader: TopicReader::new(WINDOW), wanted, behind, stands, lost, read: (0, total) })
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
                Err(BusError::OffsetGone { partition, low, high, .. }) => {
                    self.on_gone(&partition, low..high)?;
                    return Ok(Some(Vec::new()));
                }
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

    /// Returns where this reader stands.
    pub(crate) fn place(&self) -> Place {
        let at = self.stands.values().map(|stand| stand.at).min().unwrap_or(self.wanted.since);
        Place { at, next: self.stands.iter().map(|(partition, stand)| (*partition, stand.next)).collect() }
    }

    /// Returns what was deleted before it was read, and was not told yet.
    pub(crate) fn take_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
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
            if matches!(entry, ResultsEntry::Fence { accepted: true, .. }) {
                self.on_fence(index, received.offset);
            }
            let is_new = self.stand(&received);
            // By the log's time for what was there, which alone was looked for by it.
            if is_new
                && (end.is_none() || received.appended >= self.wanted.since)
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

    /// From here on results count again.
    fn on_fence(&mut self, partition: i32, to: i64) {
        let from = self.stands.get_mut(&partition).and_then(|stand| stand.unfenced.take());
        self.lost.extend(from.filter(|from| *from < to).map(|from| Lost { partition, from, to }));
    }

    /// Notes what was read; returns whether it was not known before.
    fn stand(&mut self, received: &Received) -> bool {
        let Some(stand) = self.stands.get_mut(&received.partition.partition) else { return true };
        stand.next = stand.next.max(received.offset + 1);
        stand.at = stand.at.max(received.appended);
        received.offset >= stand.known
    }

    /// A partition is read to where it ended at first.
    fn catch_up(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.behind.remove(&partition.partition);
        if self.wanted.follow { Ok(()) } else { self.tail.stop(partition) }
    }

    /// The log has deleted what was to be read, or was made anew.
    fn on_gone(&mut self, partition: &TopicPartition, held: std::ops::Range<i64>) -> Result<(), BusError> {
        self.reader.restart(partition.partition);
        if let Some(stand) = self.stands.get_mut(&partition.partition) {
            self.lost.push(Lost { partition: partition.partition, from: stand.next, to: held.start });
            (stand.next, stand.known, stand.unfenced) = (held.start, held.start, Some(held.start));
        }
        if self.behind.get(&partition.partition).is_some_and(|end| !(held.start + 1..=held.end).contains(end)) {
            self.catch_up(partition)?;
        }
        if self.wanted.follow || self.behind.contains_key(&partition.partition) {
            self.tail.start(partition, StartAt::Offset(held.start))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bus::{Clock, EmbeddedBus, EmbeddedLimits, TopicSpec};
    use wire::Record;

    use super::*;

    #[tokio::test]
    async fn whoever_goes_on_where_the_log_is_gone_is_told_what_he_missed() {
        let limits = EmbeddedLimits { records_per_partition: 4, ..EmbeddedLimits::default() };
        let bus: Arc<dyn Bus> = EmbeddedBus::with_limits(Clock::system(), limits);
        let rendezvous = RendezvousName::new("wine").unwrap();
        let name = Topics::of(&rendezvous).results;
        let spec = TopicSpec { name: name.clone(), partitions: 1, retention: None, compacted: false };
        bus.create_topics(&[spec]).await.unwrap();
        let producer = bus.producer(&[&name]).await.unwrap();
        let partition = TopicPartition::new(&name, 0);
        for _ in 0..10 {
            producer.send(&partition, Record::default(), Box::new(|_| ())).unwrap();
        }
        let held = bus.span(&partition).await.unwrap();
        assert!(held.start > 2);
        let open = async |next: i64| {
            let after = Some(Place { at: Timestamp::EPOCH, next: [(0, next)].into() });
            let wanted =
                Wanted { rendezvous: rendezvous.clone(), since: Timestamp::EPOCH, follow: true, all: false, after };
            Results::open(&*bus, wanted).await.unwrap()
        };
        let mut behind = open(2).await;
        assert_eq!(behind.take_lost(), [Lost { partition: 0, from: 2, to: held.start }]);
        assert_eq!((behind.take_lost(), behind.place().next[&0]), (Vec::new(), held.start));
        assert_eq!(open(held.end).await.take_lost(), []);
        let mut elsewhere = open(held.end + 7).await;
        assert_eq!(
            (elsewhere.take_lost(), elsewhere.place().next[&0]),
            (Vec::new(), held.start),
            "another log's place"
        );
    }
}
