//! What docs/doors.md says, played with the clients that people use: curl, and Triton's for Python.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::process::{Process, hedgerow};

const DOCUMENT: &str = include_str!("../../docs/doors.md");
const POLICY: &str = include_str!("../../policies/consensus.yaml");

/// Returns the examples of the document in `language`, asking `front`.
fn examples(language: &str, front: &str) -> Vec<String> {
    let address = front.trim_start_matches("http://");
    let fence = format!("```{language}\n");
    let blocks = DOCUMENT.split(&*fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.map(|block| block.replace("localhost:8080", address)).collect()
}

/// Starts the policy that the document speaks of, with time enough for a loaded machine and without its examples, which
/// are about less.
fn up() -> Process {
    let folder = TempDir::new().unwrap();
    let policy = POLICY.split("\nexamples:").next().unwrap_or_default();
    let policy = policy.replace("budget: 60ms", "budget: 20s").replace("until: 50ms", "until: 15s");
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let mut command = hedgerow(&folder);
    command.args(["up", "policy.yaml", "--listen", "127.0.0.1:0"]);
    Process::start(folder, command)
}

/// Returns the Python that has the clients.
fn python() -> PathBuf {
    let set_up = concat!(env!("CARGO_MANIFEST_DIR"), "/target/setup/python/bin/python");
    let python = std::env::var_os("HEDGEROW_TEST_PYTHON").map_or_else(|| PathBuf::from(set_up), PathBuf::from);
    assert!(python.exists(), "there is no Python at {}: run tools/setup.sh python", python.display());
    python
}

/// Runs `program` on `script`, and returns what it prints.
fn run(mut program: Command, script: &str) -> String {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {script}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_of_the_page_about_doors_runs_with_real_clients() {
    let process = up();
    let shell = examples("sh", &process.front);
    assert!(shell.len() >= 3, "{shell:?}");
    for script in &shell {
        let mut sh = Command::new("sh");
        sh.arg("-e");
        let printed = run(sh, script).to_lowercase();
        assert!(printed.contains("\"fine\""), "{script}\n{printed}");
    }
    let scripts = examples("python", &process.front);
    assert!(scripts.len() >= 3, "{scripts:?}");
    // One script of all: each block goes on where the one before it ended.
    run(Command::new(python()), &scripts.concat());
}
