//! What is read and not confirmed, and what must therefore be kept readable.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use wire::{
    Record, RequestId, Timestamp,
    mutation::{self, Mutation},
};

use super::{Confirmed, Entry};
use crate::{rendezvous::WINDOW, watermarks::Watermarks};

/// A result that was not written for sure is written again so much later.
const RETRY: Duration = Duration::from_millis(50);
/// The wait doubles at most so many times.
const RETRY_DOUBLINGS: u32 = 6;

/// The account of one take-over. Its size follows the requests that are open or on their way into the log.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// By offset of the request: from where responses and results are needed as long as it is held.
    held: BTreeMap<i64, Floors>,
    held_responses: BTreeSet<i64>,
    frozen: HashMap<RequestId, Frozen>,
    again: BTreeSet<(Timestamp, RequestId)>,
    /// Fences that stand, our own and those before us: where a reader of the results may start.
    marks: VecDeque<(i64, Timestamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Floors {
    responses: i64,
    results: i64,
}

/// A result that is decided and not confirmed.
#[derive(Debug)]
struct Frozen {
    entry: Entry,
    attempts: u32,
}

// === impl Books ===

impl Books {
    pub(super) fn hold(&mut self, offset: i64, responses: i64, results: i64) {
        self.held.insert(offset, Floors { responses, results });
    }

    pub(super) fn let_go(&mut self, offset: i64) {
        self.held.remove(&offset);
    }

    pub(super) fn hold_response(&mut self, offset: i64) {
        self.held_responses.insert(offset);
    }

    pub(super) fn let_go_response(&mut self, offset: i64) {
        self.held_responses.remove(&offset);
    }

    pub(super) fn freeze(&mut self, request: RequestId, entry: Entry) {
        if mutation::is(Mutation::SentIsConfirmed) {
            self.held.remove(&entry.offset);
            return;
        }
        self.frozen.insert(request, Frozen { entry, attempts: 0 });
    }

    pub(super) fn replace(&mut self, request: &RequestId, record: Record) -> bool {
        let Some(frozen) = self.frozen.get_mut(request) else { return false };
        frozen.entry.record = record;
        true
    }

    pub(super) fn confirm(&mut self, request: &RequestId) -> Option<Confirmed> {
        let Entry { offset, born, due, .. } = self.frozen.remove(request)?.entry;
        self.held.remove(&offset);
        Some(Confirmed { born, due })
    }

    pub(super) fn entry(&self, request: &RequestId) -> Option<&Entry> {
        self.frozen.get(request).map(|frozen| &frozen.entry)
    }

    pub(super) fn frozen(&self) -> usize {
        self.frozen.len()
    }

    pub(super) fn try_again(&mut self, request: RequestId, now: Timestamp) {
        if let Some(frozen) = self.frozen.get_mut(&request)
            && !mutation::is(Mutation::NeverWrittenAgain)
        {
            let wait = RETRY * 2_u32.pow(frozen.attempts.min(RETRY_DOUBLINGS));
            frozen.attempts += 1;
            self.again.insert((now.after(wait), request));
        }
    }

    /// Returns the same bytes of all that is due to be written again, and was not confirmed meanwhile.
    pub(super) fn due_again(&mut self, now: Timestamp) -> Vec<(RequestId, Record)> {
        let mut records = Vec::new();
        while let Some(&(at, request)) = self.again.first()
            && at <= now
        {
            self.again.pop_first();
            records.extend(self.frozen.get(&request).map(|frozen| (request, frozen.entry.record.clone())));
            if let Some((_, record)) = records.last_mut().filter(|_| mutation::is(Mutation::DecidedAnewOnRetry)) {
                record.payload = record.payload.as_deref().map(|body| [body, b" "].concat().into());
            }
        }
        records
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.again.first().map(|(at, _)| *at)
    }

    /// Takes note of a fence that stands.
    pub(super) fn mark(&mut self, offset: i64, appended: Timestamp) {
        self.marks.push_back((offset, appended));
    }

    /// Returns what is still needed, `next` being the positions read up to. Without a mark that is early enough the
    /// results' is 0.
    pub(super) fn watermarks(&mut self, next: Watermarks, now: Timestamp) -> Watermarks {
        let oldest = self.held.first_key_value().map(|(offset, floors)| (*offset, *floors));
        let oldest = oldest.filter(|_| !mutation::is(Mutation::PositionIsCommitted));
        let (requests, mut floors) =
            oldest.unwrap_or((next.requests, Floors { responses: next.responses, results: next.results }));
        if mutation::is(Mutation::ResponsesAreNotKept) {
            floors.responses = next.responses;
        }
        let held_response = self.held_responses.first().copied().unwrap_or(i64::MAX);
        let window = now.before(WINDOW);
        let early = |(offset, appended): (i64, Timestamp)| offset <= floors.results && appended <= window;
        while self.marks.get(1).copied().is_some_and(early) {
            self.marks.pop_front();
        }
        let results = self.marks.front().copied().filter(|mark| early(*mark)).map_or(0, |(offset, _)| offset);
        Watermarks { requests, responses: floors.responses.min(held_response), results }
    }
}
