//! The audit of one partition: requests meet their results.
//!
//! What it holds: requests without a result, answered ids (40 bytes each), and results that were read before their
//! request. Each is bounded (`Limits`); what does not fit any more is unjudged and never guessed.

mod early;
mod listing;

use std::{collections::HashMap, time::Duration};

use policies::rfc3339;
use wire::{Envelope, Record, Request, RequestId, ResultRecord, Timestamp};

use crate::{
    finding::{Kind, PlaceTold, Unjudged, Violation},
    memory::{Answered, Origin, Seen},
    report::{Counts, PartitionTold},
    rights::{Read, Rights},
    scope::{Beginning, Ending, Place, Scope},
};
use early::Early;
use listing::Listing;

/// Audits one partition. Feed it, then ask for the findings.
#[derive(Debug)]
pub struct PartitionAudit {
    scope: Scope,
    rights: Rights,
    open: HashMap<RequestId, Open>,
    answered: Answered,
    early: HashMap<RequestId, Early>,
    origin: Origin,
    counts: Counts,
    listing: Listing,
    first_request: Option<Timestamp>,
    first_result: Option<Timestamp>,
    /// Whether every request was read.
    requests_ended: bool,
    /// A request appended up to then may have a result that was not heeded.
    blurred: Option<Timestamp>,
    /// Whether there was no room for some request.
    overflowed: bool,
}

/// A request without a result.
#[derive(Clone, Copy, Debug)]
struct Open {
    place: Place,
    deadline: Timestamp,
    /// Whether this is not its partition.
    misplaced: bool,
}

/// A clock ahead of the broker's buys nobody time: no request is born later than so much after the log took it in.
const ROUNDED: Duration = Duration::from_millis(1);
/// A fence is repeated far more often than this: so far into a log without beginning it is known which one is accepted.
const SETTLED_AFTER: Duration = Duration::from_secs(30);
/// A collector remembers a decided id so long: a copy of its request before that leads to nothing, one after that is
/// a new request.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);
/// The version that a result names which names another rendezvous' policy: no version has this number.
const NO_VERSION: u64 = 0;
/// Two brokers' clocks differ by less.
const SKEW: Duration = Duration::from_secs(5);

// === impl PartitionAudit ===

impl PartitionAudit {
    /// Returns an audit that has read nothing yet.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let limits = scope.limits;
        Self {
            rights: Rights::new(scope.partition, limits.fencings),
            open: HashMap::new(),
            answered: Answered::new(limits.answered),
            early: HashMap::new(),
            origin: Origin::default(),
            counts: Counts::default(),
            listing: Listing::new(limits.listed),
            first_request: None,
            first_result: None,
            requests_ended: false,
            blurred: None,
            overflowed: false,
            scope,
        }
    }

    /// Reads a record of the requests.
    pub fn on_request(&mut self, place: Place, record: &Record) {
        self.first_request.get_or_insert(place.appended);
        match Envelope::decode(record) {
            Ok(Envelope::Request(request)) if request.policy.rendezvous == self.scope.rendezvous => {
                self.take_request(place, &request);
            }
            // A request of another rendezvous goes to the dead letters.
            Ok(Envelope::Request(_)) => self.counts.refused += 1,
            Ok(_) | Err(_) => self.listing.garbage_requests.note(place.offset),
        }
    }

    /// Reads a record of the responses: whether it is one.
    pub fn on_response(&mut self, place: Place, record: &Record) {
        match Envelope::decode(record) {
            Ok(Envelope::Response(response)) if self.is_home_of(&response.request) => self.counts.responses += 1,
            Ok(_) | Err(_) => self.listing.garbage_responses.note(place.offset),
        }
    }

    /// Reads a record of the results.
    pub fn on_result(&mut self, place: Place, record: &Record) {
        self.first_result.get_or_insert(place.appended);
        let settling = self.is_settling(place);
        match self.rights.read(place, record, settling) {
            Read::Garbage => self.listing.garbage_results.note(place.offset),
            Read::Valid(_) | Read::Void if settling => self.leave_unsettled(place),
            Read::Fence | Read::Void => {}
            Read::Valid(result) => self.take_result(place, &result),
        }
    }

    /// Hears that there are no more requests.
    pub fn on_requests_end(&mut self) {
        self.requests_ended = true;
        let mut early: Vec<_> = std::mem::take(&mut self.early).into_iter().collect();
        early.sort_unstable_by_key(|(_, early)| early.place.offset);
        for (id, early) in early {
            self.judge_unknown(id, &early);
        }
    }

    /// Hears that requests were deleted before they were read: what comes next is the oldest that is held.
    pub fn on_requests_gone(&mut self) {
        self.scope.requests = Beginning::Gone;
        self.first_request = None;
    }

    /// Hears that results were deleted before they were read, and with them perhaps a fence.
    pub fn on_results_gone(&mut self) {
        self.scope.results = Beginning::Gone;
        self.first_result = None;
        self.rights.lose_sight();
    }

    /// Returns the highest version of the policy that a result names.
    #[must_use]
    pub fn newest_named(&self) -> Option<u64> {
        self.listing.newest_named()
    }

    /// Returns how many requests have no result yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Returns when the last of the open requests will be missing.
    #[must_use]
    pub fn due(&self, grace: Duration) -> Option<Timestamp> {
        self.open.values().map(|open| open.over(grace)).max()
    }

    /// Returns what was found.
    #[must_use]
    pub fn finish(mut self, ending: &Ending) -> PartitionTold {
        if !self.requests_ended {
            self.on_requests_end();
        }
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_unstable_by_key(|(_, open)| open.place.offset);
        for (id, open) in open {
            self.judge_open(id, open, ending);
        }
        if let Some(newest) = ending.newest_version {
            self.judge_versions(newest);
        }
        let Self { mut counts, scope, rights, listing, .. } = self;
        counts.accepted += counts.results + counts.missing + counts.open;
        counts.void = rights.void;
        counts.fences_accepted = rights.fences;
        counts.unlisted += rights.unlisted;
        listing.told(scope.partition, counts, rights.finish())
    }

    fn take_request(&mut self, place: Place, request: &Request) {
        let id = request.id;
        if self.open.contains_key(&id) {
            self.counts.copies += 1;
            return;
        }
        if let Some(seen) = self.answered.get_mut(&id) {
            self.counts.copies += 1;
            if place.appended >= seen.place(&self.origin).appended.after(REMEMBERED_FOR) {
                seen.ask_again();
            }
            return;
        }
        // A starter whose clock runs ahead must not buy its requests time.
        let born = request.born.min(place.appended.after(ROUNDED));
        let misplaced = !self.is_home_of(&id);
        let open = Open { place, deadline: request.budget.deadline(born), misplaced };
        if let Some(mut early) = self.early.remove(&id) {
            // Where requests are gone it may be the copy of one that this result was of.
            let long_ago = place.appended >= early.place.appended.after(REMEMBERED_FOR);
            if long_ago && self.scope.requests != Beginning::Whole {
                early.seen.ask_again();
            }
            return self.settle(id, open, early);
        }
        if self.open.len() >= self.scope.limits.open {
            self.overflowed = true;
            self.counts.accepted += 1;
            self.listing.unjudged(Unjudged::Forgotten, &mut self.counts);
            return;
        }
        self.open.insert(id, open);
    }

    fn take_result(&mut self, place: Place, result: &ResultRecord) {
        let id = result.request;
        if let Some(open) = self.open.remove(&id) {
            let early = self.read(place, result, false);
            return self.settle(id, open, early);
        }
        if let Some(early) = self.early.get_mut(&id) {
            let mut copy = early.seen;
            self.again(place, result, &mut copy);
            if let Some(early) = self.early.get_mut(&id) {
                early.seen = copy;
            }
            return;
        }
        if let Some(seen) = self.answered.get_mut(&id) {
            let mut copy = *seen;
            self.again(place, result, &mut copy);
            if let Some(seen) = self.answered.get_mut(&id) {
                *seen = copy;
            }
            return;
        }
        let early = self.read(place, result, self.scope.requests != Beginning::Whole);
        if self.requests_ended {
            self.judge_unknown(id, &early);
        } else if self.early.len() >= self.scope.limits.early {
            self.blur(place.appended);
            self.listing.unjudged(Unjudged::Forgotten, &mut self.counts);
        } else {
            self.early.insert(id, early);
        }
    }

    fn read(&mut self, place: Place, result: &ResultRecord, with_birth: bool) -> Early {
        let seen = Seen::new(&mut self.origin, None, place, result);
        let ours = result.policy.rendezvous == self.scope.rendezvous;
        Early::new(seen, place, result, if ours { result.policy.version } else { NO_VERSION }, with_birth)
    }

    /// A request and its first valid result.
    fn settle(&mut self, id: RequestId, open: Open, early: Early) {
        let Early { seen, place, degraded, version, .. } = early;
        self.counts.results += 1;
        self.counts.moved += u64::from(open.misplaced);
        let by = place.appended.since(open.deadline);
        if !by.is_zero() {
            self.counts.late += 1;
            self.listing.late(by, id, self.scope.partition, open.place.offset, place.offset);
        }
        if let Some((kind, reason)) = degraded {
            self.counts.degraded += 1;
            self.listing.degraded(kind, &reason);
        }
        self.listing.version(version, id, place);
        self.answered.put(id, seen.with_request(&mut self.origin, open.place.offset));
    }

    /// A valid result of an id that has one.
    fn again(&mut self, place: Place, result: &ResultRecord, seen: &mut Seen) {
        let (same, own) = (seen.says(result), seen.is_written_by_the_writer_of(result));
        let (first, request) = (seen.place(&self.origin), seen.request(&self.origin));
        if same && own {
            self.counts.repeats += 1;
            let apart = place.offset.abs_diff(first.offset);
            self.counts.repeats_apart = self.counts.repeats_apart.max(apart);
            return;
        }
        if seen.is_asked_again() {
            self.counts.again += 1;
            *seen = Seen::new(&mut self.origin, request, place, result);
            return;
        }
        // Its requests are gone, and the one that asked again may be among them.
        let long_after = place.appended >= first.appended.after(REMEMBERED_FOR);
        if request.is_none() && self.scope.requests != Beginning::Whole && long_after {
            self.listing.unjudged(Unjudged::RequestGone, &mut self.counts);
            *seen = Seen::new(&mut self.origin, None, place, result);
            return;
        }
        self.counts.second += 1;
        self.counts.contradictory += u64::from(!same);
        let epoch = result.fencing.epoch;
        let (kind, sentence) = match (same, own) {
            (true, _) => (
                Kind::Second,
                format!("the result at offset {} is written again under another fence (epoch {epoch})", first.offset),
            ),
            (false, true) => (
                Kind::Contradictory,
                format!(
                    "the result at offset {} says something else, by the same writer (epoch {epoch})",
                    first.offset
                ),
            ),
            (false, false) => (
                Kind::Contradictory,
                format!(
                    "the result at offset {} says something else, under another fence (not epoch {epoch})",
                    first.offset
                ),
            ),
        };
        self.violate(
            kind,
            result.request,
            [request.map(PlaceTold::at), Some(first.into()), Some(place.into())],
            sentence,
        );
    }

    /// A valid result whose request was not read.
    fn judge_unknown(&mut self, id: RequestId, early: &Early) {
        if early.place.offset >= self.scope.snapshot {
            return;
        }
        let place = early.place;
        let gone = self.scope.requests.cut(self.first_request);
        let maybe_gone = match (self.scope.requests, gone) {
            (Beginning::Whole, _) => false,
            // Nothing is left of the requests.
            (_, None) => true,
            (_, Some(cut)) => early.born.is_none_or(|born| born <= cut.after(SKEW)),
        };
        if self.overflowed || self.answered.forgot() {
            self.listing.unjudged(Unjudged::Forgotten, &mut self.counts);
        } else if maybe_gone {
            match self.scope.requests {
                Beginning::Since(_) => self.counts.earlier += 1,
                _ => self.listing.unjudged(Unjudged::RequestGone, &mut self.counts),
            }
        } else {
            let home = id.partition(self.scope.partitions);
            let (kind, sentence) = if home == self.scope.partition {
                self.counts.invented += 1;
                (Kind::Invented, "there is no request of this id".to_owned())
            } else {
                self.counts.misplaced += 1;
                (
                    Kind::Misplaced,
                    format!("it is a valid result in partition {}, and belongs into {home}", self.scope.partition),
                )
            };
            self.violate(kind, id, [None, None, Some(place.into())], sentence);
        }
        self.answered.put(id, early.seen);
    }

    /// A request without a result, when all is read.
    fn judge_open(&mut self, id: RequestId, open: Open, ending: &Ending) {
        let Open { place, deadline, misplaced } = open;
        let over = open.over(ending.grace) <= ending.as_of;
        if misplaced && ending.refused.contains(&place.offset) {
            self.counts.refused += 1;
        } else if !over {
            self.counts.open += 1;
        } else if let Some(why) = self.excuse(id, place) {
            self.counts.accepted += 1;
            self.listing.unjudged(why, &mut self.counts);
        } else if misplaced {
            self.counts.misplaced += 1;
            let home = id.partition(self.scope.partitions);
            let sentence = format!("the request belongs into partition {home}, and was neither answered nor refused");
            self.violate(Kind::Misplaced, id, [Some(place.into()), None, None], sentence);
        } else {
            self.counts.missing += 1;
            let (deadline, as_of) = (rfc3339(deadline), rfc3339(ending.as_of));
            let sentence = format!("its deadline was {deadline}, and up to {as_of} there is no valid result");
            self.violate(Kind::Missing, id, [Some(place.into()), None, None], sentence);
        }
    }

    /// Returns why it cannot be said that a request has no result.
    fn excuse(&self, id: RequestId, place: Place) -> Option<Unjudged> {
        let unheeded = self.blurred.is_some_and(|until| place.appended <= until.after(SKEW));
        let all_gone = self.scope.results == Beginning::Gone && self.first_result.is_none();
        // It may be a copy of one that was answered before.
        let cuts = [self.scope.requests.cut(self.first_request), self.scope.results.cut(self.first_result)];
        let near = |cut: Timestamp| place.appended <= cut.after(REMEMBERED_FOR);
        if unheeded || all_gone || cuts.into_iter().flatten().any(near) {
            return Some(Unjudged::ResultGone);
        }
        // A caller may give a key again after any time; whoever remembered its result need not answer again.
        if id.is_from_key() && self.scope.requests != Beginning::Whole {
            return Some(Unjudged::ResultGone);
        }
        (id.is_from_key() && self.answered.forgot()).then_some(Unjudged::Forgotten)
    }

    /// Results that name a version which never was.
    fn judge_versions(&mut self, newest: u64) {
        for (version, (count, id, place)) in self.listing.versions_beyond(newest) {
            self.counts.invented += count;
            let sentence = format!("{count} results, this one first, name version {version}: the newest is {newest}");
            self.violate(Kind::Invented, id, [None, None, Some(place.into())], sentence);
        }
    }

    fn violate(&mut self, kind: Kind, id: RequestId, places: [Option<PlaceTold>; 3], sentence: String) {
        let [request_at, first_at, result_at] = places;
        let (request, partition) = (id.to_string(), self.scope.partition);
        let violation = Violation { kind, request, partition, request_at, first_at, result_at, sentence };
        self.listing.violation(violation, &mut self.counts);
    }

    /// A result of which it cannot be known whether it is valid.
    fn leave_unsettled(&mut self, place: Place) {
        self.blur(place.appended);
        // What lies before the instant asked for is read for its fences only.
        if self.scope.results == Beginning::Gone {
            self.listing.unjudged(Unjudged::FenceGone, &mut self.counts);
        }
    }

    /// Returns whether it is not known yet which fence is accepted, because the log's beginning was not read.
    fn is_settling(&self, place: Place) -> bool {
        let cut = self.scope.results.cut(self.first_result);
        cut.is_some_and(|cut| !self.rights.has_owner() || place.appended < cut.after(SETTLED_AFTER))
    }

    fn blur(&mut self, until: Timestamp) {
        self.blurred = self.blurred.max(Some(until));
    }

    fn is_home_of(&self, id: &RequestId) -> bool {
        id.partition(self.scope.partitions) == self.scope.partition
    }
}

// === impl Open ===

impl Open {
    /// Returns when a result is missing: a request that was dead when the log took it in gets its time from then.
    fn over(&self, grace: Duration) -> Timestamp {
        self.deadline.max(self.place.appended).after(grace)
    }
}
