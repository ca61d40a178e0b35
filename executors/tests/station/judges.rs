//! Executors that hear others before they answer.

use std::time::Duration;

use bus::Clock;
use wire::Reply;

use crate::rig::{Heard, Rig, millis};

const LONG: Duration = Duration::from_secs(20);
const A: &str = "a: { constant: { answer: { class: 1 } } }";
const B: &str = "b: { constant: { answer: { class: 2 } } }";
const SLOW_B: &str = "b: { constant: { answer: { class: 2 }, delay: 9s } }";

async fn rig(executors: &[&str]) -> Rig {
    Rig::of_policy(Clock::system(), &executors.join("\n  ")).await
}

/// Returns what the judge, an echo, was given.
fn given(responses: &[Heard]) -> String {
    match &responses.iter().find(|heard| heard.by("judge")).unwrap().response.reply {
        Reply::Answer(answer) => String::from_utf8(answer.to_vec()).unwrap(),
        Reply::Failure(failure) => panic!("{}", failure.message),
    }
}

fn case(answers: &str) -> String {
    format!(r#"{{"input":{},"answers":{{{answers}}}}}"#, Rig::BODY)
}

#[tokio::test]
async fn a_judge_is_given_the_input_and_what_others_say() {
    let rig = rig(&[A, B, "judge: { echo: , hears: [b, a], wait: 9s }"]).await;
    let running = rig.start_kinds().await;
    for _ in 0..20 {
        rig.send(LONG);
        assert_eq!(given(&rig.responses(3).await), case(r#""b":{"class":2},"a":{"class":1}"#));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_judge_waits_for_nobody_longer_than_it_says() {
    let rig = rig(&[A, SLOW_B, "judge: { echo: , hears: [a, b], wait: 150ms }"]).await;
    let running = rig.start_kinds().await;
    rig.send(LONG);
    let responses = rig.responses(2).await;
    assert_eq!(given(&responses), case(r#""a":{"class":1}"#));
    assert!(responses.iter().find(|heard| heard.by("judge")).unwrap().after >= millis(150));
    running.stop().await;
}

#[tokio::test]
async fn a_judge_waits_for_nobody_who_fails_or_is_not_asked() {
    let rig = rig(&[A, B, "judge: { echo: , hears: [a, b], wait: 9s }"]).await;
    let running = rig.start_kinds().await;
    rig.apply(&[A, "b: { onnx: models/none.onnx }", "judge: { echo: , hears: [a, b], wait: 9s }"].join("\n  "));
    rig.until("hedgerow_executor_failed_loads_total{executor=\"b\"}", 1).await;
    rig.send_planned("a,judge", LONG);
    assert_eq!(given(&rig.responses(2).await), case(r#""a":{"class":1}"#));
    running.stop().await;

    let running = rig.start_kinds().await;
    rig.send(LONG);
    assert_eq!(given(&rig.responses(3).await), case(r#""a":{"class":1}"#), "nobody stands in after a restart");
    running.stop().await;
}

#[tokio::test]
async fn a_judge_that_an_edit_adds_hears_at_once() {
    let rig = rig(&[A, B]).await;
    let running = rig.start_kinds().await;
    rig.send(LONG);
    rig.responses(2).await;
    rig.apply(&[A, B, "judge: { echo: , hears: [a, b], wait: 9s }"].join("\n  "));
    rig.send(LONG);
    assert_eq!(given(&rig.responses(3).await), case(r#""a":{"class":1},"b":{"class":2}"#));
    rig.apply(&[A, B].join("\n  "));
    rig.send(LONG);
    assert_eq!(rig.responses(2).await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn judges_hear_each_other_and_executors_of_other_processes() {
    let (first, second) = ("first: { echo: , hears: [a], wait: 9s }", "judge: { echo: , hears: [first], wait: 9s }");
    let rig = rig(&[A, first, second]).await;
    let judges = rig.start_only(&["first", "judge"]).await;
    rig.send(LONG);
    let others = rig.start_only(&["a"]).await;
    let first = case(r#""a":{"class":1}"#);
    assert_eq!(given(&rig.responses(3).await), case(&format!("\"first\":{first}")));
    judges.stop().await;
    others.stop().await;
}
