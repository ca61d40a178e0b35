//! The rule by which anybody reads a partition of the results topic, so that each request has exactly one result.
//!
//! Keep the accepted fencing, none at first. A fence with a higher epoch replaces it; any other fence is ignored.
//! Epochs go round: `a` is higher than `b` if `a - b`, as it wraps, lies between 1 and 2^63 - 1. So whatever epoch a
//! stranger writes there is a higher one, and nobody can lock a partition for good.
//! A result is valid if and only if its fencing is the accepted one. The first valid result of a request is *the*
//! result; later valid ones are repeats of it (the writer's own retries) and are dropped.
//! Repeats are recognised within a window, which must be longer than the writer's longest retry: so many ids as the
//! partition takes results in that time.
//!
//! A reader may start in the middle: nothing is valid to it before the first fence that it reads, and the owner repeats
//! its fence every five seconds. That first fence may be one that landed late, so whoever starts in the middle reads
//! `LEAD` more ahead of what it is after, and heeds only the fences there.
//! `docs/results.md` says the same to authors in other languages, and `vectors/results.json` holds them to it.

mod topic;

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use crate::{
    Decoder, Envelope, EnvelopeError, Fence, Fencing, Record, RequestId, ResultRecord, mutation,
    mutation::Mutation::{LatestFenceWins, RepeatsAreShown},
};

pub use topic::TopicReader;

/// So much ahead of the results that it is after a reader begins that does not begin at a partition's beginning: the
/// owner repeats its fence six times as often.
pub const LEAD: Duration = Duration::from_secs(30);

/// Reads one partition of a results topic in offset order.
#[derive(Clone, Debug)]
pub struct ResultsReader {
    decoder: Decoder,
    accepted: Option<Fencing>,
    seen: HashSet<RequestId>,
    order: VecDeque<RequestId>,
    window: usize,
}

/// What a record of the results topic is to a reader.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The result of its request.
    Valid,
    /// A valid result again; to be dropped.
    Repeat,
    /// Written without the right to; to be dropped.
    Void,
}

/// What a record of a results topic is to a reader, and what it holds.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultsEntry {
    /// The result of its request.
    Valid(ResultRecord),
    /// A valid result again; to be dropped.
    Repeat(ResultRecord),
    /// A result written without the right to; to be dropped.
    Void {
        /// It.
        result: ResultRecord,
        /// Whose results are valid here; `None` before the first fence.
        accepted: Option<Fencing>,
    },
    /// A fence.
    Fence {
        /// It.
        fence: Fence,
        /// Whether it took the partition over. A repeated one does not, nor does one that comes late.
        accepted: bool,
    },
    /// Neither a result nor a fence; to be skipped.
    Garbage(EnvelopeError),
}

// === impl Fencing ===

impl Fencing {
    /// Returns whether this one takes over from `accepted`: its epoch is higher, as epochs go round.
    #[must_use]
    pub fn succeeds(self, accepted: Self) -> bool {
        mutation::is(LatestFenceWins)
            || (1..=i64::MAX.unsigned_abs()).contains(&self.epoch.wrapping_sub(accepted.epoch))
    }

    /// Returns the epoch of whoever takes over from this one.
    #[must_use]
    pub fn next_epoch(self) -> u64 {
        self.epoch.wrapping_add(1)
    }
}

// === impl ResultsReader ===

impl ResultsReader {
    /// Starts at a partition's beginning, or behind a fence, remembering the last `window` results.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { decoder: Decoder::default(), accepted: None, seen: HashSet::new(), order: VecDeque::new(), window }
    }

    /// Returns the fencing whose results are valid now.
    #[must_use]
    pub fn accepted(&self) -> Option<Fencing> {
        self.accepted
    }

    /// Returns whether `request` has a valid result within the window.
    #[must_use]
    pub fn has(&self, request: &RequestId) -> bool {
        self.seen.contains(request)
    }

    /// Reads whatever lies next in the partition.
    pub fn read(&mut self, record: &Record) -> ResultsEntry {
        match self.decoder.decode(record) {
            Ok(Envelope::Result(result)) => match self.on_result(&result) {
                Reading::Valid => ResultsEntry::Valid(result),
                Reading::Repeat => ResultsEntry::Repeat(result),
                Reading::Void => ResultsEntry::Void { result, accepted: self.accepted },
            },
            Ok(Envelope::Fence(fence)) => ResultsEntry::Fence { fence, accepted: self.on_fence(fence) },
            Ok(Envelope::Request(_)) => ResultsEntry::Garbage(EnvelopeError::Misplaced("request")),
            Ok(Envelope::Response(_)) => ResultsEntry::Garbage(EnvelopeError::Misplaced("response")),
            Err(error) => ResultsEntry::Garbage(error),
        }
    }

    /// Reads a fence; returns whether it was accepted.
    pub fn on_fence(&mut self, Fence(fencing): Fence) -> bool {
        let higher = self.accepted.is_none_or(|accepted| fencing.succeeds(accepted));
        if higher {
            self.accepted = Some(fencing);
        }
        higher
    }

    /// Reads a result.
    pub fn on_result(&mut self, result: &ResultRecord) -> Reading {
        if self.accepted != Some(result.fencing) {
            return Reading::Void;
        }
        if !self.seen.insert(result.request) && !mutation::is(RepeatsAreShown) {
            return Reading::Repeat;
        }
        self.order.push_back(result.request);
        if self.order.len() > self.window
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Reading::Valid
    }
}

// === impl ResultsEntry ===

impl ResultsEntry {
    /// Returns the result of its request, the first time that it is read.
    #[must_use]
    pub fn valid(self) -> Option<ResultRecord> {
        if let Self::Valid(result) = self { Some(result) } else { None }
    }

    /// Returns the result of its request, every time that it is read: for whoever remembers which he knows.
    #[must_use]
    pub fn standing(self) -> Option<ResultRecord> {
        if let Self::Valid(result) | Self::Repeat(result) = self { Some(result) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn fencing(epoch: u64) -> Fencing {
        Fencing { epoch, instance: Uuid::nil() }
    }

    proptest! {
        #[test]
        fn there_is_always_a_successor_whatever_epoch_a_stranger_writes(epoch: u64) {
            let stranger = fencing(epoch);
            let next = fencing(stranger.next_epoch());
            prop_assert!(next.succeeds(stranger) && !stranger.succeeds(next) && !stranger.succeeds(stranger));
        }
    }

    #[test]
    fn the_last_epoch_is_followed_by_the_first() {
        let mut reader = ResultsReader::new(1);
        assert!(reader.on_fence(Fence(fencing(u64::MAX))));
        assert!(reader.on_fence(Fence(fencing(0))));
        assert!(!reader.on_fence(Fence(fencing(u64::MAX))));
    }
}
