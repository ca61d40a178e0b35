//! What has been heard so far, from whom.
//!
//! Laws: the first response of an executor is its vote and no later one changes it; thresholds and completeness are
//! against the candidates of the request's plan; a canary is recorded and holds no vote.

mod facts;

use std::sync::Arc;

use bytes::Bytes;
use wire::{Asked, ExecutorId, ModelVersion, Plan, Reply, Response, Role, Timestamp};

pub(crate) use facts::{Facts, Field, Fields, Path, canonical_eq};

use crate::{ExecutorSpec, ReceiptState, clause::Speaker};

/// The most executors that one request may ask: clauses count votes in arrays of this size.
pub(crate) const EXECUTORS_MAX: usize = 64;

/// What a policy says about its executors, in its order.
#[derive(Debug)]
pub(crate) struct Cast(Vec<Member>);

/// What a policy says about an executor that a score may weigh.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    executor: ExecutorId,
    /// The place in the policy's order, from 1.
    rank: usize,
    /// Its own name, where the policy says none.
    family: Arc<str>,
    cost: f64,
}

/// Who may speak about a request, in the plan's order.
#[derive(Debug)]
pub(crate) struct Roster {
    asked: Vec<Asked>,
    members: Vec<Member>,
}

/// Everything heard about one request.
#[derive(Debug)]
pub(crate) struct Evidence {
    roster: Arc<Roster>,
    pub(crate) born: Timestamp,
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

// === impl Cast ===

impl Cast {
    pub(crate) fn of(executors: &[ExecutorSpec]) -> Self {
        Self((1..).zip(executors).map(|(rank, executor)| Member::of(executor, rank)).collect())
    }

    /// An older plan may ask somebody whom the policy does not name: that one comes last.
    fn member(&self, executor: &ExecutorId) -> Member {
        let known = self.0.iter().find(|member| member.executor == *executor);
        known.cloned().unwrap_or_else(|| Member {
            executor: executor.clone(),
            rank: self.0.len() + 1,
            family: executor.as_str().into(),
            cost: 0.0,
        })
    }
}

// === impl Member ===

impl Member {
    fn of(executor: &ExecutorSpec, rank: usize) -> Self {
        let family = executor.family.clone().unwrap_or_else(|| executor.id.as_str().into());
        Self { executor: executor.id.clone(), rank, family, cost: executor.cost }
    }
}

// === impl Roster ===

impl Roster {
    pub(crate) fn of(plan: &Plan, cast: &Cast) -> Self {
        let asked: Vec<Asked> = plan.asked().iter().take(EXECUTORS_MAX).cloned().collect();
        let members = asked.iter().map(|asked| cast.member(&asked.executor)).collect();
        Self { asked, members }
    }

    pub(crate) fn is_of(&self, plan: &Plan) -> bool {
        self.asked == plan.asked()
    }

    fn seat(&self, executor: &ExecutorId) -> Option<usize> {
        self.asked.iter().position(|asked| asked.executor == *executor)
    }
}

// === impl Evidence ===

impl Evidence {
    pub(crate) const VOICE_BYTES: usize = size_of::<Option<Said>>();

    pub(crate) fn new(roster: Arc<Roster>, born: Timestamp) -> Self {
        let candidates = roster.asked.iter().filter(|asked| asked.role == Role::Candidate).count();
        let outstanding = u16::try_from(candidates).expect("a roster has at most 64 seats");
        Self { voices: roster.asked.iter().map(|_| None).collect(), roster, born, outstanding, heard: 0 }
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
        let role = self.roster.asked[seat].role;
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
        self.roster.asked.iter().zip(self.voices.iter().map(Option::as_ref))
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
        (self.roster.asked[seat].role == Role::Candidate).then(|| (seat, self.voices[seat].as_ref()))
    }

    /// Returns the name of the executor at `seat`.
    pub(crate) fn name(&self, seat: usize) -> &ExecutorId {
        &self.roster.asked[seat].executor
    }

    /// Returns who said that at `seat`, to an expression.
    pub(crate) fn speaker(&self, seat: usize, said: &Said) -> Speaker<'_> {
        let Member { executor, rank, family, cost } = &self.roster.members[seat];
        let latency = said.at.since(self.born);
        Speaker { name: executor.as_str(), rank: *rank, family, cost: *cost, latency }
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
