//! `combine`: an answer made of several, marked as such.

use std::num::NonZeroUsize;

use super::{Choice, Judgement, Weights, Why};
use crate::evidence::{Evidence, Field};

/// A synthesis.
#[derive(Clone, Debug)]
pub(crate) struct Combine {
    pub(crate) how: How,
    /// The fields that the answer is made of; never empty.
    pub(crate) of: Vec<Field>,
    pub(crate) weights: Weights,
    /// With fewer usable answers it does not decide.
    pub(crate) min_answers: NonZeroUsize,
}

/// How several values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The weighted mean of numbers.
    Mean,
    /// The weighted median of numbers.
    Median,
    /// The value with the most weight behind it.
    VoteWeighted,
}

impl Combine {
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        if evidence.outstanding() > 0 { Judgement::Wait(None) } else { self.conclude(evidence).into() }
    }

    pub(super) fn conclude(&self, _evidence: &Evidence) -> Result<Choice, Why> {
        Err(Why::NoAnswer)
    }
}
