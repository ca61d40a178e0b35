//! What was compared of a rendezvous' canaries, for commands and doors: read from the comparisons topic, or compared
//! anew from a stretch of the log, by truths that were told since.
//!
//! A replay counts by the station's own code (`comparison::Partition`), so over the same requests it comes to the same.
//! One partition after the other, so that no more than one is held in memory.

mod acting;
mod door;
mod examples;

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, Consumer, Event, Received, StartAt, TopicPartition};
use canary::{Known, Limits, Matchup, Report, Topic, Verdict};
use comparison::{Action, Compared, Kept, Partition, begin_at, topics_of};
use policies::{Definition, Truths, Versions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use wire::{PolicyRef, RequestId, Timestamp, Topics};

pub use acting::{Objection, Plan};
pub use door::{CanaryDoor, canary_routes};
pub use examples::{EXAMPLES_WITHIN, Examples, examples};

/// A canary in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Who is compared.
    pub canary: String,
    /// With whom.
    pub reference: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why.
    pub because: String,
    /// Of how many pairs of answers.
    pub compared: u64,
}

/// A stretch of the log that is compared anew.
#[derive(Debug)]
pub struct Replay {
    /// Whose canaries, and all versions of the policy; what is compared with what says the live one.
    pub versions: Arc<Versions>,
    /// From when on.
    pub since: Timestamp,
    /// What turned out to be true.
    pub truths: Option<Truths>,
}

/// A partition, and where it ended when the replay began.
struct Stretches {
    /// Each of `Topic::ALL`.
    topics: [TopicPartition; 3],
    /// What is still to be fetched of each.
    left: [std::ops::Range<i64>; 3],
}

/// A log that holds records and delivers none for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

// === impl Listed ===

impl From<Report> for Listed {
    fn from(report: Report) -> Self {
        let Report { canary, reference, verdict, because, requests, .. } = report;
        Self { canary, reference, verdict, because, compared: requests.compared }
    }
}

// === impl Replay ===

impl Replay {
    /// Compares everything that lies there now, as far as its time is over; the sum is reported on by
    /// `Compared::report`. `progress` is told how many records of how many are read.
    pub async fn run(
        &self,
        bus: &dyn Bus,
        clock: &Clock,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Compared, BusError> {
        let name = self.versions.live().name().clone();
        let topics = Topics::of(&name);
        let mut all = Vec::new();
        for index in 0..bus.partitions(&topics.requests).await? {
            all.push((index, Stretches::look(bus, &topics, index, self.since).await?));
        }
        let total = all.iter().map(|(_, (_, stretches))| stretches.len()).sum();
        let (mut read, mut kept) = (0, Vec::new());
        for (index, (start, stretches)) in all {
            let matchups = Matchup::of(self.versions.live());
            let partition = Partition::open(matchups, Limits::default(), start, clock.now());
            kept.push((index, self.compare(bus, clock, partition, stretches, &mut read).await?));
            progress(read, total);
        }
        Ok(Compared::from_partitions(name, kept))
    }

    async fn compare(
        &self,
        bus: &dyn Bus,
        clock: &Clock,
        mut partition: Partition,
        mut stretches: Stretches,
        read: &mut u64,
    ) -> Result<Kept, BusError> {
        let mut tail = bus.unhurried_tail().await?;
        loop {
            let now = clock.now();
            for (topic, left) in Topic::ALL.into_iter().zip(&stretches.left) {
                if left.is_empty() {
                    partition.on_end(topic, left.end, now);
                }
            }
            // Whatever its version is: what is not known now will not be.
            partition.on_time(now, self, u64::MAX);
            stretches.act(&mut partition, &mut *tail, now)?;
            if stretches.len() == 0 {
                break;
            }
            match timeout(STALLED, tail.next()).await {
                Ok(Ok(Event::Records(records))) => {
                    for received in records {
                        *read += u64::from(stretches.take(&mut partition, received));
                    }
                }
                Ok(Ok(Event::Assigned(_) | Event::Revoked(_))) => {}
                Ok(Err(BusError::OffsetGone { partition: name, offset, low, high })) => {
                    if let Some((topic, left)) = stretches.of(&name) {
                        left.start = low.max(left.start).min(left.end);
                        partition.on_gone(topic, offset, (low, high), self, now);
                    }
                }
                // It is said once, and waited for as long as is bearable.
                Ok(Err(BusError::Unavailable(why))) => tracing::warn!("waiting for {}: {why}", bus.describe()),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let seconds = STALLED.as_secs();
                    return Err(BusError::Unavailable(format!("nothing was delivered for {seconds} s")));
                }
            }
        }
        tail.close(Vec::new()).await;
        Ok(partition.keep(self))
    }
}

impl Known for Replay {
    fn definition(&self, policy: &PolicyRef) -> Option<Arc<Definition>> {
        self.versions.definition(policy)
    }

    fn truth(&self, request: RequestId) -> Option<Value> {
        self.truths.as_ref()?.about(request).cloned()
    }
}

// === impl Stretches ===

impl Stretches {
    async fn look(
        bus: &dyn Bus,
        topics: &Topics,
        index: i32,
        since: Timestamp,
    ) -> Result<(comparison::Start, Self), BusError> {
        let names = topics_of(topics, index);
        let (start, from) = begin_at(bus, topics, index, since).await?;
        let mut left = from.map(|from| from..from);
        for (name, left) in names.iter().zip(&mut left) {
            left.end = bus.span(name).await?.end.max(left.start);
        }
        Ok((start, Self { topics: names, left }))
    }

    /// Returns how many records are still to be fetched.
    fn len(&self) -> u64 {
        self.left.iter().map(|left| left.end.abs_diff(left.start)).sum()
    }

    fn of(&mut self, name: &TopicPartition) -> Option<(Topic, &mut std::ops::Range<i64>)> {
        let which = self.topics.iter().position(|known| known == name)?;
        Some((Topic::ALL[which], &mut self.left[which]))
    }

    /// Hands a record to the partition, if it lay there when the replay began; returns whether it did.
    fn take(&mut self, partition: &mut Partition, received: Received) -> bool {
        let Some((topic, left)) = self.of(&received.partition) else { return false };
        if !left.contains(&received.offset) {
            left.start = left.start.max(received.offset.saturating_add(1)).min(left.end);
            return false;
        }
        left.start = received.offset + 1;
        partition.on_record(topic, received.offset, received.appended, received.record);
        true
    }

    /// Does what the partition says.
    fn act(&self, partition: &mut Partition, tail: &mut dyn Consumer, now: Timestamp) -> Result<(), BusError> {
        while let Some(action) = partition.poll_action() {
            match action {
                Action::Read(topic, from) => {
                    let which = topic.index();
                    if from < self.left[which].end {
                        tail.start(&self.topics[which], StartAt::Offset(from))?;
                    }
                }
                Action::Pause(topic) => {
                    tail.stop(&self.topics[topic.index()])?;
                }
                // It is kept once, in the end.
                Action::Keep(_) => partition.on_kept(true, now),
                Action::Tell(_) => {}
            }
        }
        Ok(())
    }
}
