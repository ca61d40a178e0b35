//! Finds one request in the topics: itself, every response, and its one valid result.
//!
//! All three lie in the partition of its id, so only that one is read. The result is chosen by the rule of
//! `wire::ResultsReader`; a reader may start anywhere, because whoever writes results repeats its fence.

mod door;

use std::{fmt, sync::Arc, time::Duration};

use bus::{Bus, BusError, Received, Stretch, TopicPartition};
use models::{Lineage, Registry};
use policies::{Definition, Explanation, Given, Recorded, Versions, rfc3339};
use serde::Serialize;
use wire::{Envelope, LEAD, Record, RendezvousName, RequestId, ResultsReader, Timestamp, Topics};

pub(crate) use door::Asked;
pub use door::{ExplainDoor, explain_routes};

/// Where one request was looked for.
#[derive(Clone, Debug)]
pub struct Search {
    /// Whose topics.
    pub rendezvous: RendezvousName,
    /// Which request.
    pub id: RequestId,
    /// From when on.
    pub since: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was found, perhaps nothing.
    pub recorded: Recorded,
    /// The partition that was read.
    pub partition: i32,
    /// How many records were read.
    pub read: u64,
}

/// Why a request got its answer, and where the published models come from that had a part in it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Why.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Of each published model that said something; none for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Lineage>,
}

/// The clock that an id was made by and the log's are no further apart, or the request is as good as lost anyway.
const APART: Duration = Duration::from_mins(5);

/// Picks one request's records out of its partition.
struct Picker<'a> {
    id: RequestId,
    results: &'a str,
    reader: ResultsReader,
    recorded: Recorded,
}

/// Explains what was found by the version that decided, if it is among `versions`; `None` if nothing was found.
#[must_use]
pub fn explain(found: &Found, versions: Option<&Versions>, more: Duration) -> Option<Explanation> {
    let version = found.recorded.policy().map(|policy| policy.version);
    let definition: Option<Arc<Definition>> = version.and_then(|version| versions?.get(version));
    Explanation::of(&found.recorded, definition.as_deref(), more)
}

/// Returns the id that `text` means: a UUID is one unless it is said to be a key, everything else is a caller's key.
#[must_use]
pub fn request(rendezvous: &RendezvousName, text: &str, is_key: bool) -> RequestId {
    match text.parse() {
        Ok(id) if !is_key => id,
        _ => RequestId::from_key(rendezvous, text),
    }
}

// === impl Explained ===

impl Explained {
    /// Adds to an explanation what `models` tells of those that answered.
    #[must_use]
    pub fn of(explanation: Explanation, models: &Registry) -> Self {
        let mut named: Vec<&str> =
            explanation.executors.iter().filter_map(|executor| executor.model.as_deref()).collect();
        named.sort_unstable();
        named.dedup();
        let found = named.into_iter().filter_map(|model| models.named(model));
        let models = found.map(|(model, entry)| Lineage::of(model, entry)).collect();
        Self { explanation, models }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { explanation, models } = self;
        write!(out, "{explanation}")?;
        for lineage in models {
            write!(out, "\n{lineage}")?;
        }
        if models.is_empty() { Ok(()) } else { writeln!(out) }
    }
}

// === impl Search ===

impl Search {
    /// Looks for `id` from `since` on, or from its own time on, if it tells that: one that nobody named was made when the
    /// request was.
    #[must_use]
    pub fn new(rendezvous: RendezvousName, id: RequestId, since: Timestamp) -> Self {
        let made = Some(id.as_uuid()).filter(|uuid| uuid.get_version_num() == 7).and_then(|uuid| uuid.get_timestamp());
        let made = made.and_then(|made| {
            let (seconds, nanos) = made.to_unix();
            Some(Timestamp::from_micros(
                i64::try_from(seconds.checked_mul(1_000_000)? + u64::from(nanos) / 1_000).ok()?,
            ))
        });
        let since = made.map_or(since, |made| since.max(made.before(APART)));
        Self { rendezvous, id, since }
    }

    /// Reads what there is. `progress` is told how many records of how many are read.
    pub async fn run(&self, bus: &dyn Bus, mut progress: impl FnMut(u64, u64)) -> Result<Found, BusError> {
        let topics = Topics::of(&self.rendezvous);
        let partition = self.id.partition(bus.partitions(&topics.requests).await?);
        let mut stretch = Stretch::default();
        for (topic, since) in [
            (&topics.requests, self.since),
            (&topics.responses, self.since),
            (&topics.results, self.since.before(LEAD)),
        ] {
            stretch.add(bus, TopicPartition::new(topic, partition), since).await?;
        }
        let (total, mut read) = (stretch.len(), 0);
        let mut picker = Picker::new(self.id, &topics.results);
        let told = |count| {
            read = count;
            progress(count, total);
        };
        stretch.read(bus, |received| picker.see(&received), told).await?;
        Ok(Found { recorded: picker.recorded, partition, read })
    }
}

impl Search {
    /// Says where the request that somebody called `asked` was looked for, and what else could be tried.
    #[must_use]
    pub fn not_found(&self, found: &Found, asked: &str) -> String {
        let Self { id, rendezvous, since } = self;
        let Found { partition, read, .. } = found;
        let is_id = id.to_string().eq_ignore_ascii_case(asked);
        let name = if is_id { id.to_string() } else { format!("`{asked}` ({id})") };
        let key = if is_id { "; if it is a caller's key, say so with --key" } else { "" };
        format!(
            "there is no request {name} in {rendezvous}: {read} records were read, of partition {partition} of the \
             requests, responses and results, from {} on; to look further back give a longer --since, as far as the \
             topics keep their records{key}",
            rfc3339(*since)
        )
    }
}

// === impl Picker ===

impl<'a> Picker<'a> {
    fn new(id: RequestId, results: &'a str) -> Self {
        Self { id, results, reader: ResultsReader::new(1), recorded: Recorded::default() }
    }

    /// Most records are others', which their key tells without a look at their headers; fences have no key.
    fn see(&mut self, received: &Received) {
        if !self.concerns(&received.record) {
            return;
        }
        let appended = received.appended;
        if *received.partition.topic == *self.results {
            let valid = self.reader.read(&received.record).valid();
            if let Some(result) = valid.filter(|result| result.request == self.id) {
                self.recorded.result = Given::read(result, appended).ok();
            }
            return;
        }
        match Envelope::decode(&received.record) {
            Ok(Envelope::Request(request)) if request.id == self.id => {
                self.recorded.request.get_or_insert((request, appended));
            }
            Ok(Envelope::Response(response)) if response.request == self.id => {
                self.recorded.responses.push((response, appended));
            }
            _ => {}
        }
    }

    fn concerns(&self, record: &Record) -> bool {
        record.key.as_deref().is_none_or(|key| key == self.id.as_uuid().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_nobody_named_is_looked_for_from_its_own_time_on() {
        let rendezvous = RendezvousName::new("wine").unwrap();
        let (day, at) = (Timestamp::from_micros(1_700_000_000_000_000), Timestamp::from_micros(1_700_040_000_000_000));
        let unnamed: RequestId = "018bd12c-5c00-7000-8000-000000000000".parse().unwrap();
        let made = Timestamp::from_micros(0x018b_d12c_5c00 * 1_000);
        assert_eq!(Search::new(rendezvous.clone(), unnamed, day).since, made.before(APART));
        assert_eq!(Search::new(rendezvous.clone(), unnamed, at).since, at.max(made.before(APART)));
        let named = RequestId::from_key(&rendezvous, "a key");
        assert_eq!(Search::new(rendezvous, named, day).since, day);
    }
}
