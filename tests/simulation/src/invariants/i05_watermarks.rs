//! I5, safe watermarks: whatever was ever committed, a successor that begins there finds everything that it needs.
//!
//! At the moment of the commit, of everything before the requests' offset there is a valid result, or a dead letter;
//! of each request without a result no response lies before the responses' offset; and the result of each request from
//! there on lies behind the results' offset, where a fence lies.

use std::collections::BTreeSet;

use crate::{
    log::Topic,
    story::Committed,
    truth::{Asked, Truth},
};

pub(super) fn check(truth: &Truth<'_>) -> Result<(), String> {
    let buried = buried(truth);
    for commit in &truth.story.commits {
        requests(truth, commit).and_then(|()| responses(truth, commit)).and_then(|()| results(truth, commit)).map_err(
            |how| format!("member {} committed {:?} of {}: {how}", commit.member, commit.watermarks, commit.partition),
        )?;
        for (topic, partition, offset) in &truth.garbage {
            let passed = match topic {
                Topic::Requests => *offset < commit.watermarks.requests,
                _ => *offset < commit.watermarks.responses,
            };
            let order =
                buried.iter().find(|(place, _)| *place == (*topic, *partition, *offset)).map(|(_, order)| *order);
            if *partition == commit.partition && passed && order.is_none_or(|order| order > commit.order) {
                return Err(format!("{topic:?} {partition} {offset} was passed and is not among the dead letters"));
            }
        }
    }
    Ok(())
}

fn requests(truth: &Truth<'_>, commit: &Committed) -> Result<(), String> {
    let passed = |asked: &&Asked| asked.offset < commit.watermarks.requests;
    match mine(truth, commit).filter(passed).find(|asked| !is_answered(truth, commit, asked)) {
        Some(asked) => Err(format!("request {} at {} has no result", asked.request.id, asked.offset)),
        None => Ok(()),
    }
}

fn responses(truth: &Truth<'_>, commit: &Committed) -> Result<(), String> {
    for asked in mine(truth, commit).filter(|asked| asked.order < commit.order && !is_answered(truth, commit, asked)) {
        let said = truth.responses.get(&asked.request.id).into_iter().flatten();
        if let Some(gone) =
            said.filter(|said| said.order < commit.order).find(|said| said.offset < commit.watermarks.responses)
        {
            return Err(format!("response {} of {} is still needed", gone.offset, asked.request.id));
        }
    }
    Ok(())
}

fn results(truth: &Truth<'_>, commit: &Committed) -> Result<(), String> {
    let from = commit.watermarks.results;
    for asked in mine(truth, commit).filter(|asked| asked.last_offset >= commit.watermarks.requests) {
        if let Some(gone) = truth.result(&asked.request.id).filter(|written| written.offset < from) {
            return Err(format!("the result of {} lies before, at {}", asked.request.id, gone.offset));
        }
    }
    let is_fence = truth.fences.iter().any(|fence| fence.partition == commit.partition && fence.offset == from);
    if from == 0 || is_fence { Ok(()) } else { Err(format!("there is no fence at {from} of the results")) }
}

fn mine<'truth>(truth: &'truth Truth<'_>, commit: &Committed) -> impl Iterator<Item = &'truth Asked> {
    let partition = commit.partition;
    truth.requests.values().filter(move |asked| asked.partition == partition)
}

fn is_answered(truth: &Truth<'_>, commit: &Committed, asked: &Asked) -> bool {
    truth.result(&asked.request.id).is_some_and(|written| written.order < commit.order)
}

/// Which records are among the dead letters, and since when.
pub(super) fn buried(truth: &Truth<'_>) -> BTreeSet<((Topic, i32, i64), u64)> {
    let logs = &truth.story.logs;
    let letters = (0..logs.partitions()).flat_map(|partition| logs.entries(Topic::DeadLetters, partition));
    let origin = |entry: &crate::log::Entry| {
        let origin = String::from_utf8(entry.record.headers.get("ce_origin")?.to_vec()).ok()?;
        let (place, offset) = origin.rsplit_once('/')?;
        let (topic, partition) = place.rsplit_once('/')?;
        let topic = if topic == "sim.requests" { Topic::Requests } else { Topic::Responses };
        Some((topic, partition.parse().ok()?, offset.parse().ok()?))
    };
    letters.filter_map(|(_, entry)| Some((origin(entry)?, entry.order))).collect()
}
