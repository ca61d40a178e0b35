//! The naive auditor: reads the final logs from end to end, by one thread, with the rule as documented, and writes down
//! what is true of them. Everything that is judged is judged by this.

use std::collections::BTreeMap;

use policies::{DecisionBody, Given, Recorded, ResultBody};
use wire::{Envelope, Fencing, Request, RequestId, Response, ResultRecord, Timestamp};

use crate::{
    log::{Entry, Topic, Who},
    policies::NAME,
    reference::is_higher,
    story::{Story, TakenOver},
};

/// What is true of a story.
#[derive(Debug)]
pub struct Truth<'story> {
    /// The story.
    pub story: &'story Story,
    /// Every request that lies where it belongs.
    pub requests: BTreeMap<RequestId, Asked>,
    /// Every response beside its request, in the log's order.
    pub responses: BTreeMap<RequestId, Vec<Said>>,
    /// Every result that a collector wrote, in the log's order.
    pub results: Vec<Written>,
    /// Every fence.
    pub fences: Vec<Fenced>,
    /// Records that cannot be read: topic, partition, offset.
    pub garbage: Vec<(Topic, i32, i64)>,
}

/// A request.
#[derive(Debug)]
pub struct Asked {
    /// Its partition.
    pub partition: i32,
    /// Where the first copy lies.
    pub offset: i64,
    /// The place of the first copy among everything that happened.
    pub order: u64,
    /// When the log took the first copy in.
    pub at: Timestamp,
    /// Where the last copy lies.
    pub last_offset: i64,
    /// The first copy.
    pub request: Request,
}

/// A response.
#[derive(Debug)]
pub struct Said {
    /// Where it lies.
    pub offset: i64,
    /// Its place among everything that happened.
    pub order: u64,
    /// When the log took it in.
    pub at: Timestamp,
    /// It.
    pub response: Response,
}

/// A result.
#[derive(Debug)]
pub struct Written {
    /// Its partition.
    pub partition: i32,
    /// Where it lies.
    pub offset: i64,
    /// Its place among everything that happened.
    pub order: u64,
    /// When the log took it in.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: Who,
    /// Whether it was written by the right that the log then acknowledged.
    pub is_valid: bool,
    /// Whether it is *the* result.
    pub is_first: bool,
    /// It.
    pub record: ResultRecord,
}

/// A fence.
#[derive(Debug)]
pub struct Fenced {
    /// Its partition.
    pub partition: i32,
    /// Where it lies.
    pub offset: i64,
    /// Its place among everything that happened.
    pub order: u64,
    /// Who wrote it.
    pub by: Who,
    /// What it says.
    pub fencing: Fencing,
    /// Whether it took the partition over.
    pub is_accepted: bool,
}

// === impl Truth ===

impl<'story> Truth<'story> {
    /// Reads everything.
    #[must_use]
    pub fn of(story: &'story Story) -> Self {
        let (requests, responses) = (BTreeMap::new(), BTreeMap::new());
        let (results, fences, garbage) = (Vec::new(), Vec::new(), Vec::new());
        let mut truth = Self { story, requests, responses, results, fences, garbage };
        for partition in 0..story.logs.partitions() {
            for (offset, entry) in story.logs.entries(Topic::Requests, partition) {
                truth.read_request(partition, offset, entry);
            }
            for (offset, entry) in story.logs.entries(Topic::Responses, partition) {
                truth.read_response(partition, offset, entry);
            }
            truth.read_results(partition);
        }
        truth
    }

    /// Returns the one result of a request.
    #[must_use]
    pub fn result(&self, request: &RequestId) -> Option<&Written> {
        self.results.iter().find(|written| written.is_first && written.record.request == *request)
    }

    /// Returns the take-over by whose right a result was written.
    #[must_use]
    pub fn takeover(&self, written: &Written) -> Option<&TakenOver> {
        self.story
            .takeovers
            .iter()
            .find(|takeover| takeover.fencing == written.record.fencing && takeover.partition == written.partition)
    }

    /// Returns what the log holds about the request of a result, as of that result.
    #[must_use]
    pub fn recorded(&self, written: &Written) -> Option<Recorded> {
        let asked = self.requests.get(&written.record.request)?;
        let said = self.responses.get(&written.record.request);
        let responses = said.into_iter().flatten().map(|said| (said.response.clone(), said.at)).collect();
        let result = Given::read(written.record.clone(), written.at).ok()?;
        Some(Recorded { request: Some((asked.request.clone(), asked.at)), responses, result: Some(result) })
    }

    fn read_request(&mut self, partition: i32, offset: i64, entry: &Entry) {
        match Envelope::decode(&entry.record) {
            Ok(Envelope::Request(request))
                if request.policy.rendezvous.as_str() == NAME
                    && request.id.partition(self.story.logs.partitions()) == partition =>
            {
                let (order, at) = (entry.order, entry.at);
                let first = || Asked { partition, offset, order, at, last_offset: offset, request: request.clone() };
                self.requests.entry(request.id).or_insert_with(first).last_offset = offset;
            }
            _ => self.garbage.push((Topic::Requests, partition, offset)),
        }
    }

    fn read_response(&mut self, partition: i32, offset: i64, entry: &Entry) {
        match Envelope::decode(&entry.record) {
            Ok(Envelope::Response(response)) => {
                if response.request.partition(self.story.logs.partitions()) == partition {
                    let said = Said { offset, order: entry.order, at: entry.at, response };
                    self.responses.entry(said.response.request).or_default().push(said);
                }
            }
            _ => self.garbage.push((Topic::Responses, partition, offset)),
        }
    }

    fn read_results(&mut self, partition: i32) {
        let mut accepted = None;
        let mut answered = std::collections::BTreeSet::new();
        for (offset, entry) in self.story.logs.entries(Topic::Results, partition) {
            let (order, at, by) = (entry.order, entry.at, entry.by);
            match Envelope::decode(&entry.record) {
                Ok(Envelope::Fence(fence)) => {
                    let is_accepted = is_higher(fence.0, accepted);
                    if is_accepted {
                        accepted = Some(fence.0);
                    }
                    self.fences.push(Fenced { partition, offset, order, by, fencing: fence.0, is_accepted });
                }
                Ok(Envelope::Result(record)) if entry.by != crate::processes::vandal::NOBODY => {
                    let is_valid = accepted == Some(record.fencing);
                    let is_first = is_valid && answered.insert(record.request);
                    self.results.push(Written { partition, offset, order, at, by, is_valid, is_first, record });
                }
                _ => {}
            }
        }
    }
}

// === impl Written ===

impl Written {
    /// Returns what it says was decided, and why.
    #[must_use]
    pub fn decision(&self) -> Option<DecisionBody> {
        ResultBody::read(&self.record.body).ok().map(|body| body.decision)
    }
}

/// When the verdict counts a request as born: not after the log took it in.
#[must_use]
pub fn born(asked: &Asked) -> Timestamp {
    asked.request.born.min(asked.at.after(std::time::Duration::from_millis(1)))
}
