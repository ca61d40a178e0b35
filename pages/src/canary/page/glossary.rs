//! What the words mean.

use maud::{Markup, html};

const WORDS: [(&str, &str); 10] = [
    (
        "Canary and reference",
        "The canary is a model on trial: it is asked what the reference is asked, and its answers reach nobody. Both answers to the same request are compared.",
    ),
    (
        "Harm",
        "How much worse the canary is: more different or wrong answers, more failures, later answers. Below zero it is better.",
    ),
    (
        "Allowed (margin)",
        "How much harm somebody declared beforehand to be acceptable, in the policy under no_worse_by.",
    ),
    (
        "Surely between (confidence sequence)",
        "An interval that holds at every moment at once, with the stated confidence. So one may look after each request and stop whenever one likes; an ordinary interval is only good for a single look.",
    ),
    (
        "Noise floor",
        "How often a model gives another answer to the same request when it is asked twice. That much difference says nothing about the canary.",
    ),
    (
        "Better, no worse, worse",
        "Worse: some harm is surely larger than allowed. No worse: all harm is surely within what is allowed. Better: the same, and something is surely less than nothing.",
    ),
    ("Not enough evidence", "Some interval still reaches across what is allowed. More requests will settle it."),
    ("Not comparable", "There are answers, and most have nothing in common that could be compared."),
    ("Warm-up", "The first moments of a model, when it is slow for reasons of its own. They count for nothing."),
    (
        "Segment",
        "Requests that have something in common: a range of an input, a tenant, what the reference answered. All are searched, and the bounds are corrected for the search.",
    ),
];

/// Only where lists are compared.
const OF_LISTS: [(&str, &str); 2] = [
    (
        "Overlap",
        "Of the first items of a list, the share that is among the first of the other list too, in whatever order.",
    ),
    (
        "Rank-biased overlap",
        "How alike two lists rank, the first places counting most: what share of the items that somebody has read he finds in both lists, if he goes from each item to the next with the stated probability (Webber, Moffat and Zobel, 2010).",
    ),
];

pub(super) fn inside(has_lists: bool) -> Markup {
    let of_lists = if has_lists { OF_LISTS.as_slice() } else { &[] };
    html! { dl.words { @for (word, meaning) in WORDS.iter().chain(of_lists) { div { dt { (word) } dd { (meaning) } } } } }
}
