//! The ids that have their result, in 40 bytes each, so that a second result is recognised however late it comes.
//!
//! Two generations: when the young one is full the old one is forgotten, which spares an order of all ids.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use wire::{RequestId, ResultRecord, Timestamp};

use crate::scope::Place;

/// What is remembered of an id's result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    said: Said,
    /// Offsets and milliseconds from the first record on: four billion of them are enough for any log that one reads.
    request: u32,
    result: u32,
    at: u32,
    /// Who wrote it; the lowest bit says that it was asked again when everybody had forgotten it.
    writer: u32,
}

/// What a result says, as a digest of all that readers see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said(u64);

/// Answered ids.
#[derive(Debug)]
pub(crate) struct Answered {
    young: HashMap<RequestId, Seen>,
    old: HashMap<RequestId, Seen>,
    half: usize,
    forgotten: bool,
}

/// From where offsets and instants are counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    requests: Option<i64>,
    results: Option<i64>,
    at: Option<i64>,
}

const ASKED_AGAIN: u32 = 1;
const NO_REQUEST: u32 = u32::MAX;

// === impl Seen ===

impl Seen {
    pub(crate) fn new(origin: &mut Origin, request: Option<i64>, place: Place, result: &ResultRecord) -> Self {
        Self {
            said: Said::of(result),
            request: request.map_or(NO_REQUEST, |offset| since(&mut origin.requests, offset).min(NO_REQUEST - 1)),
            result: since(&mut origin.results, place.offset),
            at: since(&mut origin.at, place.appended.as_micros().div_euclid(1_000)),
            writer: writer(result),
        }
    }

    pub(crate) fn says(&self, result: &ResultRecord) -> bool {
        self.said == Said::of(result)
    }

    pub(crate) fn is_written_by_the_writer_of(&self, result: &ResultRecord) -> bool {
        self.writer & !ASKED_AGAIN == writer(result)
    }

    pub(crate) fn request(&self, origin: &Origin) -> Option<i64> {
        (self.request != NO_REQUEST).then(|| origin.requests.unwrap_or_default() + i64::from(self.request))
    }

    pub(crate) fn with_request(mut self, origin: &mut Origin, offset: i64) -> Self {
        self.request = since(&mut origin.requests, offset).min(NO_REQUEST - 1);
        self
    }

    /// Returns where its result lies; the instant in whole milliseconds.
    pub(crate) fn place(&self, origin: &Origin) -> Place {
        let millis = origin.at.unwrap_or_default() + i64::from(self.at);
        Place {
            offset: origin.results.unwrap_or_default() + i64::from(self.result),
            appended: Timestamp::from_micros(millis.saturating_mul(1_000)),
        }
    }

    pub(crate) fn ask_again(&mut self) {
        self.writer |= ASKED_AGAIN;
    }

    pub(crate) fn is_asked_again(&self) -> bool {
        self.writer & ASKED_AGAIN != 0
    }
}

fn writer(result: &ResultRecord) -> u32 {
    let mut hasher = DefaultHasher::new();
    result.fencing.hash(&mut hasher);
    // The lower half is as good a hash as the whole.
    (hasher.finish() & u64::from(u32::MAX)).try_into().unwrap_or(0) & !ASKED_AGAIN
}

/// Counts `value` from `origin`, which is the first one that was counted, less a margin for what is read out of order.
fn since(origin: &mut Option<i64>, value: i64) -> u32 {
    let origin = *origin.get_or_insert(value.saturating_sub(MARGIN));
    u32::try_from(value.saturating_sub(origin).max(0)).unwrap_or(u32::MAX)
}

const MARGIN: i64 = 1 << 28;

// === impl Said ===

impl Said {
    fn of(result: &ResultRecord) -> Self {
        let mut hasher = DefaultHasher::new();
        result.kind.hash(&mut hasher);
        result.policy.hash(&mut hasher);
        result.key.hash(&mut hasher);
        result.body.hash(&mut hasher);
        Self(hasher.finish())
    }
}

// === impl Answered ===

impl Answered {
    pub(crate) fn new(max: usize) -> Self {
        let (young, old) = Default::default();
        Self { young, old, half: (max / 2).max(1), forgotten: false }
    }

    pub(crate) fn get_mut(&mut self, id: &RequestId) -> Option<&mut Seen> {
        self.young.get_mut(id).or_else(|| self.old.get_mut(id))
    }

    pub(crate) fn put(&mut self, id: RequestId, seen: Seen) {
        if self.young.len() >= self.half {
            self.forgotten |= !self.old.is_empty();
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, seen);
    }

    /// Returns whether any id had to be forgotten.
    pub(crate) fn forgot(&self) -> bool {
        self.forgotten
    }
}
