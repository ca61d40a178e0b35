//! Ten thousand simulated comparisons each, under seeds that are written here: no bound is wrong more often than it
//! says, however often one looks, and none is so wide that nobody would ever know.

use super::*;
use crate::Cells;

const RUNS: u64 = 10_000;
const ALPHA: f64 = 0.05;

/// Looks after each of the first requests, then less and less often.
fn is_look(n: u64) -> bool {
    n <= 16 || n.is_multiple_of((n / 8).next_power_of_two())
}

/// In how many of `runs` some look at one of `requests` found `wrong`.
fn ever(runs: u64, requests: u64, mut run: impl FnMut(&mut fastrand::Rng) -> Box<dyn FnMut(bool) -> bool>) -> u64 {
    let wrong = (0..runs).filter(|seed| {
        let mut dice = fastrand::Rng::with_seed(*seed);
        let mut step = run(&mut dice);
        (1..=requests).any(|n| step(is_look(n)))
    });
    wrong.count() as u64
}

fn pairs(dice: &mut fastrand::Rng, canary: f64, reference: f64) -> Paired {
    let toss = dice.f64();
    Paired { canary: u64::from(toss < canary), reference: u64::from(toss > 1.0 - reference), of: 1 }
}

fn add(sum: &mut Paired, one: Paired) {
    *sum = Paired { canary: sum.canary + one.canary, reference: sum.reference + one.reference, of: sum.of + one.of };
}

#[test]
fn a_paired_difference_leaves_its_bounds_no_more_often_than_alpha_however_often_one_looks() {
    for (canary, reference) in [(0.05, 0.05), (0.2, 0.1)] {
        let truth = canary - reference;
        let wrong = ever(RUNS, 250, |dice| {
            let (mut dice, mut sum) = (dice.clone(), Paired::default());
            Box::new(move |look| {
                add(&mut sum, pairs(&mut dice, canary, reference));
                let mean = look.then(|| sum.difference());
                mean.is_some_and(|mean| mean.is_above(truth, ALPHA / 2.0) || mean.is_below(truth, ALPHA / 2.0))
            })
        });
        assert!(wrong <= 500, "{wrong} of {RUNS} at {canary} and {reference}");
    }
}

#[test]
fn a_share_leaves_its_bounds_no_more_often_than_alpha_however_often_one_looks() {
    for truth in [0.02, 0.5] {
        let wrong = ever(RUNS, 400, |dice| {
            let (mut dice, mut hits, mut of) = (dice.clone(), 0, 0);
            Box::new(move |look| {
                hits += u64::from(dice.f64() < truth);
                of += 1;
                look && policies::sequence::evidence_against(truth, hits, of) >= -ALPHA.ln()
            })
        });
        assert!((50..=500).contains(&wrong), "{wrong} of {RUNS} at {truth}");
    }
}

#[test]
fn a_quantile_leaves_its_bounds_no_more_often_than_alpha_however_often_one_looks() {
    for level in [0.5, 0.9] {
        // Of an exponential distribution.
        let truth = -1_000.0 * libm::log(1.0 - level);
        let wrong = ever(RUNS, 120, |dice| {
            let (mut dice, mut cells) = (dice.clone(), Cells::new(128));
            Box::new(move |look| {
                cells.count(-1_000.0 * libm::log(1.0 - dice.f64()));
                let bounds = look.then(|| quantile_bounds(&cells, level, ALPHA));
                bounds.is_some_and(|bounds| truth < bounds.low || truth > bounds.high)
            })
        });
        assert!((20..=500).contains(&wrong), "{wrong} of {RUNS} at {level}");
    }
}

#[test]
fn numbers_in_cells_leave_the_bounds_of_their_mean_no_more_often_than_alpha() {
    let wrong = ever(2_000, 200, |dice| {
        let (mut dice, mut cells) = (dice.clone(), Cells::new(64));
        Box::new(move |look| {
            // Skewed: many small ones, few large ones; the mean is 0.05.
            cells.count(if dice.f64() < 0.1 { dice.f64() } else { 0.0 });
            let bounds = look.then(|| Mean::of_cells(&cells, (-1.0, 1.0)).bounds(ALPHA));
            bounds.is_some_and(|bounds| bounds.low > 0.05 || bounds.high < 0.05)
        })
    });
    assert!(wrong <= 100, "{wrong} of 2000");
}

/// How many requests a bettor who knew everything would need on average: the evidence over what one request brings.
#[test]
fn a_difference_is_found_about_as_soon_as_it_can_be() {
    let needed = |canary: f64, reference: f64| {
        let mut all: Vec<u64> = (0..200)
            .map(|seed| {
                let (mut dice, mut sum) = (fastrand::Rng::with_seed(seed), Paired::default());
                let mut rounds = 1..100_000_u64;
                let found = rounds.find(|n| {
                    add(&mut sum, pairs(&mut dice, canary, reference));
                    n.is_multiple_of(5) && sum.difference().is_above(0.0, 0.01)
                });
                found.expect("it is found")
            })
            .collect();
        all.sort_unstable();
        all[100]
    };
    // ln(1/alpha) over the best growth of capital, max over c of 0.04 ln(1+c) + 0.01 ln(1-c), is 4.6 / 0.0096 = 478.
    let some = needed(0.04, 0.01);
    assert!((300..1_000).contains(&some), "{some}");
    let much = needed(0.3, 0.0);
    assert!((15..60).contains(&much), "{much}");
}

#[test]
fn bounds_are_where_the_test_turns() {
    let mean = Paired { canary: 30, reference: 12, of: 1_000 }.difference();
    let Bounds { low, high } = mean.bounds(0.02);
    assert!(mean.is_above(low - 1e-6, 0.01) && !mean.is_above(low + 1e-6, 0.01), "{low}");
    assert!(mean.is_below(high + 1e-6, 0.01) && !mean.is_below(high - 1e-6, 0.01), "{high}");
    assert!(low < 0.018 && 0.018 < high, "{low} {high}");
    assert!((mean.seen().expect("some") - 0.018).abs() < 1e-12);
}

#[test]
fn nothing_seen_says_nothing() {
    let none = Paired::default().difference();
    assert_eq!((none.seen(), none.bounds(0.05)), (None, Bounds { low: -1.0, high: 1.0 }));
    let empty: Cells<u64> = Cells::new(8);
    let unknown = Bounds { low: f64::NEG_INFINITY, high: f64::INFINITY };
    assert_eq!((quantile(&empty, 0.5), quantile_bounds(&empty, 0.5, 0.05)), (None, unknown));
    assert_eq!((kolmogorov_smirnov(&empty, &empty), population_stability(&empty, &empty)), (None, None));
}

#[test]
fn a_quantile_of_few_numbers_has_no_end_above() {
    let mut cells = Cells::new(64);
    (0..50).for_each(|number| cells.count(f64::from(number)));
    let Bounds { low, high } = quantile_bounds(&cells, 0.99, 0.01);
    assert!(low > 20.0 && high == f64::INFINITY, "{low} {high}");
    (0..5_000).for_each(|number| cells.count(f64::from(number % 50)));
    let Bounds { low, high } = quantile_bounds(&cells, 0.99, 0.01);
    assert!(low >= 47.0 && high <= 50.0, "{low} {high}");
}

#[test]
fn drift_is_none_of_the_same_and_much_of_others() {
    let sketch = |from: f64| {
        let mut cells = Cells::new(64);
        (0..1_000).for_each(|number| cells.count(from + f64::from(number) / 1_000.0));
        cells
    };
    let (one, near, far) = (sketch(1.0), sketch(1.2), sketch(5.0));
    assert_eq!((kolmogorov_smirnov(&one, &one), population_stability(&one, &one)), (Some(0.0), Some(0.0)));
    let moved = kolmogorov_smirnov(&near, &one).expect("both have numbers");
    assert!((moved - 0.2).abs() < 0.03, "{moved}");
    assert_eq!(kolmogorov_smirnov(&far, &one), Some(1.0));
    let far = population_stability(&far, &one).expect("both have numbers");
    assert!(far > 5.0, "{far}");
}

#[test]
fn what_a_constant_reference_never_said_is_drift() {
    let constant = |number: f64| {
        let mut cells = Cells::new(64);
        (0..1_000).for_each(|_| cells.count(number));
        cells
    };
    for other in [0.5, 2.0] {
        let drift = population_stability(&constant(other), &constant(1.0)).expect("both have numbers");
        assert!(drift > 5.0, "{other}: {drift}");
    }
    assert_eq!(population_stability(&constant(1.0), &constant(1.0)), Some(0.0));
}
