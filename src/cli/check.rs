//! `hedgerow check FILE…`: every mistake at once.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use policies::{Definition, Diagnostic};
use serde_json::json;

use super::Failure;

/// Checks policy files.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow check policies/*.yaml\n  hedgerow check --format json wine.yaml    \
    for editors and CI\n\nExit codes: 0 no mistakes · 2 mistakes")]
pub(super) struct Check {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to print mistakes
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Short for `--format json`
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: place, line and hint
    Text,
    /// For programs: `{"ok": bool, "problems": [{source, line, column, message, hint}]}`
    Json,
}

impl Check {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let mut problems: Vec<Diagnostic> = Vec::new();
        let json = self.json || self.format == Format::Json;
        for path in &self.files {
            let source = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::Refused(anyhow::anyhow!("{source}: cannot be read: {error}")))?;
            match Definition::parse(&source, &text) {
                Ok(definition) if !json => println!("{source}: {}", summary(&definition)),
                Ok(_) => {}
                Err(diagnostics) if json => problems.extend(diagnostics.0),
                Err(diagnostics) => {
                    eprint!("{diagnostics}");
                    problems.extend(diagnostics.0);
                }
            }
        }
        if json {
            println!("{}", json!({ "ok": problems.is_empty(), "problems": problems }));
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}

fn summary(definition: &Definition) -> String {
    let canaries = definition.executors.iter().filter(|spec| spec.canary_of.is_some()).count();
    format!(
        "ok: rendezvous {}, {} candidates, {canaries} canaries, budget {}, {} examples",
        definition.name(),
        definition.executors.len() - canaries,
        definition.budget,
        definition.examples.len(),
    )
}
