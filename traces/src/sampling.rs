//! Whose traces are kept: every miss, what callers keep, and a stable share of the rest.
//!
//! It is decided when the result is in the log, because only then it is known what missed. Law: the same request is
//! kept or not wherever it is asked about; a miss is always kept.

use std::{fmt, str::FromStr};

use uuid::Uuid;
use wire::{Request, RequestId, ResultKind, Timestamp, TraceParent};

/// A share of all requests: from none to all, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

/// Whose traces are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// Of the requests whose callers say nothing and that miss nothing.
    pub share: Share,
}

/// Why a trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The request missed what was promised.
    Missed(Miss),
    /// The caller keeps his spans.
    Caller,
    /// It is of the share.
    Share,
    /// Somebody asked for it.
    Asked,
}

/// What was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The result came later than the budget allows.
    Late,
    /// The result is the policy's default.
    Default,
    /// The result is an error.
    Error,
}

/// No share is written like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidShare(String);

const WHOLE: u32 = 1_000_000;

// === impl Sampling ===

impl Sampling {
    /// Returns why the trace of `request` is kept, whose result of this kind the log took in then; `None` if it is not.
    #[must_use]
    pub fn keeps(self, request: &Request, kind: ResultKind, given: Timestamp) -> Option<Kept> {
        Miss::of(request, kind, given).map(Kept::Missed).or_else(|| self.keeps_hit(request))
    }

    /// Returns why the trace of `request` is kept even if it misses nothing; `None` if that alone would keep it.
    #[must_use]
    pub fn keeps_hit(self, request: &Request) -> Option<Kept> {
        self.keeps_whose(request.id, TraceParent::of(request))
    }

    /// Returns why the trace of a request is kept even if it misses nothing, of which its caller said this.
    #[must_use]
    pub fn keeps_whose(self, request: RequestId, caller: Option<TraceParent>) -> Option<Kept> {
        match caller {
            Some(parent) => parent.sampled.then_some(Kept::Caller),
            None => self.share.holds(request).then_some(Kept::Share),
        }
    }
}

// === impl Kept, Miss ===

impl Kept {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed(_) => "miss",
            Self::Caller => "caller",
            Self::Share => "share",
            Self::Asked => "asked",
        }
    }
}

impl Miss {
    /// Returns what `request` missed by a result of this kind, which the log took in at `given`.
    #[must_use]
    pub fn of(request: &Request, kind: ResultKind, given: Timestamp) -> Option<Self> {
        match kind {
            ResultKind::Error => Some(Self::Error),
            ResultKind::Default => Some(Self::Default),
            ResultKind::Prediction => (given > request.deadline()).then_some(Self::Late),
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Default => "default",
            Self::Error => "error",
        }
    }
}

// === impl Share ===

impl Share {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(WHOLE);

    /// Returns whether `request` is of it. What decides is no part of what decides about partitions, so that a share
    /// is a share of each.
    fn holds(self, request: RequestId) -> bool {
        if self.0 == 0 || self.0 == WHOLE {
            return self.0 == WHOLE;
        }
        let (_, drawn) = Uuid::new_v5(&request.as_uuid(), b"sample").as_u64_pair();
        // The lowest 32 bits are all hash; the highest are the UUID's variant.
        (drawn & 0xFFFF_FFFF) * u64::from(WHOLE) < u64::from(self.0) << 32
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(WHOLE / 100)
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    /// Reads `1%`, `0.05%` or `0.01`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidShare(text.to_owned());
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim_end(), f64::from(WHOLE) / 100.0),
            None => (text.trim(), f64::from(WHOLE)),
        };
        let millionths = number.parse::<f64>().map_err(|_| invalid())? * whole;
        if !(0.0..=f64::from(WHOLE)).contains(&millionths) {
            return Err(invalid());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and a million")]
        Ok(Self(millionths.round() as u32))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}%", f64::from(self.0) * 100.0 / f64::from(WHOLE))
    }
}

impl fmt::Display for InvalidShare {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is no share: write `1%`, `0.05%`, `0` or `100%`", self.0)
    }
}

impl std::error::Error for InvalidShare {}

#[cfg(test)]
mod tests;
