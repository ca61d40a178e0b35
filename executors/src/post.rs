//! PURE: what has to be loaded so that the executors of some versions answer.
//!
//! Law: two versions that say the same of an executor share it; whatever they say of anybody else, of roles, starts,
//! families, costs or clauses, loads nothing again. The version of a published model that serves is part of what is said.
//! What runs elsewhere is never loaded.

use std::sync::Arc;

use models::{Entry, Registry, Unresolved};
use policies::{Definition, ExecutorKind, ExecutorSpec, InputSchema, Versions};
use wire::{ExecutorId, ModelName};

/// An executor to be loaded, for inputs of a schema.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who, and what it runs.
    pub spec: ExecutorSpec,
    /// What its inputs look like.
    pub schema: Arc<InputSchema>,
    /// The published model that it runs, if it runs one.
    pub model: Option<Published>,
}

/// A published model, as the registry resolves what a policy names.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its name.
    pub name: ModelName,
    /// The version that is meant, or why there is none.
    pub found: Result<Arc<Entry>, Unresolved>,
    /// How often something was changed about it: what could not be loaded is tried again after the next time.
    pub changes: u64,
}

/// Returns what the live version and the one on trial need here, nothing twice; `only` names whom to run, `None` all.
#[must_use]
pub fn wanted(versions: &Versions, models: &Registry, only: Option<&[ExecutorId]>) -> Vec<Post> {
    let mut posts: Vec<Post> = Vec::new();
    for definition in versions.in_use() {
        for post in of(definition, models, only) {
            if posts.iter().all(|other| !other.is_like(&post)) {
                posts.push(post);
            }
        }
    }
    posts
}

/// Returns the same without a look at which models are published: for whoever asks who there is.
pub(crate) fn named(versions: &Versions, only: Option<&[ExecutorId]>) -> Vec<Post> {
    wanted(versions, &Registry::default(), only)
}

/// Returns what `definition` needs here, in its order.
pub(crate) fn of(
    definition: &Definition,
    models: &Registry,
    only: Option<&[ExecutorId]>,
) -> impl Iterator<Item = Post> {
    let schema = Arc::new(definition.input.clone());
    // Who keeps state works by itself and not beside the others, and some are run by programs that are not ours.
    let is_here = |spec: &&ExecutorSpec| spec.state.is_none() && spec.kind != ExecutorKind::Elsewhere;
    let here = definition.executors.iter().filter(is_here);
    let ours = here.filter(move |spec| only.is_none_or(|only| only.contains(&spec.id)));
    ours.map(move |spec| {
        let model = Published::of(&spec.kind, models);
        Post { spec: spec.clone(), schema: Arc::clone(&schema), model }
    })
}

// === impl Post ===

impl Post {
    /// Returns whether what is loaded for the one serves the other as well.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.spec, &other.spec);
        self.can_stand_in_for(other)
            && ours.kind == theirs.kind
            && ours.concurrency == theirs.concurrency
            && ours.max_batch == theirs.max_batch
            && match (&self.model, &other.model) {
                (Some(ours), Some(theirs)) => ours.is_like(theirs),
                (ours, theirs) => ours.is_none() && theirs.is_none(),
            }
    }

    /// Returns whether it is another model of the same executor, which reads the same inputs. For what was retired nobody
    /// stands in: it is to answer no more.
    #[must_use]
    pub fn can_stand_in_for(&self, other: &Self) -> bool {
        let judge = |post: &Self| !post.spec.hears.is_empty();
        let (ours, theirs) = (self.is_retired(), other.is_retired());
        self.spec.id == other.spec.id && self.schema == other.schema && judge(self) == judge(other) && ours == theirs
    }

    /// Returns whether what it is to run serves nobody any more.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(&self.model, Some(Published { found: Err(Unresolved::Retired { .. }), .. }))
    }

    /// Returns how often something was changed about the model that it runs.
    pub(crate) fn changes(&self) -> u64 {
        self.model.as_ref().map_or(0, |model| model.changes)
    }
}

// === impl Published ===

impl Published {
    fn of(kind: &ExecutorKind, models: &Registry) -> Option<Self> {
        let ExecutorKind::Model { name, version } = kind else { return None };
        let found = models.resolve(name, version.as_deref()).cloned();
        let changes = models.get(name.as_str()).map_or(0, |model| model.changes());
        Some(Self { name: name.clone(), found, changes })
    }

    /// Returns the version as responses name it, if there is one.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        self.found.as_ref().ok().map(|entry| format!("{}@{}", self.name, entry.version()))
    }

    fn is_like(&self, other: &Self) -> bool {
        let same_version = match (&self.found, &other.found) {
            (Ok(ours), Ok(theirs)) => {
                let (ours, theirs) = (&ours.descriptor, &theirs.descriptor);
                ours.version == theirs.version && ours.sha256 == theirs.sha256
            }
            (ours, theirs) => ours == theirs,
        };
        self.name == other.name && same_version
    }
}

#[cfg(test)]
mod tests {
    use policies::{Trial, TrialMode};

    use super::*;

    fn definition(version: u64, features: &str, executors: &str) -> Arc<Definition> {
        let text = format!(
            "rendezvous: wine\nbudget: 50ms\ninput: {{ features: [{features}] }}\nexecutors: {{ {executors} }}\n\
             decide:\n  - default: {{ class: unknown }}\n"
        );
        let definition = Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        Arc::new(definition.at_version(version))
    }

    fn check(live: (&str, &str), trial: (&str, &str), only: Option<&[&str]>, expected: usize) {
        let definition_on_trial = definition(2, trial.0, trial.1);
        let trial = Trial {
            definition: definition_on_trial,
            mode: TrialMode::Shadow,
            tallies: std::collections::BTreeMap::new(),
        };
        let versions = Versions::new(std::collections::BTreeMap::new(), definition(1, live.0, live.1), Some(trial));
        let only: Option<Vec<_>> = only.map(|names| names.iter().map(|name| ExecutorId::new(name).unwrap()).collect());
        assert_eq!(wanted(&versions, &Registry::default(), only.as_deref()).len(), expected);
    }

    const ONE: (&str, &str) = ("hue", "a: { echo: }");

    #[test]
    fn what_two_versions_say_alike_is_loaded_once() {
        check(ONE, ONE, None, 1);
        check(ONE, ("hue", "a: { echo: , start: { after: 2ms } }, b: { echo: }"), None, 2);
        check(ONE, ("hue", "b: { echo: }, a: { echo: , canary: { of: b } }"), None, 2);
    }

    #[test]
    fn another_kind_concurrency_batch_or_input_is_loaded_beside_it() {
        check(ONE, ("hue", "a: { constant: { answer: { class: 1 } } }"), None, 2);
        check(ONE, ("hue", "a: { echo: , concurrency: 2 }"), None, 2);
        check(("hue", "a: { onnx: a.onnx }"), ("hue", "a: { onnx: a.onnx, max_batch: 8 }"), None, 2);
        check(ONE, ("hue, ash", "a: { echo: }"), None, 2);
        check(
            ("hue", "a: { echo: }, b: { echo: }"),
            ("hue", "b: { echo: }, a: { echo: , hears: [b], wait: 5ms }"),
            None,
            3,
        );
    }

    #[test]
    fn what_runs_elsewhere_is_not_loaded_even_if_it_is_named() {
        check(("hue", "a: { echo: }, b: { elsewhere: }"), ("hue", "a: { echo: }, b: { elsewhere: {} }"), None, 1);
        check(("hue", "a: { elsewhere: }"), ("hue", "a: { elsewhere: }"), Some(&["a"]), 0);
    }

    #[test]
    fn only_those_named_are_loaded() {
        check(ONE, ("hue", "a: { echo: }, b: { echo: }"), Some(&["b"]), 1);
        check(ONE, ONE, Some(&["b"]), 0);
    }
}
