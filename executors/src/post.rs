//! PURE: what has to be loaded so that the executors of some versions answer.
//!
//! Law: two versions that say the same of an executor share it; whatever they say of anybody else, of roles, starts,
//! families, costs or clauses, loads nothing again. What runs elsewhere is never loaded.

use std::sync::Arc;

use policies::{Definition, ExecutorKind, ExecutorSpec, InputSchema, Versions};
use wire::ExecutorId;

/// An executor to be loaded, for inputs of a schema.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who, and what it runs.
    pub spec: ExecutorSpec,
    /// What its inputs look like.
    pub schema: Arc<InputSchema>,
}

/// Returns what the live version and the one on trial need here, nothing twice; `only` names whom to run, `None` all.
#[must_use]
pub fn wanted(versions: &Versions, only: Option<&[ExecutorId]>) -> Vec<Post> {
    let mut posts: Vec<Post> = Vec::new();
    for definition in versions.in_use() {
        for post in of(definition, only) {
            if posts.iter().all(|other| !other.is_like(&post)) {
                posts.push(post);
            }
        }
    }
    posts
}

/// Returns what `definition` needs here, in its order.
pub(crate) fn of(definition: &Definition, only: Option<&[ExecutorId]>) -> impl Iterator<Item = Post> {
    let schema = Arc::new(definition.input.clone());
    let here = definition.executors.iter().filter(|spec| spec.kind != ExecutorKind::Elsewhere);
    let ours = here.filter(move |spec| only.is_none_or(|only| only.contains(&spec.id)));
    ours.map(move |spec| Post { spec: spec.clone(), schema: Arc::clone(&schema) })
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
    }

    /// Returns whether it is another model of the same executor, which reads the same inputs.
    #[must_use]
    pub fn can_stand_in_for(&self, other: &Self) -> bool {
        let judge = |post: &Self| !post.spec.hears.is_empty();
        self.spec.id == other.spec.id && self.schema == other.schema && judge(self) == judge(other)
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
        assert_eq!(wanted(&versions, only.as_deref()).len(), expected);
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
