//! What the sealer counts.

use prometheus_client::{
    metrics::{
        counter::Counter,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// The sealer's counters. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Results copied.
    pub sealed: Counter,
    /// Results read again, which were not copied again.
    pub repeats: Counter,
    /// Results written without the right to.
    pub void: Counter,
    /// Records that are neither results nor fences.
    pub garbage: Counter,
    /// Records that the log dropped before they could be copied.
    pub lost: Counter,
    /// Results that the sealed topic does not take because of their size.
    pub refused: Counter,
    /// Transactions committed.
    pub transactions: Counter,
    /// Transactions that were given up and tried again.
    pub aborted: Counter,
    /// How often it had to open its transactions anew and join its group again.
    pub restarts: Counter,
    /// From when the log took a result in to when it was sealed.
    pub delay: Histogram,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let (sealed, repeats, void, garbage, lost) = Default::default();
        let (refused, transactions, aborted, restarts) = Default::default();
        let delay = Histogram::new(exponential_buckets(0.005, 2.0, 14));
        Self { sealed, repeats, void, garbage, lost, refused, transactions, aborted, restarts, delay }
    }
}

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("results", "Results copied into the sealed topic", &self.sealed),
            ("repeats", "Results read again, which were not copied again", &self.repeats),
            ("void_results", "Results written without the right to, which were not copied", &self.void),
            ("unreadable_records", "Records of the results that are neither results nor fences", &self.garbage),
            ("lost_records", "Records that the log dropped before they could be copied", &self.lost),
            ("refused_results", "Results that are too large for the sealed topic", &self.refused),
            ("transactions", "Transactions committed", &self.transactions),
            ("aborted_transactions", "Transactions given up and tried again", &self.aborted),
            ("restarts", "Times the transactions were opened anew and the group joined again", &self.restarts),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("hedgerow_sealer_{name}"), help, counter.clone());
        }
        registry.register_with_unit(
            "hedgerow_sealer_delay",
            "From when the log took a result in to when it was sealed",
            Unit::Seconds,
            self.delay.clone(),
        );
    }
}
