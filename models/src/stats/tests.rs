//! Whose numbers are whose.

use std::{collections::BTreeMap, time::Duration as Lasting};

use bytes::Bytes;
use measures::{Executor, Failed};
use wire::{Descriptor, FailureKind, ModelAction, ModelChange, ModelKind, ModelName, Publish, Reply, Source};

use super::*;
use crate::{Batches, Duration};

const WINDOW: Lasting = Lasting::from_hours(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn definition(rendezvous: &str, executors: &str) -> Definition {
    let text = format!(
        "rendezvous: {rendezvous}\nbudget: 50ms\ninput: {{ features: [hue] }}\nexecutors: {{ {executors} }}\n\
         decide:\n  - default: {{ class: unknown }}\n"
    );
    Definition::parse("wine.yaml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn registry(versions: &[(&str, i64)]) -> Registry {
    let mut registry = Registry::default();
    for (version, second) in versions {
        let descriptor = Descriptor {
            version: (*version).to_owned(),
            kind: ModelKind::Onnx,
            sha256: format!("{version:0>64}"),
            size: 1,
            source: Source::Value { offsets: vec![0] },
            inputs: Vec::new(),
            outputs: Vec::new(),
            parameters: BTreeMap::new(),
            metrics: BTreeMap::new(),
            trained_on: None,
            created: None,
        };
        let action = ModelAction::Publish(Box::new(Publish { descriptor, aside: false, expected: None }));
        let (author, message) = ("ada".to_owned(), String::new());
        let change =
            ModelChange { id: uuid::Uuid::nil(), model: ModelName::new("forest").unwrap(), author, message, action };
        registry.fold(&change, at(*second)).unwrap();
    }
    registry
}

/// A sum in which `executor` was called once for each label, at that second, for that many milliseconds, with that many
/// requests.
fn sum(executor: &str, calls: &[(&str, i64, u64, usize)]) -> Sum {
    let mut uses = Uses::default();
    for (label, second, millis, size) in calls {
        let replies = vec![Reply::Answer(Bytes::new()); *size];
        uses.on_call(label, at(*second), Lasting::from_millis(*millis), &replies);
    }
    Sum { uses: BTreeMap::from([(executor.to_owned(), uses)]), ..Sum::default() }
}

fn all(registry: &Registry, counted: &[(&Definition, &Sum)]) -> Vec<ModelStats> {
    let counted: Vec<Counted> = counted.iter().map(|(definition, sum)| Counted { definition, sum }).collect();
    ModelStats::all(registry, &counted, WINDOW)
}

#[test]
fn a_published_model_s_numbers_are_those_of_all_who_run_it() {
    let (wine, fraud) = (definition("wine", "a: { model: forest }"), definition("fraud", "b: { model: forest@1 }"));
    let (of_wine, of_fraud) =
        (sum("a", &[("forest@1", 10, 2, 1), ("forest@2", 30, 4, 3)]), sum("b", &[("forest@1", 40, 8, 2)]));
    let all = all(&registry(&[("1", 5), ("2", 20), ("3", 50)]), &[(&wine, &of_wine), (&fraud, &of_fraud)]);
    let [forest] = &all[..] else { panic!("{all:?}") };
    assert_eq!((forest.name.as_str(), forest.published), ("forest", true));
    assert_eq!((forest.current.as_deref(), forest.previous.as_deref()), (Some("3"), Some("2")));
    assert_eq!(forest.since.as_deref(), Some("1970-01-01T00:00:50Z"));
    let run_by: Vec<_> = forest.run_by.iter().map(|run| format!("{}/{}", run.rendezvous, run.executor)).collect();
    assert_eq!(run_by, ["fraud/b", "wine/a"]);
    assert_eq!((forest.all.calls, forest.all.requests, forest.all.answered), (Some(3), 6, 6));
    let Duration { min_us, max_us, p50_us, p999_us, .. } = forest.all.duration;
    assert_eq!(
        (min_us, max_us, p999_us),
        (Some(2_000), Some(8_000), Some(8_000)),
        "nothing took longer than the longest"
    );
    assert!(p50_us.is_some_and(|p50| (4_000..4_000 * 33 / 32).contains(&p50)), "{p50_us:?}");
    assert_eq!(forest.all.batches, Some(Batches { mean: 2.0, p50: 2, p99: 3, max: 3 }));
    let versions: Vec<_> = forest.versions.iter().map(|one| (one.version.as_str(), one.numbers.calls)).collect();
    assert_eq!(
        versions,
        [("3", Some(0)), ("1", Some(2)), ("2", Some(1))],
        "the current one first, then those used last"
    );
    assert_eq!(forest.versions[1].first_used.as_deref(), Some("1970-01-01T00:00:10Z"));
    assert_eq!(forest.versions[1].last_used.as_deref(), Some("1970-01-01T00:00:40Z"));
}

#[test]
fn who_ran_a_model_is_told_whether_he_is_a_canary_and_whether_he_is_there_still() {
    let wine = definition("wine", "a: { model: forest }, b: { model: forest@1, canary: { of: a } }");
    let mut counted = sum("a", &[("forest@1", 10, 1, 1)]);
    counted += &sum("gone", &[("forest@1", 20, 1, 2)]);
    counted.uses.get_mut("a").unwrap().on_refused("forest@1", at(30), FailureKind::Overloaded);
    let all = all(&registry(&[("1", 5)]), &[(&wine, &counted)]);
    let [forest] = &all[..] else { panic!("{all:?}") };
    assert_eq!((forest.all.requests, forest.all.answered, forest.all.overloaded), (4, 3, 1));
    let run_by: Vec<_> = forest.run_by.iter().map(|run| (run.executor.as_str(), run.canary, run.live)).collect();
    assert_eq!(run_by, [("a", false, true), ("b", true, true), ("gone", false, false)]);
}

#[test]
fn of_more_versions_than_are_told_apart_the_others_count_in_the_model_s_numbers() {
    let wine = definition("wine", "a: { model: forest }");
    let labels: Vec<String> = (1..=measures::VERSIONS_MAX + 1).map(|version| format!("forest@{version}")).collect();
    let calls: Vec<_> = labels.iter().map(|label| (label.as_str(), 10, 1, 1)).collect();
    let all = all(&registry(&[("1", 5)]), &[(&wine, &sum("a", &calls))]);
    let told: u64 = all[0].versions.iter().map(|version| version.numbers.requests).sum();
    assert_eq!((all[0].all.requests, told), (labels.len() as u64, labels.len() as u64 - 1));
}

#[test]
fn a_model_that_is_part_of_a_policy_is_told_by_what_was_used() {
    let wine = definition("wine", "forest: { onnx: forest.onnx }, idle: { onnx: idle.onnx }");
    let calls = [("forest@aa", 10, 1, 1), ("forest@bb", 20, 1, 1), ("forest@unloaded", 30, 1, 1)];
    let mut counted = sum("forest", &calls[..2]);
    counted.uses.get_mut("forest").unwrap().on_refused(calls[2].0, at(30), FailureKind::Failed);
    // What collectors heard of him they count too: who tells for himself is told by that alone.
    counted.executors.insert("forest".to_owned(), Executor { heard: 2, ..Executor::default() });
    // Published under the same name, and nobody's here.
    let all = all(&registry(&[("aa", 5)]), &[(&wine, &counted)]);
    let names: Vec<_> = all.iter().map(|model| (model.name.as_str(), model.all.requests)).collect();
    assert_eq!(names, [("forest", 0), ("wine/forest", 3), ("wine/idle", 0)]);
    let forest = &all[1];
    assert_eq!((forest.current.as_deref(), forest.previous.as_deref()), (Some("bb"), Some("aa")));
    assert_eq!(forest.since.as_deref(), Some("1970-01-01T00:00:20Z"));
    assert_eq!((forest.all.answered, forest.all.failed), (2, 1));
    assert_eq!(all[2].current, None);
}

#[test]
fn an_executor_elsewhere_is_told_by_what_was_heard_of_it() {
    let wine = definition("wine", "far: { elsewhere: }");
    let mut far = Executor { heard: 3, late: 1, abstained: 2, ..Executor::default() };
    far.models.insert("far@1".to_owned());
    far.failed.insert(Failed::Expired, 5);
    far.computed.add(Lasting::from_millis(3));
    let counted = Sum { executors: BTreeMap::from([("far".to_owned(), far)]), ..Sum::default() };
    let all = all(&Registry::default(), &[(&wine, &counted)]);
    let far = &all[0];
    assert_eq!((far.name.as_str(), far.current.as_deref()), ("wine/far", Some("1")));
    assert_eq!((far.all.calls, far.all.requests, far.all.answered, far.all.expired), (None, 11, 4, 5));
    assert!(far.all.duration.p50_us.is_some_and(|p50| p50 >= 3_000));
    assert_eq!(serde_json::from_str::<ModelStats>(&serde_json::to_string(far).unwrap()).unwrap(), *far);
}
