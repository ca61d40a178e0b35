//! What lies in the control topic about policies: changes, what was counted of a version on trial, and how long executors
//! take. What lies there about models stands in `model`.
//!
//! One partition, compacted, read in offset order. Every change has a key of its own, so that compaction never drops
//! one; a tally's key says what it counts, so that the last count stays, as does the last word about speeds. Whoever writes a change must not write it
//! twice: compaction would keep the second copy, and a reader who comes later would fold it at another place.
//! Law: `ControlRecord::decode(&record.encode()) == record`. What a change leads to is not known here (`policies`).

mod canary;

use std::{fmt, str::FromStr, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    PolicyRef, Record, RendezvousName,
    envelope::{EnvelopeError, Reader, attributes, invalid, shortened},
    headers::Name,
};

pub use canary::{ActedOn, CanaryAct, Deed};

/// The topic of all changes of all rendezvous.
pub const CONTROL_TOPIC: &str = "hedgerow.control";

/// A record of the control topic that is about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// Somebody wants a policy changed.
    Change(Change),
    /// A partition's count of a trial.
    Tally(Tally),
    /// How long executors take.
    Speeds(Speeds),
}

/// Somebody wants a policy changed. Whether it is, every reader decides alike, by the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name; used once.
    pub id: Uuid,
    /// Whose policy.
    pub rendezvous: RendezvousName,
    /// Who wants it: what they say, at most 200 bytes; the log's access rules decide who may say anything at all.
    pub author: String,
    /// Why, in their words, at most 4,000 bytes.
    pub message: String,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done to a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A text is to become the next version.
    Apply(Apply),
    /// The author agrees to a version that somebody else proposed.
    Approve {
        /// Which.
        version: u64,
    },
    /// A version on trial is to be live.
    Promote {
        /// Which.
        version: u64,
    },
    /// A version on trial, or a proposed one, is to go.
    Withdraw {
        /// Which.
        version: u64,
        /// Why.
        reason: String,
    },
}

/// A text that is to become the next version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apply {
    /// The policy file's text.
    pub text: Arc<str>,
    /// What it is to do as a version.
    pub mode: ApplyMode,
    /// The newest version that the author knew of, 0 if none: if there is a newer one, the change is refused.
    pub expected: u64,
    /// The earlier version whose text it is, if this is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolls_back: Option<u64>,
    /// What it does about a canary, and by which report, if that is why it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryAct>,
}

/// What a new version is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyMode {
    /// Decide about every new request.
    Live,
    /// Decide in the shadow, with no effect.
    Shadow,
    /// Decide about a share of the requests, in parts of 10,000.
    Share(u16),
}

/// What one partition counted of a version on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The version on trial.
    pub policy: PolicyRef,
    /// The partition.
    pub partition: i32,
    /// The count, one JSON object: a `TrialTally`.
    pub counted: Bytes,
}

/// How long executors take that others' starts follow, as a collector measured it lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speeds {
    /// Whose executors.
    pub rendezvous: RendezvousName,
    /// What was measured, one JSON object: a `Latencies`.
    pub measured: Bytes,
}

/// A record that does not belong into the control topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Its headers are not ours.
    #[error(transparent)]
    Headers(#[from] EnvelopeError),
    /// Its body is none of a change.
    #[error("the body cannot be read: {0}")]
    Body(String),
    /// A text in it is longer than allowed.
    #[error("its {what} has {bytes} bytes, and may have {most}")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// Nobody answers for it.
    #[error("it names no author")]
    Nobody,
}

/// A change as JSON.
#[derive(Serialize, Deserialize)]
struct Body<'a, A> {
    rendezvous: &'a str,
    author: String,
    #[serde(default)]
    message: String,
    action: A,
}

const CHANGE_TYPE: &str = "dev.hedgerow.change.v1";
const TALLY_TYPE: &str = "dev.hedgerow.tally.v1";
const SPEEDS_TYPE: &str = "dev.hedgerow.speeds.v1";

pub(crate) const AUTHOR_MAX: usize = 200;
pub(crate) const MESSAGE_MAX: usize = 4_000;

// === impl ControlRecord ===

impl ControlRecord {
    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, ControlError> {
        let headers = Reader::new(&record.headers);
        let body = || record.payload.clone().unwrap_or_default();
        match headers.text(Name::Type)? {
            CHANGE_TYPE => Change::read(headers.parse(Name::Id)?, &body()).map(Self::Change),
            TALLY_TYPE => {
                let key = headers.text(Name::Id)?;
                let (policy, partition) = tally_of(key).ok_or_else(|| invalid(Name::Id, key.as_bytes()))?;
                Ok(Self::Tally(Tally { policy, partition, counted: body() }))
            }
            SPEEDS_TYPE => {
                let key = headers.text(Name::Id)?;
                let name = key.strip_prefix("speeds/").and_then(|name| RendezvousName::new(name).ok());
                let rendezvous = name.ok_or_else(|| invalid(Name::Id, key.as_bytes()))?;
                Ok(Self::Speeds(Speeds { rendezvous, measured: body() }))
            }
            unknown => Err(EnvelopeError::UnknownType(shortened(unknown.as_bytes())).into()),
        }
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        match self {
            Self::Change(change) => change.encode(),
            Self::Tally(tally) => tally.encode(),
            Self::Speeds(speeds) => speeds.encode(),
        }
    }

    /// Returns whose policy it is about.
    #[must_use]
    pub fn rendezvous(&self) -> &RendezvousName {
        match self {
            Self::Change(change) => &change.rendezvous,
            Self::Tally(tally) => &tally.policy.rendezvous,
            Self::Speeds(speeds) => &speeds.rendezvous,
        }
    }
}

// === impl Apply ===

impl Apply {
    /// Returns `text` as what is to decide about every new request, if `expected` is the newest version.
    #[must_use]
    pub fn live(text: Arc<str>, expected: u64) -> Self {
        Self { text, mode: ApplyMode::Live, expected, rolls_back: None, canary: None }
    }
}

// === impl Change ===

impl Change {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let headers = attributes(CHANGE_TYPE, self.id, format_args!("/{}", self.rendezvous));
        Record { key: Some(Bytes::copy_from_slice(self.id.as_bytes())), headers, payload: Some(self.body().into()) }
    }

    /// Refuses what no reader would take: no author, or texts without measure.
    pub fn check(&self) -> Result<(), ControlError> {
        if self.author.trim().is_empty() {
            return Err(ControlError::Nobody);
        }
        at_most("author", &self.author, AUTHOR_MAX)?;
        at_most("message", &self.message, MESSAGE_MAX)?;
        match &self.action {
            Action::Withdraw { reason, .. } => at_most("reason", reason, MESSAGE_MAX),
            Action::Apply(apply) => apply.canary.as_ref().map_or(Ok(()), CanaryAct::check),
            Action::Approve { .. } | Action::Promote { .. } => Ok(()),
        }
    }

    fn body(&self) -> Vec<u8> {
        let Self { rendezvous, author, message, action, .. } = self;
        let body = Body { rendezvous: rendezvous.as_str(), author: author.clone(), message: message.clone(), action };
        serde_json::to_vec(&body).expect("a change is text and numbers")
    }

    fn read(id: Uuid, body: &[u8]) -> Result<Self, ControlError> {
        let unreadable = |error: &dyn fmt::Display| ControlError::Body(error.to_string());
        let Body { rendezvous, author, message, action } =
            serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let rendezvous = RendezvousName::new(rendezvous).map_err(|error| unreadable(&error))?;
        let change = Self { id, rendezvous, author, message, action };
        change.check()?;
        Ok(change)
    }
}

// === impl Tally ===

impl Tally {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let PolicyRef { rendezvous, version } = &self.policy;
        let key = format!("tally/{rendezvous}/{version}/{}", self.partition);
        let headers = attributes(TALLY_TYPE, &key, format_args!("/{rendezvous}"));
        Record { key: Some(key.into()), headers, payload: Some(self.counted.clone()) }
    }
}

// === impl Speeds ===

impl Speeds {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let key = format!("speeds/{}", self.rendezvous);
        let headers = attributes(SPEEDS_TYPE, &key, format_args!("/{}", self.rendezvous));
        Record { key: Some(key.into()), headers, payload: Some(self.measured.clone()) }
    }
}

/// Returns what a tally's key counts.
fn tally_of(key: &str) -> Option<(PolicyRef, i32)> {
    let mut parts = key.strip_prefix("tally/")?.split('/');
    let (rendezvous, version, partition) = (parts.next()?, parts.next()?, parts.next()?);
    let policy = PolicyRef { rendezvous: RendezvousName::new(rendezvous).ok()?, version: version.parse().ok()? };
    let partition = i32::from_str(partition).ok().filter(|partition| *partition >= 0)?;
    parts.next().is_none().then_some((policy, partition))
}

pub(crate) fn at_most(what: &'static str, text: &str, most: usize) -> Result<(), ControlError> {
    if text.len() > most { Err(ControlError::TooLong { what, bytes: text.len(), most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
