//! Requests, responses and results of one partition meet, in whatever order they are read, and each request is handed
//! out once.
//!
//! Laws: whatever the order in which records of different topics are told, the same requests come out with the same
//! records; a record that comes again changes nothing; from the positions on that `positions` names, all that is still
//! needed is in the log; what is held is bounded, and a request that is given up for that is handed out and says so.
//! Each topic is told in the order of its offsets, and no topic long before the others.
//! A record counts if the log took it in by its request's end, whenever it is read: so what is read late is no different.

mod memory;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    time::Duration,
};

use policies::{Given, Recorded};
use serde::{Deserialize, Serialize};
use wire::{ExecutorId, Request, RequestId, Response, Timestamp};

use self::memory::Memory;
use crate::pair::size;

/// The topics of a rendezvous that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Who is asked what.
    Requests,
    /// What they say.
    Responses,
    /// What was decided.
    Results,
}

/// Where a record lies in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of which topic.
    pub topic: Topic,
    /// Its offset.
    pub offset: i64,
}

/// One offset in each topic of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// In requests.
    pub requests: i64,
    /// In responses.
    pub responses: i64,
    /// In results.
    pub results: i64,
}

/// How much is held, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many requests at once.
    pub open: usize,
    /// So many bytes of them and their responses.
    pub bytes: usize,
    /// So long after a request's deadline an answer still counts.
    pub patience: Duration,
    /// So many requests are remembered as done; where more would have to be, what is open longest is given up.
    pub remembered: usize,
}

/// A request that is done, with all that counts.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Everything that was read of it.
    pub recorded: Recorded,
    /// Whether it was given up because too much was held.
    pub evicted: bool,
}

/// The requests of one partition.
#[derive(Debug)]
pub struct Pairing {
    limits: Limits,
    /// Requests that ask none of these are left out.
    canaries: HashSet<ExecutorId>,
    open: HashMap<RequestId, Open>,
    /// When each is done at the latest.
    due: BTreeSet<(Timestamp, RequestId)>,
    /// Where the records of what is open begin.
    needed: [BTreeSet<(i64, RequestId)>; 3],
    bytes: usize,
    next: Positions,
    memory: Memory,
    /// What was said about some request that the log took in until then was given up before the request was read.
    blind: Timestamp,
    settled: VecDeque<Settled>,
}

#[derive(Debug)]
struct Open {
    recorded: Recorded,
    due: Timestamp,
    bytes: usize,
    /// Its first record in each topic.
    first: [Option<i64>; 3],
    /// Its last one.
    last: Positions,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self { open: 16_384, bytes: 64 << 20, patience: Duration::from_secs(10), remembered: 16_384 }
    }
}

// === impl Pairing ===

impl Pairing {
    /// Begins with requests that ask one of `canaries`.
    #[must_use]
    pub fn new(canaries: impl IntoIterator<Item = ExecutorId>, limits: Limits) -> Self {
        Self {
            canaries: canaries.into_iter().collect(),
            open: HashMap::new(),
            due: BTreeSet::new(),
            needed: Default::default(),
            bytes: 0,
            next: Positions::default(),
            memory: Memory::default(),
            blind: Timestamp::EPOCH,
            settled: VecDeque::new(),
            limits,
        }
    }

    /// Goes on at `positions`, where `done` and `blind` are what those of the same names returned then.
    #[must_use]
    pub fn resume(
        self,
        positions: Positions,
        done: impl IntoIterator<Item = (RequestId, Positions)>,
        blind: Timestamp,
    ) -> Self {
        let mut memory = Memory::default();
        for (request, last) in done {
            memory.remember(request, last);
        }
        Self { next: positions, memory, blind, ..self }
    }

    /// Takes in a request. It may be told after its responses and its result, as long as those can be held.
    pub fn on_request(&mut self, offset: i64, request: Request, appended: Timestamp) {
        let place = Place { topic: Topic::Requests, offset };
        let id = request.id;
        if !self.is_news(place, id) {
            return;
        }
        let is_ours = request.plan.asked().iter().any(|asked| self.canaries.contains(&asked.executor));
        if !is_ours {
            return self.forget(id, place);
        }
        if self.open.get(&id).is_some_and(|open| open.recorded.request.is_some()) {
            // A second copy neither moves its end nor replaces it.
            return self.touch(id, place);
        }
        if appended <= self.blind {
            // Who was silent about it and whose word was given up cannot be told apart.
            self.forget(id, place);
            let recorded = Recorded { request: Some((request, appended)), ..Recorded::default() };
            return self.settled.push_back(Settled { recorded, evicted: true });
        }
        let end = appended.after(request.budget.as_duration() + self.limits.patience);
        let bytes = size_of::<Open>() + request.body.len();
        let open = self.hold(id, place, end, bytes);
        // What came before its request was known may have come too late.
        open.recorded.responses.retain(|(_, at)| *at <= end);
        open.recorded.result.take_if(|given| given.appended > end);
        open.recorded.request = Some((request, appended));
        open.due = end;
        self.after(id);
    }

    /// Takes in a response.
    pub fn on_response(&mut self, offset: i64, response: Response, appended: Timestamp) {
        let place = Place { topic: Topic::Responses, offset };
        let id = response.request;
        if !self.is_news(place, id) || self.is_late(id, appended) {
            return;
        }
        let (bytes, end) = (size(&response), appended.after(self.limits.patience));
        let is_first =
            |open: &Open| open.recorded.responses.iter().all(|(known, _)| known.executor != response.executor);
        if self.open.get(&id).is_none_or(is_first) {
            self.hold(id, place, end, bytes).recorded.responses.push((response, appended));
        } else {
            self.touch(id, place);
        }
        self.after(id);
    }

    /// Takes in a valid result (`wire::ResultsReader` says which are).
    pub fn on_result(&mut self, offset: i64, given: Given) {
        let place = Place { topic: Topic::Results, offset };
        let id = given.record.request;
        if !self.is_news(place, id) || self.is_late(id, given.appended) {
            return;
        }
        let (bytes, end) = (given.record.body.len() * 3, given.appended.after(self.limits.patience));
        if self.open.get(&id).is_some_and(|open| open.recorded.result.is_some()) {
            return self.touch(id, place);
        }
        self.hold(id, place, end, bytes).recorded.result = Some(given);
        self.after(id);
    }

    /// Passes a record that is none of these: a fence, a void result, or what does not read.
    pub fn on_other(&mut self, place: Place) {
        let next = self.next.at(place.topic);
        *next = (*next).max(place.offset + 1);
    }

    /// Hands out what is due, after every record that the log took in before `read` has been told.
    pub fn on_time(&mut self, read: Timestamp) {
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due < read) {
            self.settle(id, false);
        }
        self.shrink();
    }

    /// Returns when the next request is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Returns the next request that is done; a mailbox without a request is one that nobody knows.
    pub fn poll_settled(&mut self) -> Option<Settled> {
        self.settled.pop_front()
    }

    /// Returns from where on the log has to be read again to go on from here.
    #[must_use]
    pub fn positions(&self) -> Positions {
        let from = |topic: usize, next: i64| self.needed[topic].first().map_or(next, |(offset, _)| next.min(*offset));
        Positions {
            requests: from(0, self.next.requests),
            responses: from(1, self.next.responses),
            results: from(2, self.next.results),
        }
    }

    /// Returns which requests have been handed out, as far as they are remembered.
    pub fn done(&self) -> impl Iterator<Item = (RequestId, Positions)> {
        self.memory.iter()
    }

    /// Returns up to when requests are given up that have not been read yet, because what was said about some had to be.
    #[must_use]
    pub fn blind(&self) -> Timestamp {
        self.blind
    }

    /// Returns how much is held, and for how long.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns how many requests are open, and how many bytes are held of them.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.open.len(), self.bytes)
    }

    /// Moves on, and returns whether a record was not told before, of a request that is not done.
    fn is_news(&mut self, place: Place, id: RequestId) -> bool {
        if place.offset < *self.next.at(place.topic) {
            return false;
        }
        self.on_other(place);
        !self.memory.touch(id, place)
    }

    /// Whether its request is known to have ended before.
    fn is_late(&self, id: RequestId, appended: Timestamp) -> bool {
        self.open.get(&id).is_some_and(|open| open.recorded.request.is_some() && appended > open.due)
    }

    /// Holds `bytes` more of a request.
    fn hold(&mut self, id: RequestId, place: Place, due: Timestamp, bytes: usize) -> &mut Open {
        self.bytes += bytes;
        let open = self.open.entry(id).or_insert_with(|| Open {
            recorded: Recorded::default(),
            due,
            bytes: 0,
            first: [None; 3],
            last: Positions::NONE,
        });
        // Its own end is known once the request is; `after` puts it among those that are due.
        self.due.remove(&(open.due, id));
        if open.recorded.request.is_none() {
            open.due = open.due.max(due);
        }
        open.bytes += bytes;
        let topic = place.topic.index();
        if open.first[topic].is_none() {
            open.first[topic] = Some(place.offset);
            self.needed[topic].insert((place.offset, id));
        }
        *open.last.at(place.topic) = place.offset;
        open
    }

    fn touch(&mut self, id: RequestId, place: Place) {
        if let Some(open) = self.open.get_mut(&id) {
            *open.last.at(place.topic) = place.offset;
        }
    }

    /// Leaves out a request that is none of ours, and whatever else is said about it.
    fn forget(&mut self, id: RequestId, place: Place) {
        let last = self.close(id).map_or(Positions::NONE, |open| open.last);
        self.memory.remember(id, last);
        self.memory.touch(id, place);
        self.shrink();
    }

    fn after(&mut self, id: RequestId) {
        if let Some(open) = self.open.get(&id) {
            self.due.insert((open.due, id));
            if open.is_complete() {
                self.settle(id, false);
            }
        }
        self.shrink();
    }

    fn settle(&mut self, id: RequestId, evicted: bool) {
        if let Some(open) = self.close(id) {
            if evicted && open.recorded.request.is_none() {
                // It is not done: it is counted when it is read.
                self.blind = self.blind.max(open.due.before(self.limits.patience));
                return;
            }
            self.memory.remember(id, open.last);
            self.settled.push_back(Settled { recorded: open.recorded, evicted });
        }
    }

    fn close(&mut self, id: RequestId) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.due.remove(&(open.due, id));
        self.bytes -= open.bytes;
        for (needed, first) in self.needed.iter_mut().zip(open.first) {
            first.map(|offset| needed.remove(&(offset, id)));
        }
        Some(open)
    }

    fn shrink(&mut self) {
        let evict = |pairing: &mut Self| pairing.due.first().map(|(_, id)| *id).map(|id| pairing.settle(id, true));
        while self.open.len() > self.limits.open || self.bytes > self.limits.bytes {
            if evict(self).is_none() {
                break;
            }
        }
        while self.memory.len() > self.limits.remembered {
            // What would be counted again must not be forgotten: rather what holds its records is given up.
            if self.memory.oldest_is_needed(self.positions()) && evict(self).is_some() {
                continue;
            }
            self.memory.forget_oldest();
        }
    }
}

// === impl Open ===

impl Open {
    /// Whether everybody who was asked has answered, and there is a result.
    fn is_complete(&self) -> bool {
        let Recorded { request: Some((request, _)), responses, result: Some(_) } = &self.recorded else { return false };
        let has_answered = |executor: &ExecutorId| responses.iter().any(|(response, _)| response.executor == *executor);
        request.plan.asked().iter().all(|asked| has_answered(&asked.executor))
    }
}

// === impl Topic, Positions ===

impl Topic {
    /// Every one of them, each at its `index`.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Responses, Self::Results];

    /// Returns which of `ALL` it is.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Requests => 0,
            Self::Responses => 1,
            Self::Results => 2,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Responses => "responses",
            Self::Results => "results",
        }
    }
}

impl Positions {
    /// No record anywhere.
    pub(crate) const NONE: Self = Self { requests: -1, responses: -1, results: -1 };

    /// Returns the offset in `topic`.
    pub fn at(&mut self, topic: Topic) -> &mut i64 {
        match topic {
            Topic::Requests => &mut self.requests,
            Topic::Responses => &mut self.responses,
            Topic::Results => &mut self.results,
        }
    }

    /// Whether a record at any of these lies at `from` or behind it.
    fn reach(self, from: Self) -> bool {
        self.requests >= from.requests || self.responses >= from.responses || self.results >= from.results
    }
}

#[cfg(test)]
mod tests;
