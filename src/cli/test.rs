//! `hedgerow test FILE…`: plays the examples that are written in policy files.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::Failure;

/// Plays examples.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow test policies/wine.yaml\n\nExit codes: 0 all pass · 1 some fail · 2 the \
    file has mistakes")]
pub(super) struct Test {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print one JSON object: `{"passed": n, "failed": n, "examples": [{file, name, passed, timeline}]}`
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let (mut passed, mut failed, mut all) = (0, 0, Vec::new());
        for path in &self.files {
            let (definition, _) = super::load(path)?;
            for outcome in definition.play_examples() {
                *if outcome.passed { &mut passed } else { &mut failed } += 1;
                if !self.json {
                    println!("{} {}", if outcome.passed { "ok    " } else { "FAILED" }, outcome.name);
                    if !outcome.passed {
                        println!("{}", outcome.timeline);
                    }
                }
                all.push(json!({
                    "file": path, "name": outcome.name, "passed": outcome.passed, "timeline": outcome.timeline,
                }));
            }
        }
        if self.json {
            println!("{}", json!({ "passed": passed, "failed": failed, "examples": all }));
        } else {
            println!("{passed} passed, {failed} failed");
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
