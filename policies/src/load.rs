//! What one request costs at most: how many executors are called for it.

use std::sync::Arc;

use wire::{ExecutorId, Plan, Role};

use crate::{Definition, Share};

/// How many executors one request calls at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The case that the request is of, if it is of one.
    pub case: Option<Arc<str>>,
    /// Those whose answers may be chosen.
    pub candidates: usize,
    /// Those that are only compared.
    pub canaries: usize,
    /// How many of both start later than the request is born, and are spared if it is decided by then.
    pub later: usize,
    /// How many calls of requests are spared by the budgets of those who start later, and by the samples of canaries,
    /// whatever happens, per request.
    pub spared: f64,
}

impl Definition {
    /// Returns what requests cost at most: first those that no case is about, then those of each case.
    #[must_use]
    pub fn loads(&self) -> Vec<Load> {
        let usual = self.load(None, &self.plan());
        let cases = self.cases.iter().map(|case| self.load(Some(Arc::clone(&case.name)), &case.plan));
        std::iter::once(usual).chain(cases).collect()
    }

    fn load(&self, case: Option<Arc<str>>, plan: &Plan) -> Load {
        let asked = || plan.asked().iter();
        let waits = |asked: &&wire::Asked| {
            let judges = |spec: &&crate::ExecutorSpec| spec.id == asked.executor && !spec.hears.is_empty();
            !asked.start_after.is_zero() || self.executors.iter().any(|spec| judges(&spec))
        };
        Load {
            case,
            candidates: asked().filter(|asked| asked.role == Role::Candidate).count(),
            canaries: asked().filter(|asked| asked.role == Role::Canary).count(),
            later: asked().filter(waits).count(),
            spared: asked().filter_map(|asked| self.spared(&asked.executor)).sum(),
        }
    }

    /// Returns for what share of the requests `executor` does not start, whatever happens.
    fn spared(&self, executor: &ExecutorId) -> Option<f64> {
        let spec = self.executor(executor.as_str())?;
        let sample = spec.canary.as_ref().and_then(|canary| canary.sample);
        let asked = |share: Option<Share>| share.map_or(1.0, |share| f64::from(share.parts()) / 10_000.0);
        // A canary that starts later is never spared.
        let starts = if spec.role == Role::Canary { 1.0 } else { asked(spec.hedges) };
        Some(1.0 - asked(sample) * starts).filter(|spared| *spared > 0.0)
    }
}

// === impl Load ===

impl Load {
    /// Returns how many calls that makes.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.candidates + self.canaries
    }

    /// Returns how many calls that makes on average over many requests, at most, if that is fewer.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 64 executors")]
    pub fn calls_on_average(&self) -> Option<f64> {
        (self.spared > 0.0).then(|| ((self.calls() as f64 - self.spared) * 1e4).round() / 1e4)
    }
}
