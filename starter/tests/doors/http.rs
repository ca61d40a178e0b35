//! HTTP: through the router, and once through a socket.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use hedgerow_starter::{Limits, http};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use wire::ResultKind;

use crate::support::{ANSWER, BODY, EPOCH, Station, World, soon};

pub(crate) const INFER: &str = "/v2/models/wine/infer";
const LONG: &str = "long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON long and no JSON ";
const TENSORS: &str = r#"{"id":"seven","inputs":[{"name":"row","shape":[1,2],"datatype":"FP32","data":[12.5,2]}]}"#;

/// Method, path, headers and body.
type Call = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

// === impl Answer ===

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn open() -> (Arc<World>, Station, Router) {
    open_with(Limits::default()).await
}

pub(crate) async fn open_with(limits: Limits) -> (Arc<World>, Station, Router) {
    let world = Arc::new(World::new().await);
    let station = world.start_with(limits).await;
    let router = station.router();
    (world, station, router)
}

pub(crate) async fn call(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response =
        soon(router.clone().oneshot(request.body(Body::from(body.as_ref().to_vec())).unwrap())).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec() }
}

#[tokio::test]
async fn a_plain_caller_gets_the_result_as_it_lies_in_the_log() {
    let (world, _station, router) = open().await;
    world.collect();
    let answer = call(&router, "POST", INFER, &[], BODY).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, ANSWER.as_bytes()));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("hedgerow-kind"), answer.header("hedgerow-decided-by")), ("prediction", "agree"));
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!(answer.header("hedgerow-request-id"), request.id.to_string());
}

#[tokio::test]
async fn an_open_inference_caller_gets_tensors() {
    let (world, _station, router) = open().await;
    world.collect();
    let mut answer = call(&router, "POST", INFER, &[], TENSORS).await.json();
    let parameters = answer["parameters"].as_object_mut().unwrap();
    assert!(parameters.remove("hedgerow_elapsed_ms").unwrap().as_f64().unwrap() > 0.0);
    let id = wire::RequestId::from_key(crate::support::definition().name(), "seven").to_string();
    assert_eq!(
        answer,
        json!({
            "model_name": "wine", "model_version": "1", "id": "seven",
            "parameters": {
                "hedgerow_request_id": id, "hedgerow_policy": "wine@1", "hedgerow_kind": "prediction", "hedgerow_decided_by": "agree",
                "hedgerow_completeness": "partial", "hedgerow_reason": "early",
                "hedgerow_executors": "forest,boost", "hedgerow_degraded": false,
            },
            "outputs": [
                { "name": "class", "shape": [1], "datatype": "INT64", "data": [1] },
                { "name": "probability", "shape": [1], "datatype": "FP64", "data": [0.75] },
                { "name": "scores", "shape": [1, 2], "datatype": "FP64", "data": [0.25, 1] },
                { "name": "label", "shape": [1], "datatype": "BYTES", "data": ["barolo"] },
                { "name": "sure", "shape": [1], "datatype": "BOOL", "data": [true] },
            ],
        })
    );
}

#[tokio::test]
async fn only_the_outputs_asked_for_are_sent() {
    let (world, _station, router) = open().await;
    world.collect();
    let body = TENSORS.replacen('{', r#"{"outputs":[{"name":"label"},{"name":"nothing"}],"#, 1);
    let answer = call(&router, "POST", INFER, &[], &body).await.json();
    assert_eq!(answer["outputs"], json!([{ "name": "label", "shape": [1], "datatype": "BYTES", "data": ["barolo"] }]));
}

#[tokio::test]
async fn a_default_is_an_answer_that_cannot_be_read_as_a_prediction() {
    let (world, _station, router) = open().await;
    world.fence(EPOCH);
    let (answering, mut requests) = (Arc::clone(&world), world.requests());
    tokio::spawn(async move {
        let body = r#"{"answer":{"class":"unknown"},"decision":{"decided_by":"default","reason":"too_few"}}"#;
        while let Some(request) = requests.recv().await {
            answering.answer(&request, EPOCH, ResultKind::Default, body);
        }
    });
    let plain = call(&router, "POST", INFER, &[], BODY).await;
    assert_eq!((plain.status, plain.header("hedgerow-kind")), (StatusCode::OK, "default"));
    assert_eq!(plain.header("hedgerow-decided-by"), "default");
    let spoken = call(&router, "POST", INFER, &[], TENSORS).await.json();
    assert_eq!(spoken["parameters"]["hedgerow_kind"], "default");
    assert_eq!(spoken["parameters"]["hedgerow_degraded"], true);
}

#[tokio::test]
async fn headers_query_and_parameters_lower_the_budget_and_name_the_request() {
    let (world, _station, router) = open().await;
    world.collect();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("idempotency-key", "k"), ("hedgerow-budget-ms", "900"), ("traceparent", trace)];
    let body = TENSORS.replacen('{', r#"{"parameters":{"timeout_ms":800},"#, 1);
    let answer = call(&router, "POST", &format!("{INFER}?x=1&budget_ms=850.5"), &headers, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!(request.budget, wire::Budget::from_millis(800));
    assert_eq!(request.id, wire::RequestId::from_key(crate::support::definition().name(), "k"));
    assert_eq!(request.traceparent.as_deref(), Some(trace.as_bytes()));
}

#[tokio::test]
async fn every_refusal_is_one_sentence_with_its_status() {
    let (world, _station, router) = open_with(Limits { body_bytes: 300, ..Limits::default() }).await;
    world.collect();
    call(&router, "POST", INFER, &[("idempotency-key", "k")], BODY).await;
    let calls: [Call; 21] = [
        ("POST", INFER, &[], "{"),
        ("POST", INFER, &[], ""),
        ("POST", INFER, &[], r#"{"alcohol":1}"#),
        ("POST", INFER, &[], r#"{"alcohol":"x","ash":1}"#),
        ("POST", INFER, &[("hedgerow-budget-ms", "-1")], BODY),
        ("POST", "/v2/models/wine/infer?budget_ms=NaN", &[], BODY),
        ("POST", INFER, &[("idempotency-key", " ")], BODY),
        ("POST", INFER, &[], LONG),
        ("POST", INFER, &[("inference-header-content-length", "9999")], BODY),
        ("POST", INFER, &[("inference-header-content-length", "nine")], BODY),
        ("POST", INFER, &[("content-encoding", "gzip")], BODY),
        ("POST", "/v2/models/beer/infer", &[], BODY),
        ("POST", "/v3", &[], BODY),
        ("GET", INFER, &[], ""),
        ("POST", INFER, &[("idempotency-key", "k")], r#"{"alcohol":1,"ash":1}"#),
        ("POST", INFER, &[("idempotency-key", "k"), ("hedgerow-attribute-tenant", "a")], BODY),
        ("POST", INFER, &[("hedgerow-attribute-tenent", "a")], BODY),
        ("POST", INFER, &[("hedgerow-attribute-tenant", "a"), ("hedgerow-attribute-tenant", "b")], BODY),
        ("POST", "/v2/models/wine/versions/2/infer", &[], BODY),
        ("GET", "/v2/models/wine/versions/2", &[], ""),
        ("GET", "/v2/models/wine/versions/latest/ready", &[], ""),
    ];
    let mut table = String::new();
    for (method, path, headers, body) in calls {
        let answer = call(&router, method, path, headers, body).await;
        let sentence = answer.json()["error"].as_str().unwrap().to_owned();
        writeln!(table, "{} {sentence}", answer.status.as_u16()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_shed_caller_is_told_when_to_try_again() {
    let (_world, _station, router) = open_with(Limits { callers: 0, ..Limits::default() }).await;
    let answer = call(&router, "POST", INFER, &[], BODY).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
    assert_eq!(answer.header("hedgerow-shed"), "callers");
}

#[tokio::test]
async fn bodies_beyond_what_a_door_receives_at_once_are_shed_and_a_place_given_back_is_free() {
    let (_world, _station, router) = open_with(Limits::default()).await;
    let endless = || {
        let body = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
        Box::pin(router.clone().oneshot(Request::post(INFER).body(body).unwrap()))
    };
    // None of them says how long it is, so each may become as long as an input may be.
    let mut receiving = Vec::new();
    let shed = loop {
        let mut caller = endless();
        match futures::poll!(&mut caller) {
            std::task::Poll::Ready(response) => break response.unwrap(),
            std::task::Poll::Pending => receiving.push(caller),
        }
    };
    assert_eq!(shed.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(shed.headers()["hedgerow-shed"], "bodies");
    assert_eq!(receiving.len(), (256 << 20) / (1_009 << 10));
    receiving.pop();
    assert!(futures::poll!(&mut endless()).is_pending());
}

#[tokio::test]
async fn without_a_collector_the_caller_gets_the_id_and_no_invented_answer() {
    let (world, _station, router) = open_with(Limits { grace: std::time::Duration::ZERO, ..Limits::default() }).await;
    let answer = call(&router, "POST", &format!("{INFER}?budget_ms=20"), &[], BODY).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!(answer.header("hedgerow-request-id"), request.id.to_string());
    assert!(answer.json()["error"].as_str().unwrap().contains(&request.id.to_string()));
}

#[tokio::test]
async fn an_error_that_the_policy_says_is_a_504_with_its_decision() {
    let (world, _station, router) = open().await;
    world.fence(EPOCH);
    let (answering, mut requests) = (Arc::clone(&world), world.requests());
    let body = r#"{"answer":{"error":"no model agreed"},"decision":{"decided_by":"default","reason":"dispute","case":"gold"}}"#;
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            answering.answer(&request, EPOCH, ResultKind::Error, body);
        }
    });
    let plain = call(&router, "POST", INFER, &[], BODY).await;
    assert_eq!((plain.status, plain.header("hedgerow-kind")), (StatusCode::GATEWAY_TIMEOUT, "error"));
    assert_eq!((&*plain.body, plain.header("hedgerow-policy")), (body.as_bytes(), "wine@1"));
    let spoken = call(&router, "POST", INFER, &[], TENSORS).await;
    assert_eq!((spoken.status, spoken.header("hedgerow-case")), (StatusCode::GATEWAY_TIMEOUT, "gold"));
    let spoken = spoken.json();
    assert_eq!((&spoken["error"], &spoken["outputs"]), (&json!("no model agreed"), &json!([])));
    assert_eq!(spoken["parameters"]["hedgerow_kind"], "error");
    assert_eq!(spoken["parameters"]["hedgerow_case"], "gold");
    assert_eq!(spoken["parameters"]["hedgerow_degraded"], true);
}

#[tokio::test]
async fn attributes_come_in_headers_and_parameters_and_travel_with_the_request() {
    let (world, _station, router) = open().await;
    world.collect();
    let body = TENSORS.replacen('{', r#"{"parameters":{"tenant":7.50,"binary_data_output":true},"#, 1);
    let headers = [("Hedgerow-Attribute-Customer-Tier", "gold"), ("hedgerow-attribute-tenant", "7.50")];
    assert_eq!(call(&router, "POST", INFER, &headers, &body).await.status, StatusCode::OK);
    let request = soon(world.requests().recv()).await.unwrap();
    assert_eq!(request.attributes.to_string(), r#"{"customer_tier":"gold","tenant":"7.50"}"#);
}

#[tokio::test]
async fn the_protocols_other_paths_answer_before_and_after() {
    let (_world, station, router) = open().await;
    let get = async |path| {
        let answer = call(&router, "GET", path, &[], "").await;
        (answer.status.as_u16(), answer.json())
    };
    assert_eq!(get("/v2").await.1["name"], "hedgerow");
    assert_eq!(get("/v2/health/live").await, (200, json!({ "live": true })));
    assert_eq!(get("/v2/health/ready").await, (200, json!({ "ready": true })));
    assert_eq!(get("/v2/models/wine/ready").await, (200, json!({ "name": "wine", "ready": true })));
    let model = get("/v2/models/wine").await.1;
    assert_eq!((&model["name"], &model["versions"]), (&json!("wine"), &json!(["1"])));
    assert_eq!(model["inputs"][1], json!({ "name": "ash", "datatype": "FP64", "shape": [-1] }));
    let parameters = json!({ "version": "1", "live_version": "1", "budget_ms": 5000.0, "attributes": "tenant,customer_tier", "cases": "gold" });
    assert_eq!(model["parameters"], parameters);
    station.stop().await;
    assert_eq!(get("/v2/health/live").await.0, 200);
    assert_eq!(get("/v2/health/ready").await, (503, json!({ "ready": false })));
    assert_eq!(get("/v2/models/wine/ready").await.0, 503);
    let answer = call(&router, "POST", INFER, &[], BODY).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
}

#[tokio::test]
async fn a_socket_is_served_until_stop() {
    let (world, _station, router) = open().await;
    world.collect();
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), CancellationToken::new());
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let serving = tokio::spawn(http::serve(listener, router, stop.clone()));
    let head =
        format!("POST {INFER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", BODY.len());
    stream.write_all(format!("{head}{BODY}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(ANSWER), "{answer}");
    stop.cancel();
    soon(serving).await.unwrap().unwrap();
}
