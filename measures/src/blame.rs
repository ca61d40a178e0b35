//! Where a request's time went, stage by stage, and which stage is to blame if it came to nothing in time.
//!
//! Law: the stages' times sum to the whole, from birth to the result in the log, whatever the clocks said: each instant is
//! moved into what is left of the whole, so that no stage takes less than nothing.
//! The time between question and answer is told by *the answer that was waited for*: the last to come of those that the
//! result is made of; if it is made of none, the first to come afterwards of the candidates that were asked (its
//! response is in the log even so). The verdict cuts it where it fell: what it did by then is what it did with the time.
//! If none ever came, all of that time is `silent`.

use std::{collections::BTreeMap, time::Duration};

use policies::Recorded;
use serde::{Deserialize, Serialize};
use wire::{Reply, Request, Response, Role, Timestamp};

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From birth to the request in the log: validating, planning, writing.
    Starter,
    /// Between the log and the executor, there and back: fetching, decoding, writing the response.
    Broker,
    /// Waiting in the executor.
    Queue,
    /// The work itself.
    Compute,
    /// Nothing was heard.
    Silent,
    /// The answer was there, and the policy waited for others, for a better one, or for the clause's end.
    Policy,
    /// From the verdict to the result in the log.
    Result,
}

/// A request's time by stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// From birth to the result in the log.
    pub whole: Duration,
    /// Its parts; what took no time is not there.
    pub stages: BTreeMap<Stage, Duration>,
    /// Whose answer was waited for.
    pub awaited: Option<String>,
}

// === impl Split ===

impl Split {
    /// Splits what was `recorded`; `None` unless its request and its result are.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Option<Self> {
        let (request, asked) = recorded.request.as_ref()?;
        let (born, given) = (recorded.born()?, recorded.result.as_ref()?);
        let decided = born.after(Duration::from_micros(given.body.decision.elapsed_us));
        let mut clockwork = Clockwork { at: born, end: given.appended.max(born), stages: BTreeMap::new() };
        clockwork.until(*asked, Stage::Starter);
        let awaited = awaited(recorded, request, decided);
        match awaited {
            // Work that a verdict cuts short has been on its way, then in a queue, then at work, in this order.
            Some((response, appended)) => {
                let worked = response.queued + response.scored;
                let travelled = appended.since(*asked).saturating_sub(worked);
                let answered = (*appended).min(decided);
                // There and back are told together: a response does not say when its request was read.
                clockwork.until(asked.after(travelled).min(answered), Stage::Broker);
                clockwork.until(asked.after(travelled + response.queued).min(answered), Stage::Queue);
                clockwork.until(answered, Stage::Compute);
                clockwork.until(decided, Stage::Policy);
            }
            None => clockwork.until(decided, Stage::Silent),
        }
        let whole = clockwork.end.since(born);
        clockwork.until(clockwork.end, Stage::Result);
        let awaited = awaited.map(|(response, _)| response.executor.to_string());
        Some(Self { whole, stages: clockwork.stages, awaited })
    }

    /// Returns the stage that took longest: the one to blame if the whole took too long.
    #[must_use]
    pub fn blamed(&self) -> Option<Stage> {
        // Of equals the earlier one: what came later had less time because of it.
        self.stages.iter().rev().max_by_key(|(_, took)| **took).map(|(stage, _)| *stage)
    }
}

/// Hands out a stretch of time piece by piece.
struct Clockwork {
    at: Timestamp,
    end: Timestamp,
    stages: BTreeMap<Stage, Duration>,
}

// === impl Clockwork ===

impl Clockwork {
    /// Gives what lies before `instant` and is still there to `stage`.
    fn until(&mut self, instant: Timestamp, stage: Stage) {
        let instant = instant.clamp(self.at, self.end);
        if instant > self.at {
            *self.stages.entry(stage).or_default() += instant.since(self.at);
            self.at = instant;
        }
    }
}

/// Returns the response that was waited for.
fn awaited<'a>(recorded: &'a Recorded, request: &Request, decided: Timestamp) -> Option<&'a (Response, Timestamp)> {
    let made_of = &recorded.result.as_ref()?.body.decision.executors;
    let mut first: BTreeMap<&str, &(Response, Timestamp)> = BTreeMap::new();
    for said in &recorded.responses {
        // A second response of one executor is no answer.
        first.entry(said.0.executor.as_str()).or_insert(said);
    }
    let of_result = made_of.iter().filter_map(|name| first.get(name.as_str()).copied());
    if let Some(last) = of_result.max_by_key(|(_, appended)| *appended) {
        return Some(last);
    }
    let candidates = request.plan.asked().iter().filter(|asked| asked.role == Role::Candidate);
    let said = candidates.filter_map(|asked| first.get(asked.executor.as_str()).copied());
    let answers = said.filter(|(response, _)| matches!(response.reply, Reply::Answer(_)));
    answers.filter(|(_, appended)| *appended > decided).min_by_key(|(_, appended)| *appended)
}

#[cfg(test)]
mod tests;
