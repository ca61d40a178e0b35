//! Reads a rendezvous' topics for `audit`: what lay in them when it was asked, and then the results that were awaited.
//!
//! One partition after the other, so that the memory is one partition's, and of each the requests and the results by
//! their time, so that few wait for each other. Results before the first snapshot can only be of requests before the
//! second; what is appended later than both is not judged.

mod cursor;
mod door;
mod letters;

use std::{ops::Range, time::Duration};

use ::audit::{Beginning, Ending, Limits, PartitionAudit, Place, Report, Scope};
use bus::{Bus, BusError, Clock, Received, Stretch, TopicPartition};
use wire::{RendezvousName, Timestamp, Topics};

use cursor::{Cursor, Head};
use letters::Letters;

pub use door::audit_routes;

/// What is audited, and how patiently.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Whose topics.
    pub rendezvous: RendezvousName,
    /// From when on; `None` for all that is held.
    pub since: Option<Timestamp>,
    /// A request without a result so long after its deadline is missing.
    pub grace: Duration,
    /// So long is waited at most for results that are still due.
    pub wait: Duration,
    /// How much is held of one partition.
    pub limits: Limits,
}

/// What lies where, when it was asked.
struct Snapshot {
    partitions: i32,
    requests: Vec<Part>,
    responses: Vec<Part>,
    results: Vec<Part>,
}

/// What is read of a topic's partition.
#[derive(Clone, Debug)]
struct Part {
    beginning: Beginning,
    offsets: Range<i64>,
}

/// Tells how far the reading has come.
struct Meter<'a> {
    read: u64,
    total: u64,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

/// A fence is repeated more often than this: half a minute earlier there is one.
const FENCE_WITHIN: Duration = Duration::from_secs(30);
/// So often it is looked for results that are awaited.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So long an edit of the policy is waited for that a result names already.
const EDIT_WITHIN: u32 = 40;

// === impl Audit ===

impl Audit {
    /// Reads, waits for what is still due, and returns what was found. `newest` knows the newest version of the policy,
    /// `progress` is told how many records of how many are read.
    pub async fn run(
        &self,
        bus: &dyn Bus,
        clock: &Clock,
        newest: impl Fn() -> Option<u64>,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Report, BusError> {
        let topics = Topics::of(&self.rendezvous);
        let snapshot = self.look(bus, &topics).await?;
        let mut meter = Meter { read: 0, total: snapshot.len(), progress: &mut progress };
        let mut letters = Letters::open(bus, &topics, self.since).await?;
        let (mut requests, mut results) = (Cursor::open(bus).await?, Cursor::open(bus).await?);
        let mut report = Report::new(&self.rendezvous, self.since, self.grace);
        for index in 0..snapshot.len_partitions() {
            let partition = i32::try_from(index).unwrap_or(i32::MAX);
            let mut audit = PartitionAudit::new(self.scope(&snapshot, index));
            if let Some(part) = snapshot.responses.get(index) {
                read_responses(bus, &topics, partition, part, &mut audit, &mut meter).await?;
            }
            let of = |parts: &[Part], topic: &str| {
                parts.get(index).map(|part| (TopicPartition::new(topic, partition), part.offsets.clone()))
            };
            requests.start(of(&snapshot.requests, &topics.requests))?;
            results.start(of(&snapshot.results, &topics.results))?;
            read(&mut requests, &mut results, &mut audit, &mut meter).await?;
            audit.on_requests_end();
            let as_of = self.wait_for_what_is_due(bus, clock, &mut results, &mut audit).await?;
            for _ in 0..EDIT_WITHIN {
                if newest().is_none_or(|newest| audit.newest_named().is_none_or(|named| named <= newest)) {
                    break;
                }
                clock.sleep_until(clock.now().after(LOOK_EVERY)).await;
            }
            letters.catch_up(bus).await?;
            let refused = letters.refused(partition);
            let ending = Ending { as_of, grace: self.grace, newest_version: newest(), refused };
            report.add(audit.finish(&ending), as_of);
            requests.stop()?;
            results.stop()?;
        }
        report.dead_letters = letters.told();
        requests.close().await;
        results.close().await;
        Ok(report)
    }

    /// Asks where results end before it asks where requests do.
    async fn look(&self, bus: &dyn Bus, topics: &Topics) -> Result<Snapshot, BusError> {
        let lead = self.since.map(|since| since.before(FENCE_WITHIN));
        let results = parts(bus, &topics.results, lead).await?;
        let requests = parts(bus, &topics.requests, self.since).await?;
        let responses = parts(bus, &topics.responses, self.since).await?;
        let partitions = i32::try_from(requests.len()).unwrap_or(i32::MAX);
        Ok(Snapshot { partitions, requests, responses, results })
    }

    fn scope(&self, snapshot: &Snapshot, index: usize) -> Scope {
        let beginning = |parts: &[Part]| parts.get(index).map_or(Beginning::Whole, |part| part.beginning);
        Scope {
            rendezvous: self.rendezvous.clone(),
            partition: i32::try_from(index).unwrap_or(i32::MAX),
            partitions: snapshot.partitions,
            requests: beginning(&snapshot.requests),
            results: beginning(&snapshot.results),
            snapshot: snapshot.results.get(index).map_or(0, |part| part.offsets.end),
            limits: self.limits,
        }
    }

    /// Reads results on until no request is open that could still be answered in its time; returns up to when results
    /// were read.
    async fn wait_for_what_is_due(
        &self,
        bus: &dyn Bus,
        clock: &Clock,
        results: &mut Cursor,
        audit: &mut PartitionAudit,
    ) -> Result<Timestamp, BusError> {
        let give_up = clock.now().after(self.wait);
        loop {
            let as_of = clock.now();
            results.extend(bus).await?;
            while let Head::Record(received) = results.head().await? {
                audit.on_result(place(received), &received.record);
                results.pass();
            }
            match audit.due(self.grace).map(|due| due.min(give_up)) {
                Some(due) if as_of < due => clock.sleep_until(clock.now().after(LOOK_EVERY).min(due)).await,
                _ => return Ok(as_of),
            }
        }
    }
}

/// Reads requests and results of one partition by their time.
async fn read(
    requests: &mut Cursor,
    results: &mut Cursor,
    audit: &mut PartitionAudit,
    meter: &mut Meter<'_>,
) -> Result<(), BusError> {
    loop {
        let request = match requests.head().await? {
            Head::Gone => {
                audit.on_requests_gone();
                continue;
            }
            Head::Record(received) => Some(received),
            Head::End => None,
        };
        let result = match results.head().await? {
            Head::Gone => {
                audit.on_results_gone();
                continue;
            }
            Head::Record(received) => Some(received),
            Head::End => None,
        };
        match (request, result) {
            (Some(request), result) if result.is_none_or(|result| request.appended <= result.appended) => {
                audit.on_request(place(request), &request.record);
                requests.pass();
            }
            (_, Some(result)) => {
                audit.on_result(place(result), &result.record);
                results.pass();
            }
            _ => return Ok(()),
        }
        meter.count();
    }
}

async fn read_responses(
    bus: &dyn Bus,
    topics: &Topics,
    partition: i32,
    part: &Part,
    audit: &mut PartitionAudit,
    meter: &mut Meter<'_>,
) -> Result<(), BusError> {
    let mut stretch = Stretch::default();
    stretch.add_offsets(TopicPartition::new(&topics.responses, partition), part.offsets.clone());
    stretch.read(bus, |received| audit.on_response(place(&received), &received.record), |_| meter.show()).await?;
    meter.read += part.len();
    Ok(())
}

/// Returns what each partition of `topic` holds from `since` on.
async fn parts(bus: &dyn Bus, topic: &str, since: Option<Timestamp>) -> Result<Vec<Part>, BusError> {
    let mut parts = Vec::new();
    for partition in 0..bus.partitions(topic).await? {
        let partition = TopicPartition::new(topic, partition);
        let held = bus.span(&partition).await?;
        let from = match since {
            Some(since) => bus.locate(&partition, since).await?.clamp(held.start, held.end),
            None => held.start,
        };
        let beginning = match since {
            Some(since) if from > held.start => Beginning::Since(since),
            _ if held.start > 0 => Beginning::Gone,
            _ => Beginning::Whole,
        };
        parts.push(Part { beginning, offsets: from..held.end });
    }
    Ok(parts)
}

fn place(received: &Received) -> Place {
    Place { offset: received.offset, appended: received.appended }
}

// === impl Snapshot ===

impl Snapshot {
    fn len(&self) -> u64 {
        [&self.requests, &self.responses, &self.results].into_iter().flatten().map(Part::len).sum()
    }

    fn len_partitions(&self) -> usize {
        self.requests.len().max(self.responses.len()).max(self.results.len())
    }
}

// === impl Part ===

impl Part {
    fn len(&self) -> u64 {
        self.offsets.end.abs_diff(self.offsets.start)
    }
}

// === impl Meter ===

impl Meter<'_> {
    fn count(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(1_000) {
            self.show();
        }
    }

    fn show(&mut self) {
        (self.progress)(self.read, self.total);
    }
}
