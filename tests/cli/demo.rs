//! `hedgerow demo --reports`: three canaries on real models come to what they are.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::hedgerow;

/// The policy that ships, with paths that hold everywhere and a budget that no busy machine uses up: other tests run
/// beside this one.
fn policy(folder: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("policies/wine-canaries.yaml")).unwrap();
    let models = format!("onnx: {}/examples", root.display());
    let patient = text.replace("onnx: ../examples", &models).replace("300ms", "29s").replace("500ms", "30s");
    let file = folder.join("wine-canaries.yaml");
    fs::write(&file, patient).unwrap();
    file.display().to_string()
}

#[test]
fn an_equal_a_better_and_a_broken_canary_are_found_to_be_that() {
    let folder = TempDir::new().unwrap();
    let (policy, reports) = (policy(folder.path()), folder.path().join("reports"));
    let arguments = ["demo", "--reports", reports.to_str().unwrap(), "--policy", &policy];
    let output = hedgerow(&[&arguments[..], &["--requests", "6000", "--rate", "400", "--json"]].concat());
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let came = |name: &str| {
        let canaries = summary["canaries"].as_array().unwrap();
        canaries.iter().find(|came| came["canary"] == name).unwrap().clone()
    };
    assert_eq!(came("equal")["verdict"], "no_worse", "{summary:#}");
    assert_eq!(came("better")["verdict"], "better", "{summary:#}");
    assert_eq!(came("shuffled")["verdict"], "worse", "{summary:#}");
    // Early: by the first seconds' wines, of fifteen seconds.
    let after = came("shuffled")["worse_after"].as_u64().unwrap();
    assert!(after <= 1_000, "{summary:#}");
    for canary in ["equal", "better", "shuffled"] {
        let read = |ending| fs::read_to_string(reports.join(format!("canary-{canary}.{ending}"))).unwrap();
        let report: Value = serde_json::from_str(&read("json")).unwrap();
        assert_eq!(report["verdict"], came(canary)["verdict"]);
        assert!(read("md").contains(&format!("`{canary}`")), "{}", read("md"));
        assert!(read("html").starts_with("<!DOCTYPE html>"));
    }
}
