//! I8, purity: a verdict follows from the log.
//!
//! Played again from the request, its responses and the receipt, by the version that it names, each result, void ones too,
//! comes out with the same answer for the same reason. And what a successor decides it decides knowing all that its
//! predecessor may have heard: no response that lay in the log when it took over, in time for the verdict, is missing.

use policies::{Reason, ReceiptState, Rehearing, Unreplayable};

use crate::{
    policies::version,
    truth::{Truth, Written, born},
};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    for written in &truth.results {
        let id = written.record.request;
        again(truth, written).map_err(|how| format!("{id}, result {}: {how}", written.offset))?;
        heard_again(truth, written).map_err(|how| format!("{id}, result {}: {how}", written.offset))?;
    }
    Ok(())
}

fn again(truth: &Truth<'_>, written: &Written) -> Result<(), String> {
    let Some(recorded) = truth.recorded(written) else { return Ok(()) };
    let Some(given) = &recorded.result else { return Ok(()) };
    let definition = version(given.record.policy.version).ok_or("its version is unknown")?;
    let replay = match Rehearing::of(&recorded) {
        Ok(replay) => replay,
        Err(Unreplayable::Shrunk) => return Ok(()),
        Err(why) => return Err(why.to_string()),
    };
    let verdict = replay.again(&definition).map_err(|why| why.to_string())?;
    let given = &given.body;
    let answer = String::from_utf8_lossy(&verdict.answer);
    if is_said(&answer, &given.answer) && verdict.decided_by == given.decision.decided_by {
        return Ok(());
    }
    let (said, by) = (&given.answer, given.decision.decided_by);
    Err(format!("it says {said} by {by:?}, and played again {answer} by {:?}", verdict.decided_by))
}

/// Returns whether `text` is what an answer says: in this rendezvous, its class.
pub(super) fn is_said(text: &str, answer: &serde_json::Value) -> bool {
    answer["class"].as_str().is_some_and(|class| text.contains(&format!("\"class\":\"{class}\"")))
        || serde_json::from_str::<serde_json::Value>(text).is_ok_and(|said| said == *answer)
}

fn heard_again(truth: &Truth<'_>, written: &Written) -> Result<(), String> {
    let id = written.record.request;
    let (Some(asked), Some(takeover), Some(decision)) =
        (truth.requests.get(&id), truth.takeover(written), written.decision())
    else {
        return Ok(());
    };
    // Given up because its version never came, or because it was too large.
    let is_refused = written.record.policy.version != asked.request.policy.version || decision.receipt.is_empty();
    if is_refused || matches!(decision.reason, Reason::Shed | Reason::StaleOnArrival) {
        return Ok(());
    }
    let verdict = born(asked).after(std::time::Duration::from_micros(decision.elapsed_us));
    // What was clear before the last of them was heard needed no more.
    let said = || truth.responses.get(&id).into_iter().flatten();
    let first_of = |executor: &str| said().find(|said| said.response.executor.as_str() == executor);
    let has_spoken = |state| !matches!(state, ReceiptState::Pending | ReceiptState::BreakerOpen);
    let heard = decision.receipt.iter().filter(|entry| has_spoken(entry.state));
    let last = heard.filter_map(|entry| first_of(&entry.executor)).map(|said| said.offset).max();
    let is_early = decision.reason == Reason::Early;
    let heard_to = if is_early { last.unwrap_or(0).min(takeover.responses_end) } else { takeover.responses_end };
    for entry in decision.receipt.iter().filter(|entry| entry.state == ReceiptState::Pending) {
        let mut said = said().filter(|said| said.response.executor.as_str() == entry.executor);
        if let Some(missed) = said.find(|said| said.offset < heard_to && said.at < verdict) {
            return Err(format!(
                "response {} of {} was there at the take-over and is missing",
                missed.offset, entry.executor
            ));
        }
    }
    Ok(())
}
