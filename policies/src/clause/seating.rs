//! Where those sit whom a clause names: looked up once for a plan, so that no name is compared when a request is judged.

use super::{Clause, Moment, Patience, Votes, Weight, weight::Scales};
use crate::evidence::{Roster, Seats};

/// Whom a clause names, by seat.
#[derive(Debug)]
pub(crate) enum Seating {
    /// It names nobody.
    Open,
    /// The ranks of `prefer`.
    Ranks(Box<[RankSeat]>),
    /// The electorate of `agree`.
    Electorate(Electorate),
    /// What the sources of `combine` weigh.
    Sources(Scales),
}

/// Where a rank sits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RankSeat {
    /// Nowhere, if the plan does not ask it.
    pub(crate) seat: Option<usize>,
    /// The place of its patience among those that are looked up.
    pub(crate) lookup: Option<usize>,
}

/// Who votes, how much each vote counts, and how much is enough.
#[derive(Debug)]
pub(crate) struct Electorate {
    pub(crate) scales: Scales,
    pub(crate) needed: Weight,
    /// Those without whom no group decides; `None` if one of them was not even asked.
    pub(crate) required: Option<Seats>,
}

// === impl Seating ===

impl Seating {
    /// Finds the seats, and counts on how many patiences there are to look up.
    pub(crate) fn of(clause: &Clause, roster: &Roster, lookups: &mut usize) -> Self {
        match clause {
            Clause::First(_) | Clause::Best(_) | Clause::Default(_) => Self::Open,
            Clause::Prefer(prefer) => {
                let rank = |rank: &super::Rank| RankSeat {
                    seat: roster.candidate(&rank.executor),
                    lookup: matches!(rank.until, Some(Patience::Usual { .. })).then(|| {
                        *lookups += 1;
                        *lookups - 1
                    }),
                };
                Self::Ranks(prefer.ranks.iter().map(rank).collect())
            }
            Clause::Agree(agree) => {
                let scales = Scales::of(&agree.weights, roster);
                let needed = match agree.votes {
                    Votes::Count(votes) | Votes::Plurality { min_votes: votes, .. } => votes,
                    Votes::Majority => scales.majority(roster.candidates()),
                };
                let required = agree.must_include.iter().map(|executor| roster.candidate(executor)).collect();
                Self::Electorate(Electorate { scales, needed, required })
            }
            Clause::Combine(combine) => Self::Sources(Scales::of(&combine.weights, roster)),
        }
    }
}

// === impl Moment ===

impl<'evidence> Moment<'evidence> {
    pub(super) fn ranks(&self) -> &'evidence [RankSeat] {
        match self.seating {
            Seating::Ranks(ranks) => ranks,
            _ => unreachable!("the roster seats the clauses of its own ladder"),
        }
    }

    pub(super) fn electorate(&self) -> &'evidence Electorate {
        match self.seating {
            Seating::Electorate(electorate) => electorate,
            _ => unreachable!("the roster seats the clauses of its own ladder"),
        }
    }

    pub(super) fn sources(&self) -> &'evidence Scales {
        match self.seating {
            Seating::Sources(scales) => scales,
            _ => unreachable!("the roster seats the clauses of its own ladder"),
        }
    }
}
