//! One version in a history: who wrote it, who approved it, and what it is now.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;
use wire::{Apply, ApplyMode, CanaryAct, Change, Timestamp};

use crate::{Definition, Share, TrialMode, TrialTally, Version};

/// One version, and how it came to be.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub version: u64,
    /// The change that it came by.
    pub change: Uuid,
    /// Who wrote it.
    pub author: String,
    /// Why, in their words.
    pub message: String,
    /// When the log took it in.
    pub at: Timestamp,
    /// What it was to do.
    pub mode: ApplyMode,
    /// The version whose text it is, if it is a rollback.
    pub rolls_back: Option<u64>,
    /// What it does about a canary, and by which report, if that is why it came.
    pub canary: Option<CanaryAct>,
    /// How many people besides its author must approve it, fixed when it was registered.
    pub needs: u32,
    /// Who has, in the log's order.
    pub approved_by: Vec<String>,
    /// What it is now.
    pub state: State,
    /// When it went live last, if it ever did.
    pub live_since: Option<Timestamp>,
    /// What its trial counted, by partition.
    pub tallies: BTreeMap<i32, TrialTally>,
    pub(super) text: Arc<Version>,
}

/// What a version is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for approval.
    Proposed,
    /// It decides about new requests.
    Live,
    /// It decides in the shadow.
    Shadow,
    /// It decides about a share of new requests.
    Share(Share),
    /// A newer version took its place.
    Superseded {
        /// Which.
        by: u64,
    },
    /// It was taken back before it was live.
    Withdrawn {
        /// By whom.
        by: String,
        /// Why.
        why: String,
    },
}

// === impl Entry ===

impl Entry {
    pub(super) fn proposed(
        change: &Change,
        apply: &Apply,
        definition: Arc<Definition>,
        at: Timestamp,
        needs: u32,
    ) -> Self {
        Self {
            version: definition.policy_ref.version,
            change: change.id,
            author: change.author.clone(),
            message: change.message.clone(),
            at,
            mode: apply.mode,
            rolls_back: apply.rolls_back,
            canary: apply.canary.clone(),
            needs,
            approved_by: Vec::new(),
            state: State::Proposed,
            live_since: None,
            tallies: BTreeMap::new(),
            text: Arc::new(Version::parsed(definition)),
        }
    }

    /// Returns the version's text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        self.text.text()
    }

    /// Returns how many more people must approve it.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.needs.saturating_sub(u32::try_from(self.approved_by.len()).unwrap_or(u32::MAX))
    }

    /// Returns what its trial counted in all partitions.
    #[must_use]
    pub fn tally(&self) -> TrialTally {
        let mut sum = TrialTally::default();
        self.tallies.values().for_each(|tally| sum += tally);
        sum
    }

    /// Who approves twice has approved once.
    pub(super) fn approve(&mut self, author: &str) {
        if !self.approved_by.iter().any(|have| have == author.trim()) {
            self.approved_by.push(author.trim().to_owned());
        }
    }
}

// === impl State ===

impl State {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Live => "live",
            Self::Shadow => "shadow",
            Self::Share(_) => "share",
            Self::Superseded { .. } => "superseded",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }

    pub(super) fn is_trial(&self) -> bool {
        matches!(self, Self::Shadow | Self::Share(_))
    }

    /// Returns whether something may still come of it.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self, Self::Superseded { .. } | Self::Withdrawn { .. })
    }
}

impl From<TrialMode> for State {
    fn from(mode: TrialMode) -> Self {
        match mode {
            TrialMode::Shadow => Self::Shadow,
            TrialMode::Share(share) => Self::Share(share),
        }
    }
}
