//! One consumer group on one topic: who owns which partition, who is to get it, and what was committed.
//!
//! Each partition has an owner and a designated owner. A member that asks is first told what it has to give up, and only
//! then what has become free for it; so no partition ever has two owners, and there is no queue of events to go stale.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::lock;
use crate::{Assigned, Commit, Committed, TopicPartition};

pub(crate) struct Group {
    topic: Arc<str>,
    /// Grows with every change of a designation or an owner, so that members need the lock only then.
    changes: AtomicU64,
    state: Mutex<State>,
}

/// Who a member is. Never used twice in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberId(u64);

/// A member and its group.
#[derive(Clone)]
pub(crate) struct Standing {
    group: Arc<Group>,
    member: MemberId,
}

/// What has changed for a member.
pub(super) enum Change {
    Revoked(Vec<TopicPartition>),
    Assigned(Vec<Assigned>),
}

struct State {
    joined: u64,
    members: Vec<(MemberId, Arc<Notify>)>,
    shares: Vec<Share>,
}

#[derive(Clone, Default)]
struct Share {
    owner: Option<MemberId>,
    designated: Option<MemberId>,
    committed: Option<Committed>,
}

// === impl Standing ===

impl Standing {
    pub(super) fn new(group: Arc<Group>, member: MemberId) -> Self {
        Self { group, member }
    }

    /// Does `write` and commits, if all of `commits` are of what the member owns; returns whether it did.
    pub(super) fn commit_with(&self, commits: &[Commit], write: impl FnOnce()) -> bool {
        let mut state = lock(&self.group.state);
        let owned = |commit: &Commit| {
            let share = self.group.index(&commit.partition).and_then(|index| state.shares.get(index));
            share.is_some_and(|share| share.owner == Some(self.member))
        };
        let member = state.members.iter().any(|(member, _)| *member == self.member);
        if !member || !commits.iter().all(owned) {
            return false;
        }
        write();
        self.group.put(&mut state, self.member, commits);
        true
    }
}

// === impl Group ===

impl Group {
    pub(super) fn of(topic: &Arc<str>, partitions: usize) -> Self {
        let state = State { joined: 0, members: Vec::new(), shares: vec![Share::default(); partitions] };
        Self { topic: Arc::clone(topic), changes: AtomicU64::new(1), state: Mutex::new(state) }
    }

    /// Adds a member that is woken through `bell` when it should ask for its changes.
    pub(super) fn join(&self, bell: Arc<Notify>) -> MemberId {
        let mut state = lock(&self.state);
        state.joined += 1;
        let member = MemberId(state.joined);
        state.members.push((member, bell));
        self.redistribute(&mut state);
        member
    }

    /// Removes `member` and frees what it owned.
    pub(super) fn leave(&self, member: MemberId) {
        let mut state = lock(&self.state);
        state.members.retain(|(have, _)| *have != member);
        for share in state.shares.iter_mut().filter(|share| share.owner == Some(member)) {
            share.owner = None;
        }
        self.redistribute(&mut state);
    }

    /// Shares `partitions` from now on, if that is more than before.
    pub(super) fn grow(&self, partitions: usize) {
        let mut state = lock(&self.state);
        let count = state.shares.len().max(partitions);
        state.shares.resize(count, Share::default());
        self.redistribute(&mut state);
    }

    /// Returns a number that differs from `seen` if there may be changes.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Makes `member` give up what goes to others, and else take what is free for it; `None` if there is neither.
    pub(super) fn next_change(&self, member: MemberId) -> Option<Change> {
        let mut state = lock(&self.state);
        let revoked = self.give_up(&mut state, member);
        if !revoked.is_empty() {
            self.announce(&state);
            return Some(Change::Revoked(revoked));
        }
        let assigned = self.take(&mut state, member);
        if assigned.is_empty() { None } else { Some(Change::Assigned(assigned)) }
    }

    pub(super) fn owns(&self, member: MemberId, partition: &TopicPartition) -> bool {
        let state = lock(&self.state);
        self.index(partition).and_then(|index| state.shares.get(index)).is_some_and(|share| share.owner == Some(member))
    }

    /// Commits what `member` owns; the rest is stale and has no effect.
    pub(super) fn commit(&self, member: MemberId, commits: &[Commit]) {
        self.put(&mut lock(&self.state), member, commits);
    }

    /// Returns what was committed of each partition.
    pub(super) fn committed(&self) -> Vec<Option<Committed>> {
        lock(&self.state).shares.iter().map(|share| share.committed.clone()).collect()
    }

    fn put(&self, state: &mut State, member: MemberId, commits: &[Commit]) {
        for commit in commits {
            let share = self.index(&commit.partition).and_then(|index| state.shares.get_mut(index));
            if let Some(share) = share.filter(|share| share.owner == Some(member)) {
                share.committed = Some(commit.committed.clone());
            }
        }
    }

    /// Designates contiguous ranges, as equal as can be, in the order of joining.
    fn redistribute(&self, state: &mut State) {
        let (partitions, members) = (state.shares.len(), state.members.len());
        let mut shares = state.shares.iter_mut();
        for (place, (member, _)) in state.members.iter().enumerate() {
            let count = partitions / members + usize::from(place < partitions % members);
            shares.by_ref().take(count).for_each(|share| share.designated = Some(*member));
        }
        shares.for_each(|share| share.designated = None);
        self.announce(state);
    }

    fn give_up(&self, state: &mut State, member: MemberId) -> Vec<TopicPartition> {
        let lost = |share: &Share| share.owner == Some(member) && share.designated != Some(member);
        let given = state.shares.iter_mut().enumerate().filter(|(_, share)| lost(share)).map(|(index, share)| {
            share.owner = None;
            self.partition(index)
        });
        given.collect()
    }

    fn take(&self, state: &mut State, member: MemberId) -> Vec<Assigned> {
        let free = |share: &Share| share.owner.is_none() && share.designated == Some(member);
        let taken = state.shares.iter_mut().enumerate().filter(|(_, share)| free(share)).map(|(index, share)| {
            share.owner = Some(member);
            Assigned { partition: self.partition(index), committed: share.committed.clone() }
        });
        taken.collect()
    }

    fn announce(&self, state: &State) {
        self.changes.fetch_add(1, Ordering::Release);
        for (_, bell) in &state.members {
            bell.notify_one();
        }
    }

    fn index(&self, partition: &TopicPartition) -> Option<usize> {
        usize::try_from(partition.partition).ok().filter(|_| partition.topic == self.topic)
    }

    fn partition(&self, index: usize) -> TopicPartition {
        let partition = i32::try_from(index).expect("a topic has an i32 of partitions");
        TopicPartition { topic: Arc::clone(&self.topic), partition }
    }
}
