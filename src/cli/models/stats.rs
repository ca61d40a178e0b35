//! `hedgerow models stats [NAME]`: what models did, version by version.

mod told;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use bus::Clock;
use clap::Args;
use models::ModelStats;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::{
    Failure, asking,
    control::{Control, Reach, block_on},
    duration,
};
use crate::{
    measuring::Measuring,
    publications::{AllTold, OneTold, pick, stats},
};

/// Shows what models did: since when each serves, how often and how long it was called, what failed.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  hedgerow models stats                        every model, published or part of a policy\n  \
    hedgerow models stats forest --over 24h      its versions, one by one\n  \
    hedgerow models stats wine/linear            the model of an executor with a file of its own\n  \
    hedgerow models stats --json | jq '.stats[] | {name, p99: .duration.p99_us}'\n\n\
    A call is one use of a model, with one request or a batch. REFUSED were never begun: their deadline was past, or the queue \
    was full.\n\
    Fields of --json: {\"stats\": [{name, published, current, previous, since, run_by: [{rendezvous, executor, canary, \
    live}], window_us, calls, requests, answered, abstained, failed, expired, overloaded, duration: {p50_us, p90_us, \
    p99_us, p999_us, min_us, max_us}, batches: {mean, p50, p99, max}, versions: [{version, first_used, last_used, and the same \
    numbers}]}]}\n\n\
    Exit codes: 0 shown · 1 failed, or there is no such model · 2 wrong arguments"
)]
pub(super) struct Stats {
    /// The model; all of them, when not given
    #[arg(value_name = "NAME")]
    model: Option<String>,

    /// Over how long a time to count, at most 31 days
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::window)]
    over: Duration,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

// === impl Stats ===

impl Stats {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        block_on(async {
            let stats = match self.reach.open().await? {
                Control::Door { client, at } => self.asked(&client, &at).await?,
                Control::Log(follower) => {
                    let clock = Clock::system();
                    let bus = self.reach.bus_args().open(&clock).map_err(Failure::Refused)?;
                    let measuring = Measuring::new(bus, clock, CancellationToken::new());
                    let mut sums = Vec::new();
                    for versions in follower.names().iter().filter_map(|name| follower.now(name)) {
                        let live = Arc::clone(versions.live());
                        let sum = measuring.counted(live.name(), self.over).await;
                        let sum = sum.with_context(|| format!("what was counted of {} cannot be read", live.name()))?;
                        sums.push((live, sum));
                    }
                    let registry = Arc::clone(&follower.models().borrow());
                    self.of(stats(&registry, &sums, self.over))?
                }
            };
            if self.json {
                println!("{}", json!({ "stats": stats }));
            } else if let (Some(_), [only]) = (&self.model, &stats[..]) {
                print!("{}", told::one(only));
            } else {
                print!("{}", told::all(&stats));
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// Returns all of them, or the one that is asked for.
    fn of(&self, all: Vec<ModelStats>) -> anyhow::Result<Vec<ModelStats>> {
        let Some(model) = &self.model else { return Ok(all) };
        Ok(vec![pick(all, model).map_err(anyhow::Error::msg)?])
    }

    async fn asked(&self, client: &reqwest::Client, at: &str) -> anyhow::Result<Vec<ModelStats>> {
        let query = [("window_s", self.over.as_secs().to_string())];
        let name = self.model.iter().flat_map(|model| model.splitn(2, '/'));
        let path: Vec<&str> = ["api", "v1", "models"].into_iter().chain(name).collect();
        let text = asking::get(client, at, &path, &query, "application/json").await?;
        let unread = || format!("{at} does not answer as this version of hedgerow does");
        let stats = match self.model {
            Some(_) => serde_json::from_str::<OneTold>(&text).with_context(unread)?.stats.map(|stats| vec![stats]),
            None => serde_json::from_str::<AllTold>(&text).with_context(unread)?.stats,
        };
        stats.ok_or_else(|| anyhow!(unread()))
    }
}
