//! What is learned from whole pipelines: from what the topics hold, and by the command from a real Kafka.

use std::{fs, sync::Arc};

use assert_cmd::cargo::cargo_bin_cmd;
use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use futures::future::join_all;
use hedgerow::recordings::Recordings;
use policies::{Learning, Recorded, Truths};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;
use wire::{RequestId, Timestamp};

use crate::rendezvous::{PATIENCE, Rendezvous, UNARCHIVED};

/// Whoever is surest decides, so that all are awaited; the surest is wrong.
const SURE: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
answer: { value: class, confidence: sure }
executors:
  humble: { constant: { answer: { class: 1, sure: 0.6 } } }
  boaster: { constant: { answer: { class: 2, sure: 0.9 } } }
  echo: { echo: , canary: { of: humble } }
decide:
  - best: { score: sure }
  - default: { class: unknown }
";

/// Asks 40 rows by their keys; returns the ids.
async fn asked(bus: Arc<dyn Bus>) -> (Rendezvous, Vec<RequestId>) {
    let rendezvous = Rendezvous::start(bus, Clock::system(), SURE, &UNARCHIVED).await;
    let keys: Vec<String> = (0..40).map(|row| format!("row-{row}")).collect();
    let answers = join_all(keys.iter().map(|key| rendezvous.ask_as("{\"x\": 1}", Some(key)))).await;
    let ids = answers.into_iter().map(|answered| answered.unwrap().id).collect();
    (rendezvous, ids)
}

/// The truth: by id for the first half, by key for all, and of one whom nobody asked.
fn truth(ids: &[RequestId]) -> Vec<Value> {
    let by_id = ids.iter().take(20).map(|id| json!({ "id": id.to_string(), "class": 1 }));
    let by_key = (0..40).map(|row| json!({ "key": format!("row-{row}"), "class": 1 }));
    by_id.chain(by_key).chain([json!({ "key": "nobody", "class": 1 })]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn losers_are_judged_and_who_was_right_weighs_most() {
    let (rendezvous, ids) = asked(EmbeddedBus::new(Clock::system())).await;
    let definition = rendezvous.app.definition();
    let mut truths = Truths::of(Arc::clone(&definition)).unwrap();
    for line in truth(&ids) {
        truths.tell(&line.to_string()).unwrap();
    }
    let mut learning = Learning::new(Arc::clone(&definition), truths);
    let recordings = Recordings { rendezvous: definition.name().clone(), since: Timestamp::EPOCH };
    let see = |recorded: &Recorded| learning.add(recorded);
    timeout(PATIENCE, recordings.read(&*rendezvous.app.bus, see, |_, _| ())).await.unwrap().unwrap();
    let lesson = learning.finish();
    assert_eq!((lesson.told, lesson.unknown, lesson.untold), (41, 1, 0), "{lesson}");
    let judged = lesson.executors.iter().map(|one| (one.name.as_str(), one.asked, one.judged, one.correct));
    assert_eq!(judged.collect::<Vec<_>>(), [("humble", 40, 40, 40), ("boaster", 40, 40, 0), ("echo", 40, 0, 0)]);
    assert_eq!(json!(lesson.weights), json!({ "humble": 1.0, "boaster": 0.03 }), "{lesson}");
    rendezvous.stop().await;
}

/// Runs `hedgerow learn`; returns its exit code and what it printed and said.
async fn learn(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = cargo_bin_cmd!("hedgerow");
    command.arg("learn").args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_learns_from_a_real_log_and_names_a_bad_line() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus = KafkaBus::connect(KafkaSettings::new(brokers)).unwrap();
    let (rendezvous, ids) = asked(Arc::new(bus)).await;
    let (folder, name) = (TempDir::new().unwrap(), rendezvous.app.definition().name().to_string());
    let file = folder.path().join("truth.jsonl");
    let told: String = truth(&ids).iter().map(|line| line.to_string() + "\n").collect();
    fs::write(&file, &told).unwrap();
    let arguments = [&name, "--truth", file.to_str().unwrap(), "--brokers", brokers];

    let (code, shown, error) = learn(&[&arguments[..], &["--json"]].concat()).await;
    assert_eq!(code, Some(0), "{error}");
    let lesson: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(lesson["weights"], json!({ "humble": 1.0, "boaster": 0.03 }), "{lesson}");
    let (code, shown, _) = learn(&arguments).await;
    assert!(code == Some(0) && shown.contains("weights: { humble: 1, boaster: 0.03 }\n"), "{shown}");

    fs::write(&file, told + "{\"key\": \"row-1\"}\n").unwrap();
    let (code, _, error) = learn(&arguments).await;
    assert!(code == Some(2) && error.ends_with("truth.jsonl: line 62: there is no `class`\n"), "{error}");
    let (code, _, error) = learn(&["nobody", "--truth", arguments[2], "--brokers", brokers]).await;
    assert_eq!((code, error.as_str()), (Some(1), "error: there is no policy of `nobody` in the log\n"));
    rendezvous.stop().await;
}
