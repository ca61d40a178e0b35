//! How one executor stood: what the receipt says of it, and what the log says behind that.

use wire::{Reply, Role};

use super::{ExecutorTold, StateTold, micros, same, since_birth, value};
use crate::{DecisionBody, Definition, ReceiptState, Recorded};

// === impl ExecutorTold ===

impl ExecutorTold {
    pub(super) fn asked(
        asked: &wire::Asked,
        recorded: &Recorded,
        decision: Option<&DecisionBody>,
        definition: Option<&Definition>,
    ) -> Self {
        let name = asked.executor.as_str();
        let response = recorded.responses.iter().find(|(response, _)| response.executor == asked.executor);
        let entry = decision.and_then(|decision| decision.receipt.iter().find(|entry| entry.executor == name));
        let came = since_birth(recorded, response.map(|(_, appended)| *appended));
        let (said, failed) = match response.map(|(response, _)| &response.reply) {
            Some(Reply::Answer(answer)) => (Some(value(answer)), None),
            Some(Reply::Failure(failure)) => (None, Some(failure.message.clone())),
            None => (entry.and_then(|entry| entry.answer.clone()), None),
        };
        let given = recorded.result.as_ref().map(|given| &given.body.answer);
        Self {
            executor: name.to_owned(),
            role: if asked.role == Role::Canary { "canary" } else { "candidate" },
            state: StateTold::of(
                entry.map(|entry| entry.state),
                response.map(|(response, _)| &response.reply),
                decision,
            ),
            after_us: entry.and_then(|entry| entry.after_us).or(came),
            appended_us: came,
            start_after_us: micros(asked.start_after),
            fetched_us: response.map(|(response, _)| micros(response.fetched)),
            queued_us: response.map(|(response, _)| micros(response.queued)),
            scored_us: response.map(|(response, _)| micros(response.scored)),
            model: response
                .map(|(response, _)| response.model.to_string())
                .or_else(|| entry.and_then(|entry| entry.model.clone())),
            same: said.as_ref().zip(given).map(|(said, given)| same(definition, said, given)),
            answer: said,
            chosen: decision.is_some_and(|decision| decision.executors.iter().any(|chosen| chosen == name)),
            failure: entry.and_then(|entry| entry.failure.clone()).or(failed),
        }
    }
}

// === impl StateTold ===

impl StateTold {
    /// How it stood by the receipt; whoever answered and was not known then is late.
    fn of(entry: Option<ReceiptState>, reply: Option<&Reply>, decision: Option<&DecisionBody>) -> Self {
        match (entry, reply) {
            (Some(ReceiptState::Answered), _) => Self::Answered,
            (Some(ReceiptState::Abstained), _) => Self::Abstained,
            (Some(ReceiptState::Failed), _) => Self::Failed,
            (Some(ReceiptState::BreakerOpen), _) => Self::BreakerOpen,
            (_, None) => Self::Pending,
            (_, Some(_)) if decision.is_some() => Self::Late,
            (_, Some(Reply::Answer(_))) => Self::Answered,
            (_, Some(Reply::Failure(_))) => Self::Failed,
        }
    }
}
