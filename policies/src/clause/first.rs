//! `first`: the first usable answer, by the order of the log. The only clause to which that order matters.

use std::sync::Arc;

use super::{Choice, Expression, Judgement, Moment, Why};

/// A race.
#[derive(Clone, Debug)]
pub(crate) struct First {
    /// What an answer must be to win.
    pub(crate) accepts: Option<Arc<Expression>>,
}

impl First {
    pub(super) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        match self.conclude(moment) {
            Err(_) if !moment.evidence.pending().is_empty() => Judgement::Wait(None),
            conclusion => conclusion.into(),
        }
    }

    pub(super) fn conclude(&self, moment: &Moment<'_>) -> Result<Choice, Why> {
        let Moment { evidence, heard_out, .. } = *moment;
        // Nobody is asked twice whether it may win: that could cost an expression for each response and each before it.
        let runners = evidence.usable().into_iter().filter(|seat| evidence.order(*seat) >= heard_out);
        let winner = runners.filter(|seat| self.accepts(*seat, moment)).min_by_key(|seat| evidence.order(*seat));
        winner.map(|seat| Choice::one(seat, evidence, Why::Heard)).ok_or_else(|| match evidence.usable().len() {
            0 => Why::NoAnswer,
            heard => Why::NotAccepted { heard },
        })
    }

    fn accepts(&self, seat: usize, moment: &Moment<'_>) -> bool {
        let Moment { evidence, .. } = *moment;
        let holds = |condition: &Arc<Expression>| {
            super::expression::is_readable(evidence.answer(seat))
                && condition.holds(evidence.facts(seat), &evidence.speaker(seat)) == Some(true)
        };
        self.accepts.as_ref().is_none_or(holds)
    }
}
