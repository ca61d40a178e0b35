//! How far whoever reads a rendezvous' topics is behind, in records and in time.
//!
//! Asked when somebody wants to know, and of each rendezvous at most once in some seconds: the answer is shared. The
//! time is that of the oldest record that is not committed: it is read, one record of each partition that is behind.

mod door;

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alarms::{Lag, Lags};
use bus::{Bus, BusError, Clock, Consumer, Event, StartAt, TopicPartition};
use tokio::time::sleep;
use wire::{RendezvousName, Timestamp, Topics};

pub use door::lag_routes;

/// Knows how far groups are behind.
pub struct Lagging {
    bus: Arc<dyn Bus>,
    clock: Clock,
    /// By rendezvous; whoever asks while somebody asks waits for the same answer.
    known: Mutex<HashMap<RendezvousName, Arc<Answer>>>,
}

/// The last answer about one rendezvous.
type Answer = tokio::sync::Mutex<Option<Arc<Lags>>>;

/// Whose a group is.
struct Group {
    name: String,
    station: &'static str,
    executors: Vec<String>,
    topic: String,
}

const COMPARISON: &str = "comparison";
/// In the order of a request's way.
const STATIONS: [&str; 7] = ["starter", "executors", "collector", "decoy", COMPARISON, "sealer", "replier"];
/// So long an answer stands.
const STANDS: Duration = Duration::from_secs(3);
/// So long the oldest records of one group may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(3);

// === impl Lagging ===

impl Lagging {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock) -> Self {
        Self { bus, clock, known: Mutex::default() }
    }

    /// Returns how far the groups of `rendezvous` are behind, as it was within the last seconds.
    pub async fn lags(&self, rendezvous: &RendezvousName) -> Result<Arc<Lags>, BusError> {
        let answer = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(rendezvous.clone()).or_default())
        };
        let mut answer = answer.lock().await;
        let now = self.clock.now();
        let still_stands = |lags: &&Arc<Lags>| now.since(Timestamp::from_micros(lags.at_us)) < STANDS;
        if let Some(lags) = answer.as_ref().filter(still_stands) {
            return Ok(Arc::clone(lags));
        }
        let lags = Arc::new(self.ask(rendezvous).await?);
        *answer = Some(Arc::clone(&lags));
        Ok(lags)
    }

    /// Returns how far one station of `rendezvous` is behind, asked now; `None` if it was never there.
    pub async fn of(&self, rendezvous: &RendezvousName, station: &str) -> Result<Option<Lag>, BusError> {
        let topics = Topics::of(rendezvous);
        let Some(group) = Group::of(topics.group(station), &topics) else { return Ok(None) };
        let lag = self.lag(group, rendezvous, &mut HashMap::new()).await?;
        let partitions = self.bus.partitions(&lag.topic).await?;
        Ok(Some(lag).filter(|lag| i64::from(lag.unknown_partitions) < i64::from(partitions)))
    }

    async fn ask(&self, rendezvous: &RendezvousName) -> Result<Lags, BusError> {
        let topics = Topics::of(rendezvous);
        let known = self.bus.groups(&topics.group("")).await?;
        let mut groups: Vec<Group> = known.into_iter().filter_map(|name| Group::of(name, &topics)).collect();
        // In the order of a request's way.
        groups.sort_by_key(|group| (STATIONS.iter().position(|station| *station == group.station), group.name.clone()));
        let (mut spans, mut lags) = (HashMap::new(), Vec::new());
        for group in groups {
            let lag = self.lag(group, rendezvous, &mut spans).await?;
            lags.push(lag);
        }
        Ok(Lags { rendezvous: rendezvous.to_string(), at_us: self.clock.now().as_micros(), groups: lags })
    }

    async fn lag(
        &self,
        group: Group,
        rendezvous: &RendezvousName,
        spans: &mut HashMap<TopicPartition, std::ops::Range<i64>>,
    ) -> Result<Lag, BusError> {
        // The end is asked for after what is committed: so nobody is ahead of it.
        let positions = self.positions(&group, rendezvous).await?;
        let (mut behind_records, mut unknown_partitions, mut oldest) = (0, 0, BTreeMap::new());
        for (index, position) in (0..).zip(positions) {
            let partition = TopicPartition::new(&group.topic, index);
            let Some(position) = position else {
                unknown_partitions += 1;
                continue;
            };
            let span = match spans.get(&partition) {
                // Asked for another group a moment ago.
                Some(span) if span.end >= position => span.clone(),
                _ => self.bus.span(&partition).await?,
            };
            spans.insert(partition.clone(), span.clone());
            let next = position.max(span.start);
            if next < span.end {
                behind_records += span.end.abs_diff(next);
                oldest.insert(partition, next);
            }
        }
        let behind_us = if oldest.is_empty() { None } else { self.age(oldest).await? };
        let Group { name, station, executors, topic } = group;
        let station = station.to_owned();
        Ok(Lag { group: name, station, executors, topic, behind_records, behind_us, unknown_partitions })
    }

    /// Returns the first record of each partition that `group` still needs.
    async fn positions(&self, group: &Group, rendezvous: &RendezvousName) -> Result<Vec<Option<i64>>, BusError> {
        if group.station != COMPARISON {
            let committed = self.bus.committed(&group.name, &group.topic).await?;
            return Ok(committed.into_iter().map(|committed| committed.map(|committed| committed.offset)).collect());
        }
        // It commits nothing: where it stands is written down with what it has counted.
        let compared = comparison::read(&*self.bus, rendezvous).await?;
        let place = |index| compared.partition(index).map(|kept| kept.checkpoint.positions.requests);
        Ok((0..self.bus.partitions(&group.topic).await?).map(place).collect())
    }

    /// Returns the age of the oldest of these records; what was not delivered in time does not count.
    async fn age(&self, oldest: BTreeMap<TopicPartition, i64>) -> Result<Option<u64>, BusError> {
        let mut tail = self.bus.hasty_tail().await?;
        let found = first_of(&mut *tail, oldest).await;
        tail.close(Vec::new()).await;
        let age = |appended: Timestamp| self.clock.now().since(appended).as_micros();
        Ok(found?.map(|appended| u64::try_from(age(appended)).unwrap_or(u64::MAX)))
    }
}

/// Reads one record of each partition from there on; returns when the oldest of them was appended.
async fn first_of(
    tail: &mut dyn Consumer,
    mut wanted: BTreeMap<TopicPartition, i64>,
) -> Result<Option<Timestamp>, BusError> {
    for (partition, next) in &wanted {
        tail.start(partition, StartAt::Offset(*next))?;
    }
    let (mut over, mut oldest) = (pin!(sleep(READ_WITHIN)), None);
    while !wanted.is_empty() {
        let event = tokio::select! {
            event = tail.next() => event,
            () = &mut over => break,
        };
        match event {
            Ok(Event::Records(records)) => {
                for received in records {
                    if wanted.remove(&received.partition).is_some() {
                        tail.stop(&received.partition)?;
                        oldest =
                            Some(oldest.map_or(received.appended, |so_far: Timestamp| so_far.min(received.appended)));
                    }
                }
            }
            Ok(Event::Assigned(_) | Event::Revoked(_)) | Err(BusError::Unavailable(_)) => {}
            // The oldest was dropped since: the next one is the oldest now.
            Err(BusError::OffsetGone { partition, low, .. }) => tail.start(&partition, StartAt::Offset(low))?,
            Err(error) => return Err(error),
        }
    }
    Ok(oldest)
}

// === impl Group ===

impl Group {
    /// Returns whose `name` is; `None` if it is no station's of this rendezvous.
    fn of(name: String, topics: &Topics) -> Option<Self> {
        let rest = name.strip_prefix(&topics.group(""))?;
        let (station, topic) = match rest.split('.').next()? {
            "starter" => ("starter", &topics.inputs),
            "executors" => ("executors", &topics.requests),
            "collector" => ("collector", &topics.requests),
            "decoy" => ("decoy", &topics.requests),
            COMPARISON => (COMPARISON, &topics.requests),
            "sealer" => ("sealer", &topics.results),
            "replier" => ("replier", &topics.results),
            _ => return None,
        };
        let executors = rest.strip_prefix("executors.").map(|only| only.split('+').map(str::to_owned).collect());
        let is_whole = executors.is_some() || rest == station;
        let topic = topic.clone();
        is_whole.then(|| Self { station, executors: executors.unwrap_or_default(), topic, name })
    }
}

#[cfg(test)]
mod tests;
