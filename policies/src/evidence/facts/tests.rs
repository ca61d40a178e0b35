//! What counts as a field, and as the same.

use super::*;

fn same(left: &str, right: &str) -> bool {
    let [left, right] = [left, right].map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let same = canonical_eq(&left, &right);
    assert_eq!(canonical_text(&left) == canonical_text(&right), same, "one text for one value");
    same
}

#[test]
fn numbers_are_the_same_however_written() {
    assert!(same("1", "1.0") && same("1e2", "100") && same("0", "-0.0") && same("0.10", "0.1"));
    assert!(!same("1", "2") && !same("1", "\"1\"") && !same("1", "true") && !same("0.1", "0.2"));
}

#[test]
fn whole_numbers_beyond_what_doubles_hold_stay_apart() {
    assert!(!same("9007199254740993", "9007199254740992"));
    assert!(!same("9007199254740993", "9007199254740992.0"));
    assert!(same("9007199254740992", "9007199254740992.0"));
    assert!(same("18446744073709551615", "18446744073709551615"));
    assert!(same("1e300", "1e300") && !same("1e300", "2e300"));
}

#[test]
fn members_may_stand_in_any_order_and_items_may_not() {
    assert!(same(r#"{"a":1,"b":[1,{"c":2}]}"#, r#"{"b":[1.0,{"c":2}],"a":1}"#));
    assert!(!same("[1,2]", "[2,1]") && !same("[1]", "[1,1]") && !same(r#"{"a":1}"#, r#"{"a":1,"b":2}"#));
}

fn read(paths: &[&str], whole: bool, answer: &str) -> (Fields, Vec<Field>, Result<Facts, String>) {
    let mut fields = Fields::default();
    let found = paths.iter().map(|path| fields.add(&Path::parse(path).expect("a path"))).collect();
    if whole {
        fields.set_whole();
    }
    let facts = fields.read(answer.as_bytes());
    (fields, found, facts)
}

#[test]
fn fields_are_found_in_one_pass_or_in_the_whole_alike() {
    for whole in [false, true] {
        let answer = r#"{"x":{"y":2},"class":"a","pad":[1,{"class":3}],"x2":null,"class":"b"}"#;
        let (_, fields, facts) = read(&["class", "x.y", "x.z", "x2", "none"], whole, answer);
        let facts = facts.expect("an object");
        let found: Vec<Option<String>> = fields.iter().map(|field| field.of(&facts).map(ToString::to_string)).collect();
        assert_eq!(found, [Some("\"b\"".to_owned()), Some("2".to_owned()), None, None, None]);
        assert_eq!(fields[1].number(&facts), Some(2.0));
    }
}

#[test]
fn what_is_no_object_is_no_answer() {
    for answer in ["", "1", "[]", "null", "{", "{}{}", "{\"a\":NaN}", "{\"a\":1e999}", "\u{0}"] {
        for whole in [false, true] {
            assert!(read(&["a"], whole, answer).2.is_err(), "{answer}");
        }
    }
}

#[test]
fn an_answer_without_its_value_says_so() {
    let mut fields = Fields::default();
    fields.set_value(&Path::parse("class").expect("a path"));
    let why = |answer: &str| fields.read(answer.as_bytes()).expect_err("no vote");
    assert_eq!(why(r#"{"klass":1}"#), "the answer has no `class`");
    assert!(why("[").starts_with("the answer is not one JSON object: "));
}

#[test]
fn a_path_is_names_with_dots_between() {
    for path in ["a", "a.b.c", "_x", "a-b", "A9"] {
        assert_eq!(Path::parse(path).expect(path).to_string(), path);
    }
    for text in ["", ".", "a.", ".a", "a b", "9", "0.8", "a[0]", "a + b", "a..b"] {
        assert!(Path::parse(text).is_none(), "{text}");
    }
}
