//! How long things took: counts in the cells of an HDR histogram.
//!
//! Laws: durations in any order, in one histogram or in several that are merged, give the same cells, so percentiles
//! over processes and over time are those of the whole and never averages of percentiles; a quantile is never understated,
//! and overstated by less than a thousandth, or by less than a thirty-second if it is `rough`. Cells are those of G. Tene's
//! `HdrHistogram` (tested against the crate `hdrhistogram`, whose dense arrays would take 160 KB for each slice of time;
//! here a cell that is empty costs nothing, and one that is not takes ten bytes).

use std::{ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};

/// Durations, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct Times {
    /// So many bits of a number tell cells apart.
    bits: u32,
    /// The cells that are not empty, ascending.
    cells: Vec<u16>,
    /// How many are in each of them.
    counts: Vec<u64>,
}

/// Cells that no histogram has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// 2,048 cells in each doubling resolve three digits.
const FINE: u32 = 11;
/// 32 cells in each doubling are enough for a curve.
const ROUGH: u32 = 6;
/// What takes longer than this (over half an hour) has taken this long.
const LONGEST: u64 = (1 << 31) - 1;

// === impl Times ===

impl Times {
    /// Returns none, whose quantiles will be overstated by up to a thirty-second: it takes a thirtieth of the room.
    #[must_use]
    pub fn rough() -> Self {
        Self { bits: ROUGH, ..Self::default() }
    }

    /// Returns the sum of `all`: what adding them one by one gives, sooner if they are many.
    #[must_use]
    pub fn total<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let bits = all.clone().map(|times| times.bits).min().unwrap_or(FINE);
        let mut dense = vec![0; usize::from(cell(LONGEST, bits)) + 1];
        for times in all {
            let counted = times.cells.iter().zip(&times.counts);
            // Nearly always all are equally fine, and a month of many executors is ten million cells.
            if times.bits == bits {
                counted.for_each(|(is, counted)| dense[usize::from(*is)] += counted);
            } else {
                counted.for_each(|(is, counted)| {
                    dense[usize::from(cell(lowest(u32::from(*is), times.bits), bits))] += counted;
                });
            }
        }
        let cells = (0_u16..).zip(dense).filter(|(_, counted)| *counted > 0);
        let (cells, counts) = cells.unzip();
        Self { bits, cells, counts }
    }

    /// Returns the same in half as many cells, whose quantiles may be overstated by twice as much.
    #[must_use]
    pub fn rougher(&self) -> Self {
        self.in_bits((self.bits - 1).max(1))
    }

    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST).min(LONGEST);
        let cell = cell(micros, self.bits);
        match self.cells.binary_search(&cell) {
            Ok(at) => self.counts[at] += 1,
            Err(at) => {
                self.cells.insert(at, cell);
                self.counts.insert(at, 1);
            }
        }
    }

    /// Returns how many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns how many surely took no longer than `limit`: those of the cell that it falls into do not count, unless it
    /// is that cell's end.
    #[must_use]
    pub fn within(&self, limit: Duration) -> u64 {
        let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        let cells = self.cells.partition_point(|cell| longest(*cell, self.bits) <= limit);
        self.counts[..cells].iter().sum()
    }

    /// Returns the duration that `share` of all did not exceed; `None` if nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = rank(self.count(), share);
        let mut seen = 0;
        self.iter().find_map(|(longest, counted)| {
            seen += counted;
            (seen >= rank).then_some(longest)
        })
    }

    /// Returns every cell that is not empty, ascending: the longest duration in it, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (Duration, u64)> {
        let longest = |cell: &u16| Duration::from_micros(longest(*cell, self.bits));
        self.cells.iter().map(longest).zip(self.counts.iter().copied())
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

    /// Returns the same in cells of so many bits, which must not be more.
    fn in_bits(&self, bits: u32) -> Self {
        let mut rougher = Self { bits, cells: Vec::new(), counts: Vec::new() };
        for (is, counted) in self.cells.iter().zip(&self.counts) {
            let is = cell(lowest(u32::from(*is), self.bits), bits);
            if rougher.cells.last() == Some(&is) {
                *rougher.counts.last_mut().expect("as many as cells") += counted;
            } else {
                rougher.cells.push(is);
                rougher.counts.push(*counted);
            }
        }
        rougher
    }

    /// Adds what `other` counted in cells of the same bits.
    fn merge(&mut self, other: &Self) {
        // Mostly every cell is there: what took long once does again.
        let mut at = 0;
        let mut missing = Vec::new();
        for (index, cell) in other.cells.iter().enumerate() {
            while self.cells.get(at).is_some_and(|have| have < cell) {
                at += 1;
            }
            if self.cells.get(at) == Some(cell) {
                self.counts[at] += other.counts[index];
            } else {
                missing.push((*cell, other.counts[index]));
            }
        }
        if missing.is_empty() {
            return;
        }
        let length = self.cells.len() + missing.len();
        let mut cells = Vec::with_capacity(length);
        let mut counts = Vec::with_capacity(length);
        let mut missing = missing.into_iter().peekable();
        for (cell, counted) in std::mem::take(&mut self.cells).into_iter().zip(std::mem::take(&mut self.counts)) {
            while let Some((before, fresh)) = missing.next_if(|(before, _)| *before < cell) {
                cells.push(before);
                counts.push(fresh);
            }
            cells.push(cell);
            counts.push(counted);
        }
        for (cell, counted) in missing {
            cells.push(cell);
            counts.push(counted);
        }
        (self.cells, self.counts) = (cells, counts);
    }
}

impl Default for Times {
    fn default() -> Self {
        Self { bits: FINE, cells: Vec::new(), counts: Vec::new() }
    }
}

/// What is rough stays rough, and makes rough what it is added to.
impl AddAssign<&Self> for Times {
    fn add_assign(&mut self, other: &Self) {
        if self.bits > other.bits {
            *self = self.in_bits(other.bits);
        }
        if self.bits < other.bits {
            self.merge(&other.in_bits(self.bits));
        } else {
            self.merge(other);
        }
    }
}

/// As it is written: the bits, and then of each cell that is not empty how far it is from the one before, and its count.
impl From<Times> for Vec<u64> {
    fn from(times: Times) -> Self {
        let mut before = 0;
        let cells = times.cells.iter().zip(&times.counts).flat_map(|(cell, counted)| {
            let step = cell - std::mem::replace(&mut before, *cell);
            [u64::from(step), *counted]
        });
        std::iter::once(u64::from(times.bits)).chain(cells).collect()
    }
}

impl TryFrom<Vec<u64>> for Times {
    type Error = Malformed;

    fn try_from(written: Vec<u64>) -> Result<Self, Malformed> {
        let [bits, cells @ ..] = &written[..] else { return Err(Malformed) };
        let bits = u32::try_from(*bits).ok().filter(|bits| (1..=FINE).contains(bits)).ok_or(Malformed)?;
        let last = cell(LONGEST, bits);
        let mut times =
            Self { bits, cells: Vec::with_capacity(cells.len() / 2), counts: Vec::with_capacity(cells.len() / 2) };
        for pair in cells.chunks(2) {
            let [step, counted] = pair else { return Err(Malformed) };
            let is = times.cells.last().map_or(Some(0), |before| (*step > 0).then_some(u64::from(*before)));
            let is = is.and_then(|before| u16::try_from(before.checked_add(*step)?).ok()).filter(|is| *is <= last);
            times.cells.push(is.ok_or(Malformed)?);
            times.counts.push(*counted);
        }
        Ok(times)
    }
}

// === impl Malformed ===

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("these are no histogram's cells")
    }
}

/// Returns which of `all`, the smallest being the first, is the one that `share` of them do not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a count"
)]
pub(crate) fn rank(all: u64, share: f64) -> u64 {
    ((all as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1)
}

/// Returns the number of the cell that `micros` falls into: the first `2^bits` hold one microsecond each, and each half as
/// many after them twice as much as those before.
fn cell(micros: u64, bits: u32) -> u16 {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(bits);
    let cell = (u64::from(shift) << (bits - 1)) + (micros >> shift);
    u16::try_from(cell).expect("the longest time of the finest cells falls into one of less than 2^15")
}

/// Returns the shortest duration that falls into the cell of that number.
fn lowest(cell: u32, bits: u32) -> u64 {
    let shift = (cell >> (bits - 1)).saturating_sub(1);
    u64::from(cell - (shift << (bits - 1))) << shift
}

/// Returns the longest duration that does.
fn longest(cell: u16, bits: u32) -> u64 {
    lowest(u32::from(cell) + 1, bits) - 1
}

#[cfg(test)]
mod tests;
