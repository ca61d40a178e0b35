//! The wine models say here what they say under Python.

use std::{path::PathBuf, process::Command, sync::Arc};

use futures::FutureExt;
use serde_json::Value;
use wire::{RequestId, Timestamp};

use super::*;

const FEATURES: [&str; 13] = [
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280_od315",
    "proline",
];

fn wine(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/wine").join(file)
}

fn schema(features: usize) -> InputSchema {
    InputSchema { features: FEATURES[..features].iter().map(|name| (*name).into()).collect() }
}

fn check_model(name: &str) {
    let expected: Value = serde_json::from_slice(&fs::read(wine("expected.json")).unwrap()).unwrap();
    // Fails with the sentence that says what to type when there is no onnxruntime.
    let model = Onnx::load(name, &wine(&format!("models/{name}.onnx")), &schema(13), None)
        .unwrap_or_else(|error| panic!("{error}"));
    let rows = expected["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    for (row, expected) in rows.iter().zip(expected[name].as_array().unwrap()) {
        let body: serde_json::Map<String, Value> = FEATURES
            .iter()
            .zip(row.as_array().unwrap())
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let body = serde_json::to_vec(&body).unwrap().into();
        let input = Input::new(RequestId::from_uuid(uuid::Uuid::nil()), Timestamp::EPOCH, body, Arc::new(schema(13)));
        let answer = model.score(&input).now_or_never().expect("a model here never waits").unwrap();
        check_answer(&serde_json::from_slice(&answer).unwrap(), expected);
    }
}

fn wine_input(body: Bytes) -> Input {
    Input::new(RequestId::from_uuid(uuid::Uuid::nil()), Timestamp::EPOCH, body, Arc::new(schema(13)))
}

fn wine_rows() -> Vec<Bytes> {
    let expected: Value = serde_json::from_slice(&fs::read(wine("expected.json")).unwrap()).unwrap();
    let body = |row: &Value| {
        let pairs = FEATURES.iter().zip(row.as_array().unwrap());
        let body: serde_json::Map<String, Value> =
            pairs.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        serde_json::to_vec(&body).unwrap().into()
    };
    expected["rows"].as_array().unwrap().iter().map(body).collect()
}

/// Asked about all rows in one run, in batches of every size, a model says what it says about each alone.
fn check_batches(name: &str) {
    let path = wine(&format!("models/{name}.onnx"));
    let model = Onnx::load(name, &path, &schema(13), None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(model.batch_max(), BATCH_MAX);
    let inputs: Vec<Input> = wine_rows().into_iter().map(wine_input).collect();
    let alone: Vec<Value> = inputs.iter().map(|input| read(model.score(input).now_or_never().unwrap())).collect();
    for size in [1, 2, 7, 20, 3, 3] {
        for (inputs, alone) in inputs.chunks(size).zip(alone.chunks(size)) {
            let inputs: Vec<&Input> = inputs.iter().collect();
            let answers = model.score_batch(&inputs).now_or_never().expect("a model here never waits");
            assert_eq!(answers.len(), alone.len());
            for (answer, alone) in answers.into_iter().zip(alone) {
                check_answer(&read(answer), alone);
            }
        }
    }
}

fn read(answer: Result<Bytes, Failure>) -> Value {
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

#[test]
fn in_a_batch_every_model_says_what_it_says_about_each_row_alone() {
    ["forest", "boost", "linear", "mlp", "better", "shuffled"].into_iter().for_each(check_batches);
}

#[test]
fn what_is_wrong_with_one_row_of_a_batch_costs_the_others_nothing() {
    let model = Onnx::load("forest", &wine("models/forest.onnx"), &schema(13), None).unwrap();
    let mut inputs: Vec<Input> = wine_rows().into_iter().map(wine_input).collect();
    inputs[1] = wine_input(Bytes::from_static(b"{}"));
    let answers = model.score_batch(&inputs.iter().collect::<Vec<_>>()).now_or_never().unwrap();
    for (index, (input, answer)) in inputs.iter().zip(answers).enumerate() {
        match answer {
            Ok(answer) => assert_eq!(read(Ok(answer)), read(model.score(input).now_or_never().unwrap())),
            Err(failure) => assert!(index == 1 && failure.message.contains("feature `alcohol` is missing")),
        }
    }
}

#[test]
fn the_policy_says_how_many_rows_at_most_and_a_model_that_takes_one_is_named() {
    let schema_of = |features: &[&str]| InputSchema { features: features.iter().map(|name| (*name).into()).collect() };
    let load = |path: &Path, features: &[&str], most: usize| {
        Onnx::load("x", path, &schema_of(features), NonZeroUsize::new(most))
    };
    let forest = load(&wine("models/forest.onnx"), &FEATURES, 4).unwrap();
    assert_eq!(forest.batch_max().get(), 4);
    // Its shape says `[1, 2]`.
    let fixed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/one_row.onnx");
    assert_eq!(load(&fixed, &["hue", "ash"], 1).unwrap().batch_max().get(), 1);
    assert_eq!(Onnx::load("x", &fixed, &schema_of(&["hue", "ash"]), None).unwrap().batch_max().get(), 1);
    let error = load(&fixed, &["hue", "ash"], 4).err().expect("refused").to_string();
    assert!(error.contains("`max_batch` is 4, but it takes one row at a time"), "{error}");
}

fn check_answer(answer: &Value, expected: &Value) {
    assert_eq!(answer["class"], expected["class"]);
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect::<Vec<_>>();
    let (probabilities, expected) = (numbers(&answer["probabilities"]), numbers(&expected["probabilities"]));
    assert_eq!(probabilities.len(), 3);
    for (ours, theirs) in probabilities.iter().zip(&expected) {
        assert!((ours - theirs).abs() < 1e-4, "{probabilities:?} instead of {expected:?}");
    }
    let largest = probabilities.iter().copied().fold(0.0, f64::max);
    assert!((answer["probability"].as_f64().unwrap() - largest).abs() < 1e-9);
}

#[test]
fn the_forest_says_what_it_says_under_python() {
    check_model("forest");
}

#[test]
fn the_boosted_trees_say_what_they_say_under_python() {
    check_model("boost");
}

#[test]
fn the_linear_model_says_what_it_says_under_python() {
    check_model("linear");
}

#[test]
fn the_perceptron_says_what_it_says_under_python() {
    check_model("mlp");
}

#[test]
fn the_canaries_say_what_they_say_under_python() {
    ["better", "shuffled"].into_iter().for_each(check_model);
}

/// One of the small models in `tests/models`, asked about hue 1 (or `hue`) and ash 0 (or `ash`).
fn check_kind(model: &str, hue: f64, ash: f64, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{model}.onnx"));
    let schema = InputSchema { features: vec!["hue".into(), "ash".into()] };
    let model = Onnx::load("x", &path, &schema, None).unwrap_or_else(|error| panic!("{error}"));
    let body = format!(r#"{{"hue": {hue}, "ash": {ash}}}"#).into();
    let input = Input::new(RequestId::from_uuid(uuid::Uuid::nil()), Timestamp::EPOCH, body, Arc::new(schema));
    let answer = model.score(&input).now_or_never().expect("a model here never waits").unwrap();
    assert_eq!(std::str::from_utf8(&answer).unwrap(), expected);
}

#[test]
fn zip_maps_are_probabilities_in_the_order_of_the_classes() {
    let probabilities = r#""probability":0.5989424,"probabilities":[0.5989424,0.4010576]"#;
    check_kind("zipmap_numbers", 1.0, 0.0, &format!(r#"{{"class":3,{probabilities}}}"#));
    check_kind("zipmap_words", 1.0, 0.0, &format!(r#"{{"class":"red",{probabilities}}}"#));
}

#[test]
fn a_regressor_of_double_precision_gives_one_value() {
    check_kind("regressor", 1.0, 0.0, r#"{"value":1.0000001192092896}"#);
}

#[test]
fn a_model_of_one_input_a_feature_gets_each_by_name_and_its_outputs_are_named() {
    check_kind("two_inputs", 1.5, 2.0, r#"{"difference":0.5,"whole":2}"#);
}

#[test]
fn what_a_model_cannot_say_is_null() {
    check_kind("not_a_number", 1.0, 0.0, r#"{"value":null}"#);
    check_kind("not_a_number", 0.0, 0.0, r#"{"value":null}"#);
    check_kind("not_a_number", 1.0, 2.0, r#"{"value":0.5}"#);
}

#[test]
fn inputs_that_are_no_features_are_named() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/two_inputs.onnx");
    check_refusal(&path, 2, &["it has an input `ash`, the policy has no such feature"]);
    check_refusal(&path, 3, &["it has 2 inputs, the policy has 3 features"]);
}

fn check_refusal(path: &Path, features: usize, expected: &[&str]) {
    let error = Onnx::load("x", path, &schema(features), None).err().expect("refused").to_string();
    for part in expected {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_model_of_another_width_is_refused_with_both_widths() {
    let forest = wine("models/forest.onnx");
    check_refusal(&forest, 12, &["forest.onnx", "it takes 13 numbers a row, the policy has 12 features"]);
}

#[test]
fn a_missing_file_is_named() {
    check_refusal(&wine("models/no.onnx"), 13, &["no.onnx", "No such file", "policy file's folder"]);
}

#[test]
fn a_file_that_is_no_model_is_named() {
    check_refusal(&wine("wine.csv"), 13, &["wine.csv", "is not an ONNX model"]);
}

#[test]
fn the_version_is_the_files_content() {
    let forest =
        Onnx::load("forest", &wine("models/forest.onnx"), &schema(13), None).unwrap_or_else(|error| panic!("{error}"));
    let renamed =
        Onnx::load("renamed", &wine("models/forest.onnx"), &schema(13), None).unwrap_or_else(|error| panic!("{error}"));
    let version = forest.model().as_str().strip_prefix("forest@").unwrap().to_owned();
    assert!(version.len() == 12 && version.bytes().all(|byte| byte.is_ascii_hexdigit()), "{version}");
    assert_eq!(renamed.model().as_str(), format!("renamed@{version}"));
}

/// The library is loaded once per process, so a process of its own finds another one, or none.
fn check_without_library(named: Option<&Path>, expected: &[&str]) {
    let empty = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tests::the_forest_says_what_it_says_under_python"]);
    child.current_dir(empty.path()).env_remove("ORT_DYLIB_PATH").envs(named.map(|path| ("ORT_DYLIB_PATH", path)));
    let said = child.output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    for part in expected {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn without_the_library_a_sentence_says_what_to_type() {
    check_without_library(
        None,
        &["the onnxruntime library was not found; type `make setup`", "pip install onnxruntime"],
    );
}

#[test]
fn a_library_that_cannot_be_used_is_named() {
    let path = wine("wine.csv");
    check_without_library(Some(&path), &["wine.csv` cannot be used", "or correct ORT_DYLIB_PATH"]);
}
