//! Good and bad outcomes of the last while, in ten parts that slide.
//!
//! Pure. The usual outcome costs a comparison and an addition.

use std::time::Duration;

use wire::Timestamp;

const PARTS: usize = 10;
/// After so many parts without an outcome, whoever counts may have been stopped: what comes then comes all at once.
const QUIET: u32 = 2;

/// What was counted lately.
#[derive(Debug)]
pub(super) struct Window {
    /// How long a part is.
    part: Duration,
    parts: [Part; PARTS],
    /// The part that is counted into.
    at: usize,
    /// When that part ends.
    ends: Timestamp,
    sum: Part,
    /// When the first outcome came that may still be counted.
    since: Option<Timestamp>,
    /// How many bad ones came one after the other, and when the first of them did.
    row: u32,
    row_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    good: u32,
    bad: u32,
}

/// What was counted lately, for whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Good ones.
    pub(crate) good: u32,
    /// Bad ones.
    pub(crate) bad: u32,
    /// Bad ones in a row, up to the last.
    pub(crate) row: u32,
}

// === impl Window ===

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            part: length / 10,
            parts: [Part::default(); PARTS],
            at: 0,
            ends: Timestamp::EPOCH,
            sum: Part::default(),
            since: None,
            row: 0,
            row_since: None,
        }
    }

    pub(super) fn on_good(&mut self, now: Timestamp) {
        self.turn(now);
        (self.row, self.row_since) = (0, None);
        self.parts[self.at].good += 1;
        self.sum.good += 1;
    }

    pub(super) fn on_bad(&mut self, now: Timestamp) {
        self.turn(now);
        self.row_since = self.row_since.or(Some(now));
        self.row = self.row.saturating_add(1);
        self.parts[self.at].bad += 1;
        self.sum.bad += 1;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self { part: self.part, ..Self::new(Duration::ZERO) };
    }

    pub(super) fn tally(&self) -> Tally {
        Tally { good: self.sum.good, bad: self.sum.bad, row: self.row }
    }

    /// Returns when what is counted began, at the latest.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Returns when the last row of bad ones began.
    pub(super) fn row_since(&self) -> Option<Timestamp> {
        self.row_since
    }

    /// Goes on to the part of `now`; time never goes back.
    fn turn(&mut self, now: Timestamp) {
        if now >= self.ends {
            self.turn_on(now);
        }
    }

    #[cold]
    fn turn_on(&mut self, now: Timestamp) {
        let length = self.part * 10;
        if self.since.is_none() || self.ends.after(length) <= now {
            // Nothing was heard for a whole window: what was bad before then may be another story.
            self.clear();
            (self.since, self.ends) = (Some(now), now.after(self.part));
            return;
        }
        if self.ends.after(self.part * QUIET) <= now {
            self.since = Some(now);
        }
        while self.ends <= now {
            self.at = (self.at + 1) % PARTS;
            let Part { good, bad } = std::mem::take(&mut self.parts[self.at]);
            (self.sum.good, self.sum.bad) = (self.sum.good - good, self.sum.bad - bad);
            self.ends = self.ends.after(self.part);
        }
    }
}
