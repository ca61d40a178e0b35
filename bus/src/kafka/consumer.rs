//! Reading: one client, one loop. Both a member of a group and a tail read exactly what was started.

mod asking;
mod commits;
mod member;
mod reading;
mod told;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    Message as _, Offset, Timestamp,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    message::BorrowedMessage,
};
use tokio::sync::oneshot;

use super::{
    KafkaSettings, error,
    group::{Callbacks, native, note},
    inbox::{Inbox, Told},
    question::aside,
    received::received,
};
use crate::{
    BoxFuture, BusError, Clock, Commit, Consumer, Event, Membership, Received, StartAt, TopicPartition,
    transactions::Kind,
};
use member::Member;
use reading::Reading;

/// A consumer of a Kafka cluster.
pub(super) struct KafkaConsumer {
    /// `None` only when it is being closed.
    client: Option<Client>,
    inbox: Arc<Inbox>,
    reading: Reading,
    /// Topics that a tail was started on; a member's client knows its topic.
    topics: Vec<Arc<str>>,
    /// `None` for a tail.
    member: Option<Member>,
    /// Records that were on the queue before an event that goes first.
    held: Vec<Received>,
    records_max: usize,
    away: Away,
    /// It was told that a topic does not carry the broker's times.
    foreign_clock_told: bool,
    /// Learns from append times, if it is to.
    clock: Option<Clock>,
}

type Client = Arc<BaseConsumer<Callbacks>>;

/// Whether brokers can be reached, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Away {
    No,
    /// A connection broke; it is being found out whether that was all.
    Asking,
    Yes,
}

/// An event for the caller, or nothing.
type Outcome = Option<Result<Event, BusError>>;

/// How many records `next` returns at most, unless fewer are wanted.
pub(super) const RECORDS_MAX: usize = 1_000;
/// librdkafka wants to be polled now and then, else it takes a member for dead; and no bell is trusted for ever.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long closing may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
const METADATA_BYTES_MAX: usize = 4_000;

// === impl KafkaConsumer ===

impl KafkaConsumer {
    /// Returns a member of `group` that shares `topic` with the others.
    pub(super) fn member(
        settings: &KafkaSettings,
        clock: Option<Clock>,
        group: &str,
        topic: &str,
    ) -> Result<Self, BusError> {
        let consumer = Self::open(settings, clock, Some(group), RECORDS_MAX)?;
        let subscribed = consumer.client().subscribe(&[topic]);
        subscribed.map_err(|error| error::sorted(&format!("join {group}"), &error))?;
        Ok(consumer)
    }

    /// Returns a consumer that is in no group, and returns so many records at a time at most.
    pub(super) fn tail(settings: &KafkaSettings, clock: Option<Clock>, records_max: usize) -> Result<Self, BusError> {
        Self::open(settings, clock, None, records_max)
    }

    fn open(
        settings: &KafkaSettings,
        clock: Option<Clock>,
        group: Option<&str>,
        records_max: usize,
    ) -> Result<Self, BusError> {
        let inbox = Arc::new(Inbox::default());
        let context = Callbacks { inbox: Arc::clone(&inbox) };
        let mut client: BaseConsumer<Callbacks> = settings
            .consumer(group)
            .create_with_context(context)
            .map_err(|error| BusError::Fatal(format!("Kafka's client cannot be created: {error}")))?;
        let bell = Arc::clone(&inbox);
        client.set_nonempty_callback(move || bell.ring());
        Ok(Self {
            client: Some(Arc::new(client)),
            inbox,
            reading: Reading::default(),
            topics: Vec::new(),
            member: group.map(|_| Member::default()),
            held: Vec::new(),
            records_max,
            away: Away::No,
            foreign_clock_told: false,
            clock,
        })
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("a consumer has its client until it is closed")
    }

    /// Returns the next event if there is one now.
    fn step(&mut self) -> Outcome {
        self.let_go();
        let mut records = std::mem::take(&mut self.held);
        self.fetch(&mut records);
        while let Some(told) = self.inbox.take() {
            if let Some(event) = self.on_told(told) {
                records.retain(|record| self.reading.has(&record.partition));
                self.held = records;
                return Some(event);
            }
        }
        if records.is_empty() { None } else { Some(Ok(Event::Records(records))) }
    }

    /// Takes what is on librdkafka's queue, up to the first thing that goes into the inbox.
    fn fetch(&mut self, records: &mut Vec<Received>) {
        let client = Arc::clone(self.client());
        let mut newest = i64::MIN;
        while records.len() < self.records_max && self.inbox.is_empty() {
            let callbacks = self.inbox.callbacks();
            match client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    if let Some(partition) = self.reading.take(&message) {
                        newest = newest.max(self.look_at_clock(&message));
                        records.push(received(partition, &message));
                    }
                }
                Some(Err(error)) => self.inbox.tell(Told::Failed(error)),
                None if self.inbox.callbacks() == callbacks => return self.teach(newest),
                None => {}
            }
        }
        self.teach(newest);
        // Whatever made us stop, the queue may hold more, and only an empty queue rings again.
        self.inbox.ring();
    }

    /// Returns when the broker appended `message`, in milliseconds, if it says so.
    fn look_at_clock(&mut self, message: &BorrowedMessage<'_>) -> i64 {
        match message.timestamp() {
            Timestamp::LogAppendTime(millis) => return millis,
            Timestamp::CreateTime(_) if !self.foreign_clock_told => {
                self.foreign_clock_told = true;
                let topic = message.topic();
                tracing::warn!(
                    topic,
                    "times are the writers', not the broker's: set message.timestamp.type=LogAppendTime"
                );
            }
            Timestamp::CreateTime(_) | Timestamp::NotAvailable => {}
        }
        i64::MIN
    }

    /// Tells the clock of the newest append that was read: of all, it says most.
    fn teach(&self, newest: i64) {
        if let Some(clock) = self.clock.as_ref().filter(|_| newest > i64::MIN) {
            clock.on_read(wire::Timestamp::from_micros(newest.saturating_mul(1_000)));
        }
    }

    fn start_now(&mut self, partition: &TopicPartition, from: Offset, position: Option<i64>) -> Result<(), BusError> {
        self.assign(partition, from)?;
        self.reading.begin(partition.clone(), true, position);
        if self.member.is_none() && !self.topics.contains(&partition.topic) {
            self.topics.push(Arc::clone(&partition.topic));
            asking::look_up(self.client(), Arc::clone(&partition.topic))?;
        }
        Ok(())
    }

    fn assign(&self, partition: &TopicPartition, from: Offset) -> Result<(), BusError> {
        let mut list = native([partition]);
        let assigned = list.set_all_offsets(from).and_then(|()| self.client().incremental_assign(&list));
        assigned.map_err(|error| error::sorted(&format!("read {partition}"), &error))
    }

    fn unassign(&self, partition: &TopicPartition) {
        note(self.client().incremental_unassign(&native([partition])));
    }

    /// Reads `partition` no more, and delivers nothing of it that was already fetched.
    fn quit(&mut self, partition: &TopicPartition) {
        if self.reading.forget(partition) {
            self.unassign(partition);
        }
        self.held.retain(|record| record.partition != *partition);
    }

    fn let_go(&mut self) {
        if let (Some(client), Some(member)) = (&self.client, &mut self.member) {
            member.let_go(client);
        }
    }

    fn send_commits(&mut self) {
        if let (Some(client), Some(member)) = (&self.client, &mut self.member) {
            member.send_commits(client);
        }
    }

    /// Lets go of what nobody will be told of any more, or closing would wait for it.
    fn let_go_of_all_taken(&mut self) {
        while let (Some(told), Some(member)) = (self.inbox.take(), &mut self.member) {
            if let Told::Taken(partitions) = told {
                member.on_taken(partitions);
            }
        }
        self.let_go();
    }

    /// Closes on a thread: what the last commit and leaving the group take, or ever come to take, is not our caller's.
    fn close_aside(&mut self, last: &[Commit]) -> Option<oneshot::Receiver<()>> {
        self.let_go_of_all_taken();
        let client = self.client.take()?;
        self.inbox.close();
        let last = self.member.take().and_then(|mut member| {
            member.add_commits(last);
            member.last_commits()
        });
        let (tell, told) = oneshot::channel();
        let close = move || {
            if let Some(Err(error)) = last.map(|last| client.commit(&last, CommitMode::Sync)) {
                tracing::debug!(%error, "the last commit was lost; more will be read again");
            }
            let started = Instant::now();
            // Threads that ask for this consumer hold the client too; the last one to let go closes it.
            while Arc::strong_count(&client) > 1 && started.elapsed() < CLOSE_WITHIN {
                thread::sleep(Duration::from_millis(1));
            }
            drop(client);
            // Nobody waits when the consumer was dropped, or when it took too long.
            let _ = tell.send(());
        };
        aside("kafka-close", close).ok()?;
        Some(told)
    }
}

impl Consumer for KafkaConsumer {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, BusError>> {
        async move {
            loop {
                if let Some(event) = self.step() {
                    return event;
                }
                // Elapsed or rung, it is looked again.
                drop(tokio::time::timeout(POLL_EVERY, self.inbox.wait()).await);
            }
        }
        .boxed()
    }

    fn start(&mut self, partition: &TopicPartition, from: StartAt) -> Result<(), BusError> {
        if self.member.as_ref().is_some_and(|member| !member.owns(partition)) {
            return Err(BusError::Fatal(format!("{partition} is not assigned to this member")));
        }
        self.quit(partition);
        match from {
            StartAt::Beginning => self.start_now(partition, Offset::Beginning, None),
            StartAt::End => self.start_now(partition, Offset::End, None),
            StartAt::Offset(offset) => self.start_now(partition, Offset::Offset(offset), Some(offset)),
            StartAt::Time(instant) => {
                let epoch = self.reading.begin(partition.clone(), false, None);
                asking::located(self.client(), &self.inbox, epoch, partition.clone(), instant)
            }
        }
    }

    fn stop(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.quit(partition);
        Ok(())
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), BusError> {
        let Some(member) = &mut self.member else {
            return Err(BusError::Fatal("a consumer without a group cannot commit".to_owned()));
        };
        if let Some(long) = commits.iter().find(|commit| commit.committed.metadata.len() > METADATA_BYTES_MAX) {
            let (partition, length) = (&long.partition, long.committed.metadata.len());
            let sentence = format!("the note of {length} bytes on {partition} is longer than {METADATA_BYTES_MAX}");
            return Err(BusError::Fatal(sentence));
        }
        member.add_commits(commits);
        self.send_commits();
        Ok(())
    }

    fn membership(&self) -> Option<Membership> {
        self.member.as_ref()?;
        // As librdkafka knows it now, not as our caller does: who was put out of the group joins again only when what it
        // lost was let go of, after our caller was told. Until then the broker refuses this.
        Some(Membership(Kind::Kafka(Arc::new(self.client().group_metadata()?))))
    }

    fn close(mut self: Box<Self>, last: Vec<Commit>) -> BoxFuture<'static, ()> {
        let closed = self.close_aside(&last);
        async move {
            if let Some(closed) = closed
                && tokio::time::timeout(CLOSE_WITHIN, closed).await.is_err()
            {
                tracing::debug!("Kafka's client takes its time to close and is left to it");
            }
        }
        .boxed()
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.close_aside(&[]);
    }
}
