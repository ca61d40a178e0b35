//! A version on trial: it decides in the shadow, or for a share of the requests, and is counted beside the live one.
//!
//! Pure. It deliberately does not know who counts, where counts are kept nor who withdraws a version.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use wire::RequestId;

mod judge;
mod tally;

use crate::Definition;

pub use judge::{TrialJudgement, Worsening};
pub use tally::Opinion;

/// A version on trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What is tried.
    pub definition: Arc<Definition>,
    /// How.
    pub mode: TrialMode,
    /// What was counted so far, by partition, as far as it was published.
    pub tallies: BTreeMap<i32, TrialTally>,
}

/// How a version is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialMode {
    /// It decides about every live request, with no effect.
    Shadow,
    /// It serves this share of the requests.
    Share(Share),
}

/// A share of all keys, in parts of 10,000: from 1 to 9,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(u16);

/// What was counted of one partition since the trial began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTally {
    /// The live version.
    pub live: ArmTally,
    /// The one on trial.
    pub trial: ArmTally,
    /// Request by request, of a shadow.
    pub paired: PairTally,
}

/// What one version did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmTally {
    /// Requests that it decided about, those that were shed or stale on arrival left out.
    pub decided: u64,
    /// Of these, how many got a default or an error.
    pub defaults: u64,
    /// Of these, how many missed each of the live version's objectives, in their order.
    pub missed: Vec<u64>,
}

/// How a shadow's verdicts differed from those that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairTally {
    /// Requests that both decided about.
    pub compared: u64,
    /// The shadow would have given another answer.
    pub different: u64,
    /// It would have answered earlier, by more than a millisecond.
    pub earlier: u64,
    /// It would have answered later, by more than a millisecond.
    pub later: u64,
    /// It would have given its default where the live one gave a prediction.
    pub default_instead: u64,
    /// It would have given a prediction where the live one gave its default.
    pub prediction_instead: u64,
    /// Requests that were left out because too many were being compared already.
    pub skipped: u64,
}

// === impl Trial ===

impl Trial {
    /// Returns what was counted so far in all partitions.
    #[must_use]
    pub fn tally(&self) -> TrialTally {
        self.tallies.values().fold(TrialTally::default(), |mut sum, tally| {
            sum += tally;
            sum
        })
    }

    /// Returns whether it does worse than `live`, as far as was counted.
    #[must_use]
    pub fn judge(&self, live: &Definition) -> TrialJudgement {
        self.tally().judge(&live.objectives)
    }
}

// === impl Share ===

impl Share {
    /// Returns a share of `parts` in 10,000, if that is some and not all.
    #[must_use]
    pub const fn new(parts: u16) -> Option<Self> {
        if parts >= 1 && parts < 10_000 { Some(Self(parts)) } else { None }
    }

    /// Returns how many in 10,000.
    #[must_use]
    pub fn parts(self) -> u16 {
        self.0
    }

    /// Returns whether `request` is among them: the same request always, and whoever is in 5% is also in 10%.
    #[must_use]
    pub fn has(self, request: &RequestId) -> bool {
        let (high, low) = request.as_uuid().as_u64_pair();
        // Both halves, and another multiplier than the partition's: a share of every partition, not some partitions.
        let spread = (high.rotate_left(32) ^ low).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32;
        spread % 10_000 < u64::from(self.0)
    }
}
