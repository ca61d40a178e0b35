//! Follows every partition of the results and wakes who waits: from a record read to a caller woken there is one step.
//! What `wire::TopicReader` calls void reaches nobody.

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, BusError, Consumer, Event, Outage, Received, StartAt, TopicPartition};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::{LEAD, ResultsEntry, Timestamp, TopicReader, Topics};

use super::partitions;
use crate::{starter::Starter, waiting::REMEMBERED};

/// The results from a minute ago on, and the fences ahead of them.
pub(super) struct Tail {
    consumer: Box<dyn Consumer>,
    topics: Topics,
    reader: TopicReader,
    /// Of what was there at the start, results from here on are heeded: before, a fence that landed late may be the only
    /// one read.
    from: Timestamp,
    /// Per partition where it ended when it was started: read up to there, it is caught up.
    behind: BTreeMap<i32, i64>,
}

/// Who waits for the bus, if it is away.
const WHO: &str = "the starter's reader of results";

/// If nothing comes for so long, there is nothing between a minute ago and now.
const QUIET: Duration = Duration::from_millis(250);

/// Opens the tail; it is started by `follow`.
pub(super) async fn open(bus: &dyn Bus, topics: &Topics) -> Result<Tail, BusError> {
    let mut behind = BTreeMap::new();
    for partition in partitions(&topics.results, bus.partitions(&topics.results).await?) {
        let span = bus.span(&partition).await?;
        behind.insert(partition.partition, if span.is_empty() { 0 } else { span.end });
    }
    Ok(Tail {
        consumer: bus.tail().await?,
        topics: topics.clone(),
        reader: TopicReader::new(0),
        from: Timestamp::EPOCH,
        behind,
    })
}

/// Follows until `stop`. Serves callers, and fires `ready`, as soon as what was there at the start is read.
pub(super) async fn follow(
    mut tail: Tail,
    starter: &Starter,
    ready: oneshot::Sender<()>,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    tail.start(starter)?;
    let (mut ready, mut outage) = (Some(ready), Outage::of(WHO));
    loop {
        if tail.behind.is_empty()
            && let Some(ready) = ready.take()
        {
            starter.serve(!stop.is_cancelled());
            // Nobody may be interested.
            let _ = ready.send(());
        }
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            event = tail.consumer.next() => event,
            () = tokio::time::sleep(QUIET), if ready.is_some() => {
                tail.behind.clear();
                continue;
            }
        };
        // Said once for an interruption: the next call waits.
        match outage.note(event, starter.clock()) {
            Ok(Some(Event::Records(records))) => tail.on_records(records, starter),
            Ok(Some(Event::Assigned(_) | Event::Revoked(_)) | None) => {}
            Err(BusError::OffsetGone { partition, .. }) => tail.start_over(&partition)?,
            Err(error) => return Err(error),
        }
    }
    tail.consumer.close(Vec::new()).await;
    Ok(())
}

// === impl Tail ===

impl Tail {
    fn start(&mut self, starter: &Starter) -> Result<(), BusError> {
        self.from = starter.clock().now().before(REMEMBERED);
        let from = StartAt::Time(self.from.before(LEAD));
        let count = i32::try_from(self.behind.len()).unwrap_or(i32::MAX);
        for partition in partitions(&self.topics.results, count) {
            self.consumer.start(&partition, from)?;
        }
        self.behind.retain(|_, end| *end > 0);
        Ok(())
    }

    /// The log was cut off under us, or made anew: what it still holds is enough, by the fences that it still holds.
    fn start_over(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.reader.restart(partition.partition);
        self.consumer.start(partition, StartAt::Beginning)
    }

    fn on_records(&mut self, records: Vec<Received>, starter: &Starter) {
        for Received { partition, offset, appended, record } in records {
            let is_ahead = self.behind.contains_key(&partition.partition) && appended < self.from;
            match self.reader.read(partition.partition, &record) {
                // A repeat is the same result again; whoever asks again after it was forgotten waits for just that.
                ResultsEntry::Valid(result) | ResultsEntry::Repeat(result) if !is_ahead => starter.on_result(result),
                ResultsEntry::Garbage(_) => starter.metrics().on_unreadable_result(),
                _ => {}
            }
            if self.behind.get(&partition.partition).is_some_and(|end| offset + 1 >= *end) {
                self.behind.remove(&partition.partition);
            }
        }
    }
}
