//! What a consumer's loop has still to be told, by librdkafka's callbacks and by threads that asked something.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{Assigned, BusError, TopicPartition};

/// The one place where a consumer's loop waits. It stays short: a few entries for each rebalance, start and outage.
#[derive(Default)]
pub(super) struct Inbox {
    told: Mutex<VecDeque<Told>>,
    /// Rung when there is something in the inbox or in librdkafka's queue.
    bell: Notify,
    /// How many events callbacks have taken off librdkafka's queue. rdkafka returns the same for "the queue is empty" and
    /// for "a callback was called", and only an empty queue will ring again.
    callbacks: AtomicU64,
    /// The consumer is gone or going: nobody asks on its behalf any more.
    closed: AtomicBool,
    /// What librdkafka last said about a connection, for the sentence of `Unavailable`.
    reason: Mutex<String>,
}

/// One thing to be told.
#[derive(Debug)]
pub(super) enum Told {
    /// The group gives these partitions.
    Given(Vec<TopicPartition>),
    /// The group takes these back and waits until we let go of them.
    Taken(Vec<TopicPartition>),
    /// What was committed of the partitions of the `round`-th gift.
    Committed(u64, Vec<Assigned>),
    /// A commit has come back, with or without success.
    CommitReturned,
    /// The offset at which a start, the `epoch`-th of all, begins.
    Located(u64, i64),
    /// An offset that is not held, asked for in the `epoch`-th start.
    Gone(u64, BusError),
    /// No broker can be reached.
    Away(String),
    /// One can be reached again.
    Back,
    /// An error as librdkafka told it.
    Failed(rdkafka::error::KafkaError),
    /// A question that must be answered cannot be: the consumer is of no use.
    Broken(BusError),
}

// === impl Inbox ===

impl Inbox {
    pub(super) fn tell(&self, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push_back(told);
        self.ring();
    }

    pub(super) fn take(&self) -> Option<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    pub(super) async fn wait(&self) {
        self.bell.notified().await;
    }

    pub(super) fn count_callback(&self) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn callbacks(&self) -> u64 {
        self.callbacks.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn note(&self, reason: &str) {
        reason.clone_into(&mut self.reason.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn reason(&self) -> String {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
