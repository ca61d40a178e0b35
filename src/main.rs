//! Arguments → command → exit code; the only place that exits.

use std::process::ExitCode;

use clap::Parser;
use hedgerow::cli::{Cli, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = cli.run();
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            match failure {
                Failure::Refused(_) => ExitCode::from(2),
                Failure::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}
