//! Says what happened: one exhaustive match from reports to counters and logs.

use bus::TopicPartition;
use wire::Timestamp;

use crate::{Metrics, partition::Report};

/// Counts and logs `report`.
pub(super) fn report_on(name: &TopicPartition, report: &Report, metrics: &Metrics, now: Timestamp) {
    match report {
        Report::Archived { records, bytes } => {
            metrics.files.inc();
            metrics.records.inc_by(*records as u64);
            metrics.bytes.inc_by(*bytes as u64);
            tracing::debug!(partition = %name, records, bytes, "a file is archived");
        }
        Report::Gap(gap) => {
            metrics.gaps.inc();
            metrics.missing.inc_by((gap.end - gap.start).unsigned_abs());
            tracing::error!(partition = %name, first = gap.start, last = gap.end - 1, "the log lost these before they were archived");
        }
        Report::Beaten(covered) => {
            metrics.beaten.inc();
            tracing::info!(partition = %name, %covered, "another owner has archived in the place of this file");
        }
        Report::Shrunk { committed, position } => {
            tracing::warn!(partition = %name, committed, position, "the archive holds less than was archived: were files removed?");
        }
        Report::Failed { reason, first, needs_hands } => {
            metrics.failures.inc();
            if *first {
                tracing::warn!(partition = %name, %reason, needs_hands, "nothing is archived for now");
            }
        }
        Report::Recovered { since } => {
            tracing::info!(partition = %name, waited = ?now.since(*since), "archiving goes on");
        }
    }
}
