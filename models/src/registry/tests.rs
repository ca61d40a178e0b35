//! The laws of the registry, over changes that are drawn.

use proptest::prelude::*;
use uuid::Uuid;
use wire::{Descriptor, ModelKind, Source};

use super::*;

fn name() -> ModelName {
    ModelName::new("forest").unwrap()
}

fn change(model: &str, action: ModelAction) -> ModelChange {
    let model = ModelName::new(model).unwrap();
    ModelChange { id: Uuid::nil(), model, author: "ada".to_owned(), message: String::new(), action }
}

fn publish(version: &str, bytes: u8, aside: bool, expected: Option<&str>) -> ModelAction {
    let descriptor = Descriptor {
        version: version.to_owned(),
        kind: ModelKind::Onnx,
        sha256: format!("{bytes:02x}").repeat(32),
        size: 1,
        source: Source::Value { offsets: vec![0] },
        inputs: Vec::new(),
        outputs: Vec::new(),
        parameters: BTreeMap::new(),
        metrics: BTreeMap::new(),
        trained_on: None,
        created: None,
    };
    ModelAction::Publish(Box::new(Publish { descriptor, aside, expected: expected.map(str::to_owned) }))
}

fn serve(version: &str) -> ModelAction {
    ModelAction::Serve { version: version.to_owned(), expected: None }
}

fn retire(version: Option<&str>) -> ModelAction {
    ModelAction::Retire { version: version.map(str::to_owned) }
}

fn folded(actions: impl IntoIterator<Item = ModelAction>) -> (Registry, Vec<Result<Effect, Refusal>>) {
    let mut registry = Registry::default();
    let numbered = actions.into_iter().zip(1..);
    let effects = numbered
        .map(|(action, second)| registry.fold(&change("forest", action), Timestamp::from_micros(second * 1_000_000)));
    let effects = effects.collect();
    (registry, effects)
}

fn live(registry: &Registry) -> Option<&str> {
    registry.resolve(&name(), None).ok().map(|entry| entry.version())
}

fn any_action() -> impl Strategy<Value = ModelAction> {
    let version = || prop::sample::select(vec!["1", "2", "3"]);
    let expected = || prop::option::of(prop::sample::select(vec!["1", "2", "3"]));
    prop_oneof![
        4 => (version(), 0..3_u8, any::<bool>(), expected())
            .prop_map(|(version, bytes, aside, expected)| publish(version, bytes, aside, expected)),
        2 => (version(), expected()).prop_map(|(version, expected)| ModelAction::Serve {
            version: version.to_owned(),
            expected: expected.map(str::to_owned),
        }),
        1 => prop::option::weighted(0.8, version()).prop_map(retire),
    ]
}

fn any_changes() -> impl Strategy<Value = Vec<(ModelChange, Timestamp)>> {
    let model = prop::sample::select(vec!["forest", "boost"]);
    let drawn = prop::collection::vec((model, any_action()), 0..40);
    drawn.prop_map(|drawn| {
        let numbered = drawn.into_iter().zip(1..);
        numbered.map(|((model, action), at)| (change(model, action), Timestamp::from_micros(at * 1_000_000))).collect()
    })
}

/// What a version is, whatever became of it.
fn bytes(registry: &Registry) -> Vec<(String, String, String)> {
    let all = registry.models().flat_map(|model| model.entries().iter().map(move |entry| (model.name(), entry)));
    all.map(|(name, entry)| (name.to_string(), entry.version().to_owned(), entry.descriptor.sha256.clone())).collect()
}

proptest! {
    #[test]
    fn any_two_readers_of_the_same_changes_have_the_same_models(changes in any_changes(), cut in 0..40_usize) {
        let (mut one, mut other) = (Registry::default(), Registry::default());
        for (change, at) in &changes {
            let _ = one.fold(change, *at);
        }
        let cut = cut.min(changes.len());
        for (change, at) in &changes[..cut] {
            let _ = other.fold(change, *at);
        }
        // Whoever looked meanwhile holds a snapshot, and changes nothing by it.
        let looked = other.clone();
        for (change, at) in &changes[cut..] {
            let _ = other.fold(change, *at);
        }
        drop(looked);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_version_of_a_model_never_names_other_bytes(changes in any_changes()) {
        let mut registry = Registry::default();
        for (change, at) in &changes {
            let before = bytes(&registry);
            let _ = registry.fold(change, *at);
            let after = bytes(&registry);
            prop_assert!(before.iter().all(|known| after.contains(known)));
        }
    }

    #[test]
    fn a_refused_change_of_a_model_changes_nothing_and_is_remembered(changes in any_changes()) {
        let mut registry = Registry::default();
        for (change, at) in &changes {
            let before = registry.clone();
            if registry.fold(change, *at).is_err() {
                prop_assert_eq!(&registry.models, &before.models);
                prop_assert_eq!(registry.refused().last().map(|refused| refused.at), Some(*at));
            }
        }
    }

    #[test]
    fn what_serves_is_published_and_what_was_retired_stays_so(changes in any_changes()) {
        let mut registry = Registry::default();
        for (change, at) in &changes {
            let before = registry.clone();
            let _ = registry.fold(change, *at);
            for model in registry.models() {
                let states = model.entries().iter().filter(|entry| entry.state == State::Live);
                let live: Vec<&str> = states.map(|entry| entry.version()).collect();
                prop_assert_eq!(live, model.live().map(|entry| entry.version()).into_iter().collect::<Vec<_>>());
                prop_assert!(model.previous().is_none_or(|entry| !entry.is_retired() && Some(entry) != model.live()));
            }
            for model in before.models() {
                for entry in model.entries().iter().filter(|entry| entry.is_retired()) {
                    let now = registry.get(model.name().as_str()).unwrap().entry(entry.version()).unwrap();
                    prop_assert_eq!(now, entry);
                }
            }
        }
    }

    #[test]
    fn of_changes_that_expect_the_same_live_version_at_most_one_replaces_it(
        versions in prop::collection::vec(2..9_u8, 1..6),
    ) {
        let rivals = versions.iter().map(|version| publish(&version.to_string(), *version, false, Some("1")));
        let (_, effects) = folded([publish("1", 1, false, None)].into_iter().chain(rivals));
        prop_assert_eq!(effects[1..].iter().filter(|effect| effect.is_ok()).count(), 1);
        prop_assert!(effects[2..].iter().all(|effect| effect.as_ref().is_err_and(Refusal::is_conflict)));
    }
}

#[test]
fn what_is_published_is_live_and_a_rollback_goes_back_to_what_was() {
    let (registry, _) = folded([publish("1", 1, false, None), publish("2", 2, false, None)]);
    assert_eq!(live(&registry), Some("2"));
    let model = registry.get("forest").unwrap();
    assert_eq!(model.previous().unwrap().version(), "1");
    assert_eq!(model.entry("1").unwrap().state, State::Superseded { by: "2".to_owned() });

    let (registry, effects) = folded([publish("1", 1, false, None), publish("2", 2, false, None), serve("1")]);
    assert_eq!(effects[2], Ok(Effect::Live { version: "1".to_owned(), before: Some("2".to_owned()) }));
    assert_eq!(live(&registry), Some("1"));
    assert_eq!(registry.get("forest").unwrap().previous().unwrap().version(), "2");
}

#[test]
fn what_is_published_aside_serves_who_names_it_alone() {
    let (registry, effects) = folded([publish("1", 1, false, None), publish("2", 2, true, None)]);
    assert_eq!(effects[1], Ok(Effect::Aside { version: "2".to_owned() }));
    assert_eq!(live(&registry), Some("1"));
    assert_eq!(registry.resolve(&name(), Some("2")).unwrap().version(), "2");
    let (registry, _) = folded([publish("1", 1, true, None)]);
    assert_eq!(registry.resolve(&name(), None), Err(Unresolved::NoneLive(name())));
}

#[test]
fn publishing_the_same_again_is_no_mistake_and_other_bytes_under_its_name_are_one() {
    let (_, effects) =
        folded([publish("1", 1, false, None), publish("1", 1, false, None), publish("1", 2, false, None)]);
    assert_eq!(effects[1], Ok(Effect::Live { version: "1".to_owned(), before: Some("1".to_owned()) }));
    let told = effects[2].as_ref().unwrap_err().to_string();
    assert!(told.starts_with("version 1 is published already, with other bytes (sha256 0101"), "{told}");
}

#[test]
fn the_live_version_retires_only_with_its_model_and_nothing_that_was_retired_comes_back() {
    let two = [publish("1", 1, false, None), publish("2", 2, false, None)];
    let (registry, effects) =
        folded(two.into_iter().chain([retire(Some("2")), retire(Some("1")), serve("1"), retire(None)]));
    assert_eq!(effects[2], Err(Refusal::Live { version: "2".to_owned() }));
    assert_eq!(effects[4], Err(Refusal::Retired { version: "1".to_owned() }));
    assert_eq!(live(&registry), None);
    let told = registry.resolve(&name(), None).unwrap_err().to_string();
    assert_eq!(told, "forest was retired by ada");
    let (registry, _) = folded([publish("1", 1, false, None), retire(None), publish("2", 2, false, None)]);
    assert_eq!(live(&registry), Some("2"), "a new version brings the model back");
}

#[test]
fn what_cannot_be_resolved_says_what_there_is() {
    let (registry, _) = folded([publish("1", 1, false, None), publish("2", 2, false, None)]);
    let told = registry.resolve(&name(), Some("7")).unwrap_err().to_string();
    assert_eq!(told, "no version 7 of the model `forest` is published; there is 2, 1");
    let told = registry.resolve(&ModelName::new("boost").unwrap(), None).unwrap_err().to_string();
    assert!(told.starts_with("no model `boost` is published: `hedgerow models publish boost"), "{told}");
    let told = folded([serve("1")]).1[0].as_ref().unwrap_err().to_string();
    assert_eq!(told, "no model of that name is published");
}
