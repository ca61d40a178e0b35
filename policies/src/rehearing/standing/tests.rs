//! What would have been, had a canary been a candidate.

use std::time::Duration;

use super::{super::tests::*, *};
use crate::Recorded;

const LADDERS: [&str; 3] = [
    "- first: any\n  until: 50ms\n- default: { class: unknown }",
    "- agree: 2\n  until: 50ms\n- default: { class: unknown }",
    "- prefer: [forest: { until: 10ms }, boost: { until: 20ms }, linear]\n  until: 50ms\n- default: { class: unknown }",
];

fn answer(recorded: &Recorded, ladder: &str, standing: Standing) -> String {
    let canary = ExecutorId::new("next").expect("a name");
    let verdict = Rehearing::of(recorded).expect("all is there").with_standing(&definition(ladder), &canary, standing);
    String::from_utf8(verdict.expect("the policy knows it").answer.to_vec()).expect("text")
}

fn answers(ladder: &str, said: Vec<Said>) -> [String; 2] {
    let recorded = recorded(&definition(ladder), said, Duration::ZERO);
    [Standing::Candidate, Standing::First].map(|standing| answer(&recorded, ladder, standing))
}

#[test]
fn a_canary_that_was_first_would_have_been_chosen_by_first() {
    let said = vec![("next", 1_000, 0, class("dog", 0.5)), ("forest", 2_000, 0, class("cat", 0.9))];
    assert_eq!(answers(LADDERS[0], said), [r#"{"class":"dog","sure":0.5}"#; 2]);
}

#[test]
fn its_vote_would_have_made_a_majority() {
    let said = vec![
        ("forest", 1_000, 0, class("cat", 0.9)),
        ("next", 2_000, 0, class("cat", 0.5)),
        ("boost", 3_000, 0, class("dog", 0.9)),
        ("linear", 4_000, 0, class("dog", 0.9)),
    ];
    let [candidate, first] = answers(LADDERS[1], said);
    assert!(candidate.contains("cat") && first.contains("cat"), "{candidate} {first}");
}

#[test]
fn a_preference_hears_it_only_if_it_is_ranked() {
    let said = vec![("forest", 1_000, 0, class("cat", 0.9)), ("next", 900, 0, class("dog", 0.5))];
    let [candidate, first] = answers(LADDERS[2], said);
    assert!(candidate.contains("cat") && first.contains("dog"), "{candidate} {first}");
}

#[test]
fn a_silent_canary_that_is_first_is_waited_for_no_longer_than_who_was_first() {
    let said = vec![("forest", 1_000, 0, class("cat", 0.9))];
    let recorded = recorded(&definition(LADDERS[2]), said, Duration::ZERO);
    let canary = ExecutorId::new("next").expect("a name");
    let rehearing = Rehearing::of(&recorded).expect("all is there");
    let verdict = rehearing.with_standing(&definition(LADDERS[2]), &canary, Standing::First).expect("it is known");
    assert_eq!(verdict.at, BORN.after(Duration::from_millis(10)));
}
