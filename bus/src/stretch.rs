//! Reads a stretch of the log from beginning to end, and is done: for whoever looks back.

use std::{ops::Range, time::Duration};

use tokio::time::timeout;
use wire::Timestamp;

use crate::{Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};

/// What is to be read: of each partition the offsets from one instant on, up to what it held when it was asked.
#[derive(Clone, Debug, Default)]
pub struct Stretch(Vec<(TopicPartition, Range<i64>)>);

/// A log that holds records and delivers none for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

// === impl Stretch ===

impl Stretch {
    /// Adds what `partition` holds from `since` on.
    pub async fn add(&mut self, bus: &dyn Bus, partition: TopicPartition, since: Timestamp) -> Result<(), BusError> {
        let span = bus.span(&partition).await?;
        let first = bus.locate(&partition, since).await?.max(span.start);
        if first < span.end {
            self.0.push((partition, first..span.end));
        }
        Ok(())
    }

    /// Adds these offsets of `partition`.
    pub fn add_offsets(&mut self, partition: TopicPartition, offsets: Range<i64>) {
        if !offsets.is_empty() {
            self.0.push((partition, offsets));
        }
    }

    /// Returns how many records there are to read, at most.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(_, offsets)| offsets.end.abs_diff(offsets.start)).sum()
    }

    /// Returns whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows every record to `see`, in the log's order within each partition, and tells `progress` how many were read.
    pub async fn read(
        mut self,
        bus: &dyn Bus,
        mut see: impl FnMut(Received),
        mut progress: impl FnMut(u64),
    ) -> Result<(), BusError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut tail = bus.unhurried_tail().await?;
        for (partition, offsets) in &self.0 {
            tail.start(partition, StartAt::Offset(offsets.start))?;
        }
        let mut read = 0;
        while !self.is_empty() {
            match timeout(STALLED, tail.next()).await {
                Ok(Ok(Event::Records(records))) => {
                    for received in records {
                        let Some(offsets) = self.offsets(&received.partition) else { continue };
                        let is_of_it = received.offset < offsets.end;
                        offsets.start = offsets.start.max(received.offset + 1);
                        // What is fetched together with the last of it is newer than what was asked for.
                        if is_of_it {
                            read += 1;
                            see(received);
                        }
                    }
                    self.finish(&mut *tail)?;
                    progress(read);
                }
                Ok(Ok(Event::Assigned(_) | Event::Revoked(_))) => {}
                Ok(Err(BusError::OffsetGone { partition, low, high, .. })) => {
                    self.skip(&mut *tail, &partition, low..high)?;
                }
                // It is said once, and waited for as long as is bearable.
                Ok(Err(BusError::Unavailable(why))) => tracing::warn!("waiting for {}: {why}", bus.describe()),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(self.stalled()),
            }
        }
        tail.close(Vec::new()).await;
        Ok(())
    }

    fn offsets(&mut self, partition: &TopicPartition) -> Option<&mut Range<i64>> {
        let found = self.0.iter_mut().find(|(have, _)| have == partition)?;
        Some(&mut found.1)
    }

    /// Lets go of the partitions that are read to their end.
    fn finish(&mut self, tail: &mut dyn Consumer) -> Result<(), BusError> {
        for (partition, _) in self.0.extract_if(.., |(_, offsets)| offsets.start >= offsets.end) {
            tail.stop(&partition)?;
        }
        Ok(())
    }

    /// What was deleted meanwhile cannot be read, nor what was cut off: it is not waited for.
    fn skip(&mut self, tail: &mut dyn Consumer, partition: &TopicPartition, held: Range<i64>) -> Result<(), BusError> {
        if let Some(offsets) = self.offsets(partition) {
            *offsets = held.start.max(offsets.start)..held.end.min(offsets.end);
            if offsets.start < offsets.end {
                tail.start(partition, StartAt::Offset(offsets.start))?;
            }
        }
        self.finish(tail)
    }

    fn stalled(&self) -> BusError {
        let waiting: Vec<String> =
            self.0.iter().map(|(partition, offsets)| format!("{partition} at {}", offsets.start)).collect();
        let (seconds, waiting) = (STALLED.as_secs(), waiting.join(", "));
        BusError::Unavailable(format!("nothing was delivered for {seconds} s, still to be read: {waiting}"))
    }
}
