//! What is kept of requests so that their traces can be told: who said what when, until the result is in the log. Only
//! then it is known whether a request missed something, and so whose traces are kept.
//!
//! Pure. Law: switched off, nothing is kept and nothing is told; switched on, what is kept is bounded, and a request that
//! finds no room is counted and never traced. It holds no input and no answer.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use foldhash::fast::RandomState;
use traces::{Late, Place, Sampling, Told, Whole};
use wire::{ExecutorId, Request, RequestId, Response, ResultRecord, Timestamp};

use crate::rendezvous::WINDOW;

/// At most so many requests are watched by a process, in about 600 bytes each.
const WATCHED_MAX: usize = 1 << 16;
/// Of at most so many kept traces late answers are waited for.
const AWAITED_MAX: usize = 1 << 14;
/// So often what was waited for in vain is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// The requests whose traces may be kept.
#[derive(Debug, Default)]
pub struct Traced {
    /// Whose are kept, and what carries the log; `None` if nobody wants any.
    on: Option<(Sampling, &'static str)>,
    watched: HashMap<RequestId, Box<Watched>, RandomState>,
    awaited: HashMap<RequestId, Awaited, RandomState>,
    told: VecDeque<Told>,
    unwatched: u64,
    next_sweep: Timestamp,
}

/// A request whose result is not in the log yet.
#[derive(Debug)]
struct Watched {
    request: Request,
    asked: Timestamp,
    responses: Vec<(Response, Timestamp)>,
}

/// A kept trace that lacks answers.
#[derive(Debug)]
struct Awaited {
    request: Request,
    asked: Timestamp,
    place: Place,
    unheard: Vec<ExecutorId>,
}

// === impl Traced ===

impl Traced {
    /// Returns what keeps the traces that `sampling` wants, of records that `system` carries.
    #[must_use]
    pub fn wanting(sampling: Sampling, system: &'static str) -> Self {
        Self { on: Some((sampling, system)), ..Self::default() }
    }

    /// Returns the next part of a trace that is kept.
    pub fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// Returns how many requests found no room since the last call.
    pub fn take_unwatched(&mut self) -> u64 {
        std::mem::take(&mut self.unwatched)
    }

    /// Hears a request, which counts as born at `born` and which the log took in at `asked`. Read again, it begins anew.
    pub(crate) fn on_request(&mut self, request: &Request, born: Timestamp, asked: Timestamp) {
        if self.on.is_none() {
            return;
        }
        if self.watched.len() >= WATCHED_MAX && !self.watched.contains_key(&request.id) {
            self.unwatched += 1;
            return;
        }
        let responses = Vec::with_capacity(request.plan.asked().len());
        let watched = Watched { request: Told::bare_request(request, born), asked, responses };
        self.watched.insert(request.id, Box::new(watched));
    }

    /// Hears a response to a request that was heard.
    pub(crate) fn on_response(&mut self, response: &Response, appended: Timestamp) {
        if self.on.is_none() {
            return;
        }
        if let Some(watched) = self.watched.get_mut(&response.request) {
            // Whoever says more than everybody once would make it grow.
            if watched.responses.len() < 2 * watched.request.plan.asked().len() {
                watched.responses.push((Told::bare_response(response), appended));
            }
        } else if let Entry::Occupied(mut entry) = self.awaited.entry(response.request) {
            let Awaited { request, asked, place, unheard } = entry.get_mut();
            let Some(index) = unheard.iter().position(|executor| *executor == response.executor) else { return };
            unheard.swap_remove(index);
            let (request, response) = ((request.clone(), *asked), (Told::bare_response(response), appended));
            self.told.push_back(Told::Late(Box::new(Late { request, response, place: *place })));
            if unheard.is_empty() {
                entry.remove();
            }
        }
    }

    /// Hears that the result of a request is in the log, written here.
    pub(crate) fn on_result(&mut self, result: &ResultRecord, appended: Timestamp, partition: i32) {
        let Some((sampling, system)) = self.on else { return };
        let Some(watched) = self.watched.remove(&result.request) else { return };
        let Watched { request, asked, responses } = *watched;
        let Some(kept) = sampling.keeps(&request, result.kind, appended) else { return };
        let place = Place { system, partition };
        let heard = |executor: &ExecutorId| responses.iter().any(|(response, _)| response.executor == *executor);
        let everybody = request.plan.asked().iter().map(|asked| &asked.executor);
        let unheard: Vec<ExecutorId> = everybody.filter(|executor| !heard(executor)).cloned().collect();
        if !unheard.is_empty() && self.awaited.len() < AWAITED_MAX {
            self.awaited.insert(request.id, Awaited { request: request.clone(), asked, place, unheard });
        }
        let (request, result) = ((request, asked), (result.clone(), appended));
        self.told.push_back(Told::Whole(Box::new(Whole { request, responses, result, place, kept })));
    }

    /// Hears that somebody else has written a request's result: its trace is his to tell.
    pub(crate) fn forget(&mut self, request: &RequestId) {
        if self.on.is_some() {
            self.watched.remove(request);
        }
    }

    /// Forgets what was waited for in vain.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        if self.on.is_none() || now < self.next_sweep {
            return;
        }
        self.next_sweep = now.after(SWEEP_EVERY);
        let is_due = |request: &Request| now < request.deadline().after(WINDOW);
        self.watched.retain(|_, watched| is_due(&watched.request));
        self.awaited.retain(|_, awaited| is_due(&awaited.request));
    }
}

#[cfg(test)]
mod tests;
