//! The station on the embedded bus: what each executor may do to the others, and what survives a restart.

#![expect(clippy::unwrap_used, reason = "a test helper fails its test")]

#[path = "station/batches.rs"]
mod batches;
#[path = "station/canaries.rs"]
mod canaries;
#[path = "station/edits.rs"]
mod edits;
#[path = "station/garbage.rs"]
mod garbage;
#[path = "station/handover.rs"]
mod handover;
#[path = "station/hedges.rs"]
mod hedges;
#[path = "station/judges.rs"]
mod judges;
#[path = "station/models.rs"]
mod models;
#[path = "station/rig.rs"]
mod rig;

use std::{sync::atomic::Ordering, time::Duration};

use bus::{Clock, SendFault};
use rig::{Mishap, Model, Rig, millis};
use wire::{FailureKind, Reply, Timestamp};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn executors_that_hang_block_and_panic_harm_nobody() {
    let rig = Rig::new(&[
        ("endless", Model::Endless),
        ("blocking", Model::Blocking),
        ("panicking", Model::Panicking),
        ("fine", Model::Fine),
    ])
    .await;
    let running = rig.start().await;
    let ids: Vec<_> = (0..200).map(|_| rig.send(LONG)).collect();
    let responses = rig.responses(400).await;
    for executor in ["panicking", "fine"] {
        let mut answered: Vec<_> =
            responses.iter().filter(|heard| heard.by(executor)).map(|heard| heard.response.request).collect();
        answered.sort_unstable();
        let mut asked = ids.clone();
        asked.sort_unstable();
        assert_eq!(answered, asked, "{executor} answers each request once");
    }
    for heard in &responses {
        assert_eq!(
            heard.partition,
            heard.response.request.partition(Rig::PARTITIONS),
            "a response lies beside its request"
        );
        match &heard.response.reply {
            Reply::Answer(_) => assert!(heard.by("fine")),
            Reply::Failure(failure) => {
                assert_eq!(failure.kind, FailureKind::Failed);
                assert!(failure.message.contains("no more grapes"), "{}", failure.message);
            }
        }
    }
    // A machine that is busy with other tests may stall: half of them in 100 ms is what "nobody waits" means.
    let mut waits: Vec<_> = responses.iter().filter(|heard| heard.by("fine")).map(|heard| heard.after).collect();
    waits.sort_unstable();
    assert!(waits[100] < millis(100), "{waits:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_panic_in_the_fetching_loop_is_a_failure_like_any_other() {
    let rig = Rig::new(&[("panicking", Model::PanickingAtOnce)]).await;
    let running = rig.start().await;
    for _ in 0..2 {
        rig.send(LONG);
    }
    for heard in rig.responses(2).await {
        assert!(matches!(heard.response.reply, Reply::Failure(failure) if failure.message.contains("no more grapes")));
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_past_its_deadline_is_refused_and_not_scored() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.send(Duration::ZERO);
    let heard = &rig.responses(1).await[0];
    assert!(matches!(&heard.response.reply, Reply::Failure(failure) if failure.kind == FailureKind::Expired));
    assert_eq!(rig.scored.load(Ordering::Relaxed), 0);
    rig.send(LONG);
    assert!(matches!(rig.responses(1).await[0].response.reply, Reply::Answer(_)));
    assert_eq!(rig.scored.load(Ordering::Relaxed), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_only_there() {
    let rig = Rig::new(&[("blocking", Model::Blocking), ("echo", Model::Echo)]).await;
    let running = rig.start().await;
    rig.send(LONG);
    rig.until_scored(1).await;
    // One is being worked on for ever, 1,024 wait, and for 100 there is no room.
    for _ in 0..1_124 {
        rig.send(LONG);
    }
    let responses = rig.responses(1_225).await;
    let overloaded =
        |reply: &Reply| matches!(reply, Reply::Failure(failure) if failure.kind == FailureKind::Overloaded);
    assert!(responses.iter().all(|heard| heard.by("blocking") == overloaded(&heard.response.reply)));
    assert_eq!(responses.iter().filter(|heard| heard.by("blocking")).count(), 100);
    assert_eq!(rig.counted("hedgerow_executor_queue_depth{executor=\"blocking\"}"), 1_024);
    running.stop().await;
}

#[tokio::test]
async fn only_those_whom_the_plan_names_are_asked() {
    let rig = Rig::new(&[("fine", Model::Fine), ("echo", Model::Echo)]).await;
    let running = rig.start().await;
    rig.send_planned("echo,elsewhere", LONG);
    rig.send_planned("elsewhere", LONG);
    rig.send_planned("fine", LONG);
    let responses = rig.responses(2).await;
    assert_eq!(responses.iter().filter(|heard| heard.by("echo")).count(), 1);
    assert_eq!(responses.iter().filter(|heard| heard.by("fine")).count(), 1);
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"not_asked\"}"), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_later_start_is_kept_even_by_an_executor_that_needs_no_time() {
    let rig = Rig::new(&[("echo", Model::Echo)]).await;
    let running = rig.start().await;
    rig.send_planned("echo+150000", LONG);
    let heard = &rig.responses(1).await[0];
    assert!(heard.after >= millis(149), "{:?}", heard.after);
    assert_eq!(heard.response.reply, Reply::Answer(Rig::BODY.into()));
    running.stop().await;
}

#[tokio::test]
async fn a_record_that_is_no_request_is_passed_over() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.send_poison();
    rig.send_into_partition(LONG, 0);
    assert_eq!(rig.responses(1).await.len(), 1);
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"poison\"}"), 1);
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_committed_before_it_is_acknowledged_and_nothing_acknowledged_is_done_again() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.bus.faults().on_send("wine.responses", 10, SendFault::AcknowledgementHeld);
    for _ in 0..10 {
        rig.send(LONG);
    }
    assert_eq!(rig.responses(10).await.len(), 10);
    running.stop().await;
    assert_eq!(rig.committed().await, 0, "no response was acknowledged");

    let running = rig.start().await;
    assert_eq!(rig.responses(10).await.len(), 10, "all are answered again");
    running.stop().await;
    assert_eq!(rig.committed().await, 10);

    let running = rig.start().await;
    let last = rig.send(LONG);
    assert_eq!(rig.responses(1).await[0].response.request, last, "nothing older is answered a third time");
    running.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_hand_and_waits_no_longer() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.send_planned("fine+200000", LONG);
    rig.until("hedgerow_executor_requests_total", 1).await;
    running.stop().await;
    assert_eq!(rig.responses(1).await.len(), 1);
    assert_eq!(rig.committed().await, 1);
}

#[tokio::test]
async fn progress_is_committed_every_second_so_that_a_kill_repeats_little() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    for _ in 0..10 {
        rig.send_planned("fine", LONG);
    }
    assert_eq!(rig.responses(10).await.len(), 10);
    // An answer that takes longer than the time between two commits.
    rig.send_planned("fine+2100000", LONG);
    assert_eq!(rig.responses(1).await.len(), 1);
    running.kill().await;
    assert!(rig.committed().await >= 10);
}

#[tokio::test]
async fn a_response_that_the_log_did_not_take_is_tried_again_after_a_restart() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    for fault in [SendFault::Failed, SendFault::Refused] {
        let running = rig.start().await;
        rig.bus.faults().on_send("wine.responses", 1, fault);
        let lost = rig.send(LONG);
        rig.until("hedgerow_executor_lost_total{executor=\"fine\"}", 1).await;
        running.stop().await;

        let running = rig.start().await;
        assert_eq!(rig.responses(1).await[0].response.request, lost);
        running.stop().await;
        rig.forget_metrics();
    }
}

#[tokio::test]
async fn a_hanging_executor_holds_no_commit_back_past_the_deadlines() {
    let rig = Rig::new(&[("blocking", Model::Blocking), ("fine", Model::Fine)]).await;
    let running = rig.start().await;
    for _ in 0..10 {
        rig.send(millis(300));
    }
    assert_eq!(rig.responses(10).await.len(), 10);
    // Stopping waits for the hanging one longer than the budget.
    running.stop().await;
    assert_eq!(rig.committed().await, 10);
}

#[tokio::test]
async fn endless_work_is_given_up_and_its_place_is_free_again() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let rig = Rig::on(clock.clone(), &[("endless", Model::EndlessOnce)]).await;
    let running = rig.start().await;
    let endless = rig.send(millis(50));
    rig.until_scored(1).await;
    clock.advance(millis(1_051));
    let heard = &rig.responses(1).await[0];
    assert_eq!(heard.response.request, endless);
    assert!(matches!(&heard.response.reply, Reply::Failure(failure) if failure.message.contains("no answer at all")));
    let next = rig.send(millis(50));
    let heard = &rig.responses(1).await[0];
    assert_eq!(heard.response.request, next);
    assert!(matches!(heard.response.reply, Reply::Answer(_)));
    running.stop().await;
}

#[tokio::test]
async fn after_a_long_stop_the_dead_are_jumped_over() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let rig = Rig::on(clock.clone(), &[("fine", Model::Fine)]).await;
    let running = rig.start().await;
    rig.send_into_partition(LONG, 0);
    assert_eq!(rig.responses(1).await.len(), 1);
    running.stop().await;

    for _ in 0..5_000 {
        rig.send_into_partition(LONG, 0);
    }
    clock.advance(Duration::from_mins(10));
    let alive = rig.send_into_partition(LONG, 0);
    let running = rig.start().await;
    assert_eq!(rig.responses(1).await[0].response.request, alive);
    assert_eq!(rig.counted("hedgerow_executor_skipped_total{reason=\"stale\"}"), 5_000);
    running.stop().await;
    assert_eq!(rig.committed().await, 5_002);
}

/// Nothing of the station runs while the test does not wait: so it stands still, and the log goes on.
#[tokio::test]
async fn stopped_for_a_minute_at_full_rate_its_first_answer_in_the_budget_comes_out_of_one_poll() {
    const RATE: u64 = 1_000;
    let budget = millis(50);
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
    let rig = Rig::within(clock.clone(), budget, &[("fine", Model::Fine), ("gated", Model::Gated(Mishap::None))]).await;
    rig.gate.open.add_permits(usize::MAX >> 4);
    let running = rig.start().await;
    rig.send(budget);
    rig.responses(2).await;
    rig.scored.store(0, Ordering::Relaxed);
    let before = rig.counted("hedgerow_executor_requests_total");

    let mut sent = Vec::new();
    for _ in 0..60 * RATE {
        clock.advance(Duration::from_secs(1) / u32::try_from(RATE).unwrap());
        sent.push(rig.send(budget));
    }
    // The clock stands: those of the last 50 ms are alive, the last 20 ms before them are read and refused.
    let alive = 50;
    let mut answered = Vec::new();
    while answered.len() < 2 * alive {
        let heard = rig.responses(1).await.remove(0);
        match heard.response.reply {
            Reply::Answer(_) => answered.push(heard.response.request),
            Reply::Failure(failure) => assert_eq!(failure.kind, FailureKind::Expired),
        }
    }
    let (dead, living) = sent.split_at(sent.len() - alive);
    assert!(living.iter().all(|id| answered.iter().filter(|answered| *answered == id).count() == 2));
    let calls: Vec<usize> = rig.gate.calls.lock().unwrap().iter().skip(1).map(Vec::len).collect();
    let alone = calls.iter().filter(|size| **size == 1).count();
    let scored = (calls.iter().sum::<usize>(), rig.scored.load(Ordering::Relaxed) - alone);
    assert_eq!(scored, (alive, alive), "nothing dead was computed");
    // One record of each partition makes it jump; what it reads then fits into one poll.
    let read = rig.counted("hedgerow_executor_requests_total") - before;
    assert!(read <= 3 + 71, "{read} were read");
    let stale = rig.counted("hedgerow_executor_skipped_total{reason=\"stale\"}");
    assert_eq!(stale + read - 3, u64::try_from(dead.len() + alive).unwrap(), "each is counted once");
    running.stop().await;
}

#[tokio::test]
async fn an_unreachable_log_is_waited_for() {
    let rig = Rig::new(&[("fine", Model::Fine), ("echo", Model::Echo)]).await;
    rig.bus.faults().interrupt();
    let starting = rig.begin();
    rig.bus.faults().restore();
    let running = starting.ready().await;
    rig.bus.faults().interrupt();
    let asked = rig.send(LONG);
    rig.bus.faults().restore();
    let responses = rig.responses(2).await;
    assert!(responses.iter().all(|heard| heard.response.request == asked));
    running.stop().await;
}

#[tokio::test]
async fn two_processes_share_the_partitions_and_answer_everything() {
    let rig = Rig::new(&[("fine", Model::Fine)]).await;
    let first = rig.start().await;
    let second = rig.start().await;
    let mut ids: Vec<_> = (0..50).map(|_| rig.send(LONG)).collect();
    first.stop().await;
    ids.extend((0..50).map(|_| rig.send(LONG)));
    let mut missing: std::collections::HashSet<_> = ids.into_iter().collect();
    while !missing.is_empty() {
        missing.remove(&rig.responses(1).await[0].response.request);
    }
    second.stop().await;
}

#[tokio::test]
async fn an_executor_that_cannot_be_loaded_is_named_with_its_file() {
    let error = rig::run_policy("forest: { onnx: models/none.onnx }", None).await.unwrap_err().to_string();
    assert!(error.starts_with("executor `forest`: cannot read `/nowhere/models/none.onnx`"), "{error}");
}

#[tokio::test]
async fn somebody_unknown_cannot_be_run() {
    let only = Some(vec![wire::ExecutorId::new("boots").unwrap()]);
    let error = rig::run_policy("boost: { echo: }", only).await.unwrap_err().to_string();
    assert_eq!(error, "there is no executor `boots`; the policy has boost");
}

#[tokio::test]
async fn the_kinds_of_a_policy_file_answer() {
    let executors = "{ echo: }\n  slow: { constant: { answer: { class: 1 }, delay: 5ms } }";
    let rig = Rig::of_policy(Clock::system(), &format!("quick: {executors}")).await;
    let running = rig.start_kinds().await;
    rig.send(LONG);
    let responses = rig.responses(2).await;
    let said = |executor: &str| responses.iter().find(|heard| heard.by(executor)).unwrap().response.clone();
    assert_eq!(said("quick").reply, Reply::Answer(Rig::BODY.into()));
    assert_eq!(said("slow").reply, Reply::Answer(r#"{"class":1}"#.into()));
    assert!(said("slow").scored >= millis(4));
    assert_eq!(said("slow").model.as_str(), "slow@constant");
    running.stop().await;
}
