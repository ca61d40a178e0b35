//! How long things took: counts in the cells of an HDR histogram with three significant digits.
//!
//! Laws: durations in any order, in one histogram or in several that are merged, give the same cells, so percentiles
//! over processes and over time are those of the whole and never averages of percentiles; a quantile is never understated,
//! and overstated by less than a thousandth. Cells are those of G. Tene's `HdrHistogram` (tested against the crate
//! `hdrhistogram`, whose dense arrays would take 160 KB for each slice of time; here a cell that is empty costs nothing).

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};

/// Durations, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// By the smallest duration that falls into the cell, how many did.
    cells: BTreeMap<u64, u64>,
}

/// So many bits of a number tell cells apart: 2,048 of them resolve three digits.
const BITS: u32 = 11;
/// What takes longer than this (over half an hour) has taken this long.
const LONGEST: u64 = (1 << 31) - 1;

// === impl Times ===

impl Times {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST).min(LONGEST);
        *self.cells.entry(lowest(micros)).or_default() += 1;
    }

    /// Returns how many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cells.values().sum()
    }

    /// Returns how many surely took no longer than `limit`: those of the cell that it falls into do not count, unless it
    /// is that cell's end.
    #[must_use]
    pub fn within(&self, limit: Duration) -> u64 {
        let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        self.cells.iter().take_while(|(cell, _)| highest(**cell) <= limit).map(|(_, counted)| counted).sum()
    }

    /// Returns the duration that `share` of all did not exceed; `None` if nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.count();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count"
        )]
        let rank = ((all as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = self.cells.iter().find(|(_, counted)| {
            seen += **counted;
            seen >= rank
        });
        reached.map(|(cell, _)| Duration::from_micros(highest(*cell)))
    }

    /// Returns every cell that is not empty, ascending: the longest duration in it, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.cells.iter().map(|(cell, counted)| (Duration::from_micros(highest(*cell)), *counted))
    }

    /// Returns how many cells are not empty: what it takes in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

impl AddAssign<&Self> for Times {
    fn add_assign(&mut self, other: &Self) {
        for (cell, counted) in &other.cells {
            *self.cells.entry(*cell).or_default() += counted;
        }
    }
}

fn width(micros: u64) -> u32 {
    (u64::BITS - micros.leading_zeros()).saturating_sub(BITS)
}

fn lowest(micros: u64) -> u64 {
    micros >> width(micros) << width(micros)
}

fn highest(cell: u64) -> u64 {
    cell + (1 << width(cell)) - 1
}

#[cfg(test)]
mod tests;
