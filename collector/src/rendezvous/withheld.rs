//! Warming up beside a predecessor who still serves: what evidence decides is withheld until he can write no more, and
//! what he decides is dropped without a word.
//!
//! Pure. Law: whatever he decided leaves no trace but its id, neither here nor in what is counted of a trial.

use std::collections::{BTreeMap, HashMap};

use wire::{
    RequestId, Timestamp,
    mutation::{self, Mutation},
};

use super::{Decided, Decision, Letter, Output, Rendezvous};

/// Decisions in the order of their requests, until they are let out. The partition bounds how many there are.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    by_offset: BTreeMap<i64, (Decision, Tried)>,
    offsets: HashMap<RequestId, i64>,
}

/// Whether a decision counts in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Yes,
    /// The request was refused, whatever its policy says.
    No,
}

// === impl Withheld ===

impl Withheld {
    fn keep(&mut self, decision: Decision, tried: Tried) {
        self.offsets.insert(decision.request, decision.offset);
        self.by_offset.insert(decision.offset, (decision, tried));
    }

    fn take(&mut self, request: &RequestId) -> Option<i64> {
        let offset = self.offsets.remove(request)?;
        self.by_offset.remove(&offset);
        Some(offset)
    }
}

// === impl Rendezvous ===

impl Rendezvous {
    /// Returns one that lets no decision out before it is told to by `release`.
    #[must_use]
    pub fn withholding() -> Self {
        let withheld = (!mutation::is(Mutation::WrittenBeforeTheFence)).then(Withheld::default);
        let mut rendezvous = Self { withheld, ..Self::default() };
        rendezvous.contest.withhold(true);
        rendezvous
    }

    /// Lets out what is withheld, and from now on every decision at once.
    pub fn release(&mut self) {
        let Some(Withheld { by_offset, .. }) = self.withheld.take() else { return };
        self.contest.withhold(false);
        for (decision, tried) in by_offset.into_values() {
            self.let_out(decision, tried);
        }
    }

    /// Takes note that `request` has a result in the log which is not ours: whatever is in hand of it goes. Returns
    /// where it lies, if it was read.
    pub fn on_decided(&mut self, request: RequestId, appended: Timestamp) -> Option<i64> {
        self.latest = self.latest.max(appended);
        if mutation::is(Mutation::FoundResultsAreIgnored) {
            return None;
        }
        let (offset, born) = if let Some(open) = self.open.remove(&request) {
            self.due.remove(&(open.due, request));
            (Some(open.offset), open.born)
        } else if let Some(parked) = self.parking.take(&request) {
            (Some(parked.place.offset), parked.place.born)
        } else {
            (self.withheld.as_mut().and_then(|withheld| withheld.take(&request)), Decided::UNKNOWN)
        };
        self.decided.remember(request, born, appended);
        for Letter { response, .. } in self.mailbox.take(&request) {
            self.outputs.push_back(Output::Late(response, None));
        }
        self.contest.forget(&request);
        offset
    }

    /// Emits a decision, or withholds it.
    pub(super) fn emit(&mut self, decision: Decision, tried: Tried) {
        match &mut self.withheld {
            Some(withheld) => withheld.keep(decision, tried),
            None => self.let_out(decision, tried),
        }
    }

    /// Returns how many requests are in hand: open, waiting for their version, or decided and withheld.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.open_requests() + self.withheld.as_ref().map_or(0, |withheld| withheld.by_offset.len())
    }

    fn let_out(&mut self, decision: Decision, tried: Tried) {
        if tried == Tried::Yes {
            self.contest.on_verdict(decision.request, &decision.pin, &decision.verdict, decision.born);
        }
        self.outputs.push_back(Output::Emit(Box::new(decision)));
    }
}
