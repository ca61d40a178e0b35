//! `hedgerow test FILE…`: plays the examples that are written in policy files.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use policies::{ExampleOutcome, Miss};
use serde::Serialize;

use super::Failure;

/// Plays examples.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow test policies/*.yaml\n  \
    hedgerow test policies/wine.yaml --only canary    those whose names contain it\n\n\
    Fields of --json: passed, failed (how many) · examples: [{file, name, passed, misses: [{what, expected, got}], \
    timeline (text; empty if it passed)}]\n\n\
    Exit codes: 0 all pass · 1 some fail · 2 a file has mistakes, or nothing was played")]
pub(super) struct Test {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Play only the examples whose names contain this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    examples: Vec<Played>,
}

#[derive(Debug, Serialize)]
struct Played {
    file: PathBuf,
    name: String,
    passed: bool,
    misses: Vec<Miss>,
    timeline: String,
}

// === impl Test ===

impl Test {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let mut examples = Vec::new();
        for path in &self.files {
            let (definition, _) = super::load(path)?;
            let wanted = |outcome: &ExampleOutcome| self.only.as_ref().is_none_or(|only| outcome.name.contains(only));
            for outcome in definition.play_examples().into_iter().filter(wanted) {
                if !self.json {
                    print(&outcome);
                }
                let ExampleOutcome { name, passed, misses, timeline } = outcome;
                examples.push(Played { file: path.clone(), name, passed, misses, timeline });
            }
        }
        if let (Some(only), true) = (&self.only, examples.is_empty()) {
            return Err(Failure::Refused(anyhow::anyhow!("no example's name contains `{only}`")));
        }
        let failed = examples.iter().filter(|played| !played.passed).count();
        let report = Report { passed: examples.len() - failed, failed, examples };
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        } else {
            println!("{} passed, {failed} failed", report.passed);
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print(outcome: &ExampleOutcome) {
    println!("{} {}", if outcome.passed { "ok    " } else { "FAILED" }, outcome.name);
    if !outcome.passed {
        println!("\n{}", outcome.timeline);
    }
}
