//! Who was right how often, and what that weighs.

use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use wire::RequestId;

use super::*;
use crate::rehearing::tests::{Said, class, definition, failed, recorded};

const AGREE: &str = "- agree: 2\n  until: 30ms\n- default: { class: unknown }";

fn live() -> Arc<Definition> {
    Arc::new(definition(AGREE))
}

fn key(index: usize) -> String {
    format!("row-{index}")
}

/// The truth is always a cat; each request says who says what when.
fn learned(requests: impl IntoIterator<Item = Vec<Said>>) -> Lesson {
    let live = live();
    let mut truths = Truths::of(Arc::clone(&live)).expect("it says where the value is");
    let mut all = Vec::new();
    for (index, said) in requests.into_iter().enumerate() {
        truths.tell(&json!({ "key": key(index), "class": "cat" }).to_string()).expect("a truth");
        let mut recorded = recorded(&live, said, Duration::ZERO);
        let (request, _) = recorded.request.as_mut().expect("it was asked");
        request.id = RequestId::from_key(live.name(), &key(index));
        all.push(recorded);
    }
    let mut learning = Learning::new(live, truths);
    for recorded in &all {
        learning.add(recorded);
    }
    learning.finish()
}

/// Each of `right` says who is right on how many of a hundred requests.
fn of_a_hundred(right: &'static [(&'static str, usize)]) -> Lesson {
    learned((0..100).map(|request| {
        let says = |(name, right): &(&'static str, usize)| {
            (*name, 1_000, 0, class(if request < *right { "cat" } else { "dog" }, 0.9))
        };
        right.iter().map(says).collect()
    }))
}

fn weight(lesson: &Lesson, name: &str) -> f64 {
    lesson.executors.iter().find(|executor| executor.name == name).expect("it is there").weight
}

fn assert_close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 5e-5, "{got} instead of {expected}");
}

#[test]
fn known_accuracies_give_known_weights() {
    let lesson = of_a_hundred(&[("forest", 95), ("boost", 80), ("linear", 60), ("next", 99)]);
    // ln(96/6) = 2.773, ln(81/21) = 1.350, ln(61/41) = 0.397; a canary is compared and takes no part: ln(100/2) = 3.912.
    assert_eq!(lesson.weights.values().copied().collect::<Vec<_>>(), [0.49, 1.0, 0.14]);
    assert_close(weight(&lesson, "next"), 1.41);
    assert_close(lesson.total_weight, 1.63);
}

#[test]
fn a_sampled_canary_is_judged_by_what_it_was_asked() {
    let live = live();
    let mut truths = Truths::of(Arc::clone(&live)).expect("it says where the value is");
    let mut learned = Vec::new();
    for index in 0..10 {
        truths.tell(&json!({ "key": key(index), "class": "cat" }).to_string()).expect("a truth");
        let mut recorded = recorded(&live, vec![("next", 1_000, 0, class("cat", 0.9))], Duration::ZERO);
        let (request, _) = recorded.request.as_mut().expect("it was asked");
        request.id = RequestId::from_key(live.name(), &key(index));
        if index > 2 {
            request.plan = wire::Plan::new(request.plan.asked()[..3].to_vec());
            recorded.responses.clear();
        }
        learned.push(recorded);
    }
    let mut learning = Learning::new(live, truths);
    for recorded in &learned {
        learning.add(recorded);
    }
    let next = learning.finish().executors.into_iter().find(|executor| executor.name == "next").expect("it is there");
    assert_eq!((next.asked, next.judged, next.silent), (3, 3, 0));
}

#[test]
fn a_liar_gets_the_least_weight_and_it_is_more_than_nothing() {
    let lesson = of_a_hundred(&[("forest", 95), ("boost", 51), ("linear", 0)]);
    assert_close(weight(&lesson, "linear"), 0.04);
    let least = lesson.weights.values().copied().fold(f64::INFINITY, f64::min);
    assert!((least - weight(&lesson, "linear")).abs() < f64::EPSILON && least > 0.0, "{lesson}");
}

#[test]
fn too_little_evidence_moves_nothing() {
    let wrong = |_| vec![("boost", 1_000, 0, class("dog", 0.9)), ("forest", 2_000, 0, class("cat", 0.9))];
    assert_eq!(learned((0..29).map(wrong)).weights.values().copied().collect::<Vec<_>>(), [1.0; 3]);
    assert!(weight(&learned((0..30).map(wrong)), "boost") < 0.1);
}

#[test]
fn the_interval_is_wilsons() {
    // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
    for (correct, all, [low, high]) in
        [(81, 263, [0.2553, 0.3662]), (15, 148, [0.0624, 0.1605]), (0, 20, [0.0, 0.1611])]
    {
        let told = wilson(correct, all);
        assert_close(told[0], low);
        assert_close(told[1], high);
    }
}

#[test]
fn losers_the_late_and_the_silent_are_told_apart() {
    let cat = || class("cat", 0.9);
    let requests = [
        vec![("forest", 2_000, 0, cat()), ("boost", 3_000, 0, cat()), ("linear", 9_000, 0, class("dog", 0.9))],
        vec![("forest", 2_000, 0, cat()), ("boost", 3_000, 0, failed("no memory")), ("next", 4_000, 0, cat())],
        vec![("forest", 2_000, 0, class("dog", 0.9)), ("linear", 3_000, 0, wire::Reply::Answer("{}".into()))],
    ];
    let mut lesson = learned((0..12).flat_map(|_| requests.clone()));
    (lesson.unknown, lesson.untold) = (2, 7);
    insta::assert_snapshot!("told", lesson);
    insta::assert_json_snapshot!("told_json", lesson);
}

#[test]
fn who_asked_for_nothing_known_is_counted_and_stops_nothing() {
    let live = live();
    let mut truths = Truths::of(Arc::clone(&live)).expect("it says where the value is");
    truths.tell(r#"{"key": "nobody", "class": "cat"}"#).expect("a truth");
    let mut learning = Learning::new(Arc::clone(&live), truths);
    learning.add(&recorded(&live, Vec::new(), Duration::ZERO));
    learning.add(&Recorded::default());
    let lesson = learning.finish();
    assert_eq!((lesson.told, lesson.unknown, lesson.untold), (1, 1, 1));
}

#[test]
fn whoever_is_gone_is_judged_and_gets_no_weight() {
    let (then, mut now) = (live(), definition(AGREE));
    now.executors.retain(|spec| spec.id.as_str() != "forest");
    let now = Arc::new(now);
    let mut truths = Truths::of(Arc::clone(&now)).expect("it says where the value is");
    truths.tell(r#"{"key": "order-17", "class": 2}"#).expect("a truth");
    let mut learning = Learning::new(now, truths);
    learning.add(&recorded(&then, vec![("forest", 1_000, 0, class("2", 0.9))], Duration::ZERO));
    let lesson = learning.finish();
    let forest = lesson.executors.last().expect("it was asked");
    assert_eq!((&*forest.name, forest.role, forest.judged, forest.correct), ("forest", "gone", 1, 0));
    assert_eq!(lesson.weights.keys().collect::<Vec<_>>(), ["boost", "linear"]);
    assert!(lesson.to_string().contains("is the truth written as the answers are"), "{lesson}");
}

#[test]
fn a_line_that_tells_nothing_is_refused_with_its_number() {
    let id = RequestId::from_key(live().name(), "a");
    for (line, why) in [
        ("{\"key\": ", "EOF"),
        (r#"{"class": "cat"}"#, "say either `id` or `key`"),
        (r#"{"key": "a", "id": "b", "class": "cat"}"#, "say either `id` or `key`"),
        (r#"{"key": "b", "sure": 1}"#, "there is no `class`"),
        (r#"{"id": "row-1", "class": "cat"}"#, "a caller's key is a `key`"),
        (&format!(r#"{{"id": "{id}", "class": "dog"}}"#), "line 1 says otherwise"),
    ] {
        let mut truths = Truths::of(live()).expect("it says where the value is");
        truths.tell(r#"{"key": "a", "class": "cat"}"#).expect("a truth");
        truths.tell("").expect("nothing");
        let mistold = truths.tell(line).expect_err(line);
        assert!(mistold.line == 3 && mistold.why.contains(why), "{mistold}");
    }
}

#[test]
fn what_is_pasted_is_read() {
    let lesson = of_a_hundred(&[("forest", 95), ("boost", 80), ("linear", 0)]).to_string();
    let weights = lesson.lines().find(|line| line.starts_with("  weights: ")).expect("it is shown");
    let decide = format!("- agree:\n    votes: majority\n  {weights}\n  until: 30ms\n- default: {{ class: unknown }}");
    assert!(definition(&decide).policy.ladder.len() == 2);
}

proptest! {
    #[test]
    fn who_is_right_more_often_never_weighs_less(judged in JUDGED_MIN..5_000, one in 0_u64..5_000, other in 0_u64..5_000) {
        let record = |correct: u64| TrackRecord { judged, correct: correct.min(judged), ..TrackRecord::default() };
        let (less, more) = (record(one.min(other)), record(one.max(other)));
        prop_assert!(less.odds() <= more.odds());
        let id = ExecutorId::new("forest").expect("a name");
        let weight = |record: &TrackRecord| record.learned(&id, "candidate", more.odds()).weight;
        prop_assert!(weight(&less) > 0.0 && weight(&less) <= weight(&more));
        prop_assert!((weight(&more) - 1.0).abs() < f64::EPSILON);
    }
}
