//! A valid result and what must be known of it once its request is: as little as possible.

use std::time::Duration;

use serde::Deserialize;
use wire::{ResultKind, ResultRecord, Timestamp};

use crate::{memory::Seen, scope::Place};

/// A valid result, the first of its id.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) seen: Seen,
    pub(super) place: Place,
    /// What kind it is and why, if it is no prediction.
    pub(super) degraded: Option<(&'static str, String)>,
    /// Which version of the policy it names.
    pub(super) version: u64,
    /// When its request was born, as it says; `None` if it does not.
    pub(super) born: Option<Timestamp>,
}

/// As much of a body as is of interest here.
#[derive(Deserialize)]
struct Body {
    decision: Decision,
}

#[derive(Deserialize)]
struct Decision {
    reason: String,
    elapsed_us: u64,
}

// === impl Early ===

impl Early {
    /// Reads as much of a result as is needed: of a prediction nothing, unless it may have to be known `with_birth`.
    pub(super) fn new(seen: Seen, place: Place, result: &ResultRecord, version: u64, with_birth: bool) -> Self {
        let kind = (result.kind != ResultKind::Prediction).then(|| result.kind.as_str());
        let decision = (with_birth || kind.is_some()).then(|| serde_json::from_slice::<Body>(&result.body).ok());
        let decision = decision.flatten().map(|body| body.decision);
        let elapsed = decision.as_ref().map(|decision| Duration::from_micros(decision.elapsed_us));
        let reason = || decision.map_or_else(|| "unreadable".to_owned(), |decision| decision.reason);
        let born = elapsed.map(|elapsed| place.appended.before(elapsed));
        Self { seen, place, born, degraded: kind.map(|kind| (kind, reason())), version }
    }
}
