//! I9, isolation: a canary changes nothing. Every verdict is the same played again without what canaries said.
//!
//! That the decoy and the sealer change nothing either is shown by worlds without them (`crate::play_unread`).

use policies::{Evaluation, Step};
use wire::{Role, Timestamp};

use crate::{
    policies::version,
    truth::{Truth, Written, born},
};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    for written in truth.results.iter().filter(|written| written.is_first) {
        let with = play(truth, written, true);
        if with != play(truth, written, false) {
            return Err(format!("a canary changed the verdict about {}", written.record.request));
        }
    }
    Ok(())
}

/// Plays everything that the log holds about a request, each record when the log took it in.
fn play(truth: &Truth<'_>, written: &Written, with_canaries: bool) -> Option<(Timestamp, bytes::Bytes)> {
    let asked = truth.requests.get(&written.record.request)?;
    let request = &asked.request;
    let definition = version(request.policy.version)?;
    let (lead, around) = (std::time::Duration::ZERO, policies::Circumstances::default());
    let mut step =
        Evaluation::open(definition.policy.clone(), &request.plan, born(asked), request.budget, lead, &around);
    for said in truth.responses.get(&request.id).into_iter().flatten() {
        let Step::Wait(evaluation) = step else { break };
        let is_canary = request.plan.find(&said.response.executor).is_some_and(|asked| asked.role == Role::Canary);
        step = if is_canary && !with_canaries {
            Step::Wait(evaluation)
        } else {
            evaluation.observe(&said.response, said.at).1
        };
    }
    loop {
        match step {
            Step::Emit(verdict) => return Some((verdict.at, verdict.answer.clone())),
            Step::Wait(evaluation) => {
                let due = evaluation.deadline();
                step = evaluation.on_time(due);
            }
        }
    }
}
