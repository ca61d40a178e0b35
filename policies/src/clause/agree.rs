//! `agree`: enough candidates say the same, on the fields that are compared.
//!
//! The heaviest group that may decide wins; ties go by the rules, at last to the group with the plan's first member: a
//! total order, so a replay agrees. A vote without one of the fields abstains.

use wire::ExecutorId;

use super::{
    Choice, Compared, Judgement, Moment, TieBreak, Weight, Weights, Why,
    groups::{Groups, same, voters},
    medoid,
    tally::Tally,
};

/// A consensus.
#[derive(Clone, Debug)]
pub(crate) struct Agree {
    pub(crate) votes: Votes,
    /// The fields that must be the same; never empty.
    pub(crate) on: Vec<Compared>,
    /// How much each vote counts.
    pub(crate) weights: Weights,
    /// Those without whom no group decides.
    pub(crate) must_include: Vec<ExecutorId>,
    /// How many families a group must have members of; an executor without a family is one of its own.
    pub(crate) from_families: usize,
    /// Which of equally heavy groups; then the one with the plan's first member.
    pub(crate) on_tie: Vec<TieBreak>,
}

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Votes {
    /// So much weight.
    Count(Weight),
    /// More than half of the weight of the candidates in the plan.
    Majority,
    /// The heaviest group, with so much weight and so much more than the next one.
    Plurality { min_votes: Weight, margin: Weight },
}

// === impl Agree ===

impl Agree {
    pub(super) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        let tally = self.count(moment);
        match tally.settled() {
            Some(group) => Judgement::Accept(tally.choice(group)),
            None if tally.is_open() => Judgement::Wait(None),
            None => Judgement::Reject(tally.why_not(tally.voters.union(moment.evidence.pending()))),
        }
    }

    pub(super) fn conclude(&self, moment: &Moment<'_>) -> Result<Choice, Why> {
        let tally = self.count(moment);
        tally.winner().map(|group| tally.choice(group)).ok_or_else(|| tally.why_not(tally.voters))
    }

    fn count<'evidence>(&'evidence self, moment: &Moment<'evidence>) -> Tally<'evidence> {
        let (evidence, electorate) = (moment.evidence, moment.electorate());
        let voters = voters(&self.on, evidence.usable(), evidence);
        let groups = if self.is_tolerant() {
            medoid::groups(&self.on, voters, &electorate.scales, evidence)
        } else {
            Groups::of(voters, |left, right| same(&self.on, left, right, evidence))
        };
        Tally::of(self, moment, voters, groups)
    }

    /// Returns whether the equality is one that is not transitive.
    pub(super) fn is_tolerant(&self) -> bool {
        self.on.iter().any(Compared::is_tolerant)
    }
}
