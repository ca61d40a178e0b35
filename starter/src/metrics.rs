//! What the front doors count.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use wire::ResultKind;

use crate::{input::InvalidReason, refusal::Refusal};

/// The starter's metrics of one rendezvous.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<Counted, Counter>,
    invalid: Family<Refused, Counter>,
    in_flight: Gauge,
    in_flight_limit: Gauge,
    shed: Family<Shed, Counter>,
    answer_seconds: Histogram,
    void_results: Counter,
    inputs_gone: Counter,
    registry_failures: Counter,
}

/// How it ended for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Answered with a prediction.
    Prediction,
    /// Answered with the policy's default.
    Default,
    /// Answered with the error that is the policy's default.
    Error,
    /// Refused: it cannot become a request.
    Invalid,
    /// Refused: another version is live than the one asked for.
    NotLive,
    /// Refused: the key has another body.
    Conflict,
    /// Refused at once: too much in hand.
    Shed,
    /// Refused: the log could not be written.
    Unavailable,
    /// Accepted, and no result came in time.
    NoResult,
    /// The caller went away.
    Abandoned,
    /// From an input topic: written.
    Written,
    /// From an input topic: was written before.
    Repeated,
    /// From an input topic: put aside with the reason.
    DeadLettered,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Counted {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shed {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: InvalidReason,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        // From half a millisecond to a quarter of a minute: budgets begin at 5 ms, and the grace ends what waits longer.
        let buckets = [
            0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0,
            2.5, 5.0, 15.0,
        ];
        Self {
            requests: Family::default(),
            invalid: Family::default(),
            in_flight: Gauge::default(),
            in_flight_limit: Gauge::default(),
            shed: Family::default(),
            answer_seconds: Histogram::new(buckets),
            void_results: Counter::default(),
            inputs_gone: Counter::default(),
            registry_failures: Counter::default(),
        }
    }
}

impl Metrics {
    /// Adds the metrics to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("hedgerow_requests", "Inputs by how they ended for the caller", self.requests.clone());
        registry.register("hedgerow_invalid_inputs", "Inputs that cannot become requests", self.invalid.clone());
        registry.register("hedgerow_requests_in_flight", "Callers who wait for a result", self.in_flight.clone());
        registry.register(
            "hedgerow_in_flight_limit",
            "How many requests may be in flight at this starter before callers are shed",
            self.in_flight_limit.clone(),
        );
        registry.register("hedgerow_shed", "Callers refused at once, by what there was too much of", self.shed.clone());
        registry.register_with_unit(
            "hedgerow_answer",
            "From a caller's input to its result",
            Unit::Seconds,
            self.answer_seconds.clone(),
        );
        registry.register(
            "hedgerow_starter_results_unreadable",
            "Records of the results topic that are neither results nor fences",
            self.void_results.clone(),
        );
        registry.register(
            "hedgerow_inputs_gone",
            "Times that inputs still to be read were gone from their topic",
            self.inputs_gone.clone(),
        );
        registry.register(
            "hedgerow_schema_registry_failures",
            "Questions that the schema registry did not answer; the inputs wait",
            self.registry_failures.clone(),
        );
    }

    /// The schema registry did not answer a question.
    pub fn on_registry_failure(&self) {
        self.registry_failures.inc();
    }

    pub(crate) fn on_inputs_gone(&self) {
        self.inputs_gone.inc();
    }

    pub(crate) fn on_outcome(&self, outcome: Outcome) {
        self.requests.get_or_create(&Counted { outcome }).inc();
    }

    pub(crate) fn on_answer(&self, kind: ResultKind, elapsed: Duration) {
        self.on_outcome(match kind {
            ResultKind::Prediction => Outcome::Prediction,
            ResultKind::Default => Outcome::Default,
            ResultKind::Error => Outcome::Error,
        });
        self.answer_seconds.observe(elapsed.as_secs_f64());
    }

    pub(crate) fn on_refusal(&self, refusal: &Refusal) {
        self.on_outcome(match refusal {
            Refusal::Invalid(invalid) => {
                self.on_invalid(invalid.reason());
                Outcome::Invalid
            }
            Refusal::NotLive { .. } => Outcome::NotLive,
            Refusal::Conflict { .. } => Outcome::Conflict,
            Refusal::Shed { by, .. } => {
                self.shed.get_or_create(&Shed { reason: by.word() }).inc();
                Outcome::Shed
            }
            Refusal::Unavailable(_) => Outcome::Unavailable,
            Refusal::NoResult { .. } => Outcome::NoResult,
        });
    }

    pub(crate) fn on_invalid(&self, reason: InvalidReason) {
        self.invalid.get_or_create(&Refused { reason }).inc();
    }

    pub(crate) fn on_unreadable_result(&self) {
        self.void_results.inc();
    }

    pub(crate) fn on_limit(&self, limit: usize) {
        self.in_flight_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    pub(crate) fn on_join(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn on_leave(&self) {
        self.in_flight.dec();
    }
}

// === impl Outcome, InvalidReason ===

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let word = match self {
            Self::Prediction => "prediction",
            Self::Default => "default",
            Self::Error => "error",
            Self::Invalid => "invalid",
            Self::NotLive => "not_live",
            Self::Conflict => "conflict",
            Self::Shed => "shed",
            Self::Unavailable => "unavailable",
            Self::NoResult => "no_result",
            Self::Abandoned => "abandoned",
            Self::Written => "written",
            Self::Repeated => "repeated",
            Self::DeadLettered => "dead_lettered",
        };
        word.encode(encoder)
    }
}

impl EncodeLabelValue for InvalidReason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let word = match self {
            Self::Empty => "empty",
            Self::Oversized => "oversized",
            Self::Framed => "framed",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::WrongType => "wrong_type",
            Self::NotFinite => "not_finite",
            Self::Null => "null",
            Self::Duplicate => "duplicate",
            Self::Protocol => "protocol",
            Self::Shape => "shape",
            Self::Batch => "batch",
            Self::Attribute => "attribute",
            Self::Reply => "reply",
            Self::Parameter => "parameter",
        };
        word.encode(encoder)
    }
}
