//! What was counted, by when: fine slices of the last hour, coarser ones of the last day and the last month.
//!
//! Laws: the same counts told in any order of time, one by one or added up before, give the same series; a window's slices
//! hold every count in it, and those in the slice that its beginning cuts: 10 s in an hour, 5 min in a day, else an hour;
//! what is held is bounded, whatever comes.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, RangeInclusive},
    time::Duration,
};

use wire::Timestamp;

/// Counts of the last 31 days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series<T> {
    /// By level, the slices by their number since the epoch.
    levels: [BTreeMap<u64, T>; COUNT],
}

/// How many levels there are.
pub(crate) const COUNT: usize = 3;

/// How long slices are, and how many are kept.
struct Level {
    slice: Duration,
    kept: u64,
}

/// Each holds a little more than what is asked of it: an hour, a day, thirty days.
const LEVELS: [Level; COUNT] = [
    Level { slice: Duration::from_secs(10), kept: 6 * 65 },
    Level { slice: Duration::from_mins(5), kept: 12 * 25 },
    Level { slice: Duration::from_hours(1), kept: 24 * 31 },
];

// === impl Series ===

impl<T: Default + for<'slice> AddAssign<&'slice T>> Series<T> {
    /// Adds what was counted in the slice of that `number` in that `level`.
    pub(crate) fn add(&mut self, level: usize, number: u64, counted: &T) {
        let (level, slices) = (&LEVELS[level], &mut self.levels[level]);
        let newest = slices.last_key_value().map_or(number, |(newest, _)| *newest);
        if number + level.kept > newest {
            *slices.entry(number).or_default() += counted;
            level.forget(slices, newest.max(number));
        }
    }

    /// Returns the slices of the last `window` until `now` that are not empty, oldest first, each with its beginning.
    pub(crate) fn slices(&self, window: Duration, now: Timestamp) -> impl Iterator<Item = (Timestamp, &T)> {
        let (level, numbers) = span(window, now);
        self.levels[level].range(numbers).map(move |(number, counted)| (begin(level, *number), counted))
    }

    /// Returns how many slices are held.
    pub(crate) fn len(&self) -> usize {
        self.levels.iter().map(BTreeMap::len).sum()
    }
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self { levels: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()] }
    }
}

/// Returns the level that is as fine as can be over the last `window` until `now`, and the numbers of its slices.
pub(crate) fn span(window: Duration, now: Timestamp) -> (usize, RangeInclusive<u64>) {
    let holds = |level: &Level| level.slice.as_micros() * u128::from(level.kept - 1) >= window.as_micros();
    let level = LEVELS.iter().position(holds).unwrap_or(LEVELS.len() - 1);
    (level, number(level, now.before(window))..=number(level, now))
}

/// Returns the number of the slice of `level` that `at` falls into.
pub(crate) fn number(level: usize, at: Timestamp) -> u64 {
    LEVELS[level].number(at)
}

/// Returns when the slice of that `number` begins.
pub(crate) fn begin(level: usize, number: u64) -> Timestamp {
    LEVELS[level].begin(number)
}

/// Returns how long a slice of `level` is.
pub(crate) fn length(level: usize) -> Duration {
    LEVELS[level].slice
}

/// Returns how many slices of `level` are kept.
pub(crate) fn kept(level: usize) -> u64 {
    LEVELS.get(level).map_or(0, |level| level.kept)
}

// === impl Level ===

impl Level {
    fn number(&self, at: Timestamp) -> u64 {
        u64::try_from(at.as_micros()).unwrap_or(0) / self.micros()
    }

    fn begin(&self, number: u64) -> Timestamp {
        Timestamp::from_micros(i64::try_from(number.saturating_mul(self.micros())).unwrap_or(i64::MAX))
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.slice.as_micros()).unwrap_or(u64::MAX)
    }

    /// Forgets what is older than is kept when `newest` is the newest.
    fn forget<T>(&self, slices: &mut BTreeMap<u64, T>, newest: u64) {
        *slices = slices.split_off(&(newest + 1).saturating_sub(self.kept));
    }
}

#[cfg(test)]
mod tests;
