//! Why a change of a model came to the log without having changed anything.

use serde::{Deserialize, Serialize};
use wire::{ModelName, Timestamp};

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose it was.
    pub author: String,
    /// Why they wanted it.
    pub message: String,
    /// When the log took it in.
    pub at: Timestamp,
    /// Of which model.
    pub model: ModelName,
    /// Why it was refused.
    pub why: Refusal,
}

/// Why a change was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody else was first.
    #[error("it was made when {} was live, and by then {} was", or_none(expected.as_deref()), or_none(live.as_deref()))]
    Conflict {
        /// The version that the author knew to be live.
        expected: Option<String>,
        /// The version that was.
        live: Option<String>,
    },
    /// A version never names other bytes than it did.
    #[error(
        "version {version} is published already, with other bytes (sha256 {sha256}): publish these under a version of \
         their own"
    )]
    OtherBytes {
        /// Which.
        version: String,
        /// Its bytes' hash, in hex.
        sha256: String,
    },
    /// There is no such model.
    #[error("no model of that name is published")]
    NoModel,
    /// There is no such version.
    #[error("there is no version {version} of it")]
    Unknown {
        /// Which.
        version: String,
    },
    /// A version that was retired does not come back.
    #[error("version {version} was retired, and does not come back: publish its bytes under another version")]
    Retired {
        /// Which.
        version: String,
    },
    /// The live version does not go while the model stays.
    #[error("version {version} is live: publish another one or roll back first, or retire the whole model")]
    Live {
        /// Which.
        version: String,
    },
    /// There are too many.
    #[error("there are {most} {what} already, and no more are taken")]
    TooMany {
        /// Of what.
        what: String,
        /// How many there may be.
        most: usize,
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

fn or_none(version: Option<&str>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| format!("version {version}"))
}
