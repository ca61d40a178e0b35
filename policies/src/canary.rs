//! How a canary is compared with its reference, as its policy declares it; comparing itself is another crate's.
//!
//! A canary that runs exactly what its reference runs is a *twin*: nothing can be learned of it, and it tells how far the
//! reference differs from itself.

use std::time::Duration;

use wire::ExecutorId;

use crate::{Definition, ExecutorSpec, Share};

/// What is declared of a canary.
#[derive(Clone, Debug, PartialEq)]
pub struct CanarySpec {
    /// The candidate that it is compared with.
    pub of: ExecutorId,
    /// By how much it may be worse.
    pub margins: Margins,
    /// How sure a verdict has to be: above 0.5, below 1.
    pub confidence: f64,
    /// How long after the first request that asks it its answers do not count yet.
    pub warm_up: Duration,
    /// Numbers that lie no further apart are the same answer.
    pub within: f64,
    /// By how much numbers can differ at most, if that is known: above `within`.
    pub largest_difference: Option<f64>,
    /// It is asked about this share of the requests alone; `None` is all of them.
    pub sample: Option<Share>,
    /// How long its answers may take, from the request's birth; `None` is as long as the request's own may.
    pub budget: Option<Duration>,
    /// Whether nothing is done about it without being told.
    pub hold: bool,
    /// What is done about it without being told.
    pub acts: Option<CanaryActs>,
}

/// By how much a canary may be worse; what has no margin is shown and not judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    /// So many more different answers than noise, as a share.
    pub agreement: Option<f64>,
    /// So much of the other's list that is not in its own, more than by noise, as a share.
    pub overlap: Option<f64>,
    /// So far apart may both rankings lie, more than by noise, as a share.
    pub ranking: Option<f64>,
    /// So many more wrong answers, as a share.
    pub accuracy: Option<f64>,
    /// So many more failures, as a share.
    pub failures: Option<f64>,
    /// So much later.
    pub p50: Option<Duration>,
    /// So much later.
    pub p99: Option<Duration>,
    /// So many results that would change, as a share.
    pub impact: Option<f64>,
}

/// What is done about a canary as soon as its verdict says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryActs {
    /// From which verdict on it becomes a candidate, if it does by itself.
    pub promote: Option<PromoteWhen>,
    /// Whether it is taken out when it is found worse.
    pub reject: bool,
    /// Not before so many pairs were compared.
    pub after: u64,
}

/// The least verdict by which a canary becomes a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromoteWhen {
    /// It is better.
    Better,
    /// It is no worse, or better.
    NoWorse,
}

// === impl CanarySpec ===

impl CanarySpec {
    /// So much longer than its request a canary may take at most: whoever compares waits no longer than ten seconds.
    pub const BEYOND_MAX: Duration = Duration::from_secs(5);

    /// Returns a canary of `of` of which the policy says nothing else.
    #[must_use]
    pub fn new(of: ExecutorId) -> Self {
        Self {
            of,
            margins: Margins::default(),
            confidence: 0.99,
            warm_up: Duration::from_secs(10),
            within: 0.0,
            largest_difference: None,
            sample: None,
            budget: None,
            hold: false,
            acts: None,
        }
    }
}

// === impl Margins ===

impl Default for Margins {
    /// One answer more in a hundred may differ, one request more in a thousand may fail.
    fn default() -> Self {
        Self { agreement: Some(0.01), failures: Some(0.001), ..Self::none() }
    }
}

impl Margins {
    /// Returns margins for nothing: nothing is judged.
    #[must_use]
    pub fn none() -> Self {
        Self {
            agreement: None,
            overlap: None,
            ranking: None,
            accuracy: None,
            failures: None,
            p50: None,
            p99: None,
            impact: None,
        }
    }
}

// === impl CanaryActs ===

impl CanaryActs {
    /// Not before so many pairs, unless the policy says: a verdict may be sure sooner, and whoever looks at why it came
    /// wants more than a handful of requests to look at.
    pub const AFTER: u64 = 1_000;
}

// === impl PromoteWhen ===

impl PromoteWhen {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::Better, Self::NoWorse];

    /// Returns the word for it, as in YAML.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NoWorse => "no_worse",
        }
    }
}

// === impl ExecutorSpec ===

impl ExecutorSpec {
    /// Returns whether it runs exactly what `other` runs: then only chance can make their answers differ.
    #[must_use]
    pub fn runs_what(&self, other: &Self) -> bool {
        self.kind == other.kind && self.hears == other.hears
    }
}

// === impl Definition ===

impl Definition {
    /// Returns whether `canary` is a twin: one that runs what its reference runs.
    #[must_use]
    pub fn is_twin(&self, canary: &ExecutorSpec) -> bool {
        is_twin(canary, &self.executors)
    }

    /// Returns the twin beside which `canary` is compared, if there is one; a twin has none itself.
    #[must_use]
    pub fn twin_of(&self, canary: &ExecutorSpec) -> Option<&ExecutorSpec> {
        let of = &canary.canary.as_ref()?.of;
        let is_of_the_same = |other: &&ExecutorSpec| other.canary.as_ref().is_some_and(|spec| spec.of == *of);
        let mut others = self.executors.iter().filter(is_of_the_same);
        others.find(|other| self.is_twin(other)).filter(|_| !self.is_twin(canary))
    }
}

/// Returns whether `canary` runs what its reference, one of `executors`, runs.
pub(crate) fn is_twin(canary: &ExecutorSpec, executors: &[ExecutorSpec]) -> bool {
    let Some(spec) = &canary.canary else { return false };
    executors.iter().any(|other| other.id == spec.of && other.runs_what(canary))
}
