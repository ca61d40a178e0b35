//! One partition: its records in order, what it forgets and when, and who is to be woken.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use wire::{Headers, Record, Timestamp};

use super::{EmbeddedLimits, lock};
use crate::{BusError, Clock, Received, StartAt, TopicPartition, TopicSpec};

/// What a header costs beside its bytes: their length, and whose name it is.
const HEADER_BYTES: usize = 9;
/// A compacted partition is compacted when it holds twice what the last compaction left, and at least this many more.
const COMPACT_AFTER: usize = 1_000;

pub(super) struct Partition {
    id: TopicPartition,
    limits: EmbeddedLimits,
    retention: Option<Duration>,
    compacted: bool,
    clock: Clock,
    /// `Held::high`, to be compared without the lock. It only grows, unless the topic is created again.
    high: AtomicI64,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    low: i64,
    high: i64,
    bytes: usize,
    newest: Timestamp,
    records: VecDeque<Stored>,
    /// Replaced as a whole, so that an append takes it along with one reference count and wakes outside the lock.
    readers: Arc<[Arc<Notify>]>,
    last_compaction: Compaction,
}

/// What the last compaction left, and up to where it had looked.
#[derive(Clone, Copy, Default)]
struct Compaction {
    left: usize,
    high: i64,
}

struct Stored {
    offset: i64,
    appended: Timestamp,
    bytes: usize,
    record: Record,
}

// === impl Partition ===

impl Partition {
    pub(super) fn new(id: TopicPartition, spec: &TopicSpec, limits: EmbeddedLimits, clock: Clock) -> Self {
        let retention = spec.retention;
        let (high, held) = Default::default();
        Self { id, limits, retention, compacted: spec.compacted, clock, high, held }
    }

    /// Returns an empty partition of the same topic.
    pub(super) fn like(other: &Self, id: TopicPartition) -> Self {
        let (high, held) = Default::default();
        let Self { limits, retention, compacted, clock, .. } = other;
        Self { id, limits: *limits, retention: *retention, compacted: *compacted, clock: clock.clone(), high, held }
    }

    pub(super) fn id(&self) -> &TopicPartition {
        &self.id
    }

    /// Takes `record` in, wakes the readers and returns its offset.
    pub(super) fn append(&self, record: Record) -> i64 {
        let (offset, readers) = {
            let mut held = lock(&self.held);
            (self.take_in(&mut held, record), Arc::clone(&held.readers))
        };
        readers.iter().for_each(|reader| reader.notify_one());
        offset
    }

    /// Takes the records of several partitions in, each of which is named once and in an order that is everybody's, so
    /// that no reader sees one of them before all are there.
    pub(super) fn append_together(batches: Vec<(Arc<Self>, Vec<Record>)>) {
        let (partitions, records): (Vec<_>, Vec<_>) = batches.into_iter().unzip();
        let mut readers = Vec::with_capacity(partitions.len());
        {
            let mut all: Vec<_> = partitions.iter().map(|partition| lock(&partition.held)).collect();
            for ((partition, held), records) in partitions.iter().zip(&mut all).zip(records) {
                for record in records {
                    partition.take_in(held, record);
                }
                readers.push(Arc::clone(&held.readers));
            }
        }
        readers.iter().flat_map(|readers| readers.iter()).for_each(|reader| reader.notify_one());
    }

    fn take_in(&self, held: &mut Held, record: Record) -> i64 {
        let bytes = mem::size_of::<Stored>() + record.headers.len() * HEADER_BYTES + size(&record);
        let appended = self.clock.now().max(held.newest);
        let offset = held.push(record, bytes, appended);
        if self.compacted {
            held.compact_if_due();
        }
        held.forget(self.limits, self.horizon(appended));
        self.high.store(offset + 1, Ordering::Release);
        offset
    }

    /// Drops the records before `offset`.
    pub(super) fn drop_before(&self, offset: i64) {
        let mut held = lock(&self.held);
        let gone = held.records.partition_point(|stored| stored.offset < offset);
        held.records.drain(..gone);
        held.bytes = held.records.iter().map(|stored| stored.bytes).sum();
        held.low = offset.clamp(held.low, held.high);
        held.readers.iter().for_each(|reader| reader.notify_one());
    }

    /// Drops everything and begins at offset 0.
    pub(super) fn begin_again(&self) {
        let mut held = lock(&self.held);
        let (newest, readers) = (held.newest, Arc::clone(&held.readers));
        *held = Held { newest, readers, ..Held::default() };
        self.high.store(0, Ordering::Release);
        held.readers.iter().for_each(|reader| reader.notify_one());
    }

    /// Returns whether there is anything behind `position`, or not even that any more, without a lock.
    pub(super) fn has_news(&self, position: i64) -> bool {
        self.high.load(Ordering::Acquire) != position
    }

    /// Adds at most `most` records from `position` on to `into` and returns the position behind them.
    pub(super) fn read(&self, position: i64, most: usize, into: &mut Vec<Received>) -> Result<i64, BusError> {
        let held = lock(&self.held);
        if !(held.low..=held.high).contains(&position) {
            return Err(self.gone(position, &held));
        }
        let first = held.index_of(position);
        let last = first.saturating_add(most).min(held.records.len());
        into.reserve(last - first);
        into.extend(held.records.range(first..last).map(|stored| Received {
            partition: self.id.clone(),
            offset: stored.offset,
            appended: stored.appended,
            record: stored.record.clone(),
        }));
        Ok(held.records.get(last).map_or(held.high, |next| next.offset))
    }

    /// Returns the position that `from` means now.
    pub(super) fn locate(&self, from: StartAt) -> Result<i64, BusError> {
        let held = lock(&self.held);
        match from {
            StartAt::Beginning => Ok(held.low),
            StartAt::End => Ok(held.high),
            StartAt::Offset(offset) if (held.low..=held.high).contains(&offset) => Ok(offset),
            StartAt::Offset(offset) => Err(self.gone(offset, &held)),
            StartAt::Time(at) => {
                let first = held.records.partition_point(|stored| stored.appended < at);
                Ok(held.records.get(first).map_or(held.high, |stored| stored.offset))
            }
        }
    }

    pub(super) fn span(&self) -> Range<i64> {
        let mut held = lock(&self.held);
        held.forget(self.limits, self.horizon(self.clock.now()));
        held.low..held.high
    }

    /// Wakes `reader` at every append until `forget_reader`.
    pub(super) fn wake(&self, reader: &Arc<Notify>) {
        let mut held = lock(&self.held);
        held.readers = held.readers.iter().chain([reader]).cloned().collect();
    }

    pub(super) fn forget_reader(&self, reader: &Arc<Notify>) {
        let mut held = lock(&self.held);
        held.readers = held.readers.iter().filter(|have| !Arc::ptr_eq(have, reader)).cloned().collect();
    }

    fn horizon(&self, now: Timestamp) -> Option<Timestamp> {
        self.retention.map(|retention| now.before(retention))
    }

    fn gone(&self, offset: i64, held: &Held) -> BusError {
        BusError::OffsetGone { partition: self.id.clone(), offset, low: held.low, high: held.high }
    }
}

// === impl Held ===

impl Held {
    fn push(&mut self, record: Record, bytes: usize, appended: Timestamp) -> i64 {
        let offset = self.high;
        self.records.push_back(Stored { offset, appended, bytes, record });
        self.bytes += bytes;
        self.newest = appended;
        self.high += 1;
        offset
    }

    /// Drops the oldest while there is too much, and whatever is older than `horizon`; of the former never the newest.
    fn forget(&mut self, limits: EmbeddedLimits, horizon: Option<Timestamp>) {
        while let Some(oldest) = self.records.front() {
            let too_much = self.records.len() > limits.records_per_partition || self.bytes > limits.bytes_per_partition;
            let too_old = horizon.is_some_and(|horizon| oldest.appended < horizon);
            if !(too_old || too_much && self.records.len() > 1) {
                return;
            }
            self.bytes -= oldest.bytes;
            self.records.pop_front();
            self.low = self.records.front().map_or(self.high, |oldest| oldest.offset);
        }
    }

    /// Keeps the newest record of each key and all without a key, once enough has come to make it worth the walk.
    fn compact_if_due(&mut self) {
        let Compaction { left, high: looked } = self.last_compaction;
        if self.records.len() < left.saturating_mul(2).max(left.saturating_add(COMPACT_AFTER)) {
            return;
        }
        let mut newest = HashMap::new();
        for stored in &self.records {
            newest.insert(stored.record.key.clone(), stored.offset);
        }
        self.records.retain(|stored| {
            let superseded = newest.get(&stored.record.key).is_some_and(|&newest| newest > stored.offset);
            // A tombstone stays for one more compaction, so that whoever reads along sees it.
            let buried = stored.record.payload.is_none() && stored.offset < looked;
            stored.record.key.is_none() || !superseded && !buried
        });
        self.bytes = self.records.iter().map(|stored| stored.bytes).sum();
        self.last_compaction = Compaction { left: self.records.len(), high: self.high };
    }

    /// Returns the index of the first record at or behind `position`.
    fn index_of(&self, position: i64) -> usize {
        let behind_first = self.records.front().map_or(0, |first| position - first.offset);
        let guess = usize::try_from(behind_first).unwrap_or(0);
        match self.records.get(guess) {
            Some(stored) if stored.offset == position => guess,
            // Compaction leaves gaps.
            _ => self.records.partition_point(|stored| stored.offset < position),
        }
    }
}

/// Returns the bytes of `record` in key, headers and payload.
pub(super) fn size(record: &Record) -> usize {
    let length = |bytes: Option<&bytes::Bytes>| bytes.map_or(0, bytes::Bytes::len);
    length(record.key.as_ref()) + length(record.payload.as_ref()) + headers_size(&record.headers)
}

fn headers_size(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum()
}
