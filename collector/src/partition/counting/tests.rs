//! What is counted of requests whose executors answer in time, late or never.

use std::sync::Arc;

use measures::Stage;
use policies::{Definition, Versions};
use uuid::Uuid;
use wire::{Attributes, ExecutorId, Failure, FailureKind, Fencing, ModelVersion, Request, ResultKind};

use super::*;
use crate::{
    partition::spending::Accounts,
    rendezvous::{Decision, Output, Rendezvous},
    surroundings::Surroundings,
    way_back::WayBack,
};

const POLICY: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: , start: { after: 10ms } }\n  c: { echo: , canary: { of: a } }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

/// Requests born at nought, read by the log a millisecond later, and what is counted of them.
struct Scene {
    rendezvous: Rendezvous,
    surroundings: Surroundings,
    accounts: Accounts,
    counting: Counting,
    written: Vec<ResultRecord>,
}

impl Scene {
    fn begin(requests: u128) -> Self {
        let definition = Definition::parse("test.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        let definition = Arc::new(definition.at_version(1));
        let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::clone(&definition))));
        surroundings.way_back = WayBack::of(Duration::ZERO);
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        for number in 0..requests {
            let request = Request {
                id: id(number),
                born: at(0),
                budget: definition.budget,
                policy: definition.policy_ref.clone(),
                plan: definition.plan(),
                case: None,
                key: None,
                attributes: Attributes::default(),
                traceparent: None,
                reply: None,
                body: "{}".into(),
            };
            rendezvous.on_request(request, at(1), 0, &mut surroundings);
        }
        let (accounts, counting) = Default::default();
        Self { rendezvous, surroundings, accounts, counting, written: Vec::new() }
    }

    fn hear(&mut self, number: u128, millis: u64, executor: &str, (queued, scored): (u64, u64), reply: Reply) {
        let response = Response {
            request: id(number),
            executor: ExecutorId::new(executor).unwrap(),
            model: ModelVersion::from("model@1"),
            fetched: Duration::from_millis(1),
            queued: Duration::from_millis(queued),
            scored: Duration::from_millis(scored),
            reply,
        };
        self.rendezvous.on_response(response, at(millis), 1, &mut self.surroundings);
        self.count();
    }

    fn answers(&mut self, number: u128, millis: u64, executor: &str, times: (u64, u64)) {
        self.hear(number, millis, executor, times, Reply::Answer(r#"{"class":1}"#.into()));
    }

    fn on_time(&mut self, millis: u64) {
        self.rendezvous.on_time(at(millis), &mut self.surroundings);
        self.count();
    }

    fn count(&mut self) {
        while let Some(output) = self.rendezvous.poll_output() {
            match output {
                Output::Emit(decision) => {
                    self.written.push(ResultRecord {
                        request: decision.request,
                        policy: decision.pin.definition.policy_ref.clone(),
                        kind: decision.verdict.kind(),
                        key: None,
                        reply: None,
                        fencing: Fencing { epoch: 1, instance: Uuid::nil() },
                        body: Bytes::new(),
                    });
                    self.accounts.on_verdict(&decision);
                    let Decision { request, born, asked, budget, verdict, .. } = *decision;
                    self.counting.on_verdict(request, verdict, (born, asked), budget);
                }
                Output::Late(response, after) => {
                    self.counting.on_late(&response, after, self.accounts.is_canary(&response.executor));
                }
                _ => {}
            }
        }
    }

    /// Reads every result back, as often as it is told.
    fn read_back(&mut self, millis: u64, times: usize) {
        for result in std::mem::take(&mut self.written) {
            (0..times).for_each(|_| self.counting.on_given(&result, at(millis)));
        }
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_795_249_695_000_000).after(Duration::from_millis(millis))
}

fn id(number: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(number))
}

fn took(sum: &Sum) -> Vec<(Stage, u64, u64)> {
    sum.stages.iter().map(|(stage, spent)| (*stage, spent.took_us / 1_000, spent.blamed)).collect()
}

#[test]
fn a_result_is_counted_once_when_it_is_read_back_with_what_executors_had_done_by_then() {
    let mut scene = Scene::begin(1);
    let failure = Failure { kind: FailureKind::Overloaded, message: String::new() };
    scene.hear(0, 3, "b", (0, 0), Reply::Failure(failure));
    scene.answers(0, 9, "a", (2, 4));
    assert_eq!(scene.counting.fresh.results.all(), 0, "it is not in the log yet");
    scene.read_back(10, 2);
    scene.answers(0, 12, "c", (0, 7));
    let sum = scene.counting.take(at(500));
    assert_eq!((sum.results.predicted.count(), sum.results.degraded.count(), sum.misses), (1, 0, 0));
    assert_eq!(sum.results.predicted.quantile(1.0), Some(Duration::from_micros(10_007)), "to a thousandth");
    assert_eq!((sum.decided[0].clause, sum.decided[0].results), (1, 1));
    let stages = [
        (Stage::Starter, 1, 0),
        (Stage::BrokerThere, 1, 0),
        (Stage::Queue, 2, 0),
        (Stage::Compute, 4, 0),
        (Stage::BrokerBack, 1, 0),
        (Stage::Result, 1, 0),
    ];
    assert_eq!(took(&sum), stages);
    let [a, b, c] = ["a", "b", "c"].map(|name| &sum.executors[name]);
    assert_eq!((a.heard, a.useful, a.late, a.canary), (1, 1, 0, false));
    assert_eq!((b.heard, b.failures(), b.wasted_us), (0, 1, 0));
    assert_eq!((c.pending, c.late, c.canary, c.compared_us), (1, 1, true, 7_000));
    assert!(scene.counting.take(at(1_000)).is_empty(), "each count is told once");
    assert!(scene.counting.written.is_empty());
}

#[test]
fn a_miss_waits_for_the_answer_that_would_have_been_chosen_and_is_blamed_once() {
    let mut scene = Scene::begin(3);
    scene.on_time(60);
    // One answer comes before the result is read back, one after it, and one never.
    scene.answers(0, 70, "a", (60, 1));
    scene.read_back(61, 1);
    scene.answers(1, 72, "c", (0, 70));
    scene.answers(1, 80, "b", (0, 75));
    scene.answers(1, 81, "a", (80, 0));
    let early = scene.counting.take(at(500));
    assert_eq!((early.misses, early.split), (3, 2));
    let blamed = |sum: &Sum| {
        took(sum).into_iter().filter_map(|(stage, _, blamed)| (blamed > 0).then_some(stage)).collect::<Vec<_>>()
    };
    assert_eq!(blamed(&early), [Stage::Queue, Stage::Compute]);
    let later = scene.counting.take(at(11_000));
    assert_eq!((later.split, blamed(&later)), (1, vec![Stage::Silent]));
    assert!(scene.counting.missed.is_empty() && scene.counting.order.is_empty());
}

#[test]
fn what_is_kept_of_misses_is_bounded_and_each_still_counts_as_one() {
    let requests = MISSED_MAX as u128 + 10;
    let mut scene = Scene::begin(requests);
    scene.on_time(60);
    scene.read_back(61, 1);
    assert_eq!(scene.counting.missed.len(), MISSED_MAX);
    let sum = scene.counting.take(at(20_000));
    assert_eq!((u128::from(sum.misses), sum.split), (requests, MISSED_MAX as u64));
}

#[test]
fn what_others_are_to_decide_is_not_counted() {
    let mut scene = Scene::begin(1);
    scene.answers(0, 9, "a", (2, 4));
    scene.counting.forget();
    scene.read_back(10, 1);
    assert!(scene.counting.take(at(500)).is_empty());
}

#[test]
fn who_could_not_start_before_the_verdict_was_spared() {
    let mut scene = Scene::begin(1);
    scene.answers(0, 9, "a", (0, 4));
    scene.read_back(10, 1);
    assert_eq!(scene.counting.take(at(500)).executors["b"].spared, 1);
    let mut scene = Scene::begin(1);
    scene.answers(0, 11, "a", (0, 4));
    assert_eq!(scene.written[0].kind, ResultKind::Prediction);
    scene.read_back(12, 1);
    assert_eq!((scene.counting.fresh.executors["b"].spared, scene.counting.fresh.executors["b"].pending), (0, 1));
}
