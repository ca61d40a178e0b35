//! What expressions may say, and what they make of an answer.

use std::time::Duration;

use super::*;
use crate::evidence::Path;

const SPEAKER: Speaker<'static> =
    Speaker { name: "forest", rank: 2, family: "trees", cost: 1.5, latency: Duration::from_micros(2_500) };

fn fields() -> Fields {
    let mut fields = Fields::default();
    fields.set_value(&Path::parse("class").expect("a path"));
    fields.set_confidence(&Path::parse("deep.sure").expect("a path"));
    fields
}

fn score(source: &str, answer: &str) -> Option<f64> {
    let mut fields = fields();
    let expression = Expression::scoring(source, &mut fields).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    expression.score(&fields.read(answer.as_bytes()).expect("an answer"), &SPEAKER)
}

fn holds(source: &str, answer: &str) -> Option<bool> {
    let mut fields = fields();
    let expression = Expression::testing(source, &mut fields).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    expression.holds(&fields.read(answer.as_bytes()).expect("an answer"), &SPEAKER)
}

/// The only thing wrong with a score, and the characters that are blamed.
fn fault(source: &str) -> (FaultKind, Option<(usize, usize)>) {
    let mut faults = Expression::scoring(source, &mut fields()).expect_err(source);
    assert_eq!(faults.len(), 1, "{source}: {faults:?}");
    let Fault { at, kind } = faults.remove(0);
    (kind, at)
}

fn kind(source: &str) -> FaultKind {
    fault(source).0
}

#[test]
fn an_expression_sees_members_and_where_value_and_confidence_are() {
    let answer = r#"{"class":"cat","deep":{"sure":0.5},"value":"shadowed","n":2}"#;
    assert_eq!(score("answer.confidence + answer.n", answer), Some(2.5));
    assert_eq!(score("answer.value == 'cat' ? 1 : 0", answer), Some(1.0));
    assert_eq!(score("answer.deep.sure", answer), Some(0.5));
    assert_eq!(score("answer['deep']['sure']", answer), Some(0.5));
    assert_eq!(score("answer.class.size()", answer), Some(3.0));
}

#[test]
fn an_expression_sees_who_answered_and_when() {
    let answer = r#"{"class":"cat"}"#;
    assert_eq!(score("executor.rank + executor.cost * 10 + latency_ms", answer), Some(19.5));
    assert_eq!(holds("executor.name == 'forest' && executor.family == 'trees'", answer), Some(true));
    assert_eq!(holds("executor.name.startsWith('b')", answer), Some(false));
}

#[test]
fn whole_and_broken_numbers_are_the_same_to_an_expression() {
    for one in ["1", "1.0"] {
        let answer = format!(r#"{{"class":1,"n":{one},"list":[1,2.5]}}"#);
        assert_eq!(score("answer.n * 0.5", &answer), Some(0.5));
        assert_eq!(score("answer.n * 2 + 1", &answer), Some(3.0));
        assert_eq!(score("(1 + 2) * answer.n - -4", &answer), Some(7.0));
        assert_eq!(score("answer.n > 0 ? answer.n : 0", &answer), Some(1.0));
        assert_eq!(score("answer.n in [1, 2] ? 1 : 0", &answer), Some(1.0));
        assert_eq!(score("[1, 2].map(n, n * answer.n)[1]", &answer), Some(2.0));
        assert_eq!(score("answer.list.filter(n, n * 2 > 3).size() * 2", &answer), Some(2.0));
        assert_eq!(score("{'one': 1}['one'] * answer.n", &answer), Some(1.0));
        assert_eq!(score("answer.list[1]", &answer), Some(2.5));
        assert_eq!(score("double(answer.list.size()) * 0.5", &answer), Some(1.0));
        assert_eq!(score("int(answer.n) % 2", &answer), Some(1.0));
    }
}

#[test]
fn what_fails_or_is_no_finite_number_is_no_score() {
    let answer = r#"{"class":1,"zero":0,"text":"high","list":[1],"yes":true}"#;
    for expression in [
        "answer.none",
        "answer.text",
        "answer.list",
        "answer.yes",
        "1 / 0",
        "1.0 / answer.zero",
        "answer.text * 2.0",
        "answer.list[7]",
        "answer.confidence",
        "answer.none.deeper",
    ] {
        assert_eq!(score(expression, answer), None, "{expression}");
    }
    assert_eq!(holds("answer.none > 1", answer), None);
    assert_eq!(holds("answer.list", answer), None);
    assert_eq!(holds("answer.yes", answer), Some(true));
}

#[test]
fn every_function_that_is_let_through_is_there() {
    let answer = r#"{"class":"cat","n":1.5,"list":[1.0,2.0]}"#;
    let calls = [
        "bool('true')",
        "size(bytes('ab')) > 0",
        "answer.class.contains('a')",
        "double('1.5') > 0",
        "dyn(answer.n) > 0",
        "answer.class.endsWith('t')",
        "int(answer.n) > 0",
        "answer.class.matches('^c')",
        "size(answer.list) > 0",
        "answer.class.startsWith('c')",
        "size(string(answer.n)) > 0",
        "uint(answer.n) > 0u",
        "has(answer.n)",
        "answer.list.map(x, x * 2.0)[1] > 0",
        "answer.list.exists(x, x > 1.0)",
        "answer.list.exists_one(x, x > 1)",
        "answer.list.all(x, x > 0.0)",
        "answer.list.filter(x, x > 1.0).size() > 0",
    ];
    for call in calls {
        assert_eq!(holds(call, answer), Some(true), "{call}");
    }
    for name in CALLABLE {
        assert!(calls.iter().any(|call| call.contains(name)), "{name} is let through and not tried");
    }
}

#[test]
fn what_is_not_there_is_refused_when_it_is_read() {
    let (name, known) = ("probability".to_owned(), ["answer", "executor", "latency_ms"].map(str::to_owned).to_vec());
    assert_eq!(fault("1.0 + probability * 2.0"), (FaultKind::UnknownName { name, known }, Some((6, 11))));
    assert_eq!(fault("'ä' == sqrt(answer.n) ? 1 : 0"), (FaultKind::UnknownFunction("sqrt".to_owned()), Some((7, 4))));
    let facts = ["name", "rank", "family", "cost"].map(str::to_owned).to_vec();
    assert_eq!(
        fault("2 * executor.speed"),
        (FaultKind::UnknownMember { of: "executor", name: "speed".to_owned(), known: facts.clone() }, Some((13, 5)))
    );
    assert_eq!(kind("executor"), FaultKind::Bare { name: "executor", known: facts });
    assert!(matches!(kind("input.ash"), FaultKind::UnknownName { .. }));
    assert!(matches!(kind("answer."), FaultKind::Unreadable(_)));
    assert!(matches!(kind(""), FaultKind::Unreadable(_)));
}

#[test]
fn parts_that_do_not_fit_together_are_refused_when_they_are_read() {
    let operands = |operator: &str, left, right| FaultKind::Operands { operator: operator.to_owned(), left, right };
    let operand = |operator: &str, is| FaultKind::Operand { operator: operator.to_owned(), is };
    let mixed = |operator: &str| FaultKind::Mixed { operator: operator.to_owned() };
    let cases = [
        ("'a' + 1", operands("+", "text", "a number"), 4),
        ("true * 2", operands("*", "true or false", "a number"), 5),
        ("answer.n > 'y' && executor.name > 1 ? 1 : 0", operands(">", "text", "a number"), 32),
        ("executor.cost in 'abc' ? 1 : 0", operands("in", "a number", "text"), 14),
        ("[1, 2] in {'a': 1} ? 1 : 0", operands("in", "a list", "a map"), 7),
        ("-executor.name", operand("-", "text"), 0),
        ("!executor.cost ? 1 : 0", operand("!", "a number"), 0),
        ("answer.n && executor.cost ? 1 : 0", operand("&&", "a number"), 9),
        ("size(executor.name) * executor.cost", mixed("*"), 20),
        ("answer.n % 2", FaultKind::Remainder, 9),
        ("executor.name == 1 ? 1 : 0", FaultKind::NeverEqual { left: "text", right: "a number" }, 14),
        ("answer.n == null ? 1 : 0", FaultKind::Null, 9),
        ("executor.cost ? 1 : 0", FaultKind::Choice("a number"), 14),
        ("answer.n > 0 ? 1 : 'low'", FaultKind::Branches { left: "a number", right: "text" }, 13),
        ("executor.cost.exists(x, x) ? 1 : 0", FaultKind::Items("a number"), 8),
        ("answer.a.map(x, answer.b.map(y, y)[0])[0]", FaultKind::Nested, 22),
        ("answer.class.matches('(') ? 1 : 0", FaultKind::Pattern("unclosed group".to_owned()), 21),
        ("answer.class.matches(answer.n) ? 1 : 0", FaultKind::PatternUnknown, 27),
        ("size(executor.cost)", FaultKind::Argument { function: "size".to_owned(), is: "a number" }, 13),
        ("size(answer.n, 1)", FaultKind::Arguments { function: "size".to_owned(), wanted: 1 }, 4),
        ("answer.n.size(1)", FaultKind::Arguments { function: "size".to_owned(), wanted: 0 }, 13),
    ];
    for (source, expected, at) in cases {
        let (kind, place) = fault(source);
        assert_eq!((kind, place.map(|(start, _)| start)), (expected, Some(at)), "{source}");
    }
}

#[test]
fn a_score_is_a_number_and_a_condition_is_true_or_false() {
    let wrong = |faults: Vec<Fault>| faults.into_iter().map(|fault| fault.kind).collect::<Vec<_>>();
    let refused = |source| wrong(Expression::scoring(source, &mut fields()).expect_err(source));
    for (source, is) in [
        ("answer.n > 1", "true or false"),
        ("'high'", "text"),
        ("executor.name", "text"),
        ("[answer.n]", "a list"),
        ("answer", "a map"),
        ("null", "null"),
    ] {
        assert_eq!(refused(source), [FaultKind::NoNumber(is)], "{source}");
    }
    let refused = |source| wrong(Expression::testing(source, &mut fields()).expect_err(source));
    assert_eq!(refused("executor.cost"), [FaultKind::NoTruth("a number")]);
    assert_eq!(refused("answer.n + 1"), [FaultKind::NoTruth("a number")]);
}

#[test]
fn every_fault_of_an_expression_is_found_at_once() {
    let faults = Expression::scoring("sqrt(answr.n) + executor.speed", &mut fields()).expect_err("refused");
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn what_a_macro_binds_hides_what_has_the_same_name() {
    let answer = r#"{"class":"cat","list":[1,2]}"#;
    assert_eq!(score("answer.list.map(answer, answer * 2)[1]", answer), Some(4.0));
    assert_eq!(score("answer.list.map(executor, executor + 1)[0]", answer), Some(2.0));
    assert_eq!(score("answer.list.map(n, [1, 2].exists(m, m == n) ? 1 : 0)[1]", answer), Some(1.0));
    assert_eq!(score("answer.list.filter(n, n > 1).map(n, n * 3)[0]", answer), Some(6.0));
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
        assert_eq!(score("has(answer.n.deeper) ? 1.0 : 0.5", none), Some(0.5));
        assert_eq!(score("'n' in answer ? 1.0 : 0.5", none), Some(0.5));
        assert_eq!(score("has(executor.cost) ? 1.0 : 0.5", none), Some(1.0));
    }
}

/// The interpreter recurses, and stations run on threads of 2 MiB.
#[test]
fn the_longest_expressions_leave_room_on_the_stack() {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let longest = || {
        for expression in
            ["1.0+".repeat(98) + "1.0", "(".repeat(24) + "1.0" + &")".repeat(24), "1 < 2 ? 1 : ".repeat(11) + "1"]
        {
            assert!(score(&expression, r#"{"class":1}"#).is_some(), "{expression}");
        }
        assert!(holds(&("true&&".repeat(165) + "true"), r#"{"class":1}"#).is_some());
        assert_eq!(score(&format!("answer{}", ".a".repeat(98)), r#"{"class":1}"#), None);
        assert_eq!(score(&format!("answer['a b']{}", ".a".repeat(97)), r#"{"class":1}"#), None);
        for deeper in ["1.0+".repeat(249) + "1.0", format!("answer{}", ".a".repeat(495)), "!".repeat(23) + "true"] {
            assert!(Expression::scoring(&deeper, &mut fields()).is_err(), "{deeper}");
        }
    };
    thread.spawn(longest).expect("a thread").join().expect("no overflow");
}
