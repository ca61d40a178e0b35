//! The laws of both measures, and numbers that others have published.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TEN: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");

fn letters(text: &str) -> Ranking {
    Ranking::of(&text.chars().map(|letter| json!(letter.to_string())).collect::<Vec<_>>())
}

fn numbers(numbers: &[u32]) -> Ranking {
    Ranking::of(&numbers.iter().map(|number| json!(number)).collect::<Vec<_>>())
}

fn rbo(one: &str, other: &str, persistence: f64) -> f64 {
    letters(one).likeness(&letters(other), TEN, persistence).ranking
}

fn overlap_at(top: usize, one: &str, other: &str) -> f64 {
    letters(one).likeness(&letters(other), NonZeroUsize::new(top).expect("not zero"), 0.9).overlap
}

#[track_caller]
fn assert_close(seen: f64, expected: f64) {
    assert!((seen - expected).abs() < 6e-7, "{seen} is not {expected}");
}

/// What William Webber's own program says of the alphabet and other lists, of unequal length too, as published with the
/// `rbo` crate; rounded there to six digits.
#[test]
fn rank_biased_overlap_is_what_its_authors_program_says() {
    let published = [
        ("karfvodcjmwgzlypebunq", 0.9, 0.468_431),
        ("zhatsimjpnkvcfxwqgoeryubd", 0.9, 0.364_444),
        ("sozxjfdenvqkbgryapc", 0.9, 0.307_626),
        ("zclx", 0.9, 0.233_312),
        ("nxqyk", 0.9, 0.049_050),
        ("f", 0.9, 0.053_090),
        ("afdqwtvehcpubinloygrs", 0.4, 0.782_330),
        ("bncxagm", 0.2, 0.105_466),
        ("av", 0.2, 0.9),
        ("akdwcjomxrubqitenhspyl", 0.1, 0.948_509),
    ];
    for (other, persistence, expected) in published {
        assert_close(rbo("abcdefghijklmnopqrstuvwxyz", other, persistence), expected);
    }
}

/// The two lists of the paper's example: of the first 1 to 7 they share none, none, two, two, two, two, two.
#[test]
fn the_papers_example_overlaps_as_it_says() {
    let shared = letters("abcdefg").shared_by_depth(&letters("zcavwxy"));
    assert_eq!(shared, [0, 0, 2, 2, 2, 2, 2]);
    let at = |top| overlap_at(top, "abcdefg", "zcavwxy");
    assert_close(at(3), 2.0 / 3.0);
    assert_close(at(7), 2.0 / 7.0);
}

/// Of lists without end that share the first ten items and nothing else, in the paper's words the weight of these ten.
#[test]
fn the_first_ten_have_86_of_100_parts_of_the_weight() {
    let list = |other: u32| -> Vec<u32> { (0..10).chain((1..900).map(|place| place * 2 + 10 + other)).collect() };
    let likeness = numbers(&list(0)).likeness(&numbers(&list(1)), TEN, 0.9);
    assert_close(likeness.ranking, 0.855_585_446_7);
    assert_close(likeness.overlap, 1.0);
}

#[test]
fn a_list_that_the_other_begins_with_ranks_alike_and_overlaps_by_its_length() {
    let likeness = letters("abc").likeness(&letters("abcdef"), TEN, 0.9);
    assert_close(likeness.ranking, 1.0);
    assert_close(likeness.overlap, 0.5);
    assert_eq!((likeness.is_same, likeness.has_same_first), (false, true));
}

#[test]
fn two_lists_of_nothing_are_the_same_and_one_is_like_none() {
    let nothing = letters("");
    let same = Likeness { overlap: 1.0, ranking: 1.0, is_same: true, has_same_first: true };
    assert_eq!(nothing.likeness(&nothing, TEN, 0.9), same);
    let apart = Likeness { overlap: 0.0, ranking: 0.0, is_same: false, has_same_first: false };
    assert_eq!(nothing.likeness(&letters("ab"), TEN, 0.9), apart);
}

#[test]
fn an_item_that_comes_again_counts_where_it_came_first() {
    let twice = letters("abacb");
    assert_eq!((twice.items.len(), twice.has_repeats), (3, true));
    assert_eq!(twice.items, letters("abc").items);
    assert!(!letters("abc").has_repeats);
}

#[test]
fn items_are_the_same_however_numbers_and_members_are_written() {
    let items = |text: &str| Ranking::of(&serde_json::from_str::<Vec<Value>>(text).expect("a list"));
    assert_eq!(items(r#"[1, {"a": 2, "b": 0.5}]"#), items(r#"[1.0, {"b": 0.5, "a": 2.0}]"#));
    assert_ne!(items(r#"[1, "1"]"#).items[0], items(r#"["1"]"#).items[0]);
}

#[test]
fn nobody_reads_a_list_without_end() {
    let long: Vec<u32> = (0..5_000).collect();
    assert_eq!(numbers(&long).items.len(), RankedList::ITEMS_MAX);
}

fn list() -> impl Strategy<Value = Ranking> {
    prop::collection::vec(0..30_u32, 0..20).prop_map(|all| numbers(&all))
}

fn top() -> impl Strategy<Value = NonZeroUsize> {
    (1..25_usize).prop_map(|top| NonZeroUsize::new(top).expect("not zero"))
}

proptest! {
    #[test]
    fn both_measures_lie_within_0_and_1_and_it_does_not_matter_which_list_is_which(
        one in list(), other in list(), top in top(), persistence in 0.01..0.99,
    ) {
        let likeness = one.likeness(&other, top, persistence);
        prop_assert!((0.0..=1.0).contains(&likeness.overlap) && (0.0..=1.0).contains(&likeness.ranking), "{likeness:?}");
        prop_assert_eq!(other.likeness(&one, top, persistence), likeness);
    }

    #[test]
    fn equal_lists_are_wholly_alike_and_lists_that_share_nothing_are_not_at_all(
        one in list(), other in prop::collection::vec(30..60_u32, 1..20), top in top(), persistence in 0.01..0.99,
    ) {
        let same = one.likeness(&one, top, persistence);
        prop_assert!(same.is_same && (same.overlap - 1.0).abs() < 1e-9 && (same.ranking - 1.0).abs() < 1e-9, "{same:?}");
        let apart = one.likeness(&numbers(&other), top, persistence);
        prop_assert_eq!(apart, Likeness { overlap: 0.0, ranking: 0.0, is_same: false, has_same_first: false });
    }

    #[test]
    fn the_longer_the_shared_beginning_the_more_alike_lists_are(length in 2..20_u32, top in top(), persistence in 0.3..0.95) {
        let list = |shared: u32, other: u32| -> Ranking {
            numbers(&(0..length).map(|place| if place < shared { place } else { place + other }).collect::<Vec<_>>())
        };
        let mut before = Likeness { overlap: 0.0, ranking: 0.0, is_same: false, has_same_first: false };
        for shared in 0..=length {
            let likeness = list(shared, 100).likeness(&list(shared, 200), top, persistence);
            prop_assert!(likeness.overlap >= before.overlap, "{before:?} {likeness:?}");
            prop_assert!(shared == 0 || likeness.ranking > before.ranking, "{before:?} {likeness:?}");
            before = likeness;
        }
        prop_assert!(before.is_same);
    }
}
