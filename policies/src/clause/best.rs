//! `best`: the highest score, if it is high enough. Equal scores go by the rules, at last to the plan's first.
//!
//! A response that cannot be scored is out of this clause and of no other.

use std::sync::Arc;

use super::{
    Choice, Expression, Judgement, Moment, TieBreak, Why, expression,
    tie::{Preference, preference},
};
use crate::evidence::{Evidence, Field, Seats};

/// A quality competition.
#[derive(Clone, Debug)]
pub(crate) struct Best {
    pub(crate) score: Score,
    pub(crate) at_least: Option<f64>,
    /// Who of equally good ones; then the plan's first.
    pub(crate) on_tie: Vec<TieBreak>,
}

/// How an answer is scored.
#[derive(Clone, Debug)]
pub(crate) enum Score {
    /// The number at a field.
    Field(Field),
    /// An expression over `answer`.
    Expression(Arc<Expression>),
}

// === impl Best ===

impl Best {
    pub(super) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        // Whoever is outstanding could score higher still.
        if moment.evidence.pending().is_empty() { self.conclude(moment).into() } else { Judgement::Wait(None) }
    }

    pub(super) fn conclude(&self, moment: &Moment<'_>) -> Result<Choice, Why> {
        let evidence = moment.evidence;
        let mut best: Option<(usize, f64)> = None;
        let mut tied = false;
        for (seat, score) in
            evidence.usable().into_iter().filter_map(|seat| Some((seat, self.score.of(seat, evidence)?)))
        {
            match best.map_or(Preference::Right, |best| self.preference(best, (seat, score), evidence)) {
                Preference::Left => {}
                Preference::Right => (best, tied) = (Some((seat, score)), false),
                Preference::Neither | Preference::Open => tied = true,
            }
        }
        let is_enough = |score: f64| self.at_least.is_none_or(|mark| score >= mark);
        match best {
            Some((_, score)) if is_enough(score) && tied => Err(Why::Even(score)),
            Some((seat, score)) if is_enough(score) => Ok(Choice::one(seat, evidence, Why::Scored(score))),
            best => Err(Why::Below { highest: best.map(|(_, score)| score), at_least: self.at_least }),
        }
    }

    /// The higher score, then by the rules.
    fn preference(&self, left: (usize, f64), right: (usize, f64), evidence: &Evidence) -> Preference {
        if left.1 > right.1 {
            Preference::Left
        } else if left.1 < right.1 {
            Preference::Right
        } else {
            preference(&self.on_tie, Seats::one(left.0), Seats::one(right.0), evidence)
        }
    }
}

// === impl Score ===

impl Score {
    /// Returns the score of the usable answer at `seat`, if it can be scored.
    pub(super) fn of(&self, seat: usize, evidence: &Evidence) -> Option<f64> {
        match self {
            Self::Field(field) => field.number(evidence.facts(seat)),
            Self::Expression(score) if expression::is_readable(evidence.answer(seat)) => {
                score.score(evidence.facts(seat), &evidence.speaker(seat))
            }
            Self::Expression(_) => None,
        }
    }
}
