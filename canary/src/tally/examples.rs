//! A few requests to look at, the same few in whatever order they came.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use wire::RequestId;

use super::lists::millionths;

/// So many are kept.
const EXAMPLES_MAX: usize = 5;

/// Those with the smallest places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Examples(BTreeSet<(u64, String)>);

// === impl Examples ===

impl Examples {
    /// Keeps this one perhaps: which are kept depends on their names alone.
    pub(crate) fn some(&mut self, request: RequestId) {
        self.keep(spread(request), request);
    }

    /// Keeps this one if it is one of the largest.
    pub(crate) fn largest(&mut self, request: RequestId, by: Duration) {
        self.keep(u64::MAX - u64::try_from(by.as_micros()).unwrap_or(u64::MAX), request);
    }

    /// Keeps this one if it is one of those with the smallest share of something.
    pub(crate) fn least(&mut self, request: RequestId, share: f64) {
        self.keep(millionths(share), request);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.shrink();
    }

    /// Returns their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(_, name)| name.clone()).collect()
    }

    fn keep(&mut self, place: u64, request: RequestId) {
        let is_one = self.0.len() < EXAMPLES_MAX || self.0.last().is_some_and(|(last, _)| place <= *last);
        if is_one {
            self.0.insert((place, request.to_string()));
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        while self.0.len() > EXAMPLES_MAX {
            self.0.pop_last();
        }
    }
}

/// Ids that were made one after the other lie anywhere.
fn spread(request: RequestId) -> u64 {
    let (high, low) = request.as_uuid().as_u64_pair();
    (high.rotate_left(32) ^ low).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}
