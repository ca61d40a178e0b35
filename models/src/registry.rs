//! The models that are published, folded out of the control topic: their versions, and which of them serves.
//!
//! Laws, each tested by name:
//! - *One registry*: whoever folds the same records has the same models, whenever and in however many steps.
//! - *A version names its bytes*: it is published once, or again with the same bytes, and never with others.
//! - *Refused is nothing*: a change that is refused changes nothing but the list of what was refused.
//! - *Order decides*: of changes that expect the same live version to be replaced at most one is taken.
//! - *What serves is published*: the live version is one of the model's and not retired; what was retired stays so.
//!
//! Each change has a key of its own, so compaction drops none of them: there is nothing that it could change here.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use wire::{ModelAction, ModelChange, ModelName, Publish, Timestamp};

use crate::{Entry, Refusal, Refused, State};

/// All models. Cheap to clone: what did not change is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    models: BTreeMap<ModelName, Arc<Model>>,
    /// The last `REFUSED_MAX`.
    refused: VecDeque<Refused>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    name: ModelName,
    /// In the order in which they were published.
    entries: Vec<Arc<Entry>>,
    live: Option<String>,
    /// What was live before, one after the other and nothing twice, the last of them at the end.
    before: Vec<String>,
    changes: u64,
}

/// What a change led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Effect {
    /// A version is live.
    Live {
        /// Which.
        version: String,
        /// Which was before.
        before: Option<String>,
    },
    /// A version is there for whoever names it.
    Aside {
        /// Which.
        version: String,
    },
    /// A version, or all of them, serve nobody any more.
    Retired {
        /// Which.
        version: Option<String>,
    },
}

/// Why a policy's executor has no model to load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Nothing of that name was ever published.
    #[error("no model `{0}` is published: `hedgerow models publish {0} --onnx FILE --version 1` does that")]
    NoModel(ModelName),
    /// It has no such version.
    #[error("no version {version} of the model `{model}` is published; there is {known}")]
    NoVersion {
        /// Of which model.
        model: ModelName,
        /// Which.
        version: String,
        /// What there is.
        known: String,
    },
    /// It has versions, all published aside.
    #[error("no version of the model `{0}` is live: `hedgerow models promote {0} --to VERSION` makes one so")]
    NoneLive(ModelName),
    /// It serves nobody any more.
    #[error("{model} was retired by {by}")]
    Retired {
        /// Which model, or which version of it: `forest@7`.
        model: String,
        /// Who said so.
        by: String,
    },
}

const MODELS_MAX: usize = 10_000;
/// Of one model.
const VERSIONS_MAX: usize = 10_000;
const REFUSED_MAX: usize = 100;

// === impl Registry ===

impl Registry {
    /// Takes the log's next record about a model in, `at` being the instant of its append.
    pub fn fold(&mut self, change: &ModelChange, at: Timestamp) -> Result<Effect, Refusal> {
        let effect = self.on_change(change, at);
        if let Err(why) = &effect {
            if self.refused.len() == REFUSED_MAX {
                self.refused.pop_front();
            }
            let ModelChange { model, author, message, .. } = change.clone();
            self.refused.push_back(Refused { author, message, at, model, why: why.clone() });
        }
        effect
    }

    /// Returns a model.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.get(&ModelName::new(name).ok()?)
    }

    /// Returns every model, by name.
    pub fn models(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.models.values()
    }

    /// Returns the changes that were refused last, oldest first.
    #[must_use]
    pub fn refused(&self) -> impl DoubleEndedIterator<Item = &Refused> {
        self.refused.iter()
    }

    /// Returns the version that serves whoever names `model`, or `version` of it.
    pub fn resolve(&self, model: &ModelName, version: Option<&str>) -> Result<&Arc<Entry>, Unresolved> {
        let found = self.models.get(model).ok_or_else(|| Unresolved::NoModel(model.clone()))?;
        let entry = match version {
            Some(version) => found.entry(version).ok_or_else(|| found.unknown(version))?,
            None => found.live().ok_or_else(|| found.not_live())?,
        };
        found.usable(entry)
    }

    /// Returns the version that calls itself `model@version` in responses.
    #[must_use]
    pub fn named(&self, model: &str) -> Option<(&Arc<Model>, &Arc<Entry>)> {
        let (name, version) = model.split_once('@')?;
        let model = self.get(name)?;
        Some((model, model.entry(version)?))
    }

    fn on_change(&mut self, change: &ModelChange, at: Timestamp) -> Result<Effect, Refusal> {
        if let ModelAction::Publish(publish) = &change.action
            && !self.models.contains_key(&change.model)
        {
            if self.models.len() >= MODELS_MAX {
                return Err(Refusal::TooMany { what: "models".to_owned(), most: MODELS_MAX });
            }
            let mut fresh = Model::of(change.model.clone());
            let effect = fresh.on_publish(change, publish, at)?;
            self.models.insert(change.model.clone(), Arc::new(fresh));
            return Ok(effect);
        }
        let model = self.models.get_mut(&change.model).ok_or(Refusal::NoModel)?;
        // What is refused leaves no trace, whatever was done before it was.
        let mut changed = Model::clone(model);
        let effect = match &change.action {
            ModelAction::Publish(publish) => changed.on_publish(change, publish, at),
            ModelAction::Serve { version, expected } => changed.on_serve(version, expected.as_deref(), at),
            ModelAction::Retire { version } => changed.on_retire(change, version.as_deref(), at),
        }?;
        changed.changes += 1;
        *model = Arc::new(changed);
        Ok(effect)
    }
}

// === impl Model: what there is ===

impl Model {
    fn of(name: ModelName) -> Self {
        Self { name, entries: Vec::new(), live: None, before: Vec::new(), changes: 1 }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// Returns every version, in the order in which they were published.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Returns version `version`.
    #[must_use]
    pub fn entry(&self, version: &str) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.version() == version)
    }

    /// Returns the version that serves whoever names the model alone.
    #[must_use]
    pub fn live(&self) -> Option<&Arc<Entry>> {
        self.entry(self.live.as_deref()?)
    }

    /// Returns the version that a rollback goes back to: what was live before, of what still may serve.
    #[must_use]
    pub fn previous(&self) -> Option<&Arc<Entry>> {
        let before = self.before.iter().rev().filter_map(|version| self.entry(version));
        before.into_iter().find(|entry| !entry.is_retired())
    }

    /// Returns how many changes were taken: what could not be used is tried again after the next one.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn usable<'a>(&self, entry: &'a Arc<Entry>) -> Result<&'a Arc<Entry>, Unresolved> {
        let State::Retired { by, .. } = &entry.state else { return Ok(entry) };
        Err(Unresolved::Retired { model: format!("{}@{}", self.name, entry.version()), by: by.clone() })
    }

    /// Without a live version the whole model was retired, or everything was published aside.
    fn not_live(&self) -> Unresolved {
        match self.entries.last().map(|entry| &entry.state) {
            Some(State::Retired { by, .. }) => Unresolved::Retired { model: self.name.to_string(), by: by.clone() },
            _ => Unresolved::NoneLive(self.name.clone()),
        }
    }

    fn unknown(&self, version: &str) -> Unresolved {
        let known: Vec<&str> = self.entries.iter().rev().take(5).map(|entry| entry.version()).collect();
        let (model, version) = (self.name.clone(), version.to_owned());
        Unresolved::NoVersion { model, version, known: known.join(", ") }
    }
}

// === impl Model: what is done to it ===

impl Model {
    fn on_publish(&mut self, change: &ModelChange, publish: &Publish, at: Timestamp) -> Result<Effect, Refusal> {
        let Publish { descriptor, aside, expected } = publish;
        self.expect(expected.as_deref())?;
        let version = descriptor.version.clone();
        match self.usable_mut(&version) {
            Ok(known) if known.descriptor.sha256 != descriptor.sha256 => {
                return Err(Refusal::OtherBytes { version, sha256: known.descriptor.sha256.clone() });
            }
            // Bytes may move; what they are, and what was said of them, may not.
            Ok(known) => known.descriptor.source.clone_from(&descriptor.source),
            Err(Refusal::Unknown { .. }) => {
                if self.entries.len() >= VERSIONS_MAX {
                    return Err(Refusal::TooMany { what: "versions of it".to_owned(), most: VERSIONS_MAX });
                }
                let (descriptor, author, message) = (descriptor.clone(), change.author.clone(), change.message.clone());
                let (live_since, state) = (None, State::Aside);
                self.entries.push(Arc::new(Entry { descriptor, author, message, at, live_since, state }));
            }
            Err(refusal) => return Err(refusal),
        }
        if *aside { Ok(Effect::Aside { version }) } else { self.go_live(version, at) }
    }

    fn on_serve(&mut self, version: &str, expected: Option<&str>, at: Timestamp) -> Result<Effect, Refusal> {
        self.expect(expected)?;
        self.usable_mut(version)?;
        self.go_live(version.to_owned(), at)
    }

    fn on_retire(&mut self, change: &ModelChange, version: Option<&str>, at: Timestamp) -> Result<Effect, Refusal> {
        let retired = State::Retired { by: change.author.clone(), why: change.message.clone(), at };
        if let Some(version) = version {
            let entry = self.usable_mut(version)?;
            if entry.state == State::Live {
                return Err(Refusal::Live { version: version.to_owned() });
            }
            entry.state = retired;
        } else {
            let all = self.entries.iter_mut().filter(|entry| !entry.is_retired());
            all.for_each(|entry| Arc::make_mut(entry).state = retired.clone());
            self.live = None;
        }
        Ok(Effect::Retired { version: version.map(str::to_owned) })
    }

    fn go_live(&mut self, version: String, at: Timestamp) -> Result<Effect, Refusal> {
        let before = self.live.replace(version.clone());
        if before.as_ref() != Some(&version) {
            self.before.retain(|earlier| *earlier != version);
            if let Some(before) = &before {
                self.before.retain(|earlier| earlier != before);
                self.before.push(before.clone());
                self.usable_mut(before)?.state = State::Superseded { by: version.clone() };
            }
            let entry = self.usable_mut(&version)?;
            (entry.state, entry.live_since) = (State::Live, Some(at));
        }
        Ok(Effect::Live { version, before })
    }

    fn expect(&self, expected: Option<&str>) -> Result<(), Refusal> {
        if expected.is_none() || expected == self.live.as_deref() {
            return Ok(());
        }
        Err(Refusal::Conflict { expected: expected.map(str::to_owned), live: self.live.clone() })
    }

    fn usable_mut(&mut self, version: &str) -> Result<&mut Entry, Refusal> {
        let entry = self.entries.iter_mut().find(|entry| entry.version() == version);
        let entry = entry.ok_or_else(|| Refusal::Unknown { version: version.to_owned() })?;
        if entry.is_retired() {
            return Err(Refusal::Retired { version: version.to_owned() });
        }
        Ok(Arc::make_mut(entry))
    }
}

#[cfg(test)]
mod tests;
