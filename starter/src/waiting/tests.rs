//! Who waits for which result, and what is remembered.

use bytes::Bytes;
use uuid::Uuid;
use wire::{Fencing, PolicyRef, RendezvousName, ResultKind};

use super::*;

const BODY: Digest = Digest::of_test(1);
const OTHER_BODY: Digest = Digest::of_test(2);

fn name() -> RendezvousName {
    RendezvousName::new("wine").unwrap()
}

fn keyed(key: &str) -> RequestId {
    RequestId::from_key(&name(), key)
}

fn result(request: RequestId) -> ResultRecord {
    let policy = PolicyRef { rendezvous: name(), version: 1 };
    let (kind, body) = (ResultKind::Prediction, Bytes::from_static(b"{}"));
    let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
    ResultRecord { request, policy, kind, key: None, reply: None, fencing, body }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn waiting(limit: usize) -> Waiting<&'static str> {
    Waiting::new(limit)
}

fn join(waiting: &mut Waiting<&'static str>, id: RequestId, who: &'static str) -> Seat {
    waiting.join(id, BODY, who, at(10), at(0))
}

fn ticket(seat: Seat) -> Ticket {
    match seat {
        Seat::First(ticket) | Seat::Beside(ticket, _) => ticket,
        other => panic!("no seat: {other:?}"),
    }
}

#[test]
fn only_the_first_of_many_callers_is_told_to_write() {
    let mut waiting = waiting(9);
    assert!(matches!(join(&mut waiting, keyed("k"), "a"), Seat::First(_)));
    assert!(matches!(waiting.join(keyed("k"), BODY, "b", at(99), at(1)), Seat::Beside(_, due) if due == at(10)));
    assert!(matches!(join(&mut waiting, keyed("other"), "c"), Seat::First(_)));
}

#[test]
fn everybody_who_waits_hears_the_result_and_so_does_who_asks_again() {
    let mut waiting = waiting(9);
    let _ = join(&mut waiting, keyed("k"), "a");
    let _ = join(&mut waiting, keyed("k"), "b");
    assert_eq!(waiting.on_result(&result(keyed("k")), at(1)), ["a", "b"]);
    assert_eq!(waiting.callers(), 0);
    let again = waiting.join(keyed("k"), BODY, "c", at(70), at(60));
    assert_eq!(again, Seat::Answered(result(keyed("k"))));
}

#[test]
fn a_result_that_another_process_asked_for_is_remembered_too() {
    let mut waiting = waiting(9);
    assert!(waiting.on_result(&result(keyed("k")), at(1)).is_empty());
    assert!(matches!(join(&mut waiting, keyed("k"), "a"), Seat::Answered(_)));
}

#[test]
fn what_has_no_key_is_not_remembered() {
    let mut waiting = waiting(9);
    let unnamed = RequestId::from_uuid(Uuid::from_u128(7));
    let position = RequestId::from_position(&name(), "wine.inputs", 0, 7);
    let _ = waiting.join(unnamed, BODY, "a", at(10), at(0));
    assert_eq!(waiting.note(position, BODY, at(0)), Noted::Write);
    assert_eq!(waiting.on_result(&result(unnamed), at(1)), ["a"]);
    let _ = waiting.on_result(&result(position), at(1));
    assert_eq!(waiting.ids(), 0);
}

#[test]
fn another_body_under_the_same_key_is_a_conflict_waiting_or_answered() {
    let mut waiting = waiting(9);
    let _ = join(&mut waiting, keyed("k"), "a");
    let conflict = |waiting: &mut Waiting<_>| waiting.join(keyed("k"), OTHER_BODY, "b", at(10), at(0));
    assert_eq!(conflict(&mut waiting), Seat::Conflict);
    let _ = waiting.on_result(&result(keyed("k")), at(1));
    assert_eq!(conflict(&mut waiting), Seat::Conflict);
    assert_eq!(waiting.note(keyed("k"), OTHER_BODY, at(2)), Noted::Conflict);
}

#[test]
fn the_limit_is_a_limit_of_callers_and_a_seat_given_back_is_free() {
    let mut waiting = waiting(2);
    let first = ticket(join(&mut waiting, keyed("k"), "a"));
    let _ = join(&mut waiting, keyed("k"), "b");
    assert_eq!(join(&mut waiting, keyed("l"), "c"), Seat::Full);
    waiting.leave(keyed("k"), first, at(1));
    assert!(matches!(join(&mut waiting, keyed("l"), "c"), Seat::First(_)));
    assert_eq!(join(&mut waiting, keyed("m"), "d"), Seat::Full);
}

#[test]
fn a_request_that_was_lost_is_told_to_all_and_may_be_written_again() {
    let mut waiting = waiting(9);
    let _ = join(&mut waiting, keyed("k"), "a");
    let _ = join(&mut waiting, keyed("k"), "b");
    assert_eq!(waiting.on_lost(keyed("k"), at(1)), ["a", "b"]);
    assert_eq!(waiting.callers(), 0);
    assert!(matches!(join(&mut waiting, keyed("k"), "c"), Seat::First(_)));
}

#[test]
fn a_request_that_is_written_is_not_written_again_for_the_next_caller() {
    let mut waiting = waiting(9);
    let first = ticket(join(&mut waiting, keyed("k"), "a"));
    waiting.on_written(keyed("k"));
    assert!(waiting.leave(keyed("k"), first, at(11)));
    assert!(matches!(waiting.join(keyed("k"), BODY, "b", at(25), at(15)), Seat::Beside(_, due) if due == at(25)));
    assert_eq!(waiting.note(keyed("k"), BODY, at(16)), Noted::Written);
}

#[test]
fn an_input_that_was_noted_and_not_written_is_to_be_written() {
    let mut waiting = waiting(9);
    assert_eq!(waiting.note(keyed("k"), BODY, at(0)), Noted::Write);
    assert_eq!(waiting.note(keyed("k"), BODY, at(0)), Noted::Write);
    waiting.on_written(keyed("k"));
    assert_eq!(waiting.note(keyed("k"), BODY, at(0)), Noted::Written);
}

#[test]
fn ids_are_forgotten_after_a_minute() {
    let mut waiting = waiting(9);
    let _ = waiting.on_result(&result(keyed("k")), at(0));
    let _ = waiting.on_result(&result(keyed("l")), at(61));
    assert_eq!(waiting.ids(), 1);
    assert!(matches!(waiting.join(keyed("k"), OTHER_BODY, "a", at(70), at(61)), Seat::First(_)));
}

#[test]
fn ids_are_bounded_in_number() {
    let mut waiting = waiting(9);
    for key in 0..REMEMBERED_IDS + 100 {
        let _ = waiting.note(keyed(&key.to_string()), BODY, at(0));
    }
    assert!(waiting.ids() <= REMEMBERED_IDS + 1, "{} ids", waiting.ids());
}

#[test]
fn forgetting_never_takes_a_seat_from_who_still_waits() {
    let mut waiting = waiting(9);
    let first = ticket(join(&mut waiting, keyed("k"), "a"));
    waiting.leave(keyed("k"), first, at(1));
    let _ = waiting.join(keyed("k"), BODY, "b", at(300), at(2));
    let _ = waiting.note(keyed("l"), BODY, at(100));
    assert_eq!(waiting.on_result(&result(keyed("k")), at(101)), ["b"]);
    let _ = waiting.note(keyed("m"), BODY, at(300));
    assert_eq!(waiting.ids(), 1);
}

#[test]
fn a_result_that_comes_again_answers_who_asked_again_after_it_was_forgotten() {
    let mut waiting = waiting(9);
    let _ = waiting.on_result(&result(keyed("k")), at(0));
    let _ = waiting.join(keyed("k"), BODY, "a", at(130), at(120));
    assert_eq!(waiting.on_result(&result(keyed("k")), at(121)), ["a"]);
}
