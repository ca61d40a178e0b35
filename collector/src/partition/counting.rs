//! What objectives, pages and alerts go by: counted as results are read back, and as answers come late.
//!
//! Pure. Laws: each result that this owner wrote and read back as valid is counted once, with the time that the log gave
//! it and with what executors had done by its verdict, and no other; whoever asks for what was counted, however often, gets each count once. What is kept of a request goes
//! when its result is read back; of a miss that nobody had answered a little is kept until somebody does, for at most
//! `KEPT` and of at most `MISSED_MAX` at a time, to know where its time went.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use measures::{Awaited, Decided, Passage, Sum};
use policies::Verdict;
use wire::{Budget, Reply, RequestId, Response, ResultRecord, Timestamp};

/// Of more misses at a time than this it is not waited to learn where their time went.
const MISSED_MAX: usize = 4_096;
/// Who is not heard for so long after the result was silent.
const KEPT: Duration = Duration::from_secs(10);

/// What is counted in one partition.
#[derive(Debug, Default)]
pub(super) struct Counting {
    fresh: Sum,
    /// Results that were not read back yet.
    written: HashMap<RequestId, Written, RandomState>,
    /// Misses that nobody had answered when they were over.
    missed: HashMap<RequestId, Written, RandomState>,
    order: VecDeque<(Timestamp, RequestId)>,
}

#[derive(Debug)]
struct Written {
    /// When its result was given is still to be told.
    passage: Passage,
    /// Without any answer.
    verdict: Verdict,
    budget: Duration,
}

// === impl Counting ===

impl Counting {
    /// Hears what was decided about a request, when it was born and when the log took it in.
    pub(super) fn on_verdict(
        &mut self,
        request: RequestId,
        mut verdict: Verdict,
        (born, asked): (Timestamp, Timestamp),
        budget: Budget,
    ) {
        verdict.answer = Bytes::new();
        for entry in &mut verdict.receipt.entries {
            entry.answer = None;
        }
        let awaited = Awaited::of(&verdict, born);
        let passage = Passage { born, asked, decided: verdict.at, given: verdict.at, awaited };
        self.written.insert(request, Written { passage, verdict, budget: budget.as_duration() });
    }

    /// Hears that a result is in the log, and valid.
    pub(super) fn on_given(&mut self, result: &ResultRecord, appended: Timestamp) {
        let Some(mut written) = self.written.remove(&result.request) else { return };
        let Written { passage, verdict, budget } = &mut written;
        passage.given = appended;
        self.fresh.on_verdict(verdict, passage.born);
        let is_missed = self.fresh.on_result(result.kind, Decided::of(verdict), passage.whole(), *budget);
        if passage.awaited.is_some() || !is_missed {
            self.fresh.on_passage(passage, is_missed);
        } else if self.missed.len() < MISSED_MAX {
            self.order.push_back((appended, result.request));
            self.missed.insert(result.request, written);
        }
    }

    /// Hears a response that came after the verdict, so long after its request's birth.
    pub(super) fn on_late(&mut self, response: &Response, after: Option<Duration>, is_canary: bool) {
        self.fresh.on_late(response, after, is_canary);
        if is_canary || !matches!(response.reply, Reply::Answer(_)) {
            return;
        }
        let Some(after) = after else { return };
        if let Some(mut missed) = self.missed.remove(&response.request) {
            missed.on_answer(response, after);
            self.fresh.on_passage(&missed.passage, true);
        } else if let Some(written) = self.written.get_mut(&response.request)
            && written.passage.awaited.is_none()
        {
            written.on_answer(response, after);
        }
    }

    /// Drops what was not read back: others decide about it.
    pub(super) fn forget(&mut self) {
        self.written.clear();
    }

    /// Returns what was counted since the last call.
    pub(super) fn take(&mut self, now: Timestamp) -> Sum {
        while let Some((_, request)) = self.order.pop_front_if(|(given, _)| given.after(KEPT) <= now) {
            if let Some(Written { passage, .. }) = self.missed.remove(&request) {
                self.fresh.on_passage(&passage, true);
            }
        }
        std::mem::take(&mut self.fresh)
    }
}

// === impl Written ===

impl Written {
    /// Takes an answer as the one that was waited for: none was there by the verdict.
    fn on_answer(&mut self, response: &Response, after: Duration) {
        let entry = self.verdict.receipt.entries.iter().find(|entry| entry.executor == response.executor);
        let starts = entry.map_or(Duration::ZERO, |entry| entry.starts);
        self.passage.awaited = Some(Awaited::response(response, self.passage.born.after(after), starts));
    }
}

#[cfg(test)]
mod tests;
