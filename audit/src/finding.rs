//! What can be found, as it is told.

use serde::{Serialize, Serializer};
use wire::Timestamp;

use crate::scope::Place;

/// The ways in which the promise can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No valid result, and its time is over.
    Missing,
    /// A second valid result that says the same, by somebody else than who wrote the first.
    Second,
    /// A second valid result that says something else.
    Contradictory,
    /// A valid result that no request led to.
    Invented,
    /// A request that was neither answered nor refused, or a valid result, in a partition that is not its own.
    Misplaced,
}

/// One way in which the promise was broken once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which way.
    pub kind: Kind,
    /// Whose request.
    pub request: String,
    /// Where.
    pub partition: i32,
    /// Where its request lies, if it was read; of one that was answered the offset only.
    pub request_at: Option<PlaceTold>,
    /// Where its valid result lies.
    pub first_at: Option<PlaceTold>,
    /// Where the result lies that is too many.
    pub result_at: Option<PlaceTold>,
    /// In words.
    pub sentence: String,
}

/// Where a record lies in its topic's partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceTold {
    /// At which offset.
    pub offset: i64,
    /// When the log took it in, if that was kept.
    #[serde(serialize_with = "instant", skip_serializing_if = "Option::is_none")]
    pub appended: Option<Timestamp>,
}

/// A result that came after its request's deadline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LateTold {
    /// By how much, in microseconds.
    pub by_us: u64,
    /// Whose request.
    pub request: String,
    /// Where.
    pub partition: i32,
    /// Where its request lies.
    pub request_offset: i64,
    /// Where its result lies.
    pub result_offset: i64,
}

/// Results that are no prediction, of one kind and for one reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DegradedTold {
    /// `default` or `error`.
    pub kind: &'static str,
    /// The decision's reason, or `unreadable`.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// Records that are not what their topic holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GarbageTold {
    /// How many.
    pub count: u64,
    /// The first one's offset.
    pub first: Option<i64>,
    /// The last one's offset.
    pub last: Option<i64>,
}

/// Why something could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unjudged {
    /// Results that lie so near to the log's lost beginning that the fence that is accepted there is not known.
    FenceGone,
    /// Requests that may have been answered before what was read, or under a fence that is gone.
    ResultGone,
    /// Results whose requests are gone.
    RequestGone,
    /// Requests or results whose counterpart there was no room to remember.
    Forgotten,
}

// === impl Kind ===

impl Kind {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Second => "second",
            Self::Contradictory => "contradictory",
            Self::Invented => "invented",
            Self::Misplaced => "misplaced",
        }
    }
}

// === impl Unjudged ===

impl Unjudged {
    /// Returns why, in words.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::FenceGone => "results too near to the log's lost beginning to know whose are valid",
            Self::ResultGone => "requests that may have been answered before what the log still holds",
            Self::RequestGone => "results whose requests the log no longer holds",
            Self::Forgotten => "requests or results whose counterpart there was no room to remember",
        }
    }
}

// === impl PlaceTold ===

impl PlaceTold {
    pub(crate) fn at(offset: i64) -> Self {
        Self { offset, appended: None }
    }
}

impl From<Place> for PlaceTold {
    fn from(place: Place) -> Self {
        Self { offset: place.offset, appended: Some(place.appended) }
    }
}

// === impl GarbageTold ===

impl GarbageTold {
    pub(crate) fn note(&mut self, offset: i64) {
        self.count += 1;
        self.first.get_or_insert(offset);
        self.last = Some(offset);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
    }
}

/// Instants as people read them.
#[expect(clippy::ref_option, reason = "serde hands a field over by reference")]
pub(crate) fn instant<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(policies::rfc3339).serialize(serializer)
}
