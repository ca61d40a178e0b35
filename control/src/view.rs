//! A history as the door and the commands show it: plain, named fields, the same over HTTP and in `--json`.

use policies::{Entry, History, Refused, State, TrialJudgement, TrialTally};
use serde::{Deserialize, Serialize};
use wire::{ApplyMode, CanaryAct, Timestamp};

/// A rendezvous' policy: its versions, and what was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyView {
    /// Whose.
    pub rendezvous: String,
    /// The version that decides about new requests; 0 if there is none.
    pub live: u64,
    /// The newest version: what an `apply` must expect.
    pub newest: u64,
    /// The version on trial.
    pub trial: Option<TrialView>,
    /// All that are remembered, oldest first.
    pub versions: Vec<VersionView>,
    /// The changes that were refused last, oldest first.
    pub refused: Vec<RefusedView>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionView {
    /// Its number.
    pub version: u64,
    /// `proposed`, `live`, `shadow`, `share`, `superseded` or `withdrawn`.
    pub state: String,
    /// More about the state: the version that superseded it, or who withdrew it and why.
    pub note: Option<String>,
    /// What it was applied as.
    pub mode: ApplyMode,
    /// Who wrote it.
    pub author: String,
    /// When the log took it in, RFC 3339.
    pub at: String,
    /// Why, in the author's words.
    pub message: String,
    /// The version whose text it is, if it is a rollback.
    pub rolls_back: Option<u64>,
    /// What it does about a canary, and by which report, if that is why it came.
    #[serde(default)]
    pub canary: Option<CanaryAct>,
    /// How many people besides its author must approve it.
    pub needs: u32,
    /// Who has.
    pub approved_by: Vec<String>,
    /// When it went live, RFC 3339, if it ever did.
    pub live_since: Option<String>,
}

/// A version on trial, and what was counted of it beside the live one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// Its number.
    pub version: u64,
    /// How it is tried.
    pub mode: ApplyMode,
    /// What all partitions counted so far.
    pub tally: TrialTally,
    /// `not_enough`, `keep` or `worse`.
    pub judgement: String,
    /// In what it is worse, if it is.
    pub worse: Option<String>,
}

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedView {
    /// Whose it was.
    pub author: String,
    /// When the log took it in, RFC 3339.
    pub at: String,
    /// Why they wanted it.
    pub message: String,
    /// Why it was refused.
    pub why: String,
}

// === impl PolicyView ===

impl From<&History> for PolicyView {
    fn from(history: &History) -> Self {
        let version = |definition: &std::sync::Arc<policies::Definition>| definition.policy_ref.version;
        Self {
            rendezvous: history.name().to_string(),
            live: history.live().map_or(0, version),
            newest: history.newest(),
            trial: trial(history),
            versions: history.entries().map(VersionView::from).collect(),
            refused: history.refused().map(RefusedView::from).collect(),
        }
    }
}

fn trial(history: &History) -> Option<TrialView> {
    let (live, trial) = (history.live()?, history.trial()?);
    let entry = history.entry(trial.definition.policy_ref.version)?;
    let (judgement, worse) = match trial.judge(live) {
        TrialJudgement::NotEnough => ("not_enough", None),
        TrialJudgement::Keep => ("keep", None),
        TrialJudgement::Worse(worsening) => ("worse", Some(worsening.to_string())),
    };
    let judgement = judgement.to_owned();
    Some(TrialView { version: entry.version, mode: entry.mode, tally: trial.tally(), judgement, worse })
}

// === impl VersionView ===

impl From<&Entry> for VersionView {
    fn from(entry: &Entry) -> Self {
        let note = match &entry.state {
            State::Superseded { by } => Some(format!("by version {by}")),
            State::Withdrawn { by, why } => Some(format!("by {by}: {why}")),
            State::Proposed => Some(format!("{} more must approve", entry.missing())),
            State::Live | State::Shadow | State::Share(_) => None,
        };
        Self {
            version: entry.version,
            state: entry.state.as_str().to_owned(),
            note,
            mode: entry.mode,
            author: entry.author.clone(),
            at: rfc3339(entry.at),
            message: entry.message.clone(),
            rolls_back: entry.rolls_back,
            canary: entry.canary.clone(),
            needs: entry.needs,
            approved_by: entry.approved_by.clone(),
            live_since: entry.live_since.map(rfc3339),
        }
    }
}

// === impl RefusedView ===

impl From<&Refused> for RefusedView {
    fn from(refused: &Refused) -> Self {
        Self {
            author: refused.author.clone(),
            at: rfc3339(refused.at),
            message: refused.message.clone(),
            why: refused.why.to_string(),
        }
    }
}

/// To the second: nobody changes a policy more often.
fn rfc3339(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.into()).to_string()
}
