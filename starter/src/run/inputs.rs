//! Reads the input topic: each record becomes a request or a dead letter, and is committed when that is acknowledged.

mod doorway;
mod hand;

use std::{ops::Range, sync::Arc, time::Duration};

use bus::{
    Assigned, Bus, BusError, Commit, Committed, Consumer, Event, Outage, Producer, Received, StartAt, TopicPartition,
};
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
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let opened = until_available(WHO, starter.clock(), stop, || Inputs::open(bus, topics, starter)).await;
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
    /// Whether writing fails, and somebody was told.
    failing: bool,
}

// === impl Inputs ===

impl<'a> Inputs<'a> {
    async fn open(bus: &dyn Bus, topics: &Topics, starter: &'a Starter) -> Result<Self, BusError> {
        let link = starter.connected().ok_or_else(|| BusError::Unavailable("no producer yet".to_owned()))?;
        let dead_letters = super::partitions(&topics.dead_letters, bus.partitions(&topics.dead_letters).await?);
        let consumer = bus.member(&topics.group("starter"), &topics.inputs).await?;
        let hand = Arc::new(Hand::default());
        let doorway = Doorway::new(starter, link, dead_letters, Arc::clone(&hand));
        let (producer, topic) = (Arc::clone(&link.producer), TopicPartition::new(&topics.inputs, 0));
        Ok(Self { consumer, producer, doorway, hand, topic, failing: false })
    }

    async fn run(&mut self, stop: &CancellationToken) -> Result<(), BusError> {
        let mut outage = Outage::of(WHO);
        let mut commit = tokio::time::interval(COMMIT_EVERY);
        commit.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let has_room = self.hand.state().progress.in_hand() < IN_HAND;
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                _ = commit.tick() => {
                    self.commit()?;
                    self.read_again()?;
                    continue;
                }
                event = self.consumer.next(), if has_room => event,
                () = self.hand.acknowledged(), if !has_room => continue,
            };
            // Said once for an interruption: the next call waits.
            match outage.note(event, self.doorway.clock()) {
                Ok(Some(event)) => self.on_event(event, stop).await?,
                Ok(None) => {}
                Err(BusError::OffsetGone { partition, offset, low, high }) => {
                    self.skip_lost(&partition, offset, &(low..high))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn on_event(&mut self, event: Event, stop: &CancellationToken) -> Result<(), BusError> {
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
            Event::Records(records) => self.on_records(records, stop).await,
        }
    }

    fn on_assigned(&mut self, assigned: &Assigned) -> Result<(), BusError> {
        // Without a commit every input that is still held is new to this group.
        let from = assigned.committed.as_ref().map_or(StartAt::Beginning, |at| StartAt::Offset(at.offset));
        let needed = assigned.committed.as_ref().map_or(0, |at| at.offset);
        self.hand.state().progress.begin(assigned.partition.partition, needed);
        self.consumer.start(&assigned.partition, from)
    }

    async fn on_records(&mut self, records: Vec<Received>, stop: &CancellationToken) -> Result<(), BusError> {
        for (index, received) in records.into_iter().enumerate() {
            if index % AT_A_TIME == AT_A_TIME - 1 {
                tokio::task::yield_now().await;
            }
            while self.doorway.take(&received)? == Writing::QueueFull {
                // Nobody waits here, so nothing is shed: the topic holds what the producer cannot take yet.
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(Duration::from_millis(1)) => {}
                }
            }
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
