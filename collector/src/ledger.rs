//! Who may write a partition's results, what is already written, and from where a successor must read.
//!
//! Pure: time is an argument. A partition is taken over by a fence inside its results: whoever has the highest epoch
//! in the log's order may write (`wire::ResultsReader` is the rule). Laws, each tested by name:
//! - *Nothing before the fence*: no result is written before the own fence was read back as accepted.
//! - *A predecessor is not disturbed*: the fence is written only when all that took long is done.
//! - *Frozen*: a result once decided is only ever written again byte for byte.
//! - *Read back is confirmed*: only a result that was read back as valid counts as written; an acknowledgement does
//!   not, because the record may lie behind somebody else's fence.
//! - *No timer before all is heard*: what a predecessor can have heard is heard before anything is decided by time.
//! - *Watermarks stay behind*: they never pass a request whose result is not confirmed.
//!
//! It deliberately does not know what is decided (`rendezvous`) nor how records move (`run`).

mod books;
mod takeover;

use std::{collections::VecDeque, ops::Range, time::Duration};

use wire::{
    Budget, Fence, Fencing, Reading, Record, RequestId, ResultRecord, ResultsReader, Timestamp,
    mutation::{self, Mutation::FencedOffGoesOn},
};

use books::Books;
use takeover::{Instances, Stage};

use crate::watermarks::Watermarks;

/// An owner repeats its fence so often: readers may start anywhere in the last minute and must find one.
const FENCE_EVERY: Duration = Duration::from_secs(5);
/// A fence that could not be written is tried again so much later.
const FENCE_RETRY: Duration = Duration::from_millis(100);
/// Repeats of results are recognised within so many: more than can be on their way at a time.
const REPEATS_MAX: usize = 1 << 16;

/// The right to write one partition's results, and the account of what was written.
#[derive(Debug)]
pub struct Ledger {
    stage: Stage,
    instances: Instances,
    /// Where a take-over of this partition starts to read.
    safe: Watermarks,
    /// Whether anything was ever committed; without it reading starts at the oldest records held.
    known: bool,
    reader: ResultsReader,
    next: Watermarks,
    next_fence: Timestamp,
    books: Books,
    survey: u32,
    actions: VecDeque<Action>,
}

/// What the loop is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask what the three partitions hold; tell it by `on_spans` with this number.
    Survey(u32),
    /// Deliver results from here on, at once: a take-over waits for them.
    ReadResults(i64),
    /// Deliver results from here on, at leisure: they only confirm what was written, and show rivals. Of requests and
    /// responses, too, no take-over waits any more.
    FollowResults(i64),
    /// Deliver requests and responses from these offsets on.
    Replay {
        /// From where of the requests.
        requests: i64,
        /// From where of the responses.
        responses: i64,
    },
    /// Deliver neither requests nor responses.
    Halt,
    /// Write this fence into the results.
    WriteFence(Fence),
    /// Write this record into the results.
    WriteResult(RequestId, Fencing, Record),
}

/// What the three partitions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// Offsets of the requests held.
    pub requests: Range<i64>,
    /// Offsets of the responses held.
    pub responses: Range<i64>,
    /// Offsets of the results held.
    pub results: Range<i64>,
}

/// What a fence that was read meant to this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// The partition is ours: what was decided before is known, and nobody else can decide.
    TakenOver,
    /// Ours again, as it was.
    Repeated,
    /// Somebody else took the partition over: everything in hand is void.
    Lost,
    /// It is of no concern.
    Ignored,
}

/// A result, decided: it is written as it stands until it is confirmed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where its request lies.
    pub offset: i64,
    /// When its request was born.
    pub born: Timestamp,
    /// How long its answer could take.
    pub budget: Budget,
    /// The record.
    pub record: Record,
    /// The instant from which its way back is measured, if it is to be.
    pub due: Option<Timestamp>,
}

/// What is known of a result that was read back.
#[derive(Clone, Copy, Debug)]
pub struct Confirmed {
    /// When its request was born.
    pub born: Timestamp,
    /// The instant from which its way back is measured, if it is to be.
    pub due: Option<Timestamp>,
}

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// Perhaps it can be, or perhaps it was: write the same bytes again.
    Uncertain,
    /// It can never be.
    TooLarge,
}

// === impl Ledger ===

impl Ledger {
    /// Takes a partition over that was `committed` up to there, or never. `seed` names this owner and is never used
    /// again.
    #[must_use]
    pub fn new(committed: Option<Watermarks>, seed: uuid::Uuid) -> Self {
        let mut ledger = Self {
            stage: Stage::Surveying,
            instances: Instances::new(seed),
            safe: committed.unwrap_or_default(),
            known: committed.is_some(),
            reader: ResultsReader::new(REPEATS_MAX),
            next: Watermarks::default(),
            next_fence: Timestamp::EPOCH,
            books: Books::default(),
            // Answers to questions of an earlier life of the same partition must not be taken for ours.
            survey: seed.as_fields().0 >> 1,
            actions: VecDeque::new(),
        };
        ledger.ask();
        ledger
    }

    /// Hears what the partitions hold. Returns whether the watermarks had to be moved because records that are still
    /// needed are gone: that loses requests and must be told.
    pub fn on_spans(&mut self, survey: u32, spans: &Spans) -> bool {
        if survey != self.survey {
            return false;
        }
        match &mut self.stage {
            Stage::Surveying => self.warm_up(spans),
            Stage::CatchingUp { ends, .. } => {
                *ends = Some((spans.requests.end, spans.responses.end));
                false
            }
            _ => false,
        }
    }

    /// Hears a fence of the results.
    pub fn on_fence(&mut self, fence: Fence, offset: i64, appended: Timestamp, now: Timestamp) -> Fenced {
        if !self.reads_result(offset) {
            return Fenced::Ignored;
        }
        let accepted = self.reader.on_fence(fence);
        let stands = self.reader.accepted() == Some(fence.0);
        if stands {
            // Whoever begins to read here takes what follows as we do, whosever fence it is.
            self.books.mark(offset, appended);
        }
        match (self.fencing(), accepted) {
            (Some(own), true) if own == fence.0 => self.take_over(own),
            (Some(own), false) if own == fence.0 && stands => Fenced::Repeated,
            (Some(_), true) if !mutation::is(FencedOffGoesOn) => self.lose(now),
            _ => Fenced::Ignored,
        }
    }

    /// Hears a result. A valid one of ours is thereby confirmed; returns what is known of it.
    pub fn on_result(&mut self, result: &ResultRecord, offset: i64) -> (Reading, Option<Confirmed>) {
        if !self.reads_result(offset) {
            return (Reading::Void, None);
        }
        let reading = self.reader.on_result(result);
        let confirmed = if reading == Reading::Void { None } else { self.books.confirm(&result.request) };
        (reading, confirmed)
    }

    /// Hears that a record of the results could not be understood.
    pub fn on_garbage(&mut self, offset: i64) {
        self.reads_result(offset);
    }

    /// Hears that too much is in hand to hear more before the fence: what is left is read behind it.
    pub fn on_full(&mut self) {
        if let Stage::Warming { full, .. } | Stage::Fencing { full, .. } = &mut self.stage
            && !std::mem::replace(full, true)
        {
            self.actions.push_back(Action::Halt);
        }
    }

    /// Hears that a request was read; returns whether it is to be heeded.
    pub fn on_request(&mut self, offset: i64) -> bool {
        let heeded = self.stage.reads() && offset >= self.next.requests;
        if heeded {
            self.next.requests = offset + 1;
        }
        heeded
    }

    /// Hears that a response was read; returns whether it is to be heeded.
    pub fn on_response(&mut self, offset: i64) -> bool {
        let heeded = self.stage.reads() && offset >= self.next.responses;
        if heeded {
            self.next.responses = offset + 1;
        }
        heeded
    }

    /// Holds the watermarks behind the request at `offset` until its result is confirmed, or until it is let go.
    /// `oldest_orphan` is the oldest response whose request has not been read: it may be this one's.
    pub fn hold(&mut self, offset: i64, oldest_orphan: Option<i64>) {
        // Later requests are held behind this one. Those that were decided in an earlier life may have results as
        // far back as this take-over read; those yet to come have them in front of us.
        let results = if self.running_since().is_some() { self.next.results } else { self.safe.results };
        self.books.hold(offset, oldest_orphan.unwrap_or(self.next.responses), results);
    }

    /// Lets the request at `offset` go: nothing will be written for it.
    pub fn let_go(&mut self, offset: i64) {
        self.books.let_go(offset);
    }

    /// Holds the watermarks behind the response at `offset` until it is let go.
    pub fn hold_response(&mut self, offset: i64) {
        self.books.hold_response(offset);
    }

    /// Lets the response at `offset` go.
    pub fn let_go_response(&mut self, offset: i64) {
        self.books.let_go_response(offset);
    }

    /// Writes the result of a held request, made under our fencing.
    pub fn write(&mut self, request: RequestId, entry: Entry) {
        let Some(fencing) = self.fencing().filter(|_| self.stage.owns()) else { return };
        self.actions.push_back(Action::WriteResult(request, fencing, entry.record.clone()));
        self.books.freeze(request, entry);
    }

    /// Hears that a result was not written for sure. Returns its entry if a smaller one must be given by `shrink`.
    pub fn on_result_unwritten(
        &mut self,
        request: RequestId,
        by: Fencing,
        why: Unwritten,
        now: Timestamp,
    ) -> Option<&Entry> {
        if self.fencing() != Some(by) {
            return None;
        }
        match why {
            Unwritten::TooLarge => self.books.entry(&request),
            Unwritten::Uncertain => {
                self.books.try_again(request, now);
                None
            }
        }
    }

    /// Puts a smaller record in the place of one that no log would ever take.
    pub fn shrink(&mut self, request: RequestId, record: Record) {
        let Some(fencing) = self.fencing() else { return };
        if self.books.replace(&request, record.clone()) {
            self.actions.push_back(Action::WriteResult(request, fencing, record));
        }
    }

    /// Hears that a fence was not written for sure.
    pub fn on_fence_unwritten(&mut self, by: Fencing, now: Timestamp) {
        if self.fencing() == Some(by) {
            self.next_fence = self.next_fence.min(now.after(FENCE_RETRY));
        }
    }

    /// Hears that the log does not hold what was to be read: everything starts over from what it does hold.
    pub fn on_offset_gone(&mut self) {
        self.reset();
        self.ask();
    }

    /// Does what is due at `now`: the next stage, fences, results to be written again. Returns how many results
    /// are written again.
    pub fn on_time(&mut self, now: Timestamp) -> usize {
        self.advance(now);
        self.repeat_fence(now);
        let Some(fencing) = self.fencing() else { return 0 };
        let again = self.books.due_again(now);
        let count = again.len();
        self.actions.extend(again.into_iter().map(|(id, record)| Action::WriteResult(id, fencing, record)));
        count
    }

    /// Returns the next instant worth waking for.
    #[must_use]
    pub fn next_time(&self) -> Option<Timestamp> {
        let fence = self.fencing().map(|_| self.next_fence);
        [fence, self.stage.yields_until(), self.books.next_time()].into_iter().flatten().min()
    }

    /// Returns what to do next, in order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns the fencing under which results may be written now.
    #[must_use]
    pub fn fencing(&self) -> Option<Fencing> {
        self.stage.fencing()
    }

    /// Returns whether the own fence was read back: what is decided may be written, and nobody else writes.
    #[must_use]
    pub fn owns(&self) -> bool {
        self.stage.owns()
    }

    /// Returns the next request to read: where whoever reads them by other means goes on.
    #[must_use]
    pub fn next_request(&self) -> i64 {
        self.next.requests
    }

    /// Returns the next response to read.
    #[must_use]
    pub fn next_response(&self) -> i64 {
        self.next.responses
    }

    /// Returns since when the partition is served and time may decide; `None` before.
    #[must_use]
    pub fn running_since(&self) -> Option<Timestamp> {
        self.stage.running_since()
    }

    /// Returns how many results are written and not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.books.frozen()
    }

    /// Returns from where a successor must read, once there is more to say than was committed before. The oldest
    /// response whose request has not been read yet must be given.
    pub fn watermarks(&mut self, oldest_orphan: Option<i64>, now: Timestamp) -> Option<Watermarks> {
        self.running_since()?;
        let mut needed = self.books.watermarks(self.next, now);
        needed.responses = needed.responses.min(oldest_orphan.unwrap_or(i64::MAX));
        needed.results = needed.results.max(self.safe.results);
        let changed = needed != self.safe;
        self.safe = needed;
        changed.then_some(needed)
    }

    /// Counts a record of the results as read; `false` if it is not to be heeded.
    fn reads_result(&mut self, offset: i64) -> bool {
        let heeded = self.stage.reads_results() && offset >= self.next.results;
        if heeded {
            self.next.results = offset + 1;
        }
        heeded
    }
}

#[cfg(test)]
mod tests;
