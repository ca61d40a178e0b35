//! `hedgerow what-if NEW`: recorded requests through another policy, without any model call.

use std::{collections::HashMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use ::policies::{Definition, Versions, WhatIf, rfc3339};
use anyhow::anyhow;
use bus::{Bus, Clock};
use clap::Args;

use super::{Failure, asking::Source, control::Reach, duration, progress::Progress};
use crate::recordings::Recordings;

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
        let clock = Clock::system();
        super::control::block_on(async {
            if self.reach.bus_args().brokers().is_none() {
                return Err(Failure::Refused(anyhow!("name the log that the requests lie in with --brokers")));
            }
            match Source::open(&self.reach, &clock, Some(new.name().as_str()), None).await? {
                Source::Log { bus, rendezvous, versions } => {
                    let recordings = Recordings { rendezvous, since: clock.now().before(self.since) };
                    self.compare(&*bus, &recordings, new, versions.as_deref()).await
                }
                Source::Door { .. } => Err(Failure::Refused(anyhow!("a process cannot be asked this, only a log"))),
            }
        })
    }

    async fn compare(
        &self,
        bus: &dyn Bus,
        recordings: &Recordings,
        new: Arc<Definition>,
        versions: Option<&Versions>,
    ) -> Result<ExitCode, Failure> {
        let (mut what_if, mut progress) = (WhatIf::new(new), Progress::new());
        // A version is looked up once, not once a request.
        let mut old: HashMap<u64, Option<Arc<Definition>>> = HashMap::new();
        let see = |recorded: &_| {
            let version = ::policies::Recorded::policy(recorded).map_or(0, |policy| policy.version);
            let old = old.entry(version).or_insert_with(|| versions?.get(version));
            what_if.add(recorded, old.as_deref());
        };
        let over = recordings.read(bus, see, |read, total| progress.show(read, total)).await;
        drop(progress);
        let over = over.map_err(|error| Failure::Failed(error.into()))?;
        if over > 0 {
            eprintln!("{over} requests were too many to hold and are left out: look less far back");
        }
        let report = what_if.finish();
        if report.replayed == 0 && report.left_out.is_empty() {
            let (name, since) = (&recordings.rendezvous, rfc3339(recordings.since));
            return Err(Failure::Failed(anyhow!("there is no request in {name}.requests from {since} on")));
        }
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
        } else {
            print!("{report}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
