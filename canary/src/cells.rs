//! A bounded sketch of numbers: each falls into a cell, and every cell counts something.
//!
//! Laws: the same numbers in any order, in one sketch or in several that are merged, give the same cells; there are
//! never more than so many; a number lies between the edges of its cell. Where there would be too many, neighbours are
//! made one, everywhere alike, as in `UDDSketch` (I. Epicoco et al., "`UDDSketch`: accurate tracking of quantiles in data
//! streams", IEEE Access 8, 2020). Cells are 1/64 of an octave wide at first: 1.6 % of the number.

use std::{collections::BTreeMap, ops::AddAssign};

use serde::{Deserialize, Serialize};

/// Cells of numbers, from the smallest to the largest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Cells<T>(Places<T>);

/// Cells of whole numbers, all equally wide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Places<T> {
    /// How often neighbours were made one.
    level: u32,
    most: usize,
    cells: BTreeMap<i64, T>,
}

/// What is nearer to 0 than 2^-20 is 0: nobody reads more digits.
const TINY: f64 = 9.536_743_164_062_5e-7;
/// What is further from 0 than 2^40 is this.
const HUGE: f64 = 1_099_511_627_776.0;
/// So many bits of a number's fraction do not tell cells apart: 6 of 52 do.
const FINEST: u32 = 52 - 6;
/// So many cells there can be at all, of both signs: what a search over ranges of cells must be corrected for.
pub(crate) const CELLS: f64 = 2.0 * 61.0 * 64.0 + 1.0;

// === impl Cells ===

impl<T: Default + for<'cell> AddAssign<&'cell T>> Cells<T> {
    /// Returns an empty sketch of at most `most` cells.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Places::new(most))
    }

    /// Returns what the cell of `number` counts; NaN falls into the cell of 0.
    pub fn at(&mut self, number: f64) -> &mut T {
        self.0.at(place(number))
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// Returns the same in at most `most` cells.
    #[must_use]
    pub fn within(&self, most: usize) -> Self {
        let mut fewer = Self::new(most);
        fewer.merge(self);
        fewer
    }
}

impl<T> Cells<T> {
    /// Returns every cell with its edges, ascending; a number in it is no smaller than the one and no larger than the other.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (f64, f64, &T)> {
        let cell = |(place, counted): (&i64, _)| (self.edge(*place), self.edge(*place + 1), counted);
        self.0.cells.iter().map(move |(place, counted)| cell((place, counted)))
    }

    /// Returns how many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.cells.len()
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.cells.is_empty()
    }

    fn edge(&self, cell: i64) -> f64 {
        let edge = number((cell << self.0.level).clamp(place(-HUGE), place(HUGE) + 1));
        // What was taken for 0 is 0.
        if edge.abs() < TINY { 0.0 } else { edge }
    }
}

impl Cells<u64> {
    /// Counts `number`.
    pub fn count(&mut self, number: f64) {
        *self.at(number) += 1;
    }

    /// Returns what was counted here and there in the cells of the coarser of the two, ascending.
    pub(crate) fn beside(&self, other: &Self) -> Vec<(u64, u64)> {
        let mut both: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        let level = self.0.level.max(other.0.level);
        for (place, count) in &self.0.cells {
            both.entry(place >> (level - self.0.level)).or_default().0 += count;
        }
        for (place, count) in &other.0.cells {
            both.entry(place >> (level - other.0.level)).or_default().1 += count;
        }
        both.into_values().collect()
    }

    /// Returns how many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.cells.values().sum()
    }
}

// === impl Places ===

impl<T: Default + for<'cell> AddAssign<&'cell T>> Places<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { level: 0, most: most.max(2), cells: BTreeMap::new() }
    }

    /// Returns what the cell of `place` counts.
    pub(crate) fn at(&mut self, place: i64) -> &mut T {
        self.cells.entry(place >> self.level).or_default();
        self.shrink();
        self.cells.entry(place >> self.level).or_default()
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        while self.level < other.level {
            self.coarsen();
        }
        for (place, counted) in &other.cells {
            *self.cells.entry(place >> (self.level - other.level)).or_default() += counted;
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.cells.len() > self.most {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.level += 1;
        for (place, counted) in std::mem::take(&mut self.cells) {
            *self.cells.entry(place >> 1).or_default() += &counted;
        }
    }
}

impl<T> Places<T> {
    /// Returns every cell and where it begins, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &T)> {
        self.cells.iter().map(|(place, counted)| (place << self.level, counted))
    }

    /// Returns how wide a cell is.
    pub(crate) fn width(&self) -> i64 {
        1 << self.level
    }
}

/// Returns a place that grows with the number.
fn place(number: f64) -> i64 {
    let clamped = if number.is_nan() || number.abs() < TINY { 0.0 } else { number.clamp(-HUGE, HUGE) };
    let bits = clamped.to_bits().cast_signed();
    // As IEEE 754's total order has it: negative numbers descend with their bits.
    let ordered = bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed();
    ordered >> FINEST
}

/// Returns the smallest number at a place.
fn number(place: i64) -> f64 {
    let ordered = place << FINEST;
    let bits = ordered ^ ((ordered >> 63).cast_unsigned() >> 1).cast_signed();
    f64::from_bits(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(numbers: &[f64], most: usize) -> Cells<u64> {
        let mut cells = Cells::new(most);
        for number in numbers {
            cells.count(*number);
        }
        cells
    }

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![-1e9..1e9, -1.0..1.0, Just(0.0), Just(-0.0), 0.9..1.1];
        prop::collection::vec(number, 0..200)
    }

    proptest! {
        #[test]
        fn neither_order_nor_parts_matter_and_cells_are_few(all in numbers(), split in 0_usize..200, most in 2_usize..40) {
            let whole = sketch(&all, most);
            let backwards: Vec<f64> = all.iter().rev().copied().collect();
            prop_assert_eq!(&sketch(&backwards, most), &whole);
            let (left, right) = all.split_at(split.min(all.len()));
            let mut merged = sketch(right, most);
            merged.merge(&sketch(left, most));
            prop_assert_eq!(&merged, &whole);
            prop_assert!(whole.len() <= most);
            prop_assert_eq!(whole.total(), all.len() as u64);
        }

        #[test]
        fn a_number_lies_between_the_edges_of_its_cell(number in prop_oneof![-1e9..1e9, -2.0..2.0]) {
            let cells = sketch(&[number], 8);
            let (low, high, _) = cells.iter().next().expect("one");
            prop_assert!(low <= number && number <= high, "{low} {number} {high}");
            prop_assert!(number.abs() < 1e-5 || (high - low) <= 0.016 * number.abs(), "{low} {high}");
        }
    }

    #[test]
    fn nothing_is_zero_and_so_is_next_to_nothing() {
        let cells = sketch(&[0.0, -0.0, 1e-9, -1e-9], 8);
        assert_eq!(cells.iter().map(|(low, _, count)| (low, *count)).collect::<Vec<_>>(), [(0.0, 4)]);
    }
}
