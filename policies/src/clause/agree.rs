//! `agree`: enough candidates say the same, on the fields that are compared.
//!
//! The largest group wins, among equally large ones the group with the plan's first member: a total order, so a
//! replay agrees. A vote without one of the fields abstains.

use std::num::NonZeroUsize;

use super::{Choice, Judgement, Why};
use crate::evidence::{EXECUTORS_MAX, Evidence, Facts, Field, canonical_eq};

/// A consensus.
#[derive(Debug)]
pub(crate) struct Agree {
    pub(crate) votes: Votes,
    /// The fields that must be the same; never empty.
    pub(crate) on: Vec<Field>,
}

/// How many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Votes {
    /// So many.
    Count(NonZeroUsize),
    /// More than half of the candidates in the plan.
    Majority,
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
        self.on.iter().all(|field| field.of(facts).is_some())
    }

    fn same(&self, left: &Facts, right: &Facts) -> bool {
        self.on.iter().all(|field| match (field.of(left), field.of(right)) {
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
            Self::Count(count) => count.get(),
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
