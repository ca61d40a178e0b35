//! Whether something is to be done about a canary by itself, as its policy allows by `acts:`.
//!
//! Pure. Laws, each tested by name:
//! - *Only what is allowed*: nothing is done about a canary that is held, or one without `acts:`; none is promoted
//!   below the verdict that its policy asks for, and none rejected unless its policy says so.
//! - *Never too early*: not on too little evidence, nor below `after`.
//! - *Once a version*: while one version is live at most one act is asked for, whoever asks; whoever takes the act back, or
//!   lets it wait for approval, is not asked again.
//! - *Nobody is interrupted*: while a version is on trial or waits for approval nothing is done, because what goes live
//!   would end it.
//! - *In words*: every act says why, with the numbers that it rests on.

use policies::{CanaryActs, CanarySpec, Definition, History, PromoteWhen, Refusal, State};
use wire::{CanaryAct, Deed};

use crate::{Report, Verdict};

/// Who asks for what is done by itself.
pub const REFEREE: &str = "hedgerow";

/// What is to be done about a canary, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What, about whom, by which report.
    pub act: CanaryAct,
    /// Why, in words with numbers.
    pub because: String,
}

/// Returns what is to be done, if anything: `reports` being those about the canaries of the live version.
#[must_use]
pub fn rule(history: &History, reports: &[Report]) -> Option<Ruling> {
    let live = history.live()?;
    if is_busy(history) || was_asked(history, live) {
        return None;
    }
    // Whoever does harm goes before anybody comes.
    let rulings = || reports.iter().filter_map(|report| ruling(live, report));
    rulings().find(|ruling| ruling.act.act == Deed::Reject).or_else(|| rulings().next())
}

/// Returns whether the policy says that something may ever be done by itself, so that it is worth looking.
#[must_use]
pub fn may_act(live: &Definition) -> bool {
    live.executors.iter().any(|spec| spec.canary.as_ref().is_some_and(|spec| !spec.hold && spec.acts.is_some()))
}

fn is_busy(history: &History) -> bool {
    let waits = |state: &State| matches!(state, State::Proposed | State::Shadow | State::Share(_));
    history.entries().rev().any(|entry| waits(&entry.state))
}

fn was_asked(history: &History, live: &Definition) -> bool {
    let version = live.policy_ref.version;
    let ours = |author: &str| author == REFEREE;
    let since = history.entry(version).and_then(|entry| entry.live_since);
    let could_be_no_version = |why: &Refusal| {
        matches!(why, Refusal::Invalid { .. } | Refusal::Examples { .. } | Refusal::OtherRendezvous { .. })
    };
    history.since(version).any(|entry| ours(&entry.author) && entry.canary.is_some())
        || history
            .refused()
            .any(|refused| ours(&refused.author) && Some(refused.at) >= since && could_be_no_version(&refused.why))
}

fn ruling(live: &Definition, report: &Report) -> Option<Ruling> {
    let spec = live.executor(&report.canary)?;
    let CanarySpec { of, hold: false, acts: Some(acts), .. } = spec.canary.as_ref()? else { return None };
    if of.as_str() != report.reference {
        return None;
    }
    let (act, pairs) = deed(*acts, report)?;
    let (word, after) = (report.verdict.word(), acts.after);
    let because = format!(
        "`{}` is {word} than `{of}`: {} ({pairs} pairs speak for it, {after} were asked for)",
        spec.id, report.because
    );
    Some(Ruling { act: report.act(act), because })
}

/// Returns what the report comes to, and how many pairs it rests on.
fn deed(CanaryActs { promote, reject, after }: CanaryActs, report: &Report) -> Option<(Deed, u64)> {
    let (deed, pairs) = match (report.verdict, promote) {
        // A canary that never answers has no answers to compare, and failures that are counted.
        (Verdict::Worse, _) if reject => (Deed::Reject, behind_the_worst(report)),
        (Verdict::Better, Some(_)) | (Verdict::NoWorse, Some(PromoteWhen::NoWorse)) => {
            (Deed::Promote, report.requests.compared)
        }
        _ => return None,
    };
    (pairs >= after).then_some((deed, pairs))
}

fn behind_the_worst(report: &Report) -> u64 {
    let worse = report.metrics.iter().filter(|metric| metric.judged && metric.verdict == Verdict::Worse);
    worse.map(|metric| metric.n).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
