//! Who is compared with whom, and by what: as a policy declares it.

use std::time::Duration;

use policies::{CanarySpec, Definition, ExecutorSpec, Margins, RankedList};
use wire::ExecutorId;

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
    /// By which list answers are compared too, if the policy names one.
    pub list: Option<RankedList>,
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
        Self::declared(canary, &CanarySpec::new(reference), None, None)
    }

    /// Returns a matchup for each canary of `definition`, in its order.
    #[must_use]
    pub fn of(definition: &Definition) -> Vec<Self> {
        let matchup = |spec: &ExecutorSpec| {
            let twin = definition.twin_of(spec).map(|twin| twin.id.clone());
            Some(Self::declared(spec.id.clone(), spec.canary.as_ref()?, twin, definition.list.clone()))
        };
        definition.executors.iter().filter_map(matchup).collect()
    }

    fn declared(canary: ExecutorId, spec: &CanarySpec, twin: Option<ExecutorId>, list: Option<RankedList>) -> Self {
        // Whom it is asked about is in each plan, and what is done about it is somebody else's.
        let CanarySpec {
            of,
            margins,
            confidence,
            warm_up,
            within,
            largest_difference,
            sample: _,
            budget: _,
            hold: _,
            acts: _,
        } = spec;
        Self {
            canary,
            reference: of.clone(),
            twin,
            margins: *margins,
            confidence: *confidence,
            within: *within,
            list,
            largest_difference: *largest_difference,
            warm_up: *warm_up,
        }
    }

    /// Returns how probable it may be that a bound is wrong: half of it is the verdict's, half the segments'.
    pub(crate) fn alpha(&self) -> f64 {
        (1.0 - self.confidence).clamp(1e-9, 0.5) / 2.0
    }
}

#[cfg(test)]
mod tests;
