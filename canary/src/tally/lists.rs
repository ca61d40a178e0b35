//! What was counted of two who answer with lists.

use serde::{Deserialize, Serialize};

use super::Four;
use crate::{
    cells::Places,
    ranking::Likeness,
    statistics::{Mean, exact},
};

/// Lists in pairs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lists {
    pub(crate) overlap: Shares,
    pub(crate) ranking: Shares,
    /// The same items in the same order.
    pub(crate) same: u64,
    /// The same first item.
    pub(crate) same_first: u64,
    /// Whose list had an item more than once.
    pub(crate) repeated: Four,
}

/// Shares from 0 to 1, and what they add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shares {
    /// In millionths: sums of whole numbers are the same in whatever order.
    sum: u64,
    cells: Places<u64>,
}

/// How finely shares are told apart: each of 600 steps and what lies between two is a cell, so that whatever is a part of
/// 1 to 6, 8, 10, 12, 15, 20, 25, 30, 40, 50 or 100 items is known exactly.
const STEPS: i64 = 600;
/// Every step and every gap between two of them.
const CELLS_MAX: usize = 1_201;

// === impl Lists ===

impl Lists {
    /// Counts two lists; `repeated` says whether the canary's, and whether the reference's, had an item more than once.
    pub(crate) fn count(&mut self, likeness: &Likeness, repeated: (bool, bool)) {
        self.overlap.count(likeness.overlap);
        self.ranking.count(likeness.ranking);
        self.same += u64::from(likeness.is_same);
        self.same_first += u64::from(likeness.has_same_first);
        self.repeated.count(repeated.0, repeated.1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.overlap.merge(&other.overlap);
        self.ranking.merge(&other.ranking);
        self.same += other.same;
        self.same_first += other.same_first;
        self.repeated += &other.repeated;
    }
}

// === impl Shares ===

impl Default for Shares {
    fn default() -> Self {
        Self { sum: 0, cells: Places::new(CELLS_MAX) }
    }
}

impl Shares {
    /// Counts a share.
    pub(crate) fn count(&mut self, share: f64) {
        self.sum += millionths(share);
        *self.cells.at(place(share)) += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.cells.merge(&other.cells);
    }

    /// Returns how many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count).sum()
    }

    /// Returns their mean; `None` of nothing.
    pub(crate) fn mean(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| exact(self.sum) / exact(total) / 1e6)
    }

    /// Returns what is known of their mean.
    pub(crate) fn known(&self) -> Mean {
        Mean::between(self.cells(), (0.0, 1.0))
    }

    /// Returns what is known of the mean of what each lacks of 1.
    pub(crate) fn known_lacks(&self) -> Mean {
        Mean::between(self.cells().map(|(low, high, count)| (1.0 - high, 1.0 - low, count)), (0.0, 1.0))
    }

    /// Returns every cell with its edges, ascending.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        self.cells.iter().map(|(place, count)| (edge(place.div_euclid(2)), edge((place + 1).div_euclid(2)), *count))
    }
}

/// Returns twice the step that the share is, or one more than twice the one below it.
fn place(share: f64) -> i64 {
    let steps = share.clamp(0.0, 1.0) * exact(STEPS.unsigned_abs());
    let nearest = steps.round();
    // A part of the items is a step, whatever was rounded.
    let is_step = (steps - nearest).abs() < 1e-9;
    #[expect(clippy::cast_possible_truncation, reason = "from 0 to 600")]
    if is_step { 2 * nearest as i64 } else { 2 * steps.floor() as i64 + 1 }
}

fn edge(step: i64) -> f64 {
    exact(step.unsigned_abs()) / exact(STEPS.unsigned_abs())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
pub(super) fn millionths(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(all: &[f64]) -> Shares {
        let mut shares = Shares::default();
        for share in all {
            shares.count(*share);
        }
        shares
    }

    proptest! {
        #[test]
        fn two_halves_are_the_whole_in_whatever_order(all in prop::collection::vec(0.0..=1.0_f64, 0..200), split in 0_usize..200) {
            let whole = shares(&all);
            let backwards: Vec<f64> = all.iter().rev().copied().collect();
            prop_assert_eq!(&shares(&backwards), &whole);
            let (one, two) = all.split_at(split.min(all.len()));
            let mut sum = shares(two);
            sum.merge(&shares(one));
            prop_assert_eq!(&sum, &whole);
            prop_assert_eq!(whole.total(), all.len() as u64);
        }

        #[test]
        fn a_share_lies_between_the_edges_of_its_cell(share in 0.0..=1.0_f64) {
            let (low, high, _) = shares(&[share]).cells().next().expect("one");
            prop_assert!(low <= share && share <= high && high - low < 0.0017, "{low} {share} {high}");
        }

        #[test]
        fn a_part_of_so_many_items_is_known_exactly(top in prop::sample::select(vec![1_u32, 2, 3, 5, 10, 20, 50, 100]), part in 0.0..=1.0_f64) {
            let share = (f64::from(top) * part).floor() / f64::from(top);
            let (low, high, _) = shares(&[share]).cells().next().expect("one");
            prop_assert!((high - low).abs() < 1e-12 && (low - share).abs() < 1e-9);
        }

        #[test]
        fn the_mean_lies_within_its_bounds_and_what_lacks_is_the_rest(all in prop::collection::vec(0.0..=1.0_f64, 1..200)) {
            let shares = shares(&all);
            let mean = shares.mean().expect("some");
            let (known, lacks) = (shares.known().bounds(0.05), shares.known_lacks().bounds(0.05));
            prop_assert!(known.low <= mean && mean <= known.high, "{mean} {known:?}");
            prop_assert!((lacks.low - (1.0 - known.high)).abs() < 1e-6 && (lacks.high - (1.0 - known.low)).abs() < 1e-6);
        }
    }
}
