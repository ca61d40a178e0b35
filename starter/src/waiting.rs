//! Who waits for which result, and what was answered lately.
//!
//! Pure: time is an argument, a waiter is any value. Laws, each tested by name:
//! - *One request*: however many callers give one id, the first alone is told to write it.
//! - *Everybody hears*: a valid result reaches each caller that waits for it, and each that asks again within a minute.
//! - *Another body is a conflict*: an id whose digest is known is not given again with another one.
//! - *Bounded*: callers, and remembered ids, are limited in number; remembered ids also in age.
//!
//! It deliberately does not know how requests are written, which results are valid, or how callers are woken.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use wire::{RequestId, ResultRecord, Timestamp};

use crate::input::Digest;

/// How long an id and its result are remembered when nobody waits any more.
pub(crate) const REMEMBERED: Duration = Duration::from_mins(1);

/// How many ids are remembered at most when nobody waits: a thousand a second for the minute.
pub(crate) const REMEMBERED_IDS: usize = 65_536;

/// Everybody who waits at one process' front doors, for one rendezvous.
#[derive(Debug)]
pub struct Waiting<W> {
    known: HashMap<RequestId, Known<W>>,
    /// Ids nobody waits for, oldest first; an entry is out of date if its id was asked for again meanwhile.
    idle: VecDeque<(Timestamp, RequestId)>,
    callers: usize,
    limit: usize,
    next_ticket: u64,
}

/// Names one caller's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// What a caller who gives an id is told.
#[must_use]
#[derive(Debug, PartialEq)]
pub enum Seat {
    /// Write the request and wait.
    First(Ticket),
    /// It is being written for somebody else: wait until `due`.
    Beside(Ticket, Timestamp),
    /// Here is the result.
    Answered(ResultRecord),
    /// The id has another body.
    Conflict,
    /// Too many wait.
    Full,
}

/// What an input without a waiting caller is told.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Write it.
    Write,
    /// It is already written.
    Written,
    /// The id has another body.
    Conflict,
}

/// What is known of one id.
#[derive(Debug)]
struct Known<W> {
    digest: Option<Digest>,
    /// Whether the log acknowledged the request.
    written: bool,
    /// When callers stop waiting.
    due: Timestamp,
    result: Option<ResultRecord>,
    waiters: Vec<(Ticket, W)>,
    /// Whether it stands in `idle`.
    idle: bool,
}

// === impl Waiting ===

impl<W> Waiting<W> {
    /// Returns room for `limit` callers.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            known: HashMap::with_capacity(limit.min(16_384)),
            idle: VecDeque::new(),
            callers: 0,
            limit,
            next_ticket: 0,
        }
    }

    /// Returns whether a caller with this id would be the first, who writes it.
    #[must_use]
    pub fn is_new(&self, id: RequestId) -> bool {
        self.known.get(&id).is_none_or(|known| !known.written && known.result.is_none() && known.waiters.is_empty())
    }

    /// Gives a caller a seat; `due` is when a first caller stops waiting.
    pub fn join(&mut self, id: RequestId, digest: Digest, waiter: W, due: Timestamp, now: Timestamp) -> Seat {
        self.forget(now);
        if let Some(known) = self.known.get_mut(&id) {
            if *known.digest.get_or_insert(digest) != digest {
                return Seat::Conflict;
            }
            if let Some(result) = &known.result {
                return Seat::Answered(result.clone());
            }
        }
        if self.callers >= self.limit {
            return Seat::Full;
        }
        self.callers += 1;
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let known = self.known.entry(id).or_insert_with(|| Known::new(now));
        known.digest = Some(digest);
        known.waiters.push((ticket, waiter));
        let beside = known.waiters.len() > 1;
        if !beside {
            known.due = due;
        }
        // Written and nobody waits: the callers before this one gave up, or it came from an input topic.
        if beside || known.written { Seat::Beside(ticket, known.due) } else { Seat::First(ticket) }
    }

    /// Notes an input that nobody waits for.
    pub fn note(&mut self, id: RequestId, digest: Digest, now: Timestamp) -> Noted {
        self.forget(now);
        let known = self.known.entry(id).or_insert_with(|| Known::new(now));
        if *known.digest.get_or_insert(digest) != digest {
            return Noted::Conflict;
        }
        let noted = if known.written || known.result.is_some() { Noted::Written } else { Noted::Write };
        self.rest(id, now);
        noted
    }

    /// The log has the request.
    pub fn on_written(&mut self, id: RequestId) {
        if let Some(known) = self.known.get_mut(&id) {
            known.written = true;
        }
    }

    /// The request could not be written: returns who must be told.
    #[must_use]
    pub fn on_lost(&mut self, id: RequestId, now: Timestamp) -> Vec<W> {
        let waiters = self.known.get_mut(&id).map(|known| std::mem::take(&mut known.waiters)).unwrap_or_default();
        self.callers -= waiters.len();
        self.rest(id, now);
        waiters.into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// Nobody is told anything any more: returns all who wait.
    #[must_use]
    pub(crate) fn abandon(&mut self) -> Vec<W> {
        self.callers = 0;
        let waiters = self.known.values_mut().flat_map(|known| std::mem::take(&mut known.waiters));
        waiters.map(|(_, waiter)| waiter).collect()
    }

    /// A caller waits no more; returns whether the log has the request.
    pub fn leave(&mut self, id: RequestId, ticket: Ticket, now: Timestamp) -> bool {
        let Some(known) = self.known.get_mut(&id) else { return false };
        let before = known.waiters.len();
        known.waiters.retain(|(seat, _)| *seat != ticket);
        self.callers -= before - known.waiters.len();
        let written = known.written;
        self.rest(id, now);
        written
    }

    /// A valid result was read, for the first time or again: returns who waits for it.
    #[must_use]
    pub fn on_result(&mut self, result: &ResultRecord, now: Timestamp) -> Vec<W> {
        let id = result.request;
        if !self.known.contains_key(&id) && !id.is_from_key() {
            return Vec::new();
        }
        let known = self.known.entry(id).or_insert_with(|| Known::new(now));
        let waiters = std::mem::take(&mut known.waiters);
        known.result.get_or_insert_with(|| result.clone());
        self.callers -= waiters.len();
        self.forget(now);
        self.rest(id, now);
        waiters.into_iter().map(|(_, waiter)| waiter).collect()
    }

    /// Returns how many callers wait.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.callers
    }

    /// Returns how many ids are kept.
    #[cfg(test)]
    pub(crate) fn ids(&self) -> usize {
        self.known.len()
    }

    /// If nobody waits for `id` any more, remembers it for a while, or drops it if no caller can give it again.
    fn rest(&mut self, id: RequestId, now: Timestamp) {
        let Some(known) = self.known.get_mut(&id) else { return };
        if !known.waiters.is_empty() {
            return;
        }
        if !id.is_from_key() {
            self.known.remove(&id);
            return;
        }
        // The first rest counts: what is asked for again and again still leaves after a minute.
        if !std::mem::replace(&mut known.idle, true) {
            self.idle.push_back((now, id));
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((since, id)) = self.idle.front().copied()
            && (self.idle.len() > REMEMBERED_IDS || now.since(since) > REMEMBERED)
        {
            self.idle.pop_front();
            let Some(known) = self.known.get_mut(&id) else { continue };
            if known.waiters.is_empty() {
                self.known.remove(&id);
            } else {
                // Its callers' leaving will put it back.
                known.idle = false;
            }
        }
    }
}

// === impl Known ===

impl<W> Known<W> {
    fn new(now: Timestamp) -> Self {
        let (digest, result) = (None, None);
        Self { digest, written: false, due: now, result, waiters: Vec::new(), idle: false }
    }
}

#[cfg(test)]
mod tests;
