//! `hedgerow check`: what it finds, what a request costs, and how programs read that.

use std::{fs, io::Write as _, process::Stdio};

use tempfile::TempDir;

use super::{MISTAKEN, hedgerow_in, text};

/// Two candidates, one of them later, a canary, and a case that asks one only; an attribute too many.
const CASES: &str = "rendezvous: fraud
budget: 20ms
input: { features: [amount], attributes: [tenant, region] }
answer: { value: class }
executors:
  quick: { echo: {} }
  slow: { echo: {}, start: { after: 5ms } }
  next: { echo: {}, canary: { of: quick } }
decide:
  - first: any
cases:
  - case: gold
    when: attributes.tenant == \"gold\"
    ask: [quick]
    decide: [first: any]
";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fraud.yaml"), MISTAKEN).unwrap();
    fs::write(folder.path().join("cases.yaml"), CASES).unwrap();
    fs::write(folder.path().join("sound.yaml"), CASES.replace(", region", "")).unwrap();
    folder
}

#[test]
fn what_a_request_costs_at_most_is_told_for_each_case() {
    let output = hedgerow_in(&folder(), &["check", "sound.yaml"]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    insta::assert_snapshot!("check", text(&output.stdout));
}

#[test]
fn warnings_are_told_and_refuse_nothing_unless_that_is_asked_for() {
    let folder = folder();
    let output = hedgerow_in(&folder, &["check", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("check_warning", text(&output.stderr));
    assert_eq!(hedgerow_in(&folder, &["check", "--strict", "cases.yaml"]).status.code(), Some(1));
    assert_eq!(hedgerow_in(&folder, &["check", "--strict", "sound.yaml"]).status.code(), Some(0));
    assert_eq!(hedgerow_in(&folder, &["check", "--strict", "cases.yaml", "fraud.yaml"]).status.code(), Some(2));
}

#[test]
fn programs_read_warnings_and_costs_too() {
    let folder = folder();
    let json = hedgerow_in(&folder, &["check", "--format", "json", "cases.yaml", "sound.yaml"]);
    insta::assert_json_snapshot!("check_json", serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap());
    let strict = hedgerow_in(&folder, &["check", "--json", "--strict", "cases.yaml"]);
    let strict: serde_json::Value = serde_json::from_slice(&strict.stdout).unwrap();
    assert_eq!(strict["ok"], false);
}

#[test]
fn workflows_get_a_note_for_each_problem() {
    let output = hedgerow_in(&folder(), &["check", "--format", "github", "fraud.yaml", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!("check_github", text(&output.stdout));
}

#[test]
fn a_policy_can_come_on_stdin() {
    let folder = folder();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("hedgerow"));
    let command = command.args(["check", "-"]).current_dir(folder.path()).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(MISTAKEN.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--> stdin:8:14"), "{}", text(&output.stderr));
}
