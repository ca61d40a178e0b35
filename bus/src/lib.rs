//! How records move: the `Bus` contract, and its two implementations.
//!
//! The only crate that knows Kafka. Stations see partitions come and go as plain events, start reading them where they
//! choose, send without waiting, and commit what they will never need again. One contract suite (`tests/contract/`)
//! runs against both implementations; nothing else in the product knows which of them it is on.
//!
//! Laws, each tested by name:
//! - *Order*: records of one partition are delivered in offset order, each offset once per `start`.
//! - *Nothing before start*: of a partition nothing is delivered before `start`, and nothing after `Revoked` or `stop`.
//! - *One owner*: a member is given a partition only after the member that had it was told `Revoked`, or is gone.
//! - *Sent or told*: for each `send` that returned `Ok`, `acknowledge` is called exactly once.
//! - *The partition is the sender's*: no partitioner of a client ever chooses.
//! - *Atomic commit*: a committed offset and its metadata are read back together or not at all.
//! - *Stale commits are void*: what a member commits of a partition that is no longer its own has no effect.
//! - *All or nothing*: the records and commits of a transaction become visible together, and no consumer ever delivers
//!   what was not committed. Who opens a transactional id fences off whoever had it; who lost its group can commit nothing.

mod clock;
mod embedded;
mod error;
mod kafka;
mod outage;
mod skew;
mod stretch;
mod transactions;

use std::{fmt, ops::Range, sync::Arc, time::Duration};

pub use futures::future::BoxFuture;
use wire::{Record, Timestamp};

pub use clock::{Clock, ClockState, Hands, Ticking};
pub use embedded::{EmbeddedBus, EmbeddedLimits, Faults, SendFault};
pub use error::BusError;
pub use kafka::{KafkaBus, KafkaSettings};
pub use outage::Outage;
pub use stretch::Stretch;
pub use transactions::{Attempts, Membership, TransactError, Transactions};

/// A log of topics, reached through producers and consumers.
pub trait Bus: Send + Sync + 'static {
    /// Says which bus this is and where, for logs and errors.
    fn describe(&self) -> String;

    /// Returns whether what is sent is there for its readers as soon as `send` returns, because they are all in this
    /// process.
    fn is_in_process(&self) -> bool {
        false
    }

    /// Creates the topics that do not exist. Fails if one exists with another number of partitions.
    fn create_topics<'a>(&'a self, topics: &'a [TopicSpec]) -> BoxFuture<'a, Result<(), BusError>>;

    /// Returns how many partitions `topic` has.
    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<i32, BusError>>;

    /// Returns the offsets that `partition` holds now: from its low watermark to behind its last record.
    fn span<'a>(&'a self, partition: &'a TopicPartition) -> BoxFuture<'a, Result<Range<i64>, BusError>>;

    /// Returns the offset of the first record of `partition` appended at or after `at`; behind the newest if there is
    /// none. Who reads a stretch of the log and then ends begins there.
    fn locate<'a>(&'a self, partition: &'a TopicPartition, at: Timestamp) -> BoxFuture<'a, Result<i64, BusError>>;

    /// Returns what `group` committed of each partition of `topic`, in their order, whoever is in the group; `None` where
    /// nothing ever was. Asking changes nothing for the group.
    fn committed<'a>(
        &'a self,
        group: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Option<Committed>>, BusError>>;

    /// Returns the names of the groups whose names begin with `prefix`, sorted: those that have members, and those that
    /// committed something.
    fn groups<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, BusError>>;

    /// Opens a producer and warms it up: connections, metadata of `topics`, producer id. The first record that is sent
    /// afterwards costs what every record costs. Nothing becomes visible in the topics by it.
    fn producer<'a>(&'a self, topics: &'a [&'a str]) -> BoxFuture<'a, Result<Arc<dyn Producer>, BusError>>;

    /// Opens transactions that write to `topics`, under an `id` that is this caller's alone: whoever had it before can
    /// commit nothing more, and what it had begun and not committed is gone.
    fn transactions<'a>(
        &'a self,
        id: &'a str,
        topics: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Box<dyn Transactions>, BusError>>;

    /// Joins `group`, whose members share the partitions of `topic` among them.
    fn member<'a>(&'a self, group: &'a str, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Consumer>, BusError>>;

    /// Opens a consumer without a group: it reads exactly what is started. Never commits.
    fn tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>>;

    /// Opens a tail for whoever is in no hurry: records may come up to 50 ms later, in fewer and larger batches, which
    /// spares the broker a fetch for each of them.
    fn unhurried_tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.tail()
    }

    /// Opens a tail that begins at once. A partition that is started while a fetch is under way waits for its end: with
    /// others for half a second on an idle topic, with this one for 10 ms. As long as it reads anything it asks the broker
    /// a hundred times a second, so it is for what is soon over. It hands over few records at a time, because whoever catches
    /// up has something else to do as well.
    fn hasty_tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.tail()
    }
}

/// Sends records. Cheap to share; every method may be called from any thread.
pub trait Producer: Send + Sync {
    /// Hands `record` over and returns at once. `acknowledge` is called once, later or before this returns, from any
    /// thread, with the offset or the error; it must not block. On `Err` nothing was sent and it is never called.
    fn send(&self, to: &TopicPartition, record: Record, acknowledge: Acknowledge) -> Result<(), BusError>;

    /// Returns how many records are handed over and not yet acknowledged.
    fn in_flight(&self) -> usize;

    /// Waits until everything handed over is acknowledged; `Err` if `within` was not enough.
    fn drain(&self, within: Duration) -> BoxFuture<'_, Result<(), BusError>>;
}

/// Sends what nobody waits for; that the log does not take it, which is called `what`, is only told to whoever looks closely.
pub fn offer(producer: &dyn Producer, to: &TopicPartition, record: Record, what: &'static str) {
    let told = move |error: &BusError| tracing::debug!(%error, "{what} is not in the log");
    let acknowledge = Box::new(move |outcome: Result<i64, BusError>| drop(outcome.inspect_err(told)));
    if let Err(error) = producer.send(to, record, acknowledge) {
        told(&error);
    }
}

/// Called once with the offset a record got, or why it got none. After an error the record may still be in the log.
pub type Acknowledge = Box<dyn FnOnce(Result<i64, BusError>) + Send>;

/// Reads partitions. Owned by one loop.
pub trait Consumer: Send {
    /// Returns what happened next. Cancel-safe: an event is either returned or still to come.
    /// `Records` holds what is there, at least one and at most some thousands, possibly of several partitions.
    ///
    /// After an error it may be called again. `OffsetGone` has stopped its partition, and no other. `Unavailable` is
    /// said once for an interruption, not again and again: the call after it waits.
    fn next(&mut self) -> BoxFuture<'_, Result<Event, BusError>>;

    /// Begins to deliver `partition` from `from`. Started again, it jumps there. A member starts what was `Assigned`.
    fn start(&mut self, partition: &TopicPartition, from: StartAt) -> Result<(), BusError>;

    /// Delivers nothing more of `partition`, not even what was already fetched, until it is started again.
    fn stop(&mut self, partition: &TopicPartition) -> Result<(), BusError>;

    /// Commits without waiting. Later commits overtake earlier ones; a lost commit only means more to read again.
    /// `Fatal` if this consumer is in no group, or a note is too long.
    fn commit(&mut self, commits: &[Commit]) -> Result<(), BusError>;

    /// Returns how this member stands in its group now, for a transaction to commit by; `None` if it is in none.
    fn membership(&self) -> Option<Membership>;

    /// Commits `last` and waits, leaves the group and closes, within about two seconds whatever the broker does.
    /// A consumer that is dropped leaves its group too.
    fn close(self: Box<Self>, last: Vec<Commit>) -> BoxFuture<'static, ()>;
}

/// What a consumer tells its loop.
#[derive(Debug)]
pub enum Event {
    /// The group gave these partitions to this member. Nothing of them flows until they are started.
    Assigned(Vec<Assigned>),
    /// These partitions are this member's no more; what is still in hand of them must not lead to anything.
    Revoked(Vec<TopicPartition>),
    /// Records, in offset order within each partition.
    Records(Vec<Received>),
}

/// A partition that a member was given, and where its group had come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Which.
    pub partition: TopicPartition,
    /// What was last committed, if anything ever was.
    pub committed: Option<Committed>,
}

/// A position that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The first offset that is still needed.
    pub offset: i64,
    /// What the committer wrote beside it; empty if nothing.
    pub metadata: String,
}

/// A position to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Of which partition.
    pub partition: TopicPartition,
    /// The first offset that is still needed, and a note of at most 4,000 bytes.
    pub committed: Committed,
}

/// A record with its place and time in the log.
#[derive(Clone, Debug)]
pub struct Received {
    /// Where it lies.
    pub partition: TopicPartition,
    /// At which offset.
    pub offset: i64,
    /// When the log took it in, on the broker's clock (on Kafka in whole milliseconds, rounded down).
    pub appended: Timestamp,
    /// What it is.
    pub record: Record,
}

/// A partition of a topic. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: i32,
}

/// Where to begin to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest record still held.
    Beginning,
    /// Behind the newest record, as it is at some moment after `start`, which a broker may be slow to look up. Who must
    /// miss nothing from now on asks for the `span` and starts at the offset it ends with.
    End,
    /// At this offset; an offset that the log no longer holds, or does not hold yet, is an error from `next`.
    Offset(i64),
    /// At the first record appended at or after this instant; behind the newest if there is none.
    Time(Timestamp),
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How long records are kept at least; `None` keeps the broker's default, and in a compacted topic the newest of each
    /// key for ever.
    pub retention: Option<Duration>,
    /// Whether only the newest record of each key is kept.
    pub compacted: bool,
}

// === impl TopicPartition ===

impl TopicPartition {
    /// Returns partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.topic, self.partition)
    }
}
