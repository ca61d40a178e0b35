//! What one clause makes of the evidence: the closed set of ways to decide.
//!
//! Laws: judging is pure and total; a clause accepts early only what no outstanding response can change, and rejects
//! early only what no outstanding response can satisfy. What `agree` chooses is the agreed value: the answer that
//! carries it is the plan's first among those heard.

mod agree;
mod best;
mod combine;
mod condition;
mod equality;
mod expression;
mod fallback;
mod first;
mod prefer;

use std::{fmt, time::Duration};

use bytes::Bytes;

pub(crate) use agree::{Agree, TieBreak, Votes, Weight, Weights};
pub(crate) use best::{Best, Score};
pub(crate) use combine::{Combine, How};
pub(crate) use condition::{Asking, Condition};
pub(crate) use equality::{Compared, Equality};
pub(crate) use expression::{Expression, ScoreError, Speaker};
pub(crate) use fallback::Fallback;
pub(crate) use first::First;
pub(crate) use prefer::{Patience, Prefer, Rank};

use crate::{DecidedBy, PatienceBody, evidence::Evidence};

/// One way to decide.
#[derive(Clone, Debug)]
pub(crate) enum Clause {
    /// The first usable answer.
    First(First),
    /// The best-ranked answer.
    Prefer(Prefer),
    /// Enough that agree.
    Agree(Agree),
    /// The highest score.
    Best(Best),
    /// An answer made of several.
    Combine(Combine),
    /// What there is to say without an answer, at once.
    Default(Fallback),
}

/// What a clause makes of the evidence while its time lasts.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It decides.
    Accept(Choice),
    /// It cannot be satisfied any more.
    Reject(Why),
    /// It wants to hear more, and to be asked again at this instant (since birth), if it names one.
    Wait(Option<Duration>),
}

/// What a clause chose.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) answer: Bytes,
    /// Whose answer it is, by seat; none for a default.
    pub(crate) seats: Vec<usize>,
    pub(crate) why: Why,
    /// Whether somebody better was still awaited when patience ended.
    pub(crate) impatient: bool,
}

/// Why a clause decided, or did not: numbers now, a sentence when somebody asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    /// First heard.
    Heard,
    /// Nobody answered usably.
    NoAnswer,
    /// The rank, from 1, that was chosen.
    Rank(usize),
    /// None of the ranked answered.
    NoRank,
    /// So many agree, where so many had to.
    Agreed { votes: usize, needed: usize },
    /// Not enough voted.
    TooFew { votes: usize, needed: usize },
    /// Enough voted, and did not agree.
    Dispute { largest: usize, votes: usize, needed: usize },
    /// The highest score.
    Scored(f64),
    /// The highest score is below the mark, or nothing could be scored.
    Below { highest: Option<f64>, at_least: Option<f64> },
    /// The ladder's end.
    Fallback,
}

// === impl Clause ===

impl Clause {
    /// Judges at `since` the request's birth, before the clause's end.
    pub(crate) fn judge(&self, evidence: &Evidence, since: Duration) -> Judgement {
        match self {
            Self::First(first) => first.judge(evidence),
            Self::Prefer(prefer) => prefer.judge(evidence, since),
            Self::Agree(agree) => agree.judge(evidence),
            Self::Best(best) => best.judge(evidence),
            Self::Combine(combine) => combine.judge(evidence),
            Self::Default(fallback) => Judgement::Accept(Choice::fallback(fallback.constant())),
        }
    }

    /// Judges at the clause's end: nobody is waited for any more.
    pub(crate) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        match self {
            Self::First(first) => first.conclude(evidence),
            Self::Prefer(prefer) => prefer.conclude(evidence),
            Self::Agree(agree) => agree.conclude(evidence),
            Self::Best(best) => best.conclude(evidence),
            Self::Combine(combine) => combine.conclude(evidence),
            Self::Default(fallback) => Ok(Choice::fallback(fallback.constant())),
        }
    }

    /// Makes every patience in it `more` longer.
    pub(crate) fn prolong(&mut self, more: Duration) {
        if let Self::Prefer(prefer) = self {
            prefer.prolong(more);
        }
    }

    /// Gives each rank the patience that it had about one request.
    pub(crate) fn pin(&mut self, patience: &[PatienceBody]) {
        if let Self::Prefer(prefer) = self {
            prefer.pin(patience);
        }
    }

    /// Returns the instants since birth at which it stops to wait for somebody, as far as the policy's text says them.
    pub(crate) fn patience(&self) -> impl Iterator<Item = Duration> {
        let prefer = if let Self::Prefer(prefer) = self { Some(prefer) } else { None };
        prefer.into_iter().flat_map(Prefer::patience)
    }

    pub(crate) fn kind(&self) -> DecidedBy {
        match self {
            Self::First(_) => DecidedBy::First,
            Self::Prefer(_) => DecidedBy::Prefer,
            Self::Agree(_) => DecidedBy::Agree,
            Self::Best(_) => DecidedBy::Best,
            Self::Combine(_) => DecidedBy::Combine,
            Self::Default(_) => DecidedBy::Default,
        }
    }
}

// === impl Judgement ===

impl From<Result<Choice, Why>> for Judgement {
    fn from(conclusion: Result<Choice, Why>) -> Self {
        match conclusion {
            Ok(choice) => Self::Accept(choice),
            Err(why) => Self::Reject(why),
        }
    }
}

// === impl Choice ===

impl Choice {
    fn one(seat: usize, answer: &Bytes, why: Why) -> Self {
        Self { answer: answer.clone(), seats: vec![seat], why, impatient: false }
    }

    pub(crate) fn fallback(answer: &Bytes) -> Self {
        Self { answer: answer.clone(), seats: Vec::new(), why: Why::Fallback, impatient: false }
    }
}

// === impl Why ===

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Heard => out.write_str("heard first"),
            Self::NoAnswer => out.write_str("nobody answered"),
            Self::Rank(rank) => write!(out, "best-ranked answer (rank {rank})"),
            Self::NoRank => out.write_str("none of the ranked answered"),
            Self::Agreed { votes, needed } => write!(out, "{votes} agree, {needed} needed"),
            Self::TooFew { votes, needed } => write!(out, "{votes} voted, {needed} needed"),
            Self::Dispute { largest, votes, needed } => {
                write!(out, "{votes} voted, at most {largest} agree, {needed} needed")
            }
            Self::Scored(score) => write!(out, "highest score {score}"),
            Self::Below { highest: None, .. } => out.write_str("nothing could be scored"),
            Self::Below { highest: Some(score), at_least } => {
                write!(out, "highest score {score}, at least {} needed", at_least.unwrap_or(score))
            }
            Self::Fallback => out.write_str("no clause above decided"),
        }
    }
}
