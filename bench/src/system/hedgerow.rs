//! The system under test: every station in this process, on Kafka or on the embedded bus.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bus::{BoxFuture, Bus, Clock, Event, StartAt, TopicPartition};
use bytes::Bytes;
use collector::Traces;
use executors::ExecutorsStation;
use hedgerow::{
    app::{App, Role, Running},
    station::Station,
};
use policies::{Definition, Versions};
use prometheus_client::registry::Registry;
use starter::{RawInput, Refusal, Starter};
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use wire::{RequestId, ResultKind, TopicReader, Topics};

use super::{Answer, System, Tally, fresh};
use crate::{
    cpu::Whose,
    measure::as_f64,
    system::counter::{COUNTER, counting},
    work::{AMPLE, BODY, CANDIDATES, PARTITIONS, PATIENCE, Work},
};

/// What is asked of a rendezvous.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Who takes how long.
    pub(crate) work: Work,
    /// How long an answer may take.
    pub(crate) budget: Duration,
    /// Whether a canary and a decoy hear every request too.
    pub(crate) audience: bool,
    /// Whose answers make a result.
    pub(crate) voting: Voting,
}

/// Whose answers make a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Voting {
    /// All three candidates must agree, so that the collector waits for each, as the other systems do.
    #[default]
    All,
    /// There is one executor.
    One,
    /// There is one, and a spare that starts when the first is slower than 95 of 100 times.
    Spare,
    /// There are two that start at once, and the first answer is taken.
    FirstOfTwo,
    /// There is one, and requests are about keys, of which it knows nothing.
    Forgetful,
    /// There is one, and it keeps a count of each key's requests.
    Remembering,
}

/// A rendezvous that runs.
pub(crate) struct Hedgerow {
    bus: Arc<dyn Bus>,
    definition: Arc<Definition>,
    starter: Starter,
    running: Mutex<Option<Stations>>,
    metrics: Registry,
    order: Order,
    asked: AtomicU64,
}

/// Its stations.
struct Stations {
    app: Running,
    /// Those with executors of our own making, and what stops them.
    executors: Option<(Station, CancellationToken)>,
    _archive: TempDir,
}

/// So many keys are asked about in turn.
const KEYS: u64 = 1_000;
/// Longer than any retry of a result's writer at the rates measured here.
const WINDOW: usize = 4_000_000;

// === impl Order ===

impl Default for Order {
    /// What takes no time, and never runs out of it.
    fn default() -> Self {
        Self { work: Work::Nothing, budget: AMPLE, audience: false, voting: Voting::All }
    }
}

impl Order {
    fn is_keyed(self) -> bool {
        matches!(self.voting, Voting::Forgetful | Voting::Remembering)
    }

    fn policy(self, name: &str) -> String {
        let Self { work, budget, audience, .. } = self;
        let (budget, concurrency) = (format!("{}ms", budget.as_millis()), work.concurrency());
        let (asked, decide) = match self.voting {
            Voting::All => (&CANDIDATES[..], "agree: { votes: 3, on: [class] }"),
            Voting::One | Voting::Forgetful | Voting::Remembering => (&CANDIDATES[..1], "first: any"),
            Voting::Spare | Voting::FirstOfTwo => (&CANDIDATES[..2], "first: any"),
        };
        let executors = asked.iter().enumerate().map(|(place, name)| {
            let is_spare = self.voting == Voting::Spare && place > 0;
            let start = if is_spare { ", start: { after: p95, min: 1ms, max: 30ms, otherwise: 20ms }" } else { "" };
            match self.voting {
                Voting::Remembering => format!("  {name}: {{ rust: {COUNTER}, state: {{}} }}\n"),
                _ => format!("  {name}: {{ echo: {{}}, concurrency: {concurrency}{start} }}\n"),
            }
        });
        let executors: String = executors.collect();
        let (canary, decoy) = if audience {
            ("  d: { echo: {}, canary: { of: a } }\n", "decoy: { archive: archive, every: 60s, keep: 1d }\n")
        } else {
            ("", "")
        };
        let (attributes, key) =
            if self.is_keyed() { (", attributes: [about]", "key: attributes.about\n") } else { ("", "") };
        format!(
            "rendezvous: {name}\nbudget: {budget}\ninput: {{ features: [x, class]{attributes} }}\n{key}answer: {{ value: class }}\n\
             executors:\n{executors}{canary}{decoy}\
             decide:\n  - {decide}\n    until: {budget}\n  - default: {{ class: -1 }}\n"
        )
    }
}

// === impl Hedgerow ===

impl Hedgerow {
    pub(crate) async fn start(bus: &Arc<dyn Bus>, clock: &Clock, order: Order) -> anyhow::Result<Self> {
        Self::traced(bus, clock, order, None).await
    }

    /// The same, handing traces over if anybody wants them.
    pub(crate) async fn traced(
        bus: &Arc<dyn Bus>,
        clock: &Clock,
        order: Order,
        traces: Option<Traces>,
    ) -> anyhow::Result<Self> {
        let definition = Arc::new(Definition::parse("bench", &order.policy(&fresh("bench")))?);
        let versions = watch::channel(Arc::new(Versions::only(Arc::clone(&definition)))).1;
        let archive = tempfile::tempdir()?;
        let app = App {
            data: archive.path().to_owned(),
            kinds: counting(),
            traces: traces.clone(),
            ..App::new(Arc::clone(bus), clock.clone(), versions.clone(), watch::channel(Arc::default()).1, PARTITIONS)
        };
        let mut roles = vec![Role::Collector, Role::Starter];
        roles.extend(order.work.loader().is_none().then_some(Role::Executors));
        roles.extend(order.audience.then_some(Role::Decoy));
        let mut registry = Registry::default();
        let app = app.start(&roles, &mut registry).await?;
        let starter = app.starter.clone().context("the starter is among the stations")?;
        let mut executors = None;
        if let Some(loader) = order.work.loader() {
            let (bus, clock) = (Arc::clone(bus), clock.clone());
            let metrics = Arc::new(executors::Metrics::default());
            let (base, sampling) = (PathBuf::new(), traces.as_ref().map(|traces| traces.sampling));
            let models = watch::channel(Arc::default()).1;
            let kinds = executors::Kinds::default();
            let station = ExecutorsStation { bus, clock, versions, models, base, only: None, metrics, kinds, sampling };
            let stop = CancellationToken::new();
            let run = move |stop, ready| executors::run_with(station, loader, stop, ready);
            let mut station = Station::start("executors", &stop, run)?;
            station.ready().await?;
            executors = Some((station, stop));
        }
        Ok(Self {
            bus: Arc::clone(bus),
            definition,
            starter,
            running: Mutex::new(Some(Stations { app, executors, _archive: archive })),
            metrics: registry,
            order,
            asked: AtomicU64::new(0),
        })
    }

    /// Returns what it decides by.
    pub(crate) fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }
}

impl System for Hedgerow {
    fn name(&self) -> &'static str {
        match self.order.voting {
            Voting::All if self.bus.is_in_process() => "hedgerow, embedded",
            Voting::All => "hedgerow",
            Voting::One => "hedgerow, one executor",
            Voting::Spare => "hedgerow, a spare after p95",
            Voting::FirstOfTwo => "hedgerow, first of two",
            Voting::Forgetful => "hedgerow, without state",
            Voting::Remembering => "hedgerow, with state",
        }
    }

    fn whose(&self) -> Whose {
        if self.bus.is_in_process() { Whose::Own } else { Whose::All }
    }

    fn ask(&self) -> BoxFuture<'static, Answer> {
        let starter = self.starter.clone();
        let about = self.order.is_keyed().then(|| self.asked.fetch_add(1, Ordering::Relaxed) % KEYS);
        Box::pin(async move {
            let attributes = about.map(|about| ("about".to_owned(), about.to_string().into())).into_iter().collect();
            let input = RawInput { body: Bytes::from_static(BODY), attributes, ..RawInput::default() };
            match starter.ask(input).await {
                Ok(answered) if answered.result.kind == ResultKind::Prediction => Answer::Prediction,
                Ok(_) => Answer::Default,
                Err(Refusal::Shed { .. }) => Answer::Shed,
                Err(_) => Answer::Nothing,
            }
        })
    }

    /// What executors worked for, and what later starts were good for, as the collector counts it.
    fn tells(&self, asked: u64) -> Vec<(&'static str, f64)> {
        if self.order.voting == Voting::All || self.order.is_keyed() {
            return Vec::new();
        }
        let of = |name: &str, label: &str| counted(&self.metrics, name, label);
        let per_thousand = 1_000.0 / as_f64(asked.max(1));
        let (won, in_vain) = (of("hedgerow_hedges_total", "won"), of("hedgerow_hedges_total", "in_vain"));
        let saved = of("hedgerow_hedge_saved_seconds_sum", "") / of("hedgerow_hedge_saved_seconds_count", "").max(1.0);
        vec![
            ("useful_ms_per_1000", of("hedgerow_useful_executor_seconds_total", "") * 1e3 * per_thousand),
            ("wasted_ms_per_1000", of("hedgerow_wasted_executor_seconds_total", "") * 1e3 * per_thousand),
            ("spares_started_per_1000", (won + in_vain) * per_thousand),
            ("spares_won_per_1000", won * per_thousand),
            ("saved_ms_each", saved * 1e3),
        ]
    }

    fn stop(&self) -> BoxFuture<'_, anyhow::Result<Option<Tally>>> {
        Box::pin(async {
            let tally = tally(&self.bus, &self.definition).await?;
            let stations = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(Stations { app, executors, .. }) = stations {
                app.stop().await?;
                if let Some((station, stop)) = executors {
                    stop.cancel();
                    station.ended().await?;
                }
            }
            Ok(Some(tally))
        })
    }
}

/// Returns the sum of the series of this name that have `label` among their labels.
pub(super) fn counted(metrics: &Registry, name: &str, label: &str) -> f64 {
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, metrics).is_err() {
        return 0.0;
    }
    let of_this_name = |line: &&str| line.split(['{', ' ']).next() == Some(name) && line.contains(label);
    let values = text.lines().filter(of_this_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    // The sum of nothing would be -0.
    values.fold(0.0, |sum, value| sum + value)
}

/// Reads the results as anybody would, from their first to their last. Read only now, reading does not weigh on what
/// is measured.
pub(super) async fn tally(bus: &Arc<dyn Bus>, definition: &Definition) -> anyhow::Result<Tally> {
    let topic = Topics::of(definition.name()).results;
    let mut tail = bus.tail().await?;
    let mut ends = HashMap::new();
    for partition in 0..bus.partitions(&topic).await? {
        let partition = TopicPartition::new(&topic, partition);
        let span = bus.span(&partition).await?;
        if span.end > span.start {
            tail.start(&partition, StartAt::Beginning)?;
            ends.insert(partition.partition, span.end);
        }
    }
    let (mut reader, mut counts) = (TopicReader::new(WINDOW), HashMap::<RequestId, u64>::new());
    while !ends.is_empty() {
        let Event::Records(records) = timeout(PATIENCE, tail.next()).await?? else { continue };
        for received in records {
            let partition = received.partition.partition;
            if let Some(result) = reader.read(partition, &received.record).standing() {
                *counts.entry(result.request).or_default() += 1;
            }
            if ends.get(&partition).is_some_and(|end| received.offset + 1 >= *end) {
                ends.remove(&partition);
            }
        }
    }
    tail.close(Vec::new()).await;
    let answered = counts.len() as u64;
    Ok(Tally { answered, second: counts.values().sum::<u64>() - answered })
}
