//! What turned out to be true: one JSON object a line, a request's id or its caller's key beside the answer's value.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;
use wire::RequestId;

use crate::{Definition, evidence::canonical_eq};

/// The truth about requests, in the words of one policy.
#[derive(Debug)]
pub struct Truths {
    definition: Arc<Definition>,
    told: HashMap<RequestId, Told>,
    lines: u64,
    unmet: u64,
}

#[derive(Debug)]
struct Told {
    value: Value,
    line: u64,
    met: bool,
}

/// Whom a line is about; the value stands beside it.
#[derive(Deserialize)]
struct About {
    id: Option<String>,
    key: Option<String>,
}

/// A line that tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Mistold {
    /// Which, from 1 on.
    pub line: u64,
    /// Why not.
    pub why: String,
}

/// So many requests fit into memory with ease.
const TRUTHS_MAX: usize = 5_000_000;

// === impl Truths ===

impl Truths {
    /// Begins without any; `None` if `definition` does not say what the value of an answer is.
    #[must_use]
    pub fn of(definition: Arc<Definition>) -> Option<Self> {
        definition.policy.fields.value()?;
        Some(Self { definition, told: HashMap::new(), lines: 0, unmet: 0 })
    }

    /// Takes down the next line. Empty ones are passed over.
    pub fn tell(&mut self, line: &str) -> Result<(), Mistold> {
        self.lines += 1;
        if line.trim().is_empty() {
            return Ok(());
        }
        self.take(line).map_err(|why| Mistold { line: self.lines, why })
    }

    /// Returns how many requests the truth was told of.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.told.len() as u64
    }

    /// Returns whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Returns the truth about a request, if anybody told it.
    #[must_use]
    pub fn about(&self, id: RequestId) -> Option<&Value> {
        self.told.get(&id).map(|told| &told.value)
    }

    /// Returns how many of them were not met.
    pub(super) fn unmet(&self) -> u64 {
        self.unmet
    }

    /// Returns the truth about a request, which is thereby known to exist.
    pub(super) fn meet(&mut self, id: RequestId) -> Option<&Value> {
        let told = self.told.get_mut(&id)?;
        self.unmet -= u64::from(!std::mem::replace(&mut told.met, true));
        Some(&told.value)
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let about: About = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let id = match (about.id, about.key) {
            (Some(id), None) => {
                id.parse().map_err(|_| format!("`{id}` is no request's id; a caller's key is a `key`"))?
            }
            (None, Some(key)) => RequestId::from_key(self.definition.name(), &key),
            _ => return Err("say either `id` or `key`".to_owned()),
        };
        let value = self.definition.policy.value_of(line.as_bytes());
        let value = value.ok_or_else(|| format!("there is no `{}`", self.value_name()))?;
        if self.told.len() >= TRUTHS_MAX {
            return Err(format!("{TRUTHS_MAX} requests are the most that can be told of at a time"));
        }
        match self.told.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(Told { value, line: self.lines, met: false });
                self.unmet += 1;
                Ok(())
            }
            Entry::Occupied(told) if canonical_eq(&told.get().value, &value) => Ok(()),
            Entry::Occupied(told) => Err(format!("line {} says otherwise about the same request", told.get().line)),
        }
    }

    fn value_name(&self) -> String {
        self.definition.policy.fields.value().map(ToString::to_string).unwrap_or_default()
    }
}
