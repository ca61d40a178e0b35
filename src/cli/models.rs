//! `hedgerow models …`: models as data: published, listed, rolled back and retired without a restart.

mod changes;
mod publish;
mod shown;
mod stats;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;

/// Publishes models, shows them, and says which version serves.
#[derive(Args, Debug)]
pub(super) struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a model's bytes a version of it, live at once
    Publish(Box<publish::PublishCommand>),
    /// Show every model, and which version serves
    List(shown::List),
    /// Show a model's versions: what each is, who published it, when and why
    Show(shown::Show),
    /// Show what models did: calls, times, failures, batches, version by version
    Stats(stats::Stats),
    /// Make a version live that was published before
    Promote(changes::Promote),
    /// Go back to the version that was live before
    Rollback(changes::Rollback),
    /// Let a version, or the whole model, serve nobody any more
    Retire(changes::Retire),
}

// === impl Models ===

impl Models {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Publish(publish) => publish.run(),
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Stats(stats) => stats.run(),
            Command::Promote(promote) => promote.run(),
            Command::Rollback(rollback) => rollback.run(),
            Command::Retire(retire) => retire.run(),
        }
    }
}
