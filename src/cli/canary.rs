//! `hedgerow canary …`: how canaries compare with their references, and what is done about them.

mod acts;
mod list;
mod reading;
mod report;
mod self_test;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;

/// Compares canaries with their references, and acts on it.
#[derive(Args, Debug)]
pub(super) struct Canary {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show each canary of a rendezvous and its verdict
    List(list::List),
    /// Print what the comparison found: the verdict, why, and every number behind it
    Report(report::ReportCommand),
    /// Show reports as they grow
    Watch(watch::Watch),
    /// Make a canary a candidate
    Promote(acts::Promote),
    /// Keep a canary from being promoted or rejected by itself
    Hold(acts::Hold),
    /// End a hold
    Release(acts::Release),
    /// Take a canary out
    Reject(acts::Reject),
    /// Show that canaries change nothing: with some that hang, are slow and crash
    SelfTest(self_test::SelfTest),
}

// === impl Canary ===

impl Canary {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Report(report) => report.run(),
            Command::Watch(watch) => watch.run(),
            Command::Promote(promote) => promote.run(),
            Command::Hold(hold) => hold.run(),
            Command::Release(release) => release.run(),
            Command::Reject(reject) => reject.run(),
            Command::SelfTest(test) => test.run(),
        }
    }
}
