//! Shows that a canary changes nothing: blocks of the same requests without one, and with canaries that hang, are slow
//! and crash, as edits of one rendezvous that runs; then every result is compared, and all are audited.
//!
//! It is real wherever a canary could do harm: stations, log, executors and HTTP are those of production. Only the
//! servers that answer are this process' own, as only they can be told to be ill.

mod judge;
mod models;
mod schedule;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use bus::{Bus, Clock};
use canary::Interval;
use control::{Follower, Outcome};
use policies::{Definition, ResultBody};
use prometheus_client::registry::Registry;
use serde::Serialize;
use starter::{AdmissionKind, Answered, Limits, RawInput, Refusal, Starter};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, ExecutorId, RendezvousName, Role};

use crate::{
    app::{self, App},
    auditing::Audit,
    load::Pace,
    observer::Observer,
    timekeeping,
};
use judge::Seen;
use models::{Ill, Models};
use schedule::{Inputs, Texts};

pub use judge::{KindTold, TimeTold};
pub use schedule::Kind;

/// What is to be tried, and how hard.
#[derive(Clone, Debug)]
pub struct SelfTest {
    /// A policy's text and the folder that its paths start from; without one, a small one that ships.
    pub policy: Option<(String, PathBuf)>,
    /// Requests a second.
    pub rate: u32,
    /// How long is asked in all.
    pub length: Duration,
    /// How often each kind of canary has its turn.
    pub rounds: u32,
    /// How many bytes every eighth input has, and every answer of a canary that says much.
    pub payload: usize,
    /// Partitions of its topics.
    pub partitions: i32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Whether the canaries changed anything.
    pub changed: bool,
    /// The same in a sentence, with the numbers.
    pub verdict: String,
    /// Which log carried it.
    pub bus: String,
    /// Under which name it ran; its topics begin with it.
    pub rendezvous: String,
    /// Requests a second.
    pub rate: u32,
    /// How many bytes every eighth input had.
    pub payload: usize,
    /// What blocks came to by kind; those without a canary first.
    pub kinds: Vec<KindTold>,
    /// What canaries of each sort said: answers and failures. Who hangs or is slow may have been given up without a word.
    pub canaries: BTreeMap<String, (u64, u64)>,
    /// What reading all topics again came to.
    pub audit: AuditTold,
}

/// What reading all topics again came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AuditTold {
    /// Whether each request that was taken in has exactly one result.
    pub ok: bool,
    /// Requests that were taken in.
    pub accepted: u64,
    /// Those with a result.
    pub results: u64,
    /// Those without.
    pub missing: u64,
    /// Results that are one too many.
    pub second: u64,
}

/// The rendezvous as it runs.
struct Running<'run> {
    test: &'run SelfTest,
    name: RendezvousName,
    follower: Follower,
    starter: Starter,
    versions: tokio::sync::watch::Receiver<Arc<policies::Versions>>,
    texts: Texts,
    inputs: Inputs,
    models: Models,
}

/// The policy that ships.
pub const POLICY: &str = include_str!("self_test/policy.yaml");
/// What it calls its servers before they have addresses.
const SERVERS: &str = "http://server.invalid";
/// Between blocks, so that what one of them left behind is not the next one's: as long as a budget, but no longer.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// What comes late on a slow machine is late, not missing.
const PATIENCE: Duration = Duration::from_secs(30);
/// A slow canary answers after the budget, times this.
const SLOWER: f64 = 1.25;

// === impl SelfTest ===

impl SelfTest {
    /// Runs all blocks; `progress` is told how many of how many have ended.
    pub async fn run(
        &self,
        bus: Arc<dyn Bus>,
        clock: Clock,
        mut progress: impl FnMut(usize, usize),
    ) -> anyhow::Result<Shown> {
        let stop = CancellationToken::new();
        let _stopped = stop.clone().drop_guard();
        timekeeping::keep(&bus, &stop).await;
        let (definition, models) = self.first()?;
        let folder = TempDir::with_prefix("hedgerow-self-test-").context("no temporary folder")?;
        let name = RendezvousName::new(&format!("{}-self-test-{}", definition.name(), clock.now().as_micros()))?;
        let text = self.text(&models);
        let reference = definition.executors.iter().find(|spec| spec.role == Role::Candidate);
        let reference = reference.map(|spec| &spec.id).map(ExecutorId::as_str);
        let texts = Texts::new(&text, name.as_str(), reference).context("canaries cannot be added to this policy")?;
        let first = Definition::parse("the self-test's policy", &texts.of(Kind::Without, &models));
        let first = Arc::new(first.map_err(anyhow::Error::new)?);
        let follower = app::follow(&bus, &clock, &mut Registry::default(), &stop, std::future::ready(())).await?;
        let follower = follower.context("nobody stops it so early")?;
        let versions = follower.ensure_first(&first, "hedgerow", "the self-test's policy").await?;
        let app = App {
            models: self.policy.as_ref().map_or_else(PathBuf::new, |(_, folder)| folder.clone()),
            data: folder.path().to_owned(),
            limits: Limits { grace: PATIENCE, admission: AdmissionKind::Fixed, ..Limits::default() },
            // Without a history: nothing is to be done about canaries that are made to fail.
            ..App::new(Arc::clone(&bus), clock.clone(), versions.clone(), follower.models(), self.partitions)
        };
        let roles =
            [app::Role::Collector, app::Role::Executors, app::Role::Decoy, app::Role::Comparison, app::Role::Starter];
        let stations = app.start(&roles, &mut Registry::default()).await?;
        let names = |all: &[Arc<str>]| all.iter().map(ToString::to_string).collect();
        let (features, members) = (names(&first.input.features), names(&first.input.texts));
        let running = Running {
            test: self,
            name: name.clone(),
            follower,
            starter: stations.starter.clone().context("it runs a starter")?,
            versions,
            texts,
            inputs: Inputs { features, texts: members, payload: self.payload },
            models,
        };
        let observer = Observer::start(&bus, &first, clock.now(), stop.clone()).await?;
        let seen = running.all_blocks(&stations.stop, &mut progress).await;
        let audit = running.audit(&*bus, &clock).await;
        stations.stop().await?;
        let canaries = observer.look(|observed| by_sort(&observed.responses));
        let shown = self.shown(judge::judge(&seen?), audit?, &bus.describe(), &name);
        Ok(Shown { canaries, ..shown })
    }

    /// Returns the policy as it was given, to know its budget, and the servers that go by it.
    fn first(&self) -> anyhow::Result<(Definition, Models)> {
        let text = self.policy.as_ref().map_or(POLICY, |(text, _)| text);
        let definition = Definition::parse("the self-test's policy", text).map_err(anyhow::Error::new)?;
        let slow = definition.budget.as_duration().mul_f64(SLOWER);
        let models = Models::start(slow, self.payload)?;
        Ok((definition, models))
    }

    /// Returns the policy with the addresses of the servers that are well, wherever it names them.
    fn text(&self, models: &Models) -> String {
        self.policy.as_ref().map_or(POLICY, |(text, _)| text).replace(SERVERS, &models.url())
    }

    pub(crate) fn shown(&self, kinds: Vec<KindTold>, audit: AuditTold, bus: &str, name: &RendezvousName) -> Shown {
        let changed = !audit.ok || kinds.iter().any(|kind| !kind.changed.is_empty());
        Shown {
            changed,
            verdict: verdict(&kinds, audit),
            bus: bus.to_owned(),
            rendezvous: name.to_string(),
            rate: self.rate,
            payload: self.payload,
            kinds,
            canaries: BTreeMap::new(),
            audit,
        }
    }
}

/// Returns the responses of canaries by what is wrong with them: their names begin with it.
fn by_sort(responses: &BTreeMap<String, (u64, u64)>) -> BTreeMap<String, (u64, u64)> {
    let mut sorts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (executor, (answers, failures)) in responses {
        let sort = Ill::ALL.into_iter().map(Ill::name).find(|sort| executor.starts_with(&format!("{sort}-")));
        if let Some(sort) = sort {
            let sum = sorts.entry(sort.to_owned()).or_default();
            *sum = (sum.0 + answers, sum.1 + failures);
        }
    }
    sorts
}

/// Returns what it all comes to, in a sentence.
fn verdict(kinds: &[KindTold], audit: AuditTold) -> String {
    if !audit.ok {
        let AuditTold { missing, second, .. } = audit;
        return format!("results were lost or given twice: {missing} are missing, {second} are one too many");
    }
    let changed: Vec<String> = kinds.iter().flat_map(|kind| kind.changed.iter().map(|what| of(kind, what))).collect();
    if !changed.is_empty() {
        return format!("canaries changed something: {}", changed.join("; "));
    }
    let (requests, same) = kinds.iter().fold((0, 0), |(all, same), kind| (all + kind.requests, same + kind.same));
    let results = if same == requests {
        format!("all {requests} results are the same as without one")
    } else {
        format!("{same} of {requests} results are the same, as many as without one")
    };
    let most = |of: fn(&KindTold) -> Option<f64>| {
        let all: Option<Vec<f64>> = kinds.iter().skip(1).map(of).collect();
        all.map(|all| all.into_iter().fold(0.0_f64, f64::max))
    };
    let times = match (most(|kind| kind.p99.difference.high), kinds.first()) {
        (Some(high), Some(without)) => {
            let noise = without.p99.noise;
            format!("p99 is at most {high:.1} ms higher, and blocks without a canary differ by {noise:.1} ms")
        }
        _ => "there were too few requests to say anything about p99".to_owned(),
    };
    format!("the canaries changed nothing: {results}, each given once; {times}")
}

fn of(kind: &KindTold, what: &str) -> String {
    let interval = |Interval { low, high }: Interval, unit: &str, times: f64| {
        let end = |end: Option<f64>| end.map_or_else(|| "…".to_owned(), |end| format!("{:.2}", end * times));
        format!("{} to {} {unit}", end(low), end(high))
    };
    let told = match what {
        "p50" => format!("p50 is {} higher", interval(kind.p50.difference, "ms", 1.0)),
        "p99" => format!("p99 is {} higher", interval(kind.p99.difference, "ms", 1.0)),
        _ => format!("{} of the results differ", interval(kind.differing_share, "%", 100.0)),
    };
    format!("with {} {told}", kind.kind.told())
}

// === impl Running ===

impl Running<'_> {
    async fn all_blocks(
        &self,
        stopped: &CancellationToken,
        progress: &mut impl FnMut(usize, usize),
    ) -> anyhow::Result<Vec<Seen>> {
        let (blocks, mut seen) = (Kind::blocks(self.test.rounds), Vec::new());
        let count = u32::try_from(blocks.len()).context("too many rounds")?;
        let requests = (self.test.length / count.max(1)).as_secs_f64() * f64::from(self.test.rate);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let requests = (requests as u64).max(1);
        for (block, kind) in blocks.iter().enumerate() {
            progress(block, blocks.len());
            self.edit(*kind).await?;
            self.ask(block, *kind, requests, &mut seen).await?;
            if stopped.is_cancelled() {
                bail!("a station ended");
            }
            tokio::time::sleep(self.versions.borrow().live().budget.as_duration().min(PAUSE_MAX)).await;
        }
        progress(blocks.len(), blocks.len());
        Ok(seen)
    }

    /// Makes the policy of `kind` live, as `hedgerow apply` would.
    async fn edit(&self, kind: Kind) -> anyhow::Result<()> {
        let text: Arc<str> = self.texts.of(kind, &self.models).into();
        let expected = {
            let versions = self.versions.borrow();
            if versions.live().text == text {
                return Ok(());
            }
            versions.newest()
        };
        let change =
            self.follower.change(&self.name, "hedgerow", kind.told(), Action::Apply(Apply::live(text, expected)));
        match self.follower.publish(change).await? {
            Outcome::Done(_) => Ok(()),
            refused @ Outcome::Refused(_) => bail!("the edit was refused: {refused:?}"),
        }
    }

    /// Asks every input of a block and adds what became of it.
    async fn ask(&self, block: usize, kind: Kind, requests: u64, seen: &mut Vec<Seen>) -> anyhow::Result<()> {
        let (starter, inputs) = (self.starter.clone(), self.inputs.clone());
        let mut finished = Pace { rate: self.test.rate, count: requests }.drive(move |input| {
            let (starter, body) = (starter.clone(), inputs.body(input));
            async move { starter.ask(RawInput { body, ..RawInput::default() }).await }
        });
        while let Some(finished) = finished.recv().await {
            let latency_ms = finished.latency.as_secs_f64() * 1_000.0;
            if let Err(refusal @ Refusal::Invalid(_)) = &finished.outcome {
                bail!("its requests are refused, with or without canaries: {refusal}; is `--payload` too large?");
            }
            let outcome = told(finished.outcome);
            seen.push(Seen { block, kind, input: finished.index, outcome, latency_ms });
        }
        Ok(())
    }

    async fn audit(&self, bus: &dyn Bus, clock: &Clock) -> anyhow::Result<AuditTold> {
        let audit = Audit {
            rendezvous: self.name.clone(),
            since: None,
            grace: PATIENCE,
            wait: PATIENCE,
            limits: audit::Limits::default(),
        };
        let newest = || Some(self.versions.borrow().newest());
        let report = audit.run(bus, clock, newest, |_, _| {}).await?;
        let counts = report.counts;
        let (missing, second) = (counts.missing, counts.second);
        Ok(AuditTold { ok: report.ok, accepted: counts.accepted, results: counts.results, missing, second })
    }
}

/// Returns what became of a request: equal texts mean the same result.
fn told(outcome: Result<Answered, Refusal>) -> String {
    match outcome {
        Ok(answered) => match serde_json::from_slice::<ResultBody>(&answered.result.body) {
            Ok(body) => {
                let (kind, by) = (answered.result.kind, body.decision.decided_by);
                format!("{} ({kind:?}, decided by {by:?})", body.answer)
            }
            Err(error) => format!("a result that cannot be read: {error}"),
        },
        Err(refusal) => format!("refused: {refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_that_ships_comes_true() {
        let definition = Definition::parse("self_test/policy.yaml", POLICY).unwrap();
        let failed: Vec<_> = definition.play_examples().into_iter().filter(|outcome| !outcome.passed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
