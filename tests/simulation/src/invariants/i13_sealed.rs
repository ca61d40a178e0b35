//! I13, sealed once: what plain consumers read of the sealed topic is each request's one result, byte for byte, in the log's
//! order, once.
//!
//! A repeat is recognised so many results back, repeats among them (`sealer::Reach`); one from farther is no breach.

use wire::{Envelope, Record};

use crate::{log::Topic, processes::sealer::REACH, truth::Truth};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let story = truth.story;
    for partition in 0..story.logs.partitions() {
        let first = truth.results.iter().filter(|written| written.is_first && written.partition == partition);
        let read = |offset| story.logs.read(Topic::Results, partition, offset).map(|received| received.record);
        let due: Vec<_> = first.filter_map(|written| read(written.offset)).collect();
        let mut next = 0;
        for record in story.sealed.get(&partition).into_iter().flatten() {
            if due.get(next) == Some(record) {
                next += 1;
                continue;
            }
            let Some(place) = due.iter().position(|due| due == record) else {
                return Err(format!("behind {next} results of {partition} one is sealed that is nobody's"));
            };
            if place >= next {
                return Err(format!("result {next} of {partition} is left out: {place} is sealed before it"));
            }
            if !is_far(truth, partition, record) {
                return Err(format!("result {place} of {partition} is sealed twice, the second time behind {next}"));
            }
        }
        if story.unfinished.is_none() && next < due.len() {
            return Err(format!("{next} of {} results of {partition} are sealed", due.len()));
        }
    }
    Ok(())
}

/// Returns whether some repeat of a result is so far behind it that it need not be recognised.
fn is_far(truth: &Truth<'_>, partition: i32, record: &Record) -> bool {
    let Ok(Envelope::Result(sealed)) = Envelope::decode(record) else { return false };
    let valid = truth.results.iter().filter(|written| written.is_valid && written.partition == partition);
    let its = (0..).zip(valid).filter(|(_, written): &(u64, _)| written.record.request == sealed.request);
    let its: Vec<u64> = its.map(|(place, _)| place).collect();
    its.first().zip(its.last()).is_some_and(|(first, last)| last - first >= REACH.results)
}
