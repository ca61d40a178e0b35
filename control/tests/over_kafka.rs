//! Policies change over a real Kafka.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

mod policy;

use std::{fmt::Write as _, sync::Arc};

use broker::Broker;
use bus::{KafkaBus, KafkaSettings};
use hedgerow_control::{Follower, Outcome, PolicyView};
use policies::{Definition, Effect};
use wire::{Action, Apply, ApplyMode, Change, RendezvousName};

use policy::{PATIENCE, follow, text};

async fn bus() -> Arc<KafkaBus> {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap())
}

/// A rendezvous of this test alone: they share the broker and its one control topic.
fn named(test: &str) -> RendezvousName {
    RendezvousName::new(&format!("{test}-{}", std::process::id())).unwrap()
}

fn of(name: &RendezvousName, budget_ms: u64) -> String {
    text(budget_ms).replace("rendezvous: wine", &format!("rendezvous: {name}"))
}

fn apply(follower: &Follower, name: &RendezvousName, author: &str, expected: u64, budget_ms: u64) -> Change {
    let apply = Apply::live(of(name, budget_ms).into(), expected);
    follower.change(name, author, "because", Action::Apply(apply))
}

async fn begin(follower: &Follower, name: &RendezvousName) {
    let first = Definition::parse("wine.yaml", &of(name, 50)).unwrap();
    follower.ensure_first(&first, "ada", "wine.yaml").await.unwrap();
}

fn view(follower: &Follower, name: &RendezvousName) -> PolicyView {
    PolicyView::from(&*follower.history(name).unwrap().borrow())
}

/// Waits until `follower` has folded as far as version `newest`.
async fn until(follower: &Follower, name: &RendezvousName, newest: u64) {
    let mut history = follower.history(name).unwrap();
    let there = history.wait_for(|history| history.newest() >= newest);
    drop(tokio::time::timeout(PATIENCE, there).await.expect("it is taken up").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_appliers_at_once_one_wins_and_the_other_is_told() {
    let (bus, name) = (bus().await, named("two"));
    let (ada, bob) = (follow(&bus).await, follow(&bus).await);
    begin(&ada, &name).await;
    until(&bob, &name, 1).await;
    for round in 1..=10 {
        let (one, other) = tokio::join!(
            ada.publish(apply(&ada, &name, "ada", round, 40)),
            bob.publish(apply(&bob, &name, "bob", round, 30)),
        );
        let outcomes = [one.unwrap(), other.unwrap()];
        assert!(outcomes.contains(&Outcome::Done(Effect::Live { version: round + 1 })), "{outcomes:?}");
        let refused: Vec<_> = outcomes.iter().filter_map(Outcome::refused).collect();
        assert_eq!((refused.len(), refused[0].since[0].version), (1, round + 1), "{outcomes:?}");
        until(&ada, &name, round + 1).await;
        until(&bob, &name, round + 1).await;
    }
    // What is refused lies behind what won, and may not be folded yet: whoever has the next version has all before it.
    ada.publish(apply(&ada, &name, "ada", 11, 40)).await.unwrap();
    until(&ada, &name, 12).await;
    until(&bob, &name, 12).await;
    assert_eq!(view(&ada, &name), view(&bob, &name));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_edits_are_folded_alike_by_three_followers_and_by_one_that_comes_later() {
    let (bus, name) = (bus().await, named("edits"));
    let all = [follow(&bus).await, follow(&bus).await, follow(&bus).await];
    begin(&all[0], &name).await;
    let mut versions = Vec::new();
    for (index, follower) in all.iter().enumerate() {
        until(follower, &name, 1).await;
        // Each of them edits too, as fast as it can, by what it knows: many of these are refused.
        let (follower, name) = (follower.clone(), name.clone());
        versions.push(tokio::spawn(async move {
            for edit in 0..67 {
                let newest = follower.history(&name).unwrap().borrow().newest();
                let change = apply(&follower, &name, &format!("author {index}"), newest, 10 + edit % 5);
                follower.publish(change).await.unwrap();
            }
        }));
    }
    for editing in versions {
        tokio::time::timeout(PATIENCE, editing).await.expect("the edits come to an end").unwrap();
    }
    let newest = all.iter().map(|follower| view(follower, &name).newest).max().unwrap();
    for follower in &all {
        until(follower, &name, newest).await;
    }
    let later = follow(&bus).await;
    let views = [view(&all[0], &name), view(&all[1], &name), view(&all[2], &name), view(&later, &name)];
    assert!(views.iter().all(|view| view.versions == views[0].versions), "{}", told(&views));
    assert!(newest > 67, "at least as many as one of them alone would have made: {newest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_finds_the_live_version_and_its_trial() {
    let (bus, name) = (bus().await, named("restart"));
    let before = follow(&bus).await;
    begin(&before, &name).await;
    before.publish(apply(&before, &name, "bob", 1, 40)).await.unwrap();
    let shadow = Apply { mode: ApplyMode::Shadow, ..Apply::live(of(&name, 30).into(), 2) };
    before.publish(before.change(&name, "eve", "", Action::Apply(shadow))).await.unwrap();
    drop(before);
    let after = follow(&bus).await;
    let seen = after.versions(&name).unwrap();
    let versions = Arc::clone(&seen.borrow());
    assert_eq!((versions.live().policy_ref.version, versions.live().budget.as_micros()), (2, 40_000));
    assert_eq!(versions.trial().unwrap().definition.policy_ref.version, 3);
    assert_eq!(versions.get(1).unwrap().budget.as_micros(), 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_takes_no_version_with_it() {
    let mut broker = tokio::task::spawn_blocking(Broker::start).await.unwrap().unwrap();
    let bus = Arc::new(KafkaBus::connect(KafkaSettings::new(broker.bootstrap())).unwrap());
    let name = named("outage");
    let (one, other) = (follow(&bus).await, follow(&bus).await);
    begin(&one, &name).await;
    until(&other, &name, 1).await;
    let restarted = tokio::task::spawn_blocking(move || {
        broker.restart().unwrap();
        broker
    });
    // It lives until the test is over.
    let _broker = restarted.await.unwrap();
    assert_eq!(view(&other, &name).live, 1);
    let outcome = one.publish(apply(&one, &name, "bob", 1, 40)).await.unwrap();
    assert_eq!(outcome, Outcome::Done(Effect::Live { version: 2 }));
    until(&other, &name, 2).await;
}

fn told(views: &[PolicyView]) -> String {
    let mut text = String::new();
    for view in views {
        let _ = writeln!(text, "{} versions, live {}, {} refused", view.newest, view.live, view.refused.len());
    }
    text
}
