//! A history as the door and the commands show it: plain, named fields, the same over HTTP and in `--json`.

use policies::{Entry, History, Refused, State, TrialJudgement, TrialTally};
use serde::{Deserialize, Serialize};
use wire::{ApplyMode, Timestamp};

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

/// Returns an instant as people and programs read it: `2026-11-21T08:28:16Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let seconds = at.as_micros().div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the date `days` after the Unix epoch, counting in eras of 400 years that begin in March, so that the leap
/// day is a year's last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_the_calendar_says() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_795_249_696, "2026-11-21T08:28:16Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(rfc3339(Timestamp::from_micros(seconds * 1_000_000)), expected);
        }
    }
}
