//! Learns which requests are decided, so that whoever has not started about them is spared: the results of the
//! partitions that are ours, read only where somebody starts later.
//!
//! What `wire::TopicReader` calls void decides nothing. If the results cannot be read, nobody is spared, and that is all.

use std::{collections::HashMap, sync::Arc};

use bus::{Bus, BusError, StartAt};
use policies::Versions;
use wire::{ExecutorId, LEAD, RequestId, ResultsEntry, Role, Timestamp, TopicReader};

use crate::{
    ear::{Ear, Heard},
    post,
};

/// The results, as far as somebody here asks for them.
pub(crate) struct Verdicts {
    pub(crate) ear: Ear,
    is_followed: bool,
    reader: TopicReader,
    /// From when on results of a partition are heeded: before, a fence that landed late may be the only one that was read.
    from: HashMap<i32, Timestamp>,
}

// === impl Verdicts ===

impl Verdicts {
    pub(crate) fn new(bus: Arc<dyn Bus>, results: String) -> Self {
        Self { ear: Ear::new(bus, results), is_followed: false, reader: TopicReader::new(0), from: HashMap::new() }
    }

    /// Reads them as long as somebody of `versions` that is run here starts later and can be spared.
    pub(crate) fn follow(&mut self, versions: &Versions, only: Option<&[ExecutorId]>, now: Timestamp) {
        let wanted = post::named(versions, only);
        let is_needed = wanted.iter().any(|post| post.spec.role == Role::Candidate && post.spec.start.is_later());
        if is_needed && !self.is_followed {
            self.heed_from(now);
        }
        self.is_followed = is_needed;
        self.ear.need(is_needed);
    }

    /// Begins to read a partition.
    pub(crate) fn on_assigned(&mut self, partition: i32, now: Timestamp) -> Result<(), BusError> {
        self.reader.restart(partition);
        self.from.insert(partition, now);
        self.ear.start(partition, before(now))
    }

    /// Reads a partition no more.
    pub(crate) fn stop(&mut self, partition: i32) -> Result<(), BusError> {
        self.reader.restart(partition);
        self.from.remove(&partition);
        self.ear.stop(partition)
    }

    /// Returns which requests are decided by what was heard.
    pub(crate) fn on_heard(&mut self, heard: Heard, now: Timestamp) -> Result<Vec<RequestId>, BusError> {
        match heard {
            Heard::Opened => self.ear.start_all(before(now)).map(|()| Vec::new()),
            Heard::Records(records) => {
                let decided = records.iter().filter_map(|received| {
                    let partition = received.partition.partition;
                    let entry = self.reader.read(partition, &received.record);
                    let is_new = self.from.get(&partition).is_some_and(|from| received.appended >= *from);
                    match entry {
                        ResultsEntry::Valid(result) | ResultsEntry::Repeat(result) => is_new.then_some(result.request),
                        _ => None,
                    }
                });
                Ok(decided.collect())
            }
        }
    }

    /// Goes on with what is said now, after a gap.
    pub(crate) fn on_gap(&mut self, now: Timestamp) -> Result<(), BusError> {
        self.heed_from(now);
        self.ear.start_all(before(now))
    }

    fn heed_from(&mut self, now: Timestamp) {
        self.reader = TopicReader::new(0);
        self.from.values_mut().for_each(|from| *from = now);
    }
}

/// Fences are read from a while ago on, since their owner repeats them every few seconds.
fn before(now: Timestamp) -> StartAt {
    StartAt::Time(now.before(LEAD))
}
