//! One version of a model, and what became of it.

use wire::{Descriptor, Timestamp};

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is. Where its bytes are is what was said last; everything else is what was said first.
    pub descriptor: Descriptor,
    /// Who published it.
    pub author: String,
    /// Why, in their words.
    pub message: String,
    /// When the log took it in.
    pub at: Timestamp,
    /// When it became live last, if it ever did.
    pub live_since: Option<Timestamp>,
    /// What it is now.
    pub state: State,
}

/// What a version is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Used by whoever names it, and by nobody else yet.
    Aside,
    /// Used by whoever names the model alone.
    Live,
    /// Was live.
    Superseded {
        /// The version that came in its place.
        by: String,
    },
    /// Serves nobody any more.
    Retired {
        /// Who said so.
        by: String,
        /// Why, in their words.
        why: String,
        /// When the log took it in.
        at: Timestamp,
    },
}

// === impl Entry ===

impl Entry {
    /// Returns its label.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.descriptor.version
    }

    /// Returns whether it may serve nobody any more.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self.state, State::Retired { .. })
    }
}

// === impl State ===

impl State {
    /// Returns its word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Aside => "aside",
            Self::Live => "live",
            Self::Superseded { .. } => "superseded",
            Self::Retired { .. } => "retired",
        }
    }
}
