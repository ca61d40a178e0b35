//! Responses that came before their request was read, kept until it is.
//!
//! Pure. Bounded by count, by bytes and by age; what is put out is reported by number, never silently.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use foldhash::fast::RandomState;
use wire::{
    Reply, RequestId, Response, Timestamp,
    mutation::{self, Mutation::OrphansAreDropped},
};

/// At most so many responses wait, per partition.
const COUNT_MAX: usize = 65_536;
/// At most so many bytes of answers wait, per partition.
const BYTES_MAX: usize = 64 << 20;
/// So long a response waits: a request lies in the log before its responses, so only the skew between the two reads
/// is to be bridged, and half a minute is far beyond it.
const AGE_MAX: Duration = Duration::from_secs(30);

/// Responses without a request, ordered by offset.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    by_offset: BTreeMap<i64, Letter>,
    by_request: HashMap<RequestId, Vec<i64>, RandomState>,
    bytes: usize,
}

/// One response that waits.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) response: Response,
    pub(super) appended: Timestamp,
}

// === impl Mailbox ===

impl Mailbox {
    /// Keeps a response; returns how many others had to go for it.
    pub(super) fn keep(&mut self, response: Response, appended: Timestamp, offset: i64) -> usize {
        if mutation::is(OrphansAreDropped) {
            return 0;
        }
        self.bytes += size(&response);
        self.by_request.entry(response.request).or_default().push(offset);
        self.by_offset.insert(offset, Letter { response, appended });
        let mut evicted = 0;
        while self.by_offset.len() > COUNT_MAX || self.bytes > BYTES_MAX {
            evicted += usize::from(self.evict_oldest());
        }
        evicted
    }

    /// Takes out what waits for `request`, in offset order.
    pub(super) fn take(&mut self, request: &RequestId) -> Vec<Letter> {
        let Some(offsets) = self.by_request.remove(request) else { return Vec::new() };
        let letters: Vec<Letter> = offsets.iter().filter_map(|offset| self.by_offset.remove(offset)).collect();
        self.bytes -= letters.iter().map(|letter| size(&letter.response)).sum::<usize>();
        letters
    }

    /// Puts out what has waited too long; returns how many.
    pub(super) fn on_time(&mut self, now: Timestamp) -> usize {
        let mut evicted = 0;
        while self.by_offset.first_key_value().is_some_and(|(_, letter)| letter.appended.after(AGE_MAX) <= now) {
            evicted += usize::from(self.evict_oldest());
        }
        evicted
    }

    /// Returns the offset of the oldest response that waits.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.by_offset.first_key_value().map(|(offset, _)| *offset)
    }

    /// Returns whether half of the room is taken.
    pub(super) fn is_crowded(&self) -> bool {
        self.by_offset.len() > COUNT_MAX / 2 || self.bytes > BYTES_MAX / 2
    }

    fn evict_oldest(&mut self) -> bool {
        let Some((offset, letter)) = self.by_offset.pop_first() else { return false };
        self.bytes -= size(&letter.response);
        let request = letter.response.request;
        if let Some(offsets) = self.by_request.get_mut(&request) {
            offsets.retain(|other| *other != offset);
            if offsets.is_empty() {
                self.by_request.remove(&request);
            }
        }
        true
    }
}

fn size(response: &Response) -> usize {
    match &response.reply {
        Reply::Answer(answer) => answer.len(),
        Reply::Failure(failure) => failure.message.len(),
    }
}
