//! `hedgerow completions SHELL`

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Prints a completion script.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hedgerow completions bash > ~/.local/share/bash-completion/completions/hedgerow")]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> ExitCode {
        clap_complete::generate(self.shell, &mut super::Cli::command(), "hedgerow", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}
