//! What is told one by one, each list with its bound; what is left out is still counted.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use wire::RequestId;

use crate::{
    finding::{DegradedTold, GarbageTold, Kind, LateTold, Unjudged, Violation},
    report::{Counts, GarbageByTopic, PartitionTold},
    rights::FenceTold,
    scope::Place,
};

/// The lists of one partition.
#[derive(Debug)]
pub(super) struct Listing {
    max: usize,
    violations: BTreeMap<Kind, Vec<Violation>>,
    degraded: BTreeMap<(&'static str, String), u64>,
    /// The worst.
    late: BinaryHeap<Reverse<LateTold>>,
    unjudged: BTreeMap<Unjudged, u64>,
    /// How many results name a version, and the first that does.
    versions: BTreeMap<u64, (u64, RequestId, Place)>,
    pub(super) garbage_requests: GarbageTold,
    pub(super) garbage_responses: GarbageTold,
    pub(super) garbage_results: GarbageTold,
}

/// So many reasons are told apart, and so many versions: there are fewer, unless somebody writes nonsense.
const NAMES_MAX: usize = 10_000;
/// So many late results are listed.
const LATE_MAX: usize = 10;

// === impl Listing ===

impl Listing {
    pub(super) fn new(max: usize) -> Self {
        let (violations, degraded, late, unjudged, versions) = Default::default();
        let (garbage_requests, garbage_responses, garbage_results) = Default::default();
        Self {
            max,
            violations,
            degraded,
            late,
            unjudged,
            versions,
            garbage_requests,
            garbage_responses,
            garbage_results,
        }
    }

    pub(super) fn violation(&mut self, violation: Violation, counts: &mut Counts) {
        let listed = self.violations.entry(violation.kind).or_default();
        if listed.len() < self.max {
            listed.push(violation);
        } else {
            counts.unlisted += 1;
        }
    }

    pub(super) fn unjudged(&mut self, why: Unjudged, counts: &mut Counts) {
        counts.unjudged += 1;
        *self.unjudged.entry(why).or_default() += 1;
    }

    pub(super) fn degraded(&mut self, kind: &'static str, reason: &str) {
        let key = (kind, reason.to_owned());
        if self.degraded.len() < NAMES_MAX || self.degraded.contains_key(&key) {
            *self.degraded.entry(key).or_default() += 1;
        }
    }

    pub(super) fn late(
        &mut self,
        by: Duration,
        id: RequestId,
        partition: i32,
        request_offset: i64,
        result_offset: i64,
    ) {
        let by_us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        if self.late.len() >= LATE_MAX && self.late.peek().is_some_and(|Reverse(least)| least.by_us >= by_us) {
            return;
        }
        let request = id.to_string();
        self.late.push(Reverse(LateTold { by_us, request, partition, request_offset, result_offset }));
        if self.late.len() > LATE_MAX {
            self.late.pop();
        }
    }

    pub(super) fn version(&mut self, version: u64, id: RequestId, place: Place) {
        if self.versions.len() < NAMES_MAX || self.versions.contains_key(&version) {
            self.versions.entry(version).or_insert((0, id, place)).0 += 1;
        }
    }

    pub(super) fn newest_named(&self) -> Option<u64> {
        self.versions.last_key_value().map(|(version, _)| *version)
    }

    /// Returns the versions above `newest`, and 0, which no policy has.
    pub(super) fn versions_beyond(&self, newest: u64) -> Vec<(u64, (u64, RequestId, Place))> {
        let never = |version: &u64| *version == 0 || *version > newest;
        self.versions.iter().filter(|(version, _)| never(version)).map(|(version, first)| (*version, *first)).collect()
    }

    pub(super) fn told(self, partition: i32, counts: Counts, fences: Vec<FenceTold>) -> PartitionTold {
        let mut late: Vec<LateTold> = self.late.into_iter().map(|Reverse(late)| late).collect();
        late.sort_unstable_by(|one, other| other.cmp(one));
        let degraded = self.degraded.into_iter();
        PartitionTold {
            partition,
            counts,
            garbage: GarbageByTopic {
                requests: self.garbage_requests,
                responses: self.garbage_responses,
                results: self.garbage_results,
            },
            violations: self.violations.into_values().flatten().collect(),
            late,
            degraded: degraded.map(|((kind, reason), count)| DegradedTold { kind, reason, count }).collect(),
            unjudged: self.unjudged,
            versions: self.versions.keys().copied().collect(),
            fences,
        }
    }
}
