//! A partition's log that is made up record by record; times in milliseconds.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;
use wire::{
    Budget, Envelope, Fence, Fencing, Plan, PolicyRef, Record, RendezvousName, Request, RequestId, ResultKind,
    ResultRecord, Timestamp,
};

use crate::{Beginning, Ending, Limits, PartitionAudit, PartitionTold, Place, Scope};

pub(super) const BUDGET: u64 = 100;
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// The requests and results of one partition.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) requests: Vec<(Place, Record)>,
    pub(super) results: Vec<(Place, Record)>,
    pub(super) scope: Scope,
    pub(super) ending: Ending,
}

pub(super) fn wine() -> RendezvousName {
    RendezvousName::new("wine").unwrap()
}

/// Ids of positions unless the key begins with `key`: a caller's key may be given again at any time.
pub(super) fn id(key: &str) -> RequestId {
    if key.starts_with("key") {
        RequestId::from_key(&wine(), key)
    } else {
        RequestId::from_position(&wine(), key, 0, 0)
    }
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + millis * 1_000)
}

pub(super) fn fencing(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(u128::from(epoch)) }
}

/// A result, as decided `elapsed` milliseconds after its request's birth.
pub(super) fn result(key: &str, epoch: u64, says: &str, elapsed: i64) -> ResultRecord {
    let micros = elapsed * 1_000;
    let body = format!(r#"{{"answer":{{"class":"{says}"}},"decision":{{"reason":"too_few","elapsed_us":{micros}}}}}"#);
    let policy = PolicyRef { rendezvous: wine(), version: 1 };
    let kind = if says == "unknown" { ResultKind::Default } else { ResultKind::Prediction };
    ResultRecord {
        request: id(key),
        policy,
        kind,
        key: None,
        reply: None,
        fencing: fencing(epoch),
        body: Bytes::from(body),
    }
}

// === impl Log ===

impl Log {
    pub(super) fn new() -> Self {
        Self::of_partition(0, 1)
    }

    pub(super) fn of_partition(partition: i32, partitions: i32) -> Self {
        let scope = Scope {
            rendezvous: wine(),
            partition,
            partitions,
            requests: Beginning::Whole,
            results: Beginning::Whole,
            snapshot: i64::MAX,
            limits: Limits::default(),
        };
        let ending = Ending {
            as_of: at(1_000_000),
            grace: GRACE,
            newest_version: Some(1),
            refused: std::iter::empty().collect(),
        };
        Self { requests: Vec::new(), results: Vec::new(), scope, ending }
    }

    pub(super) fn request(&mut self, millis: i64, key: &str) -> i64 {
        let request = Request {
            id: id(key),
            born: at(millis),
            budget: Budget::from_millis(BUDGET),
            policy: PolicyRef { rendezvous: wine(), version: 1 },
            case: None,
            plan: Plan::default(),
            key: None,
            attributes: wire::Attributes::default(),
            traceparent: None,
            reply: None,
            body: Bytes::from_static(b"{}"),
        };
        self.request_record(millis, request.encode())
    }

    pub(super) fn request_record(&mut self, millis: i64, record: Record) -> i64 {
        push(&mut self.requests, millis, record)
    }

    pub(super) fn fence(&mut self, millis: i64, epoch: u64) -> i64 {
        push(&mut self.results, millis, Fence(fencing(epoch)).encode())
    }

    pub(super) fn result(&mut self, millis: i64, key: &str, epoch: u64, says: &str) -> i64 {
        self.result_record(millis, result(key, epoch, says, 5))
    }

    pub(super) fn result_record(&mut self, millis: i64, result: ResultRecord) -> i64 {
        push(&mut self.results, millis, Envelope::Result(result).encode())
    }

    pub(super) fn results_garbage(&mut self, millis: i64) -> i64 {
        push(&mut self.results, millis, Record { payload: Some(Bytes::from_static(b"?")), ..Record::default() })
    }

    /// Fences and answers `count` requests, one each 10 ms from `millis` on, each after 5 ms.
    pub(super) fn clean(&mut self, millis: i64, epoch: u64, keys: std::ops::Range<usize>) {
        self.fence(millis, epoch);
        for (index, key) in keys.enumerate() {
            let then = millis + 10 * i64::try_from(index).unwrap();
            self.request(then, &key.to_string());
            self.result(then + 5, &key.to_string(), epoch, "good");
        }
    }

    /// Forgets what lies before these indices, as retention does.
    pub(super) fn without(&self, requests: usize, results: usize) -> Self {
        let mut log = self.clone();
        for (records, gone, beginning) in [
            (&mut log.requests, requests, &mut log.scope.requests),
            (&mut log.results, results, &mut log.scope.results),
        ] {
            records.drain(..gone);
            if gone > 0 {
                *beginning = Beginning::Gone;
            }
        }
        log
    }

    /// Audits it, read in the order of time.
    pub(super) fn audit(&self) -> PartitionTold {
        let mut audit = PartitionAudit::new(self.scope.clone());
        self.feed(&mut audit);
        audit.finish(&self.ending)
    }

    pub(super) fn feed(&self, audit: &mut PartitionAudit) {
        let (mut requests, mut results) = (self.requests.iter().peekable(), self.results.iter().peekable());
        loop {
            let request_first = match (requests.peek(), results.peek()) {
                (Some((request, _)), Some((result, _))) => request.appended <= result.appended,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            if request_first {
                let (place, record) = requests.next().unwrap();
                audit.on_request(*place, record);
            } else {
                let (place, record) = results.next().unwrap();
                audit.on_result(*place, record);
            }
        }
    }
}

fn push(records: &mut Vec<(Place, Record)>, millis: i64, record: Record) -> i64 {
    let offset = i64::try_from(records.len()).unwrap();
    records.push((Place { offset, appended: at(millis) }, record));
    offset
}
