//! I3, no invention: a result is of a request that lies before it; what its receipt says was heard lies in the log before it,
//! is about that request, was taken in before the deadline, and is the executor's first word; the answer is what one of
//! them said.

use policies::{Reason, ReceiptState, ResultBody};
use wire::Reply;

use super::i08_purity::is_said;
use crate::truth::{Asked, Said, Truth, Written, born};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    for written in &truth.results {
        let id = written.record.request;
        let asked = truth.requests.get(&id).filter(|asked| asked.order < written.order);
        let asked = asked.ok_or_else(|| format!("{id} has a result and was not asked"))?;
        let said = truth.responses.get(&id).map_or(&[][..], Vec::as_slice);
        heard(written, asked, said).map_err(|how| format!("{id}, result {}: {how}", written.offset))?;
    }
    Ok(())
}

fn heard(written: &Written, asked: &Asked, said: &[Said]) -> Result<(), String> {
    let body = ResultBody::read(&written.record.body).map_err(|error| error.to_string())?;
    let deadline = asked.request.budget.deadline(born(asked));
    let has_spoken = |state| !matches!(state, ReceiptState::Pending | ReceiptState::BreakerOpen);
    for entry in body.decision.receipt.iter().filter(|entry| has_spoken(entry.state)) {
        let first = said.iter().find(|said| said.response.executor.as_str() == entry.executor);
        let first = first.filter(|said| said.order < written.order);
        let first = first.ok_or_else(|| format!("{} is said to have answered and had not", entry.executor))?;
        if first.at >= deadline && body.decision.reason != Reason::StaleOnArrival {
            return Err(format!("{} answered too late and was counted", entry.executor));
        }
    }
    if body.decision.synthesised || body.decision.executors.is_empty() {
        return Ok(());
    }
    let is_said = body.decision.executors.iter().any(|executor| {
        let mut first = said.iter().filter(|said| said.response.executor.as_str() == executor);
        let first = first.next().map(|said| &said.response.reply);
        matches!(first, Some(Reply::Answer(answer)) if is_said(&String::from_utf8_lossy(answer), &body.answer))
    });
    if is_said { Ok(()) } else { Err(format!("none of {:?} said so", body.decision.executors)) }
}
