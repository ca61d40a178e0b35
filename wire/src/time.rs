//! Instants and durations. There is no `now()` here: whoever decides is told the time.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// An instant: microseconds since the Unix epoch, on the broker's clock wherever it decides anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// How long an answer may take: a duration, never an instant. Whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Budget(u64);

/// The first instant whose year has five digits.
const YEAR_10_000: i64 = 253_402_300_800_000_000;

// === impl Timestamp ===

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// Returns the instant `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the time from `earlier` to this instant, zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(if micros > 0 { micros.unsigned_abs() } else { 0 })
    }

    /// Returns this instant moved later by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns this instant moved earlier by `duration`.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for SystemTime {
    /// For whatever writes instants for people. What stands in records may lie outside of the years that can be written, and
    /// is told as the nearest of them.
    fn from(at: Timestamp) -> Self {
        Self::UNIX_EPOCH + Duration::from_micros(at.0.clamp(0, YEAR_10_000 - 1).unsigned_abs())
    }
}

// === impl Budget ===

impl Budget {
    /// Returns a budget of `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns a budget of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// Returns the budget in microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the budget as a duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Returns the deadline of something born at `born`.
    #[must_use]
    pub fn deadline(self, born: Timestamp) -> Timestamp {
        born.after(self.as_duration())
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            micros if micros % 1_000_000 == 0 => write!(out, "{}s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(out, "{}ms", micros / 1_000),
            micros => write!(out, "{micros}us"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_that_stands_in_a_record_can_be_written() {
        let written = |micros| SystemTime::from(Timestamp(micros)).duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!([written(i64::MIN), written(-1), written(7)].map(|since| since.as_micros()), [0, 0, 7]);
        assert_eq!(written(i64::MAX).as_micros() + 1, YEAR_10_000.unsigned_abs().into());
    }
}
