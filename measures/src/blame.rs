//! Where a request's time went, stage by stage, and which stage is to blame if it came to nothing in time.
//!
//! Law: the stages' times sum to the whole, from birth to the result in the log, whatever the clocks said: each instant is
//! moved into what is left of the whole, so that no stage takes less than nothing.
//! The time between question and answer is told by *the answer that was waited for*: the last to come of those that the
//! result is made of; if it is made of none, the first to come afterwards of the candidates that were asked (its
//! response is in the log even so). The verdict cuts it where it fell: what it did by then is what it did with the time.
//! If none ever came, all of that time is `silent`.
//! What is in the log (`Recorded`) and what a collector has at hand (`Passage`) are split alike.

use std::{collections::BTreeMap, time::Duration};

use policies::{ReceiptEntry, Recorded, Verdict};
use serde::{Deserialize, Serialize};
use wire::{Reply, Request, Response, Role, Timestamp};

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From birth to the request in the log: validating, planning, writing.
    Starter,
    /// From the log to the executor: fetching, decoding; for a judge, until what it hears was there too.
    BrokerThere,
    /// Waiting in the executor.
    Queue,
    /// The work itself.
    Compute,
    /// From the answer to its place in the log: writing the response.
    BrokerBack,
    /// Nothing was heard.
    Silent,
    /// The policy let time pass: the executor was not to start yet; or the answer was there, and others, a better one or the
    /// clause's end were waited for.
    Policy,
    /// From the verdict to the result in the log.
    Result,
}

/// The instants of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When it was born, as its verdict counted.
    pub born: Timestamp,
    /// When the log took the request in.
    pub asked: Timestamp,
    /// When the verdict fell.
    pub decided: Timestamp,
    /// When the log took the result in.
    pub given: Timestamp,
    /// The answer that was waited for, if one ever came.
    pub awaited: Option<Awaited>,
}

/// The answer that was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// When the log took it in.
    pub answered: Timestamp,
    /// How long after the request's birth its executor was free to start.
    pub starts: Duration,
    /// How long the request took from the log to its executor.
    pub fetched: Duration,
    /// How long it waited in the executor.
    pub queued: Duration,
    /// How long it was worked on.
    pub scored: Duration,
}

/// How long each stage took, by its place in `Stage::ALL`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages([Duration; Stage::ALL.len()]);

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

// === impl Stage ===

impl Stage {
    /// Every one of them, in the order in which a request goes through them.
    pub const ALL: [Self; 8] = [
        Self::Starter,
        Self::BrokerThere,
        Self::Queue,
        Self::Compute,
        Self::BrokerBack,
        Self::Silent,
        Self::Policy,
        Self::Result,
    ];

    /// Returns the name for it, as in JSON and in traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::BrokerThere => "broker_there",
            Self::Queue => "queue",
            Self::Compute => "compute",
            Self::BrokerBack => "broker_back",
            Self::Silent => "silent",
            Self::Policy => "policy",
            Self::Result => "result",
        }
    }

    /// Returns it as people read it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BrokerThere => "broker, there",
            Self::BrokerBack => "broker, back",
            other => other.as_str(),
        }
    }
}

// === impl Passage ===

impl Passage {
    /// Returns the time from birth to the result in the log.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.given.since(self.born)
    }

    /// Splits it.
    #[must_use]
    pub fn stages(&self) -> Stages {
        let Self { born, asked, decided, given, awaited } = self;
        let mut clockwork = Clockwork { at: *born, end: (*given).max(*born), stages: Stages::default() };
        clockwork.until(*asked, Stage::Starter);
        match awaited {
            // Work that a verdict cuts short has been on its way, then in a queue, then at work, in this order.
            Some(Awaited { answered, starts, fetched, queued, scored }) => {
                let cut = (*answered).min(*decided);
                let (there, free) = (asked.after(*fetched), born.after(*starts));
                let waits = there.max(free);
                clockwork.until(there.min(cut), Stage::BrokerThere);
                clockwork.until(waits.min(cut), Stage::Policy);
                clockwork.until(waits.after(*queued).min(cut), Stage::Queue);
                clockwork.until(waits.after(*queued + *scored).min(cut), Stage::Compute);
                clockwork.until(cut, Stage::BrokerBack);
                clockwork.until(*decided, Stage::Policy);
            }
            None => clockwork.until(*decided, Stage::Silent),
        }
        clockwork.until(clockwork.end, Stage::Result);
        clockwork.stages
    }
}

// === impl Awaited ===

impl Awaited {
    /// Returns the last to come of the answers that `verdict`, about a request born at `born`, is made of; none if it is
    /// made of none.
    #[must_use]
    pub fn of(verdict: &Verdict, born: Timestamp) -> Option<Self> {
        let made_of = verdict.receipt.entries.iter().filter(|entry| verdict.executors.contains(&entry.executor));
        let last = made_of.max_by_key(|entry| entry.after)?;
        let ReceiptEntry { after, starts, fetched, queued, scored, .. } = last;
        Some(Self {
            answered: born.after((*after)?),
            starts: *starts,
            fetched: *fetched,
            queued: *queued,
            scored: *scored,
        })
    }

    /// Returns `response`, which the log took in at `answered`, of an executor that was free to start `starts` after birth.
    #[must_use]
    pub fn response(response: &Response, answered: Timestamp, starts: Duration) -> Self {
        let Response { fetched, queued, scored, .. } = response;
        Self { answered, starts, fetched: *fetched, queued: *queued, scored: *scored }
    }
}

// === impl Stages ===

impl Stages {
    /// Returns the stages that took any time.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Stage, Duration)> {
        Stage::ALL.into_iter().zip(self.0).filter(|(_, took)| !took.is_zero())
    }

    /// Returns the stage that took longest: the one to blame if the whole took too long.
    #[must_use]
    pub fn blamed(&self) -> Option<Stage> {
        // Of equals the earlier one: what came later had less time because of it.
        self.iter().rev().max_by_key(|(_, took)| *took).map(|(stage, _)| stage)
    }
}

// === impl Split ===

impl Split {
    /// Splits what was `recorded`; `None` unless its request and its result are.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Option<Self> {
        let (request, asked) = recorded.request.as_ref()?;
        let (born, result) = (recorded.born()?, recorded.result.as_ref()?);
        let decided = born.after(Duration::from_micros(result.body.decision.elapsed_us));
        let awaited = awaited(recorded, request, decided);
        let passage = Passage {
            born,
            asked: *asked,
            decided,
            given: result.appended,
            awaited: awaited.map(|(response, answered)| {
                let starts = request.plan.find(&response.executor).map(|asked| asked.start_after);
                Awaited::response(response, *answered, starts.unwrap_or_default())
            }),
        };
        Some(Self {
            whole: passage.whole(),
            stages: passage.stages().iter().collect(),
            awaited: awaited.map(|(response, _)| response.executor.to_string()),
        })
    }

    /// Returns the stage that took longest: the one to blame if the whole took too long.
    #[must_use]
    pub fn blamed(&self) -> Option<Stage> {
        self.stages.iter().rev().max_by_key(|(_, took)| **took).map(|(stage, _)| *stage)
    }
}

/// Hands out a stretch of time piece by piece.
struct Clockwork {
    at: Timestamp,
    end: Timestamp,
    stages: Stages,
}

// === impl Clockwork ===

impl Clockwork {
    /// Gives what lies before `instant` and is still there to `stage`.
    fn until(&mut self, instant: Timestamp, stage: Stage) {
        let instant = instant.clamp(self.at, self.end);
        self.stages.0[stage as usize] += instant.since(self.at);
        self.at = instant;
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
