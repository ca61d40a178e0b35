//! How the evidence grew: the confidence sequences as they were after each stretch of time.

use super::{CourseTold, Interval, build::millionths};
use crate::{
    Matchup, Tally,
    judge::{excess, noise_of, part, rate},
    statistics::Paired,
    tally::Moment,
};

/// Returns what was known after each stretch, by when requests came.
pub(super) fn of(matchup: &Matchup, pairs: &Tally, noise: &Tally, alpha: f64) -> Vec<CourseTold> {
    let (alpha, noise) = (part(&matchup.margins, alpha), noise_of(noise));
    let mut sofar = Moment::default();
    let stretch = |(second, moment): (i64, &Moment)| {
        sofar += moment;
        told((second + pairs.course.width()).saturating_mul(1_000_000), &sofar, noise, alpha)
    };
    pairs.course.iter().map(stretch).collect()
}

fn told(until_us: i64, sofar: &Moment, noise: (u64, u64), alpha: f64) -> CourseTold {
    let disagreed = sofar.compared - sofar.agreed;
    let floor = rate(noise.0, noise.1).unwrap_or(0.0);
    let (failed, right) = (sofar.failed.paired(), sofar.right.paired());
    let wrong = Paired { canary: right.reference, reference: right.canary, of: right.of };
    let interval = |paired: Paired| match paired.of {
        0 => Interval::default(),
        _ => paired.difference().bounds(alpha).into(),
    };
    CourseTold {
        until_us,
        asked: sofar.asked,
        compared: sofar.compared,
        disagreement: rate(disagreed, sofar.compared).map(|share| millionths(share - floor)),
        disagreement_interval: excess((disagreed, sofar.compared), noise, alpha).into(),
        failures: failed.difference().seen().map(millionths),
        failures_interval: interval(failed),
        accuracy: wrong.difference().seen().map(millionths),
        accuracy_interval: interval(wrong),
    }
}
