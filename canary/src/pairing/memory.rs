//! Requests that are done, oldest first, with where their last records lie.

use std::collections::{HashMap, VecDeque};

use wire::RequestId;

use super::{Place, Positions};

/// Requests that are done.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: HashMap<RequestId, Positions>,
    order: VecDeque<RequestId>,
}

// === impl Memory ===

impl Memory {
    /// Remembers a request whose last records lie at `last`.
    pub(super) fn remember(&mut self, request: RequestId, last: Positions) {
        if self.last.insert(request, last).is_none() {
            self.order.push_back(request);
        }
    }

    /// Notes one more record of a request; returns whether the request is remembered.
    pub(super) fn touch(&mut self, request: RequestId, place: Place) -> bool {
        let Some(last) = self.last.get_mut(&request) else { return false };
        *last.at(place.topic) = place.offset;
        true
    }

    /// Returns whether the oldest one would be met again when the log is read from `positions` on.
    pub(super) fn oldest_is_needed(&self, positions: Positions) -> bool {
        self.order.front().is_some_and(|oldest| self.last[oldest].reach(positions))
    }

    pub(super) fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.last.remove(&oldest);
        }
    }

    /// Returns all of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RequestId, Positions)> {
        self.order.iter().map(|request| (*request, self.last[request]))
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}
