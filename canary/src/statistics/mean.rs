//! A confidence sequence for the mean of bounded numbers, by betting.
//!
//! Whoever thinks that the mean is above `m` bets on each number `x` in [0, 1]: from a capital of 1, which becomes
//! `(1 - c) + c · x / m` times what it was. If the mean is `m` or less no bet gains in expectation, so by Ville's
//! inequality the capital ever reaches `1/alpha` with a probability of at most `alpha`. The capital of several bets `c`,
//! each begun with an equal part, is such a capital too, and depends on counts alone. It falls with `m`: all `m` that it
//! refuses lie below one bound. The upper bound is the lower one of `1 - x`.
//!
//! I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal
//! Statistical Society B 86 (2024), its hedged capital with a mixture in the place of predictable bets; mixtures of bets
//! are T. Cover's, "Universal portfolios", Mathematical Finance 1 (1991). Beside an empirical-Bernstein sequence
//! (S. Howard et al. 2021) it is narrower with few requests, needs no tuning, and no order of requests.

use policies::sequence::Bounds;

use super::exact;
use crate::Cells;

/// What was seen of something bounded.
#[derive(Clone, Debug)]
pub struct Mean {
    range: (f64, f64),
    /// From 0 to 1, rather too small, with how often.
    lows: Vec<(f64, f64)>,
    /// From 0 to 1, rather too large, with how often.
    highs: Vec<(f64, f64)>,
}

/// Something that can befall either of a pair: how often only the canary's, how often only the reference's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paired {
    /// How often it befell the canary alone.
    pub canary: u64,
    /// How often it befell the reference alone.
    pub reference: u64,
    /// Of so many pairs.
    pub of: u64,
}

/// The largest bet; nobody bets all, because a single number would end it.
const BOLDEST: f64 = 0.95;
/// So many bets, each half as bold as the one before: the last is made for a hundred million requests.
const BETS: i32 = 16;
/// Halvings of an interval: far below the precision that anybody reads.
const HALVINGS: u32 = 26;

// === impl Mean ===

impl Mean {
    /// Returns what was seen of numbers that lie within `range`: each with how often. What lies outside counts as if it
    /// lay at the end, so it is the mean of the numbers so limited that is bounded.
    #[must_use]
    pub fn of(seen: impl IntoIterator<Item = (f64, u64)>, range: (f64, f64)) -> Self {
        Self::between(seen.into_iter().map(|(number, count)| (number, number, count)), range)
    }

    /// Returns what was seen of numbers in cells: a lower bound takes each for the lower edge, an upper one for the upper.
    #[must_use]
    pub fn of_cells(cells: &Cells<u64>, range: (f64, f64)) -> Self {
        Self::between(cells.iter().map(|(low, high, count)| (low, high, *count)), range)
    }

    /// Returns what was seen of numbers that lie between two edges each, with how often.
    pub(crate) fn between(seen: impl Iterator<Item = (f64, f64, u64)>, range: (f64, f64)) -> Self {
        let scale = |number: f64| ((number - range.0) / (range.1 - range.0)).clamp(0.0, 1.0);
        let (lows, highs) = seen
            .filter(|(.., count)| *count > 0)
            .map(|(low, high, count)| ((scale(low), exact(count)), (scale(high), exact(count))))
            .unzip();
        Self { range, lows, highs }
    }

    /// Returns the mean of what was seen, between the edges of its cells; `None` of nothing.
    #[must_use]
    pub fn seen(&self) -> Option<f64> {
        let count: f64 = self.lows.iter().map(|(_, count)| count).sum();
        let sum = |seen: &[(f64, f64)]| seen.iter().map(|(number, count)| number * count).sum::<f64>();
        let middle = f64::midpoint(sum(&self.lows), sum(&self.highs)) / count;
        (count > 0.0).then_some(self.range.0 + middle * (self.range.1 - self.range.0))
    }

    /// Returns whether the mean is larger than `threshold`; wrongly ever with a probability of at most `alpha`.
    #[must_use]
    pub fn is_above(&self, threshold: f64, alpha: f64) -> bool {
        is_above(&self.lows, self.scaled(threshold), -alpha.ln())
    }

    /// Returns whether the mean is smaller than `threshold`; wrongly ever with a probability of at most `alpha`.
    #[must_use]
    pub fn is_below(&self, threshold: f64, alpha: f64) -> bool {
        let mirrored: Vec<(f64, f64)> = mirrored(&self.highs);
        is_above(&mirrored, 1.0 - self.scaled(threshold), -alpha.ln())
    }

    /// Returns the bounds of the mean; they are ever wrong with a probability of at most `alpha`, half of it each way.
    #[must_use]
    pub fn bounds(&self, alpha: f64) -> Bounds {
        let limit = -(alpha / 2.0).ln();
        let (low, high) = (lower(&self.lows, limit), 1.0 - lower(&mirrored(&self.highs), limit));
        let width = self.range.1 - self.range.0;
        Bounds { low: self.range.0 + low * width, high: self.range.0 + high * width }
    }

    fn scaled(&self, number: f64) -> f64 {
        (number - self.range.0) / (self.range.1 - self.range.0)
    }
}

fn mirrored(seen: &[(f64, f64)]) -> Vec<(f64, f64)> {
    seen.iter().map(|(number, count)| (1.0 - number, *count)).collect()
}

/// Returns the largest mean that is refused as too small.
fn lower(seen: &[(f64, f64)], limit: f64) -> f64 {
    let (mut refused, mut plausible) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(refused, plausible);
        if is_above(seen, middle, limit) {
            refused = middle;
        } else {
            plausible = middle;
        }
    }
    // Rather too wide than too narrow.
    refused
}

fn is_above(seen: &[(f64, f64)], mean: f64, limit: f64) -> bool {
    if mean <= 0.0 || mean >= 1.0 {
        return mean < 0.0;
    }
    // The best bet alone suffices if its part of the capital does; all of them together are hardly more.
    let enough = limit + f64::from(BETS).ln();
    let mut capitals = [0.0; BETS as usize];
    for (index, capital) in (0..BETS).zip(&mut capitals) {
        let bet = libm::ldexp(BOLDEST, -index);
        *capital = seen.iter().map(|(number, count)| count * libm::log1p(bet * (number / mean - 1.0))).sum();
        if *capital >= enough {
            return true;
        }
    }
    let largest = capitals.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = capitals.iter().map(|capital| libm::exp(capital - largest)).sum();
    largest + libm::log(sum) >= enough
}

// === impl Paired ===

impl Paired {
    /// Returns how much more often it befell the canary, as a share of all pairs: from -1 to 1.
    #[must_use]
    pub fn difference(self) -> Mean {
        let same = self.of.saturating_sub(self.canary + self.reference);
        Mean::of([(-1.0, self.reference), (0.0, same), (1.0, self.canary)], (-1.0, 1.0))
    }
}
