//! `hedgerow what-if NEW`: recorded requests through another policy, or with more or less time, without any model call.

use std::{collections::HashMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use ::policies::{Definition, Recorded, TimeCurve, WhatIf};
use clap::Args;

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
        let (mut curve, mut versions) = (TimeCurve::new(name.as_str()), HashMap::new());
        let see = |recorded: &Recorded| {
            let version = recorded.policy().map_or(0, |policy| policy.version);
            let version = versions.entry(version).or_insert_with(|| past.versions.as_ref()?.get(version));
            curve.add(recorded, version.as_deref());
        };
        past.read(see).await?;
        let report = curve.finish();
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        } else {
            print!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn compare(&self, past: &Past, new: Arc<Definition>) -> Result<ExitCode, Failure> {
        let mut what_if = WhatIf::new(new);
        // A version is looked up once, not once a request.
        let mut old: HashMap<u64, Option<Arc<Definition>>> = HashMap::new();
        let see = |recorded: &Recorded| {
            let version = recorded.policy().map_or(0, |policy| policy.version);
            let old = old.entry(version).or_insert_with(|| past.versions.as_ref()?.get(version));
            what_if.add(recorded, old.as_deref());
        };
        past.read(see).await?;
        let report = what_if.finish();
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        } else {
            print!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
