//! Who may speak about a request, and what the policy says about each: worked out once for a plan, shared by all
//! requests that were fanned out by it.

use std::sync::Arc;

use wire::{Asked, ExecutorId, Plan, Role};

use super::{EXECUTORS_MAX, Seats};
use crate::{
    ExecutorSpec,
    clause::{Clause, Seating},
};

/// What a policy says about its executors, in its order.
#[derive(Debug)]
pub(crate) struct Cast(Vec<Member>);

/// What a policy says about one executor.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    executor: ExecutorId,
    /// The place in the policy's order, from 1.
    pub(crate) rank: usize,
    family: Option<Arc<str>>,
    pub(crate) cost: f64,
}

/// Who may speak about a request, in the plan's order.
#[derive(Debug)]
pub(crate) struct Roster {
    asked: Vec<Asked>,
    members: Vec<Member>,
    /// The family of each seat, by number.
    families: Vec<u8>,
    candidates: Seats,
    /// Where those sit whom each clause of the ladder names.
    seatings: Vec<Seating>,
    /// How many ranks have a patience that is looked up when a request is opened.
    pub(crate) lookups: usize,
}

// === impl Cast ===

impl Cast {
    pub(crate) fn of(executors: &[ExecutorSpec]) -> Self {
        Self((1..).zip(executors).map(|(rank, executor)| Member::of(executor, rank)).collect())
    }

    /// An older plan may ask somebody whom the policy does not name: that one comes last.
    fn member(&self, executor: &ExecutorId) -> Member {
        let known = self.0.iter().find(|member| member.executor == *executor);
        let unknown = || Member { executor: executor.clone(), rank: self.0.len() + 1, family: None, cost: 0.0 };
        known.cloned().unwrap_or_else(unknown)
    }
}

// === impl Member ===

impl Member {
    fn of(executor: &ExecutorSpec, rank: usize) -> Self {
        Self { executor: executor.id.clone(), rank, family: executor.family.clone(), cost: executor.cost }
    }

    /// Returns its family: who has none is one of its own.
    pub(crate) fn family(&self) -> &str {
        self.family.as_deref().unwrap_or(self.executor.as_str())
    }
}

// === impl Roster ===

impl Roster {
    pub(crate) fn of<'ladder>(plan: &Plan, cast: &Cast, ladder: impl Iterator<Item = &'ladder Clause>) -> Self {
        let asked: Vec<Asked> = plan.asked().iter().take(EXECUTORS_MAX).cloned().collect();
        let members: Vec<Member> = asked.iter().map(|asked| cast.member(&asked.executor)).collect();
        let candidates = (0..asked.len()).filter(|seat| asked[*seat].role == Role::Candidate).collect();
        let families = families(&members);
        let mut roster = Self { asked, members, families, candidates, seatings: Vec::new(), lookups: 0 };
        let mut lookups = 0;
        roster.seatings = ladder.map(|clause| Seating::of(clause, &roster, &mut lookups)).collect();
        roster.lookups = lookups;
        roster
    }

    pub(crate) fn is_of(&self, plan: &Plan) -> bool {
        self.asked == plan.asked()
    }

    /// Returns who was asked, in the plan's order.
    pub(crate) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    pub(crate) fn seat(&self, executor: &ExecutorId) -> Option<usize> {
        self.asked.iter().position(|asked| asked.executor == *executor)
    }

    /// Returns the seat of `executor`, if it was asked as a candidate.
    pub(crate) fn candidate(&self, executor: &ExecutorId) -> Option<usize> {
        self.seat(executor).filter(|seat| self.candidates.contains(*seat))
    }

    pub(crate) fn candidates(&self) -> Seats {
        self.candidates
    }

    /// Returns what the policy says about who sits at `seat`.
    pub(crate) fn member(&self, seat: usize) -> &Member {
        &self.members[seat]
    }

    /// Returns how many families those at `seats` are of.
    pub(crate) fn families(&self, seats: Seats) -> usize {
        seats.into_iter().map(|seat| usize::from(self.families[seat])).collect::<Seats>().len()
    }

    /// Returns where those sit whom the clause at `rung` names.
    pub(crate) fn seating(&self, rung: usize) -> &Seating {
        &self.seatings[rung.min(self.seatings.len() - 1)]
    }
}

/// Numbers each seat's family by the first seat of that family.
fn families(members: &[Member]) -> Vec<u8> {
    let first = |(seat, member): (usize, &Member)| {
        let earlier = members.iter().position(|other| member.family.is_some() && other.family == member.family);
        u8::try_from(earlier.unwrap_or(seat)).expect("there are at most 64 seats")
    };
    members.iter().enumerate().map(first).collect()
}
