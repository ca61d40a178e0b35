//! Models as data under load: versions are published, rolled back and refused while requests come, and each request is
//! answered once, by the model of a version that was good.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use control::{ModelBytes, ModelOutcome, WantedModel};
use hedgerow::load::Pace;
use policies::DecidedBy;
use starter::RawInput;
use tokio::{sync::Semaphore, time::timeout};
use wire::{Descriptor, ModelAction, ModelKind, ModelName, Publish, Source};

use crate::rendezvous::{PATIENCE, Rendezvous, body, wine_rows};

/// Fewer than an executor's queue holds: however slow the machine is, nobody is refused for that.
const REQUESTS: u64 = 1_000;
const RATE: u32 = 500;

pub(crate) const FIRST: &[u8] = include_bytes!("../../examples/wine/models/forest.onnx");
pub(crate) const SECOND: &[u8] = include_bytes!("../../examples/wine/models/better.onnx");
const OTHER_INPUT: &[u8] = include_bytes!("../../executors/onnx/tests/models/regressor.onnx");

/// One executor, which follows the model that is called as the rendezvous.
pub(crate) const FOLLOWED: &str = "
rendezvous: NAME
budget: 20s
input:
  features: [alcohol, malic_acid, ash, alcalinity_of_ash, magnesium, total_phenols, flavanoids, nonflavanoid_phenols,
    proanthocyanins, color_intensity, hue, od280_od315, proline]
answer: { value: class }
executors:
  forest: { model: NAME }
decide:
  - first: any
    until: 20s
  - default: { class: unknown }
";

pub(crate) fn wanted(action: ModelAction, bytes: Option<&'static [u8]>) -> WantedModel {
    let bytes = bytes.map(|bytes| ModelBytes(Bytes::from_static(bytes)));
    WantedModel { author: "a test".to_owned(), message: String::new(), action, bytes }
}

pub(crate) fn publish(version: &str, bytes: &'static [u8]) -> WantedModel {
    let descriptor = Descriptor {
        version: version.to_owned(),
        kind: ModelKind::Onnx,
        sha256: artifacts::hash(bytes),
        size: bytes.len() as u64,
        source: Source::Value { offsets: vec![0] },
        inputs: Vec::new(),
        outputs: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
        metrics: std::collections::BTreeMap::new(),
        trained_on: None,
        created: None,
    };
    let publish = Publish { descriptor, aside: false, expected: None };
    wanted(ModelAction::Publish(Box::new(publish)), Some(bytes))
}

pub(crate) async fn act(rendezvous: &Rendezvous, wanted: WantedModel) {
    let model = ModelName::new(rendezvous.app.definition().name().as_str()).unwrap();
    let outcome = timeout(PATIENCE, rendezvous.follower.publish_model(&model, wanted)).await.unwrap().unwrap();
    assert!(matches!(outcome, ModelOutcome::Done(_)), "{outcome:?}");
}

/// Asks until the answer is one of version `version`'s.
pub(crate) async fn until_version(rendezvous: &Rendezvous, version: &str, row: &str) -> usize {
    for asked in 1..100_000 {
        let answered = rendezvous.ask(row).await.unwrap();
        if models_of(&answered).iter().any(|model| model.ends_with(&format!("@{version}"))) {
            return asked;
        }
    }
    panic!("version {version} never answered");
}

fn models_of(answered: &starter::Answered) -> BTreeSet<String> {
    let body = body(answered);
    body.decision.receipt.iter().filter_map(|entry| entry.model.as_ref().map(ToString::to_string)).collect()
}

pub(crate) async fn models_that_are_published_under_load_replace_each_other_and_no_request_is_lost(
    rendezvous: Rendezvous,
) {
    let rows: Arc<Vec<String>> = Arc::new(wine_rows().into_iter().map(|(row, _)| row).collect());
    act(&rendezvous, publish("1", FIRST)).await;
    let mut alone = until_version(&rendezvous, "1", &rows[0]).await;
    let half = Arc::new(Semaphore::new(0));
    let mut finished = Pace { rate: RATE, count: REQUESTS }.drive({
        let (starter, rows) = (rendezvous.starter().clone(), Arc::clone(&rows));
        move |index| {
            let row = rows[usize::try_from(index).unwrap() % rows.len()].clone();
            let (starter, body) = (starter.clone(), Bytes::from(row));
            async move { starter.ask(RawInput { body, ..RawInput::default() }).await }
        }
    });
    let listening = async {
        let (mut seen, mut count) = (BTreeSet::new(), 0);
        while let Some(finished) = timeout(PATIENCE, finished.recv()).await.expect("answers keep coming") {
            let answered = finished.outcome.unwrap();
            let decision = body(&answered).decision;
            assert_ne!(decision.decided_by, DecidedBy::Default, "{:?}", decision.receipt);
            seen.extend(models_of(&answered));
            count += 1;
            if count % 125 == 0 {
                half.add_permits(1);
            }
        }
        (seen, count)
    };
    let publishing = async {
        let turn = async || half.acquire().await.unwrap().forget();
        turn().await;
        act(&rendezvous, publish("bad", OTHER_INPUT)).await;
        turn().await;
        act(&rendezvous, publish("2", SECOND)).await;
        turn().await;
        turn().await;
        act(&rendezvous, wanted(ModelAction::Serve { version: "1".to_owned(), expected: None }, None)).await;
    };
    let ((seen, count), ()) = tokio::join!(listening, publishing);
    assert_eq!(count, REQUESTS);
    let name = rendezvous.app.definition().name().to_string();
    let good = [format!("{name}@1"), format!("{name}@2")];
    assert!(seen.iter().all(|model| good.contains(model)), "{seen:?}");
    // On a machine that is busy the load may be over before the second version is loaded; then it comes after it.
    act(&rendezvous, wanted(ModelAction::Serve { version: "2".to_owned(), expected: None }, None)).await;
    alone += until_version(&rendezvous, "2", &rows[0]).await;
    act(&rendezvous, wanted(ModelAction::Retire { version: Some("1".to_owned()) }, None)).await;
    rendezvous.has_results(alone + usize::try_from(REQUESTS).unwrap()).await;
    rendezvous.stop().await;
}
