//! The worst segment is found, and none where there is none.

use std::sync::Arc;

use serde_json::json;
use wire::{RendezvousName, RequestId};

use super::*;
use crate::{Impact, Margins, Metric, Said, Side, testing::BORN};

fn side(value: &str) -> Side {
    Side {
        said: Said::Answered,
        latency: None,
        scored: None,
        late: None,
        model: None,
        value: Some(json!(value)),
        list: None,
        confidence: None,
        right: None,
    }
}

fn pair(number: u64, agree: bool, facts: &[(&str, Value)]) -> Pair {
    let name = RendezvousName::new("wine").expect("a name");
    Pair {
        request: RequestId::from_key(&name, &number.to_string()),
        at: BORN,
        canary: side(if agree { "red" } else { "white" }),
        reference: side("red"),
        agree: Some(agree),
        likeness: None,
        impact: Ok(Impact { candidate: false, first: false }),
        facts: facts.iter().map(|(name, fact)| (Arc::from(*name), fact.clone())).collect(),
    }
}

/// Returns what is found among pairs that differ as often as `differs` says of a number and a tenant.
fn found(seed: u64, pairs: u64, differs: impl Fn(f64, &str) -> f64, alpha: f64) -> Vec<Segment> {
    found_by(&Margins { agreement: Some(0.02), ..Margins::none() }, seed, pairs, differs, alpha)
}

fn found_by(margins: &Margins, seed: u64, pairs: u64, differs: impl Fn(f64, &str) -> f64, alpha: f64) -> Vec<Segment> {
    let (mut dice, mut segments) = (fastrand::Rng::with_seed(seed), Segments::default());
    for number in 0..pairs {
        let (alcohol, tenant) = (8.0 + 6.0 * dice.f64(), dice.choice(["a", "b", "c"]).expect("three"));
        let agree = dice.f64() >= differs(alcohol, tenant);
        segments.add(&pair(number, agree, &[("input.alcohol", json!(alcohol)), ("attributes.tenant", json!(tenant))]));
    }
    worst(&segments, &Search { margins, alpha, noise: (0, 0), overall: [0.0; 3] }, 10)
}

#[test]
fn a_range_in_which_the_canary_is_worse_is_found_with_its_size_and_requests() {
    let worst = found(1, 8_000, |alcohol, _| if alcohol > 12.5 { 0.2 } else { 0.001 }, 0.01).remove(0);
    assert_eq!((worst.dimension.as_str(), worst.metric), ("input.alcohol", Metric::Agreement));
    assert!(worst.bounds.low > 0.02 && worst.n > 1_500 && worst.n < 2_500, "{worst:?}");
    assert!(worst.part.starts_with("12.") && worst.part.ends_with(" to 14"), "{}", worst.part);
    assert_eq!(worst.examples.len(), 5);
}

#[test]
fn different_answers_that_are_not_judged_make_no_segment_worse() {
    let found = found_by(&Margins::none(), 1, 8_000, |alcohol, _| if alcohol > 12.5 { 0.2 } else { 0.001 }, 0.01);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_tenant_of_whom_the_canary_knows_nothing_is_found() {
    let worst = found(2, 4_000, |_, tenant| if tenant == "b" { 0.15 } else { 0.001 }, 0.01).remove(0);
    assert_eq!((worst.dimension.as_str(), worst.part.as_str()), ("attributes.tenant", "b"));
    assert!(worst.bounds.low > 0.02, "{worst:?}");
}

/// All are as bad as they may be, so whatever is called worse is so wrongly.
#[test]
fn where_no_segment_is_worse_than_allowed_hardly_any_search_calls_one_worse() {
    let is_worse = |segment: &Segment| segment.bounds.low > segment.margin;
    let wrong = (0..400).filter(|seed| found(*seed, 400, |_, _| 0.02, 0.05).iter().any(is_worse)).count();
    assert!(wrong <= 20, "{wrong} of 400");
}

#[test]
fn neither_order_nor_parts_matter_even_where_there_are_too_many() {
    let all: Vec<Pair> = (0..3_000)
        .map(|number| {
            let facts = [("attributes.tenant", json!(format!("tenant-{}", number % 500))), ("input.x", json!(number))];
            pair(number, number % 7 > 0, &facts)
        })
        .collect();
    let of = |pairs: &mut dyn Iterator<Item = &Pair>| {
        let mut segments = Segments::default();
        pairs.for_each(|pair| segments.add(pair));
        segments
    };
    let whole = of(&mut all.iter());
    assert_eq!(of(&mut all.iter().rev()), whole);
    let (one, two) = all.split_at(1_234);
    let mut sum = of(&mut one.iter());
    sum.merge(&of(&mut two.iter()));
    assert_eq!(sum, whole);
    assert!(whole.len() <= TEXTS_MAX + CELLS_MAX, "{}", whole.len());
}
