//! One partition of a topic, record by record, for whoever reads several side by side.

use std::{collections::VecDeque, ops::Range, time::Duration};

use bus::{Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};
use tokio::time::timeout;

/// Reads one partition at a time, as far as it is wanted; it fetches no more while nobody asks.
pub(super) struct Cursor {
    tail: Box<dyn Consumer>,
    part: Option<(TopicPartition, Range<i64>)>,
    fetched: VecDeque<Received>,
    gone: bool,
}

/// What comes next.
pub(super) enum Head<'a> {
    /// This.
    Record(&'a Received),
    /// Nothing more that is wanted.
    End,
    /// What came next was deleted before it was read; said once.
    Gone,
}

/// A log that holds records and delivers none for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

// === impl Cursor ===

impl Cursor {
    pub(super) async fn open(bus: &dyn Bus) -> Result<Self, BusError> {
        Ok(Self { tail: bus.unhurried_tail().await?, part: None, fetched: VecDeque::new(), gone: false })
    }

    /// Begins to read these offsets of a partition.
    pub(super) fn start(&mut self, part: Option<(TopicPartition, Range<i64>)>) -> Result<(), BusError> {
        if let Some((partition, offsets)) = &part {
            self.tail.start(partition, StartAt::Offset(offsets.start))?;
        }
        self.part = part;
        Ok(())
    }

    /// Wants what the partition holds by now, too.
    pub(super) async fn extend(&mut self, bus: &dyn Bus) -> Result<(), BusError> {
        if let Some((partition, offsets)) = &mut self.part {
            offsets.end = offsets.end.max(bus.span(partition).await?.end);
        }
        Ok(())
    }

    /// Returns what comes next.
    pub(super) async fn head(&mut self) -> Result<Head<'_>, BusError> {
        while self.fetched.is_empty() && self.wants_more() {
            self.fetch().await?;
            if std::mem::take(&mut self.gone) {
                return Ok(Head::Gone);
            }
        }
        Ok(self.fetched.front().filter(|received| self.wants(received)).map_or(Head::End, Head::Record))
    }

    /// Goes on to the one behind.
    pub(super) fn pass(&mut self) {
        self.fetched.pop_front();
    }

    pub(super) fn stop(&mut self) -> Result<(), BusError> {
        self.fetched.clear();
        self.part.take().map_or(Ok(()), |(partition, _)| self.tail.stop(&partition))
    }

    pub(super) async fn close(self) {
        self.tail.close(Vec::new()).await;
    }

    async fn fetch(&mut self) -> Result<(), BusError> {
        let Some((partition, offsets)) = &mut self.part else { return Ok(()) };
        match timeout(STALLED, self.tail.next()).await {
            Ok(Ok(Event::Records(records))) => {
                for received in records.into_iter().filter(|received| received.partition == *partition) {
                    offsets.start = offsets.start.max(received.offset + 1);
                    self.fetched.push_back(received);
                }
            }
            Ok(Ok(Event::Assigned(_) | Event::Revoked(_))) => {}
            Ok(Err(BusError::OffsetGone { low, .. })) => {
                offsets.start = low.max(offsets.start);
                self.gone = true;
                self.tail.start(partition, StartAt::Offset(offsets.start))?;
            }
            // It is said once, and waited for as long as is bearable.
            Ok(Err(BusError::Unavailable(why))) => tracing::warn!("waiting for {partition}: {why}"),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let (seconds, at) = (STALLED.as_secs(), offsets.start);
                return Err(BusError::Unavailable(format!(
                    "{partition} at {at}: nothing was delivered for {seconds} s"
                )));
            }
        }
        Ok(())
    }

    /// Whether something that is wanted has not been fetched.
    fn wants_more(&self) -> bool {
        self.part.as_ref().is_some_and(|(_, offsets)| offsets.start < offsets.end)
    }

    fn wants(&self, received: &Received) -> bool {
        self.part.as_ref().is_some_and(|(_, offsets)| received.offset < offsets.end)
    }
}
