//! What is booked of one request: `a` starts at once, `b` after ten milliseconds, `c` is only compared; the first decides.

use std::sync::Arc;

use policies::{Definition, Versions};
use uuid::Uuid;
use wire::{Attributes, Failure, FailureKind, ModelVersion, Request};

use super::*;
use crate::{
    rendezvous::{Output, Rendezvous},
    surroundings::Surroundings,
    way_back::WayBack,
};

const POLICY: &str = "\
rendezvous: test\nbudget: 50ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: , start: { after: 10ms } }\n  c: { echo: , canary: { of: a } }\n\
decide:\n- first: any\n  until: 50ms\n- default: { class: none }\n";

/// A request born at nought, and what is booked of it.
struct Scene {
    rendezvous: Rendezvous,
    surroundings: Surroundings,
    accounts: Accounts,
}

impl Scene {
    fn begin() -> Self {
        let definition = Definition::parse("test.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
        let definition = Arc::new(definition.at_version(1));
        let mut surroundings = Surroundings::new(Arc::new(Versions::only(Arc::clone(&definition))));
        surroundings.way_back = WayBack::of(Duration::ZERO);
        let mut rendezvous = Rendezvous::default();
        rendezvous.on_versions(0, &mut surroundings);
        let request = Request {
            id: id(),
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
        rendezvous.on_request(request, at(0), 0, &mut surroundings);
        Self { rendezvous, surroundings, accounts: Accounts::default() }
    }

    /// At `millis` an executor is heard, which has worked for so long.
    fn hear(&mut self, millis: u64, executor: &str, worked: u64, reply: Reply) {
        let response = Response {
            request: id(),
            executor: ExecutorId::new(executor).unwrap(),
            model: ModelVersion::from("model@1"),
            fetched: Duration::ZERO,
            queued: Duration::ZERO,
            scored: Duration::from_millis(worked),
            reply,
        };
        self.rendezvous.on_response(response, at(millis), 1, &mut self.surroundings);
        self.book(at(millis));
    }

    fn answers(&mut self, millis: u64, executor: &str, worked: u64) {
        self.hear(millis, executor, worked, Reply::Answer(r#"{"class":1}"#.into()));
    }

    fn on_time(&mut self, millis: u64) {
        self.rendezvous.on_time(at(millis), &mut self.surroundings);
        self.book(at(millis));
    }

    fn book(&mut self, now: Timestamp) {
        while let Some(output) = self.rendezvous.poll_output() {
            match output {
                Output::Emit(decision) => self.accounts.on_verdict(&decision),
                Output::Late(response, _) => self.accounts.on_late(&response, now),
                _ => {}
            }
        }
    }

    /// Returns what was booked until then, as people would write it: who used and wasted how many milliseconds.
    fn spent(&mut self, millis: u64) -> String {
        let Some(Spending { books, saved, .. }) = self.accounts.take(at(millis)) else { return "nothing".to_owned() };
        let mut entries = Vec::new();
        for book in &books {
            let whose = book.executor.as_ref().map_or("nobody", ExecutorId::as_str);
            let times = [("used", book.used), ("wasted", book.wasted), ("compared", book.compared)];
            // A receipt keeps a time to a 256th of it.
            let times = times.map(|(what, time)| (what, (time.as_secs_f64() * 1_000.0).round()));
            entries.extend(
                times.iter().filter(|(_, time)| *time > 0.0).map(|(what, time)| format!("{whose} {what} {time}")),
            );
            entries.extend((book.won > 0).then(|| format!("{whose} won {}", book.won)));
            entries.extend((book.in_vain > 0).then(|| format!("{whose} in vain {}", book.in_vain)));
        }
        entries.extend(saved.iter().map(|saved| format!("saved {}", saved.as_millis())));
        entries.join(", ")
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000).after(Duration::from_millis(millis))
}

fn id() -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(7))
}

#[test]
fn work_that_a_result_was_made_of_is_used_and_a_hedge_behind_it_is_wasted_and_in_vain() {
    let mut scene = Scene::begin();
    scene.answers(5, "a", 4);
    assert_eq!(scene.spent(6), "a used 4");
    scene.answers(13, "b", 3);
    assert_eq!(scene.spent(14), "b wasted 3, b in vain 1");
}

#[test]
fn a_hedge_that_decides_has_won_and_saved_what_the_other_took_longer() {
    let mut scene = Scene::begin();
    scene.answers(12, "b", 2);
    assert_eq!(scene.spent(13), "b used 2, b won 1");
    scene.answers(45, "a", 44);
    assert_eq!(scene.spent(46), "a wasted 44, saved 33");
}

#[test]
fn a_hedge_that_nobody_follows_has_saved_what_the_request_still_had() {
    let mut scene = Scene::begin();
    scene.answers(12, "b", 2);
    scene.spent(13);
    assert_eq!(scene.spent(49), "nothing");
    assert_eq!(scene.spent(50), "saved 38");
}

#[test]
fn a_canary_has_a_book_of_its_own_whenever_it_answers() {
    let mut scene = Scene::begin();
    scene.answers(3, "c", 2);
    scene.answers(5, "a", 4);
    assert_eq!(scene.spent(6), "a used 4, c compared 2");
    let mut scene = Scene::begin();
    scene.answers(5, "a", 4);
    scene.spent(6);
    scene.answers(9, "c", 8);
    assert_eq!(scene.spent(10), "c compared 8");
}

#[test]
fn work_that_failed_is_wasted_and_whoever_never_began_has_spent_nothing() {
    let mut scene = Scene::begin();
    let failure = |kind| Reply::Failure(Failure { kind, message: String::new() });
    scene.hear(5, "a", 4, failure(FailureKind::Failed));
    scene.hear(12, "b", 0, failure(FailureKind::Expired));
    scene.on_time(50);
    assert_eq!(scene.spent(51), "a wasted 4");
}

#[test]
fn what_was_told_is_not_told_again() {
    let mut scene = Scene::begin();
    assert_eq!(scene.spent(1), "nothing");
    scene.answers(5, "a", 4);
    assert_eq!([scene.spent(6), scene.spent(7)], ["a used 4", "nothing"]);
}
