//! The control stream, as a shift hears it.

use std::{collections::HashMap, sync::Arc};

use bus::{Bus, BusError, Clock, Consumer, Event, Outage, Received, StartAt, TopicPartition};
use keyed::Settings;
use wire::Timestamp;

use super::QUIET;

/// The control stream.
pub(super) struct Hearing {
    tail: Box<dyn Consumer>,
    topic: Arc<str>,
    pub(super) said: Settings,
    /// Behind the last record that was read, and how far must be read before a partition is served, by partition.
    read: HashMap<i32, i64>,
    wanted: HashMap<i32, i64>,
    heard: Timestamp,
}

impl Hearing {
    /// Begins to read `topic`, which has so many partitions, from its beginning.
    pub(super) fn begin(
        mut tail: Box<dyn Consumer>,
        topic: &str,
        count: i32,
        now: Timestamp,
    ) -> Result<Self, BusError> {
        for partition in 0..count {
            tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning)?;
        }
        let read = (0..count).map(|partition| (partition, 0)).collect();
        Ok(Self { tail, topic: topic.into(), said: Settings::default(), read, wanted: HashMap::new(), heard: now })
    }

    /// Wants all that has been said by now: nobody is served before it is read, because the predecessor may have heard as
    /// much.
    pub(super) async fn want(&mut self, bus: &dyn Bus, clock: &Clock, outage: &mut Outage) -> Result<(), BusError> {
        for partition in self.read.keys() {
            let place = TopicPartition { topic: Arc::clone(&self.topic), partition: *partition };
            let span = outage.insist(clock, || bus.span(&place)).await?;
            self.wanted.insert(*partition, if span.is_empty() { 0 } else { span.end });
        }
        self.heard = clock.now();
        Ok(())
    }

    pub(super) fn on_event(
        &mut self,
        event: Result<Event, BusError>,
        outage: &mut Outage,
        now: Timestamp,
    ) -> Result<(), BusError> {
        match event {
            Ok(Event::Records(records)) => {
                for Received { partition, offset, record, .. } in records {
                    self.heard = now;
                    self.read.insert(partition.partition, offset + 1);
                    if !self.said.on_record(&record) {
                        tracing::warn!(%partition, offset, "a setting without a key, or of one key too many, is left out");
                    }
                }
            }
            Ok(Event::Assigned(_) | Event::Revoked(_)) => {}
            Err(BusError::OffsetGone { partition, low, .. }) => self.tail.start(&partition, StartAt::Offset(low))?,
            Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
            Err(error) => outage.begin(&error, now),
        }
        Ok(())
    }

    /// Returns whether all that had been said when a partition came has been read. A log may end with what is no record.
    pub(super) fn is_abreast(&self, now: Timestamp) -> bool {
        let is_read = |(partition, end): (&i32, &i64)| self.read.get(partition).is_some_and(|read| read >= end);
        self.wanted.iter().all(is_read) || now.since(self.heard) >= QUIET
    }
}

/// Waits for what is said next; for ever where nothing is to be heard. Cancel-safe.
pub(super) async fn next_of(hearing: &mut Option<Hearing>) -> Result<Event, BusError> {
    match hearing {
        Some(hearing) => hearing.tail.next().await,
        None => std::future::pending().await,
    }
}
