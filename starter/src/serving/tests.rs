//! What is made once per version, and when.

use std::collections::BTreeMap;

use policies::Share;

use super::*;

const POLICY: &str = "
rendezvous: wine
budget: 50ms
input: { features: [x] }
answer: { value: class }
executors:
  forest: { echo: {} }
decide:
  - first:
    until: 50ms
  - default: { class: unknown }
";

fn definition(version: u64) -> Arc<Definition> {
    let definition = Definition::parse("wine.yaml", POLICY).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(definition.at_version(version))
}

fn versions(live: &Arc<Definition>, trial: Option<(&Arc<Definition>, TrialMode)>) -> Arc<Versions> {
    let trial =
        trial.map(|(definition, mode)| Trial { definition: Arc::clone(definition), mode, tallies: BTreeMap::new() });
    Arc::new(Versions::new(BTreeMap::new(), Arc::clone(live), trial))
}

#[test]
fn what_a_version_reads_with_is_made_once_and_goes_with_it() {
    let (first, second) = (definition(1), definition(2));
    let half = TrialMode::Share(Share::new(5_000).unwrap());
    let (sender, receiver) = watch::channel(versions(&first, None));
    let serving = Serving::new(receiver, 1_000);
    let before = serving.now();
    assert!(Arc::ptr_eq(&before, &serving.now()), "nothing is made while nothing changes");
    sender.send_replace(versions(&first, Some((&second, half))));
    let tried = serving.now();
    assert!(Arc::ptr_eq(&tried.live, &before.live));
    sender.send_replace(versions(&second, None));
    let promoted = serving.now();
    assert!(Arc::ptr_eq(&promoted.live, tried.trial.as_ref().unwrap()) && promoted.trial.is_none());
}

#[test]
fn a_hedged_version_is_made_again_when_its_start_moves_and_only_then() {
    let hedged =
        POLICY.replace("  forest: { echo: {} }", "  forest: { echo: {} }\n  b: { echo: {}, start: { after: p95 } }");
    let hedged = Arc::new(Definition::parse("wine.yaml", &hedged).unwrap_or_else(|problems| panic!("{problems}")));
    let knowing = |millis| {
        let mut usual = Latencies::default();
        let took = [std::time::Duration::from_millis(millis); policies::Quantile::ALL.len()];
        usual.set(wire::ExecutorId::new("forest").unwrap(), took);
        let versions = Versions::new(BTreeMap::new(), Arc::clone(&hedged), None);
        Arc::new(versions.knowing(Arc::new(usual)))
    };
    let (sender, receiver) = watch::channel(knowing(5));
    let serving = Serving::new(receiver, 1_000);
    let before = serving.now();
    sender.send_replace(knowing(5));
    assert!(Arc::ptr_eq(&serving.now().live, &before.live));
    sender.send_replace(knowing(9));
    assert!(!Arc::ptr_eq(&serving.now().live, &before.live));
}

#[test]
fn a_shadow_serves_nobody() {
    let (sender, receiver) = watch::channel(versions(&definition(1), None));
    let serving = Serving::new(receiver, 1_000);
    sender.send_replace(versions(&definition(1), Some((&definition(2), TrialMode::Shadow))));
    assert!(serving.now().trial.is_none());
}

#[test]
fn versions_that_nobody_sends_any_more_go_on_serving() {
    let (sender, receiver) = watch::channel(versions(&definition(1), None));
    let serving = Serving::new(receiver, 1_000);
    drop(sender);
    assert_eq!(serving.now().versions().live().policy_ref.version, 1);
}
