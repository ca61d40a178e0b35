//! A confidence sequence for a quantile: between which numbers a share of all lies, whatever their distribution.
//!
//! Of the true quantile `q` it is known how likely a number is to be no larger, its `share`, whatever the numbers are
//! (where several are equal, some of them are; a coin decides which). So how many are no larger is counted as hits of a
//! coin whose share is known, and every `q` with an unlikely count is refused: S. Howard, A. Ramdas, "Sequential
//! estimation of quantiles with applications to A/B testing and best-arm identification", Bernoulli 28 (2022), theorem
//! 1(b), with the two-sided mixture that `policies::sequence` has. Within a cell nobody knows how many are no larger:
//! both bounds take what speaks less.

use policies::sequence::{Bounds, evidence_against};

use super::exact;
use crate::Cells;

/// Returns where `share` of the numbers counted in `cells` are no larger: the middle of that cell; `None` of nothing.
#[must_use]
pub fn quantile(cells: &Cells<u64>, share: f64) -> Option<f64> {
    let rank = (exact(cells.total()) * share).ceil().max(1.0);
    let mut below = 0;
    let mut found = cells.iter().skip_while(|(.., count)| {
        below += **count;
        exact(below) < rank
    });
    found.next().map(|(low, high, _)| f64::midpoint(low, high))
}

/// Returns the bounds of that quantile, infinite where nothing is known; they are ever wrong with a probability of at most
/// `alpha`.
#[must_use]
pub fn quantile_bounds(cells: &Cells<u64>, share: f64, alpha: f64) -> Bounds {
    let (all, limit) = (cells.total(), -alpha.ln());
    let refuted = |hits: u64, too_few: bool| {
        let seen = exact(hits) - share * exact(all);
        (if too_few { seen < 0.0 } else { seen > 0.0 }) && evidence_against(share, hits, all) >= limit
    };
    let mut upto = 0;
    // How many lie before each cell and to its end.
    let steps: Vec<(f64, f64, u64, u64)> = cells
        .iter()
        .map(|(low, high, count)| {
            let before = upto;
            upto += count;
            (low, high, before, upto)
        })
        .collect();
    // Evidence only falls towards the middle, so both ends can be searched for by halving.
    let first = steps.partition_point(|(.., upto)| refuted(*upto, true));
    let last = steps.partition_point(|(.., before, _)| !refuted(*before, false));
    let nothing_below = refuted(0, true);
    let nothing_above = refuted(all, false);
    Bounds {
        low: steps.get(first).filter(|_| nothing_below).map_or(f64::NEG_INFINITY, |(low, ..)| *low),
        high: last
            .checked_sub(1)
            .and_then(|last| steps.get(last))
            .filter(|_| nothing_above)
            .map_or(f64::INFINITY, |(_, high, ..)| *high),
    }
}
