//! `agree`: enough candidates say the same, on the fields that are compared.
//!
//! The largest group wins, among equally large ones the group with the plan's first member: a total order, so a
//! replay agrees. A vote without one of the fields abstains.

use wire::ExecutorId;

use super::{Choice, Compared, Judgement, Score, Why};
use crate::evidence::{EXECUTORS_MAX, Evidence, Facts, canonical_eq};

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

/// A vote's weight, in thousandths: sums are exact, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(pub(crate) u64);

/// Weights of those that do not weigh 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights(pub(crate) Vec<(ExecutorId, Weight)>);

/// What to do about a tie.
#[derive(Clone, Debug)]
pub(crate) enum TieBreak {
    /// The group (or answer) of the first of these that has one.
    Prefer(Vec<ExecutorId>),
    /// The one with the highest score in it.
    Best(Score),
    /// None: the next clause decides.
    NextClause,
    /// The one with the plan's first member.
    PlanOrder,
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

/// The votes, counted. A group is named by the seat of its first member in the plan's order.
struct Tally {
    needed: usize,
    votes: usize,
    counts: [u8; EXECUTORS_MAX],
    leader: Option<usize>,
    outstanding: usize,
    first_outstanding: usize,
}

// === impl Agree ===

impl Agree {
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        let tally = self.count(evidence);
        if tally.is_settled() {
            return self.conclude_with(&tally, evidence).into();
        }
        if tally.largest() + tally.outstanding < tally.needed {
            return Judgement::Reject(tally.why_rejected(tally.votes + tally.outstanding));
        }
        Judgement::Wait(None)
    }

    pub(super) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        self.conclude_with(&self.count(evidence), evidence)
    }

    fn conclude_with(&self, tally: &Tally, evidence: &Evidence) -> Result<Choice, Why> {
        let (Some(leader), true) = (tally.leader, tally.largest() >= tally.needed) else {
            return Err(tally.why_rejected(tally.votes));
        };
        let (_, _, answer, said) = evidence.usable().find(|(seat, ..)| *seat == leader).expect("a leader has voted");
        let members = evidence.usable().filter(|(.., facts)| self.same(said, facts)).map(|(seat, ..)| seat);
        let why = Why::Agreed { votes: tally.largest(), needed: tally.needed };
        Ok(Choice { seats: members.collect(), ..Choice::one(leader, answer, why) })
    }

    fn count(&self, evidence: &Evidence) -> Tally {
        let candidates = evidence.candidates().count();
        let mut tally = Tally {
            needed: self.votes.needed(candidates),
            votes: 0,
            counts: [0; EXECUTORS_MAX],
            leader: None,
            outstanding: evidence.outstanding(),
            first_outstanding: evidence
                .candidates()
                .find(|(_, said)| said.is_none())
                .map_or(EXECUTORS_MAX, |(seat, _)| seat),
        };
        for (_, _, _, facts) in evidence.usable().filter(|(.., facts)| self.votes(facts)) {
            let mut members = evidence.usable().filter(|(.., other)| self.same(other, facts));
            let (leader, ..) = members.next().expect("a vote is the same as itself");
            tally.add(leader);
        }
        tally
    }

    fn votes(&self, facts: &Facts) -> bool {
        self.on.iter().all(|compared| compared.field.of(facts).is_some())
    }

    fn same(&self, left: &Facts, right: &Facts) -> bool {
        self.on.iter().all(|compared| match (compared.field.of(left), compared.field.of(right)) {
            (Some(left), Some(right)) => canonical_eq(left, right),
            _ => false,
        })
    }
}

// === impl Votes ===

impl Votes {
    /// Returns how many of `candidates` must agree.
    pub(crate) fn needed(self, candidates: usize) -> usize {
        match self {
            Self::Count(weight) | Self::Plurality { min_votes: weight, .. } => weight.votes(),
            Self::Majority => candidates / 2 + 1,
        }
    }
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, leader: usize) {
        self.votes += 1;
        self.counts[leader] += 1;
        let (count, ahead) = (self.counts[leader], self.leader.map_or(0, |leader| self.counts[leader]));
        if count > ahead || (count == ahead && self.leader.is_some_and(|ahead| leader < ahead)) {
            self.leader = Some(leader);
        }
    }

    fn largest(&self) -> usize {
        self.leader.map_or(0, |leader| usize::from(self.counts[leader]))
    }

    /// Returns whether a group has enough votes and no outstanding response can put another ahead of it.
    fn is_settled(&self) -> bool {
        let Some(leader) = self.leader.filter(|_| self.largest() >= self.needed) else { return false };
        self.outstanding == 0 || (0..EXECUTORS_MAX).all(|seat| seat == leader || !self.could_lead(seat, leader))
    }

    /// Returns whether the group at `seat` could come ahead of `leader` if all outstanding responses joined it.
    /// The group that they would found themselves is the empty one at the first outstanding seat.
    fn could_lead(&self, seat: usize, leader: usize) -> bool {
        let count = usize::from(self.counts[seat]);
        if count == 0 && seat != self.first_outstanding {
            return false;
        }
        let (reach, first) = (count + self.outstanding, seat.min(self.first_outstanding));
        reach > self.largest() || (reach == self.largest() && first < leader)
    }

    /// Whoever `could` have voted were enough: then they disagree.
    fn why_rejected(&self, could: usize) -> Why {
        let (votes, needed) = (self.votes, self.needed);
        if could < needed {
            Why::TooFew { votes, needed }
        } else {
            Why::Dispute { largest: self.largest(), votes, needed }
        }
    }
}

// === impl Weight ===

impl Weight {
    /// What one vote weighs unless the policy says.
    pub(crate) const ONE: Self = Self(1_000);

    /// Returns how many votes of weight 1 it takes.
    fn votes(self) -> usize {
        usize::try_from(self.0.div_ceil(Self::ONE.0)).unwrap_or(usize::MAX)
    }
}
