//! Why a change was refused: by every reader alike, and without having changed anything.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::Timestamp;

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub change: Uuid,
    /// Whose it was.
    pub author: String,
    /// Why they wanted it.
    pub message: String,
    /// When the log took it in.
    pub at: Timestamp,
    /// Why it was refused.
    pub why: Refusal,
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody else was first.
    #[error("it was made for version {expected}, and by then version {newest} was the newest")]
    Conflict {
        /// The newest version that the author knew of.
        expected: u64,
        /// The newest version that there was.
        newest: u64,
    },
    /// The text has mistakes.
    #[error("its text has mistakes:\n{problems}")]
    Invalid {
        /// Every one of them, for people.
        problems: String,
    },
    /// The text's own examples do not come out as it says.
    #[error("these of its examples fail: {}", failed.join(", "))]
    Examples {
        /// Their names.
        failed: Vec<String>,
    },
    /// The text is another rendezvous' policy.
    #[error("its text is the policy of `{named}`")]
    OtherRendezvous {
        /// Whose.
        named: String,
    },
    /// A share is neither nothing nor everything.
    #[error("a share of {parts} in 10,000 is no share: it may be from 1 to 9,999")]
    NoShare {
        /// What was asked for.
        parts: u16,
    },
    /// There is nothing to be on trial beside.
    #[error("there is no live version yet that it could be on trial beside")]
    NothingLive,
    /// There is no such version.
    #[error("there is no version {version}")]
    Unknown {
        /// Which.
        version: u64,
    },
    /// A rollback brings another text than the one it names.
    #[error("its text is not version {version}'s")]
    NotThatText {
        /// Whose text it claims to be.
        version: u64,
    },
    /// The version waits for no approval.
    #[error("version {version} waits for nobody's approval")]
    NotProposed {
        /// Which.
        version: u64,
    },
    /// People do not approve their own changes.
    #[error("version {version} is its author's own: somebody else must approve it")]
    OwnChange {
        /// Which.
        version: u64,
    },
    /// The version is not on trial.
    #[error("version {version} is not on trial")]
    NotOnTrial {
        /// Which.
        version: u64,
    },
    /// The version is neither on trial nor proposed.
    #[error("version {version} is neither on trial nor proposed, so there is nothing to withdraw")]
    NothingToWithdraw {
        /// Which.
        version: u64,
    },
    /// A count cannot be read.
    #[error("a count of version {version} cannot be read: {problem}")]
    Tally {
        /// Of which version.
        version: u64,
        /// Why.
        problem: String,
    },
    /// How long executors take cannot be read.
    #[error("how long executors take cannot be read: {problem}")]
    Speeds {
        /// Why.
        problem: String,
    },
}

// === impl Refusal ===

impl Refusal {
    /// Returns whether somebody else was first.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
