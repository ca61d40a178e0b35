//! What counts prove about shares, means, quantiles and distributions, however often one looks.
//!
//! Everything here is a function of counts, so neither the order of requests nor how partitions share them matters.
//! Every bound is a *confidence sequence*: with a probability of at most `alpha` it is ever wrong, at any of all the
//! moments at which somebody may look and stop. What is not, says so (`drift`).
//! All of them take requests for alike: what one is expected to show does not change from one request to the next.

mod drift;
mod mean;
mod quantile;

pub use drift::{kolmogorov_smirnov, population_stability};
pub use mean::{Mean, Paired};
pub use policies::sequence::{Bounds, bounds as share};
pub use quantile::{quantile, quantile_bounds};

/// A count, as a number.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}

/// Bounds of the difference of two things that have bounds of their own, each wrong with half of the whole's
/// probability (Boole's inequality): the first less the second.
#[must_use]
pub fn difference(first: Bounds, second: Bounds) -> Bounds {
    Bounds { low: first.low - second.high, high: first.high - second.low }
}

#[cfg(test)]
mod tests;
