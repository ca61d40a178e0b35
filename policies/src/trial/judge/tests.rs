//! Simulated trials under seeds that are written here.

use std::time::Duration;

use super::*;

const OBJECTIVE: Objective = Objective {
    within: Duration::from_millis(30),
    share: 0.99,
    window: Duration::from_mins(1),
    degraded_is_good: true,
};

/// A small generator (Steele, Lea, Flood: `SplitMix64`), so that a run is the same everywhere.
struct Dice(u64);

impl Dice {
    /// Returns whether something of `parts` in 10,000 happens.
    fn roll(&mut self, parts: u64) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % 10_000 < parts
    }

    fn answer(&mut self, arm: &mut ArmTally, missed: u64, defaults: u64) {
        let after = Duration::from_millis(if self.roll(missed) { 40 } else { 20 });
        arm.count(!self.roll(defaults), after, &[OBJECTIVE]);
    }
}

/// Plays `requests` on both versions, looking after every tenth; returns when the trial was found worse.
fn withdrawn(seed: u64, requests: u64, live: (u64, u64), trial: (u64, u64)) -> Option<u64> {
    let (mut dice, mut tally) = (Dice(seed), TrialTally::default());
    (0..requests).find(|request| {
        dice.answer(&mut tally.live, live.0, live.1);
        dice.answer(&mut tally.trial, trial.0, trial.1);
        request % 10 == 9 && matches!(tally.judge(&[OBJECTIVE]), TrialJudgement::Worse(_))
    })
}

/// Neither more often than promised, nor so seldom that the bounds would be wide for nothing.
#[test]
fn a_share_leaves_its_bounds_as_often_as_alpha_says_however_often_one_looks() {
    let (alpha, share) = (0.2, 1_000);
    let left = (0..200).filter(|seed| {
        let (mut dice, mut hits) = (Dice(*seed), 0);
        (1..1_000).any(|trials| {
            hits += u64::from(dice.roll(share));
            let Bounds { low, high } = bounds(hits, trials, alpha);
            !(low..=high).contains(&0.1)
        })
    });
    let left = left.count();
    assert!((5..=40).contains(&left), "{left} of 200");
}

#[test]
fn of_trials_that_do_alike_fewer_than_alpha_are_withdrawn_however_often_one_looks() {
    for share in [100, 3_000] {
        let false_alarms = (0..200).filter(|seed| withdrawn(*seed, 1_000, (share, share), (share, share)).is_some());
        assert!(false_alarms.count() <= 2, "{share} in 10,000");
    }
}

#[test]
fn a_trial_that_misses_twice_as_often_is_withdrawn_soon() {
    for seed in 0..10 {
        let soon = withdrawn(seed, 3_000, (1_000, 0), (2_000, 0));
        assert!(soon.is_some(), "seed {seed}");
    }
}

#[test]
fn a_trial_that_gives_twice_as_many_defaults_is_withdrawn_soon() {
    let soon = (0..10).filter_map(|seed| withdrawn(seed, 3_000, (0, 1_000), (0, 2_000)));
    assert_eq!(soon.count(), 10);
}

#[test]
fn a_trial_that_always_waits_too_long_is_withdrawn_within_a_hundred_requests() {
    assert!(withdrawn(1, 100, (0, 0), (10_000, 0)).is_some());
}

#[test]
fn no_traffic_is_not_worse() {
    assert_eq!(TrialTally::default().judge(&[OBJECTIVE]), TrialJudgement::NotEnough);
    let live = ArmTally { decided: 1_000_000, defaults: 0, missed: vec![0] };
    let tally = TrialTally { live, ..TrialTally::default() };
    assert_eq!(tally.judge(&[OBJECTIVE]), TrialJudgement::NotEnough);
}

#[test]
fn what_is_worse_by_less_than_the_margin_is_kept_once_enough_was_seen() {
    let arm = |defaults| ArmTally { decided: 100_000_000, defaults, missed: vec![0] };
    let tally = TrialTally { live: arm(1_000_000), trial: arm(1_050_000), ..TrialTally::default() };
    assert_eq!(tally.judge(&[OBJECTIVE]), TrialJudgement::Keep);
}

#[test]
fn of_a_strict_objective_half_of_what_it_allows_is_too_much() {
    let strict = Objective { share: 0.9999, ..OBJECTIVE };
    let arm = |missed| ArmTally { decided: 100_000_000, defaults: 0, missed: vec![missed] };
    let tally = TrialTally { live: arm(1_000), trial: arm(10_000), ..TrialTally::default() };
    assert!(matches!(tally.judge(&[strict]), TrialJudgement::Worse(_)));
}

#[test]
fn the_reason_is_told_with_its_numbers() {
    let arm = |missed| ArmTally { decided: 2_000, defaults: 0, missed: vec![missed] };
    let tally = TrialTally { live: arm(20), trial: arm(400), ..TrialTally::default() };
    let TrialJudgement::Worse(why) = tally.judge(&[OBJECTIVE]) else { panic!("it is worse") };
    assert_eq!(
        why.to_string(),
        "of its answers 400 of 2000 came after 30ms, at least 16.20 %; of the live version's 20 of 2000, at most 2.34 %"
    );
    let TrialJudgement::Worse(why) = tally.judge(&[Objective { degraded_is_good: false, ..OBJECTIVE }]) else {
        panic!("it is worse")
    };
    assert!(why.to_string().starts_with("of its answers 400 of 2000 came after 30ms or were degraded, "), "{why}");
}
