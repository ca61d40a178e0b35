//! How far this host's clock is from the log's: the one clock that decides is the broker's append time of a record.
//!
//! Pure: readings of both clocks in, a correction out, all in microseconds. The *offset* is this host's clock less the
//! log's. A record that was sent at `sent`, appended at `appended` by the log's clock and acknowledged at `acknowledged`
//! proves `sent − appended ≤ offset ≤ acknowledged − appended`, and one that was read at `read` proves
//! `offset ≤ read − appended`; neither knows nor needs the time on the wire. What is proven within a minute is
//! intersected (Marzullo). Laws, each tested by name:
//! - *The truth is inside*: while neither clock jumps, the true offset lies in what is found, however slow the log is.
//! - *The least correction*: it moves only as far as it must, and not at all on hosts whose clocks agree.
//! - *No blind trust*: clocks that contradict themselves, or are a minute apart, correct nothing and are told.
//!
//! It deliberately does not know how a clock is moved.

use std::{collections::VecDeque, time::Duration};

use wire::Timestamp;

/// What readings of both clocks have proven of late.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    /// Oldest first.
    slots: VecDeque<Slot>,
    correction: i64,
    contradictions: VecDeque<Timestamp>,
}

/// What was proven since some reading of this host's clock.
#[derive(Clone, Copy, Debug)]
struct Slot {
    since: Timestamp,
    proven: Interval,
}

/// An offset is at least `low` and at most `high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    /// In microseconds; `i64::MIN` if nothing says so.
    pub(crate) low: i64,
    /// In microseconds; `i64::MAX` if nothing says so.
    pub(crate) high: i64,
}

/// What follows for this host's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is to be read as so many microseconds less.
    Corrected(i64),
    /// It is so many microseconds off, which nobody believes.
    TooFar(i64),
    /// What is proven contradicts itself again and again: a clock jumps, or brokers disagree. The correction stays.
    Unstable(i64),
}

/// Kafka tells the time of an append in whole milliseconds, rounded down.
const ROUNDED: i64 = 1_000;
/// How long a reading is heeded, in slots of so long: clocks drift, by some ten microseconds a second.
const KEPT: Duration = Duration::from_mins(1);
const SLOT: Duration = Duration::from_secs(5);
/// Brokers whose clocks differ by less are all right: whatever lies between them will do.
const TOLERATED: i64 = 20_000;
/// A larger offset is a mistake that somebody must mend.
const TRUSTED: i64 = 60_000_000;
/// So many contradictions within the time that readings are heeded are no accident.
const CONTRADICTIONS: usize = 3;

// === impl Skew ===

impl Skew {
    /// A record was sent and acknowledged at these readings of this host's clock, and appended at that of the log's.
    #[must_use]
    pub(crate) fn on_appended(&mut self, sent: Timestamp, appended: Timestamp, acknowledged: Timestamp) -> Finding {
        let low = micros_between(appended, sent).saturating_sub(ROUNDED);
        self.learn(Interval { low, high: micros_between(appended, acknowledged) }, acknowledged)
    }

    /// A record was read at this reading of this host's clock, and appended at that of the log's.
    #[must_use]
    pub(crate) fn on_read(&mut self, appended: Timestamp, read: Timestamp) -> Finding {
        self.learn(Interval { low: i64::MIN, high: micros_between(appended, read) }, read)
    }

    /// Returns what is proven of the offset now.
    #[must_use]
    pub(crate) fn proven(&self) -> Interval {
        self.slots.iter().fold(Interval::ANY, |all, slot| all.and(slot.proven))
    }

    fn learn(&mut self, proven: Interval, now: Timestamp) -> Finding {
        while self.slots.front().is_some_and(|slot| now.since(slot.since) > KEPT) {
            self.slots.pop_front();
        }
        while self.contradictions.front().is_some_and(|at| now.since(*at) > KEPT) {
            self.contradictions.pop_front();
        }
        match self.slots.back_mut() {
            Some(slot) if now.since(slot.since) < SLOT => slot.proven = slot.proven.and(proven),
            _ => self.slots.push_back(Slot { since: now, proven }),
        }
        let mut all = self.proven();
        if all.is_contradictory() {
            // Somebody's clock jumped: what was proven before it is void.
            self.slots.clear();
            self.slots.push_back(Slot { since: now, proven });
            self.contradictions.push_back(now);
            if self.contradictions.len() > CONTRADICTIONS {
                self.contradictions.pop_front();
            }
            all = proven;
        }
        self.find(all)
    }

    fn find(&mut self, proven: Interval) -> Finding {
        if self.contradictions.len() >= CONTRADICTIONS {
            return Finding::Unstable(self.correction);
        }
        let Interval { low, high } = proven.settled();
        let least = 0.clamp(low, high);
        if least.saturating_abs() > TRUSTED {
            self.correction = 0;
            return Finding::TooFar(least);
        }
        self.correction = self.correction.clamp(low, high);
        Finding::Corrected(self.correction)
    }
}

// === impl Interval ===

impl Interval {
    const ANY: Self = Self { low: i64::MIN, high: i64::MAX };

    fn and(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn is_contradictory(self) -> bool {
        self.low.saturating_sub(self.high) > TOLERATED
    }

    /// Between brokers that disagree a little, everything is as good.
    fn settled(self) -> Self {
        Self { low: self.low.min(self.high), high: self.high.max(self.low) }
    }
}

/// Returns `to` less `from`.
fn micros_between(from: Timestamp, to: Timestamp) -> i64 {
    to.as_micros().saturating_sub(from.as_micros())
}

#[cfg(test)]
mod tests;
