//! One file in the making: which offsets it covers, and when it is full.
//!
//! Pure: it counts what is put into it and deliberately does not know what that looks like or where it goes.
//! Laws, each tested by name:
//! - *Once, in order*: an offset below the next expected one is never admitted again.
//! - *Holes are written down*: offsets that the log skipped become gaps of the segment, never silence.
//! - *Bounded*: rows, bytes, gaps and age each fill a segment; one record may exceed the bytes by its own size.

use std::{fmt, ops::Range, time::Duration};

use wire::Timestamp;

/// When a segment is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At this many records.
    pub rows: usize,
    /// At this many bytes of keys, headers and payloads.
    pub bytes: usize,
    /// This long after its first record came in.
    pub every: Duration,
}

/// One file in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    begin: Begin,
    covered: Option<Covered>,
    next: i64,
    rows: usize,
    bytes: usize,
    due: Option<Timestamp>,
    gaps: Vec<Range<i64>>,
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Nothing is archived yet: whatever the log begins with is the first record, and nothing is missing before it.
    Anywhere,
    /// The archive holds everything below this offset.
    At(i64),
}

/// The offsets of the first and the last record of a file, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Covered {
    /// Of the first record.
    pub first: i64,
    /// Of the last record.
    pub last: i64,
}

/// What became of an offset that was offered.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is the next one.
    Next,
    /// It is the next one that the log holds; these before it are missing.
    After(Range<i64>),
    /// It is archived, or here, already.
    Again,
}

/// More gaps than this fill a segment, so that a log full of holes cannot grow the list without end.
const GAPS_MAX: usize = 1_000;

// === impl Segment ===

impl Segment {
    /// Opens an empty segment.
    pub(crate) fn open(begin: Begin) -> Self {
        Self { begin, covered: None, next: begin.position(), rows: 0, bytes: 0, due: None, gaps: Vec::new() }
    }

    /// Opens the segment that follows this one.
    pub(crate) fn following(&self) -> Self {
        let begin = if self.covered.is_some() { Begin::At(self.next) } else { self.begin };
        Self::open(begin)
    }

    /// Counts a record of `size` bytes that came in at `now`, unless it is here already.
    pub(crate) fn admit(&mut self, offset: i64, size: usize, now: Timestamp, limits: &Limits) -> Admission {
        if offset < self.next {
            return Admission::Again;
        }
        let missing = self.skip_to(offset);
        self.covered = Some(Covered { first: self.covered.map_or(offset, |covered| covered.first), last: offset });
        self.next = offset + 1;
        self.rows += 1;
        self.bytes += size;
        self.due.get_or_insert_with(|| now.after(limits.every));
        missing.map_or(Admission::Next, Admission::After)
    }

    /// Writes down that the log holds nothing more before `offset`; returns what is missing by that.
    pub(crate) fn skip_to(&mut self, offset: i64) -> Option<Range<i64>> {
        let missing = self.next..offset;
        if missing.is_empty() {
            return None;
        }
        self.next = offset;
        if self.covered.is_none() && self.begin == Begin::Anywhere {
            return None;
        }
        match self.gaps.last_mut() {
            Some(gap) if gap.end == missing.start => gap.end = missing.end,
            _ => self.gaps.push(missing.clone()),
        }
        Some(missing)
    }

    /// Returns whether nothing more should be put in.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.rows >= limits.rows || self.bytes >= limits.bytes || self.gaps.len() >= GAPS_MAX
    }

    /// Returns the instant from which it must be written although it is not full; `None` while it is empty.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Returns the offset that is expected next.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Returns the position in the archive: everything below it lies in earlier files, or was never held.
    pub(crate) fn position(&self) -> i64 {
        self.begin.position()
    }

    /// Returns the offsets of its first and last record; `None` while it is empty.
    pub(crate) fn covered(&self) -> Option<Covered> {
        self.covered
    }

    /// Returns the offsets that the log did not hold between the earlier file and the last record here.
    pub(crate) fn gaps(&self) -> &[Range<i64>] {
        &self.gaps
    }

    /// Returns how many records it holds.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

// === impl Begin ===

impl Begin {
    /// Returns the offset from which to expect records.
    pub(crate) fn position(self) -> i64 {
        match self {
            Self::Anywhere => 0,
            Self::At(position) => position,
        }
    }
}

// === impl Covered ===

impl fmt::Display for Covered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests;
