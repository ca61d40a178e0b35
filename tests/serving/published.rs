//! Models that are published to a process that serves, and which of them answers.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tokio::time::timeout;

use crate::process::{PATIENCE, Process, Visitor};

pub(crate) const FIRST: &str = "examples/wine/models/forest.onnx";
pub(crate) const SECOND: &str = "examples/wine/models/better.onnx";

pub(crate) const POLICY: &str = "
rendezvous: wine
budget: 20s
input:
  features: [alcohol, malic_acid, ash, alcalinity_of_ash, magnesium, total_phenols, flavanoids, nonflavanoid_phenols,
    proanthocyanins, color_intensity, hue, od280_od315, proline]
answer: { value: class }
executors:
  forest: { model: forest }
decide:
  - first: any
    until: 20s
  - default: { class: unknown }
";

pub(crate) const WINE: &str = r#"{"alcohol":13.2,"malic_acid":1.78,"ash":2.14,"alcalinity_of_ash":11.2,"magnesium":100,
"total_phenols":2.65,"flavanoids":2.76,"nonflavanoid_phenols":0.26,"proanthocyanins":1.28,"color_intensity":4.38,
"hue":1.05,"od280_od315":3.4,"proline":1050}"#;

/// Publishes what `uri` means now, with what the environment says of where it leads. Returns the exit code, and what was
/// said.
pub(crate) fn publish(
    process: &Process,
    environment: &[(&str, &str)],
    version: &str,
    uri: &str,
) -> (Option<i32>, String) {
    let arguments = ["models", "publish", "forest", "--uri", uri, "--version", version];
    let Output { status, stderr, .. } = process.run(&arguments, environment);
    (status.code(), String::from_utf8(stderr).unwrap())
}

pub(crate) async fn version(visitor: &Visitor, label: &str) -> Value {
    let model = visitor.json("/api/v1/models/forest").await;
    let versions = model["versions"].as_array().unwrap();
    versions.iter().find(|version| version["version"] == label).unwrap_or_else(|| panic!("{model}")).clone()
}

/// Asks until that version answers.
pub(crate) async fn until_it_serves(process: &Process, visitor: &Visitor, model: &str) {
    let served = async {
        loop {
            let id = process.ask_with(WINE).await;
            let told = visitor.json(&format!("/api/v1/rendezvous/wine/requests/{id}")).await;
            if told["executors"][0]["model"] == model && told["verdict"]["kind"] == "prediction" {
                return;
            }
        }
    };
    timeout(PATIENCE, served).await.unwrap_or_else(|_| panic!("{model} never answered"));
}

pub(crate) fn hash(file: &str) -> String {
    artifacts::hash(&fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap())
}
