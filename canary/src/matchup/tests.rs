//! What a policy declares is what is compared by.

use policies::Margins;

use super::*;
use crate::{Metric, judge::margin};

const POLICY: &str = "rendezvous: wine
budget: 50ms
input: { features: [x] }
answer: { value: class, list: items }
executors:
  forest: { onnx: forest.onnx }
  boost: { onnx: boost.onnx }
  plain: { onnx: mlp.onnx, canary: { of: forest } }
  again: { onnx: forest.onnx, canary: { of: forest, sample: 2% } }
  once_more: { onnx: forest.onnx, canary: { of: forest, sample: 2% } }
  next:
    onnx: next.onnx
    canary:
      of: forest
      no_worse_by: { accuracy: 3%, failures: off, p50: 4ms, p99: 5ms, impact: 6% }
      confidence: 95%
      warm_up: 0s
      within: 0.05
      largest_difference: 1
  other: { onnx: other.onnx, canary: { of: boost } }
decide: [first: any]
";

fn definition() -> Definition {
    Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"))
}

fn matchups(text: &str) -> Vec<Matchup> {
    Matchup::of(&Definition::parse("wine.yaml", text).unwrap_or_else(|problems| panic!("{problems}")))
}

fn of(canary: &str) -> Matchup {
    matchups(POLICY).into_iter().find(|matchup| matchup.canary.as_str() == canary).expect("it is there")
}

#[test]
fn what_a_policy_declares_is_compared_by() {
    let name = |name| ExecutorId::new(name).unwrap();
    let next = Matchup {
        canary: name("next"),
        reference: name("forest"),
        twin: Some(name("again")),
        margins: Margins {
            agreement: Some(0.01),
            overlap: None,
            ranking: None,
            accuracy: Some(0.03),
            failures: None,
            p50: Some(Duration::from_millis(4)),
            p99: Some(Duration::from_millis(5)),
            impact: Some(0.06),
        },
        confidence: 0.95,
        within: 0.05,
        list: definition().list,
        largest_difference: Some(1.0),
        warm_up: Duration::ZERO,
    };
    assert_eq!(of("next"), next);
    let plain = Matchup::new(name("plain"), name("forest"));
    assert_eq!(of("plain"), Matchup { twin: Some(name("again")), list: definition().list, ..plain });
    assert!(next.list.is_some());
}

#[test]
fn a_canary_that_runs_what_its_reference_runs_is_the_others_noise_floor() {
    let twins: Vec<_> = matchups(POLICY)
        .into_iter()
        .map(|matchup| (matchup.canary.to_string(), matchup.twin.map(|twin| twin.to_string())))
        .collect();
    let again = || Some("again".to_owned());
    let expected = [("plain", again()), ("again", None), ("once_more", None), ("next", again()), ("other", None)];
    assert_eq!(twins, expected.map(|(canary, twin)| (canary.to_owned(), twin)));
}

#[test]
fn each_metric_has_a_margin_in_the_policy_under_its_own_word() {
    for metric in Metric::ALL {
        let written = if matches!(metric, Metric::P50 | Metric::P99) { "7ms" } else { "7%" };
        let text = POLICY.replace(
            "canary: { of: boost }",
            &format!("canary: {{ of: boost, no_worse_by: {{ {}: {written} }} }}", metric.word()),
        );
        let margins = matchups(&text).pop().expect("there are some").margins;
        assert!(matches!(margin(&margins, metric), Some(0.07 | 7_000.0)), "{metric:?}: {margins:?}");
    }
}
