//! Laws of the checks, over generated expressions: what passes them does not fail for its kinds.

use std::time::Duration;

use proptest::prelude::*;

use super::{Expression, FaultKind, Speaker};
use crate::evidence::{Facts, Fields, Path};

const SPEAKER: Speaker<'static> =
    Speaker { name: "forest", rank: 2, family: "trees", cost: 1.5, latency: Duration::from_micros(2_500) };

/// An answer with a number, a text, a truth and a list under these names.
fn facts(fields: &Fields) -> Facts {
    fields.read(br#"{"n": 2, "text": "cat", "yes": true, "list": [1, 2.5]}"#).expect("an answer")
}

fn fields() -> Fields {
    let mut fields = Fields::default();
    fields.set_value(&Path::parse("n").expect("a path"));
    fields
}

/// What is there whatever an answer says, of a kind that is known.
fn known() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "2.5",
        "0",
        "'a'",
        "true",
        "latency_ms",
        "executor.cost",
        "executor.rank",
        "executor.name",
        "executor.family",
        "size('abc')",
        "[1, 2]",
        "[latency_ms]",
        "{'a': 1}",
        "has(answer.n)",
    ])
    .prop_map(str::to_owned)
}

/// What an answer says, of any kind.
fn any() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "3u",
        "answer.n",
        "answer.text",
        "answer.yes",
        "answer.list",
        "answer.none",
        "answer['n']",
    ])
    .prop_map(str::to_owned)
}

fn expression(leaf: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    let operators = || prop::sample::select(vec!["+", "-", "*", "<", "<=", ">", "==", "!=", "&&", "||", "in"]);
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), operators(), inner.clone()).prop_map(|(left, by, right)| format!("({left} {by} {right})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.clone().prop_map(|of| format!("!({of})")),
            inner.clone().prop_map(|of| format!("-({of})")),
            inner.clone().prop_map(|of| format!("string({of})")),
            inner.clone().prop_map(|of| format!("size({of})")),
            inner.prop_map(|of| format!("[{of}].map(x, x)[0]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_score_of_known_kinds_that_passes_is_a_number(source in expression(known())) {
        let mut fields = fields();
        if let Ok(score) = Expression::scoring(&source, &mut fields) {
            prop_assert!(score.score(&facts(&fields), &SPEAKER).is_some(), "{source}");
        }
    }

    #[test]
    fn a_condition_of_known_kinds_that_passes_is_true_or_false(source in expression(known())) {
        let mut fields = fields();
        if let Ok(condition) = Expression::testing(&source, &mut fields) {
            prop_assert!(condition.holds(&facts(&fields), &SPEAKER).is_some(), "{source}");
        }
    }

    #[test]
    fn whatever_answers_say_nothing_panics(source in expression(prop_oneof![known(), any()])) {
        let mut fields = fields();
        match Expression::scoring(&source, &mut fields) {
            Ok(score) => { let _ = score.score(&facts(&fields), &SPEAKER); }
            Err(faults) => for fault in faults {
                prop_assert!(!matches!(fault.kind, FaultKind::Unreadable(_)), "{source}");
                let length = source.chars().count();
                prop_assert!(fault.at.is_none_or(|(start, width)| start + width <= length), "{source}: {fault:?}");
            },
        }
    }

    #[test]
    fn nothing_that_is_typed_panics(source in "[a-z0-9.()\\[\\]{}'\"+*/%<>=!&|?:, -]{0,60}") {
        let mut fields = fields();
        let _ = Expression::scoring(&source, &mut fields);
    }
}
