//! What has been heard so far, from whom.
//!
//! Laws: the first response of an executor is its vote and no later one changes it; thresholds and completeness are
//! against the candidates of the request's plan; a canary is recorded and holds no vote.

mod facts;
mod roster;
mod seats;
mod took;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use wire::{ExecutorId, FailureKind, ModelVersion, Reply, Response, Role, Timestamp};

pub(crate) use facts::{Facts, Field, Fields, Path, same_number};
pub use facts::{canonical_eq, canonical_text};
pub(crate) use roster::{Cast, Roster};
pub(crate) use seats::Seats;

use self::took::Took;
use crate::{ReceiptState, clause::Speaker};

/// The most executors that one request may ask: a set of them is one word.
pub(crate) const EXECUTORS_MAX: usize = 64;

/// Everything heard about one request.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) roster: Arc<Roster>,
    pub(crate) born: Timestamp,
    /// By seat; empty until somebody is heard, because most of what is open in a backlog has heard nobody.
    voices: Vec<Option<Said>>,
    /// Candidates that have not been heard.
    pending: Seats,
    /// Candidates whose answers may be chosen.
    usable: Seats,
    /// Candidates whose breaker was open when the request was opened: nobody waits for them.
    struck: Seats,
    heard: u8,
}

/// What one executor said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Since birth, in microseconds: no request is open for more than an hour.
    after: u32,
    /// Counts the responses of this request in the order of the log.
    order: u8,
    took: Took,
    /// From the log to the executor, in microseconds.
    fetched: u32,
    pub(crate) model: ModelVersion,
    pub(crate) speech: Speech,
}

/// What it came to.
#[derive(Debug)]
pub(crate) enum Speech {
    /// A candidate's answer that may be chosen.
    Usable(Bytes, Facts),
    /// No vote: not an object, without the field that is compared, or by the executor's own choice.
    Abstained(Option<Bytes>, String),
    /// No answer, and why.
    Failed(FailureKind, String),
    /// A canary's answer: shown, never read for a decision.
    Shown(Bytes),
}

// === impl Evidence ===

impl Evidence {
    pub(crate) const VOICE_BYTES: usize = size_of::<Option<Said>>();

    pub(crate) fn new(roster: Arc<Roster>, born: Timestamp) -> Self {
        let pending = roster.candidates();
        Self { voices: Vec::new(), pending, usable: Seats::NONE, struck: Seats::NONE, roster, born, heard: 0 }
    }

    /// Strikes off those candidates of `executors` that were asked: they count as failed, whatever they say.
    pub(crate) fn strike(&mut self, executors: &[ExecutorId]) {
        let struck = executors.iter().filter_map(|executor| self.roster.candidate(executor)).collect();
        (self.struck, self.pending) = (struck, self.pending.without(struck));
    }

    /// Returns whether the executor at `seat` was struck off from the start.
    pub(crate) fn is_struck(&self, seat: usize) -> bool {
        self.struck.contains(seat)
    }

    /// Returns whether the executor at `seat` was heard before.
    pub(crate) fn has_heard(&self, seat: usize) -> bool {
        self.said(seat).is_some()
    }

    /// Takes down what the executor at `seat` said; only the first time.
    pub(crate) fn hear(&mut self, seat: usize, response: &Response, at: Timestamp, fields: &Fields) {
        let speech = Speech::of(&response.reply, self.roster.asked()[seat].role, fields);
        if matches!(speech, Speech::Usable(..)) {
            self.usable = self.usable.union(Seats::one(seat));
        }
        self.pending = self.pending.without(Seats::one(seat));
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        if self.voices.is_empty() {
            self.voices.resize_with(self.roster.asked().len(), || None);
        }
        self.voices[seat] = Some(Said {
            after: micros(at.since(self.born)),
            order: self.heard,
            took: Took::of(response.queued, response.scored),
            fetched: micros(response.fetched),
            model: response.model.clone(),
            speech,
        });
        self.heard += 1;
    }

    /// Takes out what was said, by seat: the evidence is spent.
    pub(crate) fn spend(&mut self) -> Vec<Option<Said>> {
        let mut voices = std::mem::take(&mut self.voices);
        voices.resize_with(self.roster.asked().len(), || None);
        voices
    }

    /// Returns whether what the executor at `seat` says may be chosen.
    pub(crate) fn is_candidate(&self, seat: usize) -> bool {
        self.roster.candidates().contains(seat)
    }

    /// Returns whether there are candidates, and each of them failed.
    pub(crate) fn all_failed(&self) -> bool {
        let failed = |seat: usize| matches!(self.said(seat), Some(Said { speech: Speech::Failed(..), .. }));
        let asked = self.roster.candidates();
        !asked.is_empty() && asked.without(self.struck).into_iter().all(failed)
    }

    /// Returns how many responses have been heard.
    pub(crate) fn heard(&self) -> u8 {
        self.heard
    }

    /// Returns the candidates that have not been heard.
    pub(crate) fn pending(&self) -> Seats {
        self.pending
    }

    /// Returns the candidates whose answers may be chosen.
    pub(crate) fn usable(&self) -> Seats {
        self.usable
    }

    /// Returns how long the first usable answer took.
    pub(crate) fn first_usable(&self) -> Option<Duration> {
        self.usable.into_iter().map(|seat| self.latency(seat)).min()
    }

    /// Returns the usable answer at `seat`.
    pub(crate) fn answer(&self, seat: usize) -> &Bytes {
        self.usable_at(seat).1
    }

    /// Returns what the policy looks at in the usable answer at `seat`.
    pub(crate) fn facts(&self, seat: usize) -> &Facts {
        self.usable_at(seat).2
    }

    /// Returns which response of the request the usable answer at `seat` was.
    pub(crate) fn order(&self, seat: usize) -> u8 {
        self.usable_at(seat).0.order
    }

    /// Returns who gave the usable answer at `seat`, to an expression.
    pub(crate) fn speaker(&self, seat: usize) -> Speaker<'_> {
        let member = self.roster.member(seat);
        Speaker {
            name: self.name(seat).as_str(),
            rank: member.rank,
            family: member.family(),
            cost: member.cost,
            latency: self.latency(seat),
        }
    }

    /// Returns the name of the executor at `seat`.
    pub(crate) fn name(&self, seat: usize) -> &ExecutorId {
        &self.roster.asked()[seat].executor
    }

    fn said(&self, seat: usize) -> Option<&Said> {
        self.voices.get(seat)?.as_ref()
    }

    fn latency(&self, seat: usize) -> Duration {
        self.usable_at(seat).0.after()
    }

    fn usable_at(&self, seat: usize) -> (&Said, &Bytes, &Facts) {
        match self.said(seat) {
            Some(said @ Said { speech: Speech::Usable(answer, facts), .. }) => (said, answer, facts),
            _ => unreachable!("the seat was taken from those with a usable answer"),
        }
    }
}

// === impl Said ===

impl Said {
    /// Returns when it counted, since birth.
    pub(crate) fn after(&self) -> Duration {
        Duration::from_micros(self.after.into())
    }

    /// Returns how long the request took from the log to the executor.
    pub(crate) fn fetched(&self) -> Duration {
        Duration::from_micros(self.fetched.into())
    }

    /// Returns how long it waited in the executor.
    pub(crate) fn queued(&self) -> Duration {
        self.took.queued()
    }

    /// Returns how long the work took.
    pub(crate) fn scored(&self) -> Duration {
        self.took.scored()
    }

    pub(crate) fn state(&self) -> ReceiptState {
        match self.speech {
            Speech::Usable(..) | Speech::Shown(_) => ReceiptState::Answered,
            Speech::Abstained(..) => ReceiptState::Abstained,
            Speech::Failed(..) => ReceiptState::Failed,
        }
    }
}

// === impl Speech ===

impl Speech {
    fn of(reply: &Reply, role: Role, fields: &Fields) -> Self {
        match reply {
            Reply::Failure(failure) if failure.kind == FailureKind::Abstained => {
                Self::Abstained(None, failure.message.clone())
            }
            Reply::Failure(failure) => Self::Failed(failure.kind, failure.message.clone()),
            Reply::Answer(answer) if role == Role::Canary => Self::Shown(answer.clone()),
            Reply::Answer(answer) => match fields.read(answer) {
                Ok(facts) => Self::Usable(answer.clone(), facts),
                Err(why) => Self::Abstained(Some(answer.clone()), why),
            },
        }
    }
}
