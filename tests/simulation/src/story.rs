//! All that happened in a world, in order, for whoever judges it afterwards.

use std::collections::BTreeMap;

use collector::Watermarks;
use wire::{Fencing, Record, RequestId, ResultRecord, Timestamp};

use crate::{
    log::{Logs, Who},
    weather::Weather,
};

/// All that happened.
#[derive(Debug)]
pub struct Story {
    /// How bad it was.
    pub weather: Weather,
    /// When the policy was edited.
    pub edits: Vec<Timestamp>,
    /// What the topics hold.
    pub logs: Logs,
    /// What the collectors' group was told, and believed.
    pub commits: Vec<Committed>,
    /// Fences that were read back by whoever wrote them.
    pub takeovers: Vec<TakenOver>,
    /// Results that callers were given.
    pub handed_out: Vec<HandedOut>,
    /// What was acknowledged to callers.
    pub accepted: Vec<RequestId>,
    /// What was sealed, by partition.
    pub sealed: BTreeMap<i32, Vec<Record>>,
    /// What was archived, by partition: what the files say about themselves.
    pub archived: BTreeMap<i32, Vec<decoy::Label>>,
    /// What no decoy may ever say, said.
    pub alarms: Vec<String>,
    /// When faults ended.
    pub healed: Timestamp,
    /// From when on everything had settled; the requests after it are answered as if nothing had ever happened.
    pub settled: Option<Timestamp>,
    /// Why the world stopped before it was done, if it did.
    pub unfinished: Option<String>,
    /// What is left in the collectors' hands at the end: requests open, results unconfirmed.
    pub left: (usize, usize),
    /// The most requests that a partition had open, and results unconfirmed.
    pub most: (usize, usize),
}

/// A commit that the group took.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its place among all that was taken in.
    pub order: u64,
    /// When.
    pub at: Timestamp,
    /// The member that said so, which is another one after each time that it was put out.
    pub member: u64,
    /// Which of the partition's owners it was.
    pub tenure: u64,
    /// Of which partition.
    pub partition: i32,
    /// What.
    pub watermarks: Watermarks,
}

/// A take-over.
#[derive(Clone, Debug)]
pub struct TakenOver {
    /// By whom.
    pub who: Who,
    /// Of which partition.
    pub partition: i32,
    /// By what right.
    pub fencing: Fencing,
    /// What the responses held when the fence was read back.
    pub responses_end: i64,
}

/// A result, as a caller got it.
#[derive(Clone, Debug)]
pub struct HandedOut {
    /// Which life of the front door gave it.
    pub by: Who,
    /// Its partition.
    pub partition: i32,
    /// It.
    pub result: ResultRecord,
}
