//! What executors count: every response by its outcome, and the time it waited and took.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use wire::{ExecutorId, FailureKind, Reply};

use crate::{
    hedging::Fate,
    uses::{Tallies, Tally},
};

/// The counters of one process' executors.
#[derive(Debug)]
pub struct Metrics {
    responses: Family<OutcomeLabels, Counter>,
    lost: Family<ExecutorLabel, Counter>,
    depth: Family<ExecutorLabel, Gauge>,
    queued: Family<ExecutorLabel, Histogram, fn() -> Histogram>,
    scored: Family<ExecutorLabel, Histogram, fn() -> Histogram>,
    batch_size: Family<ExecutorLabel, Histogram, fn() -> Histogram>,
    batch_limit: Family<ExecutorLabel, Gauge>,
    failed_loads: Family<ExecutorLabel, Counter>,
    rehearsals: Family<ExecutorLabel, Counter>,
    differences: Family<ExecutorLabel, Counter>,
    /// What models did, version by version: told in the log, and not to Prometheus, whom so many labels would drown.
    pub(crate) uses: Tallies,
    pub(crate) requests: Counter,
    skipped: Family<SkippedLabel, Counter>,
    later: Family<OutcomeLabels, Counter>,
}

/// Why a record of `requests` was given to no executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// It is not a request; the collector puts it among the dead letters.
    Poison,
    /// It was long dead when it was read, or jumped over: not even its failure would interest anybody.
    Stale,
    /// It asks none of the executors here.
    NotAsked,
    /// It and others are gone from the log, or what was committed lies behind the log's end: counted once for all.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SkippedLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExecutorLabel {
    executor: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    executor: String,
    /// `answered`, or the failure's word on the wire.
    outcome: &'static str,
}

/// One executor's counters, found once instead of per response.
#[derive(Clone, Debug)]
pub(crate) struct ExecutorMetrics {
    answered: Counter,
    failed: Counter,
    abstained: Counter,
    expired: Counter,
    overloaded: Counter,
    /// Responses that the log did not take.
    pub(crate) lost: Counter,
    /// Requests that wait.
    pub(crate) depth: Gauge,
    /// Requests that may go into the next call.
    pub(crate) batch_limit: Gauge,
    queued: Histogram,
    scored: Histogram,
    batch_size: Histogram,
    rehearsals: Counter,
    differences: Counter,
    pub(crate) uses: Tally,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        Self {
            responses: Family::default(),
            lost: Family::default(),
            depth: Family::default(),
            queued: Family::new_with_constructor(seconds),
            scored: Family::new_with_constructor(seconds),
            batch_size: Family::new_with_constructor(sizes),
            batch_limit: Family::default(),
            failed_loads: Family::default(),
            rehearsals: Family::default(),
            differences: Family::default(),
            uses: Tallies::default(),
            requests: Counter::default(),
            skipped: Family::default(),
            later: Family::default(),
        }
    }
}

/// From 4 µs, what a small model takes, to 8 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_004, 2.0, 22))
}

/// From one request to as many as a queue holds.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 11))
}

impl Metrics {
    /// Makes everything here visible in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let name = |rest: &str| format!("hedgerow_executor_{rest}");
        registry.register(name("responses"), "Responses by executor and outcome", self.responses.clone());
        registry.register(name("lost"), "Responses that the log did not take", self.lost.clone());
        registry.register(name("queue_depth"), "Requests that wait for an executor", self.depth.clone());
        let (queued, scored) = ("Time from a request's fetch to its work", "Time the work took, of a batch as a whole");
        registry.register_with_unit(name("queued"), queued, Unit::Seconds, self.queued.clone());
        registry.register_with_unit(name("scored"), scored, Unit::Seconds, self.scored.clone());
        registry.register(name("batch_size"), "Requests in one call of an executor", self.batch_size.clone());
        let batch_limit = "Requests that may go into an executor's next call, as learned from what calls took";
        registry.register(name("batch_limit"), batch_limit, self.batch_limit.clone());
        let failed_loads = "Executors that a version brought and that could not be loaded";
        registry.register(name("failed_loads"), failed_loads, self.failed_loads.clone());
        let rehearsals = "New versions of published models that answered what the ones before had, in their shape";
        registry.register(name("model_rehearsals"), rehearsals, self.rehearsals.clone());
        let differences = "Answers in which such a version said something else than the one before";
        registry.register(name("model_differences"), differences, self.differences.clone());
        registry.register(name("requests"), "Requests that were fetched", self.requests.clone());
        registry.register(name("skipped"), "Records that were given to no executor", self.skipped.clone());
        let later = "Requests for an executor that starts later, by what became of them when it was time";
        registry.register(name("later_starts"), later, self.later.clone());
    }

    /// Returns the counters of `executor`.
    pub(crate) fn of(&self, executor: &ExecutorId) -> ExecutorMetrics {
        let uses = self.uses.of(executor);
        let executor = executor.to_string();
        let outcome =
            |outcome| self.responses.get_or_create_owned(&OutcomeLabels { executor: executor.clone(), outcome });
        let label = ExecutorLabel { executor: executor.clone() };
        ExecutorMetrics {
            answered: outcome("answered"),
            failed: outcome(FailureKind::Failed.as_str()),
            abstained: outcome(FailureKind::Abstained.as_str()),
            expired: outcome(FailureKind::Expired.as_str()),
            overloaded: outcome(FailureKind::Overloaded.as_str()),
            lost: self.lost.get_or_create_owned(&label),
            depth: self.depth.get_or_create_owned(&label),
            queued: self.queued.get_or_create_owned(&label),
            scored: self.scored.get_or_create_owned(&label),
            batch_size: self.batch_size.get_or_create_owned(&label),
            batch_limit: self.batch_limit.get_or_create_owned(&label),
            rehearsals: self.rehearsals.get_or_create_owned(&label),
            differences: self.differences.get_or_create_owned(&label),
            uses,
        }
    }

    pub(crate) fn load_failed(&self, executor: &ExecutorId) {
        self.failed_loads.get_or_create(&ExecutorLabel { executor: executor.to_string() }).inc();
    }

    /// Counts what became of a request for an executor that starts later.
    pub(crate) fn count_later(&self, executor: &ExecutorId, fate: Fate) {
        let outcome = match fate {
            Fate::Started => "started",
            Fate::Decided => "decided",
            Fate::Unaffordable => "unaffordable",
            Fate::Crowded => "crowded",
        };
        self.later.get_or_create(&OutcomeLabels { executor: executor.to_string(), outcome }).inc();
    }

    pub(crate) fn skip(&self, reason: Skipped) {
        self.skip_many(reason, 1);
    }

    pub(crate) fn skip_many(&self, reason: Skipped, count: i64) {
        let reason = match reason {
            Skipped::Poison => "poison",
            Skipped::Stale => "stale",
            Skipped::NotAsked => "not_asked",
            Skipped::Gone => "gone",
        };
        self.skipped.get_or_create(&SkippedLabel { reason }).inc_by(count.try_into().unwrap_or(0));
    }
}

// === impl ExecutorMetrics ===

impl ExecutorMetrics {
    /// Counts a word of somebody who was not asked to work.
    pub(crate) fn declined(&self) {
        self.abstained.inc();
    }

    /// Counts a new version that may take its place, and in how many answers it says something else.
    pub(crate) fn rehearsed(&self, different: usize) {
        self.rehearsals.inc();
        self.differences.inc_by(u64::try_from(different).unwrap_or(u64::MAX));
    }

    /// Counts a call.
    #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
    pub(crate) fn called(&self, size: usize) {
        self.batch_size.observe(size as f64);
    }

    /// Counts a response. Times are kept of real work only: what was refused would make a slow model look fast.
    pub(crate) fn responded(&self, reply: &Reply, queued: Duration, scored: Duration) {
        let (counter, worked) = match reply {
            Reply::Answer(_) => (&self.answered, true),
            Reply::Failure(failure) => match failure.kind {
                FailureKind::Failed => (&self.failed, true),
                FailureKind::Abstained => (&self.abstained, true),
                FailureKind::Expired => (&self.expired, false),
                FailureKind::Overloaded => (&self.overloaded, false),
            },
        };
        counter.inc();
        if worked {
            self.queued.observe(queued.as_secs_f64());
            self.scored.observe(scored.as_secs_f64());
        }
    }
}
