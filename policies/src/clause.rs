//! What one clause makes of the evidence: the closed set of ways to decide.
//!
//! Laws: judging is pure and total; a clause accepts early only what no outstanding response can change, and rejects
//! early only what no outstanding response can satisfy. What `agree` chooses is the agreed value: the answer that
//! carries it is the plan's first among those heard.

mod agree;
mod best;
mod combine;
mod fallback;
mod first;
mod prefer;

mod condition;
mod equality;
mod expression;
mod groups;
mod medoid;
mod seating;
mod tally;
mod tie;
mod weight;
mod why;

use std::time::Duration;

use bytes::Bytes;
use wire::ExecutorId;

pub(crate) use agree::{Agree, Votes};
pub(crate) use best::{Best, Score};
pub(crate) use combine::{Combine, How};
pub(crate) use condition::{Asking, Condition};
pub(crate) use equality::{Compared, Equality};
pub(crate) use expression::{CALLABLE, Expression, Fault, FaultKind, Speaker};
pub(crate) use fallback::Fallback;
pub(crate) use first::First;
pub(crate) use prefer::{Patience, Prefer, Rank};
pub(crate) use seating::Seating;
pub(crate) use tie::TieBreak;
pub(crate) use weight::{Weight, Weights};
pub(crate) use why::Why;

use crate::{
    DecidedBy, Fallen, LastKnown, PatienceBody,
    evidence::{Evidence, Field, Seats},
};

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

/// What a clause judges: the evidence, and the times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'evidence> {
    pub(crate) evidence: &'evidence Evidence,
    /// Where those sit whom the clause names.
    pub(crate) seating: &'evidence Seating,
    /// Patience as it was looked up when the request was opened.
    pub(crate) lookups: &'evidence [Duration],
    /// The last prediction about the same key, as it was when the request was opened.
    pub(crate) known: Option<&'evidence LastKnown>,
    /// Now, since the request's birth.
    pub(crate) since: Duration,
    /// How many responses the clause has refused one by one.
    pub(crate) heard_out: u8,
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
    /// Whose answer it is; nobody's for a default.
    pub(crate) seats: Seats,
    pub(crate) why: Why,
    /// Those that are better and with whom patience ended before they said anything.
    pub(crate) impatient: Seats,
    /// What kind of default it is.
    pub(crate) fallen: Option<Fallen>,
}

// === impl Clause ===

impl Clause {
    /// Judges before the clause's end.
    pub(crate) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        match self {
            Self::First(first) => first.judge(moment),
            Self::Prefer(prefer) => prefer.judge(moment),
            Self::Agree(agree) => agree.judge(moment),
            Self::Best(best) => best.judge(moment),
            Self::Combine(combine) => combine.judge(moment),
            Self::Default(fallback) => Judgement::Accept(fallback.choose(moment)),
        }
    }

    /// Judges at the clause's end: nobody is waited for any more.
    pub(crate) fn conclude(&self, moment: &Moment<'_>) -> Result<Choice, Why> {
        match self {
            Self::First(first) => first.conclude(moment),
            Self::Prefer(_) => Prefer::conclude(moment),
            Self::Agree(agree) => agree.conclude(moment),
            Self::Best(best) => best.conclude(moment),
            Self::Combine(combine) => combine.conclude(moment),
            Self::Default(fallback) => Ok(fallback.choose(moment)),
        }
    }

    /// Returns for whom it waits as long as it lasts.
    pub(crate) fn awaits(&self, moment: &Moment<'_>) -> Seats {
        let pending = moment.evidence.pending();
        match self {
            Self::Prefer(_) => {
                moment.ranks().iter().filter_map(|rank| rank.seat).collect::<Seats>().intersection(pending)
            }
            Self::First(_) | Self::Agree(_) | Self::Best(_) | Self::Combine(_) | Self::Default(_) => pending,
        }
    }

    /// Returns the fields of which it matters how they are written.
    pub(crate) fn compared_as_written(&self) -> impl Iterator<Item = &Field> {
        let on = if let Self::Agree(agree) = self { agree.on.as_slice() } else { &[] };
        on.iter().filter(|compared| compared.equality == Equality::Exact).map(|compared| &compared.field)
    }

    /// Makes every patience in it `more` longer.
    pub(crate) fn prolong(&mut self, more: Duration) {
        if let Self::Prefer(prefer) = self {
            prefer.prolong(more);
        }
    }

    /// Makes every patience in it `less` shorter.
    pub(crate) fn shorten(&mut self, less: Duration) {
        if let Self::Prefer(prefer) = self {
            prefer.shorten(less);
        }
    }

    /// Gives each rank the patience that it had about one request.
    pub(crate) fn pin(&mut self, patience: &[PatienceBody]) {
        if let Self::Prefer(prefer) = self {
            prefer.pin(patience);
        }
    }

    /// Ranks `executor` first, if it ranks anybody.
    pub(crate) fn put_first(&mut self, executor: &ExecutorId) {
        if let Self::Prefer(prefer) = self {
            prefer.put_first(executor);
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
    /// Chooses the answer at `seat`.
    fn one(seat: usize, evidence: &Evidence, why: Why) -> Self {
        Self::of(Seats::one(seat), evidence.answer(seat).clone(), why)
    }

    /// Chooses an answer that those at `seats` stand behind.
    fn of(seats: Seats, answer: Bytes, why: Why) -> Self {
        Self { answer, seats, why, impatient: Seats::NONE, fallen: None }
    }
}
