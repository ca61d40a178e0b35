//! I14, the audit agrees: `hedgerow audit` finds in the logs what a naive reading of them finds, and nothing else.
//!
//! A world that is in order passes its audit; one in which a request has no result, or a second one, does not.

use std::{collections::HashSet, time::Duration};

use audit::{Beginning, Counts, Ending, Limits, PartitionAudit, Place, Report, Scope};
use wire::Envelope;

use super::i05_watermarks::buried;
use crate::{
    log::{Entry, Topic},
    policies,
    reference::Reference,
    truth::Truth,
};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let (audited, naive) = (audited(truth), naive(truth));
    let told = |counts: &Counts| {
        let Counts { accepted, results, missing, second, void, .. } = counts;
        [*accepted, *results, *missing, *second, *void, counts.invented + counts.misplaced + counts.unjudged]
    };
    if told(&audited) == told(&naive) { Ok(()) } else { Err(format!("the audit counts {audited:?}, not {naive:?}")) }
}

/// Returns whether a story passes its audit.
#[must_use]
pub fn is_in_order(truth: &Truth<'_>) -> bool {
    audited(truth).ok()
}

/// What the audit counts, over all partitions.
fn audited(truth: &Truth<'_>) -> Counts {
    let buried = buried(truth);
    let logs = &truth.story.logs;
    let mut report = Report::new(&policies::name(), None, Duration::ZERO);
    for partition in 0..logs.partitions() {
        let mut audit = PartitionAudit::new(Scope {
            rendezvous: policies::name(),
            partition,
            partitions: logs.partitions(),
            requests: Beginning::Whole,
            results: Beginning::Whole,
            snapshot: logs.span(Topic::Results, partition).end,
            limits: Limits::default(),
        });
        let place = |(offset, entry): &(i64, &Entry)| Place { offset: *offset, appended: entry.at };
        for read in logs.entries(Topic::Requests, partition) {
            audit.on_request(place(&read), &read.1.record);
        }
        audit.on_requests_end();
        for read in logs.entries(Topic::Results, partition) {
            audit.on_result(place(&read), &read.1.record);
        }
        let refused: HashSet<i64> =
            buried.iter().filter(|(of, _)| (of.0, of.1) == (Topic::Requests, partition)).map(|(of, _)| of.2).collect();
        // Long after all that happened.
        let as_of = truth.story.healed.after(Duration::from_hours(1));
        let newest_version = Some(policies::after(policies::EDITS_MAX).newest());
        let told = audit.finish(&Ending { as_of, grace: Duration::ZERO, newest_version, refused });
        report.add(told, as_of);
    }
    report.counts
}

/// What the naive reader counts.
fn naive(truth: &Truth<'_>) -> Counts {
    let logs = &truth.story.logs;
    let (mut reference, mut counts) = (Reference::new(logs.partitions()), Counts::default());
    for partition in 0..logs.partitions() {
        for (_, entry) in logs.entries(Topic::Requests, partition) {
            reference.on_request(partition, &entry.record);
        }
        for (_, entry) in logs.entries(Topic::Results, partition) {
            let is_void = reference.on_record(partition, &entry.record);
            counts.void += u64::from(is_void);
            if let Ok(Envelope::Result(result)) = Envelope::decode(&entry.record)
                && !is_void
                && reference.results.get(&result.request).is_some_and(|first| first.record != result)
            {
                counts.second += 1;
            }
        }
    }
    counts.missing = reference.unanswered() as u64;
    counts.accepted = reference.asked.len() as u64;
    counts.results = counts.accepted - counts.missing;
    counts
}
