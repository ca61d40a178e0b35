//! `best`: the highest score, if it is high enough. Equal scores go to the plan's first.
//!
//! A response that cannot be scored is out of this clause and of no other.

use std::sync::Arc;

use bytes::Bytes;

use super::{Choice, Expression, Judgement, Speaker, TieBreak, Why};
use crate::evidence::{Evidence, Facts, Field};

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

/// Larger answers are not given to expressions: comprehensions over them have no bound on time.
const SCORED_MAX: usize = 64 * 1024;

// === impl Best ===

impl Best {
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        // Whoever is outstanding could score higher still.
        if evidence.outstanding() > 0 { Judgement::Wait(None) } else { self.conclude(evidence).into() }
    }

    pub(super) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        let mut best: Option<(f64, usize, &Bytes)> = None;
        for (seat, said, answer, facts) in evidence.usable() {
            let score = self.score.of(answer, facts, &evidence.speaker(seat, said));
            if let Some(score) = score.filter(|score| best.is_none_or(|(highest, ..)| *score > highest)) {
                best = Some((score, seat, answer));
            }
        }
        match best {
            Some((score, seat, answer)) if self.at_least.is_none_or(|mark| score >= mark) => {
                Ok(Choice::one(seat, answer, Why::Scored(score)))
            }
            Some((score, ..)) => Err(Why::Below { highest: Some(score), at_least: self.at_least }),
            None => Err(Why::Below { highest: None, at_least: self.at_least }),
        }
    }
}

// === impl Score ===

impl Score {
    fn of(&self, answer: &Bytes, facts: &Facts, speaker: &Speaker<'_>) -> Option<f64> {
        match self {
            Self::Field(field) => field.number(facts),
            Self::Expression(_) if answer.len() > SCORED_MAX => None,
            Self::Expression(expression) => expression.score(facts, speaker),
        }
    }
}
