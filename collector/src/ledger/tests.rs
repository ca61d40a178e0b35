//! The ledger on a modelled results partition: fences, zombies, late and lost records.

mod strangers;
mod world;

use proptest::prelude::*;

use super::*;
use world::{Fate, World, request};

fn assert_one_result_each(world: &World) {
    let valid = world.valid();
    for offset in 0..world.requests {
        assert!(valid.contains_key(&request(offset)), "request {offset} has no valid result");
    }
    assert_eq!(i64::try_from(valid.len()), Ok(world.requests));
}

#[test]
fn nothing_is_written_before_the_own_fence_is_read_back() {
    let mut world = World::new(1, 3);
    world.answer_survey(0);
    assert_eq!(world.in_flight.len(), 1);
    assert!(!world.read_request(0), "requests are not read yet");
    world.end_sending(0, Fate::Lands);
    world.read_result(0);
    assert!(world.read_request(0), "the fence was read back");
}

#[test]
fn a_take_over_answers_everything_once() {
    let mut world = World::new(1, 5);
    world.calm(5);
    assert_one_result_each(&world);
    assert_eq!(world.results.len(), 6, "one fence and five results");
}

#[test]
fn a_restart_does_not_decide_again_what_has_a_result() {
    let mut world = World::new(1, 5);
    world.calm(5);
    world.restart(0);
    world.calm(5);
    assert_one_result_each(&world);
    assert_eq!((0..5).map(|offset| world.written(offset)).collect::<Vec<_>>(), [1; 5]);
}

#[test]
fn time_decides_nothing_during_a_replay() {
    let mut world = World::new(1, 4);
    world.answer_survey(0);
    world.end_sending(0, Fate::Lands);
    world.read_result(0);
    world.answer_survey(0);
    world.read_request(0);
    world.advance(60_000);
    assert!(!world.is_running(0));
    assert!(!world.in_flight.iter().any(|sending| sending.record.key.is_some()), "request 0 waits for time");
    world.calm(3);
    assert!(world.is_running(0));
    assert_one_result_each(&world);
}

#[test]
fn a_zombie_s_result_behind_the_new_fence_is_void() {
    let mut world = World::new(1, 2);
    world.calm(1);
    while !world.is_running(0) {
        world.calm(1);
    }
    world.requests += 1;
    world.read_request(0);
    let late = world.in_flight.pop().expect("the zombie has decided request 2");
    world.restart(0);
    world.calm(5);
    let before = world.valid();
    world.in_flight.push(late);
    world.end_sending(0, Fate::Lands);
    assert_eq!(world.valid(), before);
    assert_one_result_each(&world);
}

#[test]
fn a_stale_fence_that_lands_late_takes_nothing_over() {
    let mut world = World::new(1, 2);
    world.answer_survey(0);
    let late = world.in_flight.pop().expect("the first owner's fence");
    world.restart(0);
    world.calm(5);
    world.in_flight.push(late);
    world.end_sending(0, Fate::Lands);
    world.requests += 2;
    world.calm(2);
    assert!(world.is_running(0), "the live owner goes on");
    assert_one_result_each(&world);
}

#[test]
fn a_lost_acknowledgement_writes_the_same_bytes_again_and_the_reader_sees_one() {
    let mut world = World::new(1, 0);
    world.calm(5);
    world.requests = 1;
    world.read_request(0);
    world.end_sending(0, Fate::LandsUnseen);
    world.advance(1_000);
    assert_eq!(world.in_flight.len(), 1, "it is written again before it is read back");
    world.calm(2);
    assert_eq!(world.written(0), 2);
    assert_one_result_each(&world);
}

#[test]
fn a_result_that_was_read_back_is_not_written_again() {
    let mut world = World::new(1, 0);
    world.calm(5);
    world.requests = 1;
    world.read_request(0);
    world.end_sending(0, Fate::LandsUnseen);
    world.read_result(0);
    world.calm(5);
    assert_eq!(world.written(0), 1);
}

#[test]
fn watermarks_never_pass_a_request_whose_result_is_not_read_back() {
    let mut world = World::new(1, 3);
    world.calm(5);
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.requests), Some(3));
    world.requests = 5;
    world.read_request(0);
    world.read_request(0);
    world.end_sending(1, Fate::Lands);
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.requests), Some(3), "neither result is read back");
    world.calm(1);
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.requests), Some(3), "written and not read back");
    world.calm(1);
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.requests), Some(5));
}

#[test]
fn the_results_watermark_is_an_own_fence_older_than_the_window() {
    let mut world = World::new(1, 1);
    world.calm(500);
    assert!(world.results.len() > 10, "fences were repeated");
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.results), Some(0), "the window is not over yet");
    world.calm(700);
    world.commit(0);
    let results = world.committed.expect("committed").results;
    let at = usize::try_from(results).expect("an offset");
    assert!(at > 0 && matches!(world.results[at], wire::Envelope::Fence(_)), "{results}");
    world.requests += 1;
    world.restart(0);
    world.calm(5);
    assert_one_result_each(&world);
    assert_eq!(world.written(0), 1);
}

#[test]
fn the_results_watermark_stays_before_all_that_an_open_request_may_be_replayed_with() {
    let mut world = World::new(1, 2);
    world.patient = true;
    world.calm(5);
    assert_eq!((world.written(0), world.written(1)), (0, 1), "0 waits, 1 is decided in the first life");
    world.commit(0);
    world.restart(0);
    world.calm(1_000);
    world.commit(0);
    world.restart(0);
    world.calm(5);
    world.patient = false;
    world.calm(5);
    assert_eq!(world.written(1), 1, "1 is replayed behind 0, and known to be decided");
    assert_one_result_each(&world);
}

#[test]
fn watermarks_start_over_from_what_is_held_when_what_is_needed_is_gone() {
    let committed = Watermarks { requests: 5, responses: 6, results: 7 };
    let mut ledger = Ledger::new(Some(committed), uuid::Uuid::nil());
    let Some(Action::Survey(survey)) = ledger.poll_action() else { panic!("it asks first") };
    let spans = Spans { requests: 8..9, responses: 0..9, results: 0..9 };
    assert!(!ledger.on_spans(survey + 1, &spans), "an answer to another question");
    assert!(ledger.on_spans(survey, &spans), "requests 5 to 7 are gone, and that is told");
    assert_eq!(ledger.poll_action(), Some(Action::ReadResults(7)));
}

#[test]
fn who_is_fenced_off_drops_everything_and_waits_before_it_fences_in_turn() {
    let mut world = World::new(1, 2);
    world.calm(5);
    let zombie = world.owners.remove(0);
    world.owners.push(zombie);
    let mut rival = World::new(1, 2);
    std::mem::swap(&mut rival.results, &mut world.results);
    rival.calm(5);
    std::mem::swap(&mut rival.results, &mut world.results);
    world.requests += 1;
    world.read_request(0);
    world.in_flight.clear();
    while world.read_result(0) {}
    assert!(!world.is_running(0));
    assert_eq!(world.owners[0].ledger.unconfirmed(), 0);
    world.advance(400);
    assert!(world.in_flight.is_empty(), "it yields");
    world.calm(20);
    assert!(world.is_running(0), "nobody else fenced again");
    assert_one_result_each(&world);
}

#[test]
fn an_owner_repeats_its_fence_every_five_seconds() {
    let mut world = World::new(1, 0);
    world.calm(5);
    assert_eq!(world.results.len(), 1);
    world.calm(100);
    assert_eq!(world.results.len(), 3);
}

/// One step of a random story.
fn play(world: &mut World, (kind, argument): (u8, u8)) {
    let index = usize::from(argument) % world.owners.len();
    match kind {
        0..=7 => drop(world.read_result(index)),
        8..=12 => drop(world.read_request(index)),
        13..=14 => world.answer_survey(index),
        15..=20 => world.end_sending(usize::from(argument), Fate::Lands),
        21 => world.end_sending(usize::from(argument), Fate::LandsUnseen),
        22 => world.end_sending(usize::from(argument), Fate::Fails),
        23 => world.end_sending(usize::from(argument), Fate::LandsTwice),
        24..=25 => world.commit(index),
        26 => world.restart(index),
        27..=28 => world.requests += i64::from(argument % 3),
        29 => world.patient = argument % 2 == 0,
        30 => world.advance(u64::from(argument) * 400),
        33 => world.intrude(argument),
        _ => world.advance(u64::from(argument) * 10),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn two_owners_in_any_interleaving_lose_nothing_and_answer_nothing_twice(
        story in prop::collection::vec((0_u8..34, any::<u8>()), 0..600),
    ) {
        let mut world = World::new(2, 3);
        let mut shown = std::collections::HashMap::new();
        for step in story {
            play(&mut world, step);
            let valid = world.valid();
            for (id, body) in &shown {
                prop_assert_eq!(valid.get(id), Some(body), "a result that was shown has changed");
            }
            shown = valid;
        }
        world.owners.pop();
        world.patient = false;
        world.calm(200);
        assert_one_result_each(&world);
    }
}
