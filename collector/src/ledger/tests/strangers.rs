//! Somebody else writes into the results: fences of any epoch, results without the right to, results under his fence.

use bytes::Bytes;
use uuid::Uuid;
use wire::{Envelope, ResultKind};

use super::{world::World, *};

/// Longer than the longest time that an owner yields.
const YIELD_MAX: usize = 160;

fn stranger(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(0xbad) }
}

fn forged(offset: i64, fencing: Fencing) -> Envelope {
    Envelope::Result(ResultRecord {
        request: request(offset),
        policy: "wine@1".parse().expect("a name and a version"),
        kind: ResultKind::Prediction,
        key: None,
        reply: None,
        fencing,
        body: Bytes::from_static(b"forged"),
    })
}

/// Returns a world whose only owner serves, and its epoch.
fn serving(requests: i64) -> (World, u64) {
    let mut world = World::new(1, requests);
    world.calm(5);
    assert!(world.is_running(0));
    let Some(Envelope::Fence(Fence(own))) = world.results.first().cloned() else { panic!("a fence comes first") };
    (world, own.epoch)
}

#[test]
fn a_partition_recovers_from_a_stranger_s_fence_of_any_epoch_within_its_yield() {
    for (behind, takes) in [
        (|own: u64| own - 1, false),
        (|own| own, false),
        (|own| own + 1, true),
        (|own| own + (1 << 40), true),
        (|_| 0, false),
        (|_| u64::MAX, false),
        (|own: u64| own + (i64::MAX.unsigned_abs()), true),
        (|own: u64| own.wrapping_add(1 << 63), false),
    ] as [(fn(u64) -> u64, bool); 8]
    {
        let (mut world, own) = serving(3);
        let epoch = behind(own);
        world.results.push(Envelope::Fence(Fence(stranger(epoch))));
        world.requests += 2;
        while world.read_result(0) {}
        assert_eq!(!world.is_running(0), takes, "epoch {epoch} after {own}");
        world.calm(YIELD_MAX);
        assert!(world.is_running(0), "epoch {epoch} after {own}");
        assert_one_result_each(&world);
    }
}

#[test]
fn after_the_last_epoch_comes_the_first_and_a_stranger_there_is_succeeded_too() {
    let (mut world, own) = serving(1);
    // In two steps anybody can get anywhere.
    for epoch in [own + i64::MAX.unsigned_abs(), u64::MAX] {
        world.results.push(Envelope::Fence(Fence(stranger(epoch))));
        world.requests += 1;
        while world.read_result(0) {}
        assert!(!world.is_running(0), "{epoch} takes over");
        world.calm(YIELD_MAX);
        assert!(world.is_running(0), "and {epoch} is succeeded");
    }
    assert_one_result_each(&world);
}

#[test]
fn results_under_no_fence_or_another_s_change_nothing() {
    let (mut world, own) = serving(2);
    let before = world.valid();
    for epoch in [own - 1, own, own + 1, 0, u64::MAX] {
        (0..3).for_each(|offset| world.results.push(forged(offset, stranger(epoch))));
    }
    world.requests += 1;
    world.calm(5);
    assert!(world.is_running(0));
    let after = world.valid();
    assert!(before.iter().all(|(id, body)| after.get(id) == Some(body)));
    assert!(after.values().all(|body| *body != "forged"));
    assert_one_result_each(&world);
}

#[test]
fn results_under_a_stranger_s_fence_stand_and_are_not_given_again() {
    let (mut world, own) = serving(2);
    let fence = stranger(own + 1);
    world.results.push(Envelope::Fence(Fence(fence)));
    world.requests += 2;
    world.results.push(forged(2, fence));
    world.calm(YIELD_MAX);
    assert!(world.is_running(0));
    assert_one_result_each(&world);
    assert_eq!(world.valid()[&request(2)], "forged", "it had the right to");
    assert_eq!((world.written(2), world.written(3)), (1, 1));
}

#[test]
fn a_partition_without_any_fence_left_begins_higher_than_any_that_was_there() {
    let (mut world, own) = serving(2);
    world.restart(0);
    world.calm(5);
    let mut reader = wire::ResultsReader::new(100);
    let Some(Envelope::Fence(first)) = world.results.iter().rev().find(|e| matches!(e, Envelope::Fence(_))).cloned()
    else {
        panic!("there are fences")
    };
    assert!(first.0.epoch > own && reader.on_fence(first));
    // Retention has dropped everything while nobody served; a reader has waited all the time.
    let mut later = World::new(1, 1);
    later.now = world.now;
    later.calm(5);
    let Some(Envelope::Fence(fence)) = later.results.first().cloned() else { panic!("a fence comes first") };
    assert!(reader.on_fence(fence), "{fence:?} is not heeded after {first:?}");
}
