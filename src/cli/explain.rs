//! `hedgerow explain ID`: one request on one screen.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use ::models::Registry;
use ::policies::{Definition, Explanation, Versions};
use anyhow::anyhow;
use bus::{Bus, Clock};
use clap::Args;
use traces::{Kept, Place, spans};
use wire::RendezvousName;

use super::{
    Failure,
    asking::{self, Source},
    control::Reach,
    duration,
    progress::Progress,
};
use crate::{
    explain::{Explained, Found, Search, explain, request},
    otlp::{OtlpArgs, send_once},
};

/// Explains one request.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    hedgerow explain 6f1d2c4b-7a90-5b0f-9a8e-1b1c3d5e52cf --at http://localhost:8080\n  \
    hedgerow explain order-17 --rendezvous wine --more 25ms --json --brokers kafka:9092\n  \
    hedgerow explain order-17 --rendezvous wine --brokers kafka:9092 --otlp http://localhost:4318\n\n\
    Fields of --json: docs/explain.md\n\n\
    Exit codes: 0 explained · 1 not found, or nobody to ask · 2 refused")]
pub(super) struct Explain {
    /// The request: its id as results carry it, or the key that its caller gave
    #[arg(value_name = "ID")]
    id: String,

    /// Take ID for a caller's key even if it looks like an id
    #[arg(long)]
    key: bool,

    /// Whose request it is; not needed where there is one rendezvous only
    #[arg(long, value_name = "NAME")]
    rendezvous: Option<String>,

    /// Take the text of the policy that decided from this file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Say what so much more time would have changed
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = duration::parse)]
    more: Duration,

    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration::parse)]
    since: Duration,

    /// Send its trace, sampled or not, to the OpenTelemetry collector there, such as `http://localhost:4318`
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// What is known beside the topics.
struct Known<'run> {
    file: Option<&'run Definition>,
    versions: Option<&'run Versions>,
    models: &'run Registry,
}

// === impl Explain ===

impl Explain {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let file = match &self.policy {
            Some(file) => Some(super::load(file)?.0),
            None => None,
        };
        let clock = Clock::system();
        super::control::block_on(async {
            match Source::open(&self.reach, &clock, self.rendezvous.as_deref(), file.as_deref()).await? {
                Source::Door { .. } if file.is_some() => Err(Failure::Refused(anyhow!(
                    "--policy is for reading the log, with --brokers: a running process knows its policies"
                ))),
                Source::Door { .. } if self.otlp.is_some() => {
                    Err(Failure::Refused(anyhow!("--otlp sends what the log holds: name the log with --brokers")))
                }
                Source::Door { client, at, rendezvous } => self.over_http(&client, &at, &rendezvous).await,
                Source::Log { bus, rendezvous, versions, models } => {
                    let since = clock.now().before(self.since);
                    let id = request(&rendezvous, &self.id, self.key);
                    let search = Search::new(rendezvous, id, since);
                    let known = Known { file: file.as_deref(), versions: versions.as_deref(), models: &models };
                    self.over_the_log(&*bus, &search, known).await
                }
            }
        })
    }

    async fn over_the_log(
        &self,
        bus: &dyn Bus,
        search: &Search,
        Known { file, versions, models }: Known<'_>,
    ) -> Result<ExitCode, Failure> {
        let mut progress = Progress::new();
        let found = search.run(bus, |read, total| progress.show(read, total)).await;
        drop(progress);
        let found = found.map_err(|error| Failure::Failed(error.into()))?;
        let explanation = match file {
            Some(file) => Explanation::of(&found.recorded, Some(file), self.more),
            None => explain(&found, versions, self.more),
        };
        let explanation = explanation.ok_or_else(|| Failure::Failed(anyhow!(search.not_found(&found, &self.id))))?;
        let explanation = Explained::of(explanation, models);
        self.send_trace(&found).await?;
        if self.json {
            println!("{}", serde_json::to_string(&explanation).map_err(anyhow::Error::from)?);
        } else {
            print!("{explanation}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Sends the trace, if that is wanted: the log tells it as the collector would have.
    async fn send_trace(&self, found: &Found) -> Result<(), Failure> {
        let arguments = OtlpArgs { otlp: self.otlp.clone(), ..OtlpArgs::default() };
        let Some(wanted) =
            self.otlp.as_ref().map(|_| arguments.wanted()).transpose().map_err(Failure::Refused)?.flatten()
        else {
            return Ok(());
        };
        let place = Place { system: "kafka", partition: found.partition };
        Ok(send_once(&wanted, spans(&found.recorded, place, Kept::Asked)).await?)
    }

    async fn over_http(
        &self,
        client: &reqwest::Client,
        at: &str,
        rendezvous: &RendezvousName,
    ) -> Result<ExitCode, Failure> {
        let query = [
            ("key", self.key.to_string()),
            ("more_us", self.more.as_micros().to_string()),
            ("since_s", self.since.as_secs().to_string()),
        ];
        let media = if self.json { "application/json" } else { "text/plain" };
        let path = ["control", rendezvous.as_str(), "explain", &self.id];
        println!("{}", asking::get(client, at, &path, &query, media).await?.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
