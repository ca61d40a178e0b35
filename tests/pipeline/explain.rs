//! What was decided live, on whole pipelines, is decided again from what the topics hold.

use std::{future::IntoFuture as _, sync::Arc, time::Duration};

use assert_cmd::cargo::cargo_bin_cmd;
use bus::{Clock, EmbeddedBus};
use futures::future::join_all;
use hedgerow::{
    door::Shelf,
    explain::{Found, Search, explain_routes},
    recordings::Recordings,
};
use policies::{Explanation, Recorded, StateTold, WhatIf};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};
use wire::{RequestId, Timestamp};

use crate::{
    cases::{HUNG, SILENT},
    rendezvous::{ALL, PATIENCE, Rendezvous, wine_rows},
};

/// Answers come about when clauses end, so that the same request comes out in many ways.
const CLOSE: &str = "
rendezvous: NAME
budget: 60ms
input: { features: [x] }
answer: { value: class, confidence: sure }
executors:
  one: { constant: { answer: { class: 1, sure: 0.6 }, delay: 9ms }, concurrency: 1000 }
  two: { constant: { answer: { class: 2, sure: 0.9 }, delay: 19ms }, concurrency: 1000 }
  three: { constant: { answer: { class: 1, sure: 0.7 }, delay: 29ms }, concurrency: 1000 }
  four: { constant: { answer: { class: 2, sure: 0.7 }, delay: 57ms }, concurrency: 1000 }
  echo: { echo: , canary: { of: one } }
decide:
  - agree: 2
    until: 30ms
  - best: { score: sure, at_least: 0.95 }
    until: 40ms
  - prefer: [four, three: { until: 50ms }, one]
    until: 60ms
  - default: { class: unknown }
";

async fn start(policy: &str) -> Rendezvous {
    let clock = Clock::system();
    Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, policy, &ALL).await
}

async fn find(rendezvous: &Rendezvous, id: RequestId) -> Found {
    let definition = rendezvous.app.definition();
    let search = Search { rendezvous: definition.name().clone(), id, since: Timestamp::EPOCH };
    timeout(PATIENCE, search.run(&*rendezvous.app.bus, |_, _| ())).await.expect("it is read in time").unwrap()
}

/// Asks in bursts, then explains every request; a replay of each must give the very verdict that was given. Returns
/// the explanations.
async fn every_verdict_is_given_again(rendezvous: &Rendezvous, bodies: &[String]) -> Vec<Explanation> {
    let mut ids = Vec::new();
    for burst in bodies.chunks(40) {
        ids.extend(rendezvous.ask_all(burst).await.iter().map(|answered| answered.id));
    }
    let definition = rendezvous.app.definition();
    let found = join_all(ids.iter().map(|id| find(rendezvous, *id))).await;
    let explain = |found: &Found| {
        Explanation::of(&found.recorded, Some(&definition), Duration::from_millis(10)).expect("it was asked")
    };
    let explanations: Vec<Explanation> = found.iter().map(explain).collect();
    for explanation in &explanations {
        assert_eq!((explanation.replay.outcome, explanation.replay.why.as_deref()), ("same", None), "{explanation}");
    }
    explanations
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|x| format!("{{\"x\": {x}}}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_when_clauses_end_are_decided_again_as_they_were() {
    let rendezvous = start(CLOSE).await;
    let explanations = every_verdict_is_given_again(&rendezvous, &numbers(400)).await;
    let canaries = explanations.iter().flat_map(|explanation| &explanation.executors);
    assert!(canaries.filter(|executor| executor.role == "canary").all(|executor| !executor.chosen));
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_models_in_a_hurry_are_decided_again_as_they_were() {
    let shipped = include_str!("../../policies/wine.yaml").replace("rendezvous: wine", "rendezvous: NAME");
    let rendezvous = start(&shipped).await;
    let bodies: Vec<String> = wine_rows().into_iter().map(|(body, _)| body).collect();
    every_verdict_is_given_again(&rendezvous, &[bodies.clone(), bodies].concat()).await;
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_executor_is_pending_and_silence_is_a_default() {
    let hung = start(HUNG).await;
    for explanation in every_verdict_is_given_again(&hung, &numbers(40)).await {
        assert_eq!(explanation.executors[1].state, StateTold::Pending, "{explanation}");
        assert!(explanation.executors[0].chosen, "{explanation}");
    }
    hung.stop().await;
    let silent = start(SILENT).await;
    for explanation in every_verdict_is_given_again(&silent, &numbers(40)).await {
        assert_eq!(explanation.verdict.expect("there is a default").kind, "default");
        assert_eq!(explanation.with_more.expect("it is known").least_us, None);
    }
    silent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_asked_is_not_found() {
    let rendezvous = start(HUNG).await;
    rendezvous.ask("{\"x\": 1}").await.unwrap();
    let nobody = RequestId::from_key(rendezvous.app.definition().name(), "nobody");
    assert!(find(&rendezvous, nobody).await.recorded.is_empty());
    rendezvous.stop().await;
}

/// Serves the door to explanations; returns where.
async fn door(rendezvous: &Rendezvous) -> String {
    let versions = rendezvous.app.versions.clone();
    let ours = rendezvous.app.definition().name().clone();
    let shelf: Shelf = Arc::new(move |name| (*name == ours).then(|| Arc::clone(&versions.borrow())));
    let routes = explain_routes(Arc::clone(&rendezvous.app.bus), rendezvous.app.clock.clone(), shelf);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, routes).into_future());
    format!("http://{address}")
}

/// Runs `hedgerow explain`, without brokers in the environment.
async fn command(arguments: Vec<String>) -> (Option<i32>, String, String) {
    let mut command = cargo_bin_cmd!("hedgerow");
    command.arg("explain").args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_asks_a_running_process() {
    let rendezvous = start(HUNG).await;
    let id = rendezvous.ask_as("{\"x\": 1}", Some("order-17")).await.unwrap().id;
    let (at, name) = (door(&rendezvous).await, rendezvous.app.definition().name().to_string());
    let asked = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        command(words.chain(["--at".to_owned(), at.clone(), "--rendezvous".to_owned(), name.clone()]).collect())
    };

    let (code, shown, _) = asked(&["order-17"]).await;
    assert_eq!(code, Some(0));
    assert!(shown.starts_with(&format!("request {id} of {name}\n")), "{shown}");
    assert!(shown.ends_with("a replay of the recorded responses gives this verdict again\n"), "{shown}");

    let (code, shown, _) = asked(&[&id.to_string(), "--json", "--more", "1ms"]).await;
    let told: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &told["id"], &told["with_more"]["more_us"]), (Some(0), &json!(id.to_string()), &json!(1_000)));

    let (code, shown, error) = asked(&["order-18"]).await;
    assert_eq!((code, shown.as_str()), (Some(1), ""));
    assert!(error.starts_with("error: there is no request `order-18` (") && error.contains("--since"), "{error}");

    let (code, _, error) =
        command(vec!["order-17".to_owned(), "--at".to_owned(), at, "--rendezvous=other".to_owned()]).await;
    assert_eq!((code, error.as_str()), (Some(1), "error: there is no rendezvous `other` here\n"));
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_that_decided_would_have_decided_the_same() {
    let rendezvous = start(CLOSE).await;
    for burst in numbers(300).chunks(50) {
        rendezvous.ask_all(burst).await;
    }
    let definition = rendezvous.app.definition();
    let mut what_if = WhatIf::new(Arc::clone(&definition));
    let recordings = Recordings { rendezvous: definition.name().clone(), since: Timestamp::EPOCH };
    let see = |recorded: &Recorded| what_if.add(recorded, Some(&definition));
    timeout(PATIENCE, recordings.read(&*rendezvous.app.bus, see, |_, _| ())).await.unwrap().unwrap();
    let report = what_if.finish();
    assert_eq!((report.replayed, report.left_out.len()), (300, 0), "{report}");
    // Whoever had been read too late for its clause might have been heard, and nobody else.
    assert_eq!(report.silent, [""; 0], "{report}");
    assert_eq!((report.different, report.was.clone()), (0, report.would.clone()), "{report}");
    rendezvous.stop().await;
}
