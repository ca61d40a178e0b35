//! What the sealer counts, and the replier.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::Destination;

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
    /// Results that cannot be sent where their callers want them.
    pub misdirected: Family<Misdirected, Counter>,
    /// Transactions committed.
    pub transactions: Counter,
    /// Transactions that were given up and tried again.
    pub aborted: Counter,
    /// How often it had to open its transactions anew and join its group again.
    pub restarts: Counter,
    /// From when the log took a result in to when it was sealed.
    pub delay: Histogram,
}

/// Why a result cannot be sent where its caller wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Callers may not name that topic.
    NotAllowed,
    /// There is no such topic, or it may not be seen.
    NoTopic,
    /// The topic has no partition of that number.
    NoPartition,
    /// Kafka forbids to write there.
    Forbidden,
}

/// The label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Misdirected {
    reason: Reason,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let (sealed, repeats, void, garbage, lost) = Default::default();
        let (refused, transactions, aborted, restarts) = Default::default();
        let (misdirected, delay) = (Family::default(), Histogram::new(exponential_buckets(0.005, 2.0, 14)));
        Self { sealed, repeats, void, garbage, lost, refused, misdirected, transactions, aborted, restarts, delay }
    }
}

impl Metrics {
    /// Registers what is counted of copying `to` there.
    pub fn register(&self, to: &Destination, registry: &mut Registry) {
        let (station, copied, delay) = match to {
            Destination::Sealed => (
                "sealer",
                "Results copied into the sealed topic",
                "From when the log took a result in to when it was sealed",
            ),
            Destination::Replies(_) => (
                "replier",
                "Results sent to the topics that their callers named",
                "From when the log took a result in to when it was sent to its caller's topic",
            ),
        };
        let counters = [
            ("results", copied, &self.sealed),
            ("repeats", "Results read again, which were not copied again", &self.repeats),
            ("void_results", "Results written without the right to, which were not copied", &self.void),
            ("unreadable_records", "Records of the results that are neither results nor fences", &self.garbage),
            ("lost_records", "Records that the log dropped before they could be copied", &self.lost),
            (
                "refused_results",
                "Results that are too large for the topic that they were to be copied into",
                &self.refused,
            ),
            ("transactions", "Transactions committed", &self.transactions),
            ("aborted_transactions", "Transactions given up and tried again", &self.aborted),
            ("restarts", "Times the transactions were opened anew and the group joined again", &self.restarts),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("hedgerow_{station}_{name}"), help, counter.clone());
        }
        if let Destination::Replies(_) = to {
            let help = "Results that cannot be sent where their callers want them";
            registry.register("hedgerow_replier_misdirected_results", help, self.misdirected.clone());
        }
        registry.register_with_unit(format!("hedgerow_{station}_delay"), delay, Unit::Seconds, self.delay.clone());
    }

    /// Returns how many results could not be sent for this reason.
    #[must_use]
    pub fn misdirected_for(&self, reason: Reason) -> u64 {
        self.misdirected.get_or_create(&Misdirected { reason }).get()
    }

    pub(crate) fn on_misdirected(&self, reason: Reason, results: u64) {
        self.misdirected.get_or_create(&Misdirected { reason }).inc_by(results);
    }
}

// === impl Reason ===

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let word = match self {
            Self::NotAllowed => "not_allowed",
            Self::NoTopic => "no_topic",
            Self::NoPartition => "no_partition",
            Self::Forbidden => "forbidden",
        };
        word.encode(encoder)
    }
}
