//! What the fetching loop holds: partitions, and requests that were not given to anybody yet.

use std::sync::Arc;

use bus::{Commit, Committed, TopicPartition};
use executor::Input;
use policies::InputSchema;
use wire::{Plan, Request, Timestamp, TraceParent};

use crate::{
    parting::Parting,
    work::{Share, Work},
};

/// A partition that is ours, or was and is not yet another's.
pub(super) struct Held {
    pub(super) requests: TopicPartition,
    pub(super) share: Arc<Share>,
    pub(super) committed: i64,
    /// Set when it goes to another process.
    pub(super) parting: Option<Parting>,
    /// The first offset that was jumped over, until it is known how many were.
    pub(super) jumped_from: Option<i64>,
}

/// A request that was read and not given to anybody yet.
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) share: Arc<Share>,
    pub(super) offset: i64,
    pub(super) asked: Timestamp,
    pub(super) fetched: Timestamp,
}

// === impl Waiting, Held ===

impl Waiting {
    /// Returns the work that it is, and whom it asks.
    pub(super) fn begin(self, schema: Arc<InputSchema>) -> (Arc<Work>, Plan) {
        let Self { request, share, offset, asked, fetched } = self;
        let budget = request.budget.as_duration();
        let caller = TraceParent::of(&request);
        let input = Input::new(request.id, request.deadline(), request.body, schema).called_by(caller);
        (Arc::new(Work { input, share, offset, budget, asked, fetched }), request.plan)
    }
}

impl Held {
    /// Returns when it is let go, if it is on its way to another process.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.parting.as_ref().map(Parting::ends)
    }

    /// Forgets how far it was done: the log does not hold that any more, or not yet, and begins at `low`.
    pub(super) fn begin_again(&mut self, low: i64) {
        self.share = Arc::new(self.share.anew(low));
        self.committed = low;
    }

    /// Returns how far it is done, if that is further than was committed and still ours to say.
    pub(super) fn commit(&mut self, now: Timestamp) -> Option<Commit> {
        if self.parting.is_some() {
            return None;
        }
        let offset = self.share.progress().committable(now);
        (offset > self.committed).then(|| {
            self.committed = offset;
            Commit { partition: self.requests.clone(), committed: Committed { offset, metadata: String::new() } }
        })
    }
}
