//! The command line as people meet it: help, mistakes, exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "cli/check.rs"]
mod check;
#[cfg(target_os = "linux")]
#[path = "cli/connections.rs"]
mod connections;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/examples.rs"]
mod examples;
#[path = "cli/exports.rs"]
mod exports;
#[path = "cli/language.rs"]
mod language;
#[path = "cli/results.rs"]
mod results;
#[path = "cli/running.rs"]
mod running;

use std::{fs, process::Output};

use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

fn hedgerow(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    hedgerow_in(&folder, arguments)
}

fn hedgerow_in(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("hedgerow");
    command.args(arguments).current_dir(folder.path()).env("NO_COLOR", "1").env_remove("BROKERS");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const MISTAKEN: &str = "rendezvous: fraud
budget: 20ms
input: { features: [amount] }
answer: { value: class }
executors:
  quick: { echo: {} }
decide:
  - prefer: [quik]
    until: 30ms
  - default: { class: unknown }
";

#[test]
fn help_shows_what_there_is_with_examples() {
    insta::assert_snapshot!("help", text(&hedgerow(&["--help"]).stdout));
    insta::assert_snapshot!("help_demo", text(&hedgerow(&["demo", "--help"]).stdout));
    insta::assert_snapshot!("help_up", text(&hedgerow(&["up", "--help"]).stdout));
    insta::assert_snapshot!("help_run", text(&hedgerow(&["run", "--help"]).stdout));
    insta::assert_snapshot!("help_check", text(&hedgerow(&["check", "--help"]).stdout));
    insta::assert_snapshot!("help_explain", text(&hedgerow(&["explain", "--help"]).stdout));
    insta::assert_snapshot!("help_what_if", text(&hedgerow(&["what-if", "--help"]).stdout));
    insta::assert_snapshot!("help_audit", text(&hedgerow(&["audit", "--help"]).stdout));
    insta::assert_snapshot!("help_learn", text(&hedgerow(&["learn", "--help"]).stdout));
    insta::assert_snapshot!("help_alerts_test", text(&hedgerow(&["alerts", "test", "--help"]).stdout));
    insta::assert_snapshot!("help_alerts_list", text(&hedgerow(&["alerts", "list", "--help"]).stdout));
    insta::assert_snapshot!("help_models", text(&hedgerow(&["models", "--help"]).stdout));
    insta::assert_snapshot!("help_models_publish", text(&hedgerow(&["models", "publish", "--help"]).stdout));
    insta::assert_snapshot!("help_models_stats", text(&hedgerow(&["models", "stats", "--help"]).stdout));
    insta::assert_snapshot!("help_export", text(&hedgerow(&["export", "--help"]).stdout));
    insta::assert_snapshot!("help_test", text(&hedgerow(&["test", "--help"]).stdout));
    insta::assert_snapshot!("help_schema", text(&hedgerow(&["schema", "--help"]).stdout));
    insta::assert_snapshot!("help_diff", text(&hedgerow(&["diff", "--help"]).stdout));
}

#[test]
fn a_policy_with_mistakes_shows_them_all_and_starts_nothing() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fraud.yaml"), MISTAKEN).unwrap();
    for command in [&["check", "fraud.yaml"][..], &["up", "fraud.yaml"], &["test", "fraud.yaml"]] {
        let output = hedgerow_in(&folder, command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let shown = text(&output.stderr);
        assert!(shown.contains("fraud.yaml:8:") && shown.contains("`quick`"), "{shown}");
        assert!(shown.contains("fraud.yaml:9:"), "{shown}");
    }
    insta::assert_snapshot!("mistakes", text(&hedgerow_in(&folder, &["check", "fraud.yaml"]).stderr));
    insta::assert_snapshot!("mistakes_json", text(&hedgerow_in(&folder, &["check", "--json", "fraud.yaml"]).stdout));
}

#[test]
fn what_is_refused_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fraud.yaml"), MISTAKEN.replace("quik", "quick").replace("30ms", "20ms")).unwrap();
    let registry = |address: &'static str| ["up", "fraud.yaml", "--schema-registry", address];
    let secret = ["--schema-registry-credentials", "env:NOBODY_SET_THIS"];
    let keyed = [&registry("http://registry:8081")[..], &secret].concat();
    let cases: [(&[&str], &str); 10] = [
        (&["audit", "no name"], "`no name` is not a name"),
        (&["check", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (&["run", "collector", "fraud.yaml"], "--brokers"),
        (&["run", "colector", "fraud.yaml", "--brokers", "localhost:1"], "`colector` is no station"),
        (&["up", "fraud.yaml", "--brokers", "localhost:1", "--kafka", "acks=1"], "acks"),
        (&registry("registry:8081"), "`registry:8081` is no address of a schema registry: `http://registry:8081`, say"),
        (&registry("http://ann:s3cret@registry"), "say where it is with --schema-registry-credentials"),
        (&keyed, "the environment variable `NOBODY_SET_THIS`, which is not set"),
        (&["learn", "fraud", "--truth", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (&["learn", "fraud", "--truth", "fraud.yaml"], "--brokers"),
    ];
    for (arguments, expected) in cases {
        let output = hedgerow_in(&folder, arguments);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {shown}");
        assert!(shown.contains(expected), "{arguments:?}: {shown}");
    }
}

#[test]
fn an_empty_variable_names_no_brokers() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fraud.yaml"), MISTAKEN.replace("quik", "quick").replace("30ms", "20ms")).unwrap();
    let mut command = cargo_bin_cmd!("hedgerow");
    command.args(["run", "collector", "fraud.yaml"]).current_dir(folder.path()).env("BROKERS", "");
    let output = command.output().unwrap();
    assert!(text(&output.stderr).contains("needs a log"), "{}", text(&output.stderr));
}

#[test]
fn the_policy_that_ships_passes_check_and_test() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/wine.yaml");
    for command in ["check", "test"] {
        let output = hedgerow(&[command, shipped]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = hedgerow(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("hedgerow"));
    }
}
