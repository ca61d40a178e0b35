//! Who says the same: votes fall into groups.

use super::Compared;
use crate::evidence::{EXECUTORS_MAX, Evidence, Seats};

/// Votes by what they say; no vote is in two groups.
#[derive(Debug)]
pub(super) struct Groups {
    /// Whose answers are the groups'.
    speakers: Seats,
    voters: Seats,
    /// The speaker of each voter's group, by seat. Small on purpose: this is made for every clause that is judged.
    speaker_of: [u8; EXECUTORS_MAX],
}

/// Those who say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) members: Seats,
    /// Whose answer is the group's.
    pub(super) speaker: usize,
}

/// Returns those at `seats` whose answers have everything that is compared; the others abstain.
pub(super) fn voters(on: &[Compared], seats: Seats, evidence: &Evidence) -> Seats {
    let votes = |seat: &usize| on.iter().all(|compared| compared.is_in(evidence.facts(*seat)));
    seats.into_iter().filter(votes).collect()
}

/// Returns whether the answers at two seats say the same on everything that is compared.
pub(super) fn same(on: &[Compared], left: usize, right: usize, evidence: &Evidence) -> bool {
    let (left, right) = (evidence.facts(left), evidence.facts(right));
    on.iter().all(|compared| compared.same(left, right))
}

// === impl Groups ===

impl Groups {
    pub(super) const NONE: Self = Self { speakers: Seats::NONE, voters: Seats::NONE, speaker_of: [0; EXECUTORS_MAX] };

    /// Groups voters by a transitive equality. The plan's first member speaks for a group.
    pub(super) fn of(voters: Seats, same: impl Fn(usize, usize) -> bool) -> Self {
        let mut groups = Self::NONE;
        for voter in voters {
            let known = groups.speakers.into_iter().find(|speaker| same(*speaker, voter));
            groups.add(Group { members: Seats::one(voter), speaker: known.unwrap_or(voter) });
        }
        groups
    }

    /// Adds members to the group of their speaker.
    pub(super) fn add(&mut self, group: Group) {
        self.speakers = self.speakers.union(Seats::one(group.speaker));
        self.voters = self.voters.union(group.members);
        for member in group.members {
            self.speaker_of[member] = u8::try_from(group.speaker).expect("there are at most 64 seats");
        }
    }

    /// Goes through the groups in the order of their speakers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Group> {
        self.speakers.into_iter().map(|speaker| Group { members: self.members(speaker), speaker })
    }

    fn members(&self, speaker: usize) -> Seats {
        self.voters.into_iter().filter(|voter| usize::from(self.speaker_of[*voter]) == speaker).collect()
    }
}
