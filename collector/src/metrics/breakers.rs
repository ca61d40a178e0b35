//! How breakers stand, and how often that changes.

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

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TransitionLabels {
    executor: String,
    to: &'static str,
}

// === impl BreakerMetrics ===

impl BreakerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "How an executor's breaker stands: 0 closed, 1 half-open, 2 open and not waited for";
        registry.register("breaker_state", help, self.state.clone());
        let help = "How often an executor's breaker opened, half-opened and closed";
        registry.register("breaker_transitions", help, self.transitions.clone());
    }

    /// Shows how they stand, and tells what has changed since.
    pub(crate) fn show(&self, breakers: &mut Breakers) {
        for gone in breakers.take_gone() {
            self.state.remove(&ExecutorLabels::of(&gone));
        }
        for (executor, standing) in breakers.standings() {
            self.state.get_or_create(&ExecutorLabels::of(executor)).set(number(standing));
        }
        while let Some(transition) = breakers.poll_transition() {
            self.count(&transition);
        }
    }

    fn count(&self, Transition { executor, to, tally }: &Transition) {
        let labels = TransitionLabels { executor: executor.to_string(), to: to.as_str() };
        self.transitions.get_or_create(&labels).inc();
        let (good, bad, in_a_row) = (tally.good, tally.bad, tally.row);
        match to {
            Standing::Open => tracing::warn!(
                %executor, good, bad, in_a_row, "nobody waits for an executor any more: its breaker is open"
            ),
            Standing::HalfOpen => {
                tracing::info!(%executor, "some requests wait for an executor again, to see if it is back");
            }
            Standing::Closed => tracing::info!(%executor, "an executor is waited for again: its breaker is closed"),
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
