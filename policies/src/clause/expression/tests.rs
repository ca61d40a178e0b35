//! What expressions may say, and what they make of an answer.

use super::*;
use crate::evidence::Path;

fn score(expression: &str, answer: &str) -> Option<f64> {
    let mut fields = Fields::default();
    fields.set_value(&Path::parse("class").expect("a path"));
    fields.set_confidence(&Path::parse("deep.sure").expect("a path"));
    let expression =
        Expression::compile(expression, &mut fields).unwrap_or_else(|error| panic!("{expression}: {error:?}"));
    let speaker = Speaker { name: "a", rank: 1, family: "a", cost: 0.0, latency: std::time::Duration::ZERO };
    expression.score(&fields.read(answer.as_bytes()).expect("an answer"), &speaker)
}

#[test]
fn an_expression_sees_members_and_where_value_and_confidence_are() {
    let answer = r#"{"class":"cat","deep":{"sure":0.5},"value":"shadowed","n":2}"#;
    assert_eq!(score("answer.confidence + answer.n", answer), Some(2.5));
    assert_eq!(score("answer.value == 'cat' ? 1 : 0", answer), Some(1.0));
    assert_eq!(score("answer.deep.sure", answer), Some(0.5));
    assert_eq!(score("answer.class.size()", answer), Some(3.0));
}

#[test]
fn whole_and_broken_numbers_are_the_same_to_an_expression() {
    for one in ["1", "1.0"] {
        assert_eq!(score("answer.n * 0.5", &format!(r#"{{"class":1,"n":{one}}}"#)), Some(0.5));
    }
}

#[test]
fn what_fails_or_is_no_finite_number_is_no_score() {
    let answer = r#"{"class":1,"zero":0,"text":"high","list":[1]}"#;
    for expression in [
        "answer.none",
        "answer.text",
        "answer.list",
        "answer",
        "1 / 0",
        "1.0 / answer.zero",
        "null",
        "answer.text * 2.0",
        "answer.list[7]",
        "answer.confidence",
    ] {
        assert_eq!(score(expression, answer), None, "{expression}");
    }
}

#[test]
fn every_function_that_is_let_through_is_there() {
    let answer = r#"{"class":"cat","n":1.5,"list":[1.0,2.0]}"#;
    let calls = [
        "bool('true')",
        "size(bytes('ab'))",
        "answer.class.contains('a')",
        "double('1.5')",
        "dyn(answer.n)",
        "answer.class.endsWith('t')",
        "int(answer.n)",
        "answer.class.matches('^c')",
        "size(answer.list)",
        "answer.class.startsWith('c')",
        "size(string(answer.n))",
        "uint(answer.n)",
        "has(answer.n) ? 1 : 0",
        "answer.list.map(x, x * 2.0)[1]",
        "answer.list.exists(x, x > 1.0)",
        "answer.list.all(x, x > 0.0)",
        "answer.list.filter(x, x > 1.0).size()",
    ];
    for call in calls {
        assert!(score(call, answer).is_some(), "{call}");
    }
    for name in FUNCTIONS {
        assert!(calls.iter().any(|call| call.contains(name)), "{name} is let through and not tried");
    }
}

#[test]
fn what_is_not_there_is_refused_when_it_is_read() {
    let refused = |source: &str| Expression::compile(source, &mut Fields::default()).expect_err("refused");
    assert_eq!(refused("probability * 2.0"), ScoreError::UnknownVariable("probability".to_owned()));
    assert_eq!(refused("sqrt(answer.n)"), ScoreError::UnknownFunction("sqrt".to_owned()));
    assert!(matches!(refused("answer."), ScoreError::Syntax { .. }));
    assert!(matches!(refused(""), ScoreError::Syntax { .. }));
}

#[test]
fn an_expression_that_only_names_members_keeps_only_these() {
    assert_eq!(members("answer.a * answer.b + answer.a"), Some(vec!["a", "b"]));
    assert_eq!(members("my_answer.x + answers.y + answer.list.exists(i, i > 1.0)"), Some(vec!["list"]));
    assert_eq!(members("1.0"), Some(vec![]));
    for whole in ["answer['a']", "size(answer)", "answer.exists(k, k == 'a')", "answer .a", "answer.a + size(answer)"] {
        assert_eq!(members(whole), None, "{whole}");
    }
}

#[test]
fn an_expression_that_looks_anywhere_sees_everything() {
    let answer = r#"{"class":"cat","deep":{"sure":0.5},"n":2,"none":null}"#;
    assert_eq!(score("answer['n'] + answer['confidence']", answer), Some(2.5));
    assert_eq!(score("size(answer)", answer), Some(5.0));
    assert_eq!(score("answer.exists(name, name == 'value') ? 1 : 0", answer), Some(1.0));
}

#[test]
fn null_is_the_same_as_missing() {
    for none in [r#"{"class":1,"n":null}"#, r#"{"class":1}"#] {
        assert_eq!(score("has(answer.n) ? 1.0 : 0.5", none), Some(0.5));
        assert_eq!(score("'n' in answer ? 1.0 : 0.5", none), Some(0.5));
    }
}

/// The interpreter recurses, and stations run on threads of 2 MiB.
#[test]
fn the_longest_expressions_leave_room_on_the_stack() {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let longest = || {
        for expression in
            ["1.0+".repeat(249) + "1.0", "true&&".repeat(165) + "true", "(".repeat(24) + "1.0" + &")".repeat(24)]
        {
            assert!(score(&expression, r#"{"class":1}"#).is_some(), "{expression}");
        }
        assert_eq!(score(&format!("answer{}", ".a".repeat(495)), r#"{"class":1}"#), None);
    };
    thread.spawn(longest).expect("a thread").join().expect("no overflow");
}
