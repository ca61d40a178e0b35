//! Groups by a tolerant equality, which is not transitive: each gathers around a middle, which is a real answer.
//!
//! Law: groups depend on what was said, and never on who came first. Over the votes in the order of what they say: the
//! one with the most weight within tolerance is the middle of the first group, of several the one nearest to all its
//! members, of these the first; then the same with the votes that are left.

use std::cmp::Ordering;

use super::{
    Compared,
    groups::{Group, Groups, same},
    weight::Scales,
};
use crate::evidence::{EXECUTORS_MAX, Evidence, Seats};

/// Votes, and who is within tolerance of whom.
struct Map<'votes> {
    on: &'votes [Compared],
    evidence: &'votes Evidence,
    scales: &'votes Scales,
    near: [Seats; EXECUTORS_MAX],
}

/// Groups `voters` around their middles.
pub(super) fn groups(on: &[Compared], voters: Seats, scales: &Scales, evidence: &Evidence) -> Groups {
    let map = Map::of(on, voters, scales, evidence);
    let (mut groups, mut left) = (Groups::NONE, voters);
    while let Some(speaker) = left.into_iter().reduce(|best, seat| map.better(best, seat, left)) {
        let members = map.near[speaker].intersection(left);
        groups.add(Group { members, speaker });
        left = left.without(members);
    }
    groups
}

impl<'votes> Map<'votes> {
    fn of(on: &'votes [Compared], voters: Seats, scales: &'votes Scales, evidence: &'votes Evidence) -> Self {
        let mut near = [Seats::NONE; EXECUTORS_MAX];
        for seat in voters {
            near[seat] = voters.into_iter().filter(|other| same(on, seat, *other, evidence)).collect();
        }
        Self { on, evidence, scales, near }
    }

    /// Returns which of two would be the better middle of those who are `left`.
    fn better(&self, one: usize, other: usize, left: Seats) -> usize {
        let weight = |seat: usize| self.scales.weigh(self.near[seat].intersection(left));
        let order = weight(other)
            .cmp(&weight(one))
            .then_with(|| self.spread(one, left).total_cmp(&self.spread(other, left)))
            .then_with(|| self.in_order(one, other));
        if order == Ordering::Greater { other } else { one }
    }

    /// Returns how far the others within tolerance are. It is summed in the plan's order: the same sum in every replay.
    fn spread(&self, seat: usize, left: Seats) -> f64 {
        self.near[seat].intersection(left).into_iter().map(|other| self.distance(seat, other)).sum()
    }

    fn distance(&self, left: usize, right: usize) -> f64 {
        let (left, right) = (self.evidence.facts(left), self.evidence.facts(right));
        self.on.iter().map(|compared| compared.distance(left, right)).sum()
    }

    /// By what they say, then by the plan.
    fn in_order(&self, left: usize, right: usize) -> Ordering {
        let numbers = self.on.iter().filter(|compared| compared.is_tolerant()).map(|compared| {
            let number = |seat| compared.field.number(self.evidence.facts(seat)).unwrap_or(f64::INFINITY);
            number(left).total_cmp(&number(right))
        });
        numbers.fold(Ordering::Equal, Ordering::then).then(left.cmp(&right))
    }
}
