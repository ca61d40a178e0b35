//! A history as the door, the commands and the console show it: plain, named fields, the same over HTTP and in `--json`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wire::{ActedOn, ApplyMode, CanaryAct, Timestamp};

use super::{Entry, History, Refused, State};
use crate::{ArmTally, Definition, Difference, PairTally, TrialJudgement, TrialTally, diff};

/// So many digits of a report's digest are shown; `--json` has them all.
const DIGEST_SHOWN: usize = 12;

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

/// A policy with the text of one of its versions, and perhaps how that differs from another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyShown {
    /// Its versions, and what was refused.
    #[serde(flatten)]
    pub policy: PolicyView,
    /// The version that is shown; `null` if there is none yet.
    pub shown: Option<TextView>,
    /// Another one, that it is compared with.
    pub against: Option<TextView>,
    /// What changes in meaning from `against` to `shown`; `null` if there is nothing to compare, or one does not read.
    pub difference: Option<Difference>,
}

/// A version's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextView {
    /// Its number.
    pub version: u64,
    /// The YAML, as it was applied.
    pub text: Arc<str>,
}

/// There is no such version, or none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no version {0}")]
pub struct NoVersion(pub u64);

// === impl PolicyShown ===

impl PolicyShown {
    /// Returns the policy with the text of `version`, of the live one if none is named, compared with `against`.
    pub fn of(history: &History, version: Option<u64>, against: Option<u64>) -> Result<Self, NoVersion> {
        let usual = history.live().map_or(history.newest(), |live| live.policy_ref.version);
        let entry = |version: u64| history.entry(version).ok_or(NoVersion(version));
        let shown = match version {
            Some(version) => Some(entry(version)?),
            None => history.entry(usual),
        };
        let against = against.map(entry).transpose()?;
        let meant = |entry: Option<&Entry>| entry.and_then(|entry| entry.text.definition().cloned());
        let both: Option<(Arc<Definition>, Arc<Definition>)> = meant(against).zip(meant(shown));
        Ok(Self {
            policy: PolicyView::from(history),
            shown: shown.map(TextView::from),
            against: against.map(TextView::from),
            difference: both.map(|(old, new)| diff(&old, &new)),
        })
    }
}

impl From<&Entry> for TextView {
    fn from(entry: &Entry) -> Self {
        Self { version: entry.version, text: Arc::clone(entry.text()) }
    }
}

// === impl PolicyView ===

impl From<&History> for PolicyView {
    fn from(history: &History) -> Self {
        let version = |definition: &Arc<Definition>| definition.policy_ref.version;
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

impl VersionView {
    /// Says what it is now, and more about that where there is more.
    #[must_use]
    pub fn standing(&self) -> String {
        match (&self.state, &self.note, self.mode) {
            (state, Some(note), _) => format!("{state} ({note})"),
            (state, None, ApplyMode::Share(parts)) if state == "share" => format!("{state} of {}", percent(parts)),
            (state, None, _) => state.clone(),
        }
    }

    /// Says why it came: what it goes back to, what it does about a canary, its author's words, and who approved it.
    #[must_use]
    pub fn why(&self) -> String {
        let mut told = self.message.clone();
        let mut before = |what: String| told = format!("{what}{}{told}", if told.is_empty() { "" } else { ": " });
        if let Some(to) = self.rolls_back {
            before(format!("back to {to}"));
        }
        if let Some(act) = &self.canary {
            before(acted(act));
        }
        if self.approved_by.is_empty() {
            return told;
        }
        format!("{told} (approved by {})", self.approved_by.join(", "))
    }
}

/// Says what was done about a canary, and by which report.
fn acted(CanaryAct { canary, act, report }: &CanaryAct) -> String {
    let Some(ActedOn { digest, verdict, compared, .. }) = report else {
        return format!("{canary} {} without a report", act.done());
    };
    let (verdict, digest) = (verdict.replace('_', " "), digest.get(..DIGEST_SHOWN).unwrap_or(digest));
    format!("{canary} {} ({verdict} after {compared} pairs, report {digest})", act.done())
}

fn percent(parts: u16) -> String {
    format!("{}%", f64::from(parts) / 100.0)
}

// === impl TrialView ===

impl TrialView {
    /// Says how it is tried.
    #[must_use]
    pub fn way(&self) -> String {
        let version = self.version;
        match self.mode {
            ApplyMode::Share(parts) => format!("version {version} decides about {} of the requests", percent(parts)),
            _ => format!("version {version} decides in the shadow"),
        }
    }

    /// Says what was counted so far, a sentence for each count.
    #[must_use]
    pub fn counted(&self) -> Vec<String> {
        let arm = |who: &str, arm: &ArmTally| {
            let missed: Vec<String> = arm.missed.iter().map(ToString::to_string).collect();
            let missed = if missed.is_empty() { String::new() } else { format!(", late: {}", missed.join(" · ")) };
            format!("{who} decided about {}, {} of them by default{missed}", arm.decided, arm.defaults)
        };
        let PairTally { compared, different, earlier, later, default_instead, prediction_instead, skipped } =
            self.tally.paired;
        let mut told = vec![arm("the live one", &self.tally.live), arm("the trial", &self.tally.trial)];
        if compared > 0 {
            told.push(format!(
                "of {compared} requests both decided about, it would have answered {different} otherwise, {earlier} \
                 earlier, {later} later"
            ));
            told.push(format!(
                "{default_instead} of them with its default instead of a prediction, {prediction_instead} the other way \
                 round"
            ));
        }
        if skipped > 0 {
            told.push(format!("{skipped} requests were left out because too many were compared already"));
        }
        told
    }

    /// Says whether it is worse than the live one.
    #[must_use]
    pub fn judged(&self) -> String {
        match (self.judgement.as_str(), &self.worse) {
            ("worse", Some(worse)) => format!("it is worse: {worse}"),
            ("keep", _) => "it is no worse than the live one".to_owned(),
            _ => "too little was seen to say whether it is worse".to_owned(),
        }
    }
}

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
