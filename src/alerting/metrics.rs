//! What is counted of alerts.

use std::sync::atomic::AtomicI64;

use alarms::Answer;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    notifications: Family<Sent, Counter>,
    holding: Gauge<i64, AtomicI64>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sent {
    receiver: String,
    outcome: &'static str,
}

// === impl Metrics ===

impl Metrics {
    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Attempts to tell a receiver of an alert, by what came of them";
        registry.register("hedgerow_notifications", help, self.notifications.clone());
        let help = "Conditions that hold, in the process that tells of them";
        registry.register("hedgerow_alerts_holding", help, self.holding.clone());
    }

    pub(super) fn on_answer(&self, receiver: &str, answer: Answer) {
        let outcome = match answer {
            Answer::Taken => "taken",
            Answer::Refused => "refused",
            Answer::Later(_) => "failed",
        };
        self.notifications.get_or_create(&Sent { receiver: receiver.to_owned(), outcome }).inc();
    }

    pub(super) fn on_holding(&self, count: usize) {
        self.holding.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
