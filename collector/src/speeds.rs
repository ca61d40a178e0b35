//! How long each executor takes from its start to its answer, measured lately: what patience and hedging go by.
//!
//! Pure. Measured between two instants of the log: the request's birth and the start that its plan allows, and the
//! append of the answer. Failures and executors that never began give no answer, and do not count; an answer after the
//! verdict does, or whoever is always late would never be known as slow.

use std::{sync::Arc, time::Duration};

use policies::{ExecutorSpec, Latencies, Quantile, Start, Versions};
use wire::{ExecutorId, Reply, Response, Timestamp};

use crate::recent::Recent;

/// At least so many answers, before an executor is known.
const ANSWERS_MIN: u64 = 30;
/// So long each half of the window collects.
const HALF: Duration = Duration::from_mins(1);

/// The executors of the versions in use, and how fast they are.
#[derive(Debug, Default)]
pub struct Speeds {
    executors: Vec<Measured>,
    latencies: Arc<Latencies>,
}

#[derive(Debug)]
struct Measured {
    executor: ExecutorId,
    start: Start,
    recent: Recent,
}

// === impl Speeds ===

impl Speeds {
    /// Measures the executors of the versions that are live or on trial; what is known of them stays.
    pub fn on_versions(&mut self, versions: &Versions) {
        let specs: Vec<&ExecutorSpec> = versions.in_use().flat_map(|definition| &definition.executors).collect();
        self.executors.retain(|measured| specs.iter().any(|spec| measured.is_of(spec)));
        for spec in specs {
            if !self.executors.iter().any(|measured| measured.executor == spec.id) {
                let (executor, start) = (spec.id.clone(), spec.start.clone());
                self.executors.push(Measured { executor, start, recent: Recent::new(HALF) });
            }
        }
    }

    /// Takes note of a response, which the log took in at `appended`, to a request born at `born`.
    pub fn record(&mut self, response: &Response, born: Timestamp, appended: Timestamp) {
        let measured = self.executors.iter_mut().find(|measured| measured.executor == response.executor);
        if let (Some(measured), Reply::Answer(_)) = (measured, &response.reply) {
            measured.recent.record(match &measured.start {
                Start::After(after) => appended.since(born.after(*after)),
                // Each request has a start of its own, and the executor knows it.
                Start::Usual(_) => response.queued + response.scored,
            });
        }
    }

    /// Forgets what is old and draws the conclusions; to be called about twice a second.
    pub fn on_time(&mut self, now: Timestamp) {
        let mut latencies = Latencies::default();
        for measured in &mut self.executors {
            if let Some(quantiles) = measured.recent.quantiles(Quantile::ALL.map(Quantile::share), ANSWERS_MIN) {
                latencies.set(measured.executor.clone(), quantiles);
            }
            measured.recent.on_time(now);
        }
        self.latencies = Arc::new(latencies);
    }

    /// Returns the last conclusions.
    #[must_use]
    pub fn latencies(&self) -> &Arc<Latencies> {
        &self.latencies
    }
}

// === impl Measured ===

impl Measured {
    /// Whether it measures this executor: one that starts at another time is measured anew.
    fn is_of(&self, spec: &ExecutorSpec) -> bool {
        (&self.executor, &self.start) == (&spec.id, &spec.start)
    }
}

#[cfg(test)]
mod tests {
    use policies::Definition;
    use wire::{Failure, FailureKind, ModelVersion};

    use super::*;

    const DEFINITION: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: , start: { after: 5ms } }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    fn measuring() -> Speeds {
        let definition = Definition::parse("test.yaml", DEFINITION).unwrap_or_else(|problems| panic!("{problems}"));
        let mut speeds = Speeds::default();
        speeds.on_versions(&Versions::only(Arc::new(definition)));
        speeds
    }

    fn hear(speeds: &mut Speeds, executor: &str, millis: i64, reply: Reply) {
        let executor = ExecutorId::new(executor).expect("a name");
        let request = wire::RequestId::from_uuid(uuid::Uuid::nil());
        let (queued, scored, model) = (Duration::ZERO, Duration::ZERO, ModelVersion::from("m@1"));
        speeds.record(
            &Response { request, executor, model, fetched: Duration::ZERO, queued, scored, reply },
            at(0),
            at(millis),
        );
    }

    /// Returns the median in whole milliseconds.
    fn median(speeds: &mut Speeds, executor: &str, now: i64) -> Option<u128> {
        speeds.on_time(at(now));
        let executor = ExecutorId::new(executor).expect("a name");
        speeds.latencies().of(&executor, Quantile::P50).map(|median| median.as_millis())
    }

    fn answer() -> Reply {
        Reply::Answer("{}".into())
    }

    #[test]
    fn an_executor_is_known_after_thirty_answers() {
        let mut speeds = measuring();
        (0..29).for_each(|_| hear(&mut speeds, "a", 8, answer()));
        assert_eq!(median(&mut speeds, "a", 500), None);
        hear(&mut speeds, "a", 8, answer());
        assert_eq!(median(&mut speeds, "a", 1_000), Some(8));
    }

    #[test]
    fn a_hedge_is_measured_from_its_own_start() {
        let mut speeds = measuring();
        (0..30).for_each(|_| hear(&mut speeds, "b", 8, answer()));
        assert_eq!(median(&mut speeds, "b", 500), Some(3));
    }

    #[test]
    fn a_failure_is_not_fast() {
        let mut speeds = measuring();
        let failure = Failure { kind: FailureKind::Failed, message: String::new() };
        (0..100).for_each(|_| hear(&mut speeds, "a", 0, Reply::Failure(failure.clone())));
        assert_eq!(median(&mut speeds, "a", 500), None);
    }

    #[test]
    fn what_was_slow_is_forgotten_after_two_halves() {
        let mut speeds = measuring();
        (0..100).for_each(|_| hear(&mut speeds, "a", 40, answer()));
        for minute in 1..4 {
            (0..100).for_each(|_| hear(&mut speeds, "a", 2, answer()));
            median(&mut speeds, "a", minute * 60_000);
        }
        assert_eq!(median(&mut speeds, "a", 200_000), Some(2));
    }

    #[test]
    fn who_is_no_longer_asked_is_forgotten_and_who_starts_otherwise_is_measured_anew() {
        let mut speeds = measuring();
        (0..30).for_each(|_| hear(&mut speeds, "a", 8, answer()));
        (0..30).for_each(|_| hear(&mut speeds, "b", 8, answer()));
        let edited = DEFINITION.replace("5ms", "6ms");
        let edited = Definition::parse("test.yaml", &edited).unwrap_or_else(|problems| panic!("{problems}"));
        speeds.on_versions(&Versions::only(Arc::new(edited)));
        assert_eq!((median(&mut speeds, "a", 500), median(&mut speeds, "b", 500)), (Some(8), None));
    }
}
