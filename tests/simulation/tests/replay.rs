//! The same seed is the same story; and the seeds that once told something.

use simulation::{judge, play, truth::Truth};

/// Seeds in which something was broken once, and what it was.
const REGRESSIONS: &[(u64, &str)] = &[];

#[test]
fn the_same_seed_is_the_same_story_to_the_letter() {
    for seed in 0..60 {
        let (once, again) = (play(seed, true).trace, play(seed, true).trace);
        assert!(once.len() > 20, "seed {seed} has {} lines", once.len());
        assert_eq!(once, again, "seed {seed}");
    }
}

#[test]
fn a_trace_changes_nothing() {
    for seed in 0..60 {
        let (traced, silent) = (play(seed, true), play(seed, false));
        assert_eq!(traced.events, silent.events, "seed {seed}");
        assert_eq!(traced.story.commits.len(), silent.story.commits.len(), "seed {seed}");
    }
}

#[test]
fn seeds_that_once_broke_something_break_nothing() {
    for (seed, what) in REGRESSIONS {
        let played = play(*seed, true);
        let broken = judge(&Truth::of(&played.story));
        assert!(broken.is_empty(), "seed {seed} ({what}): {broken:?}");
    }
}
