//! Policies on the command line: compared, described to editors, their examples played.

use std::fs;

use tempfile::TempDir;

use super::{hedgerow, hedgerow_in, text};

const WINE: &str = include_str!("../../policies/wine.yaml");

/// A folder with the wine policy as it ships, and a copy of it in which each of `edits` is made.
fn folder(edits: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut edited = WINE.to_owned();
    for (before, after) in edits {
        assert!(edited.contains(before), "`{before}` is not in the wine policy");
        edited = edited.replacen(before, after, 1);
    }
    fs::write(folder.path().join("old.yaml"), WINE).unwrap();
    fs::write(folder.path().join("new.yaml"), edited).unwrap();
    folder
}

#[test]
fn a_diff_says_what_changes_in_meaning() {
    let folder = folder(&[
        ("agree: { votes: 2, on: [class] }", "agree: 3"),
        ("until: 15ms", "until: 20ms"),
        ("  linear: {", "  extra: { echo: }\n  linear: {"),
        ("keep: 30d", "keep: 720h"),
    ]);
    let output = hedgerow_in(&folder, &["diff", "old.yaml", "new.yaml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    insta::assert_snapshot!("diff", text(&output.stdout));
    let json = hedgerow_in(&folder, &["diff", "--json", "old.yaml", "new.yaml"]);
    insta::assert_json_snapshot!("diff_json", serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap());
    assert_eq!(hedgerow_in(&folder, &["diff", "--exit-code", "old.yaml", "new.yaml"]).status.code(), Some(1));
}

#[test]
fn a_policy_written_otherwise_does_not_differ() {
    let folder = folder(&[("budget: 50ms", "budget: 0.05s # fifty"), ("on: [class]", "on: class")]);
    let output = hedgerow_in(&folder, &["diff", "--exit-code", "old.yaml", "new.yaml"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "nothing changes in meaning\n"));
}

#[test]
fn the_schema_is_printed_as_json() {
    let output = hedgerow(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["decide"]["description"].is_string());
}

#[test]
fn a_diff_reads_stdin_once() {
    let folder = folder(&[("budget: 50ms", "budget: 60ms"), ("until: 50ms", "until: 60ms")]);
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("hedgerow");
    let output = command.args(["diff", "-", "new.yaml"]).current_dir(folder.path()).write_stdin(WINE).output().unwrap();
    assert!(text(&output.stdout).contains("the budget rises from 50ms to 60ms"), "{}", text(&output.stdout));
    let refused = hedgerow(&["diff", "-", "-"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("stdin can be read once only"));
}

#[test]
fn a_diff_with_a_mistake_shows_where() {
    let folder = folder(&[("votes: 2", "votes: 7")]);
    let output = hedgerow_in(&folder, &["diff", "old.yaml", "new.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("new.yaml:33:"), "{}", text(&output.stderr));
}

#[test]
fn a_failed_example_shows_what_should_have_happened_beside_what_did() {
    let folder = folder(&[(
        "expect: { at: 4ms, answer: { class: 1 }, decided_by: agree",
        "expect: { at: 5ms, answer: { class: 2 }, decided_by: best",
    )]);
    let only = ["test", "old.yaml", "new.yaml", "--only", "waits for the third"];
    let output = hedgerow_in(&folder, &only);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("test_failed", text(&output.stdout));
    let json = hedgerow_in(&folder, &[&only[..], &["--json"]].concat());
    insta::assert_json_snapshot!("test_json", serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap());
}

#[test]
fn to_play_nothing_is_a_mistake() {
    let folder = folder(&[]);
    let output = hedgerow_in(&folder, &["test", "old.yaml", "--only", "nothing like it"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no example's name contains `nothing like it`"));
}
