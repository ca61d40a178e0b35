//! What waits for an executor goes in batches, and what befalls one of them befalls nobody else.

use std::time::Duration;

use bus::Clock;
use wire::{Reply, RequestId, Timestamp};

use crate::rig::{Heard, Mishap, Model, Rig, millis};

const LONG: Duration = Duration::from_secs(20);
/// More calls than any test makes.
const ALL: usize = 10_000;

async fn gated(mishap: Mishap) -> Rig {
    Rig::new(&[("gated", Model::Gated(mishap))]).await
}

/// Keeps the model busy with one request, while others come.
async fn busy(rig: &Rig) -> RequestId {
    let first = rig.send(LONG);
    until_called(rig, 1).await;
    first
}

async fn until_called(rig: &Rig, count: usize) {
    while rig.gate.calls.lock().unwrap().len() < count {
        tokio::task::yield_now().await;
    }
}

async fn until_waiting(rig: &Rig, count: u64) {
    rig.until("hedgerow_executor_queue_depth{executor=\"gated\"}", count).await;
}

fn sizes(rig: &Rig) -> Vec<usize> {
    rig.gate.calls.lock().unwrap().iter().map(Vec::len).collect()
}

fn words(heard: &Heard) -> String {
    match &heard.response.reply {
        Reply::Answer(_) => "answer".to_owned(),
        Reply::Failure(failure) => failure.message.clone(),
    }
}

#[tokio::test]
async fn an_idle_executor_is_given_each_request_at_once_and_alone() {
    let rig = gated(Mishap::None).await;
    let running = rig.start().await;
    rig.gate.open.add_permits(ALL);
    for _ in 0..20 {
        rig.send(LONG);
        rig.responses(1).await;
    }
    assert_eq!(sizes(&rig), [1; 20]);
    running.stop().await;
}

#[tokio::test]
async fn what_waits_goes_in_batches_that_grow_by_one_to_the_most() {
    let rig = gated(Mishap::None).await;
    let running = rig.start().await;
    busy(&rig).await;
    // 2 + 3 + … + 8, twice the most, and three that are left over.
    for _ in 0..54 {
        rig.send(LONG);
    }
    until_waiting(&rig, 54).await;
    rig.gate.open.add_permits(ALL);
    let responses = rig.responses(55).await;
    assert!(responses.iter().all(|heard| words(heard) == "answer"));
    assert_eq!(sizes(&rig), [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 3]);
    assert_eq!(rig.counted("hedgerow_executor_batch_limit{executor=\"gated\"}"), 8);
    assert_eq!(rig.counted("hedgerow_executor_batch_size_count{executor=\"gated\"}"), 11);
    assert_eq!(rig.counted("hedgerow_executor_batch_size_bucket{le=\"4.0\",executor=\"gated\"}"), 5);
    running.stop().await;
}

#[tokio::test]
async fn a_batch_is_of_the_earliest_deadlines() {
    let rig = gated(Mishap::None).await;
    let running = rig.start().await;
    busy(&rig).await;
    let mut by_deadline: Vec<RequestId> =
        (12..21).rev().map(|seconds| rig.send(Duration::from_secs(seconds))).collect();
    by_deadline.reverse();
    until_waiting(&rig, 9).await;
    rig.gate.open.add_permits(ALL);
    rig.responses(10).await;
    let calls = rig.gate.calls.lock().unwrap().clone();
    assert_eq!(calls[1..], [&by_deadline[..2], &by_deadline[2..5], &by_deadline[5..]]);
    running.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_failure_of_each_in_its_batch_and_of_nobody_else() {
    let rig = gated(Mishap::Panic).await;
    let running = rig.start().await;
    busy(&rig).await;
    for _ in 0..5 {
        rig.send(LONG);
    }
    until_waiting(&rig, 5).await;
    rig.gate.open.add_permits(ALL);
    let responses = rig.responses(6).await;
    let calls = rig.gate.calls.lock().unwrap().clone();
    assert_eq!(sizes(&rig), [1, 2, 3]);
    for heard in &responses {
        let panicked = words(heard).contains("no more grapes");
        assert_eq!(panicked, calls[1].contains(&heard.response.request), "{}", words(heard));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_batch_that_hangs_is_given_up_with_a_failure_of_each_in_it() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let rig = Rig::on(clock.clone(), &[("gated", Model::Gated(Mishap::Hang))]).await;
    let running = rig.start().await;
    busy(&rig).await;
    for _ in 0..2 {
        rig.send(millis(50));
    }
    until_waiting(&rig, 2).await;
    rig.gate.open.add_permits(ALL);
    until_called(&rig, 2).await;
    assert_eq!(words(&rig.responses(1).await[0]), "answer");
    clock.advance(millis(1_051));
    for heard in rig.responses(2).await {
        assert!(words(&heard).contains("no answer at all"), "{}", words(&heard));
    }
    rig.send(millis(50));
    assert_eq!(words(&rig.responses(1).await[0]), "answer");
    assert_eq!(sizes(&rig), [1, 2, 1]);
    running.stop().await;
}

#[tokio::test]
async fn a_batch_that_takes_longer_than_its_part_of_the_budget_lowers_the_limit() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let rig = Rig::on(clock.clone(), &[("gated", Model::Gated(Mishap::None))]).await;
    let running = rig.start().await;
    busy(&rig).await;
    for _ in 0..35 {
        rig.send(LONG);
    }
    until_waiting(&rig, 35).await;
    // Eight calls at once: 1, 2, … 8.
    rig.gate.open.add_permits(8);
    rig.responses(36).await;
    let limit = || rig.counted("hedgerow_executor_batch_limit{executor=\"gated\"}");
    assert_eq!(limit(), 8);
    rig.send(LONG);
    until_called(&rig, 9).await;
    clock.advance(LONG / 4 + millis(1));
    rig.gate.open.add_permits(1);
    assert_eq!(words(&rig.responses(1).await[0]), "answer");
    assert_eq!(limit(), 7);
    running.stop().await;
}

/// A slow one and one that hangs, under load: the others' answers come whole, before the slow one has given its second.
#[tokio::test]
async fn a_slow_executor_and_a_hung_one_delay_nobody_s_answers() {
    let models = [
        ("gated", Model::Gated(Mishap::None)),
        ("blocking", Model::Blocking),
        ("fine", Model::Fine),
        ("echo", Model::Echo),
    ];
    let rig = Rig::new(&models).await;
    let running = rig.start().await;
    rig.gate.open.add_permits(1);
    for _ in 0..1_000 {
        rig.send(LONG);
    }
    let responses = rig.responses(2_001).await;
    let count = |executor: &str| responses.iter().filter(|heard| heard.by(executor)).count();
    assert_eq!((count("fine"), count("echo"), count("gated"), count("blocking")), (1_000, 1_000, 1, 0));
    rig.gate.open.add_permits(ALL);
    let late = rig.responses(999).await;
    assert!(late.iter().all(|heard| heard.by("gated") && words(heard) == "answer"));
    running.stop().await;
}

/// Whoever decodes first does it for all: the features lie in one place in memory, and are read there by each.
#[tokio::test]
async fn one_decoding_serves_every_executor_of_a_process() {
    let rig = Rig::new(&[("a", Model::Pointing), ("b", Model::Pointing), ("c", Model::Pointing)]).await;
    let running = rig.start().await;
    for _ in 0..100 {
        rig.send(LONG);
        let responses = rig.responses(3).await;
        assert!(responses.iter().all(|heard| words(heard) == "answer"));
        assert!(responses.iter().all(|heard| heard.response.reply == responses[0].response.reply));
    }
    running.stop().await;
}
