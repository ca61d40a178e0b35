//! What is written about models is read back; what is garbage is named.

use super::*;

fn descriptor() -> Descriptor {
    Descriptor {
        version: "7".to_owned(),
        kind: ModelKind::Onnx,
        sha256: "0a".repeat(32),
        size: 3,
        source: Source::Value { offsets: vec![4, 5] },
        inputs: vec!["input:f32[-1,13]".parse().unwrap()],
        outputs: vec!["label:i64".parse().unwrap()],
        parameters: BTreeMap::from([("trees".to_owned(), "50".to_owned())]),
        metrics: BTreeMap::from([("accuracy".to_owned(), serde_json::Number::from_f64(0.93).unwrap())]),
        trained_on: Some("wine.csv".to_owned()),
        created: Some("2026-01-01T00:00:00Z".to_owned()),
    }
}

fn change(action: ModelAction) -> ModelChange {
    let (id, author) = (Uuid::from_u128(7), "ada".to_owned());
    ModelChange { id, model: ModelName::new("forest").unwrap(), author, message: "more trees".to_owned(), action }
}

fn publish(edit: impl FnOnce(&mut Descriptor)) -> ModelChange {
    let mut descriptor = descriptor();
    edit(&mut descriptor);
    change(ModelAction::Publish(Box::new(Publish { descriptor, aside: false, expected: None })))
}

#[test]
fn every_change_of_a_model_is_read_back_as_it_was_written() {
    let at = Source::Reference { uri: "s3://models/forest.onnx".to_owned() };
    let changes = [
        publish(|_| {}),
        publish(|descriptor| descriptor.source = at),
        change(ModelAction::Serve { version: "6".to_owned(), expected: Some("7".to_owned()) }),
        change(ModelAction::Retire { version: Some("6".to_owned()) }),
        change(ModelAction::Retire { version: None }),
    ];
    for change in changes {
        assert_eq!(Controlled::decode(&change.encode()), Ok(Controlled::Model(change)));
    }
}

#[test]
fn compaction_drops_no_change_of_a_model() {
    let one = publish(|_| {});
    let other = ModelChange { id: Uuid::from_u128(8), ..one.clone() };
    assert_ne!(one.encode().key, other.encode().key);
}

#[test]
fn what_describes_no_model_is_refused() {
    let check = |change: ModelChange, expected: &str| {
        let told = change.check().unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
        assert!(Controlled::decode(&change.encode()).is_err(), "nor is it read");
    };
    check(publish(|descriptor| descriptor.version = "7 b".to_owned()), "`7 b` is no version");
    check(publish(|descriptor| descriptor.version.clear()), "`` is no version");
    check(publish(|descriptor| descriptor.sha256 = "0A".repeat(32)), "not 64 hex digits");
    check(publish(|descriptor| descriptor.source = Source::Value { offsets: Vec::new() }), "0 parts");
    check(publish(|descriptor| descriptor.trained_on = Some("x".repeat(2_001))), "training data reference");
    check(change(ModelAction::Serve { version: "a@b".to_owned(), expected: None }), "`a@b` is no version");
    check(ModelChange { author: " ".to_owned(), ..publish(|_| {}) }, "no author");
}

#[test]
fn bytes_are_parted_so_that_any_log_takes_them_and_come_together_again() {
    let whole: Bytes = (0..BY_VALUE_MAX).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    let parts: Vec<ModelPart> = ModelPart::of(Uuid::from_u128(7), &whole).collect();
    assert_eq!(parts.len(), 3);
    let read: Vec<u8> = parts
        .iter()
        .flat_map(|part| {
            let read = ModelPart::decode(&part.encode()).unwrap();
            assert_eq!(&read, part);
            assert!(part.bytes.len() < 600_000);
            read.bytes
        })
        .collect();
    assert_eq!(read, whole);
}

#[test]
fn a_tensor_is_written_as_it_is_read() {
    for text in ["input:f32[-1,13]", "label:i64", "out:sequence"] {
        assert_eq!(text.parse::<TensorSpec>().unwrap().to_string(), text);
    }
    for wrong in ["input", ":f32", "a:", "a:f32[x]", "a:f32[1"] {
        assert!(wrong.parse::<TensorSpec>().unwrap_err().contains("is no tensor"), "{wrong}");
    }
}
