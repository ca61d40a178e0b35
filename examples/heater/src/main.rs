//! hedgerow with a thermostat compiled in: every command that it has, and policies may say `rust: thermostat`.

use std::process::ExitCode;

use clap::Parser;
use hedgerow::cli::{Cli, Failure};

fn main() -> ExitCode {
    match Cli::parse().with_kinds(hedgerow_heater::kinds()).run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            if matches!(failure, Failure::Refused(_)) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
