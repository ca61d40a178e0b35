//! Who is compared with whom, and by what: as a policy declares it.

use std::time::Duration;

use policies::Definition;
use wire::ExecutorId;

use crate::Margins;

/// A canary and its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Matchup {
    /// Who is compared.
    pub canary: ExecutorId,
    /// With whom.
    pub reference: ExecutorId,
    /// An executor that runs what the reference runs, asked as a canary about a sample of the requests: how far the
    /// reference differs from itself is the noise floor. `None` takes it for one that never does.
    pub twin: Option<ExecutorId>,
    /// By how much a canary may be worse.
    pub margins: Margins,
    /// How sure a verdict has to be, between 0 and 1: the whole report is wrong with a probability of at most the rest.
    pub confidence: f64,
    /// Numbers that lie no further apart are the same answer.
    pub within: f64,
    /// By how much numbers can differ at most: without it there is no interval for their mean difference, which one
    /// number could put anywhere.
    pub largest_difference: Option<f64>,
    /// How long after the first request that asks the canary its answers do not count yet.
    pub warm_up: Duration,
}

// === impl Matchup ===

impl Matchup {
    /// Returns how `canary` is compared with `reference` unless somebody says otherwise.
    #[must_use]
    pub fn new(canary: ExecutorId, reference: ExecutorId) -> Self {
        Self {
            canary,
            reference,
            twin: None,
            margins: Margins::default(),
            confidence: 0.99,
            within: 0.0,
            largest_difference: None,
            warm_up: Duration::from_secs(10),
        }
    }

    /// Returns a matchup for each canary of `definition`, in its order.
    #[must_use]
    pub fn of(definition: &Definition) -> Vec<Self> {
        let pair = |spec: &policies::ExecutorSpec| Some(Self::new(spec.id.clone(), spec.canary_of.clone()?));
        definition.executors.iter().filter_map(pair).collect()
    }

    /// Returns how probable it may be that a bound is wrong: half of it is the verdict's, half the segments'.
    pub(crate) fn alpha(&self) -> f64 {
        (1.0 - self.confidence).clamp(1e-9, 0.5) / 2.0
    }
}
