//! The log in this process: for one machine, for tests and for the simulation.
//!
//! It keeps the contract of `Bus` with nothing but memory: records, committed offsets and groups live as long as the
//! process and no longer. Memory is bounded per partition (`EmbeddedLimits`); a reader that falls behind what is held
//! is told `OffsetGone`, and nobody waits for it. Each partition has its own lock; record bytes are shared, not copied.

mod consumer;
mod faults;
mod group;
mod loss;
mod partition;
mod producer;
mod transactions;

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use futures::FutureExt;
use wire::Timestamp;

use crate::{
    BoxFuture, Bus, BusError, Clock, Committed, Consumer, Producer, StartAt, TopicPartition, TopicSpec, Transactions,
};
use consumer::EmbeddedConsumer;
use group::Group;
use partition::Partition;
use producer::EmbeddedProducer;
use transactions::EmbeddedTransactions;

pub use faults::{Faults, SendFault};
pub(crate) use group::Standing;

/// More topics, or more groups, than this are refused: names that multiply are a mistake, not a load.
const NAMES_MAX: usize = 10_000;
/// More partitions than this in one topic are refused.
const PARTITIONS_MAX: i32 = 10_000;

/// A log in this process.
pub struct EmbeddedBus {
    log: Arc<Log>,
    /// Learns from append times, if it is another one than the log's.
    clock: Option<Clock>,
}

/// How much an embedded bus keeps. Beyond it the oldest records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedLimits {
    /// How many records each partition holds at most.
    pub records_per_partition: usize,
    /// How many bytes each partition holds at most, bookkeeping included. The newest record is always held.
    pub bytes_per_partition: usize,
    /// How many bytes a record may have, in key, headers and payload together; larger ones are `TooLarge`.
    pub record_bytes: usize,
}

/// What producers and consumers of one bus share.
struct Log {
    clock: Clock,
    limits: EmbeddedLimits,
    topics: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    groups: Mutex<HashMap<GroupKey, Arc<Group>>>,
    /// How often each transactional id was opened: only who opened it last may use it.
    openings: Mutex<HashMap<String, u64>>,
    faults: Faults,
}

/// A group and the topic whose partitions it shares: on several topics it is several groups, as ranges are on Kafka.
type GroupKey = (String, Arc<str>);

struct Topic {
    name: Arc<str>,
    partitions: Vec<Arc<Partition>>,
}

// === impl EmbeddedBus ===

impl EmbeddedBus {
    /// Returns an empty bus whose append times are `clock`'s.
    #[must_use]
    pub fn new(clock: Clock) -> Arc<Self> {
        Self::with_limits(clock, EmbeddedLimits::default())
    }

    /// Returns an empty bus that keeps as much as `limits` says.
    #[must_use]
    pub fn with_limits(clock: Clock, limits: EmbeddedLimits) -> Arc<Self> {
        let (topics, groups, openings, faults) = Default::default();
        Arc::new(Self { log: Arc::new(Log { clock, limits, topics, groups, openings, faults }), clock: None })
    }

    /// Returns this bus as another host sees it, whose `clock` is not the log's and learns from its append times.
    #[must_use]
    pub fn teaching(&self, clock: &Clock) -> Arc<Self> {
        Arc::new(Self { log: Arc::clone(&self.log), clock: Some(clock.clone()) })
    }

    /// Returns the handle by which tests make this bus fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.log.faults
    }
}

impl Bus for EmbeddedBus {
    fn describe(&self) -> String {
        "the embedded bus (in this process, nothing survives it)".to_owned()
    }

    fn is_in_process(&self) -> bool {
        true
    }

    fn create_topics<'a>(&'a self, topics: &'a [TopicSpec]) -> BoxFuture<'a, Result<(), BusError>> {
        ready(self.log.reached().and_then(|log| topics.iter().try_for_each(|spec| log.create(spec))))
    }

    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<i32, BusError>> {
        ready(self.log.reached().and_then(|log| Ok(log.topic(topic)?.count())))
    }

    fn span<'a>(&'a self, partition: &'a TopicPartition) -> BoxFuture<'a, Result<Range<i64>, BusError>> {
        ready(self.log.reached().and_then(|log| Ok(log.partition(partition)?.span())))
    }

    fn locate<'a>(&'a self, partition: &'a TopicPartition, at: Timestamp) -> BoxFuture<'a, Result<i64, BusError>> {
        ready(self.log.reached().and_then(|log| log.partition(partition)?.locate(StartAt::Time(at))))
    }

    fn committed<'a>(
        &'a self,
        group: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Option<Committed>>, BusError>> {
        ready(self.log.reached().and_then(|log| log.committed(group, topic)))
    }

    fn groups<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, BusError>> {
        ready(self.log.reached().map(|log| log.groups_like(prefix)))
    }

    fn producer<'a>(&'a self, topics: &'a [&'a str]) -> BoxFuture<'a, Result<Arc<dyn Producer>, BusError>> {
        ready(self.log.reached().and_then(|log| {
            let producer: Arc<dyn Producer> = Arc::new(EmbeddedProducer::open(log, self.clock.clone(), topics)?);
            Ok(producer)
        }))
    }

    fn transactions<'a>(
        &'a self,
        id: &'a str,
        topics: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Box<dyn Transactions>, BusError>> {
        ready(self.log.reached().and_then(|log| {
            let transactions: Box<dyn Transactions> = Box::new(EmbeddedTransactions::open(log, id, topics)?);
            Ok(transactions)
        }))
    }

    fn member<'a>(&'a self, group: &'a str, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Consumer>, BusError>> {
        ready(self.log.reached().and_then(|log| {
            let group = log.group(group, topic)?;
            let member: Box<dyn Consumer> = Box::new(EmbeddedConsumer::member(log, self.clock.clone(), group));
            Ok(member)
        }))
    }

    fn tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        ready(self.log.reached().map(|log| {
            let tail: Box<dyn Consumer> = Box::new(EmbeddedConsumer::tail(log, self.clock.clone()));
            tail
        }))
    }
}

// === impl EmbeddedLimits ===

impl Default for EmbeddedLimits {
    /// A million records or 64 MiB in each partition; records as large as Kafka takes by default.
    fn default() -> Self {
        Self { records_per_partition: 1_000_000, bytes_per_partition: 64 << 20, record_bytes: 1_048_588 }
    }
}

// === impl Log ===

impl Log {
    /// Returns the log unless a test has interrupted it.
    fn reached(self: &Arc<Self>) -> Result<&Arc<Self>, BusError> {
        if self.faults.is_interrupted() { Err(faults::interrupted()) } else { Ok(self) }
    }

    fn create(&self, spec: &TopicSpec) -> Result<(), BusError> {
        let name = &spec.name;
        if !(1..=PARTITIONS_MAX).contains(&spec.partitions) {
            let wanted = spec.partitions;
            return fatal(format!("topic {name} cannot have {wanted} partitions, only 1 to {PARTITIONS_MAX}"));
        }
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        match topics.get(name.as_str()).map(|topic| topic.count()) {
            Some(have) if have == spec.partitions => Ok(()),
            Some(have) => fatal(format!("topic {name} has {have} partitions, not {}", spec.partitions)),
            None if topics.len() >= NAMES_MAX => fatal(format!("topic {name} would be one more than {NAMES_MAX}")),
            None => {
                let topic = Topic::create(spec, self.limits, &self.clock);
                topics.insert(Arc::clone(&topic.name), Arc::new(topic));
                Ok(())
            }
        }
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, BusError> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).cloned().ok_or_else(|| BusError::Fatal(format!("topic {name} does not exist")))
    }

    fn partition(&self, wanted: &TopicPartition) -> Result<Arc<Partition>, BusError> {
        self.topic(&wanted.topic)?.partition(wanted.partition).cloned()
    }

    fn group(&self, group: &str, topic: &str) -> Result<Arc<Group>, BusError> {
        let topic = self.topic(topic)?;
        let mut groups = lock(&self.groups);
        let key = (group.to_owned(), Arc::clone(&topic.name));
        if groups.len() >= NAMES_MAX && !groups.contains_key(&key) {
            return fatal(format!("group {group} would be one more than {NAMES_MAX}"));
        }
        Ok(Arc::clone(groups.entry(key).or_insert_with(|| Arc::new(Group::of(&topic.name, topic.partitions.len())))))
    }

    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>, BusError> {
        let topic = self.topic(topic)?;
        let found = lock(&self.groups).get(&(group.to_owned(), Arc::clone(&topic.name))).cloned();
        Ok(found.map_or_else(|| vec![None; topic.partitions.len()], |group| group.committed()))
    }

    fn groups_like(&self, prefix: &str) -> Vec<String> {
        let groups = lock(&self.groups);
        let names: BTreeSet<&str> = groups.keys().map(|(name, _)| name.as_str()).collect();
        names.into_iter().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
    }
}

// === impl Topic ===

impl Topic {
    fn create(spec: &TopicSpec, limits: EmbeddedLimits, clock: &Clock) -> Self {
        let name: Arc<str> = spec.name.as_str().into();
        let partition = |index| {
            let id = TopicPartition { topic: Arc::clone(&name), partition: index };
            Arc::new(Partition::new(id, spec, limits, clock.clone()))
        };
        Self { partitions: (0..spec.partitions).map(partition).collect(), name }
    }

    fn count(&self) -> i32 {
        i32::try_from(self.partitions.len()).expect("a topic is created with an i32 of partitions")
    }

    fn partition(&self, index: i32) -> Result<&Arc<Partition>, BusError> {
        usize::try_from(index).ok().and_then(|index| self.partitions.get(index)).ok_or_else(|| {
            let (name, count) = (&self.name, self.partitions.len());
            BusError::Fatal(format!("topic {name} has {count} partitions, there is no partition {index}"))
        })
    }
}

fn ready<'a, T: Send + 'a>(result: Result<T, BusError>) -> BoxFuture<'a, Result<T, BusError>> {
    futures::future::ready(result).boxed()
}

fn fatal<T>(sentence: String) -> Result<T, BusError> {
    Err(BusError::Fatal(sentence))
}

/// Locks what stays whole even if a holder panicked: every change under these locks is made after all that can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
