//! Executors against the real servers: `MLServer` with a scikit-learn model, over HTTP and gRPC, and Openscoring with a tree
//! in PMML. Both are what `examples/servers/` describes, fetched by `tools/setup.sh models`, and asked as its policy says.

#![expect(clippy::unwrap_used, reason = "a test helper fails its test")]

#[path = "peers/process.rs"]
mod process;

use std::{fs, path::Path, sync::Arc};

use executor::{Executor, Input};
use hedgerow_servers::{self as servers, Errand, Takes};
use policies::{Definition, ExecutorKind, InputSchema};
use serde_json::{Value, json};
use wire::{RequestId, Timestamp};

use process::{Peer, models};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/servers/wine.yaml");
const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/servers/wine.pmml");

/// Returns the executor that the example calls `name`, at a server on another port.
async fn executor(name: &str, from: &str, to: &str) -> (Arc<dyn Executor>, Arc<InputSchema>) {
    let policy = fs::read_to_string(POLICY).unwrap().replace(from, to);
    let definition = Definition::parse("wine.yaml", &policy).unwrap_or_else(|problems| panic!("{problems:?}"));
    let spec = definition.executors.iter().find(|spec| spec.id.as_str() == name).unwrap();
    let ExecutorKind::Server(server) = &spec.kind else { panic!("{name} asks no server") };
    let schema = Arc::new(definition.input.clone());
    let errand = Errand {
        name: name.to_owned(),
        takes: Takes::Features(Arc::clone(&schema)),
        connections: spec.concurrency.get(),
        max_batch: spec.max_batch,
        base: Path::new(POLICY).parent().unwrap().to_owned(),
        now: Arc::new(|| Timestamp::EPOCH),
        sampling: None,
    };
    (servers::connect(server, errand).await.unwrap(), schema)
}

fn input(body: &Value, schema: &Arc<InputSchema>) -> Input {
    let due = Timestamp::EPOCH.after(std::time::Duration::from_secs(30));
    let id = RequestId::from_uuid(uuid::Uuid::nil());
    Input::new(id, due, serde_json::to_vec(body).unwrap().into(), Arc::clone(schema))
}

/// Asks about each alone, and about all in batches.
async fn answers(executor: &Arc<dyn Executor>, schema: &Arc<InputSchema>, bodies: &[Value]) -> Vec<Value> {
    let inputs: Vec<Input> = bodies.iter().map(|body| input(body, schema)).collect();
    let mut alone = Vec::new();
    for input in &inputs {
        let answer = executor.score(input).await.unwrap();
        alone.push(serde_json::from_slice::<Value>(&answer).unwrap());
    }
    let mut together = Vec::new();
    for batch in inputs.chunks(executor.batch_max().get()) {
        let answered = executor.score_batch(&batch.iter().collect::<Vec<_>>()).await;
        together.extend(answered.into_iter().map(|answer| serde_json::from_slice::<Value>(&answer.unwrap()).unwrap()));
    }
    assert_eq!(alone, together, "in a batch each is answered as alone");
    assert!(executor.batch_max().get() > 1, "the server takes batches");
    alone
}

#[tokio::test]
async fn what_mlserver_says_over_http_and_grpc_is_what_scikit_learn_says() {
    let expected = fs::read_to_string(models().join("mlserver/expected.json")).expect("run `tools/setup.sh models`");
    let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
    let bodies: Vec<Value> = expected.iter().map(|wine| wine["input"].clone()).collect();
    let peer = Peer::mlserver().await;
    for (name, from, to) in [("forest", "localhost:8080", &peer.http), ("remote", "localhost:8081", &peer.grpc)] {
        let (executor, schema) = executor(name, from, to).await;
        assert_eq!(executor.trouble(), None);
        let answers = answers(&executor, &schema, &bodies).await;
        for (answer, wine) in answers.iter().zip(&expected) {
            assert_eq!(
                (&answer["class"], &answer["probabilities"]),
                (&wine["class"], &wine["probabilities"]),
                "{name}"
            );
        }
        assert_eq!(answers.len(), 20);
        assert_eq!(executor.model().as_str(), format!("{name}@1"), "the version in model-settings.json");
    }
}

#[tokio::test]
async fn a_model_that_mlserver_does_not_have_is_a_failure_in_its_words() {
    let peer = Peer::mlserver().await;
    for (name, from, to) in [
        ("forest", "localhost:8080/v2/models/wine", format!("{}/v2/models/beer", peer.http)),
        ("remote", "localhost:8081/wine", format!("{}/beer", peer.grpc)),
    ] {
        let (executor, schema) = executor(name, from, &to).await;
        let asked = input(&json!({"proline": 1000, "flavanoids": 2}), &schema);
        let problem = executor.score(&asked).await.unwrap_err().message;
        assert!(problem.contains("beer") && problem.to_lowercase().contains("not found"), "{name}: {problem}");
    }
}

#[tokio::test]
async fn what_openscoring_says_is_what_the_tree_s_leaves_say() {
    let peer = Peer::openscoring(&fs::read(TREE).unwrap()).await;
    let (executor, schema) = executor("tree", "localhost:8082", &peer.http).await;
    assert_eq!(executor.trouble(), None);
    let bodies = [
        json!({"proline": 1000, "flavanoids": 2}),
        json!({"proline": 755, "flavanoids": 1.41}),
        json!({"proline": 300, "flavanoids": 1.4}),
    ];
    let answers = answers(&executor, &schema, &bodies).await;
    // What its file says that each leaf has seen: growers in the file's order.
    for (answer, (class, seen)) in answers.iter().zip([
        ("barolo", [57.0, 4.0, 6.0]),
        ("grignolino", [2.0, 67.0, 0.0]),
        ("barbera", [0.0, 0.0, 42.0]),
    ]) {
        assert_eq!(answer["class"], class);
        let all: f64 = seen.iter().sum();
        for (said, seen) in answer["probabilities"].as_array().unwrap().iter().zip(seen) {
            assert!((said.as_f64().unwrap() - seen / all).abs() < 1e-12, "{answer}");
        }
    }
    let version = executor.model().as_str().to_owned();
    assert!(version.starts_with("tree@") && version.len() == "tree@".len() + 12, "the checksum's beginning: {version}");
}
