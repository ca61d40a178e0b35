//! Models as the door, the commands and pages show them: plain, named fields, the same over HTTP and in `--json`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use wire::{Descriptor, Source, Timestamp};

use crate::{Entry, Model, Refused, State};

/// A model: its versions, and which serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelView {
    /// Its name.
    pub name: String,
    /// The version that serves whoever names the model alone.
    pub live: Option<String>,
    /// The version that a rollback goes back to.
    pub previous: Option<String>,
    /// All of them, in the order in which they were published.
    pub versions: Vec<VersionView>,
}

/// One version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// `aside`, `live`, `superseded` or `retired`.
    pub state: String,
    /// More about the state: the version that superseded it, or who retired it and why.
    pub note: Option<String>,
    /// Who published it.
    pub author: String,
    /// When the log took it in, RFC 3339.
    pub published: String,
    /// Why, in the author's words.
    pub message: String,
    /// When it became live last, RFC 3339.
    pub live_since: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub descriptor: Descriptor,
}

/// Where a model comes from that gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// As responses name it: `forest@7`.
    pub model: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Who published it.
    pub author: String,
    /// When the log took it in, RFC 3339.
    pub published: String,
    /// Where its bytes are: a reference, or `null` if they are in the log.
    pub source: Option<String>,
    /// What it was trained on.
    pub trained_on: Option<String>,
    /// How good it is, as whoever published it says, by what was measured.
    pub metrics: BTreeMap<String, String>,
    /// Why it was published, in the author's words.
    pub message: String,
}

/// A change that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedView {
    /// Of which model.
    pub model: String,
    /// Whose it was.
    pub author: String,
    /// When the log took it in, RFC 3339.
    pub at: String,
    /// Why they wanted it.
    pub message: String,
    /// Why it was refused.
    pub why: String,
}

// === impl ModelView ===

impl From<&Model> for ModelView {
    fn from(model: &Model) -> Self {
        let label = |entry: &std::sync::Arc<Entry>| entry.version().to_owned();
        Self {
            name: model.name().to_string(),
            live: model.live().map(label),
            previous: model.previous().map(label),
            versions: model.entries().iter().map(|entry| VersionView::from(&**entry)).collect(),
        }
    }
}

// === impl VersionView ===

impl VersionView {
    /// Says what it is now, and more about that where there is more.
    #[must_use]
    pub fn standing(&self) -> String {
        match &self.note {
            Some(note) => format!("{} ({note})", self.state),
            None => self.state.clone(),
        }
    }
}

impl From<&Entry> for VersionView {
    fn from(entry: &Entry) -> Self {
        let note = match &entry.state {
            State::Superseded { by } => Some(format!("by {by}")),
            State::Retired { by, why, .. } if why.is_empty() => Some(format!("by {by}")),
            State::Retired { by, why, .. } => Some(format!("by {by}: {why}")),
            State::Aside | State::Live => None,
        };
        Self {
            state: entry.state.as_str().to_owned(),
            note,
            author: entry.author.clone(),
            published: rfc3339(entry.at),
            message: entry.message.clone(),
            live_since: entry.live_since.map(rfc3339),
            descriptor: entry.descriptor.clone(),
        }
    }
}

// === impl Lineage ===

impl Lineage {
    /// Returns where that version of that model comes from.
    #[must_use]
    pub fn of(model: &Model, entry: &Entry) -> Self {
        let Descriptor { sha256, source, trained_on, metrics, .. } = entry.descriptor.clone();
        let source = match source {
            Source::Reference { uri } => Some(uri),
            Source::Value { .. } => None,
        };
        let metrics = metrics.into_iter().map(|(name, value)| (name, value.to_string())).collect();
        let (author, message) = (entry.author.clone(), entry.message.clone());
        let (model, published) = (format!("{}@{}", model.name(), entry.version()), rfc3339(entry.at));
        Self { model, sha256, author, published, source, trained_on, metrics, message }
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, sha256, author, published, source, trained_on, metrics, message } = self;
        write!(out, "{model} was published {published} by {author}, sha256 {sha256}")?;
        if let Some(source) = source {
            write!(out, ", from {source}")?;
        }
        if let Some(data) = trained_on {
            write!(out, ", trained on {data}")?;
        }
        for (name, value) in metrics {
            write!(out, ", {name} {value}")?;
        }
        if message.is_empty() { Ok(()) } else { write!(out, "; {message}") }
    }
}

// === impl RefusedView ===

impl From<&Refused> for RefusedView {
    fn from(refused: &Refused) -> Self {
        Self {
            model: refused.model.to_string(),
            author: refused.author.clone(),
            at: rfc3339(refused.at),
            message: refused.message.clone(),
            why: refused.why.to_string(),
        }
    }
}

/// To the second: nobody publishes more often.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.into()).to_string()
}
