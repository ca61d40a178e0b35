//! What a failed example tells.

use crate::{Definition, ExampleOutcome};

fn play(example: &str) -> ExampleOutcome {
    let text = format!(
        "rendezvous: test\nbudget: 50ms\ninput: {{ features: [x] }}\nanswer: {{ value: class }}\n\
         executors:\n  a: {{ echo: }}\n  b: {{ echo: }}\n  c: {{ echo: }}\n  z: {{ echo: , canary: {{ of: a }} }}\n\
         decide:\n- agree: 2\n  until: 15ms\n- prefer: [a, b]\n- default: {{ class: none }}\n\
         examples:\n- {{ name: it, {example} }}\n"
    );
    let definition = Definition::parse("test.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    definition.play_examples().remove(0)
}

#[test]
fn a_failed_example_tells_what_was_missed_and_what_happened() {
    let outcome = play(
        "heard: { 3ms: { b: { class: 1 }, z: { class: 1 } }, 4ms: { b: { class: 2 } }, 20ms: { a: { fails: no memory } }, \
         21ms: { c: { class: 1 } } }, \
         expect: { at: 4ms, answer: { class: 2 }, decided_by: agree, reason: early, completeness: full, executors: [a, b] }",
    );
    assert!(!outcome.passed);
    insta::assert_snapshot!(outcome.timeline);
}

#[test]
fn every_expectation_can_fail() {
    let heard = "heard: { 3ms: { a: { class: 1 } }, 4ms: { b: { class: 1 } } }";
    let right = [
        "at: 4ms",
        "answer: { class: 1 }",
        "decided_by: agree",
        "reason: early",
        "completeness: partial",
        "executors: [a, b]",
        "",
    ];
    let wrong = [
        "at: 5ms",
        "answer: { class: 2 }",
        "answer: { sure: 1 }",
        "decided_by: best",
        "reason: deadline",
        "completeness: full",
        "executors: [b, a]",
    ];
    for expected in right {
        let outcome = play(&format!("{heard}, expect: {{ {expected} }}"));
        assert!(outcome.passed, "{expected}\n{}", outcome.timeline);
    }
    for expected in wrong {
        assert!(!play(&format!("{heard}, expect: {{ {expected} }}")).passed, "{expected}");
    }
}
