//! The loop that follows the control topic: to its end before it says ready, and from then on record by record. What is
//! about policies goes into their histories, what is about models into the registry.
//!
//! One in each process, for all rendezvous of it. An outage of the log is waited out; what was taken up stays in force.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bus::{Bus, BusError, Clock, Consumer, Event, Received, StartAt, TopicPartition, TopicSpec};
use models::Registry;
use policies::{Effect, History, Versions};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use wire::{CONTROL_TOPIC, ControlRecord, Controlled, MODELS_TOPIC, ModelChange, RendezvousName};

use crate::{metrics::Metrics, publish::Desk, shelf::Shelves};

/// Sees every change of every policy. Cheap to clone; every clone is the same follower.
#[derive(Clone)]
pub struct Follower(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shelves: Shelves,
    pub(crate) models: watch::Sender<Arc<Registry>>,
    pub(crate) desk: Desk,
    pub(crate) stop: CancellationToken,
    /// The first offset that was not read.
    read: AtomicI64,
}

/// Why the control topic is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The log cannot be used at all.
    #[error("the control topic `{CONTROL_TOPIC}` cannot be followed")]
    Bus(#[from] BusError),
    /// It was stopped before it had read the topic to its end.
    #[error("stopped before the control topic was read to its end")]
    Stopped,
    /// The topic ends before what was read of it.
    #[error(
        "the control topic `{CONTROL_TOPIC}` ends at {high}, and was read to {read} before: it was made anew, and what \
         its versions are is told by a restart"
    )]
    Anew {
        /// How far it was read.
        read: i64,
        /// Where it ends now.
        high: i64,
    },
}

/// The topic, read up to somewhere.
struct Reading {
    tail: Box<dyn Consumer>,
    /// The first offset that was not read.
    position: i64,
    /// Where the topic ended when it was opened: what is before is history, not news.
    end: i64,
}

/// How long is waited before the log is tried again, and how often the wait is spoken of.
const PAUSE: Duration = Duration::from_millis(200);
const REMIND_EVERY: u32 = 50;

/// Returns the control topic, shared by all rendezvous: one order of all changes, nothing of which is forgotten; and
/// beside it that of models' bytes, which nobody reads who does not need them.
#[must_use]
pub fn topics() -> [TopicSpec; 2] {
    let spec = |name: &str| TopicSpec { name: name.to_owned(), partitions: 1, retention: None, compacted: true };
    [spec(CONTROL_TOPIC), spec(MODELS_TOPIC)]
}

// === impl Follower ===

impl Follower {
    /// Reads the control topic to its end, then follows it in a task of its own until `stop`. While the log is away it
    /// waits. When the topic can be followed no more, it says why and cancels `stop`.
    pub async fn start(
        bus: Arc<dyn Bus>,
        clock: Clock,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Result<Self, FollowError> {
        let (shelves, models, desk, read) = Default::default();
        let follower = Self(Arc::new(Shared { bus, clock, metrics, shelves, models, desk, stop, read }));
        let shared = Arc::clone(&follower.0);
        let (ready_sender, ready) = oneshot::channel();
        let reading = tokio::select! {
            reading = shared.open() => reading?,
            () = shared.stop.cancelled() => return Err(FollowError::Stopped),
        };
        tokio::spawn(async move { shared.follow(reading, ready_sender).await });
        ready.await.map_err(|_| FollowError::Stopped)?;
        Ok(follower)
    }

    /// Returns what there is to know about the policy of `rendezvous`, now and as it changes.
    #[must_use]
    pub fn history(&self, rendezvous: &RendezvousName) -> Option<watch::Receiver<History>> {
        self.0.shelves.get(rendezvous).map(|shelf| shelf.history())
    }

    /// Returns what the stations of `rendezvous` see; `None` before it has a version.
    #[must_use]
    pub fn versions(&self, rendezvous: &RendezvousName) -> Option<watch::Receiver<Arc<Versions>>> {
        self.0.shelves.get(rendezvous)?.versions()
    }

    /// Returns the versions of `rendezvous` as they are now; `None` before it has one.
    #[must_use]
    pub fn now(&self, rendezvous: &RendezvousName) -> Option<Arc<Versions>> {
        self.versions(rendezvous).map(|versions| Arc::clone(&versions.borrow()))
    }

    /// Returns the models that are published, now and as that changes.
    #[must_use]
    pub fn models(&self) -> watch::Receiver<Arc<Registry>> {
        self.0.models.subscribe()
    }

    /// Returns the offset of the first record of the control topic that was not read.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Returns the names of all rendezvous that have a version, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<RendezvousName> {
        self.0.shelves.names()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Follower({})", self.0.bus.describe())
    }
}

// === impl Shared ===

impl Shared {
    /// Opens the topic at its beginning; while the log is away it waits, and says so now and then.
    async fn open(&self) -> Result<Reading, FollowError> {
        let mut tries = 0;
        loop {
            match self.try_open().await {
                Err(BusError::Unavailable(why)) => {
                    if tries % REMIND_EVERY == 0 {
                        tracing::warn!("the policies' versions are waited for: {why}");
                    }
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                other => return Ok(other?),
            }
        }
    }

    async fn try_open(&self) -> Result<Reading, BusError> {
        self.bus.create_topics(&topics()).await?;
        let span = self.bus.span(&partition()).await?;
        let mut tail = self.bus.tail().await?;
        tail.start(&partition(), StartAt::Offset(span.start))?;
        Ok(Reading { tail, position: span.start, end: span.end })
    }

    async fn follow(&self, mut reading: Reading, ready: oneshot::Sender<()>) {
        let mut ready = Some(ready);
        let mut away = false;
        self.read.store(reading.position, Ordering::Relaxed);
        loop {
            if reading.is_up_to_date()
                && let Some(ready) = ready.take()
            {
                self.shelves.show_all();
                self.count_live();
                // Whoever started this may have gone.
                let _ = ready.send(());
            }
            let event = tokio::select! {
                event = reading.tail.next() => event,
                () = self.stop.cancelled() => break,
            };
            match self.act(&mut reading, event, &mut away) {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "policies can be changed no more");
                    self.stop.cancel();
                    break;
                }
            }
        }
        self.desk.close();
    }

    fn act(&self, reading: &mut Reading, event: Result<Event, BusError>, away: &mut bool) -> Result<(), FollowError> {
        match event {
            Ok(Event::Records(records)) => {
                if std::mem::take(away) {
                    tracing::info!("the control topic is read again");
                }
                for received in records {
                    self.take(reading, &received);
                }
                Ok(())
            }
            // A tail is in no group.
            Ok(Event::Assigned(_) | Event::Revoked(_)) => Ok(()),
            Err(BusError::Unavailable(why)) => {
                tracing::warn!("changes of policies are waited for, those taken up stay in force: {why}");
                *away = true;
                Ok(())
            }
            Err(BusError::OffsetGone { high, .. }) if high < reading.position => {
                Err(FollowError::Anew { read: reading.position, high })
            }
            Err(BusError::OffsetGone { low, .. }) => {
                tracing::error!("changes of policies before offset {low} are gone from the log and were not read");
                Ok(reading.tail.start(&partition(), StartAt::Offset(low))?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes one record in. What is not understood is reported once, counted, and changes nothing.
    fn take(&self, reading: &mut Reading, received: &Received) {
        if received.offset < reading.position {
            return;
        }
        let news = reading.is_up_to_date();
        reading.position = received.offset + 1;
        self.read.store(reading.position, Ordering::Relaxed);
        match Controlled::decode(&received.record) {
            Ok(Controlled::Policy(record)) => self.fold(&record, received, news),
            Ok(Controlled::Model(change)) => self.fold_model(&change, received, news),
            Err(error) => self.on_poison(received, &error, news),
        }
    }

    fn fold(&self, record: &ControlRecord, received: &Received, news: bool) {
        let name = record.rendezvous();
        let Some(its) = self.shelves.get(name) else {
            return self.on_poison(received, &"there are too many rendezvous", news);
        };
        let effect = its.fold(record, received.appended);
        match &effect {
            // Who asks how fast executors are looks at the versions; nothing was changed by anybody.
            Ok(Effect::Measured) if news => its.show(),
            Ok(_) if news => {
                its.show();
                self.metrics.on_taken_up(self.clock.now().since(received.appended));
                self.count_live_of(name);
            }
            Ok(_) => {}
            Err(why) => {
                self.metrics.on_refused();
                let (at, who) = (received.offset, author(record));
                if news {
                    tracing::warn!("a change of `{name}`{who} (offset {at}) is refused and changes nothing: {why}");
                }
            }
        }
        if let ControlRecord::Change(change) = record {
            self.desk.on_folded(change.id, effect);
        }
    }

    fn fold_model(&self, change: &ModelChange, received: &Received, news: bool) {
        let mut effect = None;
        self.models.send_modify(|models| effect = Some(Arc::make_mut(models).fold(change, received.appended)));
        let effect = effect.expect("`send_modify` calls what it is given");
        match &effect {
            Ok(_) if news => self.metrics.on_taken_up(self.clock.now().since(received.appended)),
            Ok(_) => {}
            Err(why) => {
                self.metrics.on_refused();
                let (name, at, author) = (&change.model, received.offset, &change.author);
                if news {
                    tracing::warn!(
                        "a change of the model `{name}` by {author} (offset {at}) is refused and changes nothing: {why}"
                    );
                }
            }
        }
        self.desk.on_model_folded(change.id, effect);
    }

    /// What lay there before this process came was told by those that ran then, and is only counted.
    fn on_poison(&self, received: &Received, why: &dyn fmt::Display, news: bool) {
        self.metrics.on_poison();
        if news {
            tracing::warn!("{}@{} is ignored: {why}", received.partition, received.offset);
        }
    }

    fn count_live(&self) {
        self.shelves.names().iter().for_each(|name| self.count_live_of(name));
    }

    fn count_live_of(&self, name: &RendezvousName) {
        let versions = self.shelves.get(name).and_then(|shelf| shelf.versions());
        if let Some(versions) = versions {
            self.metrics.on_live(name.as_str(), versions.borrow().live().policy_ref.version);
        }
    }
}

// === impl Reading ===

impl Reading {
    fn is_up_to_date(&self) -> bool {
        self.position >= self.end
    }
}

/// The one partition of the control topic.
pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new(CONTROL_TOPIC, 0)
}

fn author(record: &ControlRecord) -> String {
    match record {
        ControlRecord::Change(change) => format!(" by {}", change.author),
        ControlRecord::Tally(_) | ControlRecord::Speeds(_) => String::new(),
    }
}
