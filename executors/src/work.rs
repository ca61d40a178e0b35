//! A request in hand: who holds it, what becomes of its offset, and how a response leaves.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{BusError, Producer, TopicPartition};
use executor::{Input, failed};
use wire::{ExecutorId, Failure, FailureKind, ModelVersion, Reply, Response, Timestamp};

use crate::{metrics::ExecutorMetrics, progress::Progress};

/// One partition of `requests` while it is this process'.
#[derive(Debug)]
pub(crate) struct Share {
    /// Where its requests' responses go: the same partition of `responses`.
    responses: TopicPartition,
    progress: Mutex<Progress>,
    revoked: AtomicBool,
}

/// One request, shared by the executors that were asked.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) input: Input,
    pub(crate) share: Arc<Share>,
    pub(crate) offset: i64,
    /// How long its answer may take, from its birth to its deadline.
    pub(crate) budget: Duration,
    /// When the log took it in.
    pub(crate) asked: Timestamp,
    /// When it was read here.
    pub(crate) fetched: Timestamp,
}

/// Sends one executor's responses.
pub(crate) struct Responder {
    pub(crate) executor: ExecutorId,
    pub(crate) producer: Arc<dyn Producer>,
    pub(crate) metrics: ExecutorMetrics,
}

/// How long a request waited for its executor, and how long the call took that it was in, with how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) queued: Duration,
    pub(crate) scored: Duration,
    pub(crate) together: u32,
}

// === impl Took ===

impl Took {
    pub(crate) fn alone(queued: Duration, scored: Duration) -> Self {
        Self { queued, scored, together: 1 }
    }

    /// Returns this with the request's own share of the call: a call is paid for once, however many are in it. The rest of it
    /// the request has waited, for the others.
    pub(crate) fn shared(self) -> Self {
        let share = self.scored / self.together.max(1);
        Self { queued: self.queued + self.scored.saturating_sub(share), scored: share, together: 1 }
    }
}

// === impl Work ===

impl Work {
    /// Returns the same work for a canary whose answer is due at `deadline`.
    pub(crate) fn due(&self, budget: Duration, deadline: Timestamp) -> Self {
        let (share, input) = (Arc::clone(&self.share), self.input.due(deadline));
        Self { input, share, offset: self.offset, budget, asked: self.asked, fetched: self.fetched }
    }

    /// Returns how long it took from the log to here.
    fn travelled(&self) -> Duration {
        self.fetched.since(self.asked)
    }
}

// === impl Share ===

impl Share {
    pub(crate) fn new(responses: TopicPartition, next: i64) -> Self {
        Self { responses, progress: Mutex::new(Progress::from(next)), revoked: AtomicBool::new(false) }
    }

    pub(crate) fn responses(&self) -> &TopicPartition {
        &self.responses
    }

    /// Returns the same share with nothing in hand, from `next` on.
    pub(crate) fn anew(&self, next: i64) -> Self {
        Self::new(self.responses.clone(), next)
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that another process serves the partition now: it does what is in hand here again.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }
}

// === impl Responder ===

impl Responder {
    /// Sends what the executor says about `work`, and lets its offset go when the log has taken it. A response that
    /// the log does not take holds its offset until the deadline: restarted before then, we try again.
    pub(crate) fn respond(&self, work: &Work, model: ModelVersion, took: Took, reply: Reply) {
        self.metrics.responded(&reply, took.queued, took.scored);
        let Took { queued, scored, .. } = took.shared();
        let (request, executor) = (work.input.request, self.executor.clone());
        let response = Response { request, executor, model, fetched: work.travelled(), queued, scored, reply };
        match self.send(work, &response) {
            Err(BusError::TooLarge) => {
                let reply = Reply::Failure(failed("the answer is larger than the topic allows"));
                if self.send(work, &Response { reply, ..response }).is_err() {
                    self.metrics.lost.inc();
                }
            }
            Err(_) => drop(self.metrics.lost.inc()),
            Ok(()) => {}
        }
    }

    /// Says that `work` was not even begun.
    pub(crate) fn refuse(&self, work: &Work, model: ModelVersion, queued: Duration, kind: FailureKind) {
        let message = match kind {
            FailureKind::Expired => "the deadline was past before work began",
            FailureKind::Overloaded => "the executor's queue is full",
            FailureKind::Failed | FailureKind::Abstained => "no answer",
        };
        let reply = Reply::Failure(Failure { kind, message: message.to_owned() });
        self.respond(work, model, Took::alone(queued, Duration::ZERO), reply);
    }

    /// Says that nothing can answer `work`, and why.
    pub(crate) fn fail(&self, work: &Work, model: ModelVersion, queued: Duration, why: &str) {
        self.respond(work, model, Took::alone(queued, Duration::ZERO), Reply::Failure(failed(why)));
    }

    /// Says that `work` is not begun, by choice. Whoever waits need not.
    pub(crate) fn decline(&self, work: &Work, model: ModelVersion, why: &str) {
        let reply = Reply::Failure(Failure { kind: FailureKind::Abstained, message: why.to_owned() });
        let (request, executor, took) = (work.input.request, self.executor.clone(), Duration::ZERO);
        self.metrics.declined();
        let response =
            Response { request, executor, model, fetched: work.travelled(), queued: took, scored: took, reply };
        if self.send(work, &response).is_err() {
            self.metrics.lost.inc();
        }
    }

    fn send(&self, work: &Work, response: &Response) -> Result<(), BusError> {
        let (share, offset, lost) = (Arc::clone(&work.share), work.offset, self.metrics.lost.clone());
        let acknowledge = Box::new(move |outcome: Result<i64, BusError>| match outcome {
            Ok(_) => share.progress().finish(offset),
            Err(_) => drop(lost.inc()),
        });
        self.producer.send(&work.share.responses, response.encode(), acknowledge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_paid_for_once_however_many_are_in_it_and_each_has_waited_for_all_of_it() {
        let (waited, call) = (Duration::from_millis(2), Duration::from_millis(60));
        for together in [1, 2, 7, 60] {
            let each = Took { queued: waited, scored: call, together }.shared();
            let paid = each.scored * together;
            assert!(call.saturating_sub(paid) < Duration::from_micros(1), "{together}: {paid:?}");
            assert_eq!(each.queued + each.scored, waited + call);
        }
    }
}
