//! I12, the archive tiles the log: each request record lies in exactly one file, without a gap and without an overlap, and
//! in the end all of them do. Nothing is ever committed ahead of it.

use crate::{log::Topic, truth::Truth};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let story = truth.story;
    if let Some(alarm) = story.alarms.first() {
        return Err(alarm.clone());
    }
    for partition in 0..story.logs.partitions() {
        let end = story.logs.span(Topic::Requests, partition).end;
        let mut next = 0;
        for label in story.archived.get(&partition).into_iter().flatten() {
            let covered = label.covered;
            if (label.position, covered.first) != (next, next) || !label.gaps.is_empty() {
                return Err(format!("a file of {partition} holds {covered} from {}, not from {next}", label.position));
            }
            next = label.next();
            if i64::try_from(label.rows) != Ok(next - covered.first) {
                return Err(format!("the file of {partition} that holds {covered} has {} rows", label.rows));
            }
            let last = story.logs.read(Topic::Requests, partition, covered.last);
            if last.is_none_or(|last| last.appended != label.appended) {
                return Err(format!("the last record of {covered} of {partition} is not the log's"));
            }
        }
        if next > end || (story.unfinished.is_none() && next < end) {
            return Err(format!("the archive of {partition} ends at {next}, the log at {end}"));
        }
    }
    Ok(())
}
