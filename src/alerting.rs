//! Tells whoever wants to know what is wrong: looks at everything that can be, and delivers what is to be said.
//!
//! One process tells for all that share a log: the one that owns the control topic's partition in the group
//! `hedgerow.alerts`. What it told stands beside the group's place, so whoever takes over, or starts again, goes on where it
//! stopped. What is told when is decided in `alarms::Notifier`; here is what has a clock and a network. It runs in a task of
//! its own, waits for nobody's answer but there, and holds at most one delivery for each receiver.

mod conditions;
mod door;
mod metrics;
mod receiver;
#[cfg(test)]
pub(crate) mod sample;
mod settings;
mod watch;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alarms::{Answer, Delivery, Notifier, Observation, Rules};
use bus::{Bus, BusError, Clock, Commit, Committed, Consumer, Event, TopicPartition};
use prometheus_client::registry::Registry;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use wire::{CONTROL_TOPIC, Timestamp};

pub(crate) use conditions::archive_limit;
pub use door::{Alerts, alert_routes};
pub use metrics::Metrics;
pub use receiver::{Attempt, Courier, Receiver, Shape};
pub use settings::{AlertArgs, WantedAlerts};
pub use watch::{Looks, Watch};

/// Those who are told, and how each of them stands. Cheap to clone.
#[derive(Clone, Default)]
pub struct Receivers(Arc<Mutex<Vec<Standing>>>);

/// How a receiver stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Where it is, as far as that is no secret.
    pub host: String,
    /// Whether it took what it was sent last; `None` if this process sent it nothing.
    pub takes: Option<bool>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What it said last.
    pub said: String,
}

/// The task that tells.
struct Teller {
    watch: Arc<Watch>,
    courier: Courier,
    receivers: Vec<Receiver>,
    rules: Rules,
    metrics: Metrics,
    standings: Receivers,
    stop: CancellationToken,
}

/// One membership in the group.
struct Shift<'teller> {
    teller: &'teller Teller,
    /// There while this process is the one that tells.
    notifier: Option<Notifier>,
    /// The note that a successor would find.
    noted: String,
    under_way: JoinSet<Done>,
    is_looking: bool,
}

/// What was waited for.
enum Done {
    Looked(Arc<Observation>),
    Answered(usize, Attempt),
}

/// Whoever owns the control topic's partition in it tells.
const GROUP: &str = "hedgerow.alerts";
/// So often is looked, unless less time than twice that makes a condition worth telling.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After so long the group is joined anew, if it could not be.
const AGAIN: Duration = Duration::from_secs(5);

/// Begins to tell those who are `wanted`, until `stop`; returns how they stand.
pub fn start(
    wanted: WantedAlerts,
    watch: Arc<Watch>,
    registry: &mut Registry,
    stop: CancellationToken,
) -> anyhow::Result<Receivers> {
    let metrics = Metrics::default();
    metrics.register(registry);
    let standings = Receivers::of(&wanted.receivers);
    if wanted.receivers.is_empty() {
        return Ok(standings);
    }
    let named = |receiver: &Receiver| format!("{} at {}", receiver.name, receiver.host());
    let all: Vec<String> = wanted.receivers.iter().map(named).collect();
    tracing::info!("alerts go to {}", all.join(" and "));
    let WantedAlerts { receivers, console, rules } = wanted;
    let courier = Courier::new(console)?;
    let teller = Teller { watch, courier, receivers, rules, metrics, standings: standings.clone(), stop };
    tokio::spawn(teller.run());
    Ok(standings)
}

// === impl Teller ===

impl Teller {
    async fn run(self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.shift().await {
                tracing::warn!(%error, "nobody is told of alerts by this process for a moment");
            }
            tokio::select! {
                () = sleep(AGAIN) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn bus(&self) -> &Arc<dyn Bus> {
        &self.watch.looks.bus
    }

    fn clock(&self) -> &Clock {
        &self.watch.looks.clock
    }

    /// Tells as long as the group lets it.
    async fn shift(&self) -> Result<(), BusError> {
        let mut member = tokio::select! {
            member = self.bus().member(GROUP, CONTROL_TOPIC) => member?,
            () = self.stop.cancelled() => return Ok(()),
        };
        let mut shift = Shift::of(self);
        let ended = shift.serve(&mut *member).await;
        // Whoever comes next finds what was told.
        let last = shift.notifier.as_ref().map(|notifier| commit(notifier.note()));
        member.close(last.into_iter().collect()).await;
        ended
    }
}

// === impl Shift ===

impl<'teller> Shift<'teller> {
    fn of(teller: &'teller Teller) -> Self {
        Self { teller, notifier: None, noted: String::new(), under_way: JoinSet::new(), is_looking: false }
    }

    async fn serve(&mut self, member: &mut dyn Consumer) -> Result<(), BusError> {
        let mut tick = interval(LOOK_EVERY.min(self.teller.rules.holds / 2).max(Duration::from_millis(100)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wait = self.until_next_attempt();
            tokio::select! {
                () = self.teller.stop.cancelled() => return Ok(()),
                event = member.next() => self.on_event(event)?,
                _ = tick.tick() => self.look(),
                Some(done) = self.under_way.join_next() => match done {
                    Ok(done) => self.on_done(done),
                    // It begins anew, from what was told.
                    Err(_) => return Err(BusError::Unavailable("a delivery has failed".to_owned())),
                },
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
            self.deliver();
            self.note(member)?;
        }
    }

    fn on_event(&mut self, event: Result<Event, BusError>) -> Result<(), BusError> {
        match event {
            Ok(Event::Assigned(assigned)) => {
                if let Some(place) = assigned.into_iter().find(|assigned| assigned.partition.partition == 0) {
                    let names = self.teller.receivers.iter().map(|receiver| receiver.name.clone());
                    let mut notifier = Notifier::new(self.teller.rules.clone(), names);
                    self.noted = place.committed.map(|committed| committed.metadata).unwrap_or_default();
                    notifier.resume(&self.noted);
                    self.notifier = Some(notifier);
                    tracing::info!("this process tells of alerts");
                }
                Ok(())
            }
            Ok(Event::Revoked(_)) => {
                self.notifier = None;
                self.teller.metrics.on_holding(0);
                // What is under way is the successor's to say.
                self.under_way = JoinSet::new();
                self.is_looking = false;
                Ok(())
            }
            // Nothing of the partition is read.
            Ok(Event::Records(_)) | Err(BusError::OffsetGone { .. }) => Ok(()),
            Err(BusError::Unavailable(why)) => {
                tracing::debug!("the group of those who tell is waited for: {why}");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn look(&mut self) {
        if self.notifier.is_none() || self.is_looking {
            return;
        }
        self.is_looking = true;
        let watch = Arc::clone(&self.teller.watch);
        self.under_way.spawn(async move { Done::Looked(watch.look().await) });
    }

    fn on_done(&mut self, done: Done) {
        let now = self.teller.clock().now();
        let Some(notifier) = &mut self.notifier else { return };
        match done {
            Done::Looked(observation) => {
                self.is_looking = false;
                notifier.observe((*observation).clone(), now);
                self.teller.metrics.on_holding(notifier.holding().count());
            }
            Done::Answered(receiver, attempt) => {
                notifier.on_answer(receiver, attempt.answer, now, fastrand::f64());
                let to = &self.teller.receivers[receiver];
                self.teller.metrics.on_answer(&to.name, attempt.answer);
                self.teller.standings.on_attempt(receiver, to, attempt, now);
            }
        }
    }

    fn deliver(&mut self) {
        let Some(notifier) = &mut self.notifier else { return };
        while let Some(Delivery { receiver, notice }) = notifier.poll_delivery(self.teller.clock().now()) {
            let (courier, to) = (self.teller.courier.clone(), self.teller.receivers[receiver].clone());
            self.under_way.spawn(async move { Done::Answered(receiver, courier.send(&to, &notice).await) });
        }
    }

    /// Writes down what was told, if that is something else than what is written there.
    fn note(&mut self, member: &mut dyn Consumer) -> Result<(), BusError> {
        let Some(note) = self.notifier.as_ref().map(Notifier::note).filter(|note| *note != self.noted) else {
            return Ok(());
        };
        if let Err(error @ BusError::Fatal(_)) = member.commit(&[commit(note.clone())]) {
            return Err(error);
        }
        // If it was lost, it is written when there is something new, and at the end.
        self.noted = note;
        Ok(())
    }

    fn until_next_attempt(&self) -> Option<Duration> {
        let now = self.teller.clock().now();
        let at = self.notifier.as_ref()?.next_attempt()?;
        (at > now).then(|| at.since(now))
    }
}

/// The topic is only what the group agrees about: nobody reads it there, and the place says nothing.
fn commit(note: String) -> Commit {
    Commit { partition: TopicPartition::new(CONTROL_TOPIC, 0), committed: Committed { offset: 0, metadata: note } }
}

// === impl Receivers ===

impl Receivers {
    fn of(receivers: &[Receiver]) -> Self {
        let standing = |receiver: &Receiver| Standing {
            name: receiver.name.clone(),
            host: receiver.host(),
            takes: None,
            since: None,
            said: String::new(),
        };
        Self(Arc::new(Mutex::new(receivers.iter().map(standing).collect())))
    }

    /// Returns how each of them stands.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.lock().clone()
    }

    fn on_attempt(&self, place: usize, receiver: &Receiver, attempt: Attempt, now: Timestamp) {
        let mut all = self.lock();
        let Some(standing) = all.get_mut(place) else { return };
        let takes = attempt.answer == Answer::Taken;
        if standing.takes != Some(takes) {
            let (name, host, said) = (&receiver.name, receiver.host(), &attempt.said);
            if takes {
                tracing::info!("alerts reach {name} at {host}");
            } else {
                tracing::warn!("alerts do not reach {name} at {host}: {said}");
            }
            (standing.takes, standing.since) = (Some(takes), Some(now));
        }
        standing.said = attempt.said;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
