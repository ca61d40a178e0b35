//! I10, one outcome: a result is a prediction, a default or an error, in its header and in its body alike; and it is decided
//! by the version that its request is pinned to, unless that never came.

use policies::DecidedBy;
use wire::ResultKind;

use crate::truth::Truth;

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    for written in &truth.results {
        let id = written.record.request;
        let decision = written.decision().ok_or_else(|| format!("the result of {id} cannot be read"))?;
        let is_default = decision.decided_by == DecidedBy::Default;
        if is_default == (written.record.kind == ResultKind::Prediction) {
            return Err(format!("{id}: {:?} decided by {:?}", written.record.kind, decision.decided_by));
        }
        let Some(asked) = truth.requests.get(&id) else { continue };
        if !is_default && written.record.policy != asked.request.policy {
            return Err(format!(
                "{id} is pinned to {} and was decided by {}",
                asked.request.policy, written.record.policy
            ));
        }
    }
    Ok(())
}
