//! I9, isolation: a canary changes nothing. Every verdict is the same played again without what canaries said.
//!
//! That the decoy and the sealer change nothing either is shown by worlds without them (`crate::play_unread`).

use policies::Evaluation;
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
    let step = Evaluation::open(definition.policy.clone(), &request.plan, born(asked), request.budget, lead, &around);
    let is_canary = |executor| request.plan.find(executor).is_some_and(|asked| asked.role == Role::Canary);
    let said = truth.responses.get(&request.id).into_iter().flatten();
    let counts = said.filter(|said| with_canaries || !is_canary(&said.response.executor));
    let verdict = step.finish(counts.map(|said| (&said.response, said.at)));
    Some((verdict.at, verdict.answer))
}
