//! Why a caller got no result: each refusal says what was not done, and whether it is worth trying again.

use std::{fmt, time::Duration};

use bus::BusError;
use wire::{RendezvousName, RequestId};

use crate::input::InvalidInput;

/// Why a caller got no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The input cannot become a request.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The version that was asked for takes no requests of its own.
    #[error("version {asked} of `{rendezvous}` cannot be asked for: version {live} is live")]
    NotLive {
        /// Whose.
        rendezvous: RendezvousName,
        /// The version that was asked for.
        asked: u64,
        /// The one that can be.
        live: u64,
    },
    /// The key was given before, with another body or other attributes.
    #[error("the key was given before with another body or other attributes, as request {id}")]
    Conflict {
        /// The request that has the key.
        id: RequestId,
    },
    /// Too much is in hand; nothing was written.
    #[error("too many requests are in hand ({by}), try again in {} s", .retry_after.as_secs())]
    Shed {
        /// Of what there was too much.
        by: ShedBy,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// The log cannot be written now. The request may still be in it: trying again with the same key is safe.
    #[error("{0}")]
    Unavailable(String),
    /// The request is in the log, and its result did not come by its deadline and the grace behind it.
    #[error("request {id} was accepted, but no result came: is the collector running?")]
    NoResult {
        /// The request, to look for later.
        id: RequestId,
    },
}

/// Which bound a caller was refused by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShedBy {
    /// As many callers wait as may.
    Callers,
    /// As many requests are in flight as can be answered within their budgets.
    InFlight {
        /// How many that is now.
        limit: usize,
    },
    /// The producer has as much to send as it may.
    Producer,
    /// Bodies that are being received take as much memory as they may.
    Bodies,
}

/// When a shed caller may be back: HTTP's `Retry-After` knows no less than a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// === impl Refusal ===

impl Refusal {
    pub(crate) const fn shed(by: ShedBy) -> Self {
        Self::Shed { by, retry_after: RETRY_AFTER }
    }

    /// Returns what a caller is told of a write of `size` bytes that failed.
    pub(crate) fn of_write(error: BusError, size: usize) -> Self {
        match error {
            BusError::QueueFull => Self::shed(ShedBy::Producer),
            BusError::TooLarge => Self::Invalid(InvalidInput::TooLargeForLog { size }),
            other => Self::Unavailable(format!("the log cannot be written: {other}")),
        }
    }
}

// === impl ShedBy ===

impl ShedBy {
    /// Returns the one word for it, in metrics and headers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::InFlight { .. } => "in_flight",
            Self::Producer => "producer",
            Self::Bodies => "bodies",
        }
    }
}

impl fmt::Display for ShedBy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callers => write!(out, "as many callers wait as may"),
            Self::InFlight { limit } => write!(out, "no more than {limit} can be answered in time"),
            Self::Producer => write!(out, "the producer's queue is full"),
            Self::Bodies => write!(out, "too many bodies are being received"),
        }
    }
}
