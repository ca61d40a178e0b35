//! Which results keep the live version's objectives, counted one by one: what error budgets are worked out by.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use policies::{Objective, duration::written};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Good and bad results of each objective.
#[derive(Debug, Default)]
pub(crate) struct ObjectiveMetrics {
    results: Family<Labels, Counter>,
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    objective: String,
    degraded: &'static str,
    good: bool,
}

/// The counters of the objectives that were asked for last, so that no label is written for each result.
#[derive(Debug, Default)]
struct Known {
    objectives: Vec<Objective>,
    counters: Vec<Counters>,
}

#[derive(Debug)]
struct Counters {
    objective: Objective,
    good: Counter,
    bad: Counter,
}

// === impl ObjectiveMetrics ===

impl ObjectiveMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Results read back from the log, by whether they keep an objective of the live version";
        registry.register("objective_results", help, self.results.clone());
    }

    /// Shows `objectives` before there are results: what begins at one has not risen, as Prometheus sees it.
    pub(crate) fn show(&self, objectives: &[Objective]) {
        self.with(objectives, |_| {});
    }

    /// Counts a result that the log took in so long `after` its request's birth.
    pub(super) fn count(&self, is_prediction: bool, after: Duration, objectives: &[Objective]) {
        self.with(objectives, |Counters { objective, good, bad }| {
            (if objective.is_kept(is_prediction, after) { good } else { bad }).inc();
        });
    }

    fn with(&self, objectives: &[Objective], each: impl FnMut(&Counters)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.objectives != objectives {
            *known = self.know(objectives);
        }
        known.counters.iter().for_each(each);
    }

    /// Objectives that differ in share or window alone are kept by the same results, which are counted once.
    fn know(&self, objectives: &[Objective]) -> Known {
        let mut counters: Vec<Counters> = Vec::new();
        for objective in objectives {
            let is_same = |other: &Counters| {
                let Objective { within, degraded_is_good, .. } = other.objective;
                (within, degraded_is_good) == (objective.within, objective.degraded_is_good)
            };
            if !counters.iter().any(is_same) {
                let counter = |good| self.results.get_or_create_owned(&Labels::of(objective, good));
                counters.push(Counters { objective: *objective, good: counter(true), bad: counter(false) });
            }
        }
        Known { objectives: objectives.to_vec(), counters }
    }
}

// === impl Labels ===

impl Labels {
    fn of(objective: &Objective, good: bool) -> Self {
        let degraded = if objective.degraded_is_good { "good" } else { "bad" };
        Self { objective: written(objective.within), degraded, good }
    }
}
