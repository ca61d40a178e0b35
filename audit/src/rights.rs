//! Who had the right to write a partition's results, when, and what was written without it.
//!
//! The rule is `wire::ResultsReader`'s; this keeps the account of it.

use std::collections::HashMap;

use serde::Serialize;
use wire::{Fencing, Record, ResultRecord, ResultsEntry, ResultsReader, Timestamp};

use crate::{finding::instant, scope::Place};

/// One fencing, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FenceTold {
    /// Of which partition.
    pub partition: i32,
    /// Its epoch.
    pub epoch: u64,
    /// Its instance.
    pub instance: String,
    /// Whether it took the partition over.
    pub standing: Standing,
    /// Where its first fence lies, if there is one.
    pub offset: Option<i64>,
    /// When the log took that in.
    #[serde(serialize_with = "instant")]
    pub appended: Option<Timestamp>,
    /// Whether its epoch is not the one after the accepted one: no collector writes that.
    pub jumped: bool,
    /// How often it was written again.
    pub repeats: u64,
    /// Its valid results, repeats among them.
    pub results: u64,
    /// Its void results.
    pub void: u64,
    /// Where the first of them lies.
    pub void_first: Option<i64>,
    /// Where the last of them lies.
    pub void_last: Option<i64>,
}

/// What became of a fencing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its fence took the partition over.
    Accepted,
    /// Its fence came too late.
    Ignored,
    /// There are results under it and no fence.
    Unfenced,
}

/// The account of one partition.
#[derive(Debug)]
pub(crate) struct Rights {
    partition: i32,
    /// The rule. What is a repeat the auditor knows better, so it need not remember anything.
    reader: ResultsReader,
    told: Vec<FenceTold>,
    index: HashMap<Fencing, usize>,
    max: usize,
    pub(crate) void: u64,
    pub(crate) fences: u64,
    /// Records under fencings that were too many to be listed.
    pub(crate) unlisted: u64,
}

/// What a record is to the auditor.
pub(crate) enum Read {
    Valid(ResultRecord),
    Void,
    Fence,
    Garbage,
}

// === impl Rights ===

impl Rights {
    pub(crate) fn new(partition: i32, max: usize) -> Self {
        let (told, index) = Default::default();
        Self { partition, reader: ResultsReader::new(0), told, index, max, void: 0, fences: 0, unlisted: 0 }
    }

    /// Reads a record; `settling` before it is known which fence is accepted, when nothing is void for certain.
    pub(crate) fn read(&mut self, place: Place, record: &Record, settling: bool) -> Read {
        let before = self.reader.accepted();
        match self.reader.read(record) {
            ResultsEntry::Valid(result) | ResultsEntry::Repeat(result) => {
                if let Some(told) = self.of(result.fencing) {
                    told.results += 1;
                }
                Read::Valid(result)
            }
            ResultsEntry::Void { .. } if settling => Read::Void,
            ResultsEntry::Void { result, .. } => {
                self.void += 1;
                if let Some(told) = self.of(result.fencing) {
                    told.void += 1;
                    told.void_first.get_or_insert(place.offset);
                    told.void_last = Some(place.offset);
                }
                Read::Void
            }
            ResultsEntry::Fence { fence, accepted } => {
                self.on_fence(place, fence.0, accepted, before);
                Read::Fence
            }
            ResultsEntry::Garbage(_) => Read::Garbage,
        }
    }

    /// Forgets whose results are valid: a fence may have been missed.
    pub(crate) fn lose_sight(&mut self) {
        self.reader = ResultsReader::new(0);
    }

    /// Returns whether a fence was accepted.
    pub(crate) fn has_owner(&self) -> bool {
        self.reader.accepted().is_some()
    }

    pub(crate) fn finish(self) -> Vec<FenceTold> {
        self.told
    }

    fn on_fence(&mut self, place: Place, fencing: Fencing, accepted: bool, before: Option<Fencing>) {
        self.fences += u64::from(accepted);
        // The first one begins where it likes.
        let jumped = accepted && before.is_some_and(|before| fencing.epoch != before.next_epoch());
        let Some(told) = self.of(fencing) else { return };
        if accepted {
            told.standing = Standing::Accepted;
            told.jumped |= jumped;
        }
        if told.offset.is_some() {
            told.repeats += 1;
            return;
        }
        told.offset = Some(place.offset);
        told.appended = Some(place.appended);
        if !accepted {
            told.standing = Standing::Ignored;
        }
    }

    /// Returns the line of a fencing, unless there are too many.
    fn of(&mut self, fencing: Fencing) -> Option<&mut FenceTold> {
        if !self.index.contains_key(&fencing) {
            if self.told.len() >= self.max {
                self.unlisted += 1;
                return None;
            }
            self.index.insert(fencing, self.told.len());
            self.told.push(FenceTold::new(self.partition, fencing));
        }
        self.told.get_mut(*self.index.get(&fencing)?)
    }
}

// === impl FenceTold ===

impl FenceTold {
    fn new(partition: i32, fencing: Fencing) -> Self {
        Self {
            partition,
            epoch: fencing.epoch,
            instance: fencing.instance.to_string(),
            standing: Standing::Unfenced,
            offset: None,
            appended: None,
            jumped: false,
            repeats: 0,
            results: 0,
            void: 0,
            void_first: None,
            void_last: None,
        }
    }
}
