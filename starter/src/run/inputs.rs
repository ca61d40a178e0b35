//! Reads the input topic: each record becomes a request or a dead letter, and is committed when that is acknowledged.
//!
//! Nobody waits here, so nothing is shed: the topic holds what cannot be taken in yet. While half of the limit is in
//! flight, or the producer's queue is full, or the schema of an input is still asked for, nothing more is read.

mod doorway;
mod hand;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use bus::{
    Assigned, Bus, BusError, Commit, Committed, Consumer, Event, Outage, Producer, Received, StartAt, TopicPartition,
};
use schemas::Registry;
use tokio_util::sync::CancellationToken;
use wire::Topics;

use self::{
    doorway::{Doorway, Writing},
    hand::Hand,
};
use super::until_available;
use crate::starter::Starter;

/// Who waits for the bus, if it is away.
const WHO: &str = "the starter's reader of inputs";

/// How many inputs may be in hand: read and not yet acknowledged. A batch more may come on top.
const IN_HAND: usize = 4_096;

/// How long what is held back waits before it is tried again.
const HELD_BACK: Duration = Duration::from_millis(1);

/// After so many commits' pauses what is held back is put back into the topic: whoever does not ask for more for ten seconds
/// loses his partitions.
const PATIENCE: u32 = 20;

/// How many inputs are checked before the results get their turn: some tens of microseconds of work.
const AT_A_TIME: usize = 32;

/// How often is committed.
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// How long `stop` waits for acknowledgements.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Reads until `stop`.
pub(super) async fn read(
    bus: &dyn Bus,
    topics: &Topics,
    starter: &Starter,
    schemas: Option<&Registry>,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let opened = until_available(WHO, starter.clock(), stop, || Inputs::open(bus, topics, starter, schemas)).await;
    let Some(opened) = opened else { return Ok(()) };
    let mut inputs = opened?;
    inputs.run(stop).await?;
    inputs.close().await;
    Ok(())
}

struct Inputs<'a> {
    consumer: Box<dyn Consumer>,
    producer: Arc<dyn Producer>,
    doorway: Doorway<'a>,
    hand: Arc<Hand>,
    topic: TopicPartition,
    /// Read, and not yet taken in; nothing more is read meanwhile, so it is one batch at most.
    pending: VecDeque<Received>,
    /// Whether what is pending has to wait.
    held_back: bool,
    /// For how many commits' pauses on end.
    waited: u32,
    /// Whether writing fails, and somebody was told.
    failing: bool,
}

// === impl Inputs ===

impl<'a> Inputs<'a> {
    async fn open(
        bus: &dyn Bus,
        topics: &Topics,
        starter: &'a Starter,
        schemas: Option<&'a Registry>,
    ) -> Result<Self, BusError> {
        let link = starter.connected().ok_or_else(|| BusError::Unavailable("no producer yet".to_owned()))?;
        let dead_letters = super::partitions(&topics.dead_letters, bus.partitions(&topics.dead_letters).await?);
        let consumer = bus.member(&topics.group("starter"), &topics.inputs).await?;
        let hand = Arc::new(Hand::default());
        let doorway = Doorway::new(starter, link, schemas, dead_letters, Arc::clone(&hand));
        let (producer, topic) = (Arc::clone(&link.producer), TopicPartition::new(&topics.inputs, 0));
        let pending = VecDeque::new();
        Ok(Self { consumer, producer, doorway, hand, topic, pending, held_back: false, waited: 0, failing: false })
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<(), BusError> {
        let mut outage = Outage::of(WHO);
        let mut commit = tokio::time::interval(COMMIT_EVERY);
        commit.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let has_room = self.hand.state().progress.in_hand() < IN_HAND;
            let is_free = self.pending.is_empty();
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                _ = commit.tick() => {
                    self.commit()?;
                    self.read_again()?;
                    self.put_back()?;
                    continue;
                }
                () = pause(self.held_back), if !is_free => {
                    self.take_some()?;
                    continue;
                }
                event = self.consumer.next(), if is_free && has_room => event,
                () = self.hand.acknowledged(), if is_free && !has_room => continue,
            };
            // Said once for an interruption: the next call waits.
            match outage.note(event, self.doorway.clock()) {
                Ok(Some(event)) => self.on_event(event)?,
                Ok(None) => {}
                Err(BusError::OffsetGone { partition, offset, low, high }) => {
                    self.skip_lost(&partition, offset, &(low..high))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), BusError> {
        match event {
            Event::Assigned(partitions) => partitions.iter().try_for_each(|assigned| self.on_assigned(assigned)),
            Event::Revoked(partitions) => {
                self.commit()?;
                let mut state = self.hand.state();
                for revoked in partitions {
                    state.progress.end(revoked.partition);
                }
                Ok(())
            }
            Event::Records(records) => {
                self.pending.extend(records);
                Ok(())
            }
        }
    }

    fn on_assigned(&mut self, assigned: &Assigned) -> Result<(), BusError> {
        // Without a commit every input that is still held is new to this group.
        let from = assigned.committed.as_ref().map_or(StartAt::Beginning, |at| StartAt::Offset(at.offset));
        let needed = assigned.committed.as_ref().map_or(0, |at| at.offset);
        self.hand.state().progress.begin(assigned.partition.partition, needed);
        self.consumer.start(&assigned.partition, from)
    }

    /// Lets go of what is held back for long; it is brought again by the next event.
    fn put_back(&mut self) -> Result<(), BusError> {
        self.waited = if self.held_back && !self.pending.is_empty() { self.waited + 1 } else { 0 };
        if self.waited < PATIENCE {
            return Ok(());
        }
        self.waited = 0;
        let mut first = BTreeMap::new();
        for received in std::mem::take(&mut self.pending) {
            first.entry(received.partition).or_insert(received.offset);
        }
        first.into_iter().try_for_each(|(partition, offset)| self.consumer.start(&partition, StartAt::Offset(offset)))
    }

    fn take_some(&mut self) -> Result<(), BusError> {
        for _ in 0..AT_A_TIME {
            let Some(received) = self.pending.front() else { return Ok(()) };
            self.held_back = self.doorway.take(received)? == Writing::HeldBack;
            if self.held_back {
                return Ok(());
            }
            self.pending.pop_front();
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), BusError> {
        let commits = self.commits();
        if commits.is_empty() { Ok(()) } else { self.consumer.commit(&commits) }
    }

    fn commits(&self) -> Vec<Commit> {
        let done = self.hand.state().progress.take_commits();
        let commit = |(partition, offset)| {
            let partition = TopicPartition { partition, ..self.topic.clone() };
            Commit { partition, committed: Committed { offset, metadata: String::new() } }
        };
        done.into_iter().map(commit).collect()
    }

    /// Reads again what could not be written: the same inputs get the same ids, so nothing is asked twice.
    fn read_again(&mut self) -> Result<(), BusError> {
        let (failed, fatal) = {
            let mut state = self.hand.state();
            (state.progress.take_failed(), state.fatal.take())
        };
        if let Some(error) = fatal {
            return Err(error);
        }
        if let Some((partition, offset)) = failed.first()
            && !self.failing
        {
            tracing::warn!(partition, offset, "inputs cannot be written, they are read again until they can");
        }
        self.failing = !failed.is_empty();
        failed.into_iter().try_for_each(|(partition, offset)| {
            // What is read again brings these with it, in order.
            self.pending.retain(|received| received.partition.partition != partition);
            let partition = TopicPartition { partition, ..self.topic.clone() };
            self.consumer.start(&partition, StartAt::Offset(offset))
        })
    }

    /// Goes on with what the log holds and says so, when that does not reach to where reading was to go on: inputs are
    /// lost, or the topic is another one.
    fn skip_lost(&mut self, partition: &TopicPartition, offset: i64, held: &Range<i64>) -> Result<(), BusError> {
        if offset < held.start {
            tracing::error!(%partition, offset, ?held, "inputs were dropped by the log before they were read");
        } else {
            tracing::error!(%partition, offset, ?held, "the log ends before what was read of it: reading all it holds");
        }
        self.doorway.starter().metrics().on_inputs_gone();
        self.hand.state().progress.begin(partition.partition, held.start);
        self.consumer.start(partition, StartAt::Beginning)
    }

    async fn close(self) {
        // What is not acknowledged by then is read again by whoever comes next.
        let _ = self.producer.drain(LAST_WRITES).await;
        let last = self.commits();
        self.consumer.close(last).await;
    }
}

/// Gives the results their turn, and what is held back a moment.
async fn pause(is_held_back: bool) {
    if is_held_back { tokio::time::sleep(HELD_BACK).await } else { tokio::task::yield_now().await }
}
