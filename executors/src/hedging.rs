//! PURE: requests whose executors start later: each is held until its start, spared if it is decided by then, and
//! started if the executor's budget allows.
//!
//! Laws, each tested by name: what is held is given back once; nothing before its start, unless it is decided; nothing
//! that is decided is started; starts are within the budget (`purse`); there are never more than `HELD_MAX`.

mod purse;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use policies::Share;
use wire::{ExecutorId, RequestId, Timestamp};

use purse::Purse;

/// How many are held at most: at 1,000 requests in a second more than a quarter of a minute.
const HELD_MAX: usize = 16_384;
/// So many requests that were decided last are remembered: a result may be read before its request.
const DECIDED_MAX: usize = 16_384;

/// What is held, `T` being a request for one executor.
#[derive(Debug)]
pub(crate) struct Hedging<T> {
    /// By the instant of their start, and in the order of their arrival.
    held: BTreeMap<Place, Held<T>>,
    of_request: HashMap<RequestId, Vec<Place>>,
    decided: Decided,
    purses: HashMap<ExecutorId, Purse>,
    given_back: VecDeque<(T, Fate)>,
    arrivals: u64,
}

type Place = (Timestamp, u64);

#[derive(Debug)]
struct Held<T> {
    request: RequestId,
    executor: ExecutorId,
    has_budget: bool,
    item: T,
}

/// What becomes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is time, and there is a budget for it.
    Started,
    /// It is decided: nobody waits for it.
    Decided,
    /// It is time, and the budget is spent.
    Unaffordable,
    /// Too many are held.
    Crowded,
}

/// The requests that were decided last.
#[derive(Debug, Default)]
struct Decided {
    order: VecDeque<RequestId>,
    known: HashSet<RequestId>,
}

// === impl Hedging ===

impl<T> Default for Hedging<T> {
    fn default() -> Self {
        let (held, of_request, decided, purses, given_back) = Default::default();
        Self { held, of_request, decided, purses, given_back, arrivals: 0 }
    }
}

impl<T> Hedging<T> {
    /// Holds `item` until `start`; at most `budget` of such requests start `executor`.
    pub(crate) fn hold(
        &mut self,
        request: RequestId,
        executor: &ExecutorId,
        (start, budget): (Timestamp, Option<Share>),
        item: T,
    ) {
        if let Some(share) = budget {
            // Looked for first: the name is copied once, not for each request.
            match self.purses.get_mut(executor) {
                Some(purse) => purse.earn(share),
                None => self.purses.entry(executor.clone()).or_default().earn(share),
            }
        }
        if self.decided.known.contains(&request) {
            return self.given_back.push_back((item, Fate::Decided));
        }
        if self.held.len() >= HELD_MAX {
            return self.given_back.push_back((item, Fate::Crowded));
        }
        self.arrivals += 1;
        let place = (start, self.arrivals);
        let held = Held { request, executor: executor.clone(), has_budget: budget.is_some(), item };
        self.held.insert(place, held);
        self.of_request.entry(request).or_default().push(place);
    }

    /// Takes note that `request` has a result.
    pub(crate) fn on_decided(&mut self, request: RequestId) {
        self.decided.remember(request);
        for place in self.of_request.remove(&request).unwrap_or_default() {
            let held = self.held.remove(&place).expect("whatever a request has here is held");
            self.given_back.push_back((held.item, Fate::Decided));
        }
    }

    /// Gives back what may start at `now`.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        while let Some(first) = self.held.first_entry().filter(|first| first.key().0 <= now) {
            let (place, Held { request, executor, has_budget, item }) = first.remove_entry();
            self.forget(&request, place);
            let affordable = !has_budget || self.purses.get_mut(&executor).is_none_or(Purse::spend);
            self.given_back.push_back((item, if affordable { Fate::Started } else { Fate::Unaffordable }));
        }
    }

    /// Returns what is given back, in order.
    pub(crate) fn poll(&mut self) -> Option<(T, Fate)> {
        self.given_back.pop_front()
    }

    /// Returns when something may start next.
    pub(crate) fn next_start(&self) -> Option<Timestamp> {
        self.held.first_key_value().map(|((start, _), _)| *start)
    }

    /// Returns all that is held, whatever would have become of it: for those who leave.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.of_request.clear();
        let given_back = self.given_back.drain(..).map(|(item, _)| item);
        given_back.chain(std::mem::take(&mut self.held).into_values().map(|held| held.item)).collect()
    }

    fn forget(&mut self, request: &RequestId, place: Place) {
        if let Some(places) = self.of_request.get_mut(request) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.of_request.remove(request);
            }
        }
    }
}

// === impl Decided ===

impl Decided {
    fn remember(&mut self, request: RequestId) {
        if !self.known.insert(request) {
            return;
        }
        self.order.push_back(request);
        if self.order.len() > DECIDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
