//! Reads partitions: as a member of a group, or exactly what it is told.

use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::Notify;

use super::{
    Log, faults,
    group::{Change, Group, MemberId, Standing},
    partition::Partition,
};
use crate::{
    BoxFuture, BusError, Clock, Commit, Consumer, Event, Membership as Handle, StartAt, TopicPartition,
    transactions::Kind,
};

/// How many records `next` returns at most.
const BATCH_MAX: usize = 2_000;
/// How many of them are of one partition: a backlog in one does not keep the others waiting, nor its lock held for long.
const BATCH_OF_ONE_MAX: usize = 500;
/// How long the note beside an offset may be; Kafka's brokers take 4,096 bytes by default.
const METADATA_BYTES_MAX: usize = 4_000;

pub(super) struct EmbeddedConsumer {
    log: Arc<Log>,
    bell: Arc<Notify>,
    membership: Option<Membership>,
    reading: Vec<Reading>,
    /// Where in `reading` the next batch begins.
    turn: usize,
    told_of_interruption: bool,
    /// Learns from append times, if it is to.
    clock: Option<Clock>,
}

struct Membership {
    group: Arc<Group>,
    me: MemberId,
    seen: u64,
}

struct Reading {
    partition: Arc<Partition>,
    /// The next offset to deliver, or why there is none, to be told once.
    position: Result<i64, BusError>,
}

// === impl EmbeddedConsumer ===

impl EmbeddedConsumer {
    pub(super) fn tail(log: &Arc<Log>, clock: Option<Clock>) -> Self {
        let bell = Arc::new(Notify::new());
        log.faults.tell(&bell);
        Self {
            log: Arc::clone(log),
            bell,
            membership: None,
            reading: Vec::new(),
            turn: 0,
            told_of_interruption: false,
            clock,
        }
    }

    pub(super) fn member(log: &Arc<Log>, clock: Option<Clock>, group: Arc<Group>) -> Self {
        let mut consumer = Self::tail(log, clock);
        let me = group.join(Arc::clone(&consumer.bell));
        consumer.membership = Some(Membership { group, me, seen: 0 });
        consumer
    }

    /// Returns what is there now. Whatever this changes, it returns: so a cancelled `next` has lost nothing.
    fn poll_event(&mut self) -> Result<Option<Event>, BusError> {
        if self.log.faults.is_interrupted() {
            let first = !std::mem::replace(&mut self.told_of_interruption, true);
            return if first { Err(faults::interrupted()) } else { Ok(None) };
        }
        self.told_of_interruption = false;
        if let Some(change) = self.membership.as_mut().and_then(Membership::next_change) {
            return Ok(Some(self.on_change(change)));
        }
        self.poll_records()
    }

    fn on_change(&mut self, change: Change) -> Event {
        match change {
            Change::Assigned(assigned) => Event::Assigned(assigned),
            Change::Revoked(revoked) => {
                for partition in &revoked {
                    self.forget(partition);
                }
                Event::Revoked(revoked)
            }
        }
    }

    fn poll_records(&mut self) -> Result<Option<Event>, BusError> {
        let mut records = Vec::new();
        let turn = self.turn.min(self.reading.len());
        let (before, from) = self.reading.split_at_mut(turn);
        for reading in from.iter_mut().chain(before) {
            let room = BATCH_OF_ONE_MAX.min(BATCH_MAX - records.len());
            if let Ok(position) = reading.position
                && reading.partition.has_news(position)
            {
                reading.position = reading.partition.read(position, room, &mut records);
            }
        }
        self.turn = (self.turn + 1) % self.reading.len().max(1);
        if let Some(clock) = &self.clock
            && let Some(newest) = records.iter().map(|record| record.appended).max()
        {
            clock.on_read(newest);
        }
        if records.is_empty() { self.poll_failure() } else { Ok(Some(Event::Records(records))) }
    }

    fn poll_failure(&mut self) -> Result<Option<Event>, BusError> {
        let Some(index) = self.reading.iter().position(|reading| reading.position.is_err()) else { return Ok(None) };
        let failed = self.reading.swap_remove(index);
        failed.partition.forget_reader(&self.bell);
        failed.position.map(|_| None)
    }

    fn forget(&mut self, partition: &TopicPartition) {
        if let Some(index) = self.reading.iter().position(|reading| reading.partition.id() == partition) {
            self.reading.swap_remove(index).partition.forget_reader(&self.bell);
        }
    }
}

impl Consumer for EmbeddedConsumer {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, BusError>> {
        async move {
            // A reader that always finds something must still let others run on its thread.
            tokio::task::consume_budget().await;
            loop {
                if let Some(event) = self.poll_event()? {
                    return Ok(event);
                }
                self.bell.notified().await;
            }
        }
        .boxed()
    }

    fn start(&mut self, partition: &TopicPartition, from: StartAt) -> Result<(), BusError> {
        if self.membership.as_ref().is_some_and(|membership| !membership.owns(partition)) {
            return Err(BusError::Fatal(format!("{partition} is not assigned to this member")));
        }
        let partition = self.log.partition(partition)?;
        self.forget(partition.id());
        partition.wake(&self.bell);
        let position = partition.locate(from);
        self.reading.push(Reading { partition, position });
        Ok(())
    }

    fn stop(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.forget(partition);
        Ok(())
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), BusError> {
        let Some(membership) = &self.membership else {
            return Err(BusError::Fatal("a consumer without a group cannot commit".to_owned()));
        };
        if let Some(long) = commits.iter().find(|commit| commit.committed.metadata.len() > METADATA_BYTES_MAX) {
            let (partition, length) = (&long.partition, long.committed.metadata.len());
            let sentence = format!("the note of {length} bytes on {partition} is longer than {METADATA_BYTES_MAX}");
            return Err(BusError::Fatal(sentence));
        }
        if !self.log.faults.is_interrupted() {
            membership.group.commit(membership.me, commits);
        }
        Ok(())
    }

    fn membership(&self) -> Option<Handle> {
        let membership = self.membership.as_ref()?;
        Some(Handle(Kind::Embedded(Standing::new(Arc::clone(&membership.group), membership.me))))
    }

    fn close(mut self: Box<Self>, last: Vec<Commit>) -> BoxFuture<'static, ()> {
        if let Err(error) = self.commit(&last)
            && !last.is_empty()
        {
            tracing::warn!(%error, "the last offsets are not committed");
        }
        // Dropping leaves the group.
        drop(self);
        futures::future::ready(()).boxed()
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        for reading in &self.reading {
            reading.partition.forget_reader(&self.bell);
        }
        if let Some(Membership { group, me, .. }) = &self.membership {
            group.leave(*me);
        }
    }
}

// === impl Membership ===

impl Membership {
    fn next_change(&mut self) -> Option<Change> {
        // Read before the changes are looked for: what changes meanwhile is looked for again.
        let changes = self.group.changes();
        if changes == self.seen {
            return None;
        }
        let change = self.group.next_change(self.me);
        if change.is_none() {
            self.seen = changes;
        }
        change
    }

    fn owns(&self, partition: &TopicPartition) -> bool {
        self.group.owns(self.me, partition)
    }
}
