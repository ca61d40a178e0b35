//! `hedgerow demo`: the wine rows through four real models, a canary and a decoy, and what came of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bus::Clock;
use clap::Args;
use executors::Kinds;
use indicatif::{ProgressBar, ProgressStyle};
use prometheus_client::registry::Registry;
use starter::{AdmissionKind, Answered, Limits, RawInput, Refusal, Starter};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wire::{Budget, RequestId};

use super::{Failure, control::whoever_calls};
use crate::{
    app::{self, App, Role, Running},
    load::{Finished, Latencies, Pace},
    observer::{Observed, Observer},
    settings::BusArgs,
};

mod replacing;
mod reports;
mod summary;
mod wine;

use replacing::Replacement;
use reports::Reports;
use summary::Summary;
use wine::Wines;

/// Streams the wine data through the rendezvous.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hedgerow demo\n  hedgerow demo --requests 100000 --rate 5000\n  \
    hedgerow demo --reports reports              three canaries, and a page about each\n  \
    hedgerow demo --policy a.yaml --inputs inputs.jsonl --then b.yaml\n  \
    hedgerow demo --brokers localhost:9092 --json")]
pub(super) struct Demo {
    /// How many requests; the 178 rows are sent again and again
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    requests: u64,

    /// How many a second
    #[arg(long, default_value_t = 1_000, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// Another policy than the one that ships; its input has the wine features, or there is `--inputs`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Ask about these inputs, one JSON object a line, again and again, instead of the wines
    #[arg(long, value_name = "FILE", requires = "policy")]
    inputs: Option<PathBuf>,

    /// Apply this policy once half of the requests are answered: another version of the first one, in the same folder
    #[arg(long, value_name = "FILE", requires = "policy")]
    then: Option<PathBuf>,

    /// Compare canaries, of `policies/wine-canaries.yaml` unless another policy is named, and write a page about each into
    /// this folder (HTML, Markdown, JSON). Asks about wines that no model has seen, and tells what they were, unless there
    /// is `--inputs`; with `--then` it compares what the second policy does
    #[arg(long, value_name = "DIR")]
    reports: Option<PathBuf>,

    /// Keep the decoy's archive in this folder instead of deleting it at the end
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,

    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    bus: BusArgs,
}

/// How long behind its deadline a result is awaited.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long nothing may come of what is still on its way when the last request is answered: late canaries, the archive.
const SETTLE: Duration = Duration::from_secs(5);

impl Demo {
    pub(super) fn run(&self, kinds: &Kinds) -> Result<ExitCode, Failure> {
        let folder = TempDir::with_prefix("hedgerow-demo-").context("no temporary folder for the demo")?;
        let shipped = wine::unpack(folder.path(), self.reports.is_some())?;
        let (definition, models) = super::load(self.policy.as_deref().unwrap_or(&shipped))?;
        let wines = self.wines().map_err(Failure::Refused)?;
        let clock = Clock::system();
        super::runtime()?.block_on(async {
            let bus = self.bus.open(&clock).map_err(Failure::Refused)?;
            let data = self.archive.clone().unwrap_or_else(|| folder.path().to_owned());
            let partitions = self.bus.partitions;
            // What comes late on a slow machine is counted as late, not as missing, nor is it shed.
            let limits = Limits { grace: PATIENCE, admission: AdmissionKind::Fixed, ..Limits::default() };
            let stop = CancellationToken::new();
            let follower = app::follow(&bus, &clock, &mut Registry::default(), &stop, std::future::ready(())).await?;
            let follower = follower.context("nobody stops the demo so early")?;
            let versions = follower.ensure_first(&definition, &whoever_calls(), "the demo's policy").await;
            let versions = versions.context("the demo's policy has no version")?;
            let (published, kinds) = (follower.models(), kinds.clone());
            let then = self.then.as_deref().map(|file| {
                let half = self.requests / 2;
                Replacement::read(file, (&definition, &models), follower.clone(), half).map_err(Failure::Refused)
            });
            let then = then.transpose()?;
            let app = App { models, data, limits, kinds, ..App::new(bus, clock, versions, published, partitions) };
            let summary = self.stream(&app, wines, then).await?;
            println!("{}", if self.json { summary.json() } else { summary.table() });
            Ok(if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }

    /// Returns what is asked about.
    fn wines(&self) -> anyhow::Result<Arc<Wines>> {
        Ok(Arc::new(match &self.inputs {
            Some(file) => Wines::lines(file)?,
            None if self.reports.is_some() => Wines::drawn(),
            None => Wines::rows(),
        }))
    }

    async fn stream(&self, app: &App, wines: Arc<Wines>, mut then: Option<Replacement>) -> anyhow::Result<Summary> {
        let roles = [Role::Collector, Role::Executors, Role::Decoy, Role::Starter];
        let since = app.clock.now();
        let running = app.start(&roles, &mut Registry::default()).await?;
        let starter = running.starter.clone().context("the demo runs a starter")?;
        let watching = CancellationToken::new();
        let observer = Observer::start(&app.bus, &app.definition(), app.clock.now(), watching.clone()).await?;
        let tally = self.send(&starter, &wines, app.definition().budget, &running, &mut then).await;
        if let Some(then) = then {
            then.done().await?;
        }
        settle(&observer, &tally, app.definition().executors.len()).await;
        running.stop().await?;
        watching.cancel();
        let summary = observer.look(|observed| tally.summary(observed, &app.bus.describe(), app.definition().budget));
        let canaries = match &self.reports {
            Some(folder) => {
                let told = |(id, number): &(RequestId, u64)| Some((*id, wines.class(*number)?));
                let truths = tally.accepted.iter().filter_map(told).collect();
                let command = self.command(folder);
                Reports { folder, since, truths, command }.write(app).await?
            }
            None => Vec::new(),
        };
        Ok(Summary { canaries, ..summary })
    }

    async fn send(
        &self,
        starter: &Starter,
        wines: &Arc<Wines>,
        budget: Budget,
        running: &Running,
        then: &mut Option<Replacement>,
    ) -> Tally {
        let (asking, wines) = (starter.clone(), Arc::clone(wines));
        let pace = Pace { rate: self.rate, count: self.requests };
        let mut finished = pace.drive(move |index| {
            let (starter, body) = (asking.clone(), wines.body(index));
            async move { starter.ask(RawInput { body, ..RawInput::default() }).await }
        });
        let progress = self.progress();
        let mut tally = Tally::new(self.requests);
        let mut shown = Instant::now();
        loop {
            let finished = tokio::select! {
                finished = finished.recv() => finished,
                () = running.stop.cancelled() => None,
            };
            let Some(finished) = finished else { break };
            tally.add(finished, budget);
            if let Some(then) = then {
                then.on_answers(tally.finished());
            }
            if shown.elapsed() > Duration::from_millis(100) {
                progress.set_position(tally.finished());
                progress.set_message(tally.line());
                shown = Instant::now();
            }
        }
        progress.finish_and_clear();
        tally
    }

    /// Returns what makes the same reports again.
    fn command(&self, folder: &Path) -> String {
        let files = [("--policy", &self.policy), ("--inputs", &self.inputs), ("--then", &self.then)];
        let named = files.into_iter().filter_map(|(flag, file)| Some(format!(" {flag} {}", file.as_ref()?.display())));
        format!("hedgerow demo --reports {}{}", folder.display(), named.collect::<String>())
    }

    fn progress(&self) -> ProgressBar {
        let bar = if self.json { ProgressBar::hidden() } else { ProgressBar::new(self.requests) };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}").expect("the template is a constant");
        bar.with_style(style)
    }
}

/// Waits until everybody has said everything about every request, or nothing more has come for a while.
async fn settle(observer: &Observer, tally: &Tally, executors: usize) {
    let come = |observed: &Observed| {
        let responses: u64 = observed.responses.values().map(|(answers, failures)| answers + failures).sum();
        (observed.results.len() as u64, responses)
    };
    let expected = tally.accepted.len() as u64;
    let is_complete = |(results, responses)| results >= expected && responses >= expected * executors as u64;
    loop {
        let before = observer.look(come);
        let more = observer.until(|observed| come(observed) != before);
        // Whoever is still missing after that is counted as missing.
        if is_complete(before) || tokio::time::timeout(SETTLE, more).await.is_err() {
            return;
        }
    }
}

/// What the callers got.
#[derive(Debug)]
struct Tally {
    requested: u64,
    within_budget: u64,
    /// With their numbers.
    accepted: Vec<(RequestId, u64)>,
    refused: BTreeMap<&'static str, u64>,
    /// From the intended instant to the answer.
    latencies: Latencies,
}

impl Tally {
    fn new(requested: u64) -> Self {
        let latencies = Latencies::default();
        Self { requested, within_budget: 0, accepted: Vec::new(), refused: BTreeMap::new(), latencies }
    }

    fn add(&mut self, finished: Finished<Result<Answered, Refusal>>, budget: Budget) {
        match finished.outcome {
            Ok(answered) => {
                self.accepted.push((answered.id, finished.index));
                self.within_budget += u64::from(finished.latency <= budget.as_duration());
                self.latencies.record(finished.latency);
            }
            Err(refusal) => *self.refused.entry(kind(&refusal)).or_default() += 1,
        }
    }

    fn finished(&self) -> u64 {
        self.accepted.len() as u64 + self.refused.values().sum::<u64>()
    }

    fn line(&self) -> String {
        let share = 100.0 * crate::load::share(self.within_budget, self.finished());
        format!("in budget {share:.2} %  p50 {:.2} ms  p99 {:.2} ms", self.quantile_ms(0.5), self.quantile_ms(0.99))
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latencies.quantile(quantile).as_secs_f64() * 1_000.0
    }

    fn summary(&self, observed: &Observed, bus: &str, budget: Budget) -> Summary {
        let got = self.accepted.iter().filter(|(id, _)| observed.results.contains_key(id)).count() as u64;
        Summary {
            bus: bus.to_owned(),
            budget: budget.to_string(),
            requests: self.requested,
            results: got,
            missing: self.requested - got,
            second: observed.second(),
            within_budget_share: crate::load::share(self.within_budget, self.requested),
            p50_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
            decided_by: observed.decided_by.clone(),
            chosen: observed.chosen.clone(),
            in_time: observed.in_time.clone(),
            models: observed.models.clone(),
            responses: observed.responses.clone(),
            canary_agreement: observed.canary_agreement(),
            refused: self.refused.clone(),
            canaries: Vec::new(),
        }
    }
}

fn kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Invalid(_) => "the input was invalid",
        Refusal::NotLive { .. } => "another version was live",
        Refusal::Conflict { .. } => "the key was taken",
        Refusal::Shed { .. } => "too many requests were in hand",
        Refusal::Unavailable(_) => "the log could not be written",
        Refusal::NoResult { .. } => "no result came",
    }
}
