//! What the versions of one executor's model did: how often each was called, for how long, with how many requests, and what
//! came of them.
//!
//! Counted by who runs executors, of every call, whether anybody still waited for its answers; collectors count everything
//! else (`sum`). Laws: parts in any order are the whole, and what a call was counted as stays so; what is held is bounded: of
//! more than `VERSIONS_MAX` versions those are kept whose names are longer, or come later in the alphabet (of numbers and
//! dates the newer ones), and all others together as `others`. Since the order depends on names alone, it does not matter
//! in how many parts they were counted.

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};
use wire::{FailureKind, Reply, Timestamp};

use crate::{Failed, Times, executor::micros};

/// What the versions of one executor's model did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Uses {
    /// By the name under which responses tell the version: `forest@7`.
    pub versions: BTreeMap<String, Used>,
    /// All that there was no room for.
    #[serde(skip_serializing_if = "Used::is_empty")]
    pub others: Used,
}

/// What one version did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// When it was first called, or refused a request, in microseconds since the epoch; `None` if it never was.
    pub first_us: Option<i64>,
    /// When last.
    pub last_us: Option<i64>,
    /// How long calls took, of a batch as a whole.
    pub took: Times,
    /// The shortest call, in microseconds.
    pub shortest_us: Option<u64>,
    /// The longest one.
    pub longest_us: Option<u64>,
    /// How many requests went into calls, and how many such calls there were. From 64 on sizes are rounded up to a power of
    /// two.
    pub sizes: BTreeMap<u32, u64>,
    /// Requests in all calls.
    pub requests: u64,
    /// Requests in the largest call.
    pub largest: u32,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests for which it chose not to.
    pub abstained: u64,
    /// Requests that failed in a call, or that were not begun, by why.
    pub failed: BTreeMap<Failed, u64>,
}

/// So many versions of one executor are told apart in each slice of time.
pub const VERSIONS_MAX: usize = 16;
/// From here on sizes are rounded.
const EXACT: u32 = 64;

// === impl Uses ===

impl Uses {
    /// Counts a call of `model` that ended `at` and gave these replies, one for each request.
    pub fn on_call(&mut self, model: &str, at: Timestamp, took: Duration, replies: &[Reply]) {
        self.count(model, at, |used| {
            used.on_call(took, replies.len());
            for reply in replies {
                used.on_reply(reply);
            }
        });
    }

    /// Counts a request that was not even begun.
    pub fn on_refused(&mut self, model: &str, at: Timestamp, why: FailureKind) {
        self.count(model, at, |used| used.on_failure(why));
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Returns what all versions did together.
    #[must_use]
    pub fn total(&self) -> Used {
        let mut total = self.others.clone();
        self.versions.values().for_each(|used| total += used);
        total
    }

    /// Makes times rougher, for where there are many of it.
    pub(crate) fn roughen(&mut self) {
        self.versions.values_mut().chain([&mut self.others]).for_each(|used| used.took = used.took.rougher());
    }

    fn count(&mut self, model: &str, at: Timestamp, count: impl FnOnce(&mut Used)) {
        let used = match self.versions.get_mut(model) {
            Some(used) => used,
            None => self.versions.entry(model.to_owned()).or_default(),
        };
        used.see(Some(at.as_micros()));
        count(used);
        self.bound();
    }

    fn bound(&mut self) {
        while self.versions.len() > VERSIONS_MAX {
            let first = self.versions.keys().min_by_key(|label| (label.len(), *label)).cloned();
            let dropped = first.and_then(|label| self.versions.remove(&label));
            self.others += &dropped.expect("there are more than none");
        }
    }
}

impl AddAssign<&Self> for Uses {
    fn add_assign(&mut self, other: &Self) {
        for (label, used) in &other.versions {
            *self.versions.entry(label.clone()).or_default() += used;
        }
        self.others += &other.others;
        self.bound();
    }
}

// === impl Used ===

impl Used {
    /// Returns how many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// Returns how many requests failed for that reason.
    #[must_use]
    pub fn failed(&self, why: Failed) -> u64 {
        self.failed.get(&why).copied().unwrap_or_default()
    }

    /// Returns the size that this share of calls did not exceed.
    #[must_use]
    pub fn size(&self, share: f64) -> Option<u32> {
        let rank = crate::times::rank(self.calls(), share);
        let mut seen = 0;
        let at = self.sizes.iter().find(|(_, calls)| {
            seen += *calls;
            seen >= rank
        });
        at.map(|(size, _)| (*size).min(self.largest))
    }

    fn is_empty(&self) -> bool {
        self.first_us.is_none()
    }

    fn see(&mut self, at_us: Option<i64>) {
        let Some(at_us) = at_us else { return };
        self.first_us = Some(self.first_us.map_or(at_us, |first| first.min(at_us)));
        self.last_us = self.last_us.max(Some(at_us));
    }

    fn on_call(&mut self, took: Duration, size: usize) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.took.add(took);
        self.bounds(Some(micros(took)), Some(micros(took)));
        *self.sizes.entry(rounded(size)).or_default() += 1;
        self.requests += u64::from(size);
        self.largest = self.largest.max(size);
    }

    fn bounds(&mut self, shortest_us: Option<u64>, longest_us: Option<u64>) {
        self.shortest_us = self.shortest_us.into_iter().chain(shortest_us).min();
        self.longest_us = self.longest_us.max(longest_us);
    }

    fn on_reply(&mut self, reply: &Reply) {
        match reply {
            Reply::Answer(_) => self.answered += 1,
            Reply::Failure(failure) => self.on_failure(failure.kind),
        }
    }

    fn on_failure(&mut self, kind: FailureKind) {
        match Failed::of(kind) {
            Some(kind) => *self.failed.entry(kind).or_default() += 1,
            None => self.abstained += 1,
        }
    }
}

impl AddAssign<&Self> for Used {
    fn add_assign(&mut self, other: &Self) {
        self.see(other.first_us);
        self.see(other.last_us);
        self.took += &other.took;
        self.bounds(other.shortest_us, other.longest_us);
        for (size, calls) in &other.sizes {
            *self.sizes.entry(*size).or_default() += calls;
        }
        self.requests += other.requests;
        self.largest = self.largest.max(other.largest);
        self.answered += other.answered;
        self.abstained += other.abstained;
        for (kind, count) in &other.failed {
            *self.failed.entry(*kind).or_default() += count;
        }
    }
}

impl Default for Used {
    fn default() -> Self {
        Self {
            first_us: None,
            last_us: None,
            took: Times::rough(),
            shortest_us: None,
            longest_us: None,
            sizes: BTreeMap::new(),
            requests: 0,
            largest: 0,
            answered: 0,
            abstained: 0,
            failed: BTreeMap::new(),
        }
    }
}

fn rounded(size: u32) -> u32 {
    if size <= EXACT { size } else { size.checked_next_power_of_two().unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests;
