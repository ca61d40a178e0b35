//! PURE: judges wait for what others say about a request, and no longer than they may.
//!
//! Laws, each tested by name: a judge begins as soon as everybody whom it awaits has answered or failed, or when its wait
//! is over; requests and responses may be read in any order; the first response of an executor counts; at equal
//! instants time comes before data. What is kept is bounded in number and in bytes. What is pushed out is as if it had
//! never been said: a judge waits longer, and then begins without it.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use wire::{ExecutorId, RequestId, Timestamp};

/// How many judges wait at most.
const JUDGES_MAX: usize = 4_096;
/// About how many requests that were not read yet something is kept at most.
const UNCLAIMED_MAX: usize = 16_384;
/// How many bytes of answers are kept at most.
const BYTES_MAX: usize = 64 << 20;

/// What judges have heard so far, `T` being a judge with its request.
#[derive(Debug)]
pub(crate) struct Hearing<T> {
    mailboxes: HashMap<RequestId, Mailbox<T>>,
    /// Mailboxes of requests that were not read yet, and when each was opened.
    unclaimed: VecDeque<(Timestamp, RequestId)>,
    waits: BTreeSet<(Timestamp, RequestId)>,
    ready: VecDeque<Ready<T>>,
    judges: usize,
    bytes: usize,
    /// How long something is kept about a request that is not read.
    keep: Duration,
}

/// A judge that waits.
#[derive(Debug)]
pub(crate) struct Judge<T> {
    pub(crate) who: T,
    /// Whom it hears, of those that were asked.
    pub(crate) awaited: Vec<ExecutorId>,
    /// When it begins at the latest.
    pub(crate) until: Timestamp,
}

/// A judge that may begin.
#[derive(Debug)]
pub(crate) struct Ready<T> {
    pub(crate) who: T,
    /// What it has heard, in the order in which it names them; whoever failed or was too late is left out.
    pub(crate) answers: Vec<(ExecutorId, Bytes)>,
}

#[derive(Debug)]
struct Mailbox<T> {
    /// `None` is a failure.
    said: Vec<(ExecutorId, Option<Bytes>)>,
    judges: Vec<Judge<T>>,
}

// === impl Hearing ===

impl<T> Hearing<T> {
    /// Returns what keeps what is said about a request that is not read for as long as `keep`.
    pub(crate) fn new(keep: Duration) -> Self {
        let (mailboxes, unclaimed, waits, ready) = Default::default();
        Self { mailboxes, unclaimed, waits, ready, judges: 0, bytes: 0, keep }
    }

    /// Keeps it for so long from now on, if that is longer.
    pub(crate) fn keep_for(&mut self, keep: Duration) {
        self.keep = self.keep.max(keep);
    }

    /// A request was read which all of `judges` are asked about; returns those that there is no room for.
    pub(crate) fn on_request(&mut self, id: RequestId, mut judges: Vec<Judge<T>>, now: Timestamp) -> Vec<T> {
        let refused = judges.split_off(judges.len().min(JUDGES_MAX - self.judges));
        if !judges.is_empty() {
            self.judges += judges.len();
            self.waits.extend(judges.iter().map(|judge| (judge.until, id)));
            self.mailboxes.entry(id).or_default().judges.extend(judges);
            self.settle(id, now);
        }
        refused.into_iter().map(|judge| judge.who).collect()
    }

    /// `executor` said something about a request: an answer, or that there is none.
    pub(crate) fn on_response(&mut self, id: RequestId, executor: ExecutorId, answer: Option<Bytes>, now: Timestamp) {
        self.on_time(now);
        let size = answer.as_ref().map_or(0, Bytes::len);
        self.make_room(size);
        let answer = answer.filter(|_| self.bytes + size <= BYTES_MAX);
        let mailbox = self.mailboxes.entry(id).or_insert_with(|| {
            self.unclaimed.push_back((now, id));
            Mailbox::default()
        });
        if mailbox.said.iter().all(|(earlier, _)| *earlier != executor) {
            self.bytes += answer.as_ref().map_or(0, Bytes::len);
            mailbox.said.push((executor, answer));
            if !mailbox.judges.is_empty() {
                self.settle(id, now);
            }
        }
    }

    /// Time passed: those begin whose wait is over.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.waits.first().copied().filter(|(until, _)| *until <= now) {
            self.waits.pop_first();
            self.settle(id, now);
        }
        while self.unclaimed.front().is_some_and(|(opened, _)| opened.after(self.keep) <= now) {
            self.forget_oldest();
        }
    }

    /// Returns the next instant worth an `on_time`.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.waits.first().map(|(until, _)| *until)
    }

    /// Returns a judge that may begin.
    pub(crate) fn poll_ready(&mut self) -> Option<Ready<T>> {
        self.ready.pop_front()
    }

    /// Lets those judges of a request begin who may; a mailbox goes with the last of them.
    fn settle(&mut self, id: RequestId, now: Timestamp) {
        let Some(mailbox) = self.mailboxes.get_mut(&id) else { return };
        let said = &mailbox.said;
        let has_spoken = |executor: &ExecutorId| said.iter().any(|(who, _)| who == executor);
        let may_begin = |judge: &mut Judge<T>| judge.until <= now || judge.awaited.iter().all(has_spoken);
        for judge in mailbox.judges.extract_if(.., may_begin) {
            self.judges -= 1;
            self.waits.remove(&(judge.until, id));
            let answer = |executor: ExecutorId| {
                let (_, answer) = said.iter().find(|(who, _)| *who == executor)?;
                Some((executor, answer.clone()?))
            };
            let answers = judge.awaited.into_iter().filter_map(answer).collect();
            self.ready.push_back(Ready { who: judge.who, answers });
        }
        // Another judge of the same request may wait until the same instant.
        self.waits.extend(mailbox.judges.iter().map(|judge| (judge.until, id)));
        if mailbox.judges.is_empty() {
            self.forget(id);
        }
    }

    fn make_room(&mut self, size: usize) {
        while (self.unclaimed.len() >= UNCLAIMED_MAX || self.bytes + size > BYTES_MAX) && !self.unclaimed.is_empty() {
            self.forget_oldest();
        }
    }

    /// Forgets the oldest mailbox that no request has claimed, if that is still so.
    fn forget_oldest(&mut self) {
        let Some((_, id)) = self.unclaimed.pop_front() else { return };
        if self.mailboxes.get(&id).is_some_and(|mailbox| mailbox.judges.is_empty()) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: RequestId) {
        let said = self.mailboxes.remove(&id).map_or_else(Vec::new, |mailbox| mailbox.said);
        self.bytes -= said.iter().filter_map(|(_, answer)| answer.as_ref()).map(Bytes::len).sum::<usize>();
    }
}

// === impl Mailbox ===

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self { said: Vec::new(), judges: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
