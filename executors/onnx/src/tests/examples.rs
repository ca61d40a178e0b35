//! The models of the other examples say here what they say under Python, which their `train.py` wrote down.

use super::*;

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(file)
}

/// Asks a model about each of `rows`, and compares every member that is expected.
fn check(model: &str, schema: &Arc<InputSchema>, rows: &[Value], expected: &Value) {
    let model = Onnx::load(model, &example(model), schema, None).unwrap_or_else(|error| panic!("{error}"));
    let expected = expected.as_array().unwrap();
    assert_eq!((rows.len(), expected.len()), (20, 20));
    for (row, expected) in rows.iter().zip(expected) {
        let body = serde_json::to_vec(row).unwrap().into();
        let id = RequestId::from_uuid(uuid::Uuid::nil());
        let input = Input::new(id, Timestamp::EPOCH, body, Arc::clone(schema));
        let answer = read(model.score(&input).now_or_never().expect("a model here never waits"));
        for (member, value) in expected.as_object().unwrap() {
            assert!(is_close(&answer[member], value), "`{member}` about {row}: {answer} instead of {expected}");
        }
    }
}

fn expected(of: &str) -> Value {
    serde_json::from_slice(&fs::read(example(of).join("expected.json")).unwrap()).unwrap()
}

/// Returns whether both are the same, with numbers as close as single precision brings them.
fn is_close(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_close(ours, theirs))
        }
        (Value::Number(ours), Value::Number(theirs)) if theirs.is_f64() => {
            (ours.as_f64().unwrap() - theirs.as_f64().unwrap()).abs() < 1e-3
        }
        _ => ours == theirs,
    }
}

#[test]
fn the_models_of_the_fraud_example_say_what_they_say_under_python() {
    let numbers = ["amount", "hour", "minutes_since_last", "distance_km"];
    let schema = Arc::new(InputSchema::of(&numbers, &["category", "country"]));
    let expected = expected("fraud");
    for name in ["fast", "accurate", "newer"] {
        let rows = expected["rows"].as_array().unwrap();
        check(&format!("fraud/models/{name}.onnx"), &schema, rows, &expected[name]);
    }
}

#[test]
fn both_factorisations_of_the_recommender_name_the_items_that_they_name_under_python() {
    let schema = Arc::new(InputSchema::of(&["user"], &[]));
    let users: Vec<Value> = (0..20).map(|user| serde_json::json!({ "user": user })).collect();
    let expected = expected("recommender");
    for name in ["first", "second"] {
        check(&format!("recommender/models/{name}.onnx"), &schema, &users, &expected[name]);
    }
}
