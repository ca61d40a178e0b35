//! `first`: the first usable answer, by the order of the log. The only clause to which that order matters.

use super::{Choice, Judgement, Why};
use crate::evidence::Evidence;

pub(super) fn judge(evidence: &Evidence) -> Judgement {
    match conclude(evidence) {
        Err(_) if evidence.outstanding() > 0 => Judgement::Wait(None),
        conclusion => conclusion.into(),
    }
}

pub(super) fn conclude(evidence: &Evidence) -> Result<Choice, Why> {
    let earliest = evidence.usable().min_by_key(|(_, said, ..)| said.order);
    earliest.map(|(seat, _, answer, _)| Choice::one(seat, answer, Why::Heard)).ok_or(Why::NoAnswer)
}
