//! What is kept for traces, of requests that are heard of.

use std::sync::Arc;

use bytes::Bytes;
use policies::Definition;
use traces::{Kept, Miss, Share};
use uuid::Uuid;
use wire::{Attributes, Fencing, ModelVersion, Reply, ResultKind};

use super::*;

const POLICY: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

const NONE: Sampling = Sampling { share: Share::NONE };
const ALL: Sampling = Sampling { share: Share::ALL };

/// What is kept for traces, and requests that are heard of.
struct Scene {
    traced: Traced,
    definition: Arc<Definition>,
}

impl Scene {
    fn of(traced: Traced) -> Self {
        let definition = Definition::parse("test.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        Self { traced, definition: Arc::new(definition) }
    }

    fn keeping(sampling: Sampling) -> Self {
        Self::of(Traced::wanting(sampling, "kafka"))
    }

    fn asks(&mut self, number: u128) {
        let request = Request {
            id: id(number),
            born: at(0),
            budget: self.definition.budget,
            policy: self.definition.policy_ref.clone(),
            plan: self.definition.plan(),
            case: None,
            key: Some("secret".into()),
            attributes: Attributes::default(),
            traceparent: None,
            reply: None,
            body: "{\"x\":\"secret\"}".into(),
        };
        self.traced.on_request(&request, at(0), at(1));
    }

    fn says(&mut self, number: u128, executor: &str, millis: u64) {
        let response = Response {
            request: id(number),
            executor: ExecutorId::new(executor).unwrap(),
            model: ModelVersion::from("model@1"),
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::from_millis(1),
            reply: Reply::Answer("{\"class\":\"secret\"}".into()),
        };
        self.traced.on_response(&response, at(millis));
    }

    fn gives(&mut self, number: u128, kind: ResultKind, millis: u64) {
        let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
        let (policy, body) = (self.definition.policy_ref.clone(), Bytes::from_static(b"{}"));
        let result = ResultRecord { request: id(number), policy, kind, key: None, reply: None, fencing, body };
        self.traced.on_result(&result, at(millis), 3);
    }

    /// What is told, in short: whose trace, why, and who is heard in it.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(part) = self.traced.poll_told() {
            let number = |request: &Request| request.id.as_uuid().as_u128();
            told.push(match &part {
                Told::Whole(whole) => {
                    let heard = whole.responses.iter().map(|(response, _)| response.executor.as_str());
                    let heard = heard.collect::<Vec<_>>().join(",");
                    format!("{} {} [{heard}]", number(&whole.request.0), whole.kept.as_str())
                }
                Told::Late(late) => format!("{} late {}", number(&late.request.0), late.response.0.executor),
            });
            assert!(!format!("{part:?}").contains("secret"), "neither inputs nor answers are held: {part:?}");
        }
        told
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000).after(Duration::from_millis(millis))
}

fn id(number: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(number))
}

#[test]
fn switched_off_nothing_is_kept_and_nothing_is_told() {
    let mut scene = Scene::of(Traced::default());
    scene.asks(1);
    scene.says(1, "a", 5);
    scene.gives(1, ResultKind::Error, 90);
    assert_eq!(scene.told(), [""; 0]);
    assert!(scene.traced.watched.is_empty() && scene.traced.watched.capacity() == 0);
}

#[test]
fn a_trace_is_told_once_when_its_result_is_in_the_log_and_late_answers_after_it() {
    let mut scene = Scene::keeping(ALL);
    scene.asks(1);
    scene.says(1, "a", 5);
    assert_eq!(scene.told(), [""; 0]);
    scene.gives(1, ResultKind::Prediction, 6);
    scene.gives(1, ResultKind::Prediction, 7);
    scene.says(1, "b", 9);
    scene.says(1, "b", 10);
    scene.says(1, "a", 11);
    assert_eq!(scene.told(), ["1 share [a]", "1 late b"]);
    assert!(scene.traced.watched.is_empty() && scene.traced.awaited.is_empty());
}

#[test]
fn every_miss_is_told_and_nothing_else_of_no_share() {
    let mut scene = Scene::keeping(NONE);
    for (number, kind, millis) in [
        (1, ResultKind::Prediction, 50),
        (2, ResultKind::Prediction, 51),
        (3, ResultKind::Default, 5),
        (4, ResultKind::Error, 5),
    ] {
        scene.asks(number);
        scene.gives(number, kind, millis);
        scene.says(number, "a", 90);
    }
    assert_eq!(scene.told(), ["2 miss []", "2 late a", "3 miss []", "3 late a", "4 miss []", "4 late a"]);
    assert_eq!(Kept::Missed(Miss::Late).as_str(), "miss");
}

#[test]
fn what_somebody_else_has_written_is_his_to_tell() {
    let mut scene = Scene::keeping(ALL);
    scene.asks(1);
    scene.traced.forget(&id(1));
    scene.gives(1, ResultKind::Prediction, 6);
    assert_eq!(scene.told(), [""; 0]);
}

#[test]
fn what_is_kept_is_bounded_and_what_finds_no_room_is_counted() {
    let mut scene = Scene::keeping(NONE);
    let many = WATCHED_MAX as u128;
    (0..many + 3).for_each(|number| scene.asks(number));
    scene.asks(0);
    assert_eq!((scene.traced.watched.len(), scene.traced.take_unwatched()), (WATCHED_MAX, 3));
    for _ in 0..100 {
        scene.says(0, "a", 5);
    }
    scene.gives(many, ResultKind::Default, 6);
    scene.gives(0, ResultKind::Default, 6);
    assert_eq!(scene.told(), ["0 miss [a,a,a,a]"]);
    (1..many).for_each(|number| scene.gives(number, ResultKind::Default, 6));
    assert_eq!(scene.traced.awaited.len(), AWAITED_MAX);
    scene.traced.on_time(at(50).after(WINDOW));
    assert!(scene.traced.awaited.is_empty());
}

#[test]
fn a_result_that_never_comes_is_forgotten() {
    let mut scene = Scene::keeping(ALL);
    scene.asks(1);
    scene.traced.on_time(at(49).after(WINDOW));
    assert_eq!(scene.traced.watched.len(), 1);
    scene.traced.on_time(at(50).after(WINDOW).after(SWEEP_EVERY));
    assert!(scene.traced.watched.is_empty());
}
