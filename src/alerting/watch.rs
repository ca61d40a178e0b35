//! Looks at everything that can be wrong: the log, what was counted, what was compared, the archive, the versions.
//!
//! Whoever asks within some seconds is given the same answer, so that pages and receivers cost what one of them costs.
//! What cannot be looked at is said to be unseen, and never to be fine.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alarms::{Condition, Kind, Observation, Scope};
use bus::{Bus, BusError, Clock, TopicPartition};
use control::Follower;
use policies::Definition;
use tokio::time::timeout;
use wire::{CONTROL_TOPIC, RendezvousName, Timestamp};

use super::conditions;
use crate::{lagging::Lagging, measuring::Measuring};

/// What is looked at.
#[derive(Clone)]
pub struct Looks {
    /// The log.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Clock,
    /// The versions.
    pub follower: Follower,
    /// What was counted; the same as everybody else's in this process.
    pub measuring: Arc<Measuring>,
    /// How far stations are behind.
    pub lagging: Arc<Lagging>,
}

/// Looks, and remembers for some seconds what it saw.
pub struct Watch {
    pub(crate) looks: Looks,
    seen: tokio::sync::Mutex<Seen>,
}

/// What was found; `None` if it could not be looked at.
type Found = Option<Vec<Condition>>;

#[derive(Default)]
struct Seen {
    last: Option<(Timestamp, Arc<Observation>)>,
    away_since: Option<Timestamp>,
    /// When what holds was seen first, by its key.
    begun: HashMap<String, i64>,
    /// What is looked at less often: when, and what was seen, if anything could be.
    slow: HashMap<(RendezvousName, Kind), (Timestamp, Found)>,
}

/// So long what was seen stands.
const STANDS: Duration = Duration::from_secs(2);
/// So long what costs the log more than a question stands.
const SLOW_STANDS: Duration = Duration::from_secs(30);
/// So long a look may take at one thing of one rendezvous.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
/// Over so long a time is counted what an executor did before its breaker opened.
const WINDOW: Duration = Duration::from_mins(10);

// === impl Watch ===

impl Watch {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(looks: Looks) -> Self {
        Self { looks, seen: tokio::sync::Mutex::default() }
    }

    /// Returns what is wrong, as it was within the last seconds.
    pub async fn look(&self) -> Arc<Observation> {
        let mut seen = self.seen.lock().await;
        let now = self.looks.clock.now();
        if let Some((at, last)) = &seen.last
            && now.since(*at) < STANDS
        {
            return Arc::clone(last);
        }
        let mut observation = self.look_now(&mut seen, now).await;
        seen.date(&mut observation);
        let observation = Arc::new(observation);
        seen.last = Some((self.looks.clock.now(), Arc::clone(&observation)));
        observation
    }

    async fn look_now(&self, seen: &mut Seen, now: Timestamp) -> Observation {
        let mut observation = Observation::default();
        let names = self.looks.follower.names();
        seen.slow.retain(|(name, _), _| names.contains(name));
        if let Err(why) = self.looks.reach().await {
            let since = *seen.away_since.get_or_insert(now);
            let described = self.looks.bus.describe();
            observation.conditions.push(conditions::bus_away(&described, &why, since.as_micros()));
            // Whatever else was counted is older than the interruption.
            let all = names.iter().flat_map(|name| Kind::ALL.map(|kind| scope(kind, name)));
            observation.unseen.extend(all.filter(|scope| scope.kind != Kind::PolicyWithdrawn));
            observation.conditions.extend(names.iter().filter_map(|name| self.withdrawn(name)));
            return observation;
        }
        seen.away_since = None;
        for name in &names {
            self.look_at(name, seen, now, &mut observation).await;
        }
        observation
    }

    async fn look_at(&self, name: &RendezvousName, seen: &mut Seen, now: Timestamp, into: &mut Observation) {
        into.conditions.extend(self.withdrawn(name));
        let Some(versions) = self.looks.follower.now(name) else { return };
        let live = versions.live();
        match timeout(LOOK_WITHIN, self.looks.measuring.overview(live, WINDOW)).await {
            Ok(Ok(overview)) => {
                into.conditions.extend(conditions::burning(&overview));
                into.conditions.extend(conditions::broken(&overview));
                // Where nothing is asked nobody learns whether a breaker would be closed.
                if overview.rate <= 0.0 {
                    into.unseen.insert(scope(Kind::BreakerOpen, name));
                }
            }
            Ok(Err(_)) | Err(_) => {
                into.unseen.extend([Kind::BurnRate, Kind::BreakerOpen].map(|kind| scope(kind, name)));
            }
        }
        for kind in [Kind::CanaryVerdict, Kind::ArchiveStalled] {
            let known = seen.slow.get(&(name.clone(), kind)).filter(|(at, _)| now.since(*at) < SLOW_STANDS);
            let found = if let Some((_, found)) = known {
                found.clone()
            } else {
                let looked = timeout(LOOK_WITHIN, self.look_slowly(kind, live)).await;
                let found = looked.ok().and_then(Result::ok);
                seen.slow.insert((name.clone(), kind), (now, found.clone()));
                found
            };
            match found {
                Some(conditions) => into.conditions.extend(conditions),
                None => {
                    into.unseen.insert(scope(kind, name));
                }
            }
        }
    }

    async fn look_slowly(&self, kind: Kind, live: &Definition) -> Result<Vec<Condition>, BusError> {
        let now_us = self.looks.clock.now().as_micros();
        if kind == Kind::CanaryVerdict {
            if live.executors.iter().all(|spec| spec.canary.is_none()) {
                return Ok(Vec::new());
            }
            let reports = comparison::read(&*self.looks.bus, live.name()).await?.reports(live);
            return Ok(reports.iter().filter_map(|report| conditions::judged(report, now_us)).collect());
        }
        let Some(decoy) = &live.decoy else { return Ok(Vec::new()) };
        let lag = self.looks.lagging.of(live.name(), "decoy").await?;
        let stalled = lag.and_then(|lag| conditions::stalled(live.name().as_str(), decoy, &lag, now_us));
        Ok(stalled.into_iter().collect())
    }

    fn withdrawn(&self, name: &RendezvousName) -> Option<Condition> {
        self.looks.follower.history(name).and_then(|history| conditions::withdrawn(&history.borrow()))
    }
}

// === impl Seen ===

impl Seen {
    /// Says of what holds since when it does, as far as that was seen.
    fn date(&mut self, observation: &mut Observation) {
        let mut still = HashMap::new();
        for condition in &mut observation.conditions {
            let key = condition.key();
            let known = self.begun.get(&key).copied();
            condition.since_us = known.map_or(condition.since_us, |since_us| since_us.min(condition.since_us));
            still.insert(key, condition.since_us);
        }
        self.begun = still;
    }
}

// === impl Looks ===

impl Looks {
    /// Asks the log something small, and returns where the control topic ends; or why there is no answer.
    pub(crate) async fn reach(&self) -> Result<i64, String> {
        let control = TopicPartition::new(CONTROL_TOPIC, 0);
        match timeout(LOOK_WITHIN, self.bus.span(&control)).await {
            Ok(Ok(span)) => Ok(span.end),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK_WITHIN.as_secs())),
        }
    }
}

fn scope(kind: Kind, name: &RendezvousName) -> Scope {
    Scope { kind, rendezvous: Some(name.to_string()) }
}
