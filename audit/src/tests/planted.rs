//! Each kind of violation, planted in a log that is otherwise in order, is found with its offsets; nothing else is.

use bytes::Bytes;
use uuid::Uuid;
use wire::{Fencing, PolicyRef, Record, RendezvousName, RequestId};

use super::log::{BUDGET, GRACE, Log, at, fencing, id, result, wine};
use crate::{Beginning, Counts, Kind, PartitionAudit, PartitionTold, Standing, Unjudged};

/// A log of five answered requests.
fn clean() -> Log {
    let mut log = Log::new();
    log.clean(0, 1, 0..5);
    log
}

/// Violations as `kind request first result`, offsets or `-`.
fn told(found: &PartitionTold) -> Vec<String> {
    let offset = |place: Option<crate::PlaceTold>| place.map_or("-".to_owned(), |place| place.offset.to_string());
    let line = |v: &crate::Violation| {
        let places = [v.request_at, v.first_at, v.result_at].map(offset).join(" ");
        format!("{} {places}", v.kind.as_str())
    };
    found.violations.iter().map(line).collect()
}

const CLEAN: Counts = Counts {
    accepted: 5,
    results: 5,
    fences_accepted: 1,
    missing: 0,
    second: 0,
    contradictory: 0,
    void: 0,
    late: 0,
    degraded: 0,
    open: 0,
    invented: 0,
    misplaced: 0,
    repeats: 0,
    repeats_apart: 0,
    copies: 0,
    again: 0,
    moved: 0,
    refused: 0,
    earlier: 0,
    unjudged: 0,
    responses: 0,
    unlisted: 0,
};

#[test]
fn a_log_in_order_is_in_order() {
    let found = clean().audit();
    assert_eq!((found.counts, told(&found)), (CLEAN, vec![]));
    assert!(found.counts.ok());
}

#[test]
fn a_missing_result_is_found_when_its_time_is_over_and_is_open_before() {
    let mut log = clean();
    let offset = log.request(1_000, "lost");
    let over = 1_000 + i64::try_from(BUDGET).unwrap() + i64::try_from(GRACE.as_millis()).unwrap();
    log.ending.as_of = at(over - 1);
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 6, open: 1, ..CLEAN });
    assert!(found.counts.ok());
    log.ending.as_of = at(over);
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 6, missing: 1, ..CLEAN });
    assert_eq!(told(&found), [format!("missing {offset} - -")]);
    assert_eq!(found.violations[0].request, id("lost").to_string());
    assert!(!found.counts.ok());
}

#[test]
fn an_identical_repeat_by_its_writer_is_no_violation() {
    let mut log = clean();
    log.result(2_000, "0", 1, "good");
    let found = log.audit();
    assert_eq!((found.counts, told(&found)), (Counts { repeats: 1, repeats_apart: 5, ..CLEAN }, vec![]));
}

#[test]
fn the_same_answer_under_another_fence_is_a_second_result() {
    let mut log = clean();
    log.fence(1_000, 2);
    let offset = log.result(1_001, "3", 2, "good");
    let found = log.audit();
    assert_eq!(found.counts, Counts { second: 1, fences_accepted: 2, ..CLEAN });
    assert_eq!(told(&found), [format!("second 3 4 {offset}")]);
}

#[test]
fn another_answer_is_contradictory_and_a_second_result() {
    let mut log = clean();
    let offset = log.result(1_001, "3", 1, "bad");
    let found = log.audit();
    assert_eq!(found.counts, Counts { second: 1, contradictory: 1, ..CLEAN });
    assert_eq!(told(&found), [format!("contradictory 3 4 {offset}")]);
    let violation = &found.violations[0];
    assert_eq!(violation.first_at.unwrap().appended, Some(at(35)), "{violation:?}");
    assert_eq!(violation.result_at.unwrap().appended, Some(at(1_001)), "{violation:?}");
}

#[test]
fn a_zombie_s_results_are_void_and_told_by_fence() {
    let mut log = clean();
    log.fence(1_000, 2);
    let first = log.result(1_001, "3", 1, "bad");
    let last = log.result(1_002, "4", 1, "good");
    log.result(1_003, "nobody's", 9, "good");
    let found = log.audit();
    assert_eq!((found.counts, told(&found)), (Counts { void: 3, fences_accepted: 2, ..CLEAN }, vec![]));
    let line = |epoch| found.fences.iter().find(|fence| fence.epoch == epoch).unwrap();
    assert_eq!((line(1).standing, line(1).void, line(1).results), (Standing::Accepted, 2, 5));
    assert_eq!((line(1).void_first, line(1).void_last), (Some(first), Some(last)));
    assert_eq!((line(9).standing, line(9).void, line(9).offset), (Standing::Unfenced, 1, None));
}

#[test]
fn results_before_any_fence_are_void() {
    let mut log = Log::new();
    log.request(0, "a");
    log.result(5, "a", 1, "good");
    let found = log.audit();
    assert_eq!((found.counts.void, found.counts.missing), (1, 1));
}

#[test]
fn a_stranger_s_fence_is_told_as_one_whose_epoch_jumped() {
    let mut log = clean();
    let offset = log.fence(1_000, 77);
    log.fence(1_001, 3);
    let found = log.audit();
    let line = |epoch| found.fences.iter().find(|fence| fence.epoch == epoch).unwrap();
    assert_eq!((line(77).jumped, line(77).standing, line(77).offset), (true, Standing::Accepted, Some(offset)));
    assert_eq!((line(77).results, line(1).jumped), (0, false));
    assert_eq!((line(3).jumped, line(3).standing), (false, Standing::Ignored));
}

#[test]
fn epochs_go_round() {
    let mut log = Log::new();
    log.fence(0, u64::MAX);
    log.fence(1, 0);
    log.request(2, "a");
    log.result(3, "a", u64::MAX, "bad");
    log.result(4, "a", 0, "good");
    let found = log.audit();
    assert_eq!((found.counts.results, found.counts.void, found.counts.second), (1, 1, 0));
    assert_eq!(found.fences.iter().map(|fence| fence.jumped).collect::<Vec<_>>(), [false, false]);
}

#[test]
fn a_late_result_is_counted_and_listed_and_is_no_violation() {
    let mut log = clean();
    let request = log.request(1_000, "slow");
    let offset = log.result(1_101, "slow", 1, "unknown");
    let punctual = log.request(2_000, "punctual");
    log.result(2_100, "punctual", 1, "good");
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 7, results: 7, late: 1, degraded: 1, ..CLEAN });
    let late = &found.late[0];
    assert_eq!((late.by_us, late.request_offset, late.result_offset), (1_000, request, offset), "not {punctual}");
    assert_eq!((found.degraded[0].kind, found.degraded[0].reason.as_str()), ("default", "too_few"));
}

#[test]
fn a_clock_that_runs_ahead_buys_no_time() {
    let mut log = clean();
    let mut ahead = wire::Envelope::decode(&{
        log.request(1_000, "ahead");
        log.requests.pop().unwrap().1
    })
    .map(|envelope| if let wire::Envelope::Request(request) = envelope { request } else { unreachable!() })
    .unwrap();
    ahead.born = at(60_000);
    log.request_record(1_000, ahead.encode());
    log.result(1_102, "ahead", 1, "good");
    assert_eq!(log.audit().late[0].by_us, 1_000);
}

#[test]
fn an_invented_result_is_found() {
    let mut log = clean();
    let offset = log.result(1_000, "nobody's", 1, "good");
    let again = log.result(1_001, "nobody's", 1, "bad");
    let found = log.audit();
    assert_eq!(found.counts, Counts { invented: 1, second: 1, contradictory: 1, ..CLEAN });
    assert_eq!(told(&found), [format!("contradictory - {offset} {again}"), format!("invented - - {offset}")]);
}

#[test]
fn a_version_that_never_was_is_invented() {
    let mut log = clean();
    log.request(1_000, "a");
    log.request(1_001, "b");
    let never = PolicyRef { rendezvous: wine(), version: 9 };
    let offset = log.result_record(1_002, wire::ResultRecord { policy: never, ..result("a", 1, "good", 2) });
    let elsewhere = PolicyRef { rendezvous: RendezvousName::new("beer").unwrap(), version: 1 };
    log.result_record(1_003, wire::ResultRecord { policy: elsewhere, ..result("b", 1, "good", 2) });
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 7, results: 7, invented: 2, ..CLEAN });
    assert_eq!(told(&found), [format!("invented - - {}", offset + 1), format!("invented - - {offset}")]);
    // Where nothing is known of the versions, nothing is said about them.
    log.ending.newest_version = None;
    assert!(log.audit().counts.ok());
}

#[test]
fn a_result_is_known_by_its_request_in_whatever_order_they_are_read() {
    let mut log = clean();
    log.result(1_000, "early", 1, "unknown");
    log.request(1_002, "early");
    let found = log.audit();
    assert_eq!((found.counts, told(&found)), (Counts { accepted: 6, results: 6, degraded: 1, ..CLEAN }, vec![]));
}

#[test]
fn what_lies_in_a_wrong_partition_is_misplaced_unless_it_was_refused_or_moved() {
    let (here, there) = (0..100).map(|key| key.to_string()).partition::<Vec<_>, _>(|key| id(key).partition(4) == 2);
    let mut log = Log::of_partition(2, 4);
    log.fence(0, 1);
    log.request(1, &here[0]);
    log.result(2, &here[0], 1, "good");
    // Answered where it lies: the topic had fewer partitions then.
    log.request(3, &there[0]);
    log.result(4, &there[0], 1, "good");
    let refused = log.request(5, &there[1]);
    let forgotten = log.request(6, &there[2]);
    let offset = log.result(7, &there[3], 1, "good");
    log.ending.refused.insert(refused);
    let found = log.audit();
    let expected = Counts { accepted: 2, results: 2, moved: 1, refused: 1, misplaced: 2, ..CLEAN };
    assert_eq!(found.counts, expected);
    assert_eq!(told(&found), [format!("misplaced - - {offset}"), format!("misplaced {forgotten} - -")]);
}

#[test]
fn garbage_is_counted_by_topic_and_breaks_nothing() {
    let mut log = clean();
    let offset = log.results_garbage(1_000);
    // A request is no result, and the other way round.
    log.results.push((crate::Place { offset: offset + 1, appended: at(1_001) }, log.requests[0].1.clone()));
    let request = log.request_record(1_002, log.results[1].1.clone());
    let mut audit = PartitionAudit::new(log.scope.clone());
    log.feed(&mut audit);
    audit.on_response(crate::Place { offset: 7, appended: at(0) }, &Record::default());
    let found = audit.finish(&log.ending);
    assert_eq!((found.counts, told(&found)), (CLEAN, vec![]));
    let of = |garbage: crate::GarbageTold| (garbage.count, garbage.first, garbage.last);
    assert_eq!(of(found.garbage.results), (2, Some(offset), Some(offset + 1)));
    assert_eq!(of(found.garbage.requests), (1, Some(request), Some(request)));
    assert_eq!(of(found.garbage.responses), (1, Some(7), Some(7)));
}

#[test]
fn a_copy_of_a_request_is_no_second_request() {
    let mut log = clean();
    log.request(1_000, "3");
    log.request(1_001, "open");
    log.request(1_002, "open");
    log.result(1_003, "open", 1, "good");
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 6, results: 6, copies: 2, ..CLEAN });
}

#[test]
fn who_asks_again_when_everybody_forgot_may_be_answered_again_once() {
    let mut log = clean();
    log.request(60_035, "3");
    log.result(60_040, "3", 1, "other");
    let found = log.audit();
    assert_eq!((found.counts, told(&found)), (Counts { copies: 1, again: 1, ..CLEAN }, vec![]));
    let offset = log.result(60_041, "3", 1, "third");
    let found = log.audit();
    assert_eq!(found.counts, Counts { copies: 1, again: 1, second: 1, contradictory: 1, ..CLEAN });
    assert_eq!(told(&found), [format!("contradictory 3 {} {offset}", offset - 1)]);
    // A millisecond earlier it is not forgotten.
    let mut log = clean();
    log.request(60_034, "3");
    log.result(60_040, "3", 1, "other");
    assert_eq!(log.audit().counts.contradictory, 1);
}

#[test]
fn what_is_newer_than_the_snapshot_is_not_judged() {
    let mut log = clean();
    log.scope.snapshot = 4;
    log.request(1_000, "awaited");
    let mut audit = PartitionAudit::new(log.scope.clone());
    log.feed(&mut audit);
    audit.on_requests_end();
    assert_eq!((audit.open(), audit.due(GRACE)), (1, Some(at(1_100).after(GRACE))));
    let mut later = Log::new();
    later.result(1_050, "newer", 1, "good");
    later.result(1_051, "awaited", 1, "good");
    later.result(1_052, "awaited", 1, "bad");
    for (place, record) in &later.results {
        audit.on_result(crate::Place { offset: place.offset + 6, ..*place }, record);
    }
    assert_eq!((audit.open(), audit.due(GRACE)), (0, None));
    let found = audit.finish(&log.ending);
    assert_eq!(found.counts, Counts { accepted: 6, results: 6, second: 1, contradictory: 1, ..CLEAN });
}

#[test]
fn a_log_without_beginning_is_not_judged_before_a_fence_is_known() {
    let mut log = Log::new();
    log.clean(0, 1, 0..3);
    log.clean(40_000, 1, 3..6);
    log.request(41_000, "lost early");
    log.request(100_000, "lost");
    // The first fence and the first result are gone.
    let found = log.without(0, 2).audit();
    assert_eq!(told(&found), ["missing 7 - -"]);
    assert_eq!((found.counts.accepted, found.counts.results, found.counts.unjudged), (8, 3, 6));
    assert_eq!(found.unjudged[&Unjudged::FenceGone], 2);
    assert_eq!(found.unjudged[&Unjudged::ResultGone], 4);
}

#[test]
fn a_key_may_have_been_answered_before_a_cut_log_begins() {
    let mut log = Log::new();
    log.clean(0, 1, 0..3);
    log.fence(99_000, 1);
    log.request(100_000, "key");
    assert_eq!(told(&log.audit()), ["missing 3 - -"]);
    let found = log.without(1, 0).audit();
    assert_eq!((told(&found), found.unjudged[&Unjudged::ResultGone]), (vec![], 1));
}

#[test]
fn results_whose_requests_are_gone_are_not_invented() {
    let log = clean().without(3, 0);
    let found = log.audit();
    assert_eq!(found.counts, Counts { accepted: 2, results: 2, unjudged: 3, ..CLEAN });
    assert_eq!(found.unjudged[&Unjudged::RequestGone], 3);
    let mut log = clean().without(3, 0);
    log.scope.requests = Beginning::Since(at(25));
    assert_eq!(log.audit().counts, Counts { accepted: 2, results: 2, earlier: 3, ..CLEAN });
    // What says of itself that it was asked long after the log's beginning was not.
    let offset = log.result(10_000, "nobody's", 1, "good");
    assert_eq!(told(&log.audit()), [format!("invented - - {offset}")]);
}

#[test]
fn where_all_is_gone_nobody_is_accused() {
    let log = clean();
    let found = log.without(0, log.results.len()).audit();
    assert_eq!((found.counts.unjudged, found.counts.ok()), (5, true));
    let found = log.without(log.requests.len(), 0).audit();
    assert_eq!((found.counts.unjudged, found.counts.ok()), (5, true));
}

#[test]
fn records_that_go_while_they_are_read_accuse_nobody() {
    let mut log = clean();
    log.clean(100_000, 1, 5..8);
    let mut audit = PartitionAudit::new(log.scope.clone());
    let (requests, results) = (&log.requests, &log.results);
    requests[..2].iter().for_each(|(place, record)| audit.on_request(*place, record));
    audit.on_requests_gone();
    requests[4..].iter().for_each(|(place, record)| audit.on_request(*place, record));
    results[..2].iter().for_each(|(place, record)| audit.on_result(*place, record));
    audit.on_results_gone();
    results[4..].iter().for_each(|(place, record)| audit.on_result(*place, record));
    let found = audit.finish(&log.ending);
    assert_eq!(told(&found), [""; 0]);
    assert_eq!((found.counts.accepted, found.counts.results), (6, 4));
}

#[test]
fn what_there_is_no_room_for_is_unjudged() {
    let mut log = Log::new();
    log.clean(0, 1, 0..100);
    log.scope.limits.answered = 10;
    // Its first result is forgotten by now.
    log.result(2_000, "1", 1, "bad");
    let found = log.audit();
    assert_eq!((found.counts.results, found.counts.second, found.counts.invented), (100, 0, 0));
    assert_eq!(found.unjudged[&Unjudged::Forgotten], 1);

    let mut log = Log::new();
    log.fence(0, 1);
    (0..5).for_each(|key| _ = log.request(key, &key.to_string()));
    (0..5).for_each(|key| _ = log.result(10 + key, &key.to_string(), 1, "good"));
    log.scope.limits.open = 3;
    let found = log.audit();
    assert_eq!((found.counts.accepted, found.counts.results, found.counts.ok()), (5, 3, true));
    assert_eq!(found.unjudged[&Unjudged::Forgotten], 4, "two requests and their results");

    let mut log = Log::new();
    log.fence(0, 1);
    (0..5).for_each(|key| _ = log.result(10 + key, &key.to_string(), 1, "good"));
    (0..5).for_each(|key| _ = log.request(20 + key, &key.to_string()));
    log.scope.limits.early = 3;
    let found = log.audit();
    assert_eq!((found.counts.results, found.counts.missing, found.counts.unjudged), (3, 0, 4));
}

#[test]
fn everything_is_counted_and_only_so_much_is_listed() {
    let mut log = clean();
    log.scope.limits.listed = 2;
    log.scope.limits.fencings = 2;
    (0..5).for_each(|key| _ = log.request(1_000 + key, &format!("lost {key}")));
    for stranger in 0..4 {
        let instance = Uuid::from_u128(100 + stranger);
        let record = wire::ResultRecord { fencing: Fencing { instance, ..fencing(1) }, ..result("0", 1, "bad", 5) };
        log.result_record(2_000, record);
    }
    let found = log.audit();
    assert_eq!((found.counts.missing, found.violations.len(), found.counts.void), (5, 2, 4));
    assert_eq!((found.fences.len(), found.counts.unlisted), (2, 3 + 3));
    assert_eq!(found.violations[0].kind, Kind::Missing);
}

#[test]
fn a_request_of_another_rendezvous_is_refused() {
    let mut log = clean();
    let mut other = wire::Envelope::decode(&log.requests[0].1).unwrap();
    if let wire::Envelope::Request(request) = &mut other {
        request.policy.rendezvous = RendezvousName::new("beer").unwrap();
        request.id = RequestId::from_uuid(Uuid::nil());
        request.body = Bytes::new();
    }
    log.request_record(1_000, other.encode());
    assert_eq!(log.audit().counts, Counts { refused: 1, ..CLEAN });
}
