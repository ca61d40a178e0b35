//! Verdicts, and how often they are wrong.

use std::time::Duration;

use policies::Margins;

use super::*;
use crate::{
    Likeness,
    testing::{by_lists, matchup},
};

/// What a simulated canary does: as shares of requests, and how much slower it is.
#[derive(Clone, Copy)]
struct Model {
    differs: f64,
    fails: f64,
    wrong: f64,
    slower: f64,
}

const SAME: Model = Model { differs: 0.02, fails: 0.02, wrong: 0.05, slower: 0.0 };

fn all_margins() -> Matchup {
    let margins = Margins {
        agreement: Some(0.05),
        overlap: None,
        ranking: None,
        accuracy: Some(0.05),
        failures: Some(0.05),
        p50: Some(Duration::from_millis(5)),
        p99: Some(Duration::from_millis(20)),
        impact: None,
    };
    Matchup { margins, confidence: 0.9, ..matchup() }
}

/// Counts one request; the reference is as often wrong and fails as often as `SAME`.
fn count(tally: &mut Tally, noise: &mut Tally, model: Model, dice: &mut fastrand::Rng) {
    tally.asked += 1;
    tally.compared += 1;
    tally.agreed += u64::from(dice.f64() >= model.differs);
    noise.compared += 1;
    noise.agreed += u64::from(dice.f64() >= SAME.differs);
    tally.failed.count(dice.f64() < model.fails, dice.f64() < SAME.fails);
    tally.right.count(dice.f64() >= model.wrong, dice.f64() >= SAME.wrong);
    let mut latency = || 1_000.0 * libm::ceil(-4.0 * libm::log(1.0 - dice.f64()));
    tally.canary.latency.count(latency() + model.slower);
    tally.reference.latency.count(latency());
}

/// Nothing at all is allowed, so that whoever does alike is at the edge of being worse in everything.
fn no_margin() -> Matchup {
    let (share, time) = (Some(0.0), Some(Duration::ZERO));
    let margins =
        Margins { agreement: share, accuracy: share, failures: share, p50: time, p99: time, ..Margins::none() };
    Matchup { margins, ..all_margins() }
}

/// Returns at which look it was found first, if at any.
fn first(seed: u64, model: Model, requests: u64, found: Verdict) -> Option<u64> {
    looked(&all_margins(), seed, model, requests, found)
}

fn looked(matchup: &Matchup, seed: u64, model: Model, requests: u64, found: Verdict) -> Option<u64> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut tally, mut noise) = (Tally::default(), Tally::default());
    (1..=requests).find(|n| {
        count(&mut tally, &mut noise, model, &mut dice);
        n.is_power_of_two() && *n > 8 && {
            let findings = findings(matchup, &tally, &noise, matchup.alpha());
            conclude(&findings, &tally).0 == found
        }
    })
}

#[test]
fn of_canaries_that_do_alike_no_more_than_alpha_are_found_worse_however_often_one_looks() {
    let matchup = no_margin();
    let wrong = (0..10_000).filter(|seed| looked(&matchup, *seed, SAME, 128, Verdict::Worse).is_some()).count();
    // The verdict has half of what is missing to a confidence of 0.9.
    assert!(wrong <= 500, "{wrong} of 10000");
}

/// At its margins, where a mistake is the likeliest.
#[test]
fn of_canaries_that_are_just_too_bad_no_more_than_alpha_are_found_fit() {
    let model = Model { differs: 0.0701, fails: 0.0701, wrong: 0.1001, ..SAME };
    let fit = |seed: &u64| {
        [Verdict::NoWorse, Verdict::Better].iter().any(|verdict| first(*seed, model, 4_096, *verdict).is_some())
    };
    let wrong = (0..400).filter(fit).count();
    assert!(wrong <= 20, "{wrong} of 400");
}

#[test]
fn who_is_much_worse_is_found_so_soon() {
    let shuffled = Model { differs: 0.5, wrong: 0.5, ..SAME };
    let slow = Model { slower: 60_000.0, ..SAME };
    let broken = Model { fails: 0.5, ..SAME };
    for (model, most) in [(shuffled, 128), (slow, 512), (broken, 128)] {
        let mut all: Vec<u64> = (0..20).filter_map(|seed| first(seed, model, 1_024, Verdict::Worse)).collect();
        all.sort_unstable();
        assert_eq!(all.len(), 20);
        assert!((16..=most).contains(&all[10]), "{all:?}");
    }
}

#[test]
fn who_does_alike_is_found_no_worse_and_who_is_right_more_often_better() {
    let mut tallies = (Tally::default(), Tally::default());
    let judge = |model: Model, (tally, noise): &mut (Tally, Tally)| {
        let (matchup, mut dice) = (all_margins(), fastrand::Rng::with_seed(1));
        (0..20_000).for_each(|_| count(tally, noise, model, &mut dice));
        conclude(&findings(&matchup, tally, noise, matchup.alpha()), tally)
    };
    let (verdict, why) = judge(SAME, &mut tallies);
    assert_eq!(verdict, Verdict::NoWorse);
    assert_eq!(why, "within the margins of agreement, accuracy, failures, p50, p99 on 20000 requests");
    let (verdict, why) = judge(Model { wrong: 0.01, differs: 0.05, ..SAME }, &mut (Tally::default(), Tally::default()));
    assert_eq!(verdict, Verdict::Better);
    assert!(why.contains("% fewer wrong answers than the reference on 20000 requests, surely between -"), "{why}");
}

#[test]
fn no_traffic_is_not_enough_evidence() {
    let (matchup, none) = (matchup(), Tally::default());
    let (verdict, why) = conclude(&findings(&matchup, &none, &none, 0.01), &none);
    assert_eq!((verdict, why.as_str()), (Verdict::NotEnoughEvidence, "no request has asked the canary yet"));
}

#[test]
fn few_requests_are_not_enough_and_say_what_is_missing() {
    let (matchup, mut tally) = (matchup(), Tally::default());
    (tally.asked, tally.compared, tally.agreed) = (20, 20, 20);
    (0..20).for_each(|_| tally.failed.count(false, false));
    let (verdict, why) = conclude(&findings(&matchup, &tally, &Tally::default(), 0.01), &tally);
    assert_eq!(verdict, Verdict::NotEnoughEvidence);
    insta::assert_snapshot!(why);
}

#[test]
fn answers_that_have_nothing_to_compare_are_not_comparable() {
    let (matchup, mut tally) = (matchup(), Tally::default());
    tally.asked = 40;
    tally.excluded.insert(Excluded::NotComparable, 40);
    let (verdict, why) = conclude(&findings(&matchup, &tally, &Tally::default(), 0.01), &tally);
    assert_eq!(verdict, Verdict::NotComparable);
    assert_eq!(why, "of 40 pairs of answers 40 have nothing that the policy compares");
}

#[test]
fn a_reference_that_never_answers_makes_nobody_better() {
    let (matchup, mut tally) = (matchup(), Tally::default());
    tally.asked = 5_000;
    (0..5_000).for_each(|_| tally.failed.count(false, true));
    tally.reference.said.insert(Said::Silent, 5_000);
    let (verdict, why) = conclude(&findings(&matchup, &tally, &Tally::default(), 0.01), &tally);
    assert_eq!((verdict, why.as_str()), (Verdict::NotComparable, "the reference answered none of 5000 requests"));
}

#[test]
fn what_the_reference_does_to_itself_is_not_held_against_a_canary() {
    let (matchup, mut tally, mut noise) = (matchup(), Tally::default(), Tally::default());
    (tally.asked, tally.compared, tally.agreed) = (20_000, 20_000, 18_000);
    let judged = |noise: &Tally| findings(&matchup, &tally, noise, 0.01)[0].verdict;
    assert_eq!(judged(&noise), Verdict::Worse);
    (noise.compared, noise.agreed) = (20_000, 18_000);
    assert_ne!(judged(&noise), Verdict::Worse);
}

/// Lists may overlap by so much less than the reference's own.
fn lists_within(margin: f64) -> Matchup {
    Matchup { margins: Margins { overlap: Some(margin), ..Margins::none() }, confidence: 0.9, ..by_lists() }
}

/// Counts a pair of lists of which so many parts of 1 are alike on average, in halves.
fn count_lists(tally: &mut Tally, alike: f64, dice: &mut fastrand::Rng) {
    let half = |dice: &mut fastrand::Rng| if dice.f64() < alike { 0.5 } else { 0.0 };
    let overlap = half(dice) + half(dice);
    let (is_same, has_same_first) = (overlap > 0.9, overlap > 0.4);
    (tally.asked, tally.compared) = (tally.asked + 1, tally.compared + 1);
    tally.lists.count(&Likeness { overlap, ranking: overlap, is_same, has_same_first }, (false, false));
}

/// Returns what is found of lists that are so much alike, looked at again and again, the last thing first if never.
fn ever_found(seed: u64, (alike, of_itself): (f64, Option<f64>), margin: f64, requests: u64, found: Verdict) -> bool {
    let (matchup, mut dice) = (lists_within(margin), fastrand::Rng::with_seed(seed));
    let (mut tally, mut noise) = (Tally::default(), Tally::default());
    (1..=requests).any(|n| {
        count_lists(&mut tally, alike, &mut dice);
        if let Some(of_itself) = of_itself {
            count_lists(&mut noise, of_itself, &mut dice);
        }
        n.is_power_of_two() && n > 8 && {
            let findings = findings(&matchup, &tally, &noise, matchup.alpha());
            conclude(&findings, &tally).0 == found
        }
    })
}

#[test]
fn lists_at_their_margin_are_wrongly_found_worse_or_fit_no_more_often_than_alpha() {
    // At the edge, with the reference for a perfect one, and with one that is itself as unlike as that.
    for (alike, margin) in [((0.6, None), 0.4), ((0.5, Some(0.7)), 0.2)] {
        for found in [Verdict::Worse, Verdict::NoWorse] {
            let wrong = (0..400).filter(|seed| ever_found(*seed, alike, margin, 512, found)).count();
            assert!(wrong <= 20, "{wrong} of 400 found {found:?}");
        }
    }
}

#[test]
fn lists_beyond_their_margin_are_found_worse_and_lists_within_it_no_worse_and_few_are_not_enough() {
    let surely = |alike: f64, requests: u64, found| {
        (0..20).filter(|seed| ever_found(*seed, (alike, None), 0.4, requests, found)).count()
    };
    assert_eq!((surely(0.3, 256, Verdict::Worse), surely(0.3, 256, Verdict::NoWorse)), (20, 0));
    assert_eq!((surely(0.9, 256, Verdict::NoWorse), surely(0.9, 256, Verdict::Worse)), (20, 0));
    assert_eq!(surely(0.6, 16, Verdict::Worse) + surely(0.6, 16, Verdict::NoWorse), 0);
}

#[test]
fn what_is_found_of_lists_says_how_much_is_other_and_what_is_allowed() {
    let (mut tally, mut dice) = (Tally::default(), fastrand::Rng::with_seed(1));
    (0..2_000).for_each(|_| count_lists(&mut tally, 0.25, &mut dice));
    let findings = findings(&lists_within(0.6), &tally, &Tally::default(), 0.05);
    assert_eq!(findings.len(), Metric::ALL.len());
    insta::assert_snapshot!(conclude(&findings, &tally).1);
}

#[test]
fn nothing_is_said_of_lists_where_the_policy_names_none() {
    let none = Tally::default();
    let metrics: Vec<Metric> = findings(&matchup(), &none, &none, 0.01).iter().map(|finding| finding.metric).collect();
    assert!(!metrics.contains(&Metric::Overlap) && !metrics.contains(&Metric::Ranking) && metrics.len() == 6);
}
