//! The naive reader: the documented rule written down a second time, by nobody who has seen `wire::ResultsReader`, with
//! unbounded memory and no thought of speed.

use std::collections::HashMap;

use wire::{Envelope, Fencing, Record, RequestId, ResultRecord};

/// What a reader who does it right has seen so far, of all partitions.
#[derive(Debug)]
pub struct Reference {
    partitions: i32,
    accepted: Vec<Option<Fencing>>,
    read: Vec<i64>,
    /// The first valid result of each request.
    pub results: HashMap<RequestId, Found>,
    /// Requests that lie where they belong.
    pub requests: HashMap<RequestId, i32>,
    /// Their names in the order in which they were read.
    pub asked: Vec<RequestId>,
}

/// A valid result and where it lies.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// It.
    pub record: ResultRecord,
}

// === impl Reference ===

impl Reference {
    /// Begins at the beginning.
    #[must_use]
    pub fn new(partitions: i32) -> Self {
        let count = usize::try_from(partitions).unwrap_or(0);
        Self {
            partitions,
            accepted: vec![None; count],
            read: vec![0; count],
            results: HashMap::new(),
            requests: HashMap::new(),
            asked: Vec::new(),
        }
    }

    /// Reads the next record of a partition of the results; returns whether it is a void result.
    pub fn on_record(&mut self, partition: i32, record: &Record) -> bool {
        let Ok(slot) = usize::try_from(partition) else { return false };
        let offset = self.read[slot];
        self.read[slot] += 1;
        match Envelope::decode(record) {
            Ok(Envelope::Fence(fence)) => {
                if is_higher(fence.0, self.accepted[slot]) {
                    self.accepted[slot] = Some(fence.0);
                }
                false
            }
            Ok(Envelope::Result(record)) => {
                let valid = self.accepted[slot] == Some(record.fencing);
                if valid {
                    self.results.entry(record.request).or_insert(Found { partition, offset, record });
                }
                !valid
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Reads a record of the requests.
    pub fn on_request(&mut self, partition: i32, record: &Record) {
        if let Ok(Envelope::Request(request)) = Envelope::decode(record)
            && request.policy.rendezvous.as_str() == crate::policies::NAME
            && request.id.partition(self.partitions) == partition
            && !self.requests.contains_key(&request.id)
        {
            self.requests.insert(request.id, partition);
            self.asked.push(request.id);
        }
    }

    /// Returns how many requests have no result.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.asked.iter().filter(|id| !self.results.contains_key(id)).count()
    }
}

/// Epochs go round: the higher one is less than half of the way ahead.
#[must_use]
pub fn is_higher(fencing: Fencing, than: Option<Fencing>) -> bool {
    let Some(than) = than else { return true };
    let ahead = fencing.epoch.wrapping_sub(than.epoch);
    ahead > 0 && ahead < 1 << 63
}
