//! How far two distributions lie apart, in one number: to describe, not to judge by.
//!
//! Neither number comes with a bound here: the numbers of a canary and its reference stand in pairs, so the tests that
//! go by these names, which take two independent samples of a size fixed in advance, would claim what nobody knows.

use super::exact;
use crate::Cells;

/// Returns the largest distance between the two distribution functions (A. Kolmogorov 1933, N. Smirnov 1948), seen at
/// the edges of cells, so rather too small; `None` without numbers on either side.
#[must_use]
pub fn kolmogorov_smirnov(canary: &Cells<u64>, reference: &Cells<u64>) -> Option<f64> {
    let (all, others) = (exact(canary.total()), exact(reference.total()));
    let (mut below, mut others_below, mut largest) = (0, 0, 0.0_f64);
    for (here, there) in canary.beside(reference) {
        (below, others_below) = (below + here, others_below + there);
        largest = largest.max((exact(below) / all - exact(others_below) / others).abs());
    }
    (all > 0.0 && others > 0.0).then_some(largest)
}

/// Returns the population stability index over tenths of the reference's numbers: the sum of
/// `(p - q) · ln(p / q)`, which is Jeffreys' divergence (H. Jeffreys 1946; the name and its rules of thumb, 0.1 and 0.25,
/// come from credit scoring: N. Siddiqi 2006). What lies below or above all of the reference's numbers is a part of its own.
/// Half a number more in each part keeps it finite. `None` without numbers
/// on either side.
#[must_use]
pub fn population_stability(canary: &Cells<u64>, reference: &Cells<u64>) -> Option<f64> {
    let (all, others) = (canary.total(), reference.total());
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let (mut open, mut before, mut tenths) = ((0, 0), 0, 0.0);
    for (here, there) in canary.beside(reference) {
        if before == 0 && there > 0 && open.0 > 0 {
            parts.push(std::mem::take(&mut open));
        }
        open = (open.0 + here, open.1 + there);
        before += there;
        if there > 0 && exact(before) * 10.0 >= exact(others) * (tenths + 1.0) {
            parts.push(std::mem::take(&mut open));
            tenths += 1.0;
        }
    }
    if open.0 > 0 {
        parts.push(open);
    }
    let more = 0.5 * exact_len(parts.len());
    let term = |(here, there): &(u64, u64)| {
        let (p, q) = ((exact(*here) + 0.5) / (exact(all) + more), (exact(*there) + 0.5) / (exact(others) + more));
        (p - q) * libm::log(p / q)
    };
    (all > 0 && others > 0).then(|| parts.iter().map(term).sum())
}

fn exact_len(length: usize) -> f64 {
    exact(u64::try_from(length).unwrap_or(u64::MAX))
}
