//! Several rows in one call: each is a request of its own, and all are answered together.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use wire::{RequestId, ResultKind};

use crate::{
    http::{INFER, call, open, open_with},
    support::{ANSWER, EPOCH, World, definition, soon},
};
use hedgerow_starter::Limits;

const DEFAULT: &str =
    r#"{"answer":{"class":"unknown"},"decision":{"decided_by":"default","completeness":"none","reason":"too_few"}}"#;

/// Three rows, the second of which is nobody's business but the default's.
const ROWS: &str =
    r#"{"id":"three","inputs":[{"name":"row","shape":[3,2],"datatype":"FP64","data":[[12.5,2],[99,2],[13,3]]}]}"#;

/// Answers whatever has an alcohol of 99 with the default, and everything else with a prediction.
fn collect(world: &Arc<World>) {
    world.fence(EPOCH);
    let (world, mut requests) = (Arc::clone(world), world.requests());
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let is_odd = request.body.starts_with(br#"{"alcohol":99"#);
            let (kind, body) = if is_odd { (ResultKind::Default, DEFAULT) } else { (ResultKind::Prediction, ANSWER) };
            world.answer(&request, EPOCH, kind, body);
        }
    });
}

fn told(answer: &Value) -> Vec<Value> {
    serde_json::from_str(answer["parameters"]["hedgerow_rows"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_row_of_a_batch_is_a_request_of_its_own_and_gets_its_answer() {
    let (world, _station, router) = open().await;
    collect(&world);
    let answer = call(&router, "POST", INFER, &[], ROWS).await;
    assert_eq!(
        (answer.status, answer.header("hedgerow-kind"), answer.header("hedgerow-rows")),
        (StatusCode::OK, "mixed", "3")
    );
    let answer = answer.json();
    assert_eq!((&answer["id"], &answer["model_name"]), (&json!("three"), &json!("wine")));
    assert_eq!(
        answer["outputs"],
        json!([
            { "name": "class", "shape": [3], "datatype": "BYTES", "data": ["1", "unknown", "1"] },
            { "name": "probability", "shape": [3], "datatype": "FP64", "data": [0.75, null, 0.75] },
            { "name": "scores", "shape": [3, 2], "datatype": "FP64", "data": [0.25, 1, null, null, 0.25, 1] },
            { "name": "label", "shape": [3], "datatype": "BYTES", "data": ["barolo", null, "barolo"] },
            { "name": "sure", "shape": [3], "datatype": "BYTES", "data": ["true", null, "true"] },
        ])
    );
    let told = told(&answer);
    let ids = |index: usize| RequestId::from_key(definition().name(), &format!("three#{index}")).to_string();
    for (index, row) in told.iter().enumerate() {
        assert_eq!(row["request_id"], ids(index));
    }
    let seen = |index: usize| {
        (told[index]["kind"].clone(), told[index]["decided_by"].clone(), told[index]["degraded"].clone())
    };
    assert_eq!(seen(0), (json!("prediction"), json!("agree"), json!(false)));
    assert_eq!(seen(1), (json!("default"), json!("default"), json!(true)));
    let mut bodies = Vec::new();
    let mut requests = world.requests();
    for _ in 0..3 {
        bodies.push(soon(requests.recv()).await.unwrap().body);
    }
    bodies.sort();
    let expected = [r#"{"alcohol":12.5,"ash":2}"#, r#"{"alcohol":13,"ash":3}"#, r#"{"alcohol":99,"ash":2}"#];
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn the_same_rows_again_are_the_same_requests_and_one_row_can_be_asked_for_by_its_key() {
    let (world, _station, router) = open().await;
    collect(&world);
    let without_id = ROWS.replacen(r#""id":"three","#, "", 1);
    let headers = [("idempotency-key", "k"), ("hedgerow-budget-ms", "900"), ("hedgerow-attribute-tenant", "a")];
    let ids = |answer: &Value| told(answer).iter().map(|row| row["request_id"].clone()).collect::<Vec<_>>();
    let first = call(&router, "POST", INFER, &headers, &without_id).await.json();
    let again = call(&router, "POST", INFER, &headers, &without_id).await.json();
    assert_eq!(ids(&first), ids(&again));
    let one =
        call(&router, "POST", INFER, &[("idempotency-key", "k#2"), headers[2]], r#"{"alcohol":13,"ash":3}"#).await;
    assert_eq!(one.header("hedgerow-request-id"), ids(&first)[2]);
    let mut requests = world.requests();
    for _ in 0..3 {
        let request = soon(requests.recv()).await.unwrap();
        assert_eq!(request.budget, wire::Budget::from_millis(900));
        assert_eq!(request.attributes.get("tenant"), Some("a"));
    }
    assert!(requests.try_recv().is_err(), "nothing was written twice");
}

#[tokio::test]
async fn a_row_that_cannot_be_a_request_is_told_and_the_others_are_answered() {
    let (world, _station, router) = open().await;
    collect(&world);
    let rows = ROWS.replace("[99,2]", "[null,2]");
    let answer = call(&router, "POST", INFER, &[], &rows).await;
    assert_eq!((answer.status, answer.header("hedgerow-kind")), (StatusCode::OK, "mixed"));
    let told = told(&answer.json());
    assert_eq!((&told[0]["kind"], &told[2]["kind"]), (&json!("prediction"), &json!("prediction")));
    let error = "tensor `row` holds null: every feature needs a number";
    assert_eq!(told[1], json!({ "kind": "refused", "error": error }));
    let all = ROWS.replace("[[12.5,2],[99,2],[13,3]]", "[[null,2],[null,2],[null,3]]");
    let answer = call(&router, "POST", INFER, &[], &all).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, json!({ "error": error })));
}

#[tokio::test]
async fn more_rows_than_may_come_are_refused_with_both_numbers() {
    let (world, _station, router) = open_with(Limits { rows: 2, ..Limits::default() }).await;
    collect(&world);
    let answer = call(&router, "POST", INFER, &[], ROWS).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["error"], "tensor `row` has a batch of 3 rows, at most 2 may come at a time");
}

#[tokio::test]
async fn tensors_come_and_go_in_binary_form() {
    let (world, _station, router) = open().await;
    world.collect();
    let json_part = r#"{"id":"b","parameters":{"binary_data_output":true},"outputs":[{"name":"class"},{"name":"label","parameters":{"binary_data":false}},{"name":"scores"}],"inputs":[{"name":"row","shape":[2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}]}"#;
    let mut body = json_part.as_bytes().to_vec();
    body.extend([12.5_f32, 2.0, 13.0, 3.0].map(f32::to_le_bytes).concat());
    let length = json_part.len().to_string();
    let headers = [("inference-header-content-length", &*length), ("content-type", "application/octet-stream")];
    let answer = call(&router, "POST", INFER, &headers, body).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/octet-stream"));
    let json_bytes: usize = answer.header("inference-header-content-length").parse().unwrap();
    let (json_part, binary) = answer.body.split_at(json_bytes);
    let told: Value = serde_json::from_slice(json_part).unwrap();
    assert_eq!(
        told["outputs"],
        json!([
            { "name": "class", "shape": [2], "datatype": "INT64", "parameters": { "binary_data_size": 16 } },
            { "name": "scores", "shape": [2, 2], "datatype": "FP64", "parameters": { "binary_data_size": 32 } },
            { "name": "label", "shape": [2], "datatype": "BYTES", "data": ["barolo", "barolo"] },
        ])
    );
    let expected = [1_i64, 1].map(i64::to_le_bytes).concat();
    let scores = [0.25_f64, 1.0, 0.25, 1.0].map(f64::to_le_bytes).concat();
    assert_eq!(binary, [expected, scores].concat());
}
