//! What is audited of a partition, from where to where, and with how much memory.

use std::{collections::HashSet, time::Duration};

use wire::{RendezvousName, Timestamp};

/// What is audited of a partition.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose topics.
    pub rendezvous: RendezvousName,
    /// The partition.
    pub partition: i32,
    /// How many partitions there are.
    pub partitions: i32,
    /// Where the requests begin that are read.
    pub requests: Beginning,
    /// Where the results begin that are read: half a minute before the requests do, for the sake of their fences.
    pub results: Beginning,
    /// Results from this offset on may answer requests that are newer than those read. It is asked for before it is
    /// asked where the requests end, so that no result before it can.
    pub snapshot: i64,
    /// How much.
    pub limits: Limits,
}

/// Where the reading of a topic's partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Where the log does: nothing is missing before.
    Whole,
    /// Here, because nobody asked about what is older.
    Since(Timestamp),
    /// At the oldest that is held; older records are gone.
    Gone,
}

/// How much is held of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Answered ids that are remembered, to recognise a second result: some 40 to 100 bytes each.
    pub answered: usize,
    /// Requests without a result, some 50 to 110 bytes each.
    pub open: usize,
    /// Results that were read before their request, some 100 to 200 bytes each.
    pub early: usize,
    /// Violations that are listed, of each kind; all are counted.
    pub listed: usize,
    /// Fencings that are listed one by one.
    pub fencings: usize,
}

/// Where a record lies, and when the log took it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// At which offset.
    pub offset: i64,
    /// On the broker's clock.
    pub appended: Timestamp,
}

/// What is known once everything is read.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Every result appended before this instant was read.
    pub as_of: Timestamp,
    /// A request without a result so long after its deadline is missing.
    pub grace: Duration,
    /// The newest version of the policy that there is, if that is known.
    pub newest_version: Option<u64>,
    /// The offsets of requests that lie in the dead letters.
    pub refused: HashSet<i64>,
}

// === impl Beginning ===

impl Beginning {
    /// Returns the instant from which on everything was read, the first record of which the log took in at `first`;
    /// `None` if nothing is missing.
    pub(crate) fn cut(self, first: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Whole => None,
            Self::Since(since) => Some(since),
            Self::Gone => first,
        }
    }
}

// === impl Limits ===

impl Default for Limits {
    /// At most about 900 MB for a partition, reached by seven million requests of which half have no result.
    fn default() -> Self {
        Self { answered: 7_000_000, open: 3_500_000, early: 1_000_000, listed: 100, fencings: 2_000 }
    }
}
