//! hedgerow with a model compiled in: every command that it has, and policies may say `rust: neighbours`.

use std::process::ExitCode;

use clap::Parser;
use hedgerow::cli::{Cli, Failure};

fn main() -> ExitCode {
    match Cli::parse().with_kinds(hedgerow_neighbours::kinds()).run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            if matches!(failure, Failure::Refused(_)) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
