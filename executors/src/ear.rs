//! Hears what executors say, in the partitions that are ours: opened when a judge works here, closed when none does.

use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};

use bus::{BoxFuture, Bus, BusError, Consumer, Event, Received, StartAt, TopicPartition};

/// How long to wait before an unreachable log is asked again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A reader of `responses`.
pub(crate) struct Ear {
    bus: Arc<dyn Bus>,
    topic: String,
    partitions: BTreeSet<i32>,
    tail: Tail,
}

enum Tail {
    Closed,
    Opening(BoxFuture<'static, Result<Box<dyn Consumer>, BusError>>),
    Open(Box<dyn Consumer>),
}

/// What was heard.
pub(crate) enum Heard {
    /// Nothing yet: from now on something may be.
    Opened,
    /// Responses, and what else lies in the topic.
    Records(Vec<Received>),
}

// === impl Ear ===

impl Ear {
    pub(crate) fn new(bus: Arc<dyn Bus>, topic: String) -> Self {
        Self { bus, topic, partitions: BTreeSet::new(), tail: Tail::Closed }
    }

    /// Opens or closes it.
    pub(crate) fn need(&mut self, needed: bool) {
        match (&self.tail, needed) {
            (Tail::Closed, true) => self.open(Duration::ZERO),
            (_, false) => self.tail = Tail::Closed,
            (Tail::Opening(_) | Tail::Open(_), true) => {}
        }
    }

    /// A partition is ours: it is heard from the instant `from`.
    pub(crate) fn start(&mut self, partition: i32, from: StartAt) -> Result<(), BusError> {
        self.partitions.insert(partition);
        let partition = TopicPartition::new(&self.topic, partition);
        if let Tail::Open(tail) = &mut self.tail { tail.start(&partition, from) } else { Ok(()) }
    }

    /// A partition is ours no more.
    pub(crate) fn stop(&mut self, partition: i32) -> Result<(), BusError> {
        self.partitions.remove(&partition);
        let partition = TopicPartition::new(&self.topic, partition);
        if let Tail::Open(tail) = &mut self.tail { tail.stop(&partition) } else { Ok(()) }
    }

    /// Jumps to `from` in every partition that is ours.
    pub(crate) fn start_all(&mut self, from: StartAt) -> Result<(), BusError> {
        let partitions: Vec<i32> = self.partitions.iter().copied().collect();
        partitions.into_iter().try_for_each(|partition| self.start(partition, from))
    }

    /// Waits for what is heard next; for ever while it is closed. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Heard, BusError> {
        loop {
            match &mut self.tail {
                Tail::Closed => pending().await,
                Tail::Open(tail) => {
                    // A tail is in no group: nothing is assigned to it or revoked.
                    if let Event::Records(records) = tail.next().await? {
                        return Ok(Heard::Records(records));
                    }
                }
                Tail::Opening(opening) => match opening.await {
                    Ok(tail) => {
                        self.tail = Tail::Open(tail);
                        return Ok(Heard::Opened);
                    }
                    Err(error) => {
                        self.open(TRY_AGAIN);
                        return Err(error);
                    }
                },
            }
        }
    }

    fn open(&mut self, after: Duration) {
        let bus = Arc::clone(&self.bus);
        self.tail = Tail::Opening(Box::pin(async move {
            tokio::time::sleep(after).await;
            bus.tail().await
        }));
    }
}
