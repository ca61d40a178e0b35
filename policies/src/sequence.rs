//! A confidence sequence for a share: an interval that holds the true share at every moment at once, so that one may
//! look after each request and stop whenever one likes.
//!
//! For `hits` of `trials` the mixture of the likelihood ratios of all shares over that of one share `m`,
//! `M(m) = B(½ + hits, ½ + misses) / B(½, ½) / (m^hits · (1 − m)^misses)`, is a martingale that starts at 1 if `m` is
//! true; by Ville's inequality it ever reaches `1/alpha` with a probability of at most `alpha`. All `m` for which it has
//! not make up the sequence. The mixture is H. Robbins', "Statistical methods related to the law of the iterated
//! logarithm", Annals of Mathematical Statistics 41 (1970); the weights ½, ½ are R. Krichevsky's and V. Trofimov's (1981);
//! that it is valid at any stopping time: S. Howard, A. Ramdas, J. `McAuliffe`, J. Sekhon, "Time-uniform, nonparametric,
//! nonasymptotic confidence sequences", Annals of Statistics 49 (2021).
//!
//! It takes the requests for alike and independent: where all requests become slower at once, that changes both
//! versions' shares, and what is compared are their intervals.

use libm::lgamma;

/// The bounds of a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// No smaller.
    pub low: f64,
    /// No larger.
    pub high: f64,
}

/// Halvings of an interval: far below the precision that anybody reads.
const HALVINGS: u32 = 50;

/// Returns the bounds of the share of which `hits` in `trials` were seen; they are wrong ever with a probability of at
/// most `alpha`.
#[must_use]
pub fn bounds(hits: u64, trials: u64, alpha: f64) -> Bounds {
    let counts = Counts::new(hits, trials);
    let limit = -alpha.ln();
    let plausible = |share: f64| counts.evidence_against(share) < limit;
    let seen = counts.share();
    Bounds { low: edge(seen, 0.0, plausible), high: edge(seen, 1.0, plausible) }
}

/// Returns the logarithm of the martingale: how much `hits` of `trials` speak against the true share being `share`.
#[must_use]
pub fn evidence_against(share: f64, hits: u64, trials: u64) -> f64 {
    Counts::new(hits, trials).evidence_against(share)
}

/// Returns the outermost plausible share between `inside` and `outside`: plausibility only falls on the way.
fn edge(inside: f64, outside: f64, plausible: impl Fn(f64) -> bool) -> f64 {
    if plausible(outside) {
        return outside;
    }
    let (mut inside, mut outside) = (inside, outside);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(inside, outside);
        if plausible(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    // Rather too wide than too narrow.
    outside
}

struct Counts {
    hits: f64,
    misses: f64,
    /// The logarithm of the mixture's likelihood.
    mixture: f64,
}

// === impl Counts ===

impl Counts {
    fn new(hits: u64, trials: u64) -> Self {
        let (hits, misses) = (exact(hits), exact(trials.saturating_sub(hits)));
        let mixture = ln_beta(hits + 0.5, misses + 0.5) - ln_beta(0.5, 0.5);
        Self { hits, misses, mixture }
    }

    fn share(&self) -> f64 {
        let trials = self.hits + self.misses;
        if trials > 0.0 { self.hits / trials } else { 0.5 }
    }

    /// Returns the logarithm of the martingale.
    fn evidence_against(&self, share: f64) -> f64 {
        self.mixture - weighted_ln(self.hits, share) - weighted_ln(self.misses, 1.0 - share)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn exact(count: u64) -> f64 {
    count as f64
}

/// Nothing seen is no evidence, however unlikely it was.
fn weighted_ln(count: f64, share: f64) -> f64 {
    if count > 0.0 { count * share.ln() } else { 0.0 }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHA: f64 = 0.05;

    #[test]
    fn nothing_seen_says_nothing() {
        assert_eq!(bounds(0, 0, ALPHA), Bounds { low: 0.0, high: 1.0 });
    }

    #[test]
    fn the_martingale_of_one_observation_is_the_one_on_paper() {
        // B(3/2, 1/2) / B(1/2, 1/2) = 1/2, so one hit is 1/(2 m): at alpha 0.05 all below 1/40 is excluded.
        let Bounds { low, high } = bounds(1, 1, ALPHA);
        assert!((low - 0.025).abs() < 1e-9, "{low}");
        assert!((high - 1.0).abs() < 1e-12, "{high}");
    }

    #[test]
    fn bounds_close_in_on_what_is_seen_and_hold_it() {
        let mut width = 1.1;
        for trials in [10_u64, 100, 1_000, 10_000, 1_000_000] {
            let Bounds { low, high } = bounds(trials / 10, trials, ALPHA);
            assert!(low < 0.1 && 0.1 < high, "{trials}: {low} {high}");
            assert!(high - low < width, "{trials}");
            width = high - low;
        }
        assert!(width < 0.005, "{width}");
    }

    #[test]
    fn a_billion_are_no_trouble() {
        let Bounds { low, high } = bounds(1_000_000, 1_000_000_000, ALPHA);
        assert!(0.00099 < low && low < 0.001 && 0.001 < high && high < 0.00101, "{low} {high}");
    }
}
