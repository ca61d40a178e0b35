//! What the topics of a rendezvous say about time, and about what callers were told; whether it is right says the audit.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use bus::{Bus as _, KafkaBus, Received, Stretch, TopicPartition};
use serde_json::Value;
use wire::{Envelope, RendezvousName, RequestId, ResultRecord, Timestamp, TopicReader, Topics};

use crate::load::Callers;

/// What was read.
#[derive(Default)]
pub(crate) struct Log {
    /// Where requests lie: partition and offset of each record.
    pub(crate) offsets: HashSet<(i32, i64)>,
    /// When each request was due.
    due: HashMap<RequestId, Timestamp>,
    /// When each had its valid result, and whether that is a default.
    results: HashMap<RequestId, (Timestamp, bool)>,
    /// The valid results of each partition, in the log's order.
    pub(crate) valid: BTreeMap<i32, Vec<(Timestamp, RequestId)>>,
}

/// A time for which a partition had no result.
#[derive(Debug)]
pub(crate) struct Silence {
    pub(crate) partition: i32,
    pub(crate) from: Timestamp,
    pub(crate) lasted: Duration,
}

/// No row has more requests.
const WINDOW: usize = 10_000_000;

// === impl Log ===

impl Log {
    /// Reads the requests and the results of `name`.
    pub(crate) async fn read(bus: &KafkaBus, name: &RendezvousName) -> anyhow::Result<Self> {
        let topics = Topics::of(name);
        let mut stretch = Stretch::default();
        for topic in [&topics.requests, &topics.results] {
            for partition in 0..bus.partitions(topic).await? {
                stretch.add(bus, TopicPartition::new(topic, partition), Timestamp::EPOCH).await?;
            }
        }
        let (mut log, mut reader) = (Self::default(), TopicReader::new(WINDOW));
        let see = |received: Received| {
            let partition = received.partition.partition;
            if *received.partition.topic == *topics.requests {
                log.on_request(partition, &received);
            } else if let Some(result) = reader.read(partition, &received.record).valid() {
                log.on_result(partition, received.appended, &result);
            }
        };
        stretch.read(bus, see, |_| ()).await?;
        Ok(log)
    }

    fn on_request(&mut self, partition: i32, received: &Received) {
        self.offsets.insert((partition, received.offset));
        if let Ok(Envelope::Request(request)) = Envelope::decode(&received.record) {
            // A second copy does not reset the clock.
            self.due.entry(request.id).or_insert_with(|| request.deadline());
        }
    }

    fn on_result(&mut self, partition: i32, appended: Timestamp, result: &ResultRecord) {
        let body: Value = serde_json::from_slice(&result.body).unwrap_or_default();
        let default = body["decision"]["decided_by"] == "default";
        self.results.entry(result.request).or_insert((appended, default));
        self.valid.entry(partition).or_default().push((appended, result.request));
    }

    /// Returns when each result came, from `since` on, that came after its deadline, or is what is said at the deadline,
    /// and how late it was.
    pub(crate) fn missed(&self, since: Timestamp) -> Vec<(Timestamp, Duration)> {
        let missed = |(request, (at, default)): (&RequestId, &(Timestamp, bool))| {
            let due = self.due.get(request)?;
            (*at >= since && (*default || at > due)).then(|| (*at, at.since(*due)))
        };
        let mut missed: Vec<_> = self.results.iter().filter_map(missed).collect();
        missed.sort_unstable();
        missed
    }

    /// Returns the longest time within `span` for which a partition had no result.
    pub(crate) fn outage(&self, span: Range<Timestamp>) -> Duration {
        let silences = self.silences(&span);
        silences.into_iter().map(|silence| silence.lasted).max().unwrap_or(span.end.since(span.start))
    }

    /// Returns all times within `span` for which a partition had no result.
    pub(crate) fn silences(&self, span: &Range<Timestamp>) -> Vec<Silence> {
        let silences = |(partition, valid): (&i32, &Vec<(Timestamp, RequestId)>)| {
            let inside = valid.iter().map(|(at, _)| *at).filter(|at| span.contains(at));
            let instants: Vec<_> = [span.start].into_iter().chain(inside).chain([span.end]).collect();
            let silence =
                |pair: &[Timestamp]| Silence { partition: *partition, from: pair[0], lasted: pair[1].since(pair[0]) };
            instants.windows(2).map(silence).collect::<Vec<_>>()
        };
        self.valid.iter().flat_map(silences).collect()
    }

    /// Says if somebody was told that a request was accepted, and the log has no result of it.
    pub(crate) fn unknown_to(&self, callers: &Callers) -> Option<String> {
        let unknown = callers.acknowledged.iter().filter(|request| !self.results.contains_key(request)).count();
        (unknown > 0)
            .then(|| format!("{unknown} callers were told that all is well, and the log has no result for them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn an_outage_is_the_longest_silence_of_a_partition_before_between_or_after_its_results() {
        let request = RequestId::from_key(&RendezvousName::new("faults").unwrap(), "1");
        let valid = |times: &[i64]| times.iter().map(|millis| (at(*millis), request)).collect();
        let valid = BTreeMap::from([(0, valid(&[10, 20, 50, 90])), (1, valid(&[30, 60]))]);
        let log = Log { valid, ..Log::default() };
        assert_eq!(log.outage(at(0)..at(100)), Duration::from_millis(40), "partition 1 says nothing after 60");
        assert_eq!(log.outage(at(12)..at(60)), Duration::from_millis(30), "partition 0 says nothing from 20 to 50");
        assert_eq!(log.outage(at(61)..at(70)), Duration::from_millis(9), "nobody says anything");
        assert_eq!(Log::default().outage(at(0)..at(70)), Duration::from_millis(70));
    }

    #[test]
    fn what_was_acknowledged_and_has_no_result_is_told() {
        let name = RendezvousName::new("faults").unwrap();
        let [one, other] = ["1", "2"].map(|key| RequestId::from_key(&name, key));
        let callers = Callers { acknowledged: vec![one, other], ..Callers::default() };
        let mut log = Log::default();
        log.results.insert(one, (at(1), false));
        assert!(log.unknown_to(&callers).is_some_and(|said| said.starts_with("1 callers")));
        log.results.insert(other, (at(1), false));
        assert_eq!(log.unknown_to(&callers), None);
    }
}
