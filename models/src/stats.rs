//! What is known of every model that a live rendezvous asks, published or part of a policy: which version serves and since
//! when, and what each version did.
//!
//! Law: numbers of a model are those of its executors added up, wherever they ran; percentiles are of merged histograms.
//! Every duration is in microseconds.

use std::collections::{BTreeMap, BTreeSet};

use measures::{Sum, Used, Uses};
use policies::{Definition, ExecutorKind, ExecutorSpec};
use serde::{Deserialize, Serialize};
use wire::{ModelName, Role, Timestamp};

use crate::{Model, Numbers, Registry, view::rfc3339};

/// A model, and what it did in some stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelStats {
    /// Its name; of one that is part of a policy the rendezvous' and the executor's: `wine/forest`.
    pub name: String,
    /// Whether it is published; otherwise it is part of a policy.
    pub published: bool,
    /// The version that serves: the live one; of a model that is part of a policy the one that was used last.
    pub current: Option<String>,
    /// The one that served before.
    pub previous: Option<String>,
    /// Since when the current one serves, RFC 3339: since it is live; else since it was used first, as far as that was counted.
    pub since: Option<String>,
    /// Who runs it.
    pub run_by: Vec<RunBy>,
    /// Over how long a time numbers are counted.
    pub window_us: u64,
    /// What all versions did.
    #[serde(flatten)]
    pub all: Numbers,
    /// What each of them did, the current one first, then by when they were used last.
    pub versions: Vec<VersionStats>,
}

/// An executor that runs a model, or did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunBy {
    /// Of which rendezvous.
    pub rendezvous: String,
    /// Its name.
    pub executor: String,
    /// Whether it is only compared.
    pub canary: bool,
    /// Whether the live version of the policy has it.
    pub live: bool,
}

/// What a version of a model did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionStats {
    /// Which.
    pub version: String,
    /// When it was used first, as far as that was counted, RFC 3339.
    pub first_used: Option<String>,
    /// When last.
    pub last_used: Option<String>,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// What was counted of one rendezvous, and the version of its policy that is live.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The live version.
    pub definition: &'a Definition,
    /// What was counted.
    pub sum: &'a Sum,
}

/// What is put together about one model.
#[derive(Debug, Default)]
struct Draft {
    run_by: BTreeSet<RunBy>,
    uses: Uses,
    /// The version that an executor elsewhere named, or the versions, and what it did.
    elsewhere: Option<(String, Numbers)>,
}

// === impl ModelStats ===

impl ModelStats {
    /// Returns what is known of every model, by name: of those that are published, and of those that are part of the policies
    /// in `counted`, over so long a time.
    #[must_use]
    pub fn all(registry: &Registry, counted: &[Counted<'_>], window: std::time::Duration) -> Vec<Self> {
        let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
        for model in registry.models() {
            drafts.insert(model.name().to_string(), Draft::default());
        }
        for one in counted {
            one.add_to(&mut drafts, registry);
        }
        let window_us = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let stats = |(name, draft): (String, Draft)| {
            let published = registry.get(&name);
            draft.stats(name, published.map(|model| &**model), window_us)
        };
        drafts.into_iter().map(stats).collect()
    }
}

// === impl Counted ===

impl Counted<'_> {
    fn add_to(&self, drafts: &mut BTreeMap<String, Draft>, registry: &Registry) {
        let live = |executor: &str| self.definition.executors.iter().find(|spec| spec.id.as_str() == executor);
        for spec in &self.definition.executors {
            let run_by = self.run_by(spec.id.as_str(), Some(spec));
            drafts.entry(self.model_of(spec)).or_default().run_by.insert(run_by);
        }
        for (executor, uses) in &self.sum.uses {
            let spec = live(executor);
            for (label, used) in &uses.versions {
                let (model, version) = self.whose(executor, spec, label, registry);
                let draft = drafts.entry(model).or_default();
                draft.run_by.insert(self.run_by(executor, spec));
                draft.uses += &Uses { versions: BTreeMap::from([(version, used.clone())]), ..Uses::default() };
            }
            if uses.others != Used::default() {
                let draft = drafts.entry(self.named(executor, spec)).or_default();
                draft.run_by.insert(self.run_by(executor, spec));
                draft.uses.others += &uses.others;
            }
        }
        // Of those who tell nothing themselves there is what collectors heard.
        for (executor, did) in &self.sum.executors {
            let spec = live(executor);
            if spec.is_some_and(|spec| spec.kind == ExecutorKind::Elsewhere) {
                let draft = drafts.entry(self.named(executor, spec)).or_default();
                let versions: Vec<&str> = did.models.iter().map(|label| version_of(label)).collect();
                draft.elsewhere = Some((versions.join(", "), Numbers::heard_of(did)));
            }
        }
    }

    /// Returns the model that used this name and version: a published one if there is such a version.
    fn whose(&self, executor: &str, spec: Option<&ExecutorSpec>, label: &str, registry: &Registry) -> (String, String) {
        let version = version_of(label).to_owned();
        match registry.named(label) {
            Some((model, _)) if spec.is_none_or(|spec| published(spec).is_some()) => {
                (model.name().to_string(), version)
            }
            _ => (self.named(executor, spec), version),
        }
    }

    fn named(&self, executor: &str, spec: Option<&ExecutorSpec>) -> String {
        spec.map_or_else(|| format!("{}/{executor}", self.definition.name()), |spec| self.model_of(spec))
    }

    fn model_of(&self, spec: &ExecutorSpec) -> String {
        published(spec).map_or_else(|| format!("{}/{}", self.definition.name(), spec.id), ToString::to_string)
    }

    fn run_by(&self, executor: &str, spec: Option<&ExecutorSpec>) -> RunBy {
        RunBy {
            rendezvous: self.definition.name().to_string(),
            executor: executor.to_owned(),
            canary: spec.is_some_and(|spec| spec.role == Role::Canary),
            live: spec.is_some(),
        }
    }
}

fn published(spec: &ExecutorSpec) -> Option<&ModelName> {
    match &spec.kind {
        ExecutorKind::Model { name, .. } => Some(name),
        _ => None,
    }
}

fn version_of(label: &str) -> &str {
    label.rsplit_once('@').map_or(label, |(_, version)| version)
}

// === impl Draft ===

impl Draft {
    fn stats(self, name: String, published: Option<&Model>, window_us: u64) -> ModelStats {
        let Self { run_by, uses, elsewhere } = self;
        let mut all = Numbers::of(&uses.total());
        let mut versions: Vec<(Option<i64>, VersionStats)> = Vec::new();
        for (version, used) in &uses.versions {
            let at = |at: Option<i64>| at.map(|at| rfc3339(Timestamp::from_micros(at)));
            let (first_used, last_used) = (at(used.first_us), at(used.last_us));
            let numbers = Numbers::of(used);
            versions.push((used.last_us, VersionStats { version: version.clone(), first_used, last_used, numbers }));
        }
        if let Some((version, numbers)) = elsewhere {
            all = numbers.clone();
            versions.push((None, VersionStats { version, first_used: None, last_used: None, numbers }));
        }
        versions.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
        let mut versions: Vec<VersionStats> = versions.into_iter().map(|(_, version)| version).collect();
        let Standing { current, previous, since } = match published {
            Some(model) => Standing::published(model, &mut versions),
            None => Standing::used(&versions),
        };
        versions.sort_by_key(|stats| Some(&stats.version) != current.as_ref());
        let run_by = run_by.into_iter().collect();
        ModelStats { name, published: published.is_some(), current, previous, since, run_by, window_us, all, versions }
    }
}

/// Which version serves, which did before, and since when.
struct Standing {
    current: Option<String>,
    previous: Option<String>,
    since: Option<String>,
}

// === impl Standing ===

impl Standing {
    /// As the control topic tells it; versions that were not used are added.
    fn published(model: &Model, versions: &mut Vec<VersionStats>) -> Self {
        for entry in model.entries().iter().rev() {
            if versions.iter().all(|stats| stats.version != entry.version()) {
                let (version, numbers) = (entry.version().to_owned(), Numbers::of(&Used::default()));
                versions.push(VersionStats { version, first_used: None, last_used: None, numbers });
            }
        }
        let label = |entry: &std::sync::Arc<crate::Entry>| entry.version().to_owned();
        let since = model.live().and_then(|entry| entry.live_since).map(rfc3339);
        Self { current: model.live().map(label), previous: model.previous().map(label), since }
    }

    /// By which answered last; whoever failed because nothing was loaded is none.
    fn used(versions: &[VersionStats]) -> Self {
        let mut answered = versions.iter().filter(|stats| stats.numbers.answered > 0);
        let (current, previous) = (answered.next(), answered.next());
        let label = |stats: &VersionStats| stats.version.clone();
        let since = current.and_then(|stats| stats.first_used.clone());
        Self { current: current.map(label), previous: previous.map(label), since }
    }
}

#[cfg(test)]
mod tests;
