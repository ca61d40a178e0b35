//! I7, bounds: no collector has more in hand than there is, and in the end nothing is left in anybody's hands.

use crate::truth::Truth;

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let story = truth.story;
    let (open, unconfirmed) = story.most;
    // Each collector may believe that it owns everything.
    let most = truth.requests.len() * story.weather.collectors;
    if open > most || unconfirmed > most {
        return Err(format!("{open} requests open and {unconfirmed} results unconfirmed, of {most} at most"));
    }
    if story.unfinished.is_none() && story.left != (0, 0) {
        return Err(format!("{} requests and {} results are left", story.left.0, story.left.1));
    }
    Ok(())
}
