//! What people look at, of counts that are made up.

use std::time::Duration;

use policies::{DecidedBy, Definition, Reason};
use wire::{ResultKind, Timestamp};

use super::Overview;
use crate::{Chronicle, Decided, Diary, Sum};

const NOW: Timestamp = Timestamp::from_micros(1_795_249_690_000_000);
const POLICY: &str = "rendezvous: wine\nbudget: 50ms\ninput: { features: [alcohol] }\nexecutors:\n  forest: { echo: }\n  \
    boost: { echo: }\nobjectives: [{ within: 20ms, share: 90%, window: 1d }]\n\
    decide:\n- first: any\n- default: { class: unknown }";

fn result(sum: &mut Sum, millis: u64, kind: ResultKind) {
    let is_default = kind == ResultKind::Default;
    let (clause, by) = if is_default { (2, DecidedBy::Default) } else { (1, DecidedBy::First) };
    let decided = Decided { clause, by, reason: Reason::Early, results: 1 };
    sum.on_result(kind, decided, Duration::from_millis(millis), Duration::from_millis(50));
}

#[test]
fn percentiles_are_those_of_the_whole_and_never_averages_of_percentiles() {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let mut chronicle = Chronicle::default();
    // One process answers 99 requests in 1 ms, another one in 100 ms: the median of both is 1 ms, and not 50.
    for (process, millis, count) in [('a', 1, 99), ('b', 100, 1)] {
        let (mut diary, mut sum) = (Diary::default(), Sum::default());
        (0..count).for_each(|_| result(&mut sum, millis, ResultKind::Prediction));
        diary.add(&sum, NOW);
        diary.tell(NOW, true).into_iter().for_each(|slice| chronicle.take(&process, slice));
    }
    let overview = Overview::of(&chronicle, &definition, Duration::from_hours(1), NOW.after(Duration::from_secs(5)));
    assert_eq!(
        (overview.latency.p50_us, overview.latency.p99_us, overview.latency.p999_us),
        (Some(1_000), Some(1_000), Some(100_031))
    );
    assert_eq!((overview.results, overview.misses, overview.over_time.len()), (100, 1, 1));
    assert!((overview.rate - 20.0).abs() < 1e-9, "100 in the five seconds since it began: {}", overview.rate);
}

#[test]
fn a_degraded_result_spends_the_budget_however_soon_it_comes() {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let (mut chronicle, mut diary, mut sum) = (Chronicle::default(), Diary::default(), Sum::default());
    (0..95).for_each(|_| result(&mut sum, 10, ResultKind::Prediction));
    (0..5).for_each(|_| result(&mut sum, 1, ResultKind::Default));
    diary.add(&sum, NOW);
    diary.tell(NOW, true).into_iter().for_each(|slice| chronicle.take(&0, slice));
    let overview = Overview::of(&chronicle, &definition, Duration::from_hours(1), NOW);
    let [objective] = &overview.objectives[..] else { panic!("{:?}", overview.objectives) };
    assert_eq!((objective.results, objective.good), (100, 95));
    assert!(objective.budget_left.is_some_and(|left| (left - 0.5).abs() < 1e-9), "{objective:?}");
    let shares: Vec<_> = overview.decided.iter().map(|share| (share.clause, share.by, share.results)).collect();
    assert_eq!(shares, [(1, DecidedBy::First, 95), (2, DecidedBy::Default, 5)]);
    let names: Vec<_> = overview.executors.iter().map(|runner| (runner.name.as_str(), runner.live)).collect();
    assert_eq!(names, [("forest", true), ("boost", true)], "who is asked is there before anything is heard of it");
}

#[test]
fn it_is_read_as_it_was_written() {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    let overview = Overview::of(&Chronicle::<u8>::default(), &definition, Duration::from_hours(1), NOW);
    let written = serde_json::to_string(&overview).expect("numbers and words");
    assert_eq!(serde_json::from_str::<Overview>(&written).expect("what was written"), overview);
}

#[test]
fn a_curve_ends_where_nothing_more_was_seen() {
    let curve = |answers: u64| {
        let mut times = crate::Times::rough();
        (1..=answers).for_each(|millis| times.add(Duration::from_millis(millis)));
        let shares = super::curve(&times).into_iter();
        (shares.clone().map(|(share, _)| share).next_back(), shares.map(|(_, micros)| micros).collect::<Vec<_>>())
    };
    assert_eq!(curve(0), (None, Vec::new()));
    assert_eq!(curve(1).0, Some(0.5), "of one answer the half is known");
    assert_eq!(curve(100).0, Some(0.99));
    let (last, micros) = curve(1_000);
    assert_eq!((last, micros.len()), (Some(0.999), 9));
    assert!(micros.is_sorted() && (999_000..=1_030_000).contains(&micros[8]), "{micros:?}");
}
