//! The wine models say here what they say under Python.

mod examples;

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
    InputSchema::of(&FEATURES[..features], &[])
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
    let schema_of = |features: &[&str]| InputSchema::of(features, &[]);
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
    let schema = InputSchema::of(&["hue", "ash"], &[]);
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

/// One of the small models, asked about several inputs: each alone, and all in one run where the model takes that.
fn check_inputs(model: &str, schema: &InputSchema, cases: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{model}.onnx"));
    let model = Onnx::load("x", &path, schema, None).unwrap_or_else(|error| panic!("{error}"));
    let input = |(body, _): &(&str, &str)| {
        let (id, body) = (RequestId::from_uuid(uuid::Uuid::nil()), Bytes::copy_from_slice(body.as_bytes()));
        Input::new(id, Timestamp::EPOCH, body, Arc::new(schema.clone()))
    };
    let inputs: Vec<Input> = cases.iter().map(input).collect();
    let together = model.score_batch(&inputs.iter().collect::<Vec<_>>()).now_or_never().expect("it never waits");
    for ((input, together), (_, expected)) in inputs.iter().zip(together).zip(cases) {
        let alone = model.score(input).now_or_never().expect("it never waits");
        for answer in [alone, together] {
            assert_eq!(std::str::from_utf8(&answer.unwrap()).unwrap(), *expected);
        }
    }
}

#[test]
fn a_pipeline_of_a_number_and_a_text_says_what_it_says_under_python() {
    let schema = InputSchema::of(&["ash"], &["grape"]);
    let answer = |class: &str, first: f32, second: f32| {
        let largest = first.max(second);
        format!(r#"{{"class":"{class}","probability":{largest},"probabilities":[{first},{second}]}}"#)
    };
    let (white, red) = (answer("white", 0.337_416_1, 0.662_583_9), answer("red", 0.662_583_9, 0.337_416_1));
    check_inputs(
        "words_and_numbers",
        &schema,
        &[
            (r#"{"grape": "pinot", "ash": 1}"#, &white),
            (r#"{"ash": 0, "grape": "merlot"}"#, &red),
            // A word that it has never seen is none of those that it knows.
            (r#"{"ash": 0, "grape": "müller"}"#, &answer("red", 0.5, 0.5)),
        ],
    );
}

#[test]
fn inputs_of_every_type_are_filled_by_name_and_groups_with_what_is_left() {
    let schema = InputSchema::of(&["hue", "level", "ash", "flag", "exact"], &["grape", "maker"]);
    let said = |pair: &str, words: &str, level: i64, flag: bool, exact: &str| {
        format!(
            r#"{{"pair_again":{pair},"words_again":{words},"level_again":{level},"flag_again":{flag},"exact_again":{exact},"small":{level}}}"#
        )
    };
    let (one, other) =
        (said("[1.5,2.5]", r#"["é","\"x\""]"#, 7, true, "0.1"), said("[0.0,-1.0]", r#"["",""]"#, 0, false, "1e+300"));
    check_inputs(
        "groups",
        &schema,
        &[
            (r#"{"hue": 1.5, "ash": 2.5, "level": 7, "flag": 1, "exact": 0.1, "grape": "é", "maker": "\"x\""}"#, &one),
            (r#"{"hue": 0, "ash": -1, "level": 0, "flag": 0, "exact": 1e300, "grape": "", "maker": ""}"#, &other),
        ],
    );
}

#[test]
fn an_input_may_have_no_second_dimension_and_an_output_several_values() {
    let cases = [
        (r#"{"user": 0}"#, r#"{"items":[0,1],"scores":[0.5,0.25]}"#),
        (r#"{"user": 2}"#, r#"{"items":[0,2],"scores":[9.0,8.0]}"#),
        (r#"{"user": 1}"#, r#"{"items":[2,1],"scores":[3.0,2.0]}"#),
    ];
    check_inputs("flat", &InputSchema::of(&["user"], &[]), &cases);
}

#[test]
fn a_sequence_of_tensors_is_a_list_of_lists_and_takes_one_row_at_a_time() {
    let cases = [
        (r#"{"hue": 1, "ash": 2}"#, r#"{"both":[[1.0,2.0],[3.0]]}"#),
        (r#"{"hue": 0.5, "ash": 0}"#, r#"{"both":[[0.5,0.0],[0.5]]}"#),
    ];
    check_inputs("sequence", &InputSchema::of(&["hue", "ash"], &[]), &cases);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/sequence.onnx");
    let error = Onnx::load("x", &path, &InputSchema::of(&["hue", "ash"], &[]), NonZeroUsize::new(4)).err().unwrap();
    assert!(error.to_string().contains("it takes one row at a time: output `both`: is a sequence"), "{error}");
}

#[test]
fn what_is_said_of_an_unfit_model_names_the_feature_or_the_input() {
    let check = |model: &str, features: &[&str], texts: &[&str], expected: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{model}.onnx"));
        let error = Onnx::load("x", &path, &InputSchema::of(features, texts), None).err().expect("refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("regressor", &["hue", "ash"], &["grape"], "it takes no texts, the policy has `grape`");
    check("words_and_numbers", &["ash"], &[], "it has an input `grape` of texts, the policy has none");
    check("words_and_numbers", &[], &["grape"], "it has an input `ash` of numbers, the policy has none");
    check("words_and_numbers", &["ash"], &["grape", "maker"], "it takes 1 texts a row, the policy has 2 texts");
    check(
        "groups",
        &["a", "b", "level", "exact"],
        &["x", "y"],
        "it has an input `flag`, the policy has no such feature",
    );
    check(
        "groups",
        &["a", "level", "flag", "exact"],
        &["x", "y"],
        "its input `pair` takes 2 numbers a row, and 1 are left",
    );
    check("groups", &["a", "b", "c", "level", "flag", "exact"], &["x", "y"], "no input of it takes `c`");
    check(
        "groups",
        &["pair", "b", "level", "flag", "exact"],
        &["x", "y"],
        "its input `pair` takes 2 numbers a row instead of one",
    );
    check("flat", &["user", "item"], &[], "it takes 1 numbers a row, the policy has 2 features");
}

#[test]
fn a_text_with_a_zero_byte_fails_alone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/words_and_numbers.onnx");
    let schema = InputSchema::of(&["ash"], &["grape"]);
    let model = Onnx::load("x", &path, &schema, None).unwrap_or_else(|error| panic!("{error}"));
    let input = |grape: &str| {
        let body = format!(r#"{{"ash": 1, "grape": "{grape}"}}"#).into();
        Input::new(RequestId::from_uuid(uuid::Uuid::nil()), Timestamp::EPOCH, body, Arc::new(schema.clone()))
    };
    let inputs = [input("pinot"), input("pi\\u0000not")];
    let answers = model.score_batch(&inputs.each_ref()).now_or_never().expect("it never waits");
    assert_eq!(read(answers[0].clone())["class"], "white");
    assert!(answers[1].is_err());
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
