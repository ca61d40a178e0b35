//! Executors that start later than their requests: spared, started, or without a budget.

use std::time::Duration;

use bus::Clock;
use wire::{FailureKind, Fencing, Reply};

use crate::rig::{Rig, millis};

const LONG: Duration = Duration::from_secs(20);
const A: &str = "a: { constant: { answer: { class: 1 } } }";

async fn rig(executors: &[&str]) -> Rig {
    Rig::of_policy(Clock::system(), &executors.join("\n  ")).await
}

fn later(executor: &str, outcome: &str) -> String {
    format!("hedgerow_executor_later_starts_total{{executor=\"{executor}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn who_has_not_started_is_spared_by_a_verdict_and_its_offset_is_let_go() {
    let rig = rig(&[A, "late: { echo: , start: { after: 9s } }"]).await;
    let running = rig.start_kinds().await;
    let requests: Vec<_> = (0..20).map(|_| rig.send(LONG)).collect();
    rig.responses(20).await;
    let fencing = rig.fence(7).await;
    for request in requests {
        rig.decide(request, fencing);
    }
    rig.until(&later("late", "decided"), 20).await;
    running.stop().await;
    assert_eq!(rig.committed().await, 20, "nothing is left to do");
    assert_eq!(rig.counted(&later("late", "started")), 0);
}

#[tokio::test]
async fn a_result_that_is_void_spares_nobody() {
    let rig = rig(&[A, "late: { echo: , start: { after: 200ms } }"]).await;
    let running = rig.start_kinds().await;
    let (stale, _) = (rig.fence(7).await, rig.fence(8).await);
    let request = rig.send(LONG);
    rig.decide(request, stale);
    let responses = rig.responses(2).await;
    let late = responses.iter().find(|heard| heard.by("late")).unwrap();
    assert!(late.after >= millis(200), "{:?}", late.after);
    running.stop().await;
}

#[tokio::test]
async fn a_canary_that_starts_later_is_compared_whatever_is_decided() {
    let rig = rig(&[A, "next: { echo: , canary: { of: a }, start: { after: 100ms } }"]).await;
    let running = rig.start_kinds().await;
    let fencing = rig.fence(7).await;
    let request = rig.send(LONG);
    rig.decide(request, fencing);
    assert_eq!(rig.responses(2).await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn who_may_start_for_some_says_of_the_others_at_once_that_it_does_not() {
    let rig = rig(&[A, "late: { echo: , start: { after: 5ms, budget: 10% } }"]).await;
    let running = rig.start_kinds().await;
    for _ in 0..100 {
        rig.send(LONG);
    }
    let responses = rig.responses(200).await;
    let late = responses.iter().filter(|heard| heard.by("late"));
    let (answered, declined): (Vec<_>, Vec<_>) =
        late.partition(|heard| matches!(heard.response.reply, Reply::Answer(_)));
    assert!((1..=11).contains(&answered.len()), "{} of 100 started", answered.len());
    assert_eq!(answered.len() + declined.len(), 100);
    for heard in declined {
        let Reply::Failure(failure) = &heard.response.reply else { unreachable!("it is no answer") };
        assert_eq!(failure.kind, FailureKind::Abstained, "it is no fault of the model");
        assert_eq!(failure.message, "the budget for later starts is spent");
    }
    running.stop().await;
    assert_eq!(rig.committed().await, 100);
}

#[tokio::test]
async fn what_is_held_by_a_station_that_stops_is_started_before_it_is_gone() {
    let rig = rig(&["late: { echo: , start: { after: 1200ms } }"]).await;
    let running = rig.start_kinds().await;
    rig.send(LONG);
    rig.until("hedgerow_executor_requests_total", 1).await;
    running.stop().await;
    assert!(rig.responses(1).await[0].by("late"));
}

#[tokio::test]
async fn a_hedge_that_an_edit_adds_is_spared_too() {
    let rig = rig(&[A]).await;
    let running = rig.start_kinds().await;
    rig.apply(&[A, "late: { echo: , start: { after: 9s } }"].join("\n  "));
    // The results are opened while this is on its way: decided again until it was heard.
    let (request, fencing) = (rig.send(LONG), Fencing { epoch: 7, instance: uuid::Uuid::nil() });
    rig.responses(1).await;
    while rig.counted(&later("late", "decided")) == 0 {
        rig.fence(7).await;
        rig.decide(request, fencing);
        tokio::task::yield_now().await;
    }
    running.stop().await;
}
