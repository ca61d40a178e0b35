//! The same seed is the same story, whoever looks on; and the seeds that once told something.

use simulation::{judge, log::Topic, play, play_unread, story::Story, truth::Truth};

/// Seeds beyond those of every day in which something was broken once, and what it was.
const REGRESSIONS: &[(u64, &str)] = &[
    (49_193, "a right was regained: two strangers' fences had sent the epochs round"),
    (53_017, "the same, at the other end of the round"),
    (77_041, "something was left in hand: the world ended amid a take-over by one who had been fenced off"),
];

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
fn the_sealer_and_the_decoy_change_nothing_for_anybody_else() {
    for seed in 0..150 {
        let (read, unread) = (play(seed, false).story, play_unread(seed).story);
        assert_eq!(unread.sealed.len() + unread.archived.len(), 0, "seed {seed}: nobody was there");
        assert_eq!(read.handed_out.len(), unread.handed_out.len(), "seed {seed}");
        for (topic, partition) in Topic::ALL.into_iter().flat_map(|topic| [(topic, 0), (topic, 1)]) {
            let told = |story: &Story| {
                let entries = story.logs.entries(topic, partition);
                entries.map(|(_, entry)| (entry.at, entry.by, entry.record.clone())).collect::<Vec<_>>()
            };
            let (read, unread) = (told(&read), told(&unread));
            // Where they are waited for at the end, owners repeat their fences meanwhile.
            let both = read.len().min(unread.len());
            assert!(both > 0 || read.len() == unread.len(), "seed {seed}, {topic:?} {partition}");
            assert_eq!(read[..both], unread[..both], "seed {seed}, {topic:?} {partition}");
        }
    }
}

#[test]
fn seeds_that_once_broke_something_break_nothing() {
    for (seed, what) in REGRESSIONS {
        let broken = judge(&Truth::of(&play(*seed, false).story));
        assert!(broken.is_empty(), "seed {seed} ({what}): {broken:?}");
    }
}
