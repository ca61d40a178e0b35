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
    let mut world = World::new(1, 4);
    world.warm_up(0);
    assert_eq!(world.in_flight.len(), 1, "the fence alone, though 1 and 3 are decided");
    world.end_sending(0, Fate::Lands);
    assert!(world.in_flight.is_empty(), "the fence was not read back");
    world.read_result(0);
    assert_eq!(world.in_flight.len(), 2, "1 and 3 were withheld until now");
}

#[test]
fn the_fence_waits_until_all_that_takes_long_is_done() {
    let mut world = World::new(1, 3);
    world.calm(5);
    world.join();
    world.requests = 4;
    world.answer_survey(1);
    while world.read_result(1) {}
    for _ in 0..3 {
        world.read_request(1);
        assert!(world.in_flight.is_empty(), "a request of the survey is not read");
    }
    world.read_request(1);
    assert_eq!(world.in_flight.len(), 1);
}

#[test]
fn between_the_fence_and_serving_lie_one_read_and_one_question() {
    let mut world = World::new(1, 3);
    world.calm(5);
    world.join();
    world.warm_up(1);
    assert!(world.is_running(0) && !world.is_running(1));
    world.end_sending(0, Fate::Lands);
    world.read_result(1);
    world.answer_survey(1);
    assert!(world.is_running(1));
}

#[test]
fn what_a_predecessor_decides_meanwhile_is_not_decided_again() {
    let mut world = World::new(1, 0);
    world.calm(5);
    world.join();
    world.requests = 4;
    world.warm_up(1);
    // Both have read 0 to 3; only the predecessor writes, and his results are read before the fence.
    while world.read_request(0) {}
    let fence = world.in_flight.remove(0);
    while !world.in_flight.is_empty() {
        world.end_sending(0, Fate::Lands);
    }
    world.in_flight.push(fence);
    world.owners.remove(0);
    world.calm(5);
    assert!((0..4).all(|offset| world.writers(offset) == ["1"]));
    assert_one_result_each(&world);
    world.commit(0);
    assert_eq!(world.committed.map(|watermarks| watermarks.requests), Some(4), "nothing holds them back");
}

#[test]
fn who_has_too_much_in_hand_fences_first_and_reads_the_rest_behind_it() {
    let mut ledger = Ledger::new(None, uuid::Uuid::nil());
    let ask = |ledger: &mut Ledger| std::iter::from_fn(|| ledger.poll_action()).collect::<Vec<_>>();
    let [Action::Survey(survey)] = ask(&mut ledger)[..] else { panic!("it asks first") };
    ledger.on_spans(survey, &Spans { requests: 0..9, responses: 0..9, results: 0..0 });
    assert_eq!(ask(&mut ledger).last(), Some(&Action::Replay { requests: 0, responses: 0 }));
    assert!(ledger.on_request(0) && ledger.on_response(0));
    ledger.on_full();
    ledger.on_full();
    assert_eq!(ask(&mut ledger), [Action::Halt]);
    assert!(!ledger.on_request(1) && !ledger.on_response(1), "it was on its way");
    ledger.on_time(Timestamp::EPOCH);
    let [Action::WriteFence(fence)] = ask(&mut ledger)[..] else { panic!("it fences") };
    assert_eq!(ledger.on_fence(fence, 0, Timestamp::EPOCH, Timestamp::EPOCH), Fenced::TakenOver);
    assert_eq!(ask(&mut ledger).last(), Some(&Action::Replay { requests: 1, responses: 1 }));
    assert!(ledger.on_request(1));
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
fn time_decides_nothing_before_all_that_was_heard_is_heard() {
    let mut world = World::new(1, 4);
    world.warm_up(0);
    world.advance(60_000);
    assert!(!world.is_running(0));
    world.end_sending(0, Fate::Lands);
    // Somebody may have heard this one before the fence.
    world.requests = 5;
    world.read_result(0);
    world.answer_survey(0);
    world.in_flight.clear();
    world.advance(60_000);
    assert!(!world.is_running(0), "request 4 is not read");
    assert!(!world.in_flight.iter().any(|sending| sending.record.key.is_some()), "0 and 2 wait for time");
    world.read_request(0);
    assert!(world.is_running(0));
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
    world.warm_up(0);
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
fn the_results_watermark_is_a_fence_older_than_the_window() {
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
fn owners_that_come_and_go_within_the_window_do_not_read_ever_more() {
    let mut world = World::new(1, 1);
    let mut watermarks = Vec::new();
    for _ in 0..10 {
        world.calm(300);
        world.commit(0);
        watermarks.push(world.committed.expect("committed").results);
        world.requests += 1;
        world.restart(0);
    }
    assert!(watermarks.is_sorted() && watermarks[9] > watermarks[5] && watermarks[5] > 0, "{watermarks:?}");
    world.calm(5);
    assert_one_result_each(&world);
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

/// One step of a hand-over: 0 serves, 1 warms up beside it.
fn play_beside(world: &mut World, (kind, argument): (u8, u8)) {
    let index = usize::from(argument) % world.owners.len();
    match kind {
        0..=7 => drop(world.read_result(index)),
        8..=12 => drop(world.read_request(index)),
        13..=15 => world.answer_survey(index),
        16..=22 => world.end_sending(usize::from(argument), Fate::Lands),
        23 => world.end_sending(usize::from(argument), Fate::LandsUnseen),
        24 => world.commit(index),
        25..=28 => world.requests += i64::from(argument % 3),
        29 => world.patient = argument % 2 == 0,
        _ => world.advance(u64::from(argument) * 4),
    }
    // Whoever is fenced off while it serves on goes.
    if world.owners.len() == 2 && !world.is_running(0) {
        world.owners.remove(0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_predecessor_that_serves_on_loses_nothing_and_nothing_of_it_is_decided_again(
        story in prop::collection::vec((0_u8..33, any::<u8>()), 0..600),
    ) {
        let mut world = World::new(1, 3);
        world.calm(5);
        world.join();
        let mut shown = world.valid();
        for step in story {
            play_beside(&mut world, step);
            let valid = world.valid();
            for (id, body) in &shown {
                prop_assert_eq!(valid.get(id), Some(body), "a result that was shown has changed");
            }
            shown = valid;
        }
        world.patient = false;
        if world.owners.len() == 2 {
            // It serves on until it is fenced off: nothing that landed before that is void.
            while !world.is_running(1) {
                world.calm(1);
            }
            world.owners.remove(0);
        }
        world.calm(200);
        assert_one_result_each(&world);
        for offset in 0..world.requests {
            let writers = world.writers(offset);
            let first = world.valid()[&request(offset)].clone();
            let by_predecessor = first.ends_with(b"of 1");
            prop_assert!(!by_predecessor || writers.iter().all(|life| life == "1"), "{} by {:?}", offset, writers);
        }
    }
}
