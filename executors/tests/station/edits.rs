//! What edits of the policy do to the executors that run, and what they do not.

use std::{collections::HashMap, time::Duration};

use bus::Clock;
use wire::{Reply, RequestId};

use crate::rig::{Heard, Model, Rig, millis};

const LONG: Duration = Duration::from_secs(20);

async fn rig(executors: &str) -> Rig {
    Rig::of_policy(Clock::system(), executors).await
}

fn constant(name: &str, class: u64) -> String {
    format!("{name}: {{ constant: {{ answer: {{ class: {class} }} }} }}")
}

fn slow(name: &str, class: u64, delay: &str) -> String {
    format!("{name}: {{ constant: {{ answer: {{ class: {class} }}, delay: {delay} }} }}")
}

fn says(heard: &Heard) -> String {
    match &heard.response.reply {
        Reply::Answer(answer) => String::from_utf8(answer.to_vec()).unwrap(),
        Reply::Failure(failure) => format!("{}: {}", failure.kind.as_str(), failure.message),
    }
}

/// Asks `executor` under the live version, again and again, until it says `expected`.
async fn until_says(rig: &Rig, executor: &str, expected: &str) {
    for _ in 0..100_000 {
        rig.send_planned(executor, LONG);
        let said = says(&rig.responses(1).await[0]);
        if said.contains(expected) {
            return;
        }
    }
    panic!("{executor} never said {expected}");
}

#[tokio::test]
async fn an_executor_that_an_edit_adds_answers_without_a_restart() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    rig.apply(&[constant("a", 1), constant("b", 2)].join("\n  "));
    rig.send(LONG);
    let responses = rig.responses(2).await;
    let said = |executor: &str| says(responses.iter().find(|heard| heard.by(executor)).unwrap());
    assert_eq!((said("a").as_str(), said("b").as_str()), (r#"{"class":1}"#, r#"{"class":2}"#));
    running.stop().await;
}

#[tokio::test]
async fn a_changed_executor_answers_anew_for_what_is_born_after() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    rig.apply(&constant("a", 2));
    until_says(&rig, "a", r#"{"class":2}"#).await;
    for _ in 0..50 {
        rig.send(LONG);
    }
    assert!(rig.responses(50).await.iter().all(|heard| says(heard) == r#"{"class":2}"#));
    running.stop().await;
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_changes_nothing_that_runs() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    rig.apply("a: { onnx: models/none.onnx }\n  b: { onnx: models/none.onnx }");
    rig.until("hedgerow_executor_failed_loads_total{executor=\"a\"}", 1).await;
    rig.until("hedgerow_executor_failed_loads_total{executor=\"b\"}", 1).await;
    rig.send(LONG);
    let responses = rig.responses(2).await;
    let said = |executor: &str| says(responses.iter().find(|heard| heard.by(executor)).unwrap());
    assert_eq!(said("a"), r#"{"class":1}"#, "the one before goes on");
    assert!(said("b").starts_with("failed: cannot read `/nowhere/models/none.onnx`"), "{}", said("b"));

    rig.apply(&[constant("a", 3), constant("b", 4)].join("\n  "));
    until_says(&rig, "a", r#"{"class":3}"#).await;
    until_says(&rig, "b", r#"{"class":4}"#).await;
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_takes_nobodys_place() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    rig.apply(&format!("a: {{ http: \"http://{nobody}/v2/models/a/infer\" }}"));
    rig.until("hedgerow_executor_failed_loads_total{executor=\"a\"}", 1).await;
    rig.send(LONG);
    assert_eq!(says(&rig.responses(1).await[0]), r#"{"class":1}"#);
    running.stop().await;
}

#[tokio::test]
async fn what_could_not_be_loaded_is_tried_again_by_the_next_edit_and_by_a_restart() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    let broken = [constant("a", 1), "b: { onnx: models/none.onnx }".to_owned()].join("\n  ");
    rig.apply(&broken);
    rig.until("hedgerow_executor_failed_loads_total{executor=\"b\"}", 1).await;
    rig.apply(&broken);
    rig.until("hedgerow_executor_failed_loads_total{executor=\"b\"}", 2).await;
    running.stop().await;
    assert_eq!(*rig.loads.lock().unwrap(), ["a", "b", "b"]);

    let running = rig.start_kinds().await;
    rig.send(LONG);
    let responses = rig.responses(2).await;
    assert_eq!(responses.iter().filter(|heard| says(heard) == r#"{"class":1}"#).count(), 1, "the others serve");
    running.stop().await;
}

/// Edge 40.
#[tokio::test]
async fn adding_a_canary_restarts_nothing() {
    let rig = rig(&slow("a", 1, "150ms")).await;
    let running = rig.start_kinds().await;
    let asked = rig.send(LONG);
    rig.until("hedgerow_executor_requests_total", 1).await;
    rig.apply(&[slow("a", 1, "150ms"), "next: { echo: , canary: { of: a } }".to_owned()].join("\n  "));
    until_says(&rig, "next", Rig::BODY).await;
    assert_eq!(*rig.loads.lock().unwrap(), ["a", "next"], "the model that runs is not loaded again");
    let heard = &rig.responses(1).await[0];
    assert_eq!((heard.response.request, says(heard).as_str()), (asked, r#"{"class":1}"#));
    running.stop().await;
}

#[tokio::test]
async fn whoever_is_taken_out_finishes_what_is_in_hand_and_goes() {
    let rig = rig(&[slow("a", 1, "200ms"), constant("b", 2)].join("\n  ")).await;
    let running = rig.start_kinds().await;
    let asked = rig.send_planned("a", LONG);
    rig.until("hedgerow_executor_requests_total", 1).await;
    rig.apply(&constant("b", 2));
    until_says(&rig, "b", r#"{"class":2}"#).await;
    let heard = &rig.responses(1).await[0];
    assert_eq!((heard.response.request, says(heard).as_str()), (asked, r#"{"class":1}"#));

    rig.send_under(1, "a", LONG);
    let said = says(&rig.responses(1).await[0]);
    assert!(said.starts_with("failed: no model that reads this version's input"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn a_request_waits_for_its_version_and_not_longer_than_its_budget() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    rig.send_under(2, "a,b", LONG);
    rig.send_under(3, "a", millis(150));
    let heard = &rig.responses(1).await[0];
    assert!(says(heard).starts_with("failed: the request's version"), "{}", says(heard));
    assert!(heard.after >= millis(150));
    assert_eq!(rig.apply(&[constant("a", 1), constant("b", 2)].join("\n  ")), 2);
    let mut said: Vec<_> = rig.responses(2).await.iter().map(says).collect();
    said.sort();
    assert_eq!(said, [r#"{"class":1}"#, r#"{"class":2}"#]);
    running.stop().await;
}

#[tokio::test]
async fn a_body_is_read_by_the_schema_of_its_own_version() {
    let rig = Rig::new(&[("a", Model::Reading)]).await;
    let running = rig.start().await;
    rig.apply("[ash, hue] a: { echo: , concurrency: 1 }");
    until_says(&rig, "a", "[2.0, 1.5]").await;
    rig.send_under(2, "a", LONG);
    assert_eq!(says(&rig.responses(1).await[0]), r#"{"read":[2.0, 1.5]}"#);
    rig.send_under(1, "a", LONG);
    let said = says(&rig.responses(1).await[0]);
    assert!(said.starts_with("failed: no model that reads this version's input"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn a_version_on_trial_has_models_of_its_own_until_it_goes() {
    let rig = rig(&constant("a", 1)).await;
    let running = rig.start_kinds().await;
    let trial = rig.try_out(&constant("a", 2));
    let ask = async |version| {
        rig.send_under(version, "a", LONG);
        says(&rig.responses(1).await[0])
    };
    while ask(trial).await != r#"{"class":2}"# {}
    assert_eq!(ask(1).await, r#"{"class":1}"#);
    rig.apply(&constant("a", 1));
    while ask(trial).await != r#"{"class":1}"# {}
    running.stop().await;
}

#[tokio::test]
async fn edits_under_load_lose_nothing_and_repeat_nothing() {
    const REQUESTS: u64 = 900;
    let rig = rig(&constant("a", 0)).await;
    let running = rig.start_kinds().await;
    let mut asked: HashMap<RequestId, u32> = HashMap::new();
    for index in 0..REQUESTS {
        if index % 5 == 0 {
            let delay = if index % 10 == 0 { "0ms" } else { "1ms" };
            rig.apply(&slow("a", index, delay));
        }
        asked.insert(rig.send(LONG), 0);
        tokio::task::yield_now().await;
    }
    for heard in rig.responses(asked.len()).await {
        assert!(matches!(heard.response.reply, Reply::Answer(_)), "{}", says(&heard));
        *asked.get_mut(&heard.response.request).unwrap() += 1;
    }
    assert!(asked.values().all(|answers| *answers == 1));
    running.stop().await;
}
