//! What the laws have in common: names, records, and consumers that remember what they were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::select_all};
use hedgerow_bus::{
    Assigned, Bus, BusError, Commit, Committed, Consumer, Event, Producer, Received, StartAt, TopicPartition, TopicSpec,
};
use tokio::sync::oneshot;
use wire::Record;

/// How long an event may take before the law is broken. Generous: a broker may be starting its group coordinator.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A consumer, and what it was told so far.
pub(crate) struct Reader {
    pub(crate) consumer: Box<dyn Consumer>,
    /// What the group gave it, with what was committed then.
    pub(crate) owned: BTreeMap<i32, Option<Committed>>,
    pub(crate) records: Vec<Received>,
    started: BTreeSet<TopicPartition>,
}

// === impl Reader ===

impl Reader {
    pub(crate) async fn tail(bus: &dyn Bus) -> Self {
        Self::over(within(bus.tail()).await.unwrap())
    }

    pub(crate) async fn unhurried(bus: &dyn Bus) -> Self {
        Self::over(within(bus.unhurried_tail()).await.unwrap())
    }

    pub(crate) async fn member(bus: &dyn Bus, group: &str, topic: &str) -> Self {
        Self::over(within(bus.member(group, topic)).await.unwrap())
    }

    fn over(consumer: Box<dyn Consumer>) -> Self {
        Self { consumer, owned: BTreeMap::new(), records: Vec::new(), started: BTreeSet::new() }
    }

    pub(crate) fn start(&mut self, partition: &TopicPartition, from: StartAt) {
        self.consumer.start(partition, from).unwrap();
        self.started.insert(partition.clone());
    }

    /// Starts all of `partitions` at their beginnings.
    pub(crate) fn start_all(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.start(partition, StartAt::Beginning);
        }
    }

    pub(crate) fn stop(&mut self, partition: &TopicPartition) {
        self.consumer.stop(partition).unwrap();
        self.started.remove(partition);
    }

    /// Waits for the next event and remembers it. Cancel-safe because `next` is.
    pub(crate) async fn step(&mut self) {
        let event = self.consumer.next().await.unwrap();
        self.remember(event);
    }

    /// Notes what `event` says. Records of what was not started, or no longer is, break the law at once.
    pub(crate) fn remember(&mut self, event: Event) {
        match event {
            Event::Assigned(assigned) => {
                for Assigned { partition, committed } in assigned {
                    let before = self.owned.insert(partition.partition, committed);
                    assert!(before.is_none(), "{partition} was assigned twice");
                }
            }
            Event::Revoked(revoked) => {
                for partition in revoked {
                    assert!(self.owned.remove(&partition.partition).is_some(), "{partition} was not this member's");
                    self.started.remove(&partition);
                }
            }
            Event::Records(records) => {
                assert!(!records.is_empty(), "an event of no records");
                for record in &records {
                    let Received { partition, offset, .. } = record;
                    assert!(self.started.contains(partition), "{partition} is not started but delivered {offset}");
                }
                self.records.extend(records);
            }
        }
    }

    /// Reads until it has `count` records.
    pub(crate) async fn read(&mut self, count: usize) -> &[Received] {
        within(async {
            while self.records.len() < count {
                self.step().await;
            }
        })
        .await;
        &self.records
    }

    /// Reads until a record with `payload` has arrived.
    pub(crate) async fn read_to(&mut self, payload: &str) -> &[Received] {
        within(async {
            while !self.records.iter().any(|received| received.record == record(payload)) {
                self.step().await;
            }
        })
        .await;
        &self.records
    }

    pub(crate) fn offsets_of(&self, partition: &TopicPartition) -> Vec<i64> {
        let of = self.records.iter().filter(|received| received.partition == *partition);
        of.map(|received| received.offset).collect()
    }

    pub(crate) async fn close(self, last: Vec<Commit>) {
        within(self.consumer.close(last)).await;
    }
}

/// Steps all `members`, whichever has an event, until `enough` of what they own. No partition ever has two owners.
pub(crate) async fn settle(members: &mut [&mut Reader], enough: impl Fn(&[usize]) -> bool) {
    within(async {
        loop {
            let counts: Vec<usize> = members.iter().map(|member| member.owned.len()).collect();
            if enough(&counts) {
                return;
            }
            select_all(members.iter_mut().map(|member| member.step().boxed_local())).await;
            let mut all = BTreeSet::new();
            let owned = members.iter().flat_map(|member| member.owned.keys());
            owned.for_each(|partition| assert!(all.insert(*partition), "{partition} has two owners"));
        }
    })
    .await;
}

/// Returns what `work` gives, or fails if it takes longer than anything here may take.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("what is waited for happens within the patience")
}

/// Returns a name that no other law and no other run uses.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("contract-{what}-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Creates a topic of `partitions` partitions and returns its name.
pub(crate) async fn topic(bus: &dyn Bus, partitions: i32) -> String {
    let spec = spec(partitions);
    within(bus.create_topics(std::slice::from_ref(&spec))).await.unwrap();
    spec.name
}

pub(crate) fn spec(partitions: i32) -> TopicSpec {
    TopicSpec { name: unique("topic"), partitions, retention: None, compacted: false }
}

pub(crate) async fn producer(bus: &dyn Bus, topic: &str) -> Arc<dyn Producer> {
    within(bus.producer(&[topic])).await.unwrap()
}

pub(crate) fn partitions(topic: &str, count: i32) -> Vec<TopicPartition> {
    (0..count).map(|index| TopicPartition::new(topic, index)).collect()
}

pub(crate) fn record(payload: &str) -> Record {
    Record { payload: Some(Bytes::copy_from_slice(payload.as_bytes())), ..Record::default() }
}

pub(crate) fn commit(partition: &TopicPartition, offset: i64, metadata: &str) -> Commit {
    Commit { partition: partition.clone(), committed: committed(offset, metadata) }
}

pub(crate) fn committed(offset: i64, metadata: &str) -> Committed {
    Committed { offset, metadata: metadata.to_owned() }
}

/// Sends `record` and returns what was acknowledged.
pub(crate) async fn send(producer: &dyn Producer, to: &TopicPartition, record: Record) -> Result<i64, BusError> {
    let (tell, told) = oneshot::channel();
    producer.send(to, record, Box::new(|result| tell.send(result).expect("the sender waits")))?;
    within(told).await.expect("every send is acknowledged")
}

/// Sends the numbers of `range` as payloads and returns when all are in the log.
pub(crate) async fn send_numbers(producer: &dyn Producer, to: &TopicPartition, range: std::ops::Range<usize>) {
    for number in range {
        let acknowledge = Box::new(|result: Result<i64, BusError>| assert!(result.is_ok(), "{result:?}"));
        producer.send(to, record(&number.to_string()), acknowledge).unwrap();
    }
    within(producer.drain(PATIENCE)).await.unwrap();
}
