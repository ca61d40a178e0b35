//! PURE: how far the requests of one partition are done with, so that what is committed is never needed again.
//!
//! Laws, each tested by name: an offset is committable when every earlier request is done by all who were given it, or
//! is past its deadline, when nobody waits for what it might still lead to; the committable offset never goes back.

use std::collections::VecDeque;

use wire::Timestamp;

/// One partition's requests in hand, oldest first.
#[derive(Debug)]
pub struct Progress {
    /// The first offset behind everything that was seen.
    next: i64,
    /// By offset. Bounded by rate × the longest budget: deadlines clear it.
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    offset: i64,
    /// How many responses are not acknowledged yet.
    parts: u32,
    deadline: Timestamp,
}

// === impl Progress ===

impl Progress {
    /// Returns the progress of a reader that has seen nothing before `next`.
    #[must_use]
    pub fn from(next: i64) -> Self {
        Self { next, open: VecDeque::new() }
    }

    /// Takes note of a record that leads to `parts` responses, to be forgotten at `deadline`. Offsets only grow.
    pub fn begin(&mut self, offset: i64, parts: u32, deadline: Timestamp) {
        debug_assert!(offset >= self.next, "records come in offset order");
        self.next = offset + 1;
        if parts > 0 {
            self.open.push_back(Open { offset, parts, deadline });
        }
    }

    /// Takes note that one response about `offset` is acknowledged.
    pub fn finish(&mut self, offset: i64) {
        if let Ok(index) = self.open.binary_search_by_key(&offset, |open| open.offset) {
            self.open[index].parts = self.open[index].parts.saturating_sub(1);
        }
    }

    /// Returns the first offset behind everything that was seen.
    pub(crate) fn read(&self) -> i64 {
        self.next
    }

    /// Returns the first offset that is still needed at `now`, and forgets what lies before it.
    pub fn committable(&mut self, now: Timestamp) -> i64 {
        while self.open.front().is_some_and(|open| open.parts == 0 || open.deadline <= now) {
            self.open.pop_front();
        }
        self.open.front().map_or(self.next, |open| open.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn nothing_is_committable_past_the_oldest_open_request() {
        let mut progress = Progress::from(5);
        assert_eq!(progress.committable(at(0)), 5);
        progress.begin(5, 2, at(100));
        progress.begin(6, 1, at(100));
        progress.finish(6);
        progress.finish(5);
        assert_eq!(progress.committable(at(99)), 5, "one of two responses is acknowledged");
        progress.finish(5);
        assert_eq!(progress.committable(at(99)), 7);
    }

    #[test]
    fn a_request_past_its_deadline_holds_nobody_back() {
        let mut progress = Progress::from(0);
        progress.begin(0, 1, at(100));
        progress.begin(1, 1, at(200));
        assert_eq!(progress.committable(at(100)), 1);
        progress.finish(0);
        assert_eq!(progress.committable(at(199)), 1);
    }

    #[test]
    fn records_that_lead_to_nothing_are_done_at_once() {
        let mut progress = Progress::from(0);
        progress.begin(3, 0, at(100));
        assert_eq!(progress.committable(at(0)), 4);
    }

    proptest! {
        #[test]
        fn the_committable_offset_is_the_smallest_open_one(
            parts in proptest::collection::vec(0_u32..3, 1..20), finished in proptest::collection::vec(0_usize..20, 0..60),
        ) {
            let mut progress = Progress::from(0);
            let mut left = parts.clone();
            let mut committed = 0;
            for (offset, parts) in (0..).zip(&parts) {
                progress.begin(offset, *parts, at(1));
            }
            for index in finished.into_iter().filter(|index| *index < parts.len()) {
                progress.finish(i64::try_from(index).unwrap());
                left[index] = left[index].saturating_sub(1);
                let expected = left.iter().position(|parts| *parts > 0).unwrap_or(left.len());
                let now_committed = progress.committable(at(0));
                prop_assert_eq!(now_committed, i64::try_from(expected).unwrap());
                prop_assert!(now_committed >= committed);
                committed = now_committed;
            }
        }
    }
}
