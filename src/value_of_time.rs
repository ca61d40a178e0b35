//! What more or less time would have been worth lately: the newest requests of the log, decided again, no model asked.
//!
//! Few of them, one rendezvous at a time and in a thread of its own, so that nobody who is served notices. Whoever asks for
//! it is given what is a minute old at most; a page that is looked at renews it every five: it is most of what such a page
//! costs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use bus::{Bus, BusError, Clock};
use policies::{Recorded, TimeCurve, TimeCurveReport, Versions};
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::Handle,
    sync::Mutex as Turn,
    task::{self, JoinError},
};
use wire::{RendezvousName, Timestamp};

use crate::{
    door::{Problem, Shelf, known},
    recordings::Recordings,
};

/// What a few milliseconds would have been worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueOfTime {
    /// When this was, in microseconds since the epoch.
    pub at_us: i64,
    /// From when on requests were decided again, in microseconds since the epoch.
    pub since_us: i64,
    /// What came of it.
    #[serde(flatten)]
    pub curve: TimeCurveReport,
}

/// Works it out when somebody asks.
pub struct ValuesOfTime {
    bus: Arc<dyn Bus>,
    clock: Clock,
    shelf: Shelf,
    turn: Turn<()>,
    kept: Mutex<Kept>,
}

/// Bounded by the rendezvous that there are.
#[derive(Default)]
struct Kept {
    told: HashMap<RendezvousName, (Duration, Arc<ValueOfTime>)>,
    under_way: HashSet<RendezvousName>,
}

/// What may be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    /// How far to look back, in seconds.
    since_s: u64,
}

/// So far is looked back unless it is said, and at most.
const SINCE: Duration = Duration::from_mins(10);
const SINCE_MAX: Duration = Duration::from_hours(1);
/// Of more requests than that the newest are decided again.
const REQUESTS_MAX: u64 = 10_000;
/// So long what came of it is kept for whoever asks for it.
const KEPT: Duration = Duration::from_mins(1);
/// So long a page that is looked at shows it, of the last ten minutes.
const SHOWN: Duration = Duration::from_mins(5);

// === impl ValuesOfTime ===

impl ValuesOfTime {
    /// Reads from `bus`; `shelf` has the versions.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, shelf: Shelf) -> Arc<Self> {
        Arc::new(Self { bus, clock, shelf, turn: Turn::new(()), kept: Mutex::default() })
    }

    /// Returns the route, `GET /api/v1/rendezvous/NAME/value-of-time`.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/api/v1/rendezvous/{rendezvous}/value-of-time", get(answer)).with_state(self)
    }

    /// Returns what came of it last, if anything did, and sees to it that it is no older than five minutes soon.
    pub(crate) fn lately(self: &Arc<Self>, rendezvous: &RendezvousName) -> Option<Arc<ValueOfTime>> {
        let now = self.clock.now();
        let mut kept = self.kept();
        let last = kept.told.get(rendezvous).map(|(_, value)| Arc::clone(value));
        let is_due = last.as_ref().is_none_or(|value| value.age(now) >= SHOWN);
        if is_due && kept.under_way.insert(rendezvous.clone()) {
            let (values, rendezvous) = (Arc::clone(self), rendezvous.clone());
            tokio::spawn(async move {
                if let Err(problem) = values.over(&rendezvous, SINCE).await {
                    tracing::debug!("what time is worth to {rendezvous} is not known: {}", problem.sentence());
                }
                values.kept().under_way.remove(&rendezvous);
            });
        }
        last
    }

    /// Returns what came of the last `since`.
    pub(crate) async fn over(
        self: &Arc<Self>,
        rendezvous: &RendezvousName,
        since: Duration,
    ) -> Result<Arc<ValueOfTime>, Problem> {
        let _turn = self.turn.lock().await;
        let kept = self.kept().told.get(rendezvous).cloned();
        if let Some((_, value)) = kept.filter(|(over, value)| *over == since && value.age(self.clock.now()) < KEPT) {
            return Ok(value);
        }
        let (_, versions) = known(&self.shelf, rendezvous.as_str())?;
        let (values, name) = (Arc::clone(self), rendezvous.clone());
        let runtime = Handle::current();
        let worked_out = task::spawn_blocking(move || runtime.block_on(values.work_out(name, &versions, since)));
        let value = Arc::new(worked_out.await.map_err(|error| stopped(&error))??);
        self.kept().told.insert(rendezvous.clone(), (since, Arc::clone(&value)));
        Ok(value)
    }

    async fn work_out(
        &self,
        rendezvous: RendezvousName,
        versions: &Versions,
        since: Duration,
    ) -> Result<ValueOfTime, BusError> {
        let now = self.clock.now();
        let recordings = Recordings::newest(&*self.bus, rendezvous, now, since, REQUESTS_MAX).await?;
        let mut curve = TimeCurve::new(recordings.rendezvous.as_str());
        let see = |recorded: &Recorded| {
            let asked_by = recorded.policy().and_then(|policy| versions.get(policy.version));
            curve.add(recorded, asked_by.as_deref());
        };
        recordings.read(&*self.bus, see, |_, _| ()).await?;
        let (at_us, since_us) = (now.as_micros(), recordings.since.as_micros());
        Ok(ValueOfTime { at_us, since_us, curve: curve.finish() })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    State(values): State<Arc<ValuesOfTime>>,
    Path(rendezvous): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<ValueOfTime>, Problem> {
    let (rendezvous, _) = known(&values.shelf, &rendezvous)?;
    let since = Duration::from_secs(asked.since_s).clamp(Duration::from_secs(1), SINCE_MAX);
    Ok(Json(ValueOfTime::clone(&*values.over(&rendezvous, since).await?)))
}

fn stopped(error: &JoinError) -> Problem {
    Problem::Unreadable(BusError::Unavailable(format!("it was not worked out to the end: {error}")))
}

// === impl ValueOfTime ===

impl ValueOfTime {
    fn age(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_micros(self.at_us))
    }
}

// === impl Asked ===

impl Default for Asked {
    fn default() -> Self {
        Self { since_s: SINCE.as_secs() }
    }
}
