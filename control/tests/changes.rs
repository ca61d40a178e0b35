//! Policies change on the embedded bus.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

mod policy;

use std::sync::Arc;

use bus::{Bus, BusError, Clock, EmbeddedBus, TopicPartition};
use hedgerow_control::{FollowError, Follower, Metrics, Outcome, PolicyView};
use policies::{Effect, Refusal};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use wire::{Action, ApplyMode, CONTROL_TOPIC, ControlRecord, Record, Tally};

use policy::{PATIENCE, apply, definition, follow, name, text};

fn bus() -> Arc<EmbeddedBus> {
    EmbeddedBus::new(Clock::system())
}

/// Writes any record at all into the control topic.
async fn write(bus: &Arc<EmbeddedBus>, record: Record) {
    let producer = bus.producer(&[CONTROL_TOPIC]).await.unwrap();
    producer
        .send(&TopicPartition::new(CONTROL_TOPIC, 0), record, Box::new(|outcome| assert!(outcome.is_ok())))
        .unwrap();
}

#[tokio::test]
async fn the_first_start_publishes_the_file_and_an_edit_reaches_every_follower() {
    let bus = bus();
    let (one, other) = (follow(&bus).await, follow(&bus).await);
    let mut seen = one.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    assert_eq!(seen.borrow_and_update().live().policy_ref.version, 1);
    assert_eq!(
        other.publish(apply(&other, "bob", 1, &text(40))).await.unwrap(),
        Outcome::Done(Effect::Live { version: 2 })
    );
    tokio::time::timeout(PATIENCE, seen.changed()).await.unwrap().unwrap();
    let versions = Arc::clone(&seen.borrow());
    assert_eq!((versions.live().policy_ref.version, versions.live().budget.as_micros()), (2, 40_000));
    assert_eq!(versions.get(1).unwrap().budget.as_micros(), 50_000, "what requests in flight are pinned to");
}

#[tokio::test]
async fn a_restart_finds_the_live_version_and_not_the_file() {
    let bus = bus();
    let before = follow(&bus).await;
    before.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    before.publish(apply(&before, "bob", 1, &text(40))).await.unwrap();
    let after = follow(&bus).await;
    let seen = after.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    assert_eq!(seen.borrow().live().policy_ref.version, 2);
    let bob = after.history(&name()).unwrap().borrow().entry(2).unwrap().clone();
    assert_eq!((bob.author.as_str(), bob.message.as_str(), &**bob.text()), ("bob", "because", text(40).as_str()));
}

#[tokio::test]
async fn many_first_starts_at_once_make_one_first_version() {
    let bus = bus();
    let starts = (0..8).map(|index| {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            let follower = follow(&bus).await;
            let seen = follower.ensure_first(&definition(20 + index), "ada", "wine.yaml").await.unwrap();
            let live = Arc::clone(seen.borrow().live());
            (live.policy_ref.version, live.budget)
        })
    });
    let mut all = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        all.push(start.await.unwrap());
    }
    assert!(all.iter().all(|seen| *seen == all[0] && seen.0 == 1), "{all:?}");
}

#[tokio::test]
async fn two_conflicting_applies_one_wins_the_other_is_told() {
    let bus = bus();
    let (ada, bob) = (follow(&bus).await, follow(&bus).await);
    ada.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    let (one, other) =
        tokio::join!(ada.publish(apply(&ada, "ada", 1, &text(40))), bob.publish(apply(&bob, "bob", 1, &text(30))));
    let outcomes = [one.unwrap(), other.unwrap()];
    let refused: Vec<_> = outcomes.iter().filter_map(Outcome::refused).collect();
    assert_eq!(refused.len(), 1, "{outcomes:?}");
    assert_eq!(refused[0].refusal, Refusal::Conflict { expected: 1, newest: 2 });
    let winner = &refused[0].since;
    assert_eq!((winner.len(), winner[0].version, winner[0].message.as_str()), (1, 2, "because"), "{winner:?}");
}

#[tokio::test]
async fn a_control_record_that_does_not_parse_or_is_older_changes_nothing_and_is_counted() {
    let bus = bus();
    let (metrics, stop) = (Arc::new(Metrics::default()), CancellationToken::new());
    let follower = Follower::start(bus.clone(), Clock::system(), Arc::clone(&metrics), stop).await.unwrap();
    let seen = follower.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    write(&bus, Record { payload: Some("not a change".into()), ..Record::default() }).await;
    write(&bus, Record::default()).await;
    write(&bus, apply(&follower, "eve", 0, &text(10)).encode()).await;
    write(&bus, apply(&follower, "eve", 1, "rendezvous: wine").encode()).await;
    let last = follower.publish(apply(&follower, "bob", 1, &text(40))).await.unwrap();
    assert_eq!(last, Outcome::Done(Effect::Live { version: 2 }));
    assert_eq!(seen.borrow().live().budget.as_micros(), 40_000);
    let view = PolicyView::from(&*follower.history(&name()).unwrap().borrow());
    assert_eq!(view.refused.iter().map(|refused| refused.author.as_str()).collect::<Vec<_>>(), ["eve", "eve"]);
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut shown = String::new();
    prometheus_client::encoding::text::encode(&mut shown, &registry).unwrap();
    for line in [
        "hedgerow_control_poison_total 2",
        "hedgerow_changes_refused_total 2",
        "hedgerow_policy_version{rendezvous=\"wine\"} 2",
        "hedgerow_change_taken_up_seconds_count 2",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

#[tokio::test]
async fn a_text_with_an_error_is_refused_unwritten_and_says_where() {
    let bus = bus();
    let follower = follow(&bus).await;
    let seen = follower.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    let written = bus.span(&TopicPartition::new(CONTROL_TOPIC, 0)).await.unwrap();
    let mistaken = text(50).replace("- first: any", "- frist: any");
    let outcome = follower.publish(apply(&follower, "bob", 1, &mistaken)).await.unwrap();
    let refused = outcome.refused().unwrap();
    assert!(refused.sentence.contains("wine@2:8:") && refused.sentence.contains("did you mean `first`"), "{refused:?}");
    assert_eq!(bus.span(&TopicPartition::new(CONTROL_TOPIC, 0)).await.unwrap(), written);
    assert_eq!(seen.borrow().live().policy_ref.version, 1);
}

#[tokio::test]
async fn an_outage_is_waited_out_and_what_was_taken_up_stays_in_force() {
    let bus = bus();
    let (one, other) = (follow(&bus).await, follow(&bus).await);
    let mut seen = one.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    seen.borrow_and_update();
    bus.faults().interrupt();
    let starting = tokio::spawn(follow_with(&bus));
    tokio::task::yield_now().await;
    assert!(!starting.is_finished());
    assert_eq!(seen.borrow().live().policy_ref.version, 1);
    bus.faults().restore();
    other.publish(apply(&other, "bob", 1, &text(40))).await.unwrap();
    tokio::time::timeout(PATIENCE, seen.changed()).await.unwrap().unwrap();
    assert_eq!(seen.borrow().live().policy_ref.version, 2);
    let late = tokio::time::timeout(PATIENCE, starting).await.unwrap().unwrap().unwrap();
    assert_eq!(late.versions(&name()).unwrap().borrow().live().policy_ref.version, 2);
}

fn follow_with(bus: &Arc<EmbeddedBus>) -> impl Future<Output = Result<Follower, FollowError>> + use<> {
    Follower::start(bus.clone(), Clock::system(), Arc::default(), CancellationToken::new())
}

#[tokio::test]
async fn a_topic_that_cannot_be_the_control_topic_is_said_so() {
    let bus = bus();
    let wrong = bus::TopicSpec { name: CONTROL_TOPIC.to_owned(), partitions: 3, retention: None, compacted: true };
    bus.create_topics(&[wrong]).await.unwrap();
    let refused = follow_with(&bus).await.unwrap_err();
    assert!(matches!(&refused, FollowError::Bus(BusError::Fatal(why)) if why.contains("3 partitions")), "{refused:?}");
}

#[tokio::test]
async fn a_trial_is_followed_with_what_its_partitions_counted() {
    let bus = bus();
    let follower = follow(&bus).await;
    let mut seen = follower.ensure_first(&definition(50), "ada", "wine.yaml").await.unwrap();
    let shadow = policy::apply_as(&follower, "bob", 1, &text(40), ApplyMode::Shadow);
    assert_eq!(follower.publish(shadow).await.unwrap(), Outcome::Done(Effect::OnTrial { version: 2 }));
    seen.borrow_and_update();
    let counted = policies::TrialTally {
        paired: policies::PairTally { compared: 7, ..policies::PairTally::default() },
        ..policies::TrialTally::default()
    };
    let counted = serde_json::to_vec(&counted).unwrap().into();
    let tally = Tally { policy: "wine@2".parse().unwrap(), partition: 0, counted };
    write(&bus, ControlRecord::Tally(tally).encode()).await;
    tokio::time::timeout(PATIENCE, seen.changed()).await.unwrap().unwrap();
    assert_eq!(seen.borrow().trial().unwrap().tally().paired.compared, 7);
    let promote = follower.change(&name(), "ada", "", Action::Promote { version: 2 });
    assert_eq!(follower.publish(promote).await.unwrap(), Outcome::Done(Effect::Live { version: 2 }));
    let versions = Arc::clone(&seen.borrow());
    assert_eq!((versions.live().policy_ref.version, versions.trial().is_none()), (2, true));
}
