//! How alike lists are, in the words that page, Markdown and terminal share.

use canary::{Interval, LikenessTold, ListsTold};

use super::verdict;
use crate::words;

/// A measure of lists, said.
pub(super) struct Measure {
    pub(super) called: String,
    /// What it is, in a few words.
    pub(super) note: String,
    pub(super) seen: String,
    /// Between what it surely lies.
    pub(super) surely: String,
    /// What it is of the reference and itself, where that is known.
    pub(super) of_itself: Option<String>,
}

/// Returns everything that is measured of lists.
pub(super) fn measures(lists: &ListsTold) -> [Measure; 4] {
    let counted = |called: &str, note: &str, count: u64, interval| Measure {
        called: called.to_owned(),
        note: note.to_owned(),
        seen: share_of(count, lists.n),
        surely: surely(lists, interval),
        of_itself: None,
    };
    let alike = |called: &str, note: String, likeness: &LikenessTold| Measure {
        called: called.to_owned(),
        note,
        seen: likeness.mean.map_or_else(|| words::NOTHING.to_owned(), words::share),
        surely: surely(lists, likeness.interval),
        of_itself: likeness.of_itself.map(words::share),
    };
    [
        counted("Same list", "the same items in the same order", lists.same, lists.same_interval),
        counted("Same first item", "whatever comes behind it", lists.same_first, lists.same_first_interval),
        alike("Overlap", format!("of the first {}, on average", lists.top), &lists.overlap),
        alike(
            "Rank-biased overlap",
            format!("read on with {}, on average", words::share(lists.persistence)),
            &lists.ranking,
        ),
    ]
}

/// Returns whose lists had an item more than once; nothing where none had.
pub(super) fn repeats(lists: &ListsTold) -> Option<String> {
    let [canary, reference] = [lists.canary_repeated, lists.reference_repeated];
    (canary + reference > 0).then(|| {
        let [canary, reference] = [canary, reference].map(words::count);
        format!(
            "{canary} lists of the canary and {reference} of the reference had an item more than once: it counts where it came first."
        )
    })
}

fn surely(lists: &ListsTold, interval: Interval) -> String {
    if lists.n == 0 { words::NOTHING.to_owned() } else { verdict::between(interval, words::share) }
}

fn share_of(count: u64, of: u64) -> String {
    if of == 0 { words::NOTHING.to_owned() } else { words::share(words::exact(count) / words::exact(of)) }
}
