//! The votes of `agree`, counted: who wins, and whether those who have not spoken can change that.
//!
//! Laws: a group is settled only if no way in which the others may vote, abstain or fail leads to another group or to
//! none; the clause is given up only if no way leads to a group. More members never harm a group: that is why it is
//! enough to look at the worst case, in which everybody joins one rival.

use std::cmp::Ordering;

use super::{
    Agree, Choice, Moment, Votes, Weight, Why,
    groups::{Group, Groups},
    seating::Electorate,
    tie::{Preference, preference},
};
use crate::evidence::{Evidence, Seats};

/// The votes, counted.
pub(super) struct Tally<'evidence> {
    pub(super) rule: &'evidence Agree,
    pub(super) evidence: &'evidence Evidence,
    pub(super) electorate: &'evidence Electorate,
    pub(super) voters: Seats,
    pub(super) groups: Groups,
    /// The best of the groups that may decide, and whether another one is as good.
    ahead: Option<(Group, bool)>,
}

impl<'evidence> Tally<'evidence> {
    pub(super) fn of(rule: &'evidence Agree, moment: &Moment<'evidence>, voters: Seats, groups: Groups) -> Self {
        let (evidence, electorate) = (moment.evidence, moment.electorate());
        let mut tally = Self { rule, evidence, electorate, voters, groups, ahead: None };
        tally.ahead = tally.find_ahead();
        tally
    }

    /// Returns the group that decides if nobody else speaks.
    pub(super) fn winner(&self) -> Option<Group> {
        let (group, tied) = self.ahead?;
        (!tied && self.is_far_ahead(group.members, self.heaviest_but(group))).then_some(group)
    }

    fn find_ahead(&self) -> Option<(Group, bool)> {
        let mut ahead: Option<(Group, bool)> = None;
        for group in self.groups.iter().filter(|group| self.may_decide(group.members)) {
            ahead = match ahead {
                None => Some((group, false)),
                Some((best, tied)) => match self.preference(best.members, group.members) {
                    Preference::Left => Some((best, tied)),
                    Preference::Right => Some((group, false)),
                    Preference::Neither | Preference::Open => Some((best, true)),
                },
            };
        }
        ahead
    }

    /// Returns the group that decides whatever those say who have not spoken, if there is one.
    pub(super) fn settled(&self) -> Option<Group> {
        let winner = self.winner()?;
        let pending = self.evidence.pending();
        if pending.is_empty() {
            return Some(winner);
        }
        // Whoever is still to come could be a better middle, or take members from one group into another.
        if self.rule.is_tolerant() {
            return None;
        }
        // Those who have not spoken may also form a group of their own.
        let rivals = self.groups.iter().filter(|group| *group != winner).map(|group| group.members);
        let is_safe = |rival: Seats| self.is_safe(winner.members, rival.union(pending));
        rivals.chain([Seats::NONE]).all(is_safe).then_some(winner)
    }

    /// Returns whether a group still decides if its rival becomes as strong as this.
    fn is_safe(&self, group: Seats, rival: Seats) -> bool {
        self.is_far_ahead(group, self.weigh(rival))
            && (!self.may_decide(rival) || self.preference(group, rival) == Preference::Left)
    }

    /// Returns whether some group, maybe a new one, could still decide if all who have not spoken joined it.
    pub(super) fn is_open(&self) -> bool {
        let pending = self.evidence.pending();
        if pending.is_empty() {
            return false;
        }
        if self.rule.is_tolerant() {
            return self.may_decide(self.voters.union(pending));
        }
        let none = Group { members: Seats::NONE, speaker: 0 };
        self.groups.iter().chain([none]).any(|group| {
            let joined = group.members.union(pending);
            self.may_decide(joined) && self.is_far_ahead(joined, self.heaviest_but(group))
        })
    }

    pub(super) fn choice(&self, group: Group) -> Choice {
        let votes = self.weigh(group.members);
        let why = match self.rule.votes {
            Votes::Count(_) | Votes::Majority => Why::Agreed { votes, needed: self.electorate.needed },
            Votes::Plurality { .. } => Why::Most { votes, next: self.heaviest_but(group) },
        };
        Choice::of(group.members, self.evidence.answer(group.speaker).clone(), why)
    }

    /// Says why no group decides. If all who `could` have voted had been enough together, they disagree.
    pub(super) fn why_not(&self, could: Seats) -> Why {
        let (needed, votes) = (self.electorate.needed, self.weigh(self.voters));
        if self.weigh(could) < needed {
            // A plurality without `min_votes` needs somebody, however light.
            return Why::TooFew { votes, needed: if needed == Weight(1) { Weight::ONE } else { needed } };
        }
        if let Some((group, true)) = self.ahead {
            return Why::Tied { votes: self.weigh(group.members) };
        }
        let dispute = self.may_decide(could);
        let heaviest = self.groups.iter().map(|group| group.members).max_by_key(|members| self.weigh(*members));
        let heaviest = heaviest.unwrap_or(Seats::NONE);
        let largest = self.weigh(heaviest);
        // Whoever is missing among all is missing in each group.
        let short = if largest >= needed { heaviest } else { could };
        if let Some(who) = self.rule.must_include.iter().find(|who| !self.is_in(who, short)) {
            return Why::Without { votes: largest, who: who.clone(), dispute };
        }
        if !self.has_families(short) {
            let families = self.evidence.roster.families(heaviest);
            return Why::Kin { votes: largest, families, needed: self.rule.from_families, dispute };
        }
        match self.rule.votes {
            Votes::Plurality { margin, .. } if largest >= needed => {
                let others = self.groups.iter().filter(|group| group.members != heaviest);
                let next = others.map(|group| self.weigh(group.members)).max().unwrap_or_default();
                Why::Close { largest, next, margin }
            }
            _ => Why::Dispute { largest, votes, needed },
        }
    }

    /// Returns whether these are enough, and the right ones, to decide together.
    fn may_decide(&self, members: Seats) -> bool {
        self.weigh(members) >= self.electorate.needed
            && self.electorate.required.is_some_and(|required| members.contains_all(required))
            && self.has_families(members)
    }

    fn has_families(&self, members: Seats) -> bool {
        self.rule.from_families <= 1 || self.evidence.roster.families(members) >= self.rule.from_families
    }

    fn is_in(&self, who: &wire::ExecutorId, members: Seats) -> bool {
        self.evidence.roster.candidate(who).is_some_and(|seat| members.contains(seat))
    }

    /// Returns whether a group is as far ahead of another of weight `next` as the rule asks.
    fn is_far_ahead(&self, members: Seats, next: Weight) -> bool {
        match self.rule.votes {
            Votes::Plurality { margin, .. } => self.weigh(members) >= next.and(margin),
            Votes::Count(_) | Votes::Majority => true,
        }
    }

    /// The heavier one, then by the rules.
    fn preference(&self, left: Seats, right: Seats) -> Preference {
        match self.weigh(left).cmp(&self.weigh(right)) {
            Ordering::Greater => Preference::Left,
            Ordering::Less => Preference::Right,
            Ordering::Equal => preference(&self.rule.on_tie, left, right, self.evidence),
        }
    }

    fn heaviest_but(&self, group: Group) -> Weight {
        let others = self.groups.iter().filter(|other| *other != group);
        others.map(|other| self.weigh(other.members)).max().unwrap_or_default()
    }

    fn weigh(&self, seats: Seats) -> Weight {
        self.electorate.scales.weigh(seats)
    }
}
