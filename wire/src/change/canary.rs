//! Why a version came by a canary: what was done about which canary, and the report that spoke for it.

use serde::{Deserialize, Serialize};

use super::{ControlError, MESSAGE_MAX, at_most};
use crate::ExecutorId;

/// What a new version does about a canary. It explains the version; the version's text alone says what is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryAct {
    /// The canary's name, as an executor may have one.
    pub canary: String,
    /// What is done.
    pub act: Deed,
    /// The report that was acted on; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ActedOn>,
}

/// What can be done about a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It becomes a candidate.
    Promote,
    /// It becomes a candidate, and the first in rank.
    PromoteFirst,
    /// Nothing is done about it automatically.
    Hold,
    /// That ends.
    Release,
    /// It is taken out.
    Reject,
}

/// A report, as much of it as is written down with what was done by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedOn {
    /// SHA-256 of the report's JSON, in hex: whoever kept the report can show that it was this one.
    pub digest: String,
    /// What it found: `better`, `no_worse`, `worse`, `not_enough_evidence` or `not_comparable`.
    pub verdict: String,
    /// Why, in its words, at most 4,000 bytes.
    pub because: String,
    /// How many pairs of answers it rests on.
    pub compared: u64,
}

const VERDICT_MAX: usize = 100;
/// So many hex digits have 256 bits.
const DIGEST_DIGITS: usize = 64;

// === impl CanaryAct ===

impl CanaryAct {
    pub(super) fn check(&self) -> Result<(), ControlError> {
        ExecutorId::new(&self.canary).map_err(|error| ControlError::Body(error.to_string()))?;
        let Some(ActedOn { digest, verdict, because, .. }) = &self.report else { return Ok(()) };
        at_most("verdict", verdict, VERDICT_MAX)?;
        at_most("reason", because, MESSAGE_MAX)?;
        if digest.len() == DIGEST_DIGITS && digest.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(());
        }
        Err(ControlError::Body("the report's digest is not 64 hex digits".to_owned()))
    }
}

// === impl Deed ===

impl Deed {
    /// Returns what was done, as people say it: `next` was "promoted".
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Promote => "promoted",
            Self::PromoteFirst => "promoted to the first in rank",
            Self::Hold => "held",
            Self::Release => "released",
            Self::Reject => "rejected",
        }
    }
}
