//! What this process needs, whether it is there, and since when: `/health` and `/api/v1/health`.
//!
//! A small question to the log every few seconds tells since when it is away; everything else is looked at when somebody
//! asks, and the answer stands for some seconds.

mod dependencies;
mod door;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alarms::{Dependency, DependencyKind, Health, State};
use policies::Definition;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use wire::{RendezvousName, Timestamp};

pub use door::{api_route, health_route};

use crate::alerting::{Looks, Receivers};

/// Knows what is there and since when.
pub struct Checkup {
    looks: Looks,
    receivers: Receivers,
    /// What each was found to be, and since when.
    since: Mutex<HashMap<String, (State, Timestamp)>>,
    pulse: Mutex<Pulse>,
    last: tokio::sync::Mutex<Option<Arc<Health>>>,
}

/// What the log said last.
#[derive(Clone, Debug, Default)]
struct Pulse {
    /// Where the control topic ended, or why there was no answer; `None` before the first.
    said: Option<Result<i64, String>>,
    /// Since when versions were not read that are there.
    unread_since: Option<Timestamp>,
}

/// So often the log is asked.
const PULSE_EVERY: Duration = Duration::from_secs(5);
/// What was published is read within that, mostly at once.
const READ_WITHIN: Duration = Duration::from_secs(15);
/// So long what was found stands.
const STANDS: Duration = Duration::from_secs(3);
/// So long one thing may take to be looked at.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

// === impl Checkup ===

impl Checkup {
    /// Begins to ask the log, until `stop`.
    #[must_use]
    pub fn start(looks: Looks, receivers: Receivers, stop: CancellationToken) -> Arc<Self> {
        let (since, pulse, last) = Default::default();
        let checkup = Arc::new(Self { looks, receivers, since, pulse, last });
        let asking = Arc::clone(&checkup);
        tokio::spawn(async move {
            let mut tick = interval(PULSE_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = tick.tick() => {}
                    () = stop.cancelled() => break,
                }
                tokio::select! {
                    () = asking.feel_the_pulse() => {}
                    () = stop.cancelled() => break,
                }
            }
        });
        checkup
    }

    async fn feel_the_pulse(&self) {
        let said = self.looks.reach().await;
        let (now, read) = (self.looks.clock.now(), self.looks.follower.position());
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unread = said.as_ref().is_ok_and(|end| *end > read);
        pulse.unread_since = is_unread.then(|| pulse.unread_since.unwrap_or(now));
        pulse.said = Some(said);
        drop(pulse);
        // So that it is known since when, whoever asks and when.
        let (bus, control) = self.of_all();
        self.dated(bus);
        self.dated(control);
    }

    /// Returns how everything stands, as it was within the last seconds.
    pub async fn health(&self) -> Arc<Health> {
        let mut last = self.last.lock().await;
        let now = self.looks.clock.now();
        if let Some(health) = last.as_ref().filter(|health| now.since(Timestamp::from_micros(health.at_us)) < STANDS) {
            return Arc::clone(health);
        }
        let (bus, control) = self.of_all();
        let is_reached = bus.state != State::Down;
        let mut all = vec![bus, control];
        all.extend(self.receivers.standings().iter().map(dependencies::receiver));
        for name in self.looks.follower.names() {
            if let Some(versions) = self.looks.follower.now(&name) {
                all.extend(self.of_rendezvous(&name, versions.live(), is_reached, now).await);
            }
        }
        let all = all.into_iter().map(|one| self.dated(one)).collect();
        let health = Arc::new(Health::of(all, self.looks.clock.now().as_micros()));
        *last = Some(Arc::clone(&health));
        health
    }

    /// Returns what concerns everybody: the log and the control topic.
    fn of_all(&self) -> (Dependency, Dependency) {
        let pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let described = self.looks.bus.describe();
        let waited = pulse.unread_since.map(|since| self.looks.clock.now().since(since));
        let is_behind = waited.is_some_and(|waited| waited > READ_WITHIN);
        (dependencies::bus(&described, pulse.said.as_ref()), dependencies::control(pulse.said.as_ref(), is_behind))
    }

    async fn of_rendezvous(
        &self,
        name: &RendezvousName,
        live: &Arc<Definition>,
        is_reached: bool,
        now: Timestamp,
    ) -> Vec<Dependency> {
        if !is_reached {
            return dependencies::unknown(live, "the log cannot be asked");
        }
        let overview = timeout(LOOK_WITHIN, self.looks.measuring.overview(live, dependencies::WINDOW)).await;
        let lags = timeout(LOOK_WITHIN, self.looks.lagging.lags(name)).await;
        match (overview, lags) {
            (Ok(Ok(overview)), Ok(Ok(lags))) => dependencies::of(live, &overview, &lags, now),
            (Ok(Err(error)), _) | (_, Ok(Err(error))) => dependencies::unknown(live, &error.to_string()),
            (Err(_), _) | (_, Err(_)) => dependencies::unknown(live, "the log did not answer in time"),
        }
    }

    /// Returns it with since when it is so, as far as this process knows.
    fn dated(&self, one: Dependency) -> Dependency {
        if one.since_us.is_some() {
            return one;
        }
        let key = format!("{}/{}/{}", one.kind.as_str(), one.rendezvous.as_deref().unwrap_or("-"), one.name);
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.looks.clock.now();
        let known = all.entry(key).or_insert((one.state, now));
        if known.0 != one.state {
            *known = (one.state, now);
        }
        let since_us = (one.state != State::Unknown).then(|| known.1.as_micros());
        Dependency { since_us, ..one }
    }
}

/// Returns a dependency of which it is worked out later since when it is so.
fn found(kind: DependencyKind, name: &str, state: State, why: impl Into<String>) -> Dependency {
    Dependency { name: name.to_owned(), kind, rendezvous: None, state, since_us: None, why: why.into() }
}
