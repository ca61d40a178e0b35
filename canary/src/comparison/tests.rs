//! Each request is counted once, whatever the order in which records are read and wherever reading is cut off.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::{Log, World, by_lists, class, matchup, name};

fn limits() -> Limits {
    Limits { patience: Duration::from_secs(5), ..Limits::default() }
}

fn matchups() -> Vec<Matchup> {
    vec![by_lists(), Matchup { twin: None, canary: name("again"), reference: name("boost"), ..matchup() }]
}

fn story(seed: u64, requests: u64) -> (World, Log) {
    let (mut world, mut dice) = (World::new(), fastrand::Rng::with_seed(seed));
    let log = Log::wild(&mut world, requests, &mut dice);
    (world, log)
}

/// What was counted in the end.
fn counted(mut comparison: Comparison, world: &World) -> Checkpoint {
    let end = comparison.checkpoint(world);
    // Who is remembered in which order is not what is counted.
    Checkpoint { done: Vec::new(), ..end }
}

fn told(world: &World, log: &Log, order: u64) -> Checkpoint {
    let mut comparison = Comparison::new(matchups(), limits());
    log.tell(&mut comparison, Positions::default(), &mut fastrand::Rng::with_seed(order), usize::MAX);
    counted(comparison, world)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn in_whatever_order_topics_are_read_the_same_is_counted(seed in 0..u64::MAX, one in 0..u64::MAX, two in 0..u64::MAX) {
        let (world, log) = story(seed, 60);
        let whole = told(&world, &log, one);
        prop_assert_eq!(&whole, &told(&world, &log, two));
        let ledgers: Vec<_> = whole.ledgers.values().map(|kept| &kept.ledger.pairs).collect();
        prop_assert!(ledgers.iter().all(|pairs| pairs.asked == 60), "each request once");
        let sums = ledgers.iter().map(|pairs| pairs.compared + pairs.excluded.values().sum::<u64>());
        prop_assert!(sums.eq([60, 60]), "compared, or excluded by a reason");
        let lists = whole.ledgers.iter().map(|(name, kept)| (name, &kept.ledger.pairs));
        for (name, pairs) in lists.filter(|(name, _)| name.contains("items")) {
            prop_assert_eq!(pairs.lists.overlap.total(), pairs.compared, "{}", name);
        }
    }

    #[test]
    fn whoever_is_killed_at_any_record_counts_nothing_twice_and_leaves_nothing_out(
        seed in 0..u64::MAX,
        order in 0..u64::MAX,
        stops in prop::collection::vec((0_usize..120, 0_usize..60), 1..4),
    ) {
        let (world, log) = story(seed, 40);
        let mut dice = fastrand::Rng::with_seed(order);
        let mut comparison = Comparison::new(matchups(), limits());
        let mut from = Positions::default();
        for (before, after) in stops {
            log.tell(&mut comparison, from, &mut dice, before);
            let checkpoint = comparison.checkpoint(&world);
            // What is told and counted after the last checkpoint is lost with the process.
            log.tell(&mut comparison, checkpoint.positions, &mut dice, after);
            comparison.count(&world);
            let kept = serde_json::to_vec(&checkpoint).expect("a checkpoint is JSON");
            let read: Checkpoint = serde_json::from_slice(&kept).expect("what was written reads");
            prop_assert_eq!(&read, &checkpoint);
            from = read.positions;
            comparison = Comparison::restore(matchups(), limits(), read);
        }
        log.tell(&mut comparison, from, &mut dice, usize::MAX);
        prop_assert_eq!(counted(comparison, &world), told(&world, &log, seed));
    }

    #[test]
    fn partitions_add_up_to_the_whole(seed in 0..u64::MAX, split in 1_usize..39) {
        let (world, log) = story(seed, 40);
        let whole = told(&world, &log, seed);
        let part = |which: bool| {
            let is_here = |id: &RequestId| (id.partition(40) < i32::try_from(split).expect("few")) == which;
            let mut part = log.clone();
            for topic in &mut part.topics {
                topic.retain(|told| is_here(&told.id()));
            }
            told(&world, &part, seed)
        };
        let (mut sum, other) = (part(true), part(false));
        for (name, kept) in &mut sum.ledgers {
            kept.ledger.merge(&other.ledgers[name].ledger);
        }
        let ledgers = |told: &Checkpoint| told.ledgers.values().map(|kept| kept.ledger.clone()).collect::<Vec<_>>();
        prop_assert_eq!(ledgers(&sum), ledgers(&whole));
    }
}

#[test]
fn what_is_held_is_bounded_and_what_is_given_up_is_counted() {
    let world = World::new();
    let limits = Limits { open: 50, bytes: 1 << 20, remembered: 20, ..limits() };
    let mut comparison = Comparison::new(vec![matchup()], limits);
    let requests = (0..2_000).map(|number| {
        let request = world.request(number, 9.0, &format!("tenant-{number}"));
        (request, [Some((900, class("red", 0.5))), None, None, None])
    });
    let log = world.log(requests);
    let mut most = (0, 0);
    for topic in [1, 2, 0] {
        for (offset, told) in log.topics[topic].iter().enumerate() {
            told.tell(&mut comparison, offset);
            let held = comparison.held();
            most = (most.0.max(held.0), most.1.max(held.1));
        }
    }
    comparison.on_time(Timestamp::from_micros(i64::MAX));
    let checkpoint = comparison.checkpoint(&world);
    let pairs = &comparison.ledger(&name("next")).expect("it is compared").pairs;
    assert!(most.0 <= 50 && most.1 <= 1 << 20, "{most:?}");
    assert_eq!(pairs.asked, 2_000);
    // What is not known to have been silent is not counted as such.
    assert!(pairs.excluded[&Excluded::Evicted] >= 1_950, "{:?}", pairs.excluded);
    assert!(checkpoint.done.len() <= 20, "{}", checkpoint.done.len());
}

#[test]
fn a_thousand_tenants_and_labels_are_held_in_bounded_space() {
    let world = World::new();
    let mut comparison = Comparison::new(vec![matchup()], limits());
    let requests = (0..3_000_u32).map(|number| {
        let request = world.request(number.into(), f64::from(number) * 1.37, &format!("tenant-{number}"));
        let answer = |label: u32| Some((900 + u64::from(number), class(&format!("label-{label}"), 0.5)));
        (request, [answer(number), answer(number), answer(number + 1), answer(number)])
    });
    world.log(requests).tell_all(&mut comparison);
    let checkpoint = comparison.checkpoint(&world);
    let ledger = comparison.ledger(&name("next")).expect("it is compared");
    assert_eq!(ledger.pairs.compared, 3_000);
    assert!(ledger.segments.len() <= 256 + 64 + 64, "{}", ledger.segments.len());
    let bytes = serde_json::to_vec(&checkpoint.ledgers).expect("JSON").len();
    assert!(bytes < 400_000, "{bytes} bytes");
}

#[test]
fn a_warm_up_is_left_out_and_said_to_be() {
    let world = World::new();
    let warm = Matchup { warm_up: Duration::from_millis(100), ..matchup() };
    let mut comparison = Comparison::new(vec![warm], limits());
    let all = || [(); 4].map(|()| Some((1_000, class("red", 0.5))));
    world.log((0..30).map(|number| (world.request(number, 9.0, "a"), all()))).tell_all(&mut comparison);
    comparison.count(&world);
    let pairs = &comparison.ledger(&name("next")).expect("it is compared").pairs;
    assert_eq!((pairs.excluded[&Excluded::WarmUp], pairs.compared), (10, 20));
}

#[test]
fn whoever_is_compared_otherwise_begins_anew() {
    let (world, log) = story(3, 20);
    let mut comparison = Comparison::new(vec![matchup()], limits());
    log.tell_all(&mut comparison);
    let checkpoint = comparison.checkpoint(&world);
    let asked = |matchup| {
        let restored = Comparison::restore(vec![matchup], limits(), checkpoint.clone());
        restored.ledger(&name("next")).expect("it is compared").pairs.asked
    };
    assert_eq!(asked(Matchup { confidence: 0.9, ..matchup() }), 20);
    assert_eq!(asked(Matchup { reference: name("boost"), ..matchup() }), 0);
    assert_eq!(asked(by_lists()), 0);
}
