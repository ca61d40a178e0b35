//! How requests are treated: which case, which budget, whom about.

use super::*;

const CASES: &str = r#"
rendezvous: wine
budget: 50ms
input: { features: [alcohol, ash], attributes: [tenant, customer] }
key: attributes.customer
answer: { value: class }
executors:
  forest: { echo: }
  boost: { echo: , start: { after: 2ms } }
  next: { echo: , canary: { of: forest } }
decide: [first: any]
cases:
  - { case: risky, when: 1.0 / input.ash > 10.0 && input.ash > 0.0, decide: [first: any] }
  - { case: gold, when: attributes.tenant == "gold", budget: 20ms, ask: [boost], decide: [first: any] }
  - { case: hasty, when: budget_ms < 10, decide: [first: any] }
"#;

fn definition(text: &str) -> Definition {
    Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn route(text: &str, body: &str, said: &[(&str, &str)], within: Option<u64>) -> Route {
    let mut attributes = Attributes::default();
    for (name, value) in said {
        attributes.set(*name, *value);
    }
    definition(text).route(body.as_bytes(), &attributes, within.map(Budget::from_millis))
}

/// The case, the budget and the plan.
fn check(body: &str, said: &[(&str, &str)], within: Option<u64>, expected: (Option<&str>, u64, &str)) {
    let route = route(CASES, body, said, within);
    assert_eq!(
        (route.case.as_deref(), route.budget, route.plan.to_string().as_str()),
        (expected.0, Budget::from_millis(expected.1), expected.2)
    );
}

const USUAL: &str = r#"{"alcohol": 12.5, "ash": 2}"#;
const ALL: &str = "forest,boost+2000,~next";

#[test]
fn the_first_case_that_holds_applies() {
    check(USUAL, &[], None, (None, 50, ALL));
    check(USUAL, &[("tenant", "gold")], None, (Some("gold"), 20, "boost+2000,~next"));
    check(r#"{"alcohol": 12.5, "ash": 0.05}"#, &[("tenant", "gold")], None, (Some("risky"), 50, ALL));
    check(r#"{"alcohol": 12.5, "ash": 0}"#, &[], None, (None, 50, ALL));
}

#[test]
fn a_caller_lowers_the_budget_and_never_raises_it() {
    check(USUAL, &[], Some(5), (Some("hasty"), 5, ALL));
    check(USUAL, &[], Some(30), (None, 30, ALL));
    check(USUAL, &[], Some(500), (None, 50, ALL));
    check(USUAL, &[("tenant", "gold")], Some(30), (Some("gold"), 20, "boost+2000,~next"));
    check(USUAL, &[("tenant", "gold")], Some(10), (Some("gold"), 10, "boost+2000,~next"));
}

#[test]
fn a_body_that_is_no_object_of_numbers_is_of_no_case_that_looks_at_it() {
    for body in ["", "[]", r#"{"ash": "much"}"#, r#"{"ash": null}"#] {
        check(body, &[], None, (None, 50, ALL));
    }
}

#[test]
fn the_key_is_where_the_policy_says() {
    let key = |text: &str, said: &[(&str, &str)]| route(text, USUAL, said, None).key;
    assert_eq!(key(CASES, &[("customer", "c7")]).as_deref(), Some("c7"));
    assert_eq!(key(CASES, &[]), None);
    assert_eq!(key(CASES, &[("customer", "")]), None);
    let by_feature = CASES.replace("key: attributes.customer", "key: input.alcohol");
    assert_eq!(key(&by_feature, &[]).as_deref(), Some("12.5"));
}

#[test]
fn every_case_has_its_own_policy() {
    let definition = definition(CASES);
    let budget = |case: Option<&str>| definition.policy_for(case).map(|policy| policy.budget());
    assert_eq!(budget(None), Some(Budget::from_millis(50)));
    assert_eq!(budget(Some("gold")), Some(Budget::from_millis(20)));
    assert_eq!(budget(Some("silver")), None);
}

#[test]
fn what_a_request_costs_at_most_is_known_for_each_case() {
    let loads = definition(CASES).loads();
    let told: Vec<_> = loads.iter().map(|load| (load.case.as_deref(), load.calls(), load.later)).collect();
    assert_eq!(told, [(None, 3, 1), (Some("risky"), 3, 1), (Some("gold"), 2, 1), (Some("hasty"), 3, 1)]);
}
