//! I1, stability and uniqueness: whoever reads a prefix of the results sees at most one result of each request, and whoever
//! reads on sees no other.
//!
//! All valid records of a request are the same bytes under the same fencing: one result and its writer's own repeats. What
//! callers were given by the starter, which reads by the production rule, is that result, and nobody got another one.

use std::collections::{BTreeMap, BTreeSet};

use wire::{ResultsEntry, ResultsReader};

use crate::{log::Topic, truth::Truth};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let mut first = BTreeMap::new();
    for written in truth.results.iter().filter(|written| written.is_valid) {
        let known = *first.entry(written.record.request).or_insert(written);
        if known.record != written.record {
            return Err(format!(
                "{} has two valid results, at {} and {} of {}: {:?} and {:?}",
                written.record.request, known.offset, written.offset, written.partition, known.record, written.record
            ));
        }
    }
    for handed in &truth.story.handed_out {
        let id = handed.result.request;
        let Some(known) = first.get(&id) else { return Err(format!("a caller was given a void result of {id}")) };
        if known.record != handed.result {
            return Err(format!("a caller was given another result of {id} than the first: {:?}", handed.result));
        }
    }
    consumed(truth)
}

/// What a plain consumer is shown, who reads by the production rule from end to end.
fn consumed(truth: &Truth<'_>) -> Result<(), String> {
    let logs = &truth.story.logs;
    let mut shown = BTreeSet::new();
    for partition in 0..logs.partitions() {
        let mut reader = ResultsReader::new(1_000);
        for (offset, entry) in logs.entries(Topic::Results, partition) {
            if let ResultsEntry::Valid(result) = reader.read(&entry.record)
                && !shown.insert(result.request)
            {
                return Err(format!("a consumer is shown the result of {} again, at {offset}", result.request));
            }
        }
    }
    let first: BTreeSet<_> =
        truth.results.iter().filter(|written| written.is_first).map(|w| w.record.request).collect();
    if shown == first { Ok(()) } else { Err(format!("a consumer is shown {shown:?} and not {first:?}")) }
}
