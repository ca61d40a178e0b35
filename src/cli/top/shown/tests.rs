//! The picture, of numbers that are made up.

use measures::{Alert, Blame, Latency, Overview, Point, Promise, Rate, Runner, Share, Stage};
use policies::DecidedBy;

use super::{curve, percent, text, time};

fn latency(p50: u64, p99: u64, p999: u64) -> Latency {
    Latency { p50_us: Some(p50), p99_us: Some(p99), p999_us: Some(p999) }
}

fn runner(name: &str, useful: u64) -> Runner {
    Runner {
        name: name.to_owned(),
        canary: false,
        live: true,
        models: vec![format!("{name}@1f3a")],
        breaker_open: false,
        latency: latency(4_000, 12_000, 31_000),
        curve: Vec::new(),
        queued: latency(100, 900, 2_000),
        computed: latency(3_000, 9_000, 11_000),
        heard: useful + 10,
        useful,
        late: 3,
        failed: 1,
        expired: 2,
        overloaded: 1,
        abstained: 0,
        spared: 0,
        struck: 0,
        pending: 5,
        useful_us: 9_000_000,
        wasted_us: 1_250_000,
        compared_us: 0,
    }
}

fn overview() -> Overview {
    let point = |at: i64, p99| Point {
        at_us: at,
        results: 100,
        degraded: 0,
        rate: 10.0,
        latency: latency(p99 / 3, p99, p99 * 2),
    };
    let share = |clause, by, results, share| Share {
        clause,
        by,
        results,
        share,
        reasons: [("early".to_owned(), results)].into(),
    };
    let blame = |stage, misses| Blame { stage, mean_us: 1_000, share: 0.5, misses };
    let rate = |alert: Alert, long_s, over_long, fires| Rate {
        alert,
        long_s,
        short_s: long_s / 12,
        threshold: 14.4,
        over_long,
        over_short: over_long,
        fires,
    };
    Overview {
        rendezvous: "wine".to_owned(),
        version: 3,
        at_us: 0,
        window_us: 3_600_000_000,
        rate: 1_002.34,
        results: 36_120,
        degraded: 145,
        degraded_share: Some(0.004_014),
        latency: latency(4_100, 12_250, 131_000),
        over_time: [9_000, 12_000, 40_000, 3_000]
            .into_iter()
            .enumerate()
            .map(|(at, p99)| point(i64::try_from(at).unwrap(), p99))
            .collect(),
        objectives: vec![Promise {
            within_us: 50_000,
            share: 0.999,
            window_us: 2_592_000_000_000,
            degraded_is_good: false,
            results: 1_000_000,
            good: 999_480,
            attained: Some(0.999_48),
            budget_left: Some(0.48),
            alert: Some(Alert::Page),
            burns: vec![
                rate(Alert::Page, 3_600, Some(15.2), true),
                rate(Alert::Page, 21_600, Some(2.04), false),
                rate(Alert::Ticket, 259_200, None, false),
            ],
        }],
        decided: vec![
            share(1, DecidedBy::Agree, 32_941, 0.912),
            share(2, DecidedBy::Best, 3_034, 0.084),
            share(3, DecidedBy::Default, 145, 0.004),
        ],
        misses: 152,
        blame: vec![
            blame(Stage::Starter, 0),
            blame(Stage::Queue, 30),
            blame(Stage::Compute, 92),
            blame(Stage::Silent, 30),
        ],
        executors: vec![
            runner("forest", 32_000),
            Runner { breaker_open: true, ..runner("boost", 4_000) },
            Runner { canary: true, useful: 0, ..runner("next", 0) },
            Runner { live: false, latency: Latency::default(), ..runner("old", 0) },
        ],
    }
}

#[test]
fn the_picture_fits_a_screen() {
    insta::assert_snapshot!(text(&[overview()], 80));
}

#[test]
fn what_has_no_results_yet_says_so() {
    let objective = Promise {
        attained: None,
        budget_left: None,
        alert: None,
        burns: Vec::new(),
        ..overview().objectives[0].clone()
    };
    let empty = Overview {
        results: 0,
        rate: 0.0,
        degraded_share: None,
        latency: Latency::default(),
        over_time: Vec::new(),
        objectives: vec![objective],
        decided: Vec::new(),
        misses: 0,
        blame: Vec::new(),
        executors: Vec::new(),
        ..overview()
    };
    insta::assert_snapshot!(text(&[empty], 80));
    assert_eq!(text(&[], 80), "There is no rendezvous here yet.\n");
}

#[test]
fn a_budget_that_is_overdrawn_is_told_as_such() {
    let mut overdrawn = overview();
    overdrawn.objectives[0].budget_left = Some(-1.5);
    assert!(text(&[overdrawn], 80).contains("the budget spent 2.5 times over"));
}

#[test]
fn numbers_are_as_exact_as_they_matter() {
    let shares = [0.0, 0.004, 0.5, 0.999, 0.999_48, 1.0, -0.3].map(percent);
    assert_eq!(shares, ["0 %", "0.4 %", "50 %", "99.9 %", "99.948 %", "100 %", "-30 %"]);
    let times = [None, Some(950), Some(12_345), Some(345_678), Some(12_345_678)].map(time);
    assert_eq!(times, ["–", "950 µs", "12.3 ms", "346 ms", "12.3 s"]);
    assert_eq!(curve(&[0, 1, 2, 7, 7, 1], 3), "▂██", "of neighbours the largest");
}
