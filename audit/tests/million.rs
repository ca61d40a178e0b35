//! A million records in one partition are audited within a stated memory. In a process of its own, which is measured.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;

use bytes::Bytes;
use hedgerow_audit::{Beginning, Ending, Limits, PartitionAudit, Place, Scope};
use uuid::Uuid;
use wire::{
    Attributes, Budget, Envelope, Fence, Fencing, Plan, PolicyRef, Record, RendezvousName, Request, RequestId,
    ResultKind, ResultRecord, Timestamp,
};

const REQUESTS: i64 = 500_000;
/// What `docs/audit.md` says: at most 100 bytes for each request, and half as much again while a table grows.
const BYTES_MAX: u64 = 150 * REQUESTS.unsigned_abs();
/// So many are on their way at a time.
const IN_FLIGHT: i64 = 1_000;

#[test]
fn a_million_records_are_audited_within_the_memory_that_is_stated() {
    let scope = Scope {
        rendezvous: RendezvousName::new("wine").unwrap(),
        partition: 0,
        partitions: 1,
        requests: Beginning::Whole,
        results: Beginning::Whole,
        snapshot: i64::MAX,
        limits: Limits::default(),
    };
    let mut audit = PartitionAudit::new(scope);
    let before = resident_bytes_max();
    let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
    audit.on_result(place(0, 0), &Fence(fencing).encode());
    for index in 0..REQUESTS + IN_FLIGHT {
        if index < REQUESTS {
            audit.on_request(place(index, index), &request(index));
        }
        let answered = index - IN_FLIGHT;
        if answered >= 0 {
            audit.on_result(place(answered + 1, index), &result(answered, fencing));
        }
    }
    // The first one again: it is remembered.
    audit.on_result(place(REQUESTS + 1, 2 * REQUESTS), &result(0, fencing));
    let used = resident_bytes_max() - before;
    let ending = Ending { as_of: at(2 * REQUESTS), ..Ending::default() };
    let counts = audit.finish(&ending).counts;
    assert_eq!((counts.accepted, counts.results, counts.repeats), (500_000, 500_000, 1));
    assert_eq!((counts.ok(), counts.unjudged), (true, 0));
    eprintln!("{used} bytes for {REQUESTS} requests and as many results");
    assert!(used < BYTES_MAX, "{used} bytes");
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + micros)
}

fn place(offset: i64, micros: i64) -> Place {
    Place { offset, appended: at(micros) }
}

fn id(index: i64) -> RequestId {
    // As random as a derived id is, and cheaper to make.
    RequestId::from_uuid(Uuid::from_u128(
        u128::from(index.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
    ))
}

fn policy() -> PolicyRef {
    PolicyRef { rendezvous: RendezvousName::new("wine").unwrap(), version: 1 }
}

fn request(index: i64) -> Record {
    let request = Request {
        id: id(index),
        born: at(index),
        budget: Budget::from_millis(50),
        policy: policy(),
        case: None,
        plan: Plan::default(),
        key: None,
        attributes: Attributes::default(),
        traceparent: None,
        reply: None,
        body: Bytes::from_static(b"{}"),
    };
    request.encode()
}

fn result(index: i64, fencing: Fencing) -> Record {
    let (request, body) = (id(index), Bytes::from_static(b"{}"));
    let result =
        ResultRecord { request, policy: policy(), kind: ResultKind::Prediction, key: None, reply: None, fencing, body };
    Envelope::Result(result).encode()
}

/// The most that this process ever had in memory.
fn resident_bytes_max() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}
