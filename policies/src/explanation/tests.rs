//! Explanations as people read them.

use std::time::Duration;

use wire::Reply;

use super::*;
use crate::rehearing::tests::{BORN, Said, class, definition, failed, recorded, recorded_asking, recorded_without};

const GRADED: &str = "- agree: 2\n  until: 15ms\n- best: { score: sure, at_least: 0.8 }\n  until: 30ms\n\
    - prefer: [forest, boost, linear]\n- default: { class: unknown }";

const MORE: Duration = Duration::from_millis(10);

fn explained(decide: &str, said: Vec<Said>) -> Explanation {
    let definition = definition(decide);
    explain(&recorded(&definition, said, Duration::from_millis(1)), &definition)
}

fn explain(recorded: &Recorded, definition: &Definition) -> Explanation {
    let explanation = Explanation::of(recorded, Some(definition), MORE).expect("something was recorded");
    let shown = explanation.to_string();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.lines().count() <= 40, "one screen: {shown}");
    explanation
}

fn a_dispute() -> Vec<Said> {
    vec![
        ("forest", 3_200, 0, class("cat", 0.55)),
        ("next", 2_000, 0, class("eel", 0.99)),
        ("boost", 12_400, 0, failed("the server at models.example:8000 did not answer within 12 ms, three times")),
        ("linear", 33_000, 0, class("dog", 0.93)),
    ]
}

#[test]
fn a_dispute_that_ten_milliseconds_would_have_settled() {
    insta::assert_snapshot!(explained(GRADED, a_dispute()));
}

#[test]
fn an_early_agreement() {
    let said = vec![
        ("forest", 3_200, 0, class("cat", 0.97)),
        ("boost", 4_000, 0, class("cat", 0.91)),
        ("linear", 71_000, 0, class("dog", 0.5)),
    ];
    insta::assert_snapshot!(explained(GRADED, said));
}

#[test]
fn a_default_because_nobody_answered() {
    let said = vec![("forest", 400, 0, Reply::Answer("{\"sure\":1}".into()))];
    insta::assert_snapshot!(explained(GRADED, said));
}

#[test]
fn one_who_was_not_waited_for_because_its_breaker_was_open() {
    let definition = definition("- best: { score: sure }\n  until: 40ms\n- default: { class: unknown }");
    let said = vec![
        ("forest", 3_200, 0, class("cat", 0.97)),
        ("linear", 4_000, 0, class("cat", 0.91)),
        ("boost", 9_000, 0, class("dog", 0.99)),
    ];
    let recorded = recorded_without(&definition, &["boost"], said, Duration::from_millis(1));
    let explanation = explain(&recorded, &definition);
    assert_eq!((explanation.executors[1].state, explanation.replay.outcome), (StateTold::BreakerOpen, "same"));
    insta::assert_snapshot!(explanation);
}

#[test]
fn a_canary_that_was_not_asked_is_not_told_of() {
    let (definition, said) = (definition(GRADED), vec![("forest", 3_200, 0, class("cat", 0.97))]);
    let asked = wire::Plan::new(definition.plan().asked()[..3].to_vec());
    let explanation = explain(&recorded_asking(&definition, asked, &[], said, Duration::ZERO), &definition);
    let names: Vec<&str> = explanation.executors.iter().map(|executor| executor.executor.as_str()).collect();
    assert_eq!((names, explanation.replay.outcome), (vec!["forest", "boost", "linear"], "same"));
}

#[test]
fn a_case_with_attributes_and_a_key() {
    let definition = definition(GRADED);
    let mut recorded = recorded(&definition, a_dispute(), Duration::ZERO);
    let (request, _) = recorded.request.as_mut().expect("it was recorded");
    request.case = Some("gold".into());
    request.key = Some("customer-7".into());
    request.attributes.set("tenant", "gold");
    insta::assert_snapshot!(explain(&recorded, &definition));
}

#[test]
fn responses_that_are_gone_leave_the_receipt() {
    let definition = definition(GRADED);
    let mut recorded = recorded(&definition, a_dispute(), Duration::ZERO);
    recorded.responses.clear();
    insta::assert_snapshot!("receipt_only", explain(&recorded, &definition));
    recorded.request = None;
    insta::assert_snapshot!("result_only", Explanation::of(&recorded, None, MORE).expect("a result was recorded"));
}

#[test]
fn a_request_without_a_result_is_shown_as_far_as_it_has_come() {
    let definition = definition(GRADED);
    let mut recorded = recorded(&definition, a_dispute(), Duration::ZERO);
    recorded.result = None;
    insta::assert_snapshot!(explain(&recorded, &definition));
}

#[test]
fn a_result_that_a_replay_does_not_give_is_reported() {
    let definition = definition(GRADED);
    let mut recorded = recorded(&definition, a_dispute(), Duration::ZERO);
    recorded.result.as_mut().expect("decided").body.decision.reason = Reason::Deadline;
    let explanation = explain(&recorded, &definition);
    assert_eq!(explanation.replay.outcome, "different");
    assert_eq!(explanation.replay.why.as_deref(), Some("reason was deadline, a replay gives early"));
}

#[test]
fn nothing_recorded_is_no_explanation() {
    assert_eq!(Explanation::of(&Recorded::default(), None, MORE), None);
}

#[test]
fn its_json_is_stable() {
    let json = serde_json::to_value(explained(GRADED, a_dispute())).expect("plain data");
    insta::assert_json_snapshot!(json);
}

#[test]
fn long_names_and_answers_stay_on_the_screen() {
    let text = r#"{"class":"cat","note":""#.to_owned() + &"long ".repeat(40) + "\"}";
    let said = vec![("forest", 3_200, 0, Reply::Answer(text.into()))];
    let definition = definition("- first: any\n- default: { class: unknown }");
    let mut recorded = recorded(&definition, said, Duration::ZERO);
    recorded.request.as_mut().expect("it was recorded").0.key = Some("k".repeat(200).into());
    let explanation = explain(&recorded, &definition);
    assert!(explanation.born.is_some_and(|born| born == instant::rfc3339(BORN)));
}
