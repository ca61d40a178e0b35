//! `hedgerow audit NAME`: exactly one result for each request, proven from the topics, or what is wrong with it.

use std::{process::ExitCode, sync::Arc, time::Duration};

use ::audit::{Counts, Limits, Report};
use anyhow::{Context as _, anyhow};
use bus::{Bus, BusError, Clock};
use clap::Args;
use control::Follower;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use wire::{CONTROL_TOPIC, RendezvousName};

use super::{
    Failure, asking,
    control::{Control, Reach},
    duration,
    progress::Progress,
};
use crate::auditing;

/// Audits one rendezvous.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    hedgerow audit wine --brokers kafka:9092\n  \
    hedgerow audit wine --since 5m --json --brokers kafka:9092\n  \
    hedgerow audit wine --at http://localhost:8080\n\n\
    It may run while requests come: those accepted when it starts are audited, and what is due is waited for.\n\
    Fields of --json, and what breaks the promise: docs/audit.md\n\n\
    Exit codes: 0 nothing breaks the promise · 1 something does, or the log cannot be read · 2 refused")]
pub(super) struct Audit {
    /// The rendezvous
    #[arg(value_name = "NAME")]
    name: String,

    /// How far to look back; all that the topics hold when not given
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,

    /// A request without a result so long after its deadline is missing
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    grace: Duration,

    /// How long to wait for results that are still due; what is due then is `open`
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    wait: Duration,

    /// Exit with 1 also if more results than this were late
    #[arg(long, value_name = "N")]
    max_late: Option<u64>,

    /// Exit with 1 also if anything is late, degraded, open or unjudged
    #[arg(long)]
    strict: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// As much of a process' report as decides the exit code.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    late: u64,
    degraded: u64,
    open: u64,
    unjudged: u64,
}

/// A process' report, as it is shown and as it is.
#[derive(Deserialize)]
struct Told {
    page: String,
    report: Box<RawValue>,
}

/// How long the log may take to tell what versions there are.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a process may take to read what it holds, beyond what it waits.
const READ_WITHIN: Duration = Duration::from_mins(10);

// === impl Audit ===

impl Audit {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let rendezvous = super::control::rendezvous(&self.name)?;
        super::control::block_on(async {
            if self.reach.bus_args().brokers().is_none() {
                return self.over_http(&rendezvous).await;
            }
            let clock = Clock::system();
            let bus = self.reach.bus_args().open(&clock).map_err(Failure::Refused)?;
            let report = self.over_the_log(bus, &clock, &rendezvous).await?;
            if self.json {
                println!("{}", serde_json::to_string(&report).map_err(anyhow::Error::from)?);
            } else {
                print!("{report}");
            }
            Ok(self.exit_code(&Verdict::of(&report)))
        })
    }

    async fn over_the_log(&self, bus: Arc<dyn Bus>, clock: &Clock, name: &RendezvousName) -> Result<Report, Failure> {
        let unreadable = |error: BusError| match error {
            BusError::Fatal(why) => {
                Failure::Failed(anyhow!("{why}: is there a rendezvous `{name}` on {}?", bus.describe()))
            }
            error => Failure::Failed(error.into()),
        };
        // Whoever misspelt the name is told before anything is waited for.
        bus.partitions(&wire::Topics::of(name).requests).await.map_err(unreadable)?;
        let follower = follow(&bus, clock).await?;
        let newest = || Some(follower.as_ref()?.now(name)?.newest());
        let audit = auditing::Audit {
            rendezvous: name.clone(),
            since: self.since.map(|since| clock.now().before(since)),
            grace: self.grace,
            wait: self.wait,
            limits: Limits::default(),
        };
        let mut progress = Progress::new();
        let report = audit.run(&*bus, clock, newest, |read, total| progress.show(read, total)).await;
        drop(progress);
        report.map_err(unreadable)
    }

    async fn over_http(&self, name: &RendezvousName) -> Result<ExitCode, Failure> {
        let Control::Door { at, .. } = self.reach.open().await? else {
            return Err(Failure::Refused(anyhow!("name the log with --brokers, or a process with --at")));
        };
        let client = reqwest::Client::builder().no_proxy().timeout(self.wait + READ_WITHIN).build();
        let client = client.context("no HTTP client")?;
        let micros = |duration: Duration| duration.as_micros().to_string();
        let mut query =
            vec![("grace_us", micros(self.grace)), ("wait_us", micros(self.wait)), ("page", true.to_string())];
        query.extend(self.since.map(|since| ("since_us", micros(since))));
        let path = ["control", name.as_str(), "audit"];
        let told = asking::get(&client, &at, &path, &query, "application/json").await?;
        let unlike = || format!("{at} does not answer as hedgerow would");
        let Told { page, report } = serde_json::from_str(&told).with_context(unlike)?;
        let verdict = serde_json::from_str(report.get()).with_context(unlike)?;
        if self.json {
            println!("{}", report.get());
        } else {
            print!("{page}");
        }
        Ok(self.exit_code(&verdict))
    }

    fn exit_code(&self, verdict: &Verdict) -> ExitCode {
        let late = self.max_late.is_some_and(|max| verdict.late > max);
        let spotless = verdict.late + verdict.degraded + verdict.open + verdict.unjudged == 0;
        ExitCode::from(u8::from(!verdict.ok || late || (self.strict && !spotless)))
    }
}

// === impl Verdict ===

impl Verdict {
    fn of(report: &Report) -> Self {
        let Counts { late, degraded, open, unjudged, .. } = report.counts;
        Self { ok: report.ok, late, degraded, open, unjudged }
    }
}

/// Follows the policies' versions, if the log has any.
async fn follow(bus: &Arc<dyn Bus>, clock: &Clock) -> Result<Option<Follower>, Failure> {
    if bus.partitions(CONTROL_TOPIC).await.is_err() {
        return Ok(None);
    }
    let follower = Follower::start(Arc::clone(bus), clock.clone(), Arc::default(), CancellationToken::new());
    match tokio::time::timeout(PATIENCE, follower).await {
        Ok(follower) => Ok(Some(follower.with_context(|| format!("on {}", bus.describe()))?)),
        Err(_) => Err(anyhow!("{} did not tell within {PATIENCE:?} what versions there are", bus.describe()).into()),
    }
}
