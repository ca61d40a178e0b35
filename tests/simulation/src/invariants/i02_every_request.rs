//! I2, liveness: once faults have ended, every request in the log has a result within Δ; and whatever a caller was told is
//! accepted is in the log.

use crate::truth::Truth;

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    if let Some(why) = &truth.story.unfinished {
        return Err(why.clone());
    }
    if let Some(id) = truth.requests.keys().find(|id| truth.result(id).is_none()) {
        return Err(format!("{id} has no result"));
    }
    if let Some(id) = truth.story.accepted.iter().find(|id| !truth.requests.contains_key(id)) {
        return Err(format!("{id} was accepted and is not in the log"));
    }
    Ok(())
}
