//! Records that were not understood, on their way to the dead letters: until one is written it is held where it lies.
//!
//! Bounded by count: more are counted and let go.

use std::collections::BTreeMap;

use bus::Received;
use wire::{DeadLetter, Record};

use super::Source;

/// At most so many dead letters of a partition wait for their acknowledgement.
const COUNT_MAX: usize = 10_000;

/// The dead letters of a partition that are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct DeadLetters(BTreeMap<(Source, i64), Letter>);

#[derive(Debug)]
struct Letter {
    what: DeadLetter,
    /// Whether it is to be written, or written again.
    again: bool,
    /// Whether the log did not take it whole.
    is_short: bool,
}

// === impl DeadLetters ===

impl DeadLetters {
    /// Returns the dead letter to write for a record, unless there are too many. A `withheld` one is written later.
    pub(super) fn bury(
        &mut self,
        source: Source,
        received: &Received,
        reason: String,
        withheld: bool,
    ) -> Option<Record> {
        if self.0.len() >= COUNT_MAX {
            return None;
        }
        let origin = format!("{}/{}", received.partition, received.offset);
        let letter = DeadLetter { origin, reason, original: received.record.clone() };
        let record = letter.encode();
        self.0.insert((source, received.offset), Letter { what: letter, again: withheld, is_short: false });
        Some(record)
    }

    /// Hears whether one was written; returns whether it was waited for and is no more.
    pub(super) fn on_written(&mut self, source: Source, offset: i64, written: bool) -> bool {
        if written {
            return self.0.remove(&(source, offset)).is_some();
        }
        if let Some(letter) = self.0.get_mut(&(source, offset)) {
            letter.again = true;
        }
        false
    }

    /// Hears that one is too large; returns whether it was waited for and can be made no shorter.
    pub(super) fn on_too_large(&mut self, source: Source, offset: i64) -> bool {
        let Some(letter) = self.0.get_mut(&(source, offset)) else { return false };
        if letter.is_short {
            return self.on_written(source, offset, true);
        }
        letter.what = letter.what.clone().shortened();
        (letter.is_short, letter.again) = (true, true);
        false
    }

    /// Returns those that failed or were withheld, to be written.
    pub(super) fn again(&mut self) -> Vec<(Source, i64, Record)> {
        let again = |((source, offset), letter): (&(Source, i64), &mut Letter)| {
            std::mem::take(&mut letter.again).then(|| (*source, *offset, letter.what.encode()))
        };
        self.0.iter_mut().filter_map(again).collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
