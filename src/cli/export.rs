//! `hedgerow export grafana|alerts|asyncapi FILE…`: what other tools show of rendezvous, when they call somebody, and what
//! their topics hold.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use policies::Definition;

use super::Failure;

/// Writes what other tools read.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Export {
    #[command(subcommand)]
    what: What,
}

const HELP: &str = "\
Examples:
  hedgerow export grafana wine.yaml --out wine.json         for Dashboards → New → Import
  hedgerow export alerts wine.yaml --out wine.rules.yml     for Prometheus' rule_files
  hedgerow export asyncapi wine.yaml --out wine.asyncapi.json    for whoever speaks Kafka himself
  hedgerow export alerts policies/*.yaml | promtool check rules /dev/stdin

The same policies give the same text. Exit codes: 0 done · 1 not written · 2 a policy with mistakes";

/// Without the marks that a doc comment wants around the name.
const TOPICS: &str =
    "The topics and what they hold, as an AsyncAPI 3.0 document (JSON): for executors and consumers of one's own";

#[derive(Subcommand, Debug)]
enum What {
    /// A dashboard for Grafana, as the JSON that its import takes
    #[command(after_help = HELP)]
    Grafana(Sources),
    /// Rules for Prometheus: error budgets, alerts when they burn too fast, and on what else needs a person
    #[command(after_help = HELP)]
    Alerts(Sources),
    /// The topics and what they hold, as an `AsyncAPI` 3.0 document (JSON): for executors and consumers of one's own
    #[command(name = "asyncapi", about = TOPICS, after_help = HELP)]
    AsyncApi(Sources),
}

/// What it is made of, and where it goes.
#[derive(Args, Debug)]
struct Sources {
    /// The rendezvous' files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write it there (stdout, when not given)
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

// === impl Export ===

impl Export {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let (What::Grafana(sources) | What::Alerts(sources) | What::AsyncApi(sources)) = &self.what;
        let loaded = sources.read()?;
        let definitions: Vec<&Definition> = loaded.iter().map(AsRef::as_ref).collect();
        let text = match &self.what {
            What::Grafana(_) => json(&exports::dashboard(&definitions))?,
            What::AsyncApi(_) => json(&exports::asyncapi(&definitions))?,
            What::Alerts(_) => exports::alerts(&definitions),
        };
        match &sources.out {
            None => print!("{text}"),
            Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn json(document: &serde_json::Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

// === impl Sources ===

impl Sources {
    /// Reads the files; what two of them call by one name could not be told apart.
    fn read(&self) -> Result<Vec<Arc<Definition>>, Failure> {
        let mut all: Vec<Arc<Definition>> = Vec::new();
        for file in &self.files {
            let (definition, _) = super::load(file)?;
            if all.iter().any(|other| other.name() == definition.name()) {
                let name = definition.name();
                let why = anyhow::anyhow!(
                    "{}: another of the files is about `{name}` too: give each rendezvous once",
                    file.display()
                );
                return Err(Failure::Refused(why));
            }
            all.push(definition);
        }
        Ok(all)
    }
}
