//! Why a caller got no result: each refusal says what was not done, and whether it is worth trying again.

use std::time::Duration;

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
    #[error("too many requests are in hand, try again in {} s", .retry_after.as_secs())]
    Shed {
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

/// When a shed caller may be back: HTTP's `Retry-After` knows no less than a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// === impl Refusal ===

impl Refusal {
    pub(crate) const fn shed() -> Self {
        Self::Shed { retry_after: RETRY_AFTER }
    }

    /// Returns what a caller is told of a write of `size` bytes that failed.
    pub(crate) fn of_write(error: BusError, size: usize) -> Self {
        match error {
            BusError::QueueFull => Self::shed(),
            BusError::TooLarge => Self::Invalid(InvalidInput::TooLargeForLog { size }),
            other => Self::Unavailable(format!("the log cannot be written: {other}")),
        }
    }
}
