//! `hedgerow what-if NEW`: recorded requests through another policy, without any model call.

use std::{collections::HashMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use ::policies::{Definition, Recorded, WhatIf};
use clap::Args;

use super::{Failure, control::Reach, duration, past::Past};

/// Decides recorded requests again.
#[derive(Args, Debug)]
#[command(name = "what-if")]
#[command(after_help = "Example:\n  hedgerow what-if wine-new.yaml --since 1h --brokers kafka:9092\n\n\
    Fields of --json: docs/what-if.md\n\nExit codes: 0 compared · 1 the log cannot be read · 2 refused")]
pub(super) struct WhatIfCommand {
    /// The policy that might be
    #[arg(value_name = "NEW")]
    new: PathBuf,

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
        let (new, _) = super::load(&self.new)?;
        super::control::block_on(async {
            let past = Past::open(&self.reach, new.name().as_str(), self.since).await?;
            self.compare(&past, new).await
        })
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
