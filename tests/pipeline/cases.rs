//! What must hold on every bus; `embedded.rs` and `kafka.rs` play each case.

mod breakers;
mod edits;
mod hedges;
mod measures;
mod replies;
mod strangers;

use std::collections::HashSet;

use bus::{Event, StartAt, TopicPartition};
use futures::future::join_all;
use hedgerow::app::Role;
use policies::{Completeness, DecidedBy};
use starter::Refusal;
use tokio::time::timeout;
use wire::{DeadLetter, ResultKind};

pub(crate) use breakers::*;
pub(crate) use edits::*;
pub(crate) use hedges::*;
pub(crate) use measures::*;
pub(crate) use replies::*;
pub(crate) use strangers::*;

pub(crate) use crate::edits::edits_under_load_lose_nothing_and_each_answer_is_of_a_version_that_was_live;
pub(crate) use crate::models::models_that_are_published_under_load_replace_each_other_and_no_request_is_lost;
use crate::rendezvous::{PATIENCE, Rendezvous, archived, body, wine_rows};

/// The policy that ships, with time enough for a loaded machine: these tests are about what, `bench/` about when.
pub(crate) fn wine() -> String {
    let shipped = include_str!("../../policies/wine.yaml");
    let (without_examples, _) = shipped.split_once("\nexamples:").expect("the shipped policy has examples");
    without_examples
        .replace("rendezvous: wine", "rendezvous: NAME")
        .replace("until: 15ms", "until: 15s")
        .replace("until: 30ms", "until: 30s")
        .replace("50ms", "50s")
}

/// Two that answer at once, one that never does.
pub(crate) const HUNG: &str = "
rendezvous: NAME
budget: 3s
input: { features: [x] }
answer: { value: class }
executors:
  quick: { constant: { answer: { class: 1 } } }
  hung: { constant: { answer: { class: 2 }, delay: 60s } }
decide:
  - prefer: [hung, quick]
    until: 3s
  - default: { class: unknown }
";

/// Nobody in time.
pub(crate) const SILENT: &str = "
rendezvous: NAME
budget: 200ms
input: { features: [x] }
answer: { value: class }
executors:
  hung: { constant: { answer: { class: 2 }, delay: 60s } }
decide:
  - first: {}
    until: 200ms
  - default: { class: unknown }
";

/// An answer that takes its time, so that requests are open when something happens to the collector.
pub(crate) const SLOW: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
executors:
  slow: { constant: { answer: { class: 1 }, delay: 1500ms }, concurrency: 1000 }
  other: { echo: {} }
decide:
  - prefer: [slow]
    until: 20s
  - default: { class: unknown }
";

pub(crate) async fn every_row_gets_one_result_with_its_reason(rendezvous: Rendezvous) {
    let rows = wine_rows();
    let bodies: Vec<String> = rows.iter().map(|(body, _)| body.clone()).collect();
    let answered = rendezvous.ask_all(&bodies).await;
    let ids: HashSet<_> = answered.iter().map(|answered| answered.id).collect();
    assert_eq!(ids.len(), rows.len());

    let mut right = 0;
    for (answered, (_, class)) in answered.iter().zip(&rows) {
        let body = body(answered);
        assert_eq!(answered.result.kind, ResultKind::Prediction);
        assert!(!body.decision.executors.is_empty() && !body.decision.clauses.is_empty());
        assert_eq!(body.decision.receipt.len(), 4, "everyone who was asked is in the receipt");
        right += u32::from(body.answer["class"] == *class);
    }
    assert!(right > 160, "real models on data they were trained for: {right} of 178 right");
    rendezvous.has_results(rows.len()).await;

    let responses = |observed: &hedgerow::observer::Observed| {
        observed.responses.values().filter(|(answers, _)| *answers == 178).count() == 4
    };
    rendezvous.until(responses, "every executor's answer to every row").await;
    rendezvous.until(|observed| observed.canaries["next"].0 == 178, "178 pairs of the canary").await;
    rendezvous.until(|observed| !observed.chosen.contains_key("next"), "a canary that is never chosen").await;
    rendezvous.stop().await;
}

pub(crate) async fn a_hung_executor_harms_nobody_else(rendezvous: Rendezvous) {
    let bodies: Vec<String> = (0..50).map(|x| format!("{{\"x\": {x}}}")).collect();
    for answered in rendezvous.ask_all(&bodies).await {
        let body = body(&answered);
        assert_eq!(body.answer["class"], 1);
        assert_eq!(body.decision.completeness, Completeness::Partial);
    }
    rendezvous.has_results(50).await;
    rendezvous.stop().await;
}

pub(crate) async fn silence_is_a_default_that_cannot_be_read_as_a_prediction(rendezvous: Rendezvous) {
    let answered = rendezvous.ask("{\"x\": 1}").await.unwrap();
    let body = body(&answered);
    assert_eq!(answered.result.kind, ResultKind::Default);
    assert_eq!((body.decision.decided_by, body.decision.completeness), (DecidedBy::Default, Completeness::None));
    assert_eq!(body.answer["class"], "unknown");
    rendezvous.stop().await;
}

pub(crate) async fn the_same_key_is_the_same_request(rendezvous: Rendezvous) {
    let (one, two) = tokio::join!(
        rendezvous.ask_as("{\"x\": 1}", Some("order-7")),
        rendezvous.ask_as("{\"x\": 1}", Some("order-7"))
    );
    let again = rendezvous.ask_as("{\"x\": 1}", Some("order-7")).await.unwrap();
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.id, one.result.clone()), (two.id, two.result));
    assert_eq!((one.id, one.result), (again.id, again.result));
    rendezvous.has_results(1).await;
    let conflict = rendezvous.ask_as("{\"x\": 2}", Some("order-7")).await;
    assert!(matches!(conflict, Err(Refusal::Conflict { .. })), "{conflict:?}");
    rendezvous.stop().await;
}

pub(crate) async fn a_bad_input_is_a_dead_letter_and_the_partition_goes_on(rendezvous: Rendezvous) {
    rendezvous.put_input(b"{\"x\": 1}").await;
    rendezvous.put_input(b"{\"y\": oh").await;
    rendezvous.put_input(b"{\"x\": 2}").await;
    rendezvous.has_results(2).await;

    let mut tail = rendezvous.app.bus.tail().await.unwrap();
    let letters = rendezvous.topics().dead_letters;
    tail.start(&TopicPartition::new(&letters, 0), StartAt::Beginning).unwrap();
    let Event::Records(records) = timeout(PATIENCE, tail.next()).await.unwrap().unwrap() else {
        panic!("a tail has no group, so it tells of records only");
    };
    let (origin, reason) = DeadLetter::describe(&records[0].record).unwrap();
    assert!(origin.ends_with("inputs/0/1"), "{origin}");
    assert!(reason.contains("JSON"), "{reason}");
    assert_eq!(records[0].record.payload.as_deref(), Some(b"{\"y\": oh".as_slice()));
    tail.close(Vec::new()).await;
    rendezvous.stop().await;
}

/// Started without a collector: `rendezvous` is started with `AROUND`.
pub(crate) async fn a_restart_of_the_collector_loses_no_open_request(rendezvous: Rendezvous) {
    let first = rendezvous.another(Role::Collector).await;
    let bodies: Vec<String> = (0..200).map(|x| format!("{{\"x\": {x}}}")).collect();
    let asking = join_all(bodies.iter().map(|body| rendezvous.ask(body)));
    let restarting = async {
        let heard = |observed: &hedgerow::observer::Observed| {
            observed.responses.get("other").is_some_and(|(answers, _)| *answers == 200)
        };
        rendezvous.until(heard, "200 open requests").await;
        first.stop().await.unwrap();
        rendezvous.another(Role::Collector).await
    };
    let (answers, second) = tokio::join!(asking, restarting);
    for answered in answers {
        assert_eq!(answered.unwrap().result.kind, ResultKind::Prediction);
    }
    rendezvous.has_results(200).await;
    second.stop().await.unwrap();
    rendezvous.stop().await;
}

/// Two collectors share the partitions, and one leaves in the middle.
pub(crate) async fn collectors_share_the_work_and_take_over_from_each_other(rendezvous: Rendezvous) {
    let first = rendezvous.another(Role::Collector).await;
    let second = rendezvous.another(Role::Collector).await;
    let mut first = Some(first);
    for round in 0..4 {
        let bodies: Vec<String> = (0..100).map(|x| format!("{{\"x\": {}}}", round * 100 + x)).collect();
        let asking = rendezvous.ask_all(&bodies);
        let leaving = async {
            if round == 1
                && let Some(first) = first.take()
            {
                first.stop().await.unwrap();
            }
        };
        let (answers, ()) = tokio::join!(asking, leaving);
        assert!(answers.iter().all(|answered| answered.result.kind == ResultKind::Prediction));
    }
    rendezvous.has_results(400).await;
    second.stop().await.unwrap();
    rendezvous.stop().await;
}

pub(crate) async fn the_decoy_archives_each_request_once(rendezvous: Rendezvous) {
    let rows = wine_rows();
    let bodies: Vec<String> = rows.iter().map(|(body, _)| body.clone()).collect();
    rendezvous.ask_all(&bodies).await;
    // Stopping is what makes the decoy write what it still holds; the folder is handed over before it would go.
    let folder = rendezvous.stop().await;
    let mut archived: Vec<String> = archived(folder.path())
        .into_iter()
        .map(|record| String::from_utf8(record.received.record.payload.unwrap().to_vec()).unwrap())
        .collect();
    let mut bodies = bodies;
    archived.sort();
    bodies.sort();
    assert_eq!(archived, bodies);
}

/// Makes each case a test on the bus whose rendezvous `$start` starts.
macro_rules! each {
    ($start:ident) => {
        crate::cases::each! { $start:
            every_row_gets_one_result_with_its_reason(&cases::wine(), &ALL),
            a_hung_executor_harms_nobody_else(cases::HUNG, &ALL),
            silence_is_a_default_that_cannot_be_read_as_a_prediction(cases::SILENT, &ALL),
            the_same_key_is_the_same_request(cases::SLOW, &ALL),
            a_bad_input_is_a_dead_letter_and_the_partition_goes_on(cases::SLOW, &ALL),
            a_restart_of_the_collector_loses_no_open_request(cases::SLOW, &AROUND),
            collectors_share_the_work_and_take_over_from_each_other(cases::SLOW, &AROUND),
            the_decoy_archives_each_request_once(&cases::wine(), &ALL),
            edits_under_load_lose_nothing_and_each_answer_is_of_a_version_that_was_live(&crate::edits::text(1), &UNARCHIVED),
            models_that_are_published_under_load_replace_each_other_and_no_request_is_lost(crate::models::FOLLOWED, &UNARCHIVED),
            an_edit_is_taken_by_every_station_without_a_restart(cases::ARCHIVED, &ALL),
            a_station_that_starts_finds_the_live_version(cases::ARCHIVED, &AROUND),
            an_edit_of_the_decoy_restarts_it_alone_and_archives_everything_once(cases::ARCHIVED, &ALL),
            garbage_in_every_topic_under_load_is_put_aside_and_costs_nobody_a_result(cases::ARCHIVED, &ALL),
            requests_made_before_anybody_listened_are_answered(cases::ARCHIVED, &[Role::Starter]),
            more_collectors_than_partitions_are_idle_and_not_broken(cases::ARCHIVED, &AROUND),
            a_dead_executor_is_waited_for_by_few_requests_and_used_again_when_it_is_back(cases::BREAKABLE, &cases::UNSCRIPTED),
            a_hedge_starts_when_somebody_is_slower_than_usual_within_its_budget_and_is_counted(cases::HEDGED, &[Role::Starter]),
            numbers_of_several_collectors_add_up_to_those_of_the_log_across_restarts(cases::COUNTED, &AROUND),
            a_result_goes_where_its_caller_wants_it_if_that_is_allowed(cases::PROMPT, &crate::rendezvous::REPLYING),
            from_three_collectors_to_one_to_three_under_load_each_request_has_one_result(cases::ARCHIVED, &AROUND),
        }
    };
    ($start:ident: $($case:ident($policy:expr, $roles:expr)),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            cases::$case($start($policy, $roles).await).await;
        })+
    };
}

pub(crate) use each;
