//! Which requests a condition takes.

use super::*;
use crate::clause::FaultKind;

fn schema() -> InputSchema {
    InputSchema::of(&["alcohol", "od280/od315"], &["grape"])
}

fn compile(source: &str) -> Result<Condition, Vec<Fault>> {
    Condition::compile(source, &schema(), &["tenant", "region"].map(Arc::from))
}

fn holds(source: &str) -> bool {
    let mut attributes = Attributes::default();
    attributes.set("tenant", "gold");
    let body = br#"{"od280/od315": 2, "grape": "Pinot \u0027noir\u0027", "alcohol": 13.5}"#;
    let asking = Asking::read(body, &schema(), &attributes, Budget::from_micros(2_500));
    compile(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}")).holds(&asking)
}

#[test]
fn a_condition_sees_features_attributes_and_the_budget() {
    assert!(holds("attributes.tenant == 'gold' && input.alcohol > 13"));
    assert!(holds("input['od280/od315'] == 2 && budget_ms == 2.5"));
    assert!(!holds("input.alcohol < 13.0 || attributes.tenant != 'gold'"));
    assert!(holds("attributes['tenant'] in ['gold', 'silver']"));
}

#[test]
fn a_condition_sees_texts() {
    assert!(holds(r#"input.grape == "Pinot 'noir'" && input.grape.startsWith('Pinot')"#));
    assert!(holds("input['grape'] in [\"Pinot 'noir'\"] && has(input.grape)"));
    assert!(!holds("input.grape == 'Merlot'"));
}

#[test]
fn what_the_caller_does_not_say_reads_as_empty_text() {
    assert!(holds("attributes.region == '' && !has(attributes.region) && has(attributes.tenant)"));
    assert!(holds("has(input.alcohol)"));
}

#[test]
fn a_condition_that_cannot_be_told_does_not_hold() {
    assert!(!holds("double(attributes.tenant) > 1.0"));
    assert!(!holds("!(double(attributes.tenant) > 1.0)"));
}

#[test]
fn a_condition_that_looks_at_nothing_holds_always_or_never() {
    let always = |source| compile(source).expect(source).always();
    assert_eq!(always("true"), Some(true));
    assert_eq!(always("1 > 2"), Some(false));
    assert_eq!(always("budget_ms > 0"), None);
}

#[test]
fn what_no_request_has_is_refused() {
    let kind = |source| compile(source).expect_err(source).remove(0).kind;
    assert!(matches!(kind("input.alcool > 1"), FaultKind::UnknownMember { of: "input", .. }));
    assert!(matches!(kind("attributes.tennant == 'a'"), FaultKind::UnknownMember { of: "attributes", .. }));
    assert!(matches!(kind("input.alcohol > 'y'"), FaultKind::Operands { .. }));
    assert!(matches!(kind("input.grape > 1"), FaultKind::Operands { .. }));
    assert!(matches!(kind("attributes.tenant > 1"), FaultKind::Operands { .. }));
    assert!(matches!(kind("answer.class == 1"), FaultKind::UnknownName { .. }));
    assert_eq!(kind("input.alcohol"), FaultKind::NoTruth("a number"));
}
