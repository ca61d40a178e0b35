//! How far an input topic's partitions are done: an offset is committed when everything before it is acknowledged.
//!
//! Pure. Law, tested by name: *nothing is skipped*: the committed offset never passes an input whose request or dead
//! letter the log has not acknowledged, in whatever order the acknowledgements come.

use std::collections::{BTreeMap, VecDeque};

/// The inputs in hand, per partition.
#[derive(Debug, Default)]
pub struct Progress {
    lanes: BTreeMap<i32, Lane>,
}

#[derive(Debug)]
struct Lane {
    /// The first offset that is still needed.
    needed: i64,
    committed: i64,
    /// Offsets from `needed` on, and whether each is done.
    in_hand: VecDeque<(i64, bool)>,
    failed: bool,
}

// === impl Progress ===

impl Progress {
    /// Begins partition `partition` at `offset`, forgetting what was in hand of it.
    pub fn begin(&mut self, partition: i32, offset: i64) {
        let lane = Lane { needed: offset, committed: offset, in_hand: VecDeque::new(), failed: false };
        self.lanes.insert(partition, lane);
    }

    /// The partition is somebody else's now.
    pub fn end(&mut self, partition: i32) {
        self.lanes.remove(&partition);
    }

    /// An input was read. Returns whether its partition is ours.
    pub fn on_read(&mut self, partition: i32, offset: i64) -> bool {
        let Some(lane) = self.lanes.get_mut(&partition) else { return false };
        // With nothing in hand all before it is done, or was never in the log.
        if lane.in_hand.is_empty() {
            lane.needed = lane.needed.max(offset);
        }
        // An input that the producer could not take is brought again.
        if lane.in_hand.back().is_none_or(|(last, _)| *last < offset) {
            lane.in_hand.push_back((offset, false));
        }
        true
    }

    /// What an input led to is acknowledged.
    pub fn on_done(&mut self, partition: i32, offset: i64) {
        let Some(lane) = self.lanes.get_mut(&partition) else { return };
        if let Ok(place) = lane.in_hand.binary_search_by_key(&offset, |(offset, _)| *offset) {
            lane.in_hand[place].1 = true;
        }
        while let Some((offset, true)) = lane.in_hand.front().copied() {
            lane.in_hand.pop_front();
            lane.needed = offset + 1;
        }
    }

    /// What an input led to could not be written: it must be read again.
    pub fn on_failed(&mut self, partition: i32, offset: i64) {
        if let Some(lane) = self.lanes.get_mut(&partition) {
            lane.failed |= offset >= lane.needed;
        }
    }

    /// Returns the partitions that must be read again, and from where, and begins them there.
    #[must_use]
    pub fn take_failed(&mut self) -> Vec<(i32, i64)> {
        let failed = self.lanes.iter_mut().filter(|(_, lane)| lane.failed);
        let again = failed.map(|(partition, lane)| {
            lane.failed = false;
            lane.in_hand.clear();
            (*partition, lane.needed)
        });
        again.collect()
    }

    /// Returns what can be committed and was not: partitions with the first offset that is still needed.
    #[must_use]
    pub fn take_commits(&mut self) -> Vec<(i32, i64)> {
        let moved = self.lanes.iter_mut().filter(|(_, lane)| lane.needed > lane.committed);
        let commits = moved.map(|(partition, lane)| {
            lane.committed = lane.needed;
            (*partition, lane.needed)
        });
        commits.collect()
    }

    /// Returns how many inputs are in hand.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.lanes.values().map(|lane| lane.in_hand.len()).sum()
    }
}

#[cfg(test)]
mod tests;
