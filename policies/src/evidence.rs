//! What has been heard so far, from whom.
//!
//! Laws: the first response of an executor is its vote and no later one changes it; thresholds and completeness are
//! against the candidates of the request's plan; a canary is recorded and holds no vote.

mod facts;

use std::sync::Arc;

use bytes::Bytes;
use wire::{Asked, ExecutorId, ModelVersion, Plan, Reply, Response, Role, Timestamp};

pub(crate) use facts::{Facts, Field, Fields, Path, canonical_eq};

use crate::ReceiptState;

/// The most executors that one request may ask: clauses count votes in arrays of this size.
pub(crate) const EXECUTORS_MAX: usize = 64;

/// Who may speak about a request, in the plan's order.
#[derive(Debug)]
pub(crate) struct Roster(Vec<Asked>);

/// Everything heard about one request.
#[derive(Debug)]
pub(crate) struct Evidence {
    roster: Arc<Roster>,
    voices: Box<[Option<Said>]>,
    /// Candidates that have not been heard.
    outstanding: u16,
    heard: u16,
}

/// What one executor said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) at: Timestamp,
    /// Counts the responses of this request in the order of the log.
    pub(crate) order: u16,
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
    Failed(String),
    /// A canary's answer: shown, never read for a decision.
    Shown(Bytes),
}

// === impl Roster ===

impl Roster {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self(plan.asked().iter().take(EXECUTORS_MAX).cloned().collect())
    }

    pub(crate) fn is_of(&self, plan: &Plan) -> bool {
        self.0 == plan.asked()
    }

    fn seat(&self, executor: &ExecutorId) -> Option<usize> {
        self.0.iter().position(|asked| asked.executor == *executor)
    }
}

// === impl Evidence ===

impl Evidence {
    pub(crate) const VOICE_BYTES: usize = size_of::<Option<Said>>();

    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        let candidates = roster.0.iter().filter(|asked| asked.role == Role::Candidate).count();
        let outstanding = u16::try_from(candidates).expect("a roster has at most 64 seats");
        Self { voices: roster.0.iter().map(|_| None).collect(), roster, outstanding, heard: 0 }
    }

    /// Returns the seat of `executor`, if it was asked.
    pub(crate) fn seat(&self, executor: &ExecutorId) -> Option<usize> {
        self.roster.seat(executor)
    }

    /// Returns whether the executor at `seat` was heard before.
    pub(crate) fn has_heard(&self, seat: usize) -> bool {
        self.voices[seat].is_some()
    }

    /// Takes down what the executor at `seat` said; only the first time.
    pub(crate) fn hear(&mut self, seat: usize, response: &Response, at: Timestamp, fields: &Fields) {
        let role = self.roster.0[seat].role;
        let speech = Speech::of(&response.reply, role, fields);
        self.voices[seat] = Some(Said { at, order: self.heard, model: response.model.clone(), speech });
        self.heard += 1;
        self.outstanding -= u16::from(role == Role::Candidate);
    }

    /// Returns how many candidates have not been heard.
    pub(crate) fn outstanding(&self) -> usize {
        usize::from(self.outstanding)
    }

    /// Returns each executor that was asked, with what it said, in the plan's order.
    pub(crate) fn voices(&self) -> impl Iterator<Item = (&Asked, Option<&Said>)> {
        self.roster.0.iter().zip(self.voices.iter().map(Option::as_ref))
    }

    /// Returns the candidates by seat: `None` while pending.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (usize, Option<&Said>)> {
        self.voices()
            .enumerate()
            .filter(|(_, (asked, _))| asked.role == Role::Candidate)
            .map(|(seat, (_, said))| (seat, said))
    }

    /// Returns the answers that may be chosen, by seat.
    pub(crate) fn usable(&self) -> impl Iterator<Item = (usize, &Said, &Bytes, &Facts)> {
        self.candidates().filter_map(|(seat, said)| match said {
            Some(said @ Said { speech: Speech::Usable(answer, facts), .. }) => Some((seat, said, answer, facts)),
            _ => None,
        })
    }

    /// Returns how the candidate `executor` stands: `None` if it was not asked as one.
    pub(crate) fn candidate(&self, executor: &ExecutorId) -> Option<(usize, Option<&Said>)> {
        let seat = self.seat(executor)?;
        (self.roster.0[seat].role == Role::Candidate).then(|| (seat, self.voices[seat].as_ref()))
    }

    /// Returns the name of the executor at `seat`.
    pub(crate) fn name(&self, seat: usize) -> &ExecutorId {
        &self.roster.0[seat].executor
    }
}

// === impl Said ===

impl Said {
    pub(crate) fn state(&self) -> ReceiptState {
        match self.speech {
            Speech::Usable(..) | Speech::Shown(_) => ReceiptState::Answered,
            Speech::Abstained(..) => ReceiptState::Abstained,
            Speech::Failed(_) => ReceiptState::Failed,
        }
    }
}

// === impl Speech ===

impl Speech {
    fn of(reply: &Reply, role: Role, fields: &Fields) -> Self {
        match reply {
            Reply::Failure(failure) if failure.kind == wire::FailureKind::Abstained => {
                Self::Abstained(None, failure.message.clone())
            }
            Reply::Failure(failure) => Self::Failed(failure.message.clone()),
            Reply::Answer(answer) if role == Role::Canary => Self::Shown(answer.clone()),
            Reply::Answer(answer) => match fields.read(answer) {
                Ok(facts) => Self::Usable(answer.clone(), facts),
                Err(why) => Self::Abstained(Some(answer.clone()), why),
            },
        }
    }
}
