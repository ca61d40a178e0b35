//! Who says the same: votes fall into groups.

use super::Compared;
use crate::evidence::{EXECUTORS_MAX, Evidence, Seats};

/// Votes by what they say; no vote is in two groups.
#[derive(Debug)]
pub(super) struct Groups {
    members: [Seats; EXECUTORS_MAX],
    speakers: [u8; EXECUTORS_MAX],
    count: usize,
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
    pub(super) const NONE: Self =
        Self { members: [Seats::NONE; EXECUTORS_MAX], speakers: [0; EXECUTORS_MAX], count: 0 };

    /// Groups voters by a transitive equality. The plan's first member speaks for a group.
    pub(super) fn of(voters: Seats, same: impl Fn(usize, usize) -> bool) -> Self {
        let mut groups = Self::NONE;
        for voter in voters {
            let known = (0..groups.count).find(|index| same(usize::from(groups.speakers[*index]), voter));
            match known {
                Some(index) => groups.members[index] = groups.members[index].union(Seats::one(voter)),
                None => groups.push(Group { members: Seats::one(voter), speaker: voter }),
            }
        }
        groups
    }

    pub(super) fn push(&mut self, group: Group) {
        self.members[self.count] = group.members;
        self.speakers[self.count] = u8::try_from(group.speaker).expect("there are at most 64 seats");
        self.count += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Group> + Clone {
        let both = self.members.iter().zip(&self.speakers).take(self.count);
        both.map(|(members, speaker)| Group { members: *members, speaker: usize::from(*speaker) })
    }
}
