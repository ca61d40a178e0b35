//! What requests and responses make of breakers, in a partition: `a` dies, and is waited for no more.

use std::{sync::Arc, time::Duration};

use policies::{Definition, Reason, ReceiptState};
use proptest::prelude::*;
use uuid::Uuid;
use wire::{Budget, Failure, ModelVersion, Request, RequestId};

use super::*;
use crate::{
    Surroundings, WayBack,
    rendezvous::{Output, Rendezvous},
};

/// All three are waited for, for 40 ms.
const ALL: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class, confidence: sure }\n\
executors:\n  a: { echo: }\n  b: { echo: , breaker: off }\n  c: { echo: , breaker: { min: 5, window: 1s, pause: 200ms } }\n\
decide:\n- best: { score: sure }\n  until: 40ms\n- default: { class: none }\n";

struct Scene {
    rendezvous: Rendezvous,
    surroundings: Surroundings,
    asked: u128,
}

/// How a request was answered: after so many milliseconds, and who of its receipt was how far.
#[derive(Debug)]
struct Answered {
    after: u128,
    reason: Reason,
    states: Vec<(String, ReceiptState)>,
}

fn parsed(text: &str) -> Versions {
    let definition = Definition::parse("test.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    Versions::only(Arc::new(definition))
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000 + millis * 1_000)
}

fn answers() -> Reply {
    Reply::Answer(r#"{"class":"cat","sure":0.9}"#.into())
}

fn fails() -> Reply {
    Reply::Failure(Failure { kind: FailureKind::Failed, message: "dead".to_owned() })
}

fn response(request: RequestId, executor: &str, reply: &Reply) -> Response {
    let (model, reply) = (ModelVersion::from("model@1"), reply.clone());
    let executor = ExecutorId::new(executor).unwrap();
    Response {
        request,
        executor,
        model,
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply,
    }
}

impl Scene {
    fn new(text: &str) -> Self {
        let mut surroundings = Surroundings::new(Arc::new(parsed(text)));
        surroundings.way_back = WayBack::of(Duration::ZERO);
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        Self { rendezvous, surroundings, asked: 0 }
    }

    fn edit(&mut self, versions: Versions) {
        self.surroundings.on_versions(Arc::new(versions));
        self.rendezvous.on_versions(0, &mut self.surroundings);
    }

    /// Asks at `now`; those of `said` reply so many milliseconds later, and then time runs out.
    fn ask(&mut self, now: i64, said: &[(&str, i64, Reply)]) -> Answered {
        self.asked += 1;
        let id = RequestId::from_uuid(Uuid::from_u128(self.asked));
        let request = Request {
            id,
            born: at(now),
            budget: Budget::from_millis(50),
            policy: "test@1".parse().unwrap(),
            plan: "a,b,c".parse().unwrap(),
            case: None,
            key: None,
            attributes: wire::Attributes::default(),
            traceparent: None,
            reply: None,
            body: "{}".into(),
        };
        // Whoever is quicker than the log is read before the request.
        let (early, said): (Vec<_>, Vec<_>) = said.iter().partition(|(_, later, _)| *later == 0);
        for (executor, _, reply) in early {
            let response = response(id, executor, reply);
            self.rendezvous.on_response(response, at(now), 0, &mut self.surroundings);
        }
        self.rendezvous.on_request(request, at(now), 0, &mut self.surroundings);
        for (executor, later, reply) in said {
            let response = response(id, executor, reply);
            let then = at(now + later);
            self.rendezvous.on_time(then, &mut self.surroundings);
            self.rendezvous.on_response(response, then, 0, &mut self.surroundings);
        }
        self.rendezvous.on_time(at(now + 60), &mut self.surroundings);
        let outputs = std::iter::from_fn(|| self.rendezvous.poll_output());
        let decision =
            outputs.filter_map(|output| if let Output::Emit(decision) = output { Some(decision) } else { None });
        let verdict = decision.last().expect("every request is decided").verdict;
        let states = verdict.receipt.entries.iter().map(|entry| (entry.executor.to_string(), entry.state));
        Answered { after: verdict.at.since(at(now)).as_millis(), reason: verdict.reason, states: states.collect() }
    }

    fn standing(&mut self, executor: &str) -> Standing {
        let standings = &mut self.rendezvous.breakers().standings();
        standings.find(|(id, _)| id.as_str() == executor).expect("it has a breaker").1
    }
}

const ALIVE: [(&str, i64); 2] = [("b", 3), ("c", 4)];

fn alive() -> Vec<(&'static str, i64, Reply)> {
    ALIVE.iter().map(|(name, later)| (*name, *later, answers())).collect()
}

/// Everybody lives for a while, and then `a` is dead: asks ten times a second, and returns after how long each answer came.
fn dying(scene: &mut Scene, requests: i64) -> Vec<u128> {
    (0..requests).map(|number| scene.ask(number * 100, &alive()).after).collect()
}

#[test]
fn who_dies_is_waited_for_by_some_and_then_by_nobody() {
    let mut scene = Scene::new(ALL);
    let waits = dying(&mut scene, 40);
    assert_eq!(waits[..20], [40; 20], "it takes twenty in a row");
    // Once a pause is over, one request finds out that it is still dead.
    let probes = waits[20..].iter().filter(|after| **after == 40).count();
    assert!((1..=2).contains(&probes) && waits[20] == 4, "{waits:?}");
    assert!(waits[20..].iter().all(|after| [4, 40].contains(after)));
}

#[test]
fn what_is_decided_without_it_says_so_and_what_it_says_after_all_is_no_vote() {
    let mut scene = Scene::new(ALL);
    dying(&mut scene, 20);
    let answered = scene.ask(2_000, &[("a", 1, answers()), ("b", 3, answers()), ("c", 4, answers())]);
    assert_eq!((answered.after, answered.reason), (4, Reason::AllAnswered));
    assert_eq!(answered.states[0], ("a".to_owned(), ReceiptState::BreakerOpen));
    assert_eq!(scene.standing("a"), Standing::HalfOpen, "it is alive");
}

#[test]
fn who_comes_back_is_waited_for_again_after_five_answers_nobody_waited_for() {
    let mut scene = Scene::new(ALL);
    dying(&mut scene, 20);
    let everybody = [("b", 3, answers()), ("c", 4, answers()), ("a", 9, answers())];
    let after: Vec<u128> = (0..7).map(|number| scene.ask(2_000 + number * 10, &everybody).after).collect();
    // The first shows that it is back, the second is a probe, and the fifth answer closes it.
    assert_eq!(after, [4, 9, 4, 4, 4, 9, 9]);
    assert_eq!(scene.standing("a"), Standing::Closed);
}

#[test]
fn who_is_slow_and_within_the_budget_is_waited_for_as_long_as_the_policy_says() {
    let mut scene = Scene::new(ALL);
    for number in 0..200 {
        // Too late for the verdict, and not for the budget.
        let slow = [("b", 3, answers()), ("c", 4, answers()), ("a", 45, answers())];
        assert_eq!(scene.ask(number * 100, &slow).after, 40);
    }
    assert_eq!(scene.standing("a"), Standing::Closed);
}

#[test]
fn who_answers_when_the_budget_is_over_is_of_no_use_and_waited_for_no_more() {
    let mut scene = Scene::new(ALL);
    let slow = [("b", 3, answers()), ("c", 4, answers()), ("a", 50, answers())];
    let waits = (0..25).filter(|number| scene.ask(number * 100, &slow).after == 40).count();
    assert_eq!(waits, 20);
    assert_eq!(scene.standing("a"), Standing::Open);
}

#[test]
fn who_was_not_needed_is_neither_good_nor_bad() {
    let mut scene = Scene::new(&ALL.replace("best: { score: sure }", "first: any"));
    for number in 0..100 {
        assert_eq!(scene.ask(number * 100, &alive()).after, 3);
    }
    assert_eq!(scene.standing("a"), Standing::Closed, "nobody ever waited for it");
}

#[test]
fn a_switched_off_breaker_never_opens_and_one_of_fewer_requests_opens_sooner() {
    let mut scene = Scene::new(ALL);
    let only_a = [("a", 3, answers())];
    for number in 0..5 {
        assert_eq!(scene.ask(number * 100, &only_a).after, 40);
    }
    assert_eq!(scene.standing("c"), Standing::Open);
    for number in 5..40 {
        assert_eq!(scene.ask(number * 100, &only_a).after, 40, "b is waited for, whatever it does");
    }
    assert_eq!(scene.rendezvous.breakers().standings().count(), 2);
}

#[test]
fn all_who_are_needed_being_out_the_next_clause_comes_at_once() {
    let mut scene =
        Scene::new(&ALL.replace(", breaker: off", "").replace(", breaker: { min: 5, window: 1s, pause: 200ms }", ""));
    for number in 0..20 {
        assert_eq!(scene.ask(number * 100, &[]).reason, Reason::Deadline);
    }
    let answered = scene.ask(2_000, &[]);
    assert_eq!((answered.after, answered.reason), (0, Reason::AllFailed));
    // When it is back, its answer may be read before the request, which is decided before it hears any.
    scene.ask(2_100, &[("a", 0, answers())]);
    assert_eq!(scene.standing("a"), Standing::HalfOpen);
}

#[test]
fn failures_open_it_too() {
    let mut scene = Scene::new(ALL);
    let failing = [("a", 1, fails()), ("b", 3, answers()), ("c", 4, answers())];
    for number in 0..20 {
        scene.ask(number * 100, &failing);
    }
    assert_eq!(scene.standing("a"), Standing::Open);
}

#[test]
fn what_it_stood_as_is_kept_over_an_edit_unless_it_opens_otherwise() {
    let mut scene = Scene::new(ALL);
    dying(&mut scene, 20);
    scene.edit(parsed(&ALL.replace("until: 40ms", "until: 30ms")));
    assert_eq!(scene.standing("a"), Standing::Open);
    scene.edit(parsed(&ALL.replace("a: { echo: }", "a: { echo: , breaker: { min: 30 } }")));
    assert_eq!(scene.standing("a"), Standing::Closed);
    scene.edit(parsed(&ALL.replace("a: { echo: }", "a: { echo: , breaker: off }")));
    assert_eq!(scene.rendezvous.breakers().standings().count(), 1, "c's alone is left");
    assert!(scene.ask(3_000, &[("b", 1, answers()), ("c", 1, answers())]).after == 40);
}

#[test]
fn each_transition_is_told_once_with_the_figures_that_led_to_it() {
    let mut scene = Scene::new(ALL);
    dying(&mut scene, 20);
    let transition = scene.rendezvous.breakers().poll_transition().expect("it opened");
    assert_eq!((transition.executor.as_str(), transition.to), ("a", Standing::Open));
    assert_eq!(transition.tally, Tally { good: 0, bad: 20, row: 20 });
    assert!(scene.rendezvous.breakers().poll_transition().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// *Closed changes nothing*: as long as no breaker opens, breakers or none give the same verdicts.
    #[test]
    fn closed_breakers_change_nothing(requests in prop::collection::vec((0..200_i64, prop::collection::vec((0..3_usize, 0..60_i64, any::<bool>()), 0..4)), 1..19)) {
        let without = ALL.replace(", breaker: { min: 5, window: 1s, pause: 200ms }", "").replace("{ echo: }", "{ echo: , breaker: off }");
        let with = without.replace(", breaker: off", "");
        let (mut with, mut without) = (Scene::new(&with), Scene::new(&without));
        let mut now = 0;
        for (gap, mut said) in requests {
            now += gap;
            // Another of the same executor is no vote, and yet it is one more failure.
            said.sort_unstable();
            said.dedup_by_key(|(who, ..)| *who);
            said.sort_by_key(|(_, later, _)| *later);
            let reply = |good| if good { answers() } else { fails() };
            let said: Vec<_> = said.iter().map(|(who, later, good)| (["a", "b", "c"][*who], *later, reply(*good))).collect();
            let (one, other) = (with.ask(now, &said), without.ask(now, &said));
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"), "fewer than `min` requests open nothing");
        }
    }
}
