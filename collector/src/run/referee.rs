//! Asks for the withdrawal of a version on trial that does worse than the live one.
//!
//! Every collector sees the same counts; the one that serves the first partition asks. Should two ask, the control
//! topic's order withdraws once.

use std::time::Duration;

use policies::{Trial, TrialJudgement, Versions};
use uuid::Uuid;
use wire::{Action, Change, Timestamp};

/// What was asked for is asked for again so much later, if the version is still on trial.
const AGAIN: Duration = Duration::from_secs(10);

/// Remembers what was asked for.
#[derive(Debug, Default)]
pub(super) struct Referee {
    asked: Option<(u64, Timestamp)>,
}

// === impl Referee ===

impl Referee {
    /// Returns the change to ask for, if there is one.
    pub(super) fn judge(&mut self, versions: &Versions, now: Timestamp) -> Option<Change> {
        let trial = versions.trial()?;
        let version = trial.definition.policy_ref.version;
        if self.asked.is_some_and(|(asked, at)| asked == version && now.since(at) < AGAIN) {
            return None;
        }
        let TrialJudgement::Worse(why) = trial.judge(versions.live()) else { return None };
        self.asked = Some((version, now));
        let reason = why.to_string();
        tracing::warn!(policy = %trial.definition.policy_ref, reason, "the version on trial does worse and is to go");
        Some(withdrawal(trial, reason))
    }
}

fn withdrawal(trial: &Trial, reason: String) -> Change {
    let policy = &trial.definition.policy_ref;
    Change {
        id: Uuid::new_v4(),
        rendezvous: policy.rendezvous.clone(),
        author: "hedgerow".to_owned(),
        message: "it did worse on trial than the live version".to_owned(),
        action: Action::Withdraw { version: policy.version, reason },
    }
}
