//! The model alone, and the command that it is compiled into.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use executor::{Executor as _, Input};
use futures::FutureExt as _;
use hedgerow_neighbours::Neighbours;
use policies::InputSchema;
use serde_json::{Value, json};
use wire::{ExecutorId, RendezvousName, RequestId, Timestamp};

const UNSEEN: &str = include_str!("../../wine/unseen.csv");

fn model(schema: &InputSchema) -> Result<Neighbours, String> {
    Neighbours::new(&ExecutorId::new("neighbours").unwrap(), schema)
}

#[test]
fn of_the_wines_that_it_has_not_seen_it_knows_as_many_growers_as_scikit_learn_does() {
    let (head, rows) = UNSEEN.split_once('\n').unwrap();
    let names: Vec<&str> = head.trim().split(',').filter(|name| *name != "class").collect();
    let schema = Arc::new(InputSchema::of(&names, &[]));
    let neighbours = model(&schema).unwrap();
    let (rendezvous, due) = (RendezvousName::new("wine").unwrap(), Timestamp::EPOCH.after(Duration::from_secs(1)));
    let is_right = |row: &&str| {
        let (numbers, grower) = row.trim().rsplit_once(',').unwrap();
        let members = names.iter().zip(numbers.split(',')).map(|(name, number)| format!("\"{name}\":{number}"));
        let body = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        let input = Input::new(RequestId::from_key(&rendezvous, row), due, body.into(), Arc::clone(&schema));
        let answer = neighbours.score(&input).now_or_never().unwrap().unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()["class"].as_i64() == grower.parse().ok()
    };
    // `KNeighborsClassifier(5)` behind a `StandardScaler`, fitted to the same 108 wines.
    assert_eq!((rows.lines().filter(is_right).count(), rows.lines().count()), (64, 70));
}

#[test]
fn a_policy_that_asks_about_something_else_is_refused() {
    let problem = model(&InputSchema::of(&["proline", "alcohol"], &[])).err().unwrap();
    assert!(problem.ends_with("and the policy's input is proline,alcohol"), "{problem}");
}

#[test]
fn its_command_asks_it_beside_models_that_came_as_onnx() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("neighbours.yaml");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_neighbours"));
    demo.args(["demo", "--requests", "178", "--rate", "200", "--json", "--policy"]).arg(policy);
    let output = demo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["responses"]["neighbours"], json!([178, 0]), "{summary}");
}
