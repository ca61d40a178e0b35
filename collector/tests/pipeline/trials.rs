//! Versions on trial, with the control topic on the same bus: what is counted goes there, and so does a withdrawal.

use std::sync::Arc;

use bus::Bus;
use control::{Follower, Outcome};
use policies::{Definition, Effect, History, TrialTally, Versions};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use wire::{Action, Apply, ApplyMode, Budget, ResultKind};

use crate::scene::{GENEROUS, Running, Scene, id};

/// Two agree, which they do at once.
const LIVE: &str = "\
rendezvous: test\nbudget: 80ms\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 80ms\n- default: { class: none }\n\
objectives:\n- { within: 40ms, share: 99%, window: 1d }\n";

/// A rendezvous whose versions come from the control topic.
struct Trial {
    scene: Scene,
    follower: Follower,
    versions: watch::Receiver<Arc<Versions>>,
    running: Running,
    asked: u32,
    pinned: Vec<u64>,
}

impl Trial {
    async fn of(text: &str, mode: ApplyMode) -> Self {
        let scene = Scene::set_with(LIVE, 2).await;
        let bus: Arc<dyn Bus> = scene.embedded.clone();
        let follower = Follower::start(bus, scene.clock.clone(), Arc::default(), CancellationToken::new());
        let follower = timeout(GENEROUS, follower).await.expect("in time").expect("the topic is read");
        let versions = follower.ensure_first(&scene.definition, "ada", "test.yaml").await.expect("it is published");
        let (running, served) = scene.start_seeing(versions.clone());
        timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
        let apply = Action::Apply(Apply { mode, ..Apply::live(text.into(), 1) });
        let change = follower.change(scene.definition.name(), "bob", "to try it", apply);
        let outcome = follower.publish(change).await.expect("it is published");
        assert_eq!(outcome, Outcome::Done(Effect::OnTrial { version: 2 }));
        Self { scene, follower, versions, running, asked: 0, pinned: Vec::new() }
    }

    /// Asks as a starter does; two of three answer at once.
    fn ask(&mut self) {
        let serving: Arc<Definition> = Arc::clone(self.versions.borrow().serving(&id(self.asked)));
        self.scene.ask_under(&serving, self.asked, Budget::from_millis(80), None);
        self.scene.answer("a", self.asked, "cat");
        self.scene.answer("b", self.asked, "cat");
        self.pinned.push(serving.policy_ref.version);
        self.asked += 1;
    }

    /// Asks on until the versions are as wanted.
    async fn ask_until(&mut self, wanted: impl Fn(&Versions) -> bool) {
        let give_up = tokio::time::Instant::now() + GENEROUS;
        while !wanted(&self.versions.borrow_and_update()) {
            assert!(tokio::time::Instant::now() < give_up, "{:?}", self.versions.borrow().trial());
            (0..20).for_each(|_| self.ask());
            // Each change is waited for, but not for long: without requests nothing would be counted.
            let _ = timeout(std::time::Duration::from_millis(50), self.versions.changed()).await;
        }
    }

    fn tally(&self) -> TrialTally {
        self.versions.borrow().trial().expect("it is on trial").tally()
    }

    fn history(&self) -> History {
        self.follower.history(self.scene.definition.name()).expect("it has one").borrow().clone()
    }

    /// Every request has one result, by the version that it was pinned to.
    async fn end(self) -> Vec<ResultKind> {
        let results = self.scene.results(usize::try_from(self.asked).expect("few")).await;
        let kinds = self.pinned.iter().zip(0..).map(|(version, number)| {
            let result = &results[&id(number)];
            assert_eq!(result.policy.version, *version, "request {number}");
            result.kind
        });
        let kinds = kinds.collect();
        self.running.stop().await;
        kinds
    }
}

/// A version that waits for somebody who never comes.
fn waiting() -> String {
    LIVE.replace("agree: 2", "agree: 3")
}

#[tokio::test]
async fn a_shadow_that_waits_too_long_is_withdrawn_and_results_go_on() {
    let mut trial = Trial::of(&waiting(), ApplyMode::Shadow).await;
    trial.ask_until(|versions| versions.trial().is_none()).await;
    let entry = trial.history().entry(2).expect("it stays on record").clone();
    let state = format!("{:?}", entry.state);
    assert!(state.contains("hedgerow") && state.contains("came after 40ms"), "{state}");
    (0..20).for_each(|_| trial.ask());
    let kinds = trial.end().await;
    assert!(kinds.iter().all(|kind| *kind == ResultKind::Prediction), "the shadow changed nothing");
}

#[tokio::test]
async fn a_share_that_waits_too_long_is_withdrawn_and_its_requests_are_decided_by_it() {
    let mut trial = Trial::of(&waiting(), ApplyMode::Share(3_000)).await;
    trial.ask_until(|versions| versions.trial().is_none()).await;
    (0..20).for_each(|_| trial.ask());
    let pinned = trial.pinned.clone();
    let kinds = trial.end().await;
    assert!(pinned.contains(&2));
    for (version, kind) in pinned.into_iter().zip(kinds) {
        assert_eq!(kind == ResultKind::Default, version == 2);
    }
}

#[tokio::test]
async fn a_shadow_is_counted_in_the_control_topic_and_a_successor_counts_on() {
    let hasty = LIVE.replace("agree: 2", "first: any");
    let mut trial = Trial::of(&hasty, ApplyMode::Shadow).await;
    let compared = |versions: &Versions| versions.trial().map_or(0, |trial| trial.tally().paired.compared);
    trial.ask_until(|versions| compared(versions) >= 100).await;
    let before = trial.tally();
    assert_eq!((before.paired.different, before.live.defaults), (0, 0));
    assert_eq!(before.live.decided, before.paired.compared);
    let (successor, served) = trial.scene.start_seeing(trial.versions.clone());
    std::mem::replace(&mut trial.running, successor).crash().await;
    timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
    let more = before.paired.compared + 50;
    trial.ask_until(|versions| compared(versions) >= more).await;
    trial.end().await;
}
