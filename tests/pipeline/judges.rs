//! A judge on a server: it is given what the models say, and its answer is the result.

use axum::{Json, Router, routing::post};
use bus::{Clock, EmbeddedBus};
use policies::DecidedBy;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::rendezvous::{ALL, Rendezvous, body};

/// Adds up what the models say, and says so in the Open Inference Protocol.
async fn judge(Json(asked): Json<Value>) -> Json<Value> {
    let given = &asked["inputs"][0];
    assert_eq!((&given["datatype"], &given["shape"]), (&json!("BYTES"), &json!([1])), "{asked}");
    let case: Value = serde_json::from_str(given["data"][0].as_str().unwrap()).unwrap();
    assert_eq!(case["input"], json!({ "x": 7 }));
    let answers = case["answers"].as_object().unwrap().values();
    let sum: i64 = answers.map(|answer| answer["price"].as_i64().unwrap()).sum();
    Json(json!({ "model_version": "3", "outputs": [
        { "name": "price", "datatype": "INT64", "shape": [1], "data": [sum] },
        { "name": "sure", "datatype": "FP64", "shape": [1], "data": [0.9] },
    ] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_fuses_what_the_models_say() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/v2/models/judge/infer", post(judge));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let policy = format!(
        "
rendezvous: NAME
budget: 20s
input: {{ features: [x] }}
answer: {{ value: price }}
executors:
  forest: {{ constant: {{ answer: {{ price: 30 }} }} }}
  boost: {{ constant: {{ answer: {{ price: 12 }}, delay: 5ms }} }}
  judge: {{ http: \"http://{address}/v2/models/judge/infer\", hears: [forest, boost], wait: 10s }}
decide:
  - prefer: [judge, forest]
    until: 20s
  - default: {{ price: 0 }}
"
    );
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, &policy, &ALL).await;
    let answered = rendezvous.ask(r#"{"x":7}"#).await.unwrap();
    let said = body(&answered);
    assert_eq!((said.answer["price"].clone(), said.answer["sure"].clone()), (42.into(), 0.9.into()));
    assert_eq!(said.decision.decided_by, DecidedBy::Prefer);
    rendezvous.stop().await;
}
