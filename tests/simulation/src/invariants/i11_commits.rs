//! I11, commits never go back: what an owner commits of a partition is never less than what it committed before.

use std::collections::BTreeMap;

use crate::truth::Truth;

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let mut last = BTreeMap::new();
    for commit in &truth.story.commits {
        let now = commit.watermarks;
        let before = last.insert((commit.tenure, commit.partition), now);
        let goes_back = |before: collector::Watermarks| {
            now.requests < before.requests || now.responses < before.responses || now.results < before.results
        };
        if before.is_some_and(goes_back) {
            return Err(format!("member {} went back from {before:?} to {now:?}", commit.member));
        }
    }
    Ok(())
}
