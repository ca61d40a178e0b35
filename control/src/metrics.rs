//! What the follower counts.

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

/// What the follower of one process counts, of every rendezvous in the control topic.
#[derive(Debug)]
pub struct Metrics {
    version: Family<RendezvousLabels, Gauge>,
    refused: Counter,
    poison: Counter,
    taken_up: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RendezvousLabels {
    rendezvous: String,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        Self {
            version: Family::default(),
            refused: Counter::default(),
            poison: Counter::default(),
            // From half a millisecond to sixteen seconds.
            taken_up: Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
        }
    }
}

impl Metrics {
    /// Shows everything in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("hedgerow");
        registry.register("policy_version", "The version that decides about new requests", self.version.clone());
        registry.register("changes_refused", "Changes of policies that were refused", self.refused.clone());
        let help = "Records of the control topic that were not understood";
        registry.register("control_poison", help, self.poison.clone());
        let help = "From a change's append to its being taken up by this process";
        registry.register_with_unit("change_taken_up", help, Unit::Seconds, self.taken_up.clone());
    }

    pub(crate) fn on_live(&self, rendezvous: &str, version: u64) {
        let labels = RendezvousLabels { rendezvous: rendezvous.to_owned() };
        self.version.get_or_create(&labels).set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    pub(crate) fn on_refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn on_poison(&self) {
        self.poison.inc();
    }

    pub(crate) fn on_taken_up(&self, after: Duration) {
        self.taken_up.observe(after.as_secs_f64());
    }
}
