//! The versions of one rendezvous' policy as its stations see them: which is live, which is on trial, and every one
//! that a request may still be pinned to.
//!
//! A snapshot: stations hold the receiving end of a channel of them, and look once per request.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use wire::{PolicyRef, RequestId};

use crate::{Definition, Latencies, Trial, TrialMode};

/// A rendezvous' versions at one moment; it always has a live one.
#[derive(Clone, Debug)]
pub struct Versions {
    all: BTreeMap<u64, Arc<Version>>,
    live: Arc<Definition>,
    trial: Option<Trial>,
    usual: Arc<Latencies>,
}

/// One version: its text, and once somebody needs it what the text means.
#[derive(Debug)]
pub struct Version {
    policy_ref: PolicyRef,
    text: Arc<str>,
    definition: OnceLock<Option<Arc<Definition>>>,
}

// === impl Versions ===

impl Versions {
    /// Returns the versions of a rendezvous that never had another than `definition`.
    #[must_use]
    pub fn only(definition: Arc<Definition>) -> Self {
        let version = Version::parsed(Arc::clone(&definition));
        Self {
            all: BTreeMap::from([(definition.policy_ref.version, Arc::new(version))]),
            live: definition,
            trial: None,
            usual: Arc::default(),
        }
    }

    /// Returns `all` of them, with the one that is live and the one that is on trial.
    #[must_use]
    pub fn new(all: BTreeMap<u64, Arc<Version>>, live: Arc<Definition>, trial: Option<Trial>) -> Self {
        Self { all, live, trial, usual: Arc::default() }
    }

    /// Returns the same versions, `usual` being what was announced last of how long executors take.
    #[must_use]
    pub fn knowing(self, usual: Arc<Latencies>) -> Self {
        Self { usual, ..self }
    }

    /// Returns what was announced last of how long executors take whom others' starts follow.
    #[must_use]
    pub fn usual(&self) -> &Arc<Latencies> {
        &self.usual
    }

    /// Returns the version that decides about new requests.
    #[must_use]
    pub fn live(&self) -> &Arc<Definition> {
        &self.live
    }

    /// Returns the version on trial.
    #[must_use]
    pub fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// Returns the versions in use: the live one, and behind it the one on trial.
    pub fn in_use(&self) -> impl Iterator<Item = &Arc<Definition>> {
        [&self.live].into_iter().chain(self.trial.as_ref().map(|trial| &trial.definition))
    }

    /// Returns the version that serves `request` if it is fanned out now: nearly always the live one.
    #[must_use]
    pub fn serving(&self, request: &RequestId) -> &Arc<Definition> {
        match &self.trial {
            Some(Trial { definition, mode: TrialMode::Share(share), .. }) if share.has(request) => definition,
            _ => &self.live,
        }
    }

    /// Returns what `version` says, be it live or long gone; `None` if there is no such version, or none that reads.
    #[must_use]
    pub fn get(&self, version: u64) -> Option<Arc<Definition>> {
        if self.live.policy_ref.version == version {
            return Some(Arc::clone(&self.live));
        }
        self.all.get(&version)?.definition().cloned()
    }

    /// Returns the newest version that there is, live or not.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.all.last_key_value().map_or(0, |(version, _)| *version)
    }
}

// === impl Version ===

impl Version {
    /// Returns a version that is read when it is needed.
    #[must_use]
    pub fn new(policy_ref: PolicyRef, text: Arc<str>) -> Self {
        Self { policy_ref, text, definition: OnceLock::new() }
    }

    /// Returns a version that was read already.
    #[must_use]
    pub fn parsed(definition: Arc<Definition>) -> Self {
        let (policy_ref, text) = (definition.policy_ref.clone(), Arc::clone(&definition.text));
        Self { policy_ref, text, definition: OnceLock::from(Some(definition)) }
    }

    /// Returns the same version, to be read again when it is needed: what is long gone shall not fill the memory.
    #[must_use]
    pub fn unread(&self) -> Self {
        Self::new(self.policy_ref.clone(), Arc::clone(&self.text))
    }

    /// Returns its text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns what it says; `None` if it does not read.
    pub fn definition(&self) -> Option<&Arc<Definition>> {
        let read = || {
            let definition = Definition::parse(&self.policy_ref.to_string(), &self.text).ok()?;
            Some(Arc::new(definition.at_version(self.policy_ref.version)))
        };
        self.definition.get_or_init(read).as_ref()
    }
}
