//! The simulated log: partitions of records, each with the broker's instant at which it was taken in.

use std::{ops::Range, sync::Arc};

use bus::{Received, TopicPartition};
use wire::{Record, Timestamp};

/// The topics of the simulated rendezvous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What is asked.
    Requests,
    /// What executors said.
    Responses,
    /// What was decided, and the fences.
    Results,
    /// What could not be understood.
    DeadLetters,
    /// Changes and counts.
    Control,
}

/// Who wrote something: one life of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    /// Which process.
    pub process: usize,
    /// Which of its lives.
    pub life: u32,
}

/// A record in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When the log took it in.
    pub at: Timestamp,
    /// How many things had been taken in by any partition, or committed, before it.
    pub order: u64,
    /// Who wrote it.
    pub by: Who,
    /// It.
    pub record: Record,
}

/// All partitions of all topics.
#[derive(Debug)]
pub struct Logs {
    partitions: i32,
    logs: Vec<Log>,
}

#[derive(Debug)]
struct Log {
    name: TopicPartition,
    entries: Vec<Entry>,
}

// === impl Topic ===

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 5] = [Self::Requests, Self::Responses, Self::Results, Self::DeadLetters, Self::Control];

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "sim.requests",
            Self::Responses => "sim.responses",
            Self::Results => "sim.results",
            Self::DeadLetters => "sim.dead-letters",
            Self::Control => "hedgerow.control",
        }
    }
}

// === impl Logs ===

impl Logs {
    /// Returns empty logs.
    #[must_use]
    pub fn new(partitions: i32) -> Self {
        let of = |topic: Topic| {
            let name: Arc<str> = topic.name().into();
            (0..partitions).map(move |partition| Log {
                name: TopicPartition { topic: Arc::clone(&name), partition },
                entries: Vec::new(),
            })
        };
        Self { partitions, logs: Topic::ALL.into_iter().flat_map(of).collect() }
    }

    /// Returns how many partitions each topic has.
    #[must_use]
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Takes a record in; returns its offset.
    pub fn append(&mut self, topic: Topic, partition: i32, entry: Entry) -> i64 {
        let log = self.log_mut(topic, partition);
        log.entries.push(entry);
        offset(log.entries.len()) - 1
    }

    /// Returns the offsets that are held.
    #[must_use]
    pub fn span(&self, topic: Topic, partition: i32) -> Range<i64> {
        0..offset(self.log(topic, partition).entries.len())
    }

    /// Returns the record at `at` as a reader gets it.
    #[must_use]
    pub fn read(&self, topic: Topic, partition: i32, at: i64) -> Option<Received> {
        let log = self.log(topic, partition);
        let entry = log.entries.get(usize::try_from(at).ok()?)?;
        let (partition, record) = (log.name.clone(), entry.record.clone());
        Some(Received { partition, offset: at, appended: entry.at, record })
    }

    /// Returns every record of a partition, with its offset.
    pub fn entries(&self, topic: Topic, partition: i32) -> impl Iterator<Item = (i64, &Entry)> {
        (0..).zip(&self.log(topic, partition).entries)
    }

    /// Returns how a partition is called.
    #[must_use]
    pub fn name(&self, topic: Topic, partition: i32) -> TopicPartition {
        self.log(topic, partition).name.clone()
    }

    fn log(&self, topic: Topic, partition: i32) -> &Log {
        &self.logs[self.index(topic, partition)]
    }

    fn log_mut(&mut self, topic: Topic, partition: i32) -> &mut Log {
        let index = self.index(topic, partition);
        &mut self.logs[index]
    }

    fn index(&self, topic: Topic, partition: i32) -> usize {
        let partition = usize::try_from(partition.rem_euclid(self.partitions)).unwrap_or(0);
        topic as usize * usize::try_from(self.partitions).unwrap_or(1) + partition
    }
}

fn offset(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
