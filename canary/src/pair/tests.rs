//! What one request shows.

use wire::FailureKind;

use super::*;
use crate::testing::{Deed, Log, Told, World, by_lists, failed, matchup, name, says};

fn recorded(log: &Log) -> Recorded {
    let mut recorded = Recorded::default();
    for told in log.topics.iter().flatten() {
        match told.clone() {
            Told::Request(request, at) => recorded.request = Some((request, at)),
            Told::Response(response, at) => recorded.responses.push((response, at)),
            Told::Result(given) => recorded.result = Some(given),
        }
    }
    recorded
}

fn pair_of(deeds: [Deed; 4], truth: Option<&str>) -> Pair {
    let world = World::new();
    let log = world.log([(world.request(1, 9.5, "a"), deeds)]);
    let truth = truth.map(Value::from);
    let pair = Pair::of(&recorded(&log), &world.definition, (&name("next"), &matchup()), truth.as_ref());
    pair.expect("it was asked").expect("it shows something")
}

fn red(after: u64) -> Deed {
    says(after, "red", 0.9)
}

fn white(after: u64) -> Deed {
    says(after, "white", 0.7)
}

#[test]
fn two_answers_are_held_against_each_other_and_against_the_truth() {
    let pair = pair_of([red(2_000), red(3_000), white(1_000), None], Some("white"));
    assert_eq!((pair.agree, pair.excluded()), (Some(false), None));
    assert_eq!((pair.canary.right, pair.reference.right), (Some(true), Some(false)));
    assert_eq!(pair.canary.latency, Some(Duration::from_millis(1)));
    assert_eq!((pair.canary.confidence, pair.canary.late), (Some(0.7), None));
}

#[test]
fn an_answer_after_the_verdict_counts_with_its_lateness() {
    let pair = pair_of([red(2_000), red(3_000), red(900_000), None], None);
    assert_eq!(pair.agree, Some(true));
    assert_eq!(pair.canary.late, Some(Duration::from_millis(898)));
}

#[test]
fn a_canary_that_is_first_in_rank_would_have_changed_the_result_and_as_a_candidate_not() {
    let pair = pair_of([red(2_000), red(3_000), white(1_000), None], None);
    assert_eq!(pair.impact, Ok(Impact { candidate: false, first: true }));
    let alike = pair_of([red(2_000), red(3_000), red(1_000), None], None);
    assert_eq!(alike.impact, Ok(Impact { candidate: false, first: false }), "the policy compares the class alone");
}

#[test]
fn whoever_gave_no_answer_is_excluded_by_why() {
    let fail = |kind| Some((1_000, failed(kind)));
    let unreadable = || Some((1_000, Reply::Answer(r#"{"sure":1}"#.into())));
    let cases = [
        ([red(1), red(1), None, None], Excluded::CanarySilent),
        ([red(1), red(1), fail(FailureKind::Failed), None], Excluded::CanaryFailed),
        ([red(1), red(1), fail(FailureKind::Overloaded), None], Excluded::CanaryExpired),
        ([red(1), red(1), fail(FailureKind::Abstained), None], Excluded::CanaryAbstained),
        ([red(1), red(1), unreadable(), None], Excluded::NotComparable),
        ([None, red(1), red(1), None], Excluded::ReferenceSilent),
        ([fail(FailureKind::Failed), red(1), None, None], Excluded::ReferenceFailed),
        ([fail(FailureKind::Abstained), red(1), red(1), None], Excluded::ReferenceAbstained),
    ];
    for (deeds, why) in cases {
        assert_eq!(pair_of(deeds, None).excluded(), Some(why));
    }
}

/// What both said, compared by lists.
fn by_lists_of(canary: &str, reference: &str) -> Pair {
    let world = World::new();
    let says = |answer: &str| Some((1_000, Reply::Answer(answer.to_owned().into())));
    let log = world.log([(world.request(1, 9.5, "a"), [says(reference), None, says(canary), None])]);
    let pair = Pair::of(&recorded(&log), &world.definition, (&name("next"), &by_lists()), None);
    pair.expect("it was asked").expect("it shows something")
}

#[test]
fn two_lists_are_held_against_each_other_beside_the_value() {
    let pair = by_lists_of(r#"{"class":1,"items":[3,2,9]}"#, r#"{"class":1,"items":[1,2,3,4]}"#);
    let likeness = pair.likeness.expect("both have lists");
    assert_eq!((pair.agree, likeness.is_same, likeness.has_same_first), (Some(true), false, false));
    assert!((likeness.overlap - 0.5).abs() < 1e-9, "two of the four of the longer: {likeness:?}");
    assert_eq!(pair.lists().map(|(_, repeated)| repeated), Some((false, false)));
    let repeats = by_lists_of(r#"{"class":1,"items":[1,1]}"#, r#"{"class":1,"items":[1]}"#);
    assert_eq!(repeats.lists().map(|(likeness, repeated)| (likeness.is_same, repeated)), Some((true, (true, false))));
}

#[test]
fn an_answer_whose_list_is_none_lacks_what_is_compared_and_an_empty_one_does_not() {
    let list = r#"{"class":1,"items":[1]}"#;
    for none in
        [r#"{"class":1}"#, r#"{"class":1,"items":null}"#, r#"{"class":1,"items":7}"#, r#"{"class":1,"items":{}}"#]
    {
        let pair = by_lists_of(none, list);
        assert_eq!(
            (pair.canary.said, pair.excluded(), pair.likeness),
            (Said::Unreadable, Some(Excluded::NotComparable), None)
        );
        assert_eq!(by_lists_of(list, none).reference.said, Said::Unreadable);
    }
    let valueless = by_lists_of(r#"{"items":[1]}"#, list);
    assert_eq!((valueless.excluded(), valueless.likeness), (Some(Excluded::NotComparable), None));
    let empty = by_lists_of(r#"{"class":1,"items":[]}"#, list);
    assert_eq!((empty.excluded(), empty.likeness.map(|likeness| likeness.overlap)), (None, Some(0.0)));
}

#[test]
fn whoever_abstains_does_not_fail() {
    let abstains = pair_of([red(1), red(1), Some((1, failed(FailureKind::Abstained))), None], None);
    assert!(!abstains.canary.failed());
    assert!(pair_of([red(1), red(1), None, None], None).canary.failed());
}

#[test]
fn what_a_request_is_one_of_is_known() {
    let pair = pair_of([red(1), red(1), red(1), None], None);
    let facts: Vec<String> = pair.facts.iter().map(|(name, fact)| format!("{name}={fact}")).collect();
    assert_eq!(facts, ["input.alcohol=9.5", r#"attributes.tenant="a""#, r#"reference says="red""#]);
}

#[test]
fn numbers_are_the_same_within_a_tolerance_and_labels_only_as_written() {
    assert!(same(&Value::from(1.0), &Value::from(1.05), 0.1));
    assert!(!same(&Value::from(1.0), &Value::from(1.05), 0.0));
    assert!(same(&Value::from(1), &Value::from(1.0), 0.0));
    assert!(!same(&Value::from("red"), &Value::from("Red"), 1.0));
}
