//! What only a member of a group has: what is its own, what is coming and going, and its commits.

use std::{collections::BTreeSet, time::Instant};

use rdkafka::{
    TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
};

use super::{Client, commits::Commits};
use crate::{
    Assigned, Commit, TopicPartition,
    kafka::group::{listed, native, note},
};

#[derive(Default)]
pub(super) struct Member {
    /// What the caller was told is its own.
    owned: BTreeSet<TopicPartition>,
    /// What the group gave; what was committed of it is being asked for.
    given: Vec<TopicPartition>,
    /// Counts the questions, so that an answer to an older one is known to be old.
    round: u64,
    /// What the group took back. It is let go of when the caller, having been told, asks for the next event.
    leaving: Option<Vec<TopicPartition>>,
    commits: Commits,
}

/// What has been committed of these partitions must be asked for, in the `round`-th question.
pub(super) struct Question {
    pub(super) round: u64,
    pub(super) given: Vec<TopicPartition>,
}

// === impl Member ===

impl Member {
    pub(super) fn owns(&self, partition: &TopicPartition) -> bool {
        self.owned.contains(partition)
    }

    /// The group gives `partitions`.
    pub(super) fn on_given(&mut self, partitions: Vec<TopicPartition>) -> Option<Question> {
        self.given.extend(partitions);
        self.round += 1;
        (!self.given.is_empty()).then(|| Question { round: self.round, given: self.given.clone() })
    }

    /// The `round`-th question is answered; returns whether that is still the question.
    pub(super) fn on_committed(&mut self, round: u64, assigned: &[Assigned]) -> bool {
        let current = self.round == round;
        if current {
            self.given.clear();
            self.owned.extend(assigned.iter().map(|assigned| assigned.partition.clone()));
        }
        current
    }

    /// The group takes `partitions` back; returns those of which the caller knows, and what is now to be asked: the
    /// answer that is on its way may be about more than is left.
    pub(super) fn on_taken(&mut self, partitions: Vec<TopicPartition>) -> (Vec<TopicPartition>, Option<Question>) {
        let (told, untold): (Vec<_>, Vec<_>) = partitions.into_iter().partition(|one| self.owned.remove(one));
        let before = self.given.len();
        self.given.retain(|given| !untold.contains(given));
        let question = if self.given.len() < before { self.on_given(Vec::new()) } else { None };
        self.commits.forget(&told);
        self.leaving.get_or_insert_default().extend(told.iter().cloned());
        (told, question)
    }

    /// Lets go of what was taken back: from now on the group may give it to another member.
    pub(super) fn let_go(&mut self, client: &Client) {
        let Some(leaving) = self.leaving.take() else { return };
        let read = client.assignment().map(|read| listed(&read)).unwrap_or_default();
        // Called even for none: it is what librdkafka waits for before it answers the group.
        note(client.incremental_unassign(&native(leaving.iter().filter(|partition| read.contains(partition)))));
    }

    /// Takes commits in. The broker does not ask who owns what: a commit of what was taken back would overwrite its new
    /// owner's, so it goes no further.
    pub(super) fn add_commits(&mut self, commits: &[Commit]) {
        let own = commits.iter().filter(|commit| self.owned.contains(&commit.partition)).cloned();
        self.commits.add(own);
    }

    pub(super) fn on_commit_returned(&mut self) {
        self.commits.returned();
    }

    /// Sends what waits, unless a request is in flight.
    pub(super) fn send_commits(&mut self, client: &Client) {
        let Some(due) = self.commits.due(Instant::now()) else { return };
        if let Err(error) = client.commit(&due, CommitMode::Async) {
            tracing::debug!(%error, "a commit was lost; the next one makes up for it");
        }
    }

    /// Returns all that still waits to be committed.
    pub(super) fn last_commits(mut self) -> Option<TopicPartitionList> {
        self.commits.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(range: std::ops::Range<i32>) -> Vec<TopicPartition> {
        range.map(|index| TopicPartition::new("topic", index)).collect()
    }

    fn assigned(partitions: Vec<TopicPartition>) -> Vec<Assigned> {
        partitions.into_iter().map(|partition| Assigned { partition, committed: None }).collect()
    }

    #[test]
    fn a_second_gift_before_the_first_is_answered_makes_one_answer_of_both() {
        let mut member = Member::default();
        let first = member.on_given(partitions(0..2)).unwrap();
        let second = member.on_given(partitions(2..3)).unwrap();
        assert!(!member.on_committed(first.round, &assigned(first.given)));
        assert_eq!(second.given, partitions(0..3));
        assert!(member.on_committed(second.round, &assigned(second.given)));
        assert!(partitions(0..3).iter().all(|partition| member.owns(partition)));
    }

    #[test]
    fn what_is_taken_back_before_the_caller_knew_of_it_is_never_told() {
        let mut member = Member::default();
        let question = member.on_given(partitions(0..2)).unwrap();
        let (told, again) = member.on_taken(partitions(0..1));
        assert_eq!((told, again.as_ref().map(|again| &again.given)), (Vec::new(), Some(&partitions(1..2))));
        assert!(!member.on_committed(question.round, &assigned(question.given)));
        let (told, again) = member.on_taken(partitions(1..2));
        assert!(told.is_empty() && again.is_none());
    }

    #[test]
    fn what_is_taken_back_is_no_longer_owned() {
        let mut member = Member::default();
        let question = member.on_given(partitions(0..2)).unwrap();
        member.on_committed(question.round, &assigned(question.given));
        let (told, again) = member.on_taken(partitions(0..1));
        assert!(told == partitions(0..1) && again.is_none());
        assert!(!member.owns(&told[0]) && member.owns(&partitions(1..2)[0]));
    }
}
