//! What the models of this process did, until it is told in the rendezvous' topic of measures.
//!
//! Executors count on their own threads, each for itself; the fetching loop takes what they counted and tells it. Whoever
//! keeps state is counted like anybody else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::{Clock, Producer, TopicPartition};
use measures::{Feed, Sum, Uses};
use uuid::Uuid;
use wire::{ExecutorId, FailureKind, ModelVersion, RendezvousName, Reply, Timestamp, Topics};

/// What one executor's models did since that was taken. Cheap to clone, and then the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Uses>>);

/// Everybody's.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<BTreeMap<ExecutorId, Tally>>);

/// Tells what was counted.
pub(crate) struct Journal {
    feed: Feed,
    partition: TopicPartition,
    producer: Arc<dyn Producer>,
    clock: Clock,
}

// === impl Tally ===

impl Tally {
    /// Counts a call that ended `at`, and what its requests were told.
    pub(crate) fn called(&self, model: &ModelVersion, at: Timestamp, took: Duration, replies: &[Reply]) {
        self.uses().on_call(model.as_str(), at, took, replies);
    }

    /// Counts a request that nobody began to work on.
    pub(crate) fn refused(&self, model: &ModelVersion, at: Timestamp, why: FailureKind) {
        self.uses().on_refused(model.as_str(), at, why);
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Tallies ===

impl Tallies {
    pub(crate) fn of(&self, executor: &ExecutorId) -> Tally {
        self.all().entry(executor.clone()).or_default().clone()
    }

    /// Returns what was counted since the last time.
    fn take(&self) -> Sum {
        let all = self.all();
        let taken = all.iter().map(|(executor, tally)| (executor.to_string(), std::mem::take(&mut *tally.uses())));
        Sum { uses: taken.filter(|(_, uses)| !uses.is_empty()).collect(), ..Sum::default() }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ExecutorId, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Journal ===

impl Journal {
    pub(crate) fn new(rendezvous: &RendezvousName, producer: Arc<dyn Producer>, clock: Clock) -> Self {
        let partition = TopicPartition::new(&Topics::of(rendezvous).measures, 0);
        Self { feed: Feed::new(rendezvous.clone(), Uuid::new_v4()), partition, producer, clock }
    }

    /// Tells what is to be told by now of `tallies`; `all` of it, if the station ends.
    pub(crate) fn tell(&mut self, tallies: &Tallies, all: bool) {
        let now = self.clock.now();
        self.feed.add(&tallies.take(), now);
        for record in self.feed.tell(now, all) {
            bus::offer(&*self.producer, &self.partition, record, "what executors counted");
        }
    }
}
