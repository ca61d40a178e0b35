//! `make faults`: the table of what hedgerow survives on a real Kafka, measured.
//!
//! One line of JSON for each row on stdout, for programs; progress and the table on stderr, for people.

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};
use hedgerow_faults::{Fault, Row, Settings, run, table};

/// Kills, stops and rolls the processes of a rendezvous under load, and audits what is left.
#[derive(Parser, Debug)]
#[command(after_help = "Examples:\n  \
    make faults                                  every row, about 22 minutes\n  \
    make faults ONLY=collector KILLS=20          one row, half a minute\n  \
    hedgerow-faults --only pause,storm --rate 200\n\n\
    What each row does and what is counted: docs/faults.md\n\n\
    Exit codes: 0 every row is ok · 1 one is not, or could not be made · 2 refused")]
struct Arguments {
    /// The rows to make; all when not given
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Fault>,

    /// How often a station is killed; what takes longer is done in proportion
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,

    /// Seconds of a storm, and of the calm
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// Seconds for which a collector is stopped in its tracks
    #[arg(long, default_value_t = 10)]
    pause: u32,

    /// Milliseconds that an answer may take
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(5..))]
    budget: u32,

    /// Requests a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,

    /// Keep what the processes said, though all went well
    #[arg(long)]
    keep: bool,

    /// The `hedgerow` binary; the one beside this program when not given
    #[arg(long)]
    binary: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let settings = arguments.settings()?;
    let faults = if arguments.only.is_empty() { Fault::value_variants().to_vec() } else { arguments.only };
    let mut rows: Vec<Row> = Vec::new();
    for fault in faults {
        let row = run(&[fault], &settings)?;
        println!("{}", serde_json::to_string(&row)?);
        rows.push(row);
    }
    eprintln!("\n{}", table(&rows));
    Ok(if rows.iter().all(|row| row.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// === impl Arguments ===

impl Arguments {
    fn settings(&self) -> anyhow::Result<Settings> {
        let beside = || Ok::<_, anyhow::Error>(env::current_exe()?.with_file_name("hedgerow"));
        let binary = self.binary.clone().map_or_else(beside, Ok)?;
        let binary = binary.canonicalize();
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Ok(Settings {
            binary: binary.context("there is no `hedgerow` beside this program: build it, or name it with --binary")?,
            rate: self.rate,
            kills: self.kills,
            storm: seconds(self.seconds),
            pause: seconds(self.pause),
            budget: Duration::from_millis(self.budget.into()),
            on_time: true,
            keep: self.keep,
        })
    }
}
