//! A simulated group: members come, go and are put out; each partition has one owner as far as the group knows.

use crate::log::Who;

/// What a member is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// This partition is yours.
    Assigned(i32),
    /// It no longer is.
    Revoked(i32),
    /// You are no member any more.
    Expelled,
}

/// A group.
#[derive(Debug)]
pub struct Group {
    members: Vec<Member>,
    next_member: u64,
    rotation: usize,
    /// By partition.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    id: u64,
    who: Who,
}

#[derive(Debug, Default)]
struct Slot {
    owner: Option<u64>,
    /// Whether the owner was told to give it up.
    revoking: bool,
    target: Option<u64>,
    /// How many owners it has had.
    tenure: u64,
    /// What was committed, oldest first.
    commits: Vec<(i64, String)>,
}

// === impl Group ===

impl Group {
    /// Returns a group without members.
    #[must_use]
    pub fn new(partitions: i32) -> Self {
        let slots = (0..partitions).map(|_| Slot::default()).collect();
        Self { members: Vec::new(), next_member: 1, rotation: 0, slots }
    }

    /// Lets `who` in; returns its number and what is to be told to whom.
    pub fn join(&mut self, who: Who, rotation: usize) -> (u64, Vec<(Who, u64, Told)>) {
        let id = self.next_member;
        self.next_member += 1;
        self.members.push(Member { id, who });
        (id, self.rebalance(rotation))
    }

    /// Lets a member go, or puts it out.
    pub fn leave(&mut self, id: u64, rotation: usize) -> Vec<(Who, u64, Told)> {
        self.members.retain(|member| member.id != id);
        for slot in self.slots.iter_mut().filter(|slot| slot.owner == Some(id)) {
            slot.owner = None;
            slot.revoking = false;
        }
        self.rebalance(rotation)
    }

    /// Returns whether it is a member.
    #[must_use]
    pub fn has(&self, id: u64) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    /// Hears that a member gave a partition up.
    pub fn on_given_up(&mut self, id: u64, partition: i32) -> Vec<(Who, u64, Told)> {
        if let Some(slot) = self.slot(partition).filter(|slot| slot.owner == Some(id)) {
            slot.owner = None;
            slot.revoking = false;
        }
        self.assign()
    }

    /// Takes a commit of the owner, and returns how many owners there were up to him; anybody else's is void.
    pub fn commit(&mut self, id: u64, partition: i32, commit: (i64, String)) -> Option<u64> {
        let slot = self.slot(partition).filter(|slot| slot.owner == Some(id))?;
        slot.commits.push(commit);
        Some(slot.tenure)
    }

    /// Takes a commit that was found to be the owner's before.
    pub fn keep(&mut self, partition: i32, offset: i64, note: String) {
        if let Some(slot) = self.slot(partition) {
            slot.commits.push((offset, note));
        }
    }

    /// Returns whether a member owns a partition.
    #[must_use]
    pub fn owns(&self, id: u64, partition: i32) -> bool {
        let slot = usize::try_from(partition).ok().and_then(|index| self.slots.get(index));
        slot.is_some_and(|slot| slot.owner == Some(id))
    }

    /// Returns what was committed, `back` commits ago.
    #[must_use]
    pub fn committed(&self, partition: i32, back: usize) -> Option<(i64, String)> {
        let commits = &self.slots[usize::try_from(partition).ok()?].commits;
        commits.get(commits.len().checked_sub(1 + back.min(commits.len().saturating_sub(1)))?).cloned()
    }

    fn slot(&mut self, partition: i32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(partition).ok()?)
    }

    fn rebalance(&mut self, rotation: usize) -> Vec<(Who, u64, Told)> {
        self.rotation = rotation;
        let count = self.members.len();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            slot.target = (count > 0).then(|| self.members[(index + rotation) % count.max(1)].id);
        }
        let mut told = Vec::new();
        for (partition, slot) in (0..).zip(&mut self.slots) {
            if let Some(owner) = slot.owner.filter(|owner| slot.target != Some(*owner) && !slot.revoking) {
                slot.revoking = true;
                told.extend(who(&self.members, owner).map(|who| (who, owner, Told::Revoked(partition))));
            }
        }
        told.extend(self.assign());
        told
    }

    fn assign(&mut self) -> Vec<(Who, u64, Told)> {
        let mut told = Vec::new();
        for (partition, slot) in (0..).zip(&mut self.slots) {
            if let (None, Some(target)) = (slot.owner, slot.target)
                && let Some(who) = who(&self.members, target)
            {
                slot.owner = Some(target);
                slot.tenure += 1;
                told.push((who, target, Told::Assigned(partition)));
            }
        }
        told
    }
}

fn who(members: &[Member], id: u64) -> Option<Who> {
    members.iter().find(|member| member.id == id).map(|member| member.who)
}
