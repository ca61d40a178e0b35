//! Mistakes put into the production code on purpose: each is noticed, by an invariant that is there for it.

#![cfg(debug_assertions)]

use simulation::{invariants, is_in_order, judge, play, truth::Truth};
use wire::mutation::{Mutation, with};

/// Within so many worlds a mistake must be noticed.
const WORLDS: u64 = 2_000;
/// What people read about it.
const DOCUMENT: &str = include_str!("../../../docs/simulation.md");

fn first_noticed(seed: u64) -> Vec<&'static str> {
    let played = play(seed, false);
    judge(&Truth::of(&played.story)).iter().map(|broken| broken.invariant).collect()
}

/// A world in which a request has no result, or more than one, does not pass its audit.
fn check_audit(mutation: Mutation) {
    let (mut broken, mut overlooked) = (0, Vec::new());
    for seed in 0..100 {
        let played = with(mutation, || play(seed, false));
        let truth = Truth::of(&played.story);
        let is_missing = truth.requests.keys().any(|id| truth.result(id).is_none());
        if is_missing || judge(&truth).iter().any(|broken| broken.invariant == "I1 one result") {
            broken += 1;
            overlooked.extend(is_in_order(&truth).then_some(seed));
        }
    }
    assert!(broken > 0 && overlooked.is_empty(), "{mutation:?}: of {broken} worlds these pass: {overlooked:?}");
}

fn check(mutation: Mutation, expected: &[&str]) {
    let noticed =
        with(mutation, || (0..WORLDS).map(|seed| (seed, first_noticed(seed))).find(|(_, broken)| !broken.is_empty()));
    let (seed, broken) = noticed.unwrap_or_else(|| panic!("nobody notices {mutation:?} in {WORLDS} worlds"));
    println!("{mutation:?}: seed {seed}: {broken:?}");
    assert!(
        broken.iter().any(|name| expected.iter().any(|number| name.starts_with(&format!("{number} ")))),
        "{mutation:?} is noticed in world {seed} by {broken:?}, and not by any of {expected:?}"
    );
    assert!(first_noticed(seed).is_empty(), "without {mutation:?} world {seed} is in order");
}

macro_rules! noticed {
    ($($test:ident: $mutation:ident by $($number:literal),+;)*) => {
        $(#[test]
        fn $test() {
            check(Mutation::$mutation, &[$($number),+]);
        })*

        /// Each mistake, and by which invariants it may be noticed.
        const NOTICED: &[(&str, &[&str])] = &[$((stringify!($mutation), &[$($number),+])),*];
    };
}

noticed! {
    whatever_fence_is_the_latest_wins: LatestFenceWins by "I1", "I2", "I4";
    a_reader_shows_repeats: RepeatsAreShown by "I1";
    timers_fire_during_replay: TimersFireDuringReplay by "I6", "I8";
    the_position_is_committed_and_not_the_watermark: PositionIsCommitted by "I2", "I5";
    an_instance_is_reused_across_lives: InstanceIsReused by "I1", "I4";
    what_was_sent_counts_as_confirmed: SentIsConfirmed by "I2", "I5";
    a_retry_has_other_bytes: DecidedAnewOnRetry by "I1";
    nothing_is_remembered_once_it_is_decided: NothingIsRemembered by "I1";
    decisions_are_let_out_before_the_fence_is_read_back: WrittenBeforeTheFence by "I2", "I5";
    late_responses_are_counted: LateIsCounted by "I3";
    a_lost_result_is_not_written_again: NeverWrittenAgain by "I2";
    who_was_fenced_off_goes_on: FencedOffGoesOn by "I2";
    a_response_before_its_request_is_dropped: OrphansAreDropped by "I3", "I8";
    responses_are_not_kept_for_a_successor: ResponsesAreNotKept by "I5";
    a_successor_does_not_heed_the_results_it_finds: FoundResultsAreIgnored by "I1";
    a_sealer_forgets_what_it_sealed_last: RepeatsAreForgotten by "I13";
    a_transaction_that_was_given_up_is_not_tried_again: AbortedIsForgotten by "I13";
    a_decoy_that_was_beaten_goes_on: BeatenGoesOn by "I12";
}

#[test]
fn the_audit_finds_what_is_broken_too() {
    use Mutation::{
        DecidedAnewOnRetry, FencedOffGoesOn, FoundResultsAreIgnored, NeverWrittenAgain, NothingIsRemembered,
    };
    for mutation in
        [DecidedAnewOnRetry, NothingIsRemembered, FoundResultsAreIgnored, NeverWrittenAgain, FencedOffGoesOn]
    {
        check_audit(mutation);
    }
}

#[test]
fn every_mistake_that_can_be_switched_on_is_noticed_and_documented() {
    let source = include_str!("../../../wire/src/mutation.rs");
    let variants =
        source.lines().skip_while(|line| !line.contains("pub enum Mutation")).take_while(|line| *line != "}");
    let variants = variants.filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','));
    let mut known: Vec<&str> = NOTICED.iter().map(|(mutation, _)| *mutation).collect();
    let mut variants: Vec<&str> = variants.collect();
    known.sort_unstable();
    variants.sort_unstable();
    assert_eq!(known, variants);
    for (mutation, invariants) in NOTICED {
        let row = DOCUMENT.lines().find(|line| line.contains(&format!("`{mutation}`")));
        let told = format!("| {} |", invariants.join(", "));
        assert!(row.is_some_and(|row| row.ends_with(&told)), "docs/simulation.md: `{mutation}` {told}, not {row:?}");
    }
}

#[test]
fn every_invariant_is_documented() {
    for name in invariants::names() {
        let (number, title) = name.split_once(' ').expect("a number and a title");
        assert!(DOCUMENT.contains(&format!("| {number} | {title}")), "docs/simulation.md lacks {name}");
    }
}
