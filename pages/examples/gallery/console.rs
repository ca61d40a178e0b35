//! The console's pages in every state, of values that are made up: for the gallery and for tests.

use std::collections::BTreeMap;

use alarms::{Lag, Lags};
use hedgerow_pages::console::{Access, Frame, Page, file, overview, rendezvous};
use measures::{Alert, Blame, Latency, Overview, Point, Promise, Rate, Runner, Share, Stage};
use policies::{DecidedBy, TimeCurveReport, TimePoint};

/// When all of it was.
const NOW_US: i64 = 1_795_249_695_000_000;
const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;

/// A page, its name, and its file.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) html: String,
}

/// Every page in every state.
pub(crate) fn all() -> Vec<Shown> {
    let some = [healthy("wine"), burning("fraud"), quiet("churn"), unpromised("ranking")];
    let of = |overview: &Overview| rendezvous(overview, &lags(&overview.rendezvous), Some(&time(&overview.rendezvous)));
    let shown = |name, page: &Page, here: &str| {
        let all = some.iter().map(|one| one.rendezvous.clone()).collect::<Vec<_>>();
        let frame = Frame { rendezvous: &all, here, access: Access::Reader, live: true };
        Shown { name, html: file(page, &frame) }
    };
    let nobody = Lags { rendezvous: "churn".to_owned(), at_us: NOW_US, groups: Vec::new() };
    vec![
        shown("overview", &overview(&some), "/"),
        shown("overview-healthy", &overview(&some[..1]), "/"),
        shown("overview-nothing", &overview(&[]), "/"),
        shown("overview-hostile", &overview(&[hostile(), healthy("wine")]), "/"),
        shown("rendezvous-healthy", &of(&some[0]), "/rendezvous/wine"),
        shown("rendezvous-burning", &of(&some[1]), "/rendezvous/fraud"),
        shown("rendezvous-quiet", &rendezvous(&some[2], &nobody, None), "/rendezvous/churn"),
        shown("rendezvous-many", &of(&many()), "/rendezvous/wine"),
        shown("rendezvous-hostile", &of(&hostile()), "/rendezvous/wine"),
    ]
}

// === rendezvous ===

/// All that is promised is kept.
pub(crate) fn healthy(name: &str) -> Overview {
    Overview {
        rendezvous: name.to_owned(),
        version: 7,
        at_us: NOW_US,
        window_us: HOUR_US,
        rate: 412.6,
        results: 1_485_360,
        degraded: 312,
        degraded_share: Some(312.0 / 1_485_360.0),
        latency: latency(8_100, 24_300, 41_900),
        over_time: points(HOUR_US, 1.0, |_| false),
        objectives: vec![
            promise(50_000, 0.999, 30 * DAY_US, 0.999_71, 0.71, None),
            promise(20_000, 0.95, 7 * DAY_US, 0.981, 0.62, None),
        ],
        decided: vec![
            share(1, DecidedBy::Agree, 0.913, &[("early", 1_300_000), ("all_answered", 56_000)]),
            share(2, DecidedBy::Best, 0.081, &[("deadline", 120_000)]),
            share(3, DecidedBy::First, 0.0058, &[("deadline", 8_048)]),
            share(4, DecidedBy::Default, 0.0002, &[("too_few", 290), ("all_failed", 20), ("stale_on_arrival", 2)]),
        ],
        misses: 431,
        blame: blame([2, 5, 60, 260, 4, 40, 50, 10]),
        executors: vec![
            runner("forest", 3_100, &["forest@3"]),
            runner("boost", 7_900, &["boost@12", "boost@13"]),
            runner("linear", 900, &["linear@1"]),
            Runner { overloaded: 12, ..runner("network", 16_000, &["network@2"]) },
            Runner {
                canary: true,
                useful: 0,
                compared_us: 910_000_000,
                ..runner("network-next", 14_000, &["network@3"])
            },
        ],
    }
}

/// A budget burns, a model is not waited for, and for a while nothing was asked.
pub(crate) fn burning(name: &str) -> Overview {
    let fired = promise(50_000, 0.999, 30 * DAY_US, 0.996_4, -2.6, Some(Alert::Page));
    Overview {
        version: 12,
        rate: 37.2,
        results: 98_211,
        degraded: 2_400,
        degraded_share: Some(0.0244),
        latency: latency(14_000, 61_000, 148_000),
        over_time: points(HOUR_US, 2.4, |place| (40..52).contains(&place) || place == 60 || place == 62),
        objectives: vec![fired, promise(200_000, 0.95, DAY_US, 0.974, 0.48, None)],
        decided: vec![
            share(1, DecidedBy::Prefer, 0.7, &[("early", 60_000), ("deadline", 8_747)]),
            share(2, DecidedBy::First, 0.2756, &[("deadline", 27_064)]),
            share(3, DecidedBy::Default, 0.0244, &[("all_failed", 2_300), ("too_few", 100)]),
        ],
        misses: 4_812,
        blame: blame([3, 22, 900, 3_000, 18, 700, 100, 69]),
        executors: vec![
            Runner {
                failed: 2_311,
                breaker_open: true,
                struck: 1_900,
                ..runner("vendor", 48_000, &["vendor-2026-10"])
            },
            runner("forest", 3_100, &["forest@3"]),
            Runner { live: false, ..runner("retired", 9_000, &["old@1"]) },
            Runner {
                heard: 0,
                late: 0,
                useful: 0,
                latency: Latency::default(),
                curve: Vec::new(),
                ..runner("silent", 1, &[])
            },
        ],
        ..healthy(name)
    }
}

/// Nothing was asked yet.
pub(crate) fn quiet(name: &str) -> Overview {
    let silent = |runner: Runner| {
        Runner {
        name: runner.name,
        live: true,
        canary: false,
        ..serde_json::from_value(serde_json::json!({
            "name": "", "canary": false, "live": true, "models": [], "breaker_open": false,
            "latency": {"p50_us": null, "p99_us": null, "p999_us": null}, "queued": {"p50_us": null, "p99_us": null, "p999_us": null},
            "computed": {"p50_us": null, "p99_us": null, "p999_us": null}, "heard": 0, "useful": 0, "late": 0, "failed": 0,
            "expired": 0, "overloaded": 0, "abstained": 0, "spared": 0, "struck": 0, "pending": 0, "useful_us": 0, "wasted_us": 0,
            "compared_us": 0
        }))
        .expect("an executor of whom nothing is known")
    }
    };
    let healthy = healthy(name);
    let nothing = |promise: Promise| Promise {
        results: 0,
        good: 0,
        attained: None,
        budget_left: None,
        burns: promise.burns.into_iter().map(|rate| Rate { over_long: None, over_short: None, ..rate }).collect(),
        ..promise
    };
    Overview {
        version: 1,
        rate: 0.0,
        results: 0,
        degraded: 0,
        degraded_share: None,
        latency: Latency::default(),
        over_time: Vec::new(),
        objectives: healthy.objectives.into_iter().map(nothing).collect(),
        decided: Vec::new(),
        misses: 0,
        blame: Vec::new(),
        executors: healthy.executors.into_iter().take(2).map(silent).collect(),
        ..self::healthy(name)
    }
}

/// A policy without objectives, of which one minute is known.
pub(crate) fn unpromised(name: &str) -> Overview {
    let mut overview = Overview { objectives: Vec::new(), version: 2, rate: 3.1, results: 186, ..healthy(name) };
    overview.over_time.drain(..118);
    overview
}

/// Fifty executors, three of them canaries, and a month.
pub(crate) fn many() -> Overview {
    let executor = |number: u64| {
        let name = format!("model-{number:02}");
        let millis = 1_500 + number * number * 23 % 9_000 + number * 140;
        let canary = number % 17 == 3;
        Runner { canary, expired: number % 5 * 13, breaker_open: number == 31, ..runner(&name, millis, &["onnx@4"]) }
    };
    Overview {
        window_us: 30 * DAY_US,
        results: 1_068_940_233,
        over_time: points(30 * DAY_US, 1.3, |place| place < 4),
        executors: (0..50).map(executor).collect(),
        ..healthy("wine")
    }
}

/// Names that mean something to a browser, turn text around, or have no end.
pub(crate) fn hostile() -> Overview {
    let evil = "</h2><script>alert(1)</script>\u{202e}\" onload='x' &amp; ../..";
    let mut overview = burning(evil);
    for runner in &mut overview.executors {
        runner.name = format!("{evil}{}", runner.name);
        runner.models = vec![evil.repeat(9), "<b>".to_owned()];
        runner.canary = true;
    }
    overview.decided[0].reasons = BTreeMap::from([(evil.to_owned(), 3), ("early".to_owned(), 1)]);
    overview.executors[1].name = "a-name-that-has-no-place-where-it-could-be-broken-".repeat(6);
    overview
}

// === what stands beside them ===

/// Who is behind.
pub(crate) fn lags(rendezvous: &str) -> Lags {
    let lag = |station: &str, executors: &[&str], behind_records, behind_us, unknown_partitions| Lag {
        group: format!("hedgerow.{rendezvous}.{station}"),
        station: station.to_owned(),
        executors: executors.iter().map(|name| (*name).to_owned()).collect(),
        topic: format!("{rendezvous}.requests"),
        behind_records,
        behind_us,
        unknown_partitions,
    };
    let groups = vec![
        lag("executors", &["forest", "boost", "linear"], 12, Some(3_100), 0),
        lag("executors", &["network"], 80_311, Some(92_000_000), 0),
        lag("collector", &[], 0, None, 0),
        lag("decoy", &[], 4_000, Some(9_700_000), 2),
    ];
    Lags { rendezvous: rendezvous.to_owned(), at_us: NOW_US, groups }
}

/// What time is worth.
pub(crate) fn time(rendezvous: &str) -> TimeCurveReport {
    let point = |(more_ms, defaults, earlier_clause, later_clause, other_answer)| TimePoint {
        more_ms,
        defaults,
        earlier_clause,
        later_clause,
        other_answer,
    };
    let points = [
        (-20, 4_100, 0, 9_000, 5_100),
        (-10, 1_900, 0, 4_100, 2_300),
        (-5, 900, 0, 1_700, 800),
        (0, 312, 0, 0, 0),
        (5, 190, 2_100, 0, 600),
        (10, 130, 3_900, 0, 1_100),
        (20, 101, 5_300, 0, 1_400),
    ];
    TimeCurveReport {
        rendezvous: rendezvous.to_owned(),
        replayed: 41_237,
        points: points.into_iter().map(point).collect(),
        left_out: BTreeMap::from([
            ("its version is unknown".to_owned(), 12),
            ("refused before it was evaluated".to_owned(), 3),
        ]),
    }
}

// === pieces ===

fn latency(half: u64, most: u64, nearly_all: u64) -> Latency {
    Latency { p50_us: Some(half), p99_us: Some(most), p999_us: Some(nearly_all) }
}

/// A number between 0 and 1 that looks like chance and is none.
fn chance(place: u64) -> f64 {
    fastrand::Rng::with_seed(place).f64()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made-up microseconds")]
fn points(window_us: u64, spread: f64, is_gap: fn(u64) -> bool) -> Vec<Point> {
    let step = window_us / 120;
    let begin = NOW_US - i64::try_from(window_us).expect("a window");
    let point = |place: u64| {
        let late = if place > 80 { spread } else { 1.0 };
        let of = |base: f64, roll: u64| (base * late * (0.85 + 0.4 * chance(place * 3 + roll))) as u64;
        let results = 10_000 + (chance(place * 7) * 4_000.0) as u64;
        Point {
            at_us: begin + i64::try_from(place * step).expect("an instant"),
            results,
            degraded: if place > 80 {
                (f64::from(u32::try_from(results).expect("few")) * 0.02 * (late - 0.9)) as u64
            } else {
                2
            },
            rate: f64::from(u32::try_from(results).expect("few")) / 30.0,
            latency: latency(of(8_000.0, 0), of(22_000.0, 1), of(38_000.0, 2)),
        }
    };
    (0..120).filter(|place| !is_gap(*place)).map(point).collect()
}

fn promise(within_us: u64, share: f64, window_us: u64, attained: f64, left: f64, alert: Option<Alert>) -> Promise {
    let rate = |rung: Alert, (long_s, short_s): (u64, u64), threshold: f64, over: f64| Rate {
        alert: rung,
        long_s,
        short_s,
        threshold,
        over_long: Some(over),
        over_short: Some(over * 1.1),
        fires: alert == Some(rung) && over > threshold,
    };
    let much = if alert.is_some() { 16.3 } else { 0.4 };
    let burns = vec![
        rate(Alert::Page, (3_600, 300), 14.4, much),
        rate(Alert::Page, (21_600, 1_800), 6.0, much / 2.0),
        rate(Alert::Ticket, (259_200, 21_600), 1.0, 0.3),
    ];
    let burns = if window_us > 2 * DAY_US { burns } else { Vec::new() };
    Promise {
        within_us,
        share,
        window_us,
        degraded_is_good: share < 0.96,
        results: 10_000_000,
        good: 9_997_100,
        attained: Some(attained),
        budget_left: Some(left),
        alert,
        burns,
    }
}

fn share(clause: usize, by: DecidedBy, share: f64, reasons: &[(&str, u64)]) -> Share {
    let results = reasons.iter().map(|(_, count)| count).sum();
    let reasons = reasons.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    Share { clause, by, results, share, reasons }
}

fn blame(misses: [u64; 8]) -> Vec<Blame> {
    let stages = [
        (Stage::Starter, 210, 0.02),
        (Stage::BrokerThere, 1_100, 0.11),
        (Stage::Queue, 1_100, 0.11),
        (Stage::Compute, 4_600, 0.47),
        (Stage::BrokerBack, 800, 0.08),
        (Stage::Silent, 100, 0.01),
        (Stage::Policy, 1_500, 0.15),
        (Stage::Result, 490, 0.05),
    ];
    let all = stages.into_iter().zip(misses);
    all.map(|((stage, mean_us, share), misses)| Blame { stage, mean_us, share, misses }).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "made up")]
fn runner(name: &str, median_us: u64, models: &[&str]) -> Runner {
    let of = |times: f64| (median_us as f64 * times) as u64;
    let shares = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];
    let curve = shares.into_iter().zip([0.4, 0.6, 0.8, 1.0, 1.4, 1.9, 2.3, 3.6, 6.1]);
    Runner {
        name: name.to_owned(),
        canary: false,
        live: true,
        models: models.iter().map(|model| (*model).to_owned()).collect(),
        breaker_open: false,
        latency: latency(median_us, of(3.6), of(6.1)),
        curve: curve.map(|(share, times)| (share, of(times))).collect(),
        queued: latency(of(0.1), of(0.9), of(2.0)),
        computed: latency(of(0.7), of(2.1), of(3.0)),
        heard: 1_402_118,
        useful: 610_020,
        late: 71_001,
        failed: 0,
        expired: 0,
        overloaded: 0,
        abstained: 3,
        spared: 0,
        struck: 0,
        pending: 12_241,
        useful_us: median_us * 610_020 / 2,
        wasted_us: median_us * 800_000 / 2,
        compared_us: 0,
    }
}
