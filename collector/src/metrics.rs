//! What the collector counts: one exhaustive match from facts to counters.

mod breakers;
mod objectives;
mod spending;
mod trial;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use policies::{Definition, Heard, TrialTally, Verdict};
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

use crate::partition::Spending;
pub(crate) use breakers::BreakerMetrics;
use objectives::ObjectiveMetrics;
use spending::SpendingMetrics;
use trial::TrialMetrics;
use wire::ResultKind;

/// What the collector counts. Every label is a word of a closed set.
#[derive(Debug)]
pub struct Metrics {
    results: Family<ResultLabels, Counter>,
    decision: Histogram,
    late: Counter,
    copies: Counter,
    ignored: Family<HeardLabels, Counter>,
    misplaced: Counter,
    evicted: Counter,
    dead_letters: Counter,
    written_again: Counter,
    shrunk: Counter,
    takeovers: Counter,
    takeover: Histogram,
    handed_over: Counter,
    fenced_off: Counter,
    void: Counter,
    unreadable: Counter,
    records_gone: Counter,
    parked: Counter,
    unheard: Counter,
    no_such_case: Counter,
    trial: TrialMetrics,
    spending: SpendingMetrics,
    /// Whether objectives are kept.
    pub(crate) objectives: ObjectiveMetrics,
    /// How breakers stand.
    pub(crate) breakers: BreakerMetrics,
    open: Gauge,
    unconfirmed: Gauge,
    way_back: Gauge<f64, AtomicU64>,
}

/// Something that happened in a partition, worth a count.
#[derive(Debug)]
pub enum Fact {
    /// A request was decided so long after its birth.
    Decided(Outcome, Duration),
    /// A result was read back that the log took in so long after its request's birth, while this version was live.
    Confirmed(ResultKind, Duration, Live),
    /// A response came after the verdict.
    Late,
    /// A response changed nothing.
    Ignored(Heard),
    /// Another copy of a request was read.
    Copy,
    /// A response lies in a partition that is not its request's.
    Misplaced,
    /// So many responses were put out: their requests never came.
    Evicted(usize),
    /// A record was not understood.
    DeadLettered,
    /// So many results are written again, byte for byte.
    WrittenAgain(usize),
    /// A result was too large for the topic and is replaced by an error.
    Shrunk,
    /// A partition was taken over.
    TakenOver,
    /// A partition is served, so long after its fence was written.
    Serving(Duration),
    /// Somebody else took a partition over that was his to take.
    HandedOver,
    /// Somebody else took a partition over.
    FencedOff,
    /// A result was read that was written without the right to.
    Void,
    /// A record of the results is neither a result nor a fence; the first of a burst is named.
    Unreadable(Option<String>),
    /// Records that were still needed are gone from the log.
    RecordsGone,
    /// A request waits for its version of the policy.
    Parked,
    /// It waited in vain and got another version's default.
    Unheard,
    /// A request is of a case that its version does not have.
    NoSuchCase,
    /// So much was counted of a version on trial.
    Tried(Box<TrialTally>),
    /// So much work was done, for this.
    Spent(Box<Spending>),
}

/// The version that is live. As `Debug` it is its name alone: it holds more than belongs into a story, and caches of
/// what it decided before.
pub struct Live(pub(crate) Arc<Definition>);

/// What was decided, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    decided_by: &'static str,
    completeness: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    decided_by: &'static str,
    completeness: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HeardLabels {
    reason: &'static str,
}

// === impl Live ===

impl fmt::Debug for Live {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.policy_ref)
    }
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        Self {
            results: Family::default(),
            // From half a millisecond to a good minute.
            decision: Histogram::new(exponential_buckets(0.000_5, 2.0, 18)),
            late: Counter::default(),
            copies: Counter::default(),
            ignored: Family::default(),
            misplaced: Counter::default(),
            evicted: Counter::default(),
            dead_letters: Counter::default(),
            written_again: Counter::default(),
            shrunk: Counter::default(),
            takeovers: Counter::default(),
            takeover: Histogram::new(exponential_buckets(0.000_5, 2.0, 18)),
            handed_over: Counter::default(),
            fenced_off: Counter::default(),
            void: Counter::default(),
            unreadable: Counter::default(),
            records_gone: Counter::default(),
            parked: Counter::default(),
            unheard: Counter::default(),
            no_such_case: Counter::default(),
            trial: TrialMetrics::default(),
            spending: SpendingMetrics::default(),
            objectives: ObjectiveMetrics::default(),
            breakers: BreakerMetrics::default(),
            open: Gauge::default(),
            unconfirmed: Gauge::default(),
            way_back: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Shows everything in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("hedgerow");
        registry.register("results", "Requests decided, by what, how completely and why", self.results.clone());
        let help = "From a request's birth to its verdict";
        registry.register_with_unit("decision", help, Unit::Seconds, self.decision.clone());
        registry.register("responses_late", "Responses that came after the verdict", self.late.clone());
        registry.register(
            "request_copies",
            "Further copies of requests, read and not opened again",
            self.copies.clone(),
        );
        registry.register("responses_ignored", "Responses that changed nothing, by the reason", self.ignored.clone());
        registry.register(
            "responses_misplaced",
            "Responses in a partition not their request's",
            self.misplaced.clone(),
        );
        registry.register("orphans_evicted", "Responses whose requests never came", self.evicted.clone());
        registry.register("collector_dead_letters", "Records that were not understood", self.dead_letters.clone());
        registry.register("results_rewritten", "Results written again, byte for byte", self.written_again.clone());
        registry.register(
            "results_shrunk",
            "Results too large for the topic, replaced by an error",
            self.shrunk.clone(),
        );
        registry.register("takeovers", "Partitions taken over", self.takeovers.clone());
        let help = "From writing a fence, before which a predecessor may serve, to serving";
        registry.register_with_unit("takeover", help, Unit::Seconds, self.takeover.clone());
        registry.register("handed_over", "Partitions served until another took them over", self.handed_over.clone());
        registry.register("fenced_off", "Partitions lost to another collector's fence", self.fenced_off.clone());
        registry.register("results_void", "Results read that were written without the right to", self.void.clone());
        let help = "Records of the results topic that are neither results nor fences";
        registry.register("results_unreadable", help, self.unreadable.clone());
        registry.register(
            "records_gone",
            "Times that records still needed were gone from the log",
            self.records_gone.clone(),
        );
        registry.register("requests_parked", "Requests that waited for their policy version", self.parked.clone());
        let help = "Requests whose policy version never came: another version's default";
        registry.register("requests_unheard", help, self.unheard.clone());
        let help = "Requests of a case that their policy version does not have";
        registry.register("requests_no_such_case", help, self.no_such_case.clone());
        self.trial.register(registry);
        self.spending.register(registry);
        self.objectives.register(registry);
        self.breakers.register(registry);
        registry.register("open_requests", "Requests that are not decided", self.open.clone());
        registry.register("unconfirmed_results", "Results written and not read back", self.unconfirmed.clone());
        let help = "99th percentile from a result's decision to reading it back";
        registry.register_with_unit("way_back", help, Unit::Seconds, self.way_back.clone());
    }

    /// Counts a fact.
    pub(crate) fn count(&self, fact: &Fact) {
        match fact {
            Fact::Decided(outcome, took) => self.count_decided(*outcome, *took),
            Fact::Confirmed(kind, after, live) => {
                self.objectives.count(*kind == ResultKind::Prediction, *after, &live.0.objectives);
            }
            Fact::Late => increase(&self.late, 1),
            Fact::Ignored(heard) => {
                self.ignored.get_or_create(&HeardLabels { reason: word(*heard) }).inc();
            }
            Fact::Copy => increase(&self.copies, 1),
            Fact::Misplaced => increase(&self.misplaced, 1),
            Fact::Evicted(count) => increase(&self.evicted, *count),
            Fact::DeadLettered => increase(&self.dead_letters, 1),
            Fact::WrittenAgain(count) => increase(&self.written_again, *count),
            Fact::Shrunk => increase(&self.shrunk, 1),
            Fact::TakenOver => increase(&self.takeovers, 1),
            Fact::Serving(took) => self.takeover.observe(took.as_secs_f64()),
            Fact::HandedOver => increase(&self.handed_over, 1),
            Fact::FencedOff => increase(&self.fenced_off, 1),
            Fact::Void => increase(&self.void, 1),
            Fact::Unreadable(_) => increase(&self.unreadable, 1),
            Fact::RecordsGone => increase(&self.records_gone, 1),
            Fact::Parked => increase(&self.parked, 1),
            Fact::Unheard => increase(&self.unheard, 1),
            Fact::NoSuchCase => increase(&self.no_such_case, 1),
            Fact::Tried(tally) => self.trial.count(tally),
            Fact::Spent(spending) => self.spending.count(spending),
        }
    }

    /// Shows how much is in hand.
    pub(crate) fn show(&self, open: usize, unconfirmed: usize, way_back: Duration) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        self.unconfirmed.set(i64::try_from(unconfirmed).unwrap_or(i64::MAX));
        self.way_back.set(way_back.as_secs_f64());
    }

    fn count_decided(&self, Outcome { decided_by, completeness, reason }: Outcome, took: Duration) {
        self.results.get_or_create(&ResultLabels { decided_by, completeness, reason }).inc();
        self.decision.observe(took.as_secs_f64());
    }
}

// === impl Outcome ===

impl From<&Verdict> for Outcome {
    fn from(verdict: &Verdict) -> Self {
        let Verdict { decided_by, completeness, reason, .. } = verdict;
        Self { decided_by: decided_by.as_str(), completeness: completeness.as_str(), reason: reason.as_str() }
    }
}

fn increase(counter: &Counter, by: usize) {
    counter.inc_by(by as u64);
}

fn word(heard: Heard) -> &'static str {
    match heard {
        Heard::New => "new",
        Heard::Duplicate => "duplicate",
        Heard::Uninvited => "uninvited",
        Heard::Late => "late",
        Heard::Unawaited => "unawaited",
    }
}
