//! The comparison of every canary in one partition: records and the time in, counts out, and a checkpoint to go on from.
//!
//! Laws: whoever restores a checkpoint and is told the log from its positions on counts what he would have counted
//! without stopping: nothing twice, nothing left out. What is checkpointed holds no bodies, so it stays small.
//! Partitions are compared each by itself; `Ledger::merge` adds them up, and `Report::of` makes them a report.

use std::{collections::BTreeMap, sync::Arc};

use policies::{Definition, Given, Versions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::{ExecutorId, PolicyRef, Request, RequestId, Response, Timestamp};

use crate::{Excluded, Ledger, Limits, Matchup, Pair, Pairing, Place, Positions, Settled, Topic};

/// The canaries of one rendezvous in one partition.
#[derive(Debug)]
pub struct Comparison {
    pairing: Pairing,
    compared: Vec<Compared>,
}

/// What a comparison is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// From where on the log is to be read again.
    pub positions: Positions,
    /// Requests that have been counted and may come again.
    done: Vec<(String, Positions)>,
    /// Up to when requests that have not been read are given up, in microseconds since the epoch.
    blind: i64,
    /// What was counted, by what was compared.
    ledgers: BTreeMap<String, Kept>,
}

/// What a comparison needs to know that is not in its topics.
pub trait Known {
    /// Returns the version of the policy that decided, if it is still known.
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>>;

    /// Returns the right answer, if anybody has told it. Who has truths that were told late reads the log again.
    fn truth(&self, request: RequestId) -> Option<Value>;
}

#[derive(Debug)]
struct Compared {
    matchup: Matchup,
    kept: Kept,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// When the log took in the first request that asked the canary, in microseconds since the epoch.
    begun: Option<i64>,
    ledger: Ledger,
}

// === impl Comparison ===

impl Comparison {
    /// Begins at the beginning.
    #[must_use]
    pub fn new(matchups: Vec<Matchup>, limits: Limits) -> Self {
        let canaries = matchups.iter().map(|matchup| matchup.canary.clone());
        let pairing = Pairing::new(canaries, limits);
        let compared = matchups.into_iter().map(|matchup| Compared { matchup, kept: Kept::default() });
        Self { pairing, compared: compared.collect() }
    }

    /// Goes on from `checkpoint`: tell it the log from its positions on. Whatever is compared otherwise than then (with
    /// another reference, another twin, another tolerance) begins anew.
    #[must_use]
    pub fn restore(matchups: Vec<Matchup>, limits: Limits, checkpoint: Checkpoint) -> Self {
        let mut new = Self::new(matchups, limits);
        let Checkpoint { positions, done, blind, mut ledgers } = checkpoint;
        let done = done.into_iter().filter_map(|(request, last)| Some((request.parse().ok()?, last)));
        new.pairing = new.pairing.resume(positions, done, Timestamp::from_micros(blind));
        for compared in &mut new.compared {
            if let Some(kept) = ledgers.remove(&compared.matchup.name()) {
                compared.kept = kept;
            }
        }
        new
    }

    /// Takes in a request.
    pub fn on_request(&mut self, offset: i64, request: Request, appended: Timestamp) {
        for compared in &mut self.compared {
            if request.plan.find(&compared.matchup.canary).is_some() {
                compared.kept.begun.get_or_insert(appended.as_micros());
            }
        }
        self.pairing.on_request(offset, request, appended);
    }

    /// Takes in a response.
    pub fn on_response(&mut self, offset: i64, response: Response, appended: Timestamp) {
        self.pairing.on_response(offset, response, appended);
    }

    /// Takes in a valid result.
    pub fn on_result(&mut self, offset: i64, given: Given) {
        self.pairing.on_result(offset, given);
    }

    /// Passes a record that is none of these.
    pub fn on_other(&mut self, place: Place) {
        self.pairing.on_other(place);
    }

    /// Settles what is due: every record that the log took in before `read` has been told.
    pub fn on_time(&mut self, read: Timestamp) {
        self.pairing.on_time(read);
    }

    /// Returns when the next request is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.pairing.next_deadline()
    }

    /// Returns how much is held, and for how long.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.pairing.limits()
    }

    /// Returns from where on the log has to be read again to go on from here.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.pairing.positions()
    }

    /// Counts what is done. To be called after each batch of records: until then all of it is held.
    pub fn count(&mut self, known: &impl Known) {
        while let Some(settled) = self.pairing.poll_settled() {
            let definition = settled.recorded.policy().and_then(|policy| known.definition(policy));
            let truth = settled.recorded.id().and_then(|request| known.truth(request));
            for compared in &mut self.compared {
                compared.count(&settled, definition.as_deref(), truth.as_ref());
            }
        }
    }

    /// Returns what to go on from, after counting what is done.
    #[must_use]
    pub fn checkpoint(&mut self, known: &impl Known) -> Checkpoint {
        self.count(known);
        let ledgers = self.compared.iter().map(|compared| (compared.matchup.name(), compared.kept.clone()));
        Checkpoint {
            positions: self.pairing.positions(),
            done: self.pairing.done().map(|(request, last)| (request.to_string(), last)).collect(),
            blind: self.pairing.blind().as_micros(),
            ledgers: ledgers.collect(),
        }
    }

    /// Returns each matchup with what was counted of it.
    pub fn ledgers(&self) -> impl Iterator<Item = (&Matchup, &Ledger)> {
        self.compared.iter().map(|compared| (&compared.matchup, &compared.kept.ledger))
    }

    /// Returns what was counted of `canary`.
    #[must_use]
    pub fn ledger(&self, canary: &ExecutorId) -> Option<&Ledger> {
        self.ledgers().find(|(matchup, _)| matchup.canary == *canary).map(|(_, ledger)| ledger)
    }

    /// Returns how many requests are open, and how many bytes are held of them.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        self.pairing.held()
    }
}

// === impl Checkpoint ===

impl Checkpoint {
    /// Returns one that has counted nothing, to begin at `positions`.
    #[must_use]
    pub fn at(positions: Positions) -> Self {
        Self { positions, done: Vec::new(), blind: Timestamp::EPOCH.as_micros(), ledgers: BTreeMap::new() }
    }

    /// Returns what was counted of `matchup`, if that was compared as it is now.
    #[must_use]
    pub fn ledger(&self, matchup: &Matchup) -> Option<&Ledger> {
        self.ledgers.get(&matchup.name()).map(|kept| &kept.ledger)
    }

    /// Takes note that a topic does not hold what came before any more but other records, from `low` on: what is
    /// remembered as done is recognised by its records in the other topics.
    pub fn cut_off(&mut self, topic: Topic, low: i64) {
        *self.positions.at(topic) = low;
        for (_, last) in &mut self.done {
            *last.at(topic) = Positions::NONE.requests;
        }
    }
}

// === impl Compared ===

impl Compared {
    fn count(&mut self, settled: &Settled, definition: Option<&Definition>, truth: Option<&Value>) {
        let (matchup, ledger) = (&self.matchup, &mut self.kept.ledger);
        let Some((request, appended)) = &settled.recorded.request else {
            let is_canary = |(response, _): &&(Response, Timestamp)| response.executor == matchup.canary;
            ledger.strays += u64::from(settled.recorded.responses.iter().any(|said| is_canary(&said)));
            return;
        };
        if request.plan.find(&matchup.canary).is_none() {
            return;
        }
        let since = self.kept.begun.map_or(*appended, Timestamp::from_micros);
        if settled.evicted {
            return ledger.pairs.exclude(Excluded::Evicted);
        }
        if appended.since(since) < matchup.warm_up {
            return ledger.pairs.exclude(Excluded::WarmUp);
        }
        let Some(definition) = definition else { return ledger.pairs.exclude(Excluded::PolicyUnknown) };
        let pair = |executor| Pair::of(&settled.recorded, definition, (executor, matchup), truth);
        match pair(&matchup.canary) {
            Some(Ok(pair)) => ledger.add(&pair),
            Some(Err(why)) => ledger.pairs.exclude(why),
            None => {}
        }
        if let Some(Ok(twin)) = matchup.twin.as_ref().and_then(pair) {
            ledger.noise.add(&twin);
        }
    }
}

// === impl Versions ===

impl Known for Versions {
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>> {
        (policy.rendezvous == *self.live().name()).then(|| self.get(policy.version)).flatten()
    }

    /// While requests are decided nobody knows what will turn out to be true.
    fn truth(&self, _: RequestId) -> Option<Value> {
        None
    }
}

// === impl Matchup ===

impl Matchup {
    /// Returns what is compared: whoever compares the same may go on with the counts.
    fn name(&self) -> String {
        let twin = self.twin.as_ref().map_or("", |twin| twin.as_str());
        let list = self.list.as_ref().map(|list| format!(" by {list}")).unwrap_or_default();
        format!("{} of {} beside {twin} within {}{list}", self.canary, self.reference, self.within)
    }
}

#[cfg(test)]
mod tests;
