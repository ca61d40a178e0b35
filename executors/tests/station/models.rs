//! Published models: a new version takes the place of the one before without a request lost, or does not.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use ::models::Registry;
use bus::{Bus as _, Clock, TopicPartition, TopicSpec};
use bytes::Bytes;
use uuid::Uuid;
use wire::{
    Descriptor, MODELS_TOPIC, ModelAction, ModelChange, ModelKind, ModelName, ModelPart, Publish, Reply, RequestId,
    Source, Timestamp,
};

use crate::rig::{Heard, Rig};

const LONG: Duration = Duration::from_secs(20);
const FOREST: &str = "a: { model: forest }";

/// Two numbers in, one out; of two.
const SUM: &[u8] = include_bytes!("../../onnx/tests/models/one_row.onnx");
const LINE: &[u8] = include_bytes!("../../onnx/tests/models/regressor.onnx");
/// A class in words, with its probability.
const WORDS: &[u8] = include_bytes!("../../onnx/tests/models/zipmap_words.onnx");
/// No number for the input that the rig sends where `ash` is 0.
const QUOTIENT: &[u8] = include_bytes!("../../onnx/tests/models/not_a_number.onnx");
/// Thirteen numbers in.
const WINE: &[u8] = include_bytes!("../../../examples/wine/models/linear.onnx");

fn descriptor(version: &str, bytes: &[u8], source: Source) -> Descriptor {
    Descriptor {
        version: version.to_owned(),
        kind: ModelKind::Onnx,
        sha256: artifacts::hash(bytes),
        size: bytes.len() as u64,
        source,
        inputs: Vec::new(),
        outputs: Vec::new(),
        parameters: BTreeMap::new(),
        metrics: BTreeMap::new(),
        trained_on: None,
        created: None,
    }
}

fn publish(descriptor: Descriptor) -> ModelAction {
    ModelAction::Publish(Box::new(Publish { descriptor, aside: false, expected: None }))
}

/// Puts a model's bytes into the log; returns where they lie.
async fn put(rig: &Rig, bytes: &'static [u8]) -> Source {
    let spec = TopicSpec { name: MODELS_TOPIC.to_owned(), partitions: 1, retention: None, compacted: true };
    rig.bus.create_topics(&[spec]).await.unwrap();
    let producer = rig.bus.producer(&[MODELS_TOPIC]).await.unwrap();
    let to = TopicPartition::new(MODELS_TOPIC, 0);
    let first = rig.bus.span(&to).await.unwrap().end;
    let mut offsets = Vec::new();
    for (part, offset) in ModelPart::of(Uuid::from_u128(7), &Bytes::from_static(bytes)).zip(first..) {
        producer.send(&to, part.encode(), Box::new(|_| {})).unwrap();
        offsets.push(offset);
    }
    Source::Value { offsets }
}

/// Does something about the model `forest`, as the control topic's reader would.
fn act(rig: &Rig, action: ModelAction) {
    let (author, message) = ("ada".to_owned(), String::new());
    let change = ModelChange { id: Uuid::nil(), model: ModelName::new("forest").unwrap(), author, message, action };
    rig.published.send_modify(|models| {
        let folded = Arc::make_mut(models).fold(&change, Timestamp::from_micros(1));
        folded.unwrap_or_else(|why| panic!("{why}"));
    });
}

async fn publish_bytes(rig: &Rig, version: &str, bytes: &'static [u8]) {
    let source = put(rig, bytes).await;
    act(rig, publish(descriptor(version, bytes, source)));
}

async fn rig() -> Rig {
    Rig::of_policy(Clock::system(), FOREST).await
}

fn says(heard: &Heard) -> String {
    match &heard.response.reply {
        Reply::Answer(answer) => String::from_utf8(answer.to_vec()).unwrap(),
        Reply::Failure(failure) => format!("{}: {}", failure.kind.as_str(), failure.message),
    }
}

/// Asks once; returns the model that answered, and what was said.
async fn ask(rig: &Rig) -> (String, String) {
    rig.send(LONG);
    let heard = rig.responses(1).await.remove(0);
    (heard.response.model.to_string(), says(&heard))
}

async fn until_model(rig: &Rig, expected: &str) {
    for _ in 0..1_000_000 {
        if ask(rig).await.0 == expected {
            return;
        }
    }
    panic!("{expected} never answered");
}

#[tokio::test]
async fn a_published_model_answers_under_its_name_and_version() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    assert_eq!(ask(&rig).await, ("forest@1".to_owned(), r#"{"value":3.5}"#.to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_published_yet_fails_its_requests_until_it_is() {
    let rig = rig().await;
    let running = rig.start_kinds().await;
    let (model, said) = ask(&rig).await;
    assert_eq!(model, "a@unloaded");
    assert!(said.starts_with("failed: no model `forest` is published: `hedgerow models publish forest"), "{said}");
    publish_bytes(&rig, "1", SUM).await;
    until_model(&rig, "forest@1").await;
    running.stop().await;
}

#[tokio::test]
async fn versions_that_are_published_under_load_replace_each_other_and_lose_and_repeat_nothing() {
    const REQUESTS: usize = 3_000;
    let rig = rig().await;
    publish_bytes(&rig, "0", SUM).await;
    let running = rig.start_kinds().await;
    let mut asked: HashMap<RequestId, u32> = HashMap::new();
    for index in 0..REQUESTS {
        if index % 300 == 299 {
            publish_bytes(&rig, &index.to_string(), if index % 600 == 299 { LINE } else { SUM }).await;
        }
        asked.insert(rig.send(LONG), 0);
        tokio::task::yield_now().await;
    }
    let mut models: Vec<String> = Vec::new();
    for heard in rig.responses(asked.len()).await {
        assert!(matches!(heard.response.reply, Reply::Answer(_)), "{}", says(&heard));
        *asked.get_mut(&heard.response.request).unwrap() += 1;
        let model = heard.response.model.to_string();
        if !models.contains(&model) {
            models.push(model);
        }
    }
    assert!(asked.values().all(|answers| *answers == 1));
    // Of many that come quickly the last one counts.
    until_model(&rig, &format!("forest@{}", REQUESTS - 1)).await;
    assert!(models.len() > 1, "it was replaced meanwhile: {models:?}");
    running.stop().await;
}

/// What each of them is, and what the log says of it is another matter: it never answers.
#[tokio::test]
async fn a_bad_model_never_replaces_a_good_one_whatever_is_wrong_with_it() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    until_model(&rig, "forest@1").await;
    let wrong_hash = put(&rig, SUM).await;
    let gone = Source::Value { offsets: vec![4_711] };
    let away = Source::Reference { uri: "file:///nowhere/forest.onnx".to_owned() };
    let bad = [
        ("hash", publish(descriptor("hash", LINE, wrong_hash))),
        ("input", publish(descriptor("input", WINE, put(&rig, WINE).await))),
        ("shape", publish(descriptor("shape", WORDS, put(&rig, WORDS).await))),
        ("garbage", publish(descriptor("garbage", b"what?", put(&rig, b"what?").await))),
        ("gone", publish(descriptor("gone", LINE, gone))),
        ("away", publish(descriptor("away", LINE, away))),
    ];
    for (count, (what, action)) in (1..).zip(bad) {
        act(&rig, action);
        rig.until("hedgerow_executor_failed_loads_total{executor=\"a\"}", count).await;
        assert_eq!(ask(&rig).await, ("forest@1".to_owned(), r#"{"value":3.5}"#.to_owned()), "{what}");
    }
    publish_bytes(&rig, "2", LINE).await;
    until_model(&rig, "forest@2").await;
    running.stop().await;
}

#[tokio::test]
async fn a_version_that_says_null_where_a_number_was_replaces_nobody() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    rig.send_body(r#"{"hue":0,"ash":0}"#, LONG);
    assert_eq!(says(&rig.responses(1).await[0]), r#"{"value":0.0}"#);
    publish_bytes(&rig, "2", QUOTIENT).await;
    rig.until("hedgerow_executor_failed_loads_total{executor=\"a\"}", 1).await;
    assert_eq!(ask(&rig).await.0, "forest@1");
    running.stop().await;
}

#[tokio::test]
async fn a_bad_version_is_tried_again_after_the_next_change_and_not_before() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    until_model(&rig, "forest@1").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("forest.onnx");
    let uri = format!("file://{}", file.display());
    let late = || publish(descriptor("2", LINE, Source::Reference { uri: uri.clone() }));
    act(&rig, late());
    rig.until("hedgerow_executor_failed_loads_total{executor=\"a\"}", 1).await;
    std::fs::write(&file, LINE).unwrap();
    // Whatever is done about others is no reason.
    rig.published.send_modify(|_| {});
    assert_eq!(ask(&rig).await.0, "forest@1");
    act(&rig, late());
    until_model(&rig, "forest@2").await;
    assert_eq!(rig.counted("hedgerow_executor_failed_loads_total{executor=\"a\"}"), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_rollback_is_there_at_once_and_a_pinned_version_stays() {
    let rig = Rig::of_policy(Clock::system(), "a: { model: forest }\n  b: { model: forest@1 }").await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    publish_bytes(&rig, "2", LINE).await;
    let by = async |executor: &str| {
        rig.send(LONG);
        let heard = rig.responses(2).await;
        heard.iter().find(|heard| heard.by(executor)).unwrap().response.model.to_string()
    };
    while by("a").await != "forest@2" {}
    assert_eq!(by("b").await, "forest@1");
    act(&rig, ModelAction::Serve { version: "1".to_owned(), expected: Some("2".to_owned()) });
    while by("a").await != "forest@1" {}
    assert_eq!(by("b").await, "forest@1");
    running.stop().await;
}

#[tokio::test]
async fn what_was_retired_answers_nobody_any_more() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    until_model(&rig, "forest@1").await;
    act(&rig, ModelAction::Retire { version: None });
    loop {
        let (model, said) = ask(&rig).await;
        if model == "a@unloaded" {
            assert_eq!(said, "failed: forest was retired by ada");
            break;
        }
    }
    publish_bytes(&rig, "2", LINE).await;
    until_model(&rig, "forest@2").await;
    running.stop().await;
}

#[tokio::test]
async fn executors_with_published_models_are_added_and_taken_out_under_load() {
    let rig = rig().await;
    publish_bytes(&rig, "1", SUM).await;
    let running = rig.start_kinds().await;
    let both = "a: { model: forest }\n  b: { model: forest }";
    let mut asked: HashMap<RequestId, usize> = HashMap::new();
    let (mut awaited, mut heard) = (0, 0);
    for index in 0..2_000 {
        let executors = match index {
            500 => Some(both),
            1_500 => Some(FOREST),
            _ => None,
        };
        if let Some(executors) = executors {
            rig.apply(executors);
        }
        let expected = if (500..1_500).contains(&index) { 2 } else { 1 };
        asked.insert(rig.send(LONG), expected);
        awaited += expected;
        tokio::task::yield_now().await;
        if index % 100 == 99 {
            for response in rig.responses(awaited).await {
                assert!(matches!(response.response.reply, Reply::Answer(_)), "{}", says(&response));
                *asked.get_mut(&response.response.request).unwrap() -= 1;
                heard += 1;
            }
            awaited = 0;
        }
    }
    assert_eq!(heard, 3_000);
    assert!(asked.values().all(|missing| *missing == 0), "each answers each of its requests once");
    assert_eq!(*rig.loads.lock().unwrap(), ["a", "b"], "who stays is not loaded again");
    running.stop().await;
}

#[tokio::test]
async fn an_empty_registry_changes_nothing_for_other_kinds() {
    let rig = Rig::of_policy(Clock::system(), "a: { echo: }").await;
    let running = rig.start_kinds().await;
    rig.published.send_replace(Arc::new(Registry::default()));
    rig.send(LONG);
    assert_eq!(says(&rig.responses(1).await[0]), Rig::BODY);
    assert_eq!(*rig.loads.lock().unwrap(), ["a"]);
    running.stop().await;
}
