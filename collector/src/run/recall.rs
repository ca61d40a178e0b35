//! Fills the memory of the last predictions from the results of all partitions, behind everybody's back, as long as a
//! version in use may fall back to it.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Consumer, Event, Outage, Received, StartAt};
use policies::{Definition, Versions};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use wire::{LEAD, ResultKind, TopicReader};

use super::hands::Names;
use crate::memory::Memory;

/// Whether results are followed, and from how far back. Once begun it goes on: an edit may want it again.
#[derive(Debug, Default)]
pub(super) struct Recall {
    reach: Duration,
    following: Option<JoinHandle<()>>,
}

/// What is followed, and into what.
pub(super) struct Followed {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) clock: Clock,
    pub(super) names: Names,
    pub(super) count: i32,
    pub(super) memory: Memory,
}

/// The part of a result's body that is remembered.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    answer: &'a RawValue,
}

// === impl Recall ===

impl Recall {
    /// Begins to follow when a version first needs it, and again from farther back when one needs more.
    pub(super) fn on_versions(&mut self, versions: &Versions, followed: impl FnOnce() -> Followed) {
        if let Some(age) = longest_age(versions).filter(|age| *age > self.reach) {
            self.stop();
            self.reach = age;
            self.following = Some(tokio::spawn(followed().follow(age)));
        }
    }

    pub(super) fn stop(&mut self) {
        if let Some(following) = self.following.take() {
            following.abort();
        }
    }
}

impl Drop for Recall {
    fn drop(&mut self) {
        self.stop();
    }
}

// === impl Followed ===

impl Followed {
    /// Follows until the bus refuses for good, which its owner is told by his own reading.
    async fn follow(self, age: Duration) {
        if let Err(error) = self.read(age).await {
            tracing::error!(%error, "the collector does not know what was answered last");
        }
    }

    async fn read(&self, age: Duration) -> Result<(), BusError> {
        let mut outage = Outage::of("the collector");
        let mut tail = outage.insist(&self.clock, || self.bus.unhurried_tail()).await?;
        let from = StartAt::Time(self.clock.now().before(age + LEAD));
        self.start(tail.as_mut(), from)?;
        // A repeat has the same bytes, so none need be recognised.
        let mut reader = TopicReader::new(0);
        loop {
            match tail.next().await {
                Ok(Event::Records(records)) => {
                    for received in &records {
                        remember(received, &mut reader, &self.memory);
                    }
                    // A long history must not hold up the station.
                    tokio::task::yield_now().await;
                }
                Ok(_) => {}
                Err(BusError::OffsetGone { partition, .. }) => {
                    reader.restart(partition.partition);
                    tail.start(&partition, StartAt::Beginning)?;
                }
                Err(error) => {
                    if outage.note::<()>(Err(error), &self.clock)?.is_none() {
                        Outage::pause().await;
                    }
                }
            }
        }
    }

    fn start(&self, tail: &mut dyn Consumer, from: StartAt) -> Result<(), BusError> {
        (0..self.count).try_for_each(|partition| tail.start(&self.names.results(partition), from))
    }
}

/// Remembers a prediction with a key; a default is nobody's knowledge.
fn remember(received: &Received, reader: &mut TopicReader, memory: &Memory) {
    let Some(result) = reader.read(received.partition.partition, &received.record).standing() else { return };
    if let (ResultKind::Prediction, Some(key)) = (result.kind, &result.key)
        && let Ok(Body { answer }) = serde_json::from_slice(&result.body)
    {
        memory.put(key, answer.get().as_bytes(), received.appended);
    }
}

/// Returns how far back the versions in use may look.
fn longest_age(versions: &Versions) -> Option<Duration> {
    let ages = |definition: &Arc<Definition>| {
        let cases = definition.cases.iter().map(|case| &case.policy);
        cases.chain([&definition.policy]).filter_map(|policy| policy.last_known_age()).max()
    };
    versions.in_use().filter_map(ages).max()
}
