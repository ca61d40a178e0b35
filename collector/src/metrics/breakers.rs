//! How breakers stand, and how often that changes.

use std::collections::BTreeMap;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use wire::ExecutorId;

use crate::{
    breaker::Standing,
    breakers::{Breakers, Transition},
};

/// A gauge for each executor of the versions in use, and a counter for each way that it went.
#[derive(Debug, Default)]
pub(crate) struct BreakerMetrics {
    state: Family<ExecutorLabels, Gauge>,
    transitions: Family<TransitionLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExecutorLabels {
    executor: String,
}

/// In how many partitions, and by what figures: one line in the log, however many there are.
#[derive(Clone, Copy, Debug, Default)]
struct Changed {
    partitions: u64,
    good: u64,
    bad: u64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TransitionLabels {
    executor: String,
    to: &'static str,
}

// === impl BreakerMetrics ===

impl BreakerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help =
            "How an executor's breaker stands where it stands worst: 0 closed, 1 half-open, 2 open and not waited for";
        registry.register("breaker_state", help, self.state.clone());
        let help = "How often an executor's breaker opened, half-opened and closed, in whichever partition";
        registry.register("breaker_transitions", help, self.transitions.clone());
    }

    /// Shows how each executor's breaker stands in that partition where it stands worst, and tells what has changed.
    pub(crate) fn show<'partitions>(&self, partitions: impl Iterator<Item = &'partitions mut Breakers>) {
        let (mut worst, mut changed) = (BTreeMap::new(), BTreeMap::new());
        for breakers in partitions {
            for (executor, standing) in breakers.standings() {
                let worst = worst.entry(executor.clone()).or_insert(standing);
                *worst = standing.max(*worst);
            }
            while let Some(transition) = breakers.poll_transition() {
                let Transition { executor, to, tally } = transition;
                let Changed { partitions, good, bad } = changed.entry((executor, to)).or_default();
                (*partitions, *good, *bad) =
                    (*partitions + 1, *good + u64::from(tally.good), *bad + u64::from(tally.bad));
            }
        }
        for (executor, standing) in &worst {
            self.state.get_or_create(&ExecutorLabels::of(executor)).set(number(*standing));
        }
        for ((executor, to), changed) in &changed {
            self.count(executor, *to, changed);
        }
    }

    /// Shows nobody, until they are shown again: some may be asked no more.
    pub(crate) fn forget(&self) {
        self.state.clear();
    }

    fn count(&self, executor: &ExecutorId, to: Standing, changed: &Changed) {
        let Changed { partitions, good, bad } = *changed;
        let labels = TransitionLabels { executor: executor.to_string(), to: to.as_str() };
        self.transitions.get_or_create(&labels).inc_by(partitions);
        match to {
            Standing::Open => {
                tracing::warn!(%executor, partitions, good, bad, "an executor is not waited for any more: its breaker is open");
            }
            Standing::HalfOpen => {
                tracing::info!(%executor, partitions, "some requests wait for an executor again, to see if it is back");
            }
            Standing::Closed => {
                tracing::info!(%executor, partitions, "an executor is waited for again: its breaker is closed");
            }
        }
    }
}

// === impl ExecutorLabels ===

impl ExecutorLabels {
    fn of(executor: &ExecutorId) -> Self {
        Self { executor: executor.to_string() }
    }
}

fn number(standing: Standing) -> i64 {
    match standing {
        Standing::Closed => 0,
        Standing::HalfOpen => 1,
        Standing::Open => 2,
    }
}
