//! `default`: what there is to say when no model's answer was acceptable in time.

use std::time::Duration;

use bytes::Bytes;

/// What the ladder ends with.
#[derive(Clone, Debug)]
pub(crate) enum Fallback {
    /// This object.
    Constant(Bytes),
    /// The last prediction about the request's key if it is young enough, otherwise this object.
    LastKnown { max_age: Duration, otherwise: Bytes },
    /// An error that says this, as a JSON object.
    Error(Bytes),
}

impl Fallback {
    /// Returns what it says when nothing is known of the key.
    pub(crate) fn constant(&self) -> &Bytes {
        match self {
            Self::Constant(answer) | Self::LastKnown { otherwise: answer, .. } | Self::Error(answer) => answer,
        }
    }
}
