//! `hedgerow what-if NEW`: recorded requests through another policy, or with more or less time, without any model call.

use std::{fmt, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use ::policies::{Definition, TimeCurve, WhatIf};
use clap::Args;
use serde::Serialize;

use super::{Failure, control::Reach, duration, past::Past};

/// Decides recorded requests again.
#[derive(Args, Debug)]
#[command(name = "what-if")]
#[command(after_help = "Examples:\n  hedgerow what-if wine-new.yaml --since 1h --brokers kafka:9092\n  \
    hedgerow what-if wine --time --brokers kafka:9092       what would 5, 10, 20 ms more or less have changed?\n\n\
    Fields of --json: docs/what-if.md\n\nExit codes: 0 compared · 1 the log cannot be read · 2 refused")]
pub(super) struct WhatIfCommand {
    /// The policy that might be; with --time the rendezvous
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Instead, with its own policies and 5, 10 and 20 ms more or less: how many defaults, and which clause decides
    #[arg(long)]
    time: bool,

    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    since: Duration,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

// === impl WhatIfCommand ===

impl WhatIfCommand {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        if self.time {
            return super::control::block_on(self.value_of_time());
        }
        let (new, _) = super::load(&self.new)?;
        super::control::block_on(async {
            let past = Past::open(&self.reach, new.name().as_str(), self.since).await?;
            self.compare(&past, new).await
        })
    }

    async fn value_of_time(&self) -> Result<ExitCode, Failure> {
        let name = super::control::rendezvous(&self.new.to_string_lossy())?;
        let past = Past::open(&self.reach, name.as_str(), self.since).await?;
        let mut curve = TimeCurve::new(name.as_str());
        past.read(|recorded, version| curve.add(recorded, version)).await?;
        self.print(&curve.finish())
    }

    async fn compare(&self, past: &Past, new: Arc<Definition>) -> Result<ExitCode, Failure> {
        let mut what_if = WhatIf::new(new);
        past.read(|recorded, old| what_if.add(recorded, old)).await?;
        self.print(&what_if.finish())
    }

    fn print(&self, report: &(impl Serialize + fmt::Display)) -> Result<ExitCode, Failure> {
        if self.json {
            println!("{}", serde_json::to_string(report).map_err(anyhow::Error::from)?);
        } else {
            print!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
