//! The command line: one file per command.

mod alerts;
mod apply;
mod asking;
mod audit;
mod canary;
mod check;
mod completions;
mod control;
mod demo;
mod diff;
pub(crate) mod duration;
mod explain;
mod export;
mod learn;
mod models;
mod past;
mod policies;
mod progress;
mod results;
mod rollback;
mod run;
mod schema;
mod screen;
mod serving;
mod test;
mod top;
mod what_if;

use std::{
    fmt,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use ::policies::{Definition, Diagnostics};
use clap::{Parser, Subcommand};
use executors::Kinds;
use tracing_subscriber::EnvFilter;

/// Several models, one answer, on time.
///
/// hedgerow asks several models at once by one write to a log, and gives exactly one answer within a latency budget,
/// chosen by a policy in YAML, with the reason for it.
#[derive(Parser, Debug)]
#[command(name = "hedgerow", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Write log lines as JSON
    #[arg(long, global = true)]
    log_json: bool,

    /// What is compiled in, for policies that say `rust: NAME`.
    #[arg(skip)]
    kinds: Kinds,
}

const EXAMPLES: &str = "\
Examples:
  hedgerow demo                                     see it work, without a broker
  hedgerow check policies/wine.yaml                 every mistake in a policy, with its place
  hedgerow test policies/wine.yaml                  play the examples written in it
  hedgerow diff policies/wine.yaml wine.yaml        what changes in meaning
  hedgerow apply wine.yaml                          the next version, without a restart
  hedgerow policies wine                            its versions: who, when, why, which is live
  hedgerow models publish forest --onnx forest.onnx --version 7    a model as data, live at once
  hedgerow audit wine                               one result for each request? see for yourself
  hedgerow canary report wine                       is a canary better? the verdict, and why
  hedgerow top                                      how they do, live in the terminal
  hedgerow alerts list                              what is wrong now
  hedgerow up policies/wine.yaml                    every station in this process
  hedgerow up wine.yaml --brokers kafka:9092        the same over Kafka
  hedgerow run collector wine.yaml --brokers kafka:9092    one station, to scale it alone

Exit codes: 0 done · 1 failed · 2 refused (wrong arguments, a policy with mistakes)
            3 somebody else changed the policy meanwhile
Log lines go to stderr; RUST_LOG=debug shows more.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Stream the wine data through four real models and show what came of it
    Demo(demo::Demo),
    /// Run every station of one or several rendezvous in this process
    Up(run::Up),
    /// Run some stations of a rendezvous, to scale each alone
    Run(run::Run),
    /// Check policy files: every mistake at once, with line, column and hint
    Check(check::Check),
    /// Play the examples that are written in policy files
    Test(test::Test),
    /// Say what changes from one policy to another: in meaning, not in text
    Diff(diff::Diff),
    /// Make a file the next version of its policy, without a restart
    Apply(apply::Apply),
    /// Make an earlier version's text the next version
    Rollback(rollback::Rollback),
    /// Agree to a version that somebody else proposed
    Approve(rollback::Approve),
    /// Make the version on trial live
    Promote(rollback::Promote),
    /// End a trial, or take a proposal back
    Withdraw(rollback::Withdraw),
    /// Show versions: who made them, when and why, which is live, and how a trial does
    Policies(policies::Policies),
    /// Publish models, show them, and say which version serves
    Models(models::Models),
    /// Show one request on one screen: who answered what when, what was decided and why
    Explain(explain::Explain),
    /// Print results, each once: those of the past, and with --follow those to come
    Results(results::ResultsCommand),
    /// Show how rendezvous do: rate, objectives, latency, what decided, who answered
    Top(top::Top),
    /// Decide recorded requests again by another policy, without any model call
    WhatIf(what_if::WhatIfCommand),
    /// Prove from the topics that each request got exactly one result, or list what is wrong
    Audit(audit::Audit),
    /// Compare canaries with their references, and act on it
    Canary(canary::Canary),
    /// Try the receivers of alerts, and list what is wrong now
    Alerts(alerts::AlertsCommand),
    /// Write what other tools read of policies: a Grafana dashboard, Prometheus rules, a document of the topics
    Export(export::Export),
    /// Learn what votes should weigh from what turned out to be true
    Learn(learn::Learn),
    /// Print the JSON Schema of policy files, for editors
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// How a command can fail.
#[derive(Debug)]
pub enum Failure {
    /// What was asked is wrong: exit code 2, and nothing was started.
    Refused(anyhow::Error),
    /// It was right and did not work: exit code 1.
    Failed(anyhow::Error),
}

// === impl Cli ===

impl Cli {
    /// Says what is compiled into this process, beside all that hedgerow has.
    #[must_use]
    pub fn with_kinds(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }

    /// Runs the command.
    pub fn run(self) -> Result<ExitCode, Failure> {
        log_to_stderr(self.log_json);
        match self.command {
            Command::Demo(demo) => demo.run(&self.kinds),
            Command::Up(up) => up.run(&self.kinds),
            Command::Run(run) => run.run(&self.kinds),
            Command::Check(check) => check.run(),
            Command::Test(test) => test.run(),
            Command::Diff(diff) => diff.run(),
            Command::Apply(apply) => apply.run(),
            Command::Rollback(rollback) => rollback.run(),
            Command::Approve(approve) => approve.run(),
            Command::Promote(promote) => promote.run(),
            Command::Withdraw(withdraw) => withdraw.run(),
            Command::Policies(policies) => policies.run(),
            Command::Models(models) => models.run(),
            Command::Explain(explain) => explain.run(),
            Command::Results(results) => results.run(),
            Command::Top(top) => top.run(),
            Command::WhatIf(what_if) => what_if.run(),
            Command::Audit(audit) => audit.run(),
            Command::Canary(canary) => canary.run(),
            Command::Alerts(alerts) => alerts.run(),
            Command::Export(export) => export.run(),
            Command::Learn(learn) => learn.run(),
            Command::Schema(schema) => Ok(schema.run()),
            Command::Completions(completions) => Ok(completions.run()),
        }
    }
}

// === impl Failure ===

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(error) | Self::Failed(error)) = self;
        // Diagnostics are sentences of their own, each beginning with `error:`.
        if let Some(diagnostics) = error.downcast_ref::<Diagnostics>() {
            return write!(out, "{diagnostics}");
        }
        write!(out, "error: {error:#}")
    }
}

impl Failure {
    /// Returns why.
    fn into_error(self) -> anyhow::Error {
        let (Self::Refused(error) | Self::Failed(error)) = self;
        error
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,librdkafka=error"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
}

/// Reads a rendezvous' file; what is wrong with it refuses the command.
fn load(path: &Path) -> Result<(Arc<Definition>, PathBuf), Failure> {
    crate::app::load(path).map_err(Failure::Refused)
}

/// Returns a runtime for what is not a station: the front door, the load, the observer.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
