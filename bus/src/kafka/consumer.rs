//! Reading: one client, one loop. Both a member of a group and a tail read exactly what was started.

mod asking;
mod commits;
mod reading;

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::oneshot;

use super::{
    KafkaSettings, error,
    group::{Callbacks, native, note},
    inbox::{Inbox, Told},
    question::aside,
    received::received,
};
use crate::{Assigned, BoxFuture, BusError, Commit, Consumer, Event, Received, StartAt, TopicPartition};
use commits::Commits;
use reading::Reading;

/// A consumer of a Kafka cluster.
pub(super) struct KafkaConsumer {
    /// `None` only while it is being closed.
    client: Option<Client>,
    inbox: Arc<Inbox>,
    reading: Reading,
    /// `None` for a tail.
    member: Option<Member>,
    /// Records that were on the queue before an event that goes first.
    held: Vec<Received>,
    away: Away,
}

type Client = Arc<BaseConsumer<Callbacks>>;

/// What only members of groups have.
#[derive(Default)]
struct Member {
    /// What the caller was told is its own.
    owned: BTreeSet<TopicPartition>,
    /// What the group gave; what was committed of it is being asked for.
    given: Vec<TopicPartition>,
    /// Counts gifts, so that an answer about an older one is known to be old.
    round: u64,
    /// What the group took back. It is let go of when the caller, having been told, asks for the next event.
    leaving: Option<Vec<TopicPartition>>,
    commits: Commits,
}

/// Whether brokers can be reached, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Away {
    No,
    /// A connection broke; it is being found out whether that was all.
    Asking,
    Yes,
}

/// How many records `next` returns at most.
const RECORDS_MAX: usize = 1_000;
/// librdkafka wants to be polled now and then, else it takes a member for dead; and no bell is trusted for ever.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long closing may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
const METADATA_BYTES_MAX: usize = 4_000;

// === impl KafkaConsumer ===

impl KafkaConsumer {
    /// Returns a member of `group` that shares `topic` with the others.
    pub(super) fn member(settings: &KafkaSettings, group: &str, topic: &str) -> Result<Self, BusError> {
        let consumer = Self::open(settings, Some(group))?;
        let subscribed = consumer.client().subscribe(&[topic]);
        subscribed.map_err(|error| error::sorted(&format!("join {group}"), &error))?;
        Ok(consumer)
    }

    /// Returns a consumer that is in no group.
    pub(super) fn tail(settings: &KafkaSettings) -> Result<Self, BusError> {
        Self::open(settings, None)
    }

    fn open(settings: &KafkaSettings, group: Option<&str>) -> Result<Self, BusError> {
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
            member: group.map(|_| Member::default()),
            held: Vec::new(),
            away: Away::No,
        })
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("a consumer has its client until it is closed")
    }

    /// Returns the next event if there is one now.
    fn step(&mut self) -> Option<Result<Event, BusError>> {
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
        records.retain(|record| self.reading.has(&record.partition));
        if records.is_empty() { None } else { Some(Ok(Event::Records(records))) }
    }

    /// Takes what is on librdkafka's queue, up to the first thing that goes into the inbox.
    fn fetch(&mut self, records: &mut Vec<Received>) {
        let client = Arc::clone(self.client());
        while records.len() < RECORDS_MAX && self.inbox.is_empty() {
            let callbacks = self.inbox.callbacks();
            match client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    if let Some(partition) = self.reading.take(&message) {
                        records.push(received(partition, &message));
                    }
                }
                Some(Err(error)) => self.inbox.tell(Told::Failed(error)),
                None if self.inbox.callbacks() == callbacks => return,
                None => {}
            }
        }
        // Whatever made us stop, the queue may hold more, and only an empty queue rings again.
        self.inbox.ring();
    }

    fn on_told(&mut self, told: Told) -> Option<Result<Event, BusError>> {
        match told {
            Told::Given(partitions) => self.on_given(partitions),
            Told::Taken(partitions) => self.on_taken(partitions),
            Told::Committed(round, assigned) => self.on_committed(round, assigned),
            Told::CommitReturned => self.on_commit_returned(),
            Told::Located(epoch, offset) => self.on_located(epoch, offset),
            Told::Gone(epoch, gone) => self.reading.on_gone(epoch).map(|partition| {
                self.unassign(std::slice::from_ref(&partition));
                Err(gone)
            }),
            Told::Away(reason) => self.on_away(reason),
            Told::Back => {
                self.away = Away::No;
                None
            }
            Told::Failed(error) => self.on_error(&error),
            Told::Broken(error) => Some(Err(error)),
        }
    }

    fn on_given(&mut self, partitions: Vec<TopicPartition>) -> Option<Result<Event, BusError>> {
        let member = self.member.as_mut()?;
        member.given.extend(partitions);
        member.round += 1;
        let (round, given) = (member.round, member.given.clone());
        if given.is_empty() {
            return None;
        }
        asking::committed(self.client(), &self.inbox, round, given).err().map(Err)
    }

    fn on_committed(&mut self, round: u64, assigned: Vec<Assigned>) -> Option<Result<Event, BusError>> {
        let member = self.member.as_mut().filter(|member| member.round == round)?;
        member.given.clear();
        member.owned.extend(assigned.iter().map(|assigned| assigned.partition.clone()));
        Some(Ok(Event::Assigned(assigned)))
    }

    fn on_taken(&mut self, partitions: Vec<TopicPartition>) -> Option<Result<Event, BusError>> {
        let member = self.member.as_mut()?;
        let (told, untold): (Vec<_>, Vec<_>) = partitions.into_iter().partition(|one| member.owned.remove(one));
        let given = member.given.len();
        member.given.retain(|given| !untold.contains(given));
        let again = (member.given.len() < given).then(Vec::new);
        member.commits.forget(&told);
        for partition in &told {
            self.reading.forget(partition);
        }
        member.leaving.get_or_insert_default().extend(told.iter().cloned());
        if let Some(none) = again {
            // The answer that is on its way is about more than is left.
            if let Some(failed) = self.on_given(none) {
                return Some(failed);
            }
        }
        if told.is_empty() {
            self.let_go();
            return None;
        }
        Some(Ok(Event::Revoked(told)))
    }

    /// Lets go of what was taken back: the group may give it to another member from now on.
    fn let_go(&mut self) {
        let Some(leaving) = self.member.as_mut().and_then(|member| member.leaving.take()) else { return };
        let assigned = self.client().assignment().map(|assigned| super::group::listed(&assigned)).unwrap_or_default();
        let reading = leaving.iter().filter(|partition| assigned.contains(partition));
        // Called even for none: it is what librdkafka waits for before it answers the group.
        note(self.client().incremental_unassign(&native(reading)));
    }

    /// Lets go of what nobody will be told of any more, or closing would wait for it.
    fn let_go_of_all_taken(&mut self) {
        while let (Some(told), Some(member)) = (self.inbox.take(), &mut self.member) {
            if let Told::Taken(partitions) = told {
                member.owned.retain(|owned| !partitions.contains(owned));
                member.leaving.get_or_insert_default().extend(partitions);
            }
        }
        self.let_go();
    }

    fn on_commit_returned(&mut self) -> Option<Result<Event, BusError>> {
        self.member.as_mut()?.commits.returned();
        self.send_commits();
        None
    }

    fn send_commits(&mut self) {
        let client = Arc::clone(self.client());
        let Some(commits) = self.member.as_mut().and_then(|member| member.commits.due(Instant::now())) else { return };
        if let Err(error) = client.commit(&commits, CommitMode::Async) {
            tracing::debug!(%error, "a commit was lost; the next one makes up for it");
        }
    }

    fn on_located(&mut self, epoch: u64, offset: i64) -> Option<Result<Event, BusError>> {
        let partition = self.reading.on_located(epoch, offset)?;
        self.assign(&partition, rdkafka::Offset::Offset(offset)).err().map(Err)
    }

    fn on_away(&mut self, reason: String) -> Option<Result<Event, BusError>> {
        (self.away != Away::Yes).then(|| {
            self.away = Away::Yes;
            Err(BusError::Unavailable(reason))
        })
    }

    fn on_error(&mut self, error: &KafkaError) -> Option<Result<Event, BusError>> {
        let reason = self.inbox.reason();
        match (error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) => {
                Some(Err(BusError::Fatal(format!("Kafka's client has failed: {reason}"))))
            }
            (_, Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)) => {
                asking::gone(self.client(), &self.inbox, self.reading.positions()).err().map(Err)
            }
            (_, Some(code)) if error::is_fatal(code) => Some(Err(BusError::Fatal(format!("cannot read: {reason}")))),
            (_, Some(code)) if error::is_absence(code) => {
                if self.away != Away::No {
                    return None;
                }
                self.away = Away::Asking;
                asking::whether_away(self.client(), &self.inbox).err().map(Err)
            }
            _ => {
                tracing::warn!(%error, reason, "reading goes on");
                None
            }
        }
    }

    fn assign(&self, partition: &TopicPartition, from: rdkafka::Offset) -> Result<(), BusError> {
        let mut list = native([partition]);
        let set = list.set_all_offsets(from).and_then(|()| self.client().incremental_assign(&list));
        set.map_err(|error| error::sorted(&format!("read {partition}"), &error))
    }

    fn unassign(&self, partitions: &[TopicPartition]) {
        note(self.client().incremental_unassign(&native(partitions)));
    }

    fn owned(&self, partition: &TopicPartition) -> bool {
        self.member.as_ref().is_none_or(|member| member.owned.contains(partition))
    }

    fn quit(&mut self, partition: &TopicPartition) {
        if self.reading.forget(partition) {
            self.unassign(std::slice::from_ref(partition));
        }
        self.held.retain(|record| record.partition != *partition);
    }

    /// Closes on a thread: what the last commit and leaving the group take, or ever come to take, is not our caller's.
    fn close_aside(&mut self, last: Vec<Commit>) -> Option<oneshot::Receiver<()>> {
        self.let_go_of_all_taken();
        let client = self.client.take()?;
        self.inbox.close();
        let last = self.member.take().and_then(|member| {
            let Member { owned, mut commits, .. } = member;
            commits.add(last.into_iter().filter(|commit| owned.contains(&commit.partition)));
            commits.all()
        });
        let (tell, told) = oneshot::channel();
        let close = move || {
            if let Some(last) = last
                && let Err(error) = client.commit(&last, CommitMode::Sync)
            {
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
        if !self.owned(partition) {
            return Err(BusError::Fatal(format!("{partition} is not assigned to this member")));
        }
        self.quit(partition);
        match from {
            StartAt::Beginning => self.start_now(partition, rdkafka::Offset::Beginning, None),
            StartAt::End => self.start_now(partition, rdkafka::Offset::End, None),
            StartAt::Offset(offset) => self.start_now(partition, rdkafka::Offset::Offset(offset), Some(offset)),
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
        // The broker does not ask who owns what: a commit of what was taken back would overwrite its new owner's.
        let own = commits.iter().filter(|commit| member.owned.contains(&commit.partition)).cloned();
        member.commits.add(own.collect::<Vec<_>>());
        self.send_commits();
        Ok(())
    }

    fn close(mut self: Box<Self>, last: Vec<Commit>) -> BoxFuture<'static, ()> {
        let closed = self.close_aside(last);
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

impl KafkaConsumer {
    fn start_now(
        &mut self,
        partition: &TopicPartition,
        from: rdkafka::Offset,
        position: Option<i64>,
    ) -> Result<(), BusError> {
        self.assign(partition, from)?;
        self.reading.begin(partition.clone(), true, position);
        Ok(())
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.close_aside(Vec::new());
    }
}
