//! What came of an audit, over all partitions.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use wire::{RendezvousName, Timestamp};

use crate::finding::{DegradedTold, GarbageTold, LateTold, Unjudged, Violation, instant};
use crate::rights::FenceTold;

/// What came of an audit. As JSON its fields are documented in `docs/audit.md`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The rendezvous.
    pub rendezvous: String,
    /// Whether nothing that was read breaks the promise.
    pub ok: bool,
    /// How many of what, over all partitions.
    #[serde(flatten)]
    pub counts: Counts,
    /// What the promise was broken by.
    pub violations: Vec<Violation>,
    /// The latest results, worst first.
    pub latest: Vec<LateTold>,
    /// Degraded answers by kind and reason.
    pub degraded_by: Vec<DegradedTold>,
    /// What could not be judged, by why.
    pub unjudged_by: BTreeMap<Unjudged, u64>,
    /// Records that are not what their topic holds.
    pub garbage: GarbageByTopic,
    /// What the dead letters hold.
    pub dead_letters: DeadLetters,
    /// Every fencing that was seen.
    pub fences: Vec<FenceTold>,
    /// The same, partition by partition.
    pub partitions: Vec<PartitionTold>,
    /// Requests before this instant were not read; `None` if all that are held were.
    #[serde(serialize_with = "instant")]
    pub since: Option<Timestamp>,
    /// Every result appended before this instant was read.
    #[serde(serialize_with = "instant")]
    pub as_of: Option<Timestamp>,
    /// A request without a result so long after its deadline is missing, in microseconds.
    pub grace_us: u64,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Distinct ids in the requests that were taken in.
    pub accepted: u64,
    /// Those that have a valid result.
    pub results: u64,
    /// Those that have none, and their time is over.
    pub missing: u64,
    /// Valid results that are one too many, the contradictory among them.
    pub second: u64,
    /// Valid results that say something else than the first of their id.
    pub contradictory: u64,
    /// Results written without the right to.
    pub void: u64,
    /// First valid results appended after their request's deadline.
    pub late: u64,
    /// First valid results that are defaults or errors.
    pub degraded: u64,
    /// Requests that have no result yet, and are in their time.
    pub open: u64,
    /// Valid results that no request led to.
    pub invented: u64,
    /// Requests and valid results in a partition that is not theirs.
    pub misplaced: u64,
    /// A writer's own repeats, byte for byte.
    pub repeats: u64,
    /// How many offsets at most lie between a result and a repeat of it.
    pub repeats_apart: u64,
    /// Second copies of requests.
    pub copies: u64,
    /// Results of ids that were asked again after a collector forgets them: new requests by contract.
    pub again: u64,
    /// Requests answered in the partition they lie in, which the topic's present number of partitions would not give.
    pub moved: u64,
    /// Requests that were not taken in: of another rendezvous, or in a wrong partition and in the dead letters.
    pub refused: u64,
    /// Results of requests from before the instant that was asked for.
    pub earlier: u64,
    /// What cannot be judged by what was read.
    pub unjudged: u64,
    /// Responses.
    pub responses: u64,
    /// Fences that took a partition over.
    pub fences_accepted: u64,
    /// What was too much to be listed, and is counted all the same.
    pub unlisted: u64,
}

/// Records that are not what their topic holds, by topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GarbageByTopic {
    /// In the requests.
    pub requests: GarbageTold,
    /// In the responses, those in a wrong partition among them.
    pub responses: GarbageTold,
    /// In the results.
    pub results: GarbageTold,
}

/// What the dead letters hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetters {
    /// How many there are.
    pub count: u64,
    /// By the topic they come from.
    pub by_origin: BTreeMap<String, u64>,
}

/// What was found in one partition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartitionTold {
    /// Which.
    pub partition: i32,
    /// How many of what.
    #[serde(flatten)]
    pub counts: Counts,
    /// Records that are not what their topic holds.
    pub garbage: GarbageByTopic,
    /// The versions that valid results name.
    pub versions: Vec<u64>,
    /// Told with all others', in the report.
    #[serde(skip)]
    pub violations: Vec<Violation>,
    /// Told with all others'.
    #[serde(skip)]
    pub late: Vec<LateTold>,
    /// Told with all others'.
    #[serde(skip)]
    pub degraded: Vec<DegradedTold>,
    /// Told with all others'.
    #[serde(skip)]
    pub unjudged: BTreeMap<Unjudged, u64>,
    /// Told with all others'.
    #[serde(skip)]
    pub fences: Vec<FenceTold>,
}

/// So many late results are listed.
const LATE_MAX: usize = 10;

// === impl Report ===

impl Report {
    /// Returns a report of nothing yet.
    #[must_use]
    pub fn new(rendezvous: &RendezvousName, since: Option<Timestamp>, grace: Duration) -> Self {
        Self {
            rendezvous: rendezvous.to_string(),
            ok: true,
            counts: Counts::default(),
            violations: Vec::new(),
            latest: Vec::new(),
            degraded_by: Vec::new(),
            unjudged_by: BTreeMap::new(),
            garbage: GarbageByTopic::default(),
            dead_letters: DeadLetters::default(),
            fences: Vec::new(),
            partitions: Vec::new(),
            since,
            as_of: None,
            grace_us: u64::try_from(grace.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Adds what was found in one more partition, whose results were read up to `as_of`.
    pub fn add(&mut self, mut told: PartitionTold, as_of: Timestamp) {
        self.as_of = Some(self.as_of.map_or(as_of, |earliest| earliest.min(as_of)));
        self.counts.add(&told.counts);
        self.ok = self.counts.ok();
        self.violations.append(&mut told.violations);
        self.fences.append(&mut told.fences);
        self.latest.append(&mut told.late);
        self.latest.sort_unstable_by(|one, other| other.cmp(one));
        self.latest.truncate(LATE_MAX);
        for DegradedTold { kind, reason, count } in told.degraded.drain(..) {
            match self.degraded_by.iter_mut().find(|have| (have.kind, &have.reason) == (kind, &reason)) {
                Some(have) => have.count += count,
                None => self.degraded_by.push(DegradedTold { kind, reason, count }),
            }
        }
        for (why, count) in std::mem::take(&mut told.unjudged) {
            *self.unjudged_by.entry(why).or_default() += count;
        }
        self.garbage.requests.add(told.garbage.requests);
        self.garbage.responses.add(told.garbage.responses);
        self.garbage.results.add(told.garbage.results);
        self.partitions.push(told);
    }
}

// === impl Counts ===

impl Counts {
    /// Returns whether nothing here breaks the promise.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.missing + self.second + self.contradictory + self.invented + self.misplaced == 0
    }

    fn add(&mut self, other: &Self) {
        let Self {
            accepted,
            results,
            missing,
            second,
            contradictory,
            void,
            late,
            degraded,
            open,
            invented,
            misplaced,
            repeats,
            repeats_apart,
            copies,
            again,
            moved,
            refused,
            earlier,
            unjudged,
            responses,
            fences_accepted,
            unlisted,
        } = *other;
        self.repeats_apart = self.repeats_apart.max(repeats_apart);
        for (have, more) in [
            (&mut self.accepted, accepted),
            (&mut self.results, results),
            (&mut self.missing, missing),
            (&mut self.second, second),
            (&mut self.contradictory, contradictory),
            (&mut self.void, void),
            (&mut self.late, late),
            (&mut self.degraded, degraded),
            (&mut self.open, open),
            (&mut self.invented, invented),
            (&mut self.misplaced, misplaced),
            (&mut self.repeats, repeats),
            (&mut self.copies, copies),
            (&mut self.again, again),
            (&mut self.moved, moved),
            (&mut self.refused, refused),
            (&mut self.earlier, earlier),
            (&mut self.unjudged, unjudged),
            (&mut self.responses, responses),
            (&mut self.fences_accepted, fences_accepted),
            (&mut self.unlisted, unlisted),
        ] {
            *have += more;
        }
    }
}
