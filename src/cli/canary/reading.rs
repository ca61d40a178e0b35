//! Where reports come from: what the station wrote down, the log compared anew, or a process that serves them.

use std::{path::Path, sync::Arc, time::Duration};

use ::policies::Versions;
use anyhow::{Context as _, anyhow};
use bus::{Bus, Clock};
use canary::Report;
use comparison::Compared;
use control::Follower;
use pages::canary::{Made, html, markdown, text};
use wire::{ExecutorId, RendezvousName};

use super::{
    super::{
        Failure, asking,
        control::{Control, Reach, client},
        learn,
        progress::Progress,
        screen,
    },
    report::Format,
};
use crate::canaries::{EXAMPLES_WITHIN, Examples, Listed, Replay, examples};

/// The reports about one rendezvous' canaries.
pub(super) struct Reports {
    pub(super) rendezvous: RendezvousName,
    source: Source,
}

enum Source {
    /// A process.
    Door { client: reqwest::Client, at: String },
    /// The log.
    Log {
        bus: Arc<dyn Bus>,
        clock: Clock,
        follower: Follower,
        /// What was compared anew; else what the station wrote down is read each time.
        anew: Option<Compared>,
        /// How far back the requests behind the numbers are looked for.
        within: Duration,
    },
}

/// What is compared anew.
pub(super) struct Anew<'run> {
    /// How far back.
    pub(super) since: Duration,
    /// What turned out to be true.
    pub(super) truth: Option<&'run Path>,
}

/// A process that reads its comparison takes no longer.
const READ_WITHIN: Duration = Duration::from_mins(1);

// === impl Reports ===

impl Reports {
    /// Opens the way to what was compared of the rendezvous `name`.
    pub(super) async fn open(reach: &Reach, name: &str) -> Result<Self, Failure> {
        let rendezvous = super::super::control::rendezvous(name)?;
        Self::beside(&reach.open().await?, reach, rendezvous)
    }

    /// Opens it where `control` is reached already.
    pub(super) fn beside(control: &Control, reach: &Reach, rendezvous: RendezvousName) -> Result<Self, Failure> {
        let source = match control {
            Control::Door { at, .. } => {
                let client = client()?.timeout(READ_WITHIN).build().context("no HTTP client")?;
                Source::Door { client, at: at.clone() }
            }
            Control::Log(follower) => {
                let clock = Clock::system();
                let bus = reach.bus_args().open(&clock).map_err(Failure::Refused)?;
                Source::Log { bus, clock, follower: follower.clone(), anew: None, within: EXAMPLES_WITHIN }
            }
        };
        Ok(Self { rendezvous, source })
    }

    /// Compares a stretch of the log anew; from then on that is reported.
    pub(super) async fn compare_anew(&mut self, Anew { since, truth }: &Anew<'_>) -> Result<(), Failure> {
        let versions = self.versions();
        let Source::Log { bus, clock, anew, within, .. } = &mut self.source else {
            return Err(Failure::Refused(anyhow!("--truth and --since read the log: name it with --brokers")));
        };
        let versions = versions?;
        let truths = truth.map(|file| learn::truths(file, versions.live())).transpose().map_err(Failure::Refused)?;
        let replay = Replay { versions, since: clock.now().before(*since), truths };
        let mut progress = Progress::new();
        let compared = replay.run(&**bus, clock, |read, total| progress.show(read, total)).await;
        drop(progress);
        (*anew, *within) = (Some(compared.map_err(anyhow::Error::from)?), *since);
        Ok(())
    }

    /// Returns every canary that is compared, in the policy's order.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<Listed>> {
        match &self.source {
            Source::Door { at, .. } => {
                let text = self.get(&["canaries"], "application/json").await?;
                serde_json::from_str(&text).with_context(|| unlike(at))
            }
            Source::Log { .. } => {
                let (compared, versions) = self.read().await?;
                Ok(compared.reports(versions.live()).into_iter().map(Listed::from).collect())
            }
        }
    }

    /// Returns the report about one.
    pub(super) async fn report(&self, canary: &ExecutorId) -> anyhow::Result<Report> {
        match &self.source {
            Source::Door { at, .. } => {
                let text = self.get(&["canaries", canary.as_str()], "application/json").await?;
                serde_json::from_str(&text).with_context(|| unlike(at))
            }
            Source::Log { .. } => {
                let (compared, versions) = self.read().await?;
                let nobody = || format!("{} has no canary `{canary}`", self.rendezvous);
                compared.report(versions.live(), canary).with_context(nobody)
            }
        }
    }

    /// Returns `report` as it is printed.
    pub(super) async fn rendered(&self, report: &Report, format: Format) -> anyhow::Result<String> {
        Ok(match (format, &self.source) {
            (Format::Json, _) => serde_json::to_string(report)?,
            (Format::Markdown, _) => markdown(report),
            (Format::Text, _) => text(report, screen::width()),
            // The process looks for the requests behind the numbers.
            (Format::Html, Source::Door { .. }) => self.get(&["canaries", &report.canary], "text/html").await?,
            (Format::Html, Source::Log { bus, clock, within, .. }) => {
                let (versions, since) = (self.versions()?, clock.now().before(*within));
                let examples = examples(&**bus, versions.live(), report, since).await;
                let examples = examples.unwrap_or_else(|error| {
                    eprintln!("the requests behind the numbers are left out: {error}");
                    Examples::new()
                });
                let command = format!("hedgerow canary report {} {} --format html", self.rendezvous, report.canary);
                html(report, &examples, &Made { at: Some(clock.now()), command: Some(command) })
            }
        })
    }

    async fn read(&self) -> anyhow::Result<(Compared, Arc<Versions>)> {
        let versions = self.versions()?;
        let Source::Log { bus, anew, .. } = &self.source else { return Err(anyhow!("only a log is read")) };
        if let Some(compared) = anew {
            return Ok((compared.clone(), versions));
        }
        let read = comparison::read(&**bus, &self.rendezvous).await;
        let read = read.with_context(|| format!("is there a rendezvous `{}` on {}?", self.rendezvous, bus.describe()));
        Ok((read?, versions))
    }

    fn versions(&self) -> anyhow::Result<Arc<Versions>> {
        let Source::Log { follower, .. } = &self.source else { return Err(anyhow!("only a log is read")) };
        follower
            .now(&self.rendezvous)
            .with_context(|| format!("there is no policy of `{}` in the log", self.rendezvous))
    }

    async fn get(&self, below: &[&str], media: &'static str) -> anyhow::Result<String> {
        let Source::Door { client, at } = &self.source else { return Err(anyhow!("only a process is asked")) };
        let path = [&["api", "v1", "rendezvous", self.rendezvous.as_str()], below].concat();
        asking::get(client, at, &path, &[], media).await
    }
}

fn unlike(at: &str) -> String {
    format!("{at} does not answer as hedgerow would")
}

/// Reads the name of a canary.
pub(super) fn canary(name: &str) -> Result<ExecutorId, Failure> {
    ExecutorId::new(name).map_err(|error| Failure::Refused(anyhow!("no executor is called so: {error}")))
}
