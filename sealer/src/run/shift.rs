//! One membership in the group and one opening of the transactional id, together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bus::{
    Assigned, Attempts, BusError, Clock, Commit, Committed, Consumer, Event, Outage, Received, StartAt, TopicPartition,
    TransactError, Transactions,
};
use tokio_util::sync::CancellationToken;
use wire::{Envelope, Record, ResultRecord, Timestamp};

use super::directory::Directory;
use crate::{
    Metrics,
    batch::{Batch, Copied},
    metrics::Reason,
    partition::{Gone, Heard, Partition},
    place::Place,
    reply,
};

/// A sealer at work.
pub(super) struct Shift {
    consumer: Box<dyn Consumer>,
    transactions: Attempts<Batch>,
    way: Way,
    clock: Clock,
    metrics: Arc<Metrics>,
    partitions: BTreeMap<TopicPartition, Partition>,
    /// What was read since the last transaction began.
    batch: Batch,
}

/// How a result gets where it is to be copied to.
pub(super) enum Way {
    /// Into the same partition of this topic.
    Sealed(Arc<str>),
    /// To the topic that its caller named.
    Replies(Directory),
}

/// Why a shift ended.
pub(super) enum End {
    /// It was told to stop.
    Stopped,
    /// It is not known where the partitions stand, or the group does not let it commit.
    Anew(String),
}

/// So long records are dealt with before the group is asked for events again: it puts out who does not ask for ten seconds,
/// and each topic that a caller names is a question to the brokers.
const AT_A_TIME: Duration = Duration::from_secs(2);

/// Nothing, or why the shift must end.
type Outcome = Result<(), String>;

// === impl Shift ===

impl Shift {
    pub(super) fn new(
        consumer: Box<dyn Consumer>,
        transactions: Box<dyn Transactions>,
        way: Way,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let transactions = Attempts::new(transactions, clock.clone());
        let (partitions, batch) = Default::default();
        Self { consumer, transactions, way, clock, metrics, partitions, batch }
    }

    pub(super) async fn serve(&mut self, stop: &CancellationToken, outage: &mut Outage) -> Result<End, BusError> {
        loop {
            let due = self.due();
            let done = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                outcome = self.transactions.outcome() => self.on_outcome(outcome),
                event = self.consumer.next(), if !self.batch.is_full() => self.on_event(event, outage).await?,
                () = self.clock.sleep_until(due.unwrap_or(Timestamp::EPOCH)), if due.is_some() => {
                    self.send();
                    Ok(())
                }
            };
            if let Err(why) = done {
                return Ok(End::Anew(why));
            }
        }
    }

    /// Copies what was read.
    pub(super) async fn drain(&mut self) {
        for _ in 0..2 {
            if !self.transactions.is_under_way() && !self.batch.is_empty() {
                self.send();
            }
            if self.transactions.is_under_way() {
                let outcome = self.transactions.outcome().await;
                if self.on_outcome(outcome).is_err() {
                    return;
                }
            }
        }
    }

    /// Leaves the group.
    pub(super) async fn close(self) {
        self.consumer.close(Vec::new()).await;
    }

    /// Returns when the next transaction is to begin, unless one is under way.
    fn due(&self) -> Option<Timestamp> {
        if self.transactions.is_under_way() {
            return None;
        }
        self.batch.due().map(|due| due.max(self.transactions.not_before()))
    }

    fn send(&mut self) {
        let Some(by) = self.consumer.membership() else { return };
        let batch = std::mem::take(&mut self.batch);
        let records = batch.records().iter().map(|copied| (copied.to.clone(), copied.record.clone())).collect();
        let commit = |(partition, place): (&TopicPartition, &Place)| Commit {
            partition: partition.clone(),
            committed: Committed { offset: place.next, metadata: place.note() },
        };
        let commits = batch.places().map(commit).collect();
        self.transactions.begin(batch, records, commits, by);
    }

    fn on_outcome(&mut self, (batch, outcome): (Batch, Result<(), TransactError>)) -> Outcome {
        let now = self.clock.now();
        match outcome {
            Ok(()) => {
                self.metrics.transactions.inc();
                self.metrics.sealed.inc_by(batch.records().len() as u64);
                for copied in batch.records() {
                    self.metrics.delay.observe(now.since(copied.appended).as_secs_f64());
                }
                return Ok(());
            }
            Err(TransactError::Broken(why)) => return Err(why),
            Err(TransactError::Aborted(why)) => {
                tracing::debug!(%why, "a transaction is tried again");
                self.again(batch);
            }
            Err(TransactError::Forbidden(topic)) => return self.on_forbidden(batch, &topic),
            Err(TransactError::TooLarge(topic)) => {
                self.again(batch);
                if let Some(Copied { from, record, .. }) = self.batch.drop_largest(&topic) {
                    let request = String::from_utf8_lossy(record.headers.get("ce_id").unwrap_or_default());
                    tracing::error!(partition = %from, %request, %topic, "a result is too large for the topic and left out");
                    self.metrics.refused.inc();
                }
            }
        }
        self.metrics.aborted.inc();
        Ok(())
    }

    /// Leaves out what is for a topic that may not be written to, if that is a caller's: it holds up nobody else's.
    fn on_forbidden(&mut self, batch: Batch, topic: &Arc<str>) -> Outcome {
        let Way::Replies(directory) = &mut self.way else { return Err(format!("{topic} may not be written to")) };
        directory.forbid(topic, self.clock.now());
        self.again(batch);
        let results = self.batch.drop_topic(topic);
        tracing::warn!(%topic, results, "nothing may be written there: results that callers want there are not sent");
        self.metrics.on_misdirected(Reason::Forbidden, results as u64);
        self.metrics.aborted.inc();
        Ok(())
    }

    /// Takes back what was not written, before all that was read since.
    fn again(&mut self, batch: Batch) {
        let later = std::mem::take(&mut self.batch);
        self.batch = batch.then(later);
    }

    async fn on_event(&mut self, event: Result<Event, BusError>, outage: &mut Outage) -> Result<Outcome, BusError> {
        match event {
            Ok(event) => {
                outage.end(self.clock.now());
                match event {
                    Event::Assigned(assigned) => self.on_assigned(assigned)?,
                    Event::Revoked(revoked) => return Ok(self.on_revoked(&revoked).await),
                    Event::Records(records) => return Ok(self.on_records(records).await),
                }
            }
            Err(BusError::OffsetGone { partition, low, high, .. }) => self.on_gone(&partition, low, high)?,
            Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
            Err(error) => outage.begin(&error, self.clock.now()),
        }
        Ok(Ok(()))
    }

    fn on_assigned(&mut self, assigned: Vec<Assigned>) -> Result<(), BusError> {
        for Assigned { partition: name, committed } in assigned {
            let committed = committed.as_ref().map(|committed| (committed.offset, committed.metadata.as_str()));
            let partition = Partition::open(committed);
            let from = partition.start().map_or(StartAt::Beginning, StartAt::Offset);
            tracing::debug!(partition = %name, ?committed, ?from, "copying begins");
            self.partitions.insert(name.clone(), partition);
            self.consumer.start(&name, from)?;
        }
        Ok(())
    }

    /// The group gives these to somebody else, as soon as it is asked for the next event: what is under way ends first,
    /// so that who comes next is told where they stand.
    async fn on_revoked(&mut self, revoked: &[TopicPartition]) -> Outcome {
        let mut ended = Ok(());
        if self.transactions.is_under_way() {
            let outcome = self.transactions.outcome().await;
            ended = self.on_outcome(outcome);
        }
        for name in revoked {
            self.partitions.remove(name);
            self.batch.forget(name);
        }
        ended
    }

    async fn on_records(&mut self, records: Vec<Received>) -> Outcome {
        let (began, mut moved, mut left) = (self.clock.now(), BTreeSet::new(), BTreeMap::new());
        for Received { partition: name, offset, appended, record } in records {
            let Some(partition) = self.partitions.get_mut(&name) else { continue };
            let now = self.clock.now();
            if now.since(began) >= AT_A_TIME {
                left.entry(name).or_insert(offset);
                continue;
            }
            match partition.on_record(offset, &record) {
                Heard::Known => continue,
                Heard::Copy => {
                    if let Some((to, record)) = self.way.of(&name, record, now, &self.metrics).await? {
                        self.batch.push(Copied { from: name.clone(), to, appended, record }, now);
                    }
                }
                Heard::Repeat => drop(self.metrics.repeats.inc()),
                Heard::Void => drop(self.metrics.void.inc()),
                Heard::Fence => {}
                Heard::Garbage(error) => {
                    tracing::warn!(partition = %name, offset, %error, "no result, and left out");
                    self.metrics.garbage.inc();
                }
            }
            moved.insert(name);
        }
        for name in moved {
            if let Some(partition) = self.partitions.get(&name) {
                self.batch.reach(&name, partition.place(), self.clock.now());
            }
        }
        // It is brought again.
        let again = |(name, offset)| self.consumer.start(&name, StartAt::Offset(offset));
        left.into_iter().try_for_each(again).map_err(|error| error.to_string())
    }

    fn on_gone(&mut self, name: &TopicPartition, low: i64, high: i64) -> Result<(), BusError> {
        let Some(partition) = self.partitions.get_mut(name) else { return Ok(()) };
        match partition.on_gone(low, high) {
            Gone::Memory => {
                tracing::warn!(partition = %name, low, "the log is short: older repeats are not recognised");
            }
            Gone::Lost(records) => {
                self.metrics.lost.inc_by(records.unsigned_abs());
                tracing::error!(partition = %name, records, low, "the log dropped these before they were copied");
            }
            Gone::CutOff(records) => {
                tracing::error!(partition = %name, records, high, "the log was cut off behind what was copied already");
            }
        }
        let from = partition.start().map_or(StartAt::Beginning, StartAt::Offset);
        self.batch.reach(name, partition.place(), self.clock.now());
        self.consumer.start(name, from)
    }
}

// === impl Way ===

impl Way {
    /// Returns what is to be written for a result of the partition `from`, and where; an error if that cannot be found out
    /// now.
    async fn of(
        &mut self,
        from: &TopicPartition,
        record: Record,
        now: Timestamp,
        metrics: &Metrics,
    ) -> Result<Option<(TopicPartition, Record)>, String> {
        let directory = match self {
            Self::Sealed(topic) => {
                return Ok(Some((TopicPartition { topic: Arc::clone(topic), ..from.clone() }, record)));
            }
            Self::Replies(directory) => directory,
        };
        let Ok(Envelope::Result(ResultRecord { request, reply: Some(reply), .. })) = Envelope::decode(&record) else {
            return Ok(None);
        };
        match directory.place(&reply, &request, now).await.map_err(|error| error.to_string())? {
            Ok(to) => Ok(Some((to, reply::written(record, &reply)))),
            Err(reason) => {
                tracing::debug!(%request, address = %reply.address, ?reason, "a result is not sent where its caller wants it");
                metrics.on_misdirected(reason, 1);
                Ok(None)
            }
        }
    }
}
