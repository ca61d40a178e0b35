//! Follows what collectors counted, and keeps the sum: of all of them, those that are gone too.
//!
//! One follower for each rendezvous that somebody asks about, begun when somebody does; it reads the topic of measures, in
//! which there are some records a second whatever the load. What is held is bounded by slices of time.

mod door;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{Bus, BusError, Clock, Consumer, Event, Received, StartAt, TopicPartition};
use measures::{Chronicle, Overview, Slice, Sum};
use policies::Definition;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Measured, RendezvousName, Topics};

pub use door::{MeasuresDoor, Names, measures_routes};
pub(crate) use door::{Over, Overviews, WINDOW_MAX};

/// What is counted of all rendezvous that somebody asked about.
pub struct Measuring {
    bus: Arc<dyn Bus>,
    clock: Clock,
    stop: CancellationToken,
    followed: Mutex<HashMap<RendezvousName, Followed>>,
}

/// What is counted of one rendezvous.
#[derive(Clone)]
struct Followed {
    counted: Arc<Mutex<Chronicle<Uuid>>>,
    /// Whether the topic was read to the end that it had when it was opened; gone with its reader.
    caught_up: watch::Receiver<bool>,
}

/// Reads one rendezvous' topic.
struct Reader {
    tail: Box<dyn Consumer>,
    partition: TopicPartition,
    /// Where the topic ended when it was opened.
    end: i64,
    counted: Arc<Mutex<Chronicle<Uuid>>>,
    caught_up: watch::Sender<bool>,
}

/// So long a topic may take to be read to its end.
const PATIENCE: Duration = Duration::from_secs(20);

// === impl Measuring ===

impl Measuring {
    /// Follows nothing yet; `stop` ends what it will follow.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, stop: CancellationToken) -> Self {
        Self { bus, clock, stop, followed: Mutex::default() }
    }

    /// Returns how the rendezvous that `definition` is the live version of does, over the last `window`.
    pub async fn overview(&self, definition: &Definition, window: Duration) -> Result<Overview, BusError> {
        let counted = self.caught_up(definition.name()).await?;
        let counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Overview::of(&counted, definition, window, self.clock.now()))
    }

    /// Returns all that was counted of a rendezvous in the last `window`.
    pub async fn counted(&self, rendezvous: &RendezvousName, window: Duration) -> Result<Sum, BusError> {
        let counted = self.caught_up(rendezvous).await?;
        let counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(counted.over(window, self.clock.now()))
    }

    /// Returns what is told of a rendezvous, once that was read to its end.
    async fn caught_up(&self, rendezvous: &RendezvousName) -> Result<Arc<Mutex<Chronicle<Uuid>>>, BusError> {
        let mut followed = self.follow(rendezvous).await?;
        let caught_up = timeout(PATIENCE, followed.caught_up.wait_for(|caught_up| *caught_up)).await;
        match caught_up {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(BusError::Unavailable("what was counted is read no more".to_owned())),
            Err(_) => return Err(BusError::Unavailable(format!("what was counted was not read within {PATIENCE:?}"))),
        }
        Ok(Arc::clone(&followed.counted))
    }

    async fn follow(&self, rendezvous: &RendezvousName) -> Result<Followed, BusError> {
        if let Some(followed) = self.known(rendezvous) {
            return Ok(followed);
        }
        let partition = TopicPartition::new(&Topics::of(rendezvous).measures, 0);
        let span = self.bus.span(&partition).await?;
        let mut tail = self.bus.unhurried_tail().await?;
        tail.start(&partition, StartAt::Offset(span.start))?;
        let (caught_up, told) = watch::channel(span.is_empty());
        let counted = Arc::<Mutex<Chronicle<Uuid>>>::default();
        let reader = Reader { tail, partition, end: span.end, counted: Arc::clone(&counted), caught_up };
        let fresh = Followed { counted, caught_up: told };
        let mut all = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        // Two may have asked at once: one of them is enough.
        if let Some(followed) = all.get(rendezvous).filter(|followed| followed.is_read()) {
            return Ok(followed.clone());
        }
        all.insert(rendezvous.clone(), fresh.clone());
        drop(all);
        tokio::spawn(reader.read(self.stop.clone()));
        Ok(fresh)
    }

    /// Returns what is followed already. A reader that has ended is followed by another.
    fn known(&self, rendezvous: &RendezvousName) -> Option<Followed> {
        let all = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(rendezvous).filter(|followed| followed.is_read()).cloned()
    }
}

// === impl Followed ===

impl Followed {
    fn is_read(&self) -> bool {
        self.caught_up.has_changed().is_ok()
    }
}

// === impl Reader ===

impl Reader {
    async fn read(mut self, stop: CancellationToken) {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = self.tail.next() => event,
            };
            match event {
                Ok(Event::Records(records)) => self.take(&records),
                Ok(Event::Assigned(_) | Event::Revoked(_)) => {}
                Err(BusError::OffsetGone { low, .. }) => {
                    if self.tail.start(&self.partition, StartAt::Offset(low)).is_err() {
                        break;
                    }
                }
                Err(BusError::Unavailable(why)) => tracing::debug!("what was counted is waited for: {why}"),
                Err(error) => {
                    tracing::warn!(%error, "what was counted is read no more");
                    break;
                }
            }
        }
        self.tail.close(Vec::new()).await;
    }

    fn take(&self, records: &[Received]) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for received in records {
            let read = Measured::decode(&received.record).map_err(|error| error.to_string());
            let slice = read.and_then(|measured| {
                let slice: Slice = serde_json::from_slice(&measured.counted).map_err(|error| error.to_string())?;
                Ok((measured.process, slice))
            });
            match slice {
                Ok((process, slice)) => counted.take(&process, slice),
                Err(why) => tracing::debug!("{}@{} is no count of ours: {why}", received.partition, received.offset),
            }
        }
        drop(counted);
        let read = records.last().map_or(0, |received| received.offset + 1);
        if read >= self.end {
            self.caught_up.send_if_modified(|caught_up| !std::mem::replace(caught_up, true));
        }
    }
}
