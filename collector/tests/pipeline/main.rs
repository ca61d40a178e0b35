//! The collector on the embedded bus, between a scripted starter and scripted executors.

mod breakers;
mod edges;
mod edits;
mod handover;
mod loss;
mod objectives;
mod scene;
mod strangers;
mod trials;

use std::time::Duration;

use bus::{Bus, Commit, Committed, Event, SendFault};
use bytes::Bytes;
use tokio::time::timeout;
use uuid::Uuid;
use wire::{Budget, DeadLetter, Fence, Fencing, Record, ResultRecord};

use scene::{GENEROUS, Scene, id};

const MINUTE: Budget = Budget::from_millis(60_000);

#[tokio::test]
async fn two_that_agree_are_the_result() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    let body = scene.result(1).await;
    assert_eq!(body.answer["class"], "cat");
    assert_eq!(body.decision.executors, ["a", "b"]);
    running.stop().await;
}

#[tokio::test]
async fn one_request_on_an_idle_topic_is_answered_by_its_deadline() {
    let scene = Scene::set(3).await;
    let running = scene.collector().await;
    let asked = scene.clock.now();
    scene.ask(1, Budget::from_millis(80));
    let body = scene.result(1).await;
    let took = scene.clock.now().since(asked);
    assert_eq!(body.answer["class"], "none");
    assert!(took >= Duration::from_millis(60), "too early: {took:?}");
    // The deadline is 80 ms; the rest is room for a busy machine.
    assert!(took < Duration::from_millis(500), "too late: {took:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_hung_candidate_does_not_delay_the_result_beyond_the_deadline() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask(1, Budget::from_millis(100));
    scene.answer("a", 1, "cat");
    let body = scene.result(1).await;
    assert_eq!(body.decision.decided_by.as_str(), "default");
    assert_eq!(body.decision.completeness.as_str(), "partial");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_with_open_requests_leaves_them_to_the_next_collector() {
    let scene = Scene::set(2).await;
    let first = scene.collector().await;
    for number in 0..200 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        if number % 2 == 0 {
            scene.answer("b", number, "cat");
        }
    }
    assert_eq!(scene.results(100).await.len(), 100);
    first.stop().await;
    let second = scene.collector().await;
    for number in (1..200).step_by(2) {
        scene.answer("c", number, "cat");
    }
    let results = scene.results(200).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction), "a's answers were not lost");
    second.stop().await;
}

/// It was wrong once: a turn that had heard its share dropped the batch that it had already taken.
#[tokio::test]
async fn a_backlog_larger_than_one_turn_hears_is_answered_whole() {
    let scene = Scene::set(1).await;
    for number in 0..8_000 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    let running = scene.collector().await;
    assert_eq!(scene.results(8_000).await.len(), 8_000);
    running.stop().await;
}

#[tokio::test]
async fn a_crash_at_any_time_loses_nothing_and_answers_nothing_twice() {
    let scene = Scene::set(2).await;
    for round in 0..6_u32 {
        let running = scene.collector().await;
        for number in round * 100..(round + 1) * 100 {
            scene.ask(number, MINUTE);
            scene.answer("a", number, "cat");
            if number % 3 > 0 {
                scene.answer("b", number, "cat");
            }
        }
        // Some crash with nothing decided, some in the middle, some when a commit may be on its way.
        let seen = usize::try_from(round * 60).expect("small");
        scene.results(seen).await;
        running.crash().await;
    }
    let last = scene.collector().await;
    for number in (0..600).step_by(3) {
        scene.answer("c", number, "cat");
    }
    let results = scene.results(600).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction));
    last.stop().await;
    scene.results(600).await;
}

#[tokio::test]
async fn two_collectors_share_the_partitions_and_one_takes_over_from_the_other() {
    let scene = Scene::set(4).await;
    let first = scene.collector().await;
    (0..100).for_each(|number| scene.ask(number, MINUTE));
    let second = scene.collector().await;
    (100..200).for_each(|number| scene.ask(number, MINUTE));
    (0..200).for_each(|number| scene.answer("a", number, "cat"));
    first.crash().await;
    (0..200).for_each(|number| scene.answer("b", number, "cat"));
    let results = scene.results(200).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction));
    second.stop().await;
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_the_partition_goes_on() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    let poison = Record { payload: Some(Bytes::from_static(b"?")), ..Record::default() };
    scene.put(&scene.topics.requests, 0, poison.clone());
    scene.put(&scene.topics.responses, 0, poison.clone());
    scene.put(&scene.topics.results, 0, poison);
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    let mut dead = scene.reader(&scene.topics.dead_letters).await;
    let mut described = Vec::new();
    while described.len() < 2 {
        let event = timeout(GENEROUS, dead.next()).await.expect("in time").expect("the bus is there");
        let Event::Records(records) = event else { continue };
        described.extend(records.iter().filter_map(|received| DeadLetter::describe(&received.record)));
    }
    described.sort();
    let why = "header `ce_type` is missing".to_owned();
    assert_eq!(described, [("test.requests/0/0".to_owned(), why.clone()), ("test.responses/0/0".to_owned(), why)]);
    assert_eq!(scene.result(1).await.answer["class"], "cat");
    running.stop().await;
}

#[tokio::test]
async fn failed_sends_and_lost_acknowledgements_end_in_one_result_each() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    for fault in [SendFault::Refused, SendFault::Failed, SendFault::AcknowledgementLost] {
        scene.embedded.faults().on_send(&scene.topics.results, 20, fault);
    }
    for number in 0..100 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    assert_eq!(scene.results(100).await.len(), 100);
    assert!(running.counted().contains("hedgerow_results_rewritten_total"), "{}", running.counted());
    running.stop().await;
}

#[tokio::test]
async fn a_bus_that_goes_away_and_comes_back_costs_no_result() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    (0..50).for_each(|number| scene.ask(number, MINUTE));
    scene.embedded.faults().interrupt();
    for number in 0..50 {
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    scene.embedded.faults().restore();
    assert_eq!(scene.results(50).await.len(), 50);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_too_large_for_the_topic_becomes_a_default_of_the_same_request() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    let large = "x".repeat(1_048_000);
    scene.ask(1, MINUTE);
    scene.answer("a", 1, &large);
    scene.answer("b", 1, &large);
    let body = scene.result(1).await;
    assert_eq!(body.answer["class"], "none");
    running.stop().await;
}

#[tokio::test]
async fn a_rival_s_fence_is_yielded_to_and_then_taken_over_from() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask(0, MINUTE);
    scene.answer("a", 0, "cat");
    let own = scene.fence().await;
    let rival = Fencing { epoch: own.epoch + 1_000, instance: Uuid::from_u128(7) };
    scene.put(&scene.topics.results, 0, Fence(rival).encode());
    let fenced = ResultRecord {
        request: id(1),
        policy: scene.definition.policy_ref.clone(),
        kind: wire::ResultKind::Prediction,
        key: None,
        reply: None,
        fencing: rival,
        body: Bytes::from_static(b"{}"),
    };
    scene.put(&scene.topics.results, 0, fenced.encode());
    for number in 1..50 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
    }
    (0..50).for_each(|number| scene.answer("b", number, "cat"));
    let results = scene.results(50).await;
    assert_eq!(results[&id(1)].fencing, rival, "what the rival wrote with right stands");
    assert!(results[&id(2)].fencing.succeeds(rival));
    assert!(running.counted().contains("hedgerow_fenced_off_total 1"), "{}", running.counted());
    running.stop().await;
}

#[tokio::test]
async fn what_a_zombie_writes_is_void_and_changes_nothing() {
    let scene = Scene::set(1).await;
    let first = scene.collector().await;
    scene.ask(0, MINUTE);
    scene.answer("a", 0, "cat");
    scene.answer("b", 0, "cat");
    let old = scene.results(1).await[&id(0)].clone();
    first.crash().await;
    let second = scene.collector().await;
    scene.put(&scene.topics.results, 0, ResultRecord { request: id(1), ..old.clone() }.encode());
    scene.put(&scene.topics.results, 0, Fence(old.fencing).encode());
    scene.put(&scene.topics.results, 0, ResultRecord { request: id(2), ..old }.encode());
    for number in 1..3 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "dog");
        scene.answer("b", number, "dog");
    }
    let results = scene.results(3).await;
    assert!((1..3).all(|number| results[&id(number)].body.windows(3).any(|word| word == b"dog")));
    second.stop().await;
}

#[tokio::test]
async fn a_note_that_cannot_be_read_means_everything_is_read_again_and_nothing_is_decided_again() {
    let scene = Scene::set(1).await;
    let first = scene.collector().await;
    for number in 0..20 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    scene.results(20).await;
    first.stop().await;
    let mut vandal =
        scene.embedded.member(&scene.topics.group("collector"), &scene.topics.requests).await.expect("a member");
    let given = timeout(GENEROUS, vandal.next()).await.expect("in time").expect("the bus is there");
    let Event::Assigned(given) = given else { panic!("{given:?}") };
    let committed = Committed { offset: 20, metadata: "?".to_owned() };
    vandal.close(vec![Commit { partition: given[0].partition.clone(), committed }]).await;
    let second = scene.collector().await;
    scene.ask(20, MINUTE);
    scene.answer("a", 20, "cat");
    scene.answer("b", 20, "cat");
    scene.results(21).await;
    let counted = second.counted();
    second.stop().await;
    assert!(counted.contains("hedgerow_decision_seconds_count 1\n"), "{counted}");
}

#[tokio::test]
async fn a_collector_more_than_there_are_partitions_is_idle_and_not_broken() {
    let scene = Scene::set(1).await;
    let first = scene.collector().await;
    let second = scene.collector().await;
    first.stop().await;
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    scene.result(1).await;
    second.stop().await;
}

#[tokio::test]
async fn a_bus_that_cannot_be_reached_at_the_start_is_waited_for() {
    let scene = Scene::set(1).await;
    scene.embedded.faults().interrupt();
    let (running, served) = scene.start();
    tokio::task::yield_now().await;
    scene.embedded.faults().restore();
    timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
    running.stop().await;
}
