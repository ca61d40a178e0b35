//! Every request of a rendezvous since some instant, each with its responses and its result: for commands that replay.
//!
//! One partition after the other, so that no more than one is held in memory, and of each at most `REQUESTS_MAX`.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use bus::{Bus, BusError, Received, Stretch, TopicPartition};
use policies::{Given, Recorded};
use wire::{Envelope, LEAD, RendezvousName, RequestId, ResultsReader, Timestamp, Topics};

/// Where requests are looked for.
#[derive(Clone, Debug)]
pub struct Recordings {
    /// Whose topics.
    pub rendezvous: RendezvousName,
    /// From when on.
    pub since: Timestamp,
}

/// The requests of one partition.
struct Gathered<'a> {
    results: &'a str,
    requests: HashMap<RequestId, Recorded>,
    /// In the order of the log.
    order: Vec<RequestId>,
    /// Results and responses, which may be read before their requests are.
    early: HashMap<RequestId, Recorded>,
    reader: ResultsReader,
    over: u64,
}

/// Nobody looks back over less, however many there are.
const SHORTEST: Duration = Duration::from_millis(200);
/// At most so many requests of one partition are held at a time; later ones are counted and left out.
const REQUESTS_MAX: usize = 500_000;

// === impl Recordings ===

impl Recordings {
    /// Looks back from `now` over `longest`, or over half of that and half again until there are at most about `most`
    /// requests.
    pub async fn newest(
        bus: &dyn Bus,
        rendezvous: RendezvousName,
        now: Timestamp,
        longest: Duration,
        most: u64,
    ) -> Result<Self, BusError> {
        let topic = Topics::of(&rendezvous).requests;
        let partitions = bus.partitions(&topic).await?;
        let mut back = longest;
        loop {
            let since = now.before(back);
            let mut stretch = Stretch::default();
            for partition in 0..partitions {
                stretch.add(bus, TopicPartition::new(&topic, partition), since).await?;
            }
            if stretch.len() <= most || back < SHORTEST {
                return Ok(Self { rendezvous, since });
            }
            back /= 2;
        }
    }

    /// Shows each request to `see`, in the log's order within its partition; returns how many were too many to hold.
    /// `progress` is told how many records of how many are read.
    pub async fn read(
        &self,
        bus: &dyn Bus,
        mut see: impl FnMut(&Recorded),
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, BusError> {
        let topics = Topics::of(&self.rendezvous);
        let mut stretches = Vec::new();
        for partition in 0..bus.partitions(&topics.requests).await? {
            stretches.push(self.stretch(bus, &topics, partition).await?);
        }
        let total = stretches.iter().map(Stretch::len).sum();
        let (mut before, mut over) = (0, 0);
        for stretch in stretches {
            let (mut gathered, length) = (Gathered::new(&topics.results), stretch.len());
            stretch.read(bus, |received| gathered.take(&received), |read| progress(before + read, total)).await?;
            before += length;
            over += gathered.over;
            gathered.order.iter().filter_map(|id| gathered.requests.get(id)).for_each(&mut see);
        }
        Ok(over)
    }

    async fn stretch(&self, bus: &dyn Bus, topics: &Topics, partition: i32) -> Result<Stretch, BusError> {
        let mut stretch = Stretch::default();
        for (topic, since) in [
            (&topics.requests, self.since),
            (&topics.responses, self.since),
            (&topics.results, self.since.before(LEAD)),
        ] {
            stretch.add(bus, TopicPartition::new(topic, partition), since).await?;
        }
        Ok(stretch)
    }
}

// === impl Gathered ===

impl<'a> Gathered<'a> {
    fn new(results: &'a str) -> Self {
        let (requests, order, early) = Default::default();
        Self { results, requests, order, early, reader: ResultsReader::new(REQUESTS_MAX), over: 0 }
    }

    fn take(&mut self, received: &Received) {
        let appended = received.appended;
        if *received.partition.topic == *self.results {
            if let Some(result) = self.reader.read(&received.record).valid()
                && let Some(recorded) = self.of(result.request)
            {
                recorded.result = Given::read(result, appended).ok();
            }
            return;
        }
        match Envelope::decode(&received.record) {
            Ok(Envelope::Request(request)) => {
                if self.requests.len() >= REQUESTS_MAX {
                    self.over += u64::from(!self.requests.contains_key(&request.id));
                    return;
                }
                let id = request.id;
                if let Entry::Vacant(vacant) = self.requests.entry(id) {
                    let early = self.early.remove(&id).unwrap_or_default();
                    vacant.insert(Recorded { request: Some((request, appended)), ..early });
                    self.order.push(id);
                }
            }
            Ok(Envelope::Response(response)) => {
                let id = response.request;
                if let Some(recorded) = self.of(id) {
                    recorded.responses.push((response, appended));
                }
            }
            // What belongs into the results is nothing elsewhere.
            Ok(Envelope::Result(_) | Envelope::Fence(_)) | Err(_) => {}
        }
    }

    /// The record of a request, be it read already or not; `None` if too many wait for theirs.
    fn of(&mut self, id: RequestId) -> Option<&mut Recorded> {
        if self.requests.contains_key(&id) {
            return self.requests.get_mut(&id);
        }
        if self.early.len() >= REQUESTS_MAX && !self.early.contains_key(&id) {
            return None;
        }
        Some(self.early.entry(id).or_default())
    }
}
