//! What is written when a result is larger than the topic takes: its request is not left without one.

use policies::{Circumstances, Evaluation, Reason, ResultBody};
use wire::{Envelope, Plan, Record, ResultRecord, Timestamp};

use crate::{ledger::Entry, rendezvous::policy_for, surroundings::Surroundings};

/// Returns the same result as a default: the receipt and the answer are what may be large; without them the record has
/// a fixed size.
pub(super) fn shrunk(entry: &Entry, now: Timestamp, surroundings: &Surroundings) -> Option<Record> {
    let Ok(Envelope::Result(large)) = Envelope::decode(&entry.record) else { return None };
    let definition = surroundings.versions.get(large.policy.version).unwrap_or_else(|| surroundings.newest());
    let case = ResultBody::read(&large.body).ok().and_then(|body| body.decision.case);
    let (policy, plan) = (policy_for(&definition, case.as_deref()), Plan::default());
    let verdict = Evaluation::refuse(policy, &plan, entry.born, Reason::AllFailed, now, &Circumstances::default());
    let body = verdict.body(&large.policy, case.as_deref(), entry.born, entry.budget);
    Some(ResultRecord { kind: verdict.kind(), body, ..large }.encode())
}
