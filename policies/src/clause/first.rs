//! `first`: the first usable answer, by the order of the log. The only clause to which that order matters.

use std::sync::Arc;

use super::{Choice, Expression, Judgement, Why};
use crate::evidence::Evidence;

/// A race.
#[derive(Clone, Debug)]
pub(crate) struct First {
    /// What an answer must be to win.
    pub(crate) accepts: Option<Arc<Expression>>,
}

impl First {
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        match self.conclude(evidence) {
            Err(_) if evidence.outstanding() > 0 => Judgement::Wait(None),
            conclusion => conclusion.into(),
        }
    }

    #[expect(clippy::unused_self, reason = "what it accepts is still to come")]
    pub(super) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        let earliest = evidence.usable().min_by_key(|(_, said, ..)| said.order);
        earliest.map(|(seat, _, answer, _)| Choice::one(seat, answer, Why::Heard)).ok_or(Why::NoAnswer)
    }
}
