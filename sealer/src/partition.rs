//! One partition of the results: which of its records are to be copied, and from where that can be gone on with.
//!
//! Pure. Laws, each tested by name:
//! - *Each once, in order*: whatever is read again after a restart, what is to be copied is each valid result once, by
//!   the reader's rule, in the order of the log; no void record, no repeat, no fence.
//! - *A place is enough*: a partition that is opened at a place goes on as the one that gave the place would have.
//! - *Bounded*: what is remembered is the ids of the last results and a few dozen marks.
//!
//! Which result is valid depends on the fences before it, and which is a repeat on the results before it. A place says
//! the former outright; for the latter it says from where a successor reads again, up to the place and copying nothing.

use std::collections::VecDeque;

use wire::{
    EnvelopeError, Fence, Fencing, Record, ResultsEntry, ResultsReader,
    mutation::{self, Mutation::RepeatsAreForgotten},
};

use crate::place::Place;

/// A partition, as far as it was read.
#[derive(Clone, Debug)]
pub struct Partition {
    reader: ResultsReader,
    reach: Reach,
    /// The first record that is not dealt with. Ahead of `heard` as long as what came before it is read again.
    next: i64,
    /// Whose results are valid at `next`, as the place said that this one was opened at.
    valid: Option<Fencing>,
    /// The first offset that was not heard; `None` if any may come.
    heard: Option<i64>,
    /// Where a successor may begin, oldest first. Never empty once anything was heard.
    marks: VecDeque<Mark>,
    /// How many valid results were heard, repeats among them.
    results: u64,
}

/// How many results back repeats are recognised.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// So many results back a successor begins to read, repeats among them.
    pub results: u64,
    /// So many are between two marks: what is read too much at most.
    pub step: u64,
    /// So many ids are remembered. More than `results`: what is read again may hold repeats of what lies before it.
    pub window: usize,
}

/// What a record is.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A result, to be copied.
    Copy,
    /// It was dealt with before; now it is only remembered.
    Known,
    /// A result again.
    Repeat,
    /// A result written without the right to.
    Void,
    /// A fence.
    Fence,
    /// Neither a result nor a fence.
    Garbage(EnvelopeError),
}

/// What it means that the log does not hold what was to be read.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Only what would have been read again: older repeats may not be recognised.
    Memory,
    /// So many records were dropped by the log before they were copied.
    Lost(i64),
    /// The log ends so many records before what was copied already: it was cut off.
    CutOff(i64),
}

/// A place from which the reader's rule can be applied.
#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: i64,
    valid: Option<Fencing>,
    /// How many valid results had been heard, repeats among them.
    results: u64,
}

// === impl Reach ===

impl Default for Reach {
    /// A writer's retries come right behind what they repeat; this is seconds at the highest rates measured, and a few
    /// megabytes of ids in each partition.
    fn default() -> Self {
        Self { results: 1 << 15, step: 1 << 10, window: 1 << 16 }
    }
}

// === impl Partition ===

impl Partition {
    /// Opens a partition that its group has committed up to there, with that note, or never.
    #[must_use]
    pub fn open(committed: Option<(i64, &str)>) -> Self {
        Self::open_with(Reach::default(), committed)
    }

    /// Opens a partition whose repeats are recognised that far back.
    #[must_use]
    pub fn open_with(reach: Reach, committed: Option<(i64, &str)>) -> Self {
        let mut partition = Self {
            reader: ResultsReader::new(reach.window),
            reach,
            next: committed.map_or(0, |(next, _)| next),
            valid: None,
            heard: None,
            marks: VecDeque::new(),
            results: 0,
        };
        if let Some(place) = committed.and_then(|(next, note)| Place::parse(next, note)) {
            partition.valid = place.valid;
            if mutation::is(RepeatsAreForgotten) {
                partition.begin(place.next, place.valid);
            } else {
                partition.begin(place.from, place.valid_from);
            }
        }
        partition
    }

    /// Returns the offset to read from; `None` for the oldest that the log holds.
    #[must_use]
    pub fn start(&self) -> Option<i64> {
        self.heard
    }

    /// Hears the record at `offset`, the next one that is there.
    pub fn on_record(&mut self, offset: i64, record: &Record) -> Heard {
        if self.heard.is_some_and(|heard| offset < heard) {
            return Heard::Known;
        }
        if self.marks.is_empty() {
            self.begin(offset, None);
        }
        let entry = self.reader.read(record);
        self.heard = Some(offset + 1);
        // Repeats too: to who reads them again without what they repeat they are results, and both must count alike.
        if matches!(entry, ResultsEntry::Valid(_) | ResultsEntry::Repeat(_)) {
            self.results += 1;
        }
        self.mark(offset + 1);
        if offset < self.next {
            return Heard::Known;
        }
        self.next = offset + 1;
        match entry {
            ResultsEntry::Valid(_) => Heard::Copy,
            ResultsEntry::Repeat(_) => Heard::Repeat,
            ResultsEntry::Void { .. } => Heard::Void,
            ResultsEntry::Fence { .. } => Heard::Fence,
            ResultsEntry::Garbage(error) => Heard::Garbage(error),
        }
    }

    /// Hears that the log holds `low` to `high` and not what was to be read; `start` says from where to go on.
    pub fn on_gone(&mut self, low: i64, high: i64) -> Gone {
        if self.next > high {
            let ahead = self.next - high;
            // Fences behind the cut may be gone: only what a place says of an offset that is still there is known.
            let mark = self.marks.front().filter(|mark| (low..=high).contains(&mark.offset));
            let (from, valid) = mark.map_or((low, None), |mark| (mark.offset, mark.valid));
            (self.next, self.valid) = (high, None);
            self.begin(from, valid);
            Gone::CutOff(ahead)
        } else if self.next < low && self.heard.is_some() {
            let lost = low - self.next;
            (self.next, self.valid) = (low, None);
            // Fences may be among what was lost; the owner repeats its own within seconds.
            self.begin(low, None);
            Gone::Lost(lost)
        } else {
            let valid = self.place().valid;
            self.valid = valid;
            self.begin(low, valid);
            Gone::Memory
        }
    }

    /// Returns where it stands, to be committed with what was copied up to here.
    #[must_use]
    pub fn place(&self) -> Place {
        let caught_up = self.heard.is_some_and(|heard| heard >= self.next);
        let valid = if caught_up { self.reader.accepted() } else { self.valid };
        let (from, valid_from) = self.marks.front().map_or((self.next, None), |mark| (mark.offset, mark.valid));
        Place { next: self.next, valid, from: from.min(self.next), valid_from }
    }

    /// Begins to read at `offset`, where the results of `valid` are valid.
    fn begin(&mut self, offset: i64, valid: Option<Fencing>) {
        self.reader = ResultsReader::new(self.reach.window);
        if let Some(valid) = valid {
            self.reader.on_fence(Fence(valid));
        }
        (self.heard, self.results) = (Some(offset), 0);
        self.marks = VecDeque::from([Mark { offset, valid, results: 0 }]);
    }

    /// Marks `offset` if the last mark is far enough back, and lets go of marks that nobody needs.
    fn mark(&mut self, offset: i64) {
        let (results, valid) = (self.results, self.reader.accepted());
        if self.marks.back().is_none_or(|last| results - last.results >= self.reach.step) {
            self.marks.push_back(Mark { offset, valid, results });
        }
        while self.marks.get(1).is_some_and(|second| results - second.results >= self.reach.results) {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
