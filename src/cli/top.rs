//! `hedgerow top`: how rendezvous do, in the terminal, again every second.

mod shown;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use bus::Clock;
use clap::Args;
use control::Follower;
use measures::Overview;
use tokio_util::sync::CancellationToken;
use wire::RendezvousName;

use super::{
    Failure, asking,
    control::{Control, Reach, block_on, rendezvous},
    duration, screen,
};
use crate::measuring::{Measuring, Overviews};

/// Shows how rendezvous do.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  hedgerow top                                 every rendezvous of the process at localhost:8080\n  \
    hedgerow top wine --brokers kafka:9092       from the log, whichever processes run\n  \
    hedgerow top wine --over 24h --once          one picture, for a day\n  \
    hedgerow top --json | jq '.rendezvous[].objectives'\n\n\
    In a terminal the picture is drawn again every second, until Ctrl-C; otherwise it is printed once.\n\
    Fields of --json: {\"rendezvous\": [of GET /api/v1/rendezvous/NAME]}, see docs/objectives.md\n\n\
    Exit codes: 0 shown, or stopped by Ctrl-C · 1 failed · 2 wrong arguments"
)]
pub(super) struct Top {
    /// The rendezvous; all of them, when not given
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Over how long a time to count, at most 31 days
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::window)]
    over: Duration,

    /// Print it once, in a terminal too
    #[arg(long)]
    once: bool,

    /// Print it once, as one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

/// Where the numbers come from.
enum Source {
    Log(Box<Follower>, Measuring),
    Door(reqwest::Client, String),
}

/// So often the picture is drawn.
const EVERY: Duration = Duration::from_secs(1);
/// How wide a picture is that is printed once.
const WIDTH: usize = 100;

// === impl Top ===

impl Top {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let name = self.name.as_deref().map(rendezvous).transpose()?;
        block_on(async {
            let source = self.source().await?;
            let is_once = self.once || self.json || !io::stdout().is_terminal();
            tokio::select! {
                shown = self.show(&source, name.as_ref(), is_once) => shown?,
                interrupted = tokio::signal::ctrl_c() => interrupted.context("Ctrl-C cannot be heard")?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn source(&self) -> Result<Source, Failure> {
        Ok(match self.reach.open().await? {
            Control::Log(follower) => {
                let clock = Clock::system();
                let bus = self.reach.bus_args().open(&clock).map_err(Failure::Refused)?;
                Source::Log(Box::new(follower), Measuring::new(bus, clock, CancellationToken::new()))
            }
            Control::Door { client, at } => Source::Door(client, at),
        })
    }

    async fn show(&self, source: &Source, name: Option<&RendezvousName>, is_once: bool) -> Result<(), Failure> {
        loop {
            let overviews = self.overviews(source, name).await?;
            let mut out = io::stdout().lock();
            let written = if self.json {
                let all = Overviews { rendezvous: overviews };
                writeln!(out, "{}", serde_json::to_string_pretty(&all).context("no JSON")?)
            } else if is_once {
                write!(out, "{}", shown::text(&overviews, WIDTH))
            } else {
                screen::draw(&mut out, &shown::text(&overviews, screen::width()))
            };
            drop(out);
            match written {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.context("the output cannot be written")?,
            }
            if is_once {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn overviews(&self, source: &Source, name: Option<&RendezvousName>) -> Result<Vec<Overview>, Failure> {
        match source {
            Source::Log(follower, measuring) => {
                let names = name.map_or_else(|| follower.names(), |name| vec![name.clone()]);
                let mut overviews = Vec::new();
                for name in names {
                    let versions =
                        follower.now(&name).ok_or_else(|| anyhow::anyhow!("there is no rendezvous `{name}`"))?;
                    let live = Arc::clone(versions.live());
                    let overview = measuring.overview(&live, self.over).await;
                    overviews.push(overview.with_context(|| format!("what was counted of {name} cannot be read"))?);
                }
                Ok(overviews)
            }
            Source::Door(client, at) => {
                let query = [("window_s", self.over.as_secs().to_string())];
                let path = ["api", "v1", "rendezvous"].into_iter().chain(name.map(RendezvousName::as_str));
                let path: Vec<&str> = path.collect();
                let text = asking::get(client, at, &path, &query, "application/json").await?;
                let unread = || format!("{at} does not answer as this version of hedgerow does");
                Ok(match name {
                    Some(_) => vec![serde_json::from_str(&text).with_context(unread)?],
                    None => serde_json::from_str::<Overviews>(&text).with_context(unread)?.rendezvous,
                })
            }
        }
    }
}
