//! Does by itself what a policy allows to be done about its canaries, and writes down why. What that is, `canary::rule` says.
//!
//! Of all comparisons of a rendezvous the one that serves the first partition looks, at the sum of all partitions. Should
//! two act at once, each expects the same version, and the control topic takes one of them.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Producer, TopicPartition};
use canary::{Acted, REFEREE, Ruling, act, may_act, rule};
use policies::{Definition, History};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;
use wire::{Action, Apply, CONTROL_TOPIC, Change, ExecutorId, RendezvousName};

use crate::compared::read;

/// Watches over the canaries of one rendezvous.
pub(crate) struct Referee {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Clock,
    /// What became of the policy so far, by the log.
    pub(crate) history: watch::Receiver<History>,
    /// Whether this station serves the first partition.
    pub(crate) leads: watch::Receiver<bool>,
    /// The version about which something was asked for already.
    pub(crate) asked: Option<u64>,
}

/// So often it is looked at what was found.
const EVERY: Duration = Duration::from_secs(2);
/// Looking takes at most one part in so many of the time.
const SELDOM: u32 = 20;

// === impl Referee ===

impl Referee {
    /// Looks again and again, for ever. Dropping it at any point is harmless.
    pub(crate) async fn run(mut self) -> std::convert::Infallible {
        loop {
            if self.leads.wait_for(|leads| *leads).await.is_err() {
                std::future::pending::<()>().await;
            }
            let began = self.clock.now();
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "nobody looks whether something is to be done about a canary: it is tried again");
            }
            let now = self.clock.now();
            self.clock.sleep_until(now.after(EVERY.max(now.since(began) * SELDOM))).await;
        }
    }

    async fn look(&mut self) -> Result<(), BusError> {
        let live = self.history.borrow().live().map(Arc::clone);
        let Some(live) = live.filter(|live| may_act(live) && self.asked != Some(live.policy_ref.version)) else {
            return Ok(());
        };
        let reports = read(&*self.bus, live.name()).await?.reports(&live);
        let ruled = {
            let history = self.history.borrow();
            let still = history.live().is_some_and(|now| now.policy_ref == live.policy_ref);
            still.then(|| Some((rule(&history, &reports)?, history.newest()))).flatten()
        };
        let Some((ruling, newest)) = ruled else { return Ok(()) };
        // Whatever comes of it: about this version it is asked once.
        self.asked = Some(live.policy_ref.version);
        let asked = self.ask_for(&live, &ruling, newest).await;
        if asked.is_err() {
            self.asked = None;
        }
        asked
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
