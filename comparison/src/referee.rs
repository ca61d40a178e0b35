//! Does by itself what a policy allows to be done about its canaries, and writes down why. What that is, `canary::rule` says.
//!
//! Of all comparisons of a rendezvous the one that serves the first partition looks, at the sum of all partitions, which it
//! reads anyway. Should two act at once, each expects the same version, and the control topic takes one of them.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Producer, TopicPartition};
use canary::{Acted, REFEREE, Report, Ruling, act, may_act, rule};
use policies::{Definition, History};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;
use wire::{Action, Apply, CONTROL_TOPIC, Change, ExecutorId, PolicyRef, RendezvousName};

/// Watches over the canaries of one rendezvous.
pub(crate) struct Referee {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    /// What became of the policy so far, by the log.
    pub(crate) history: watch::Receiver<History>,
    /// What was found, while this station serves the first partition.
    pub(crate) found: watch::Receiver<Option<Found>>,
    /// The version about which something was asked for already.
    pub(crate) asked: Option<u64>,
}

/// What all partitions came to.
#[derive(Debug)]
pub(crate) struct Found {
    /// The version whose canaries were compared, as it has them.
    pub(crate) by: PolicyRef,
    /// About each of them.
    pub(crate) reports: Vec<Report>,
}

/// What could not be asked for is tried again after so long.
const AGAIN: Duration = Duration::from_secs(2);

// === impl Referee ===

impl Referee {
    /// Looks whenever something else was found, or became of the policy, for ever. Dropping it at any point is harmless.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "something is to be done about a canary, and cannot be asked for: it is tried again");
                self.clock.sleep_until(self.clock.now().after(AGAIN)).await;
                continue;
            }
            let changed = tokio::select! {
                changed = self.found.changed() => changed,
                changed = self.history.changed() => changed,
            };
            if changed.is_err() {
                pending::<()>().await;
            }
        }
    }

    async fn look(&mut self) -> Result<(), BusError> {
        let Some((live, ruling, newest)) = self.ruled() else { return Ok(()) };
        // Whatever comes of it: about this version it is asked once.
        self.asked = Some(live.policy_ref.version);
        let asked = self.ask_for(&live, &ruling, newest).await;
        if asked.is_err() {
            self.asked = None;
        }
        asked
    }

    /// Returns what is to be done about which version, and the newest one there is.
    fn ruled(&self) -> Option<(Arc<Definition>, Ruling, u64)> {
        let (history, found) = (self.history.borrow(), self.found.borrow());
        let (live, found) = (history.live()?, found.as_ref()?);
        let is_open = may_act(live) && found.by == live.policy_ref && self.asked != Some(live.policy_ref.version);
        let ruling = is_open.then(|| rule(&history, &found.reports)).flatten()?;
        Some((Arc::clone(live), ruling, history.newest()))
    }

    /// Asks for what was ruled, if the text can be edited so and its examples still come out.
    async fn ask_for(&self, live: &Definition, ruling: &Ruling, newest: u64) -> Result<(), BusError> {
        let (policy, canary, because) = (&live.policy_ref, ruling.act.canary.as_str(), ruling.because.as_str());
        let deed = ruling.act.act.done();
        let change = ExecutorId::new(canary).map_err(|error| error.to_string()).and_then(|id| {
            let acted = act(live, &id, ruling.act.act).map_err(|error| error.to_string())?;
            change(live.name(), ruling, &acted, newest)
        });
        let change = match change {
            Ok(change) => change,
            Err(why) => {
                tracing::warn!(%policy, canary, because, why, "the canary is to be {deed}, and somebody has to do it");
                return Ok(());
            }
        };
        tracing::warn!(%policy, canary, because, "the canary is to be {deed}");
        let producer = self.bus.producer(&[CONTROL_TOPIC]).await?;
        write(&*producer, &change).await
    }
}

fn change(name: &RendezvousName, ruling: &Ruling, acted: &Acted, expected: u64) -> Result<Change, String> {
    if !acted.failed.is_empty() {
        let failed: Vec<&str> = acted.failed.iter().map(|example| example.name.as_str()).collect();
        return Err(format!("these of the policy's examples would fail: {}", failed.join(", ")));
    }
    let apply = Apply { canary: Some(ruling.act.clone()), ..Apply::live(acted.text.as_str().into(), expected) };
    let change = Change {
        id: Uuid::new_v4(),
        rendezvous: name.clone(),
        author: REFEREE.to_owned(),
        message: format!("by itself: {}", ruling.because),
        action: Action::Apply(apply),
    };
    change.check().map_err(|error| error.to_string())?;
    Ok(change)
}

async fn write(producer: &dyn Producer, change: &Change) -> Result<(), BusError> {
    let (told, acknowledged) = oneshot::channel();
    let acknowledge = Box::new(move |outcome| {
        // Nobody waits any more once the station has stopped.
        let _ = told.send(outcome);
    });
    producer.send(&TopicPartition::new(CONTROL_TOPIC, 0), change.encode(), acknowledge)?;
    match acknowledged.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(BusError::Unavailable("its acknowledgement was lost".to_owned())),
    }
}
