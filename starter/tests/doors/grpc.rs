//! gRPC: through the router. Through a socket, beside HTTP, real clients ask (`tests/clients.rs`).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http};
use futures::{StreamExt as _, poll, stream};
use hedgerow_starter::Limits;
use oip::{
    InferInputTensor, InferParameter, InferRequestedOutputTensor, InferTensorContents, ModelInferRequest,
    ModelMetadataRequest, ModelReadyRequest, ParameterChoice, ServerLiveRequest, ServerMetadataRequest,
    ServerReadyRequest, client::GRPCInferenceServiceClient, tensor::Data,
};
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::ServiceExt as _;
use wire::{Budget, RequestId, ResultKind};

use crate::{
    http::{open, open_with},
    support::{EPOCH, definition, soon},
};

fn client(router: &Router) -> GRPCInferenceServiceClient<Router> {
    GRPCInferenceServiceClient::new(router.clone())
}

fn tensor(name: &str, shape: &[i64], datatype: &str, contents: Option<InferTensorContents>) -> InferInputTensor {
    let (name, datatype) = (name.to_owned(), datatype.to_owned());
    InferInputTensor { name, datatype, shape: shape.to_vec(), parameters: HashMap::new(), contents }
}

/// Asks `wine` with one tensor of `values`, in the field for their type.
fn asked(shape: &[i64], values: Vec<f32>) -> ModelInferRequest {
    let contents = Data::F32(values).into_contents("FP32");
    ModelInferRequest {
        model_name: "wine".to_owned(),
        inputs: vec![tensor("row", shape, "FP32", contents)],
        ..ModelInferRequest::default()
    }
}

fn text<'a>(parameters: &'a HashMap<String, InferParameter>, name: &str) -> &'a str {
    match &parameters[name].parameter_choice {
        Some(ParameterChoice::Text(text)) => text,
        other => panic!("`{name}` is no text: {other:?}"),
    }
}

#[tokio::test]
async fn a_grpc_caller_gets_tensors_and_the_decision() {
    let (world, _station, router) = open().await;
    world.collect();
    let mut request = Request::new(ModelInferRequest { id: "seven".to_owned(), ..asked(&[1, 2], vec![12.5, 2.0]) });
    request.metadata_mut().insert("hedgerow-attribute-tenant", "a".parse().unwrap());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.metadata_mut().insert("traceparent", trace.parse().unwrap());
    let answer = soon(client(&router).model_infer(request)).await.unwrap();
    let written = soon(world.requests().recv()).await.unwrap();
    assert_eq!((&*written.body, written.attributes.get("tenant")), (&br#"{"alcohol":12.5,"ash":2.0}"#[..], Some("a")));
    assert_eq!(written.traceparent.as_deref(), Some(trace.as_bytes()));
    assert_eq!(written.id, RequestId::from_key(definition().name(), "seven"));
    assert_eq!(answer.metadata().get("hedgerow-kind").unwrap(), "prediction");
    let answer = answer.into_inner();
    assert_eq!((&*answer.id, &*answer.model_name, &*answer.model_version), ("seven", "wine", "1"));
    let told: Vec<_> = answer.outputs.iter().map(|output| (&*output.name, &*output.datatype, &*output.shape)).collect();
    let expected: [(&str, &str, &[i64]); 5] = [
        ("class", "INT64", &[1]),
        ("probability", "FP64", &[1]),
        ("scores", "FP64", &[1, 2]),
        ("label", "BYTES", &[1]),
        ("sure", "BOOL", &[1]),
    ];
    assert_eq!(told, expected);
    let values = |index: usize| Data::of_bytes(told[index].1, &answer.raw_output_contents[index]).unwrap();
    assert_eq!((values(0), values(2)), (Data::Signed(vec![1]), Data::F64(vec![0.25, 1.0])));
    assert_eq!((values(3), values(4)), (Data::Bytes(vec!["barolo".into()]), Data::Bool(vec![true])));
    assert_eq!(text(&answer.parameters, "hedgerow_request_id"), written.id.to_string());
    let decision: serde_json::Value = serde_json::from_str(text(&answer.parameters, "hedgerow_decision")).unwrap();
    assert_eq!(decision["receipt"][0]["executor"], "forest");
}

#[tokio::test]
async fn several_rows_as_raw_contents_are_answered_together() {
    let (world, _station, router) = open().await;
    world.collect();
    let column = |name: &str| tensor(name, &[2], "FP64", None);
    let bytes = |values: [f64; 2]| Data::F64(values.to_vec()).to_bytes();
    let request = ModelInferRequest {
        model_name: "wine".to_owned(),
        model_version: "1".to_owned(),
        inputs: vec![column("ash"), column("alcohol")],
        raw_input_contents: vec![bytes([2.0, 3.0]), bytes([12.5, 13.0])],
        outputs: vec![InferRequestedOutputTensor { name: "class".to_owned(), parameters: HashMap::new() }],
        ..ModelInferRequest::default()
    };
    let answer = soon(client(&router).model_infer(request)).await.unwrap().into_inner();
    assert_eq!((answer.outputs.len(), &*answer.outputs[0].shape), (1, &[2][..]));
    assert_eq!(Data::of_bytes("INT64", &answer.raw_output_contents[0]), Ok(Data::Signed(vec![1, 1])));
    let rows: Vec<serde_json::Value> = serde_json::from_str(text(&answer.parameters, "hedgerow_rows")).unwrap();
    assert_eq!((rows.len(), &rows[1]["kind"]), (2, &"prediction".into()));
}

#[tokio::test]
async fn a_calls_deadline_lowers_the_budget_and_never_raises_it() {
    let (world, _station, router) = open().await;
    world.collect();
    let mut requests = world.requests();
    for (timeout, budget) in [(Duration::from_secs(2), 1_990), (Duration::from_hours(2), 5_000)] {
        let mut request = Request::new(asked(&[1, 2], vec![1.0, 2.0]));
        request.set_timeout(timeout);
        soon(client(&router).model_infer(request)).await.unwrap();
        assert_eq!(soon(requests.recv()).await.unwrap().budget, Budget::from_millis(budget));
    }
}

async fn refused(router: &Router, request: ModelInferRequest) -> Status {
    soon(client(router).model_infer(request)).await.unwrap_err()
}

#[tokio::test]
async fn every_refusal_is_a_status_that_names_what_is_wrong() {
    let (world, station, router) = open().await;
    world.collect();
    let check = async |request: ModelInferRequest, code: Code, sentence: &str| {
        let status = refused(&router, request).await;
        assert_eq!((status.code(), status.message()), (code, sentence));
    };
    let nan = "tensor `row` holds \"NaN\", which is not a finite number";
    check(asked(&[1, 2], vec![1.0, f32::NAN]), Code::InvalidArgument, nan).await;
    let count = "tensor `row` holds 1 values, its shape says 2";
    check(asked(&[1, 2], vec![1.0]), Code::InvalidArgument, count).await;
    let mut raw = asked(&[1, 2], vec![]);
    raw.inputs[0].contents = None;
    raw.raw_input_contents = vec![bytes::Bytes::from_static(&[0; 7])];
    let uneven =
        "tensor `row` has binary data that cannot be read: 7 bytes are no whole number of FP32, which take 4 each";
    check(raw.clone(), Code::InvalidArgument, uneven).await;
    raw.raw_input_contents.push(bytes::Bytes::new());
    let too_many =
        "the body is not of the Open Inference Protocol: `raw_input_contents` holds 2 tensors, `inputs` has 1";
    check(raw, Code::InvalidArgument, too_many).await;
    let nowhere = ModelInferRequest { model_name: "beer".to_owned(), ..asked(&[1, 2], vec![1.0, 2.0]) };
    check(nowhere, Code::NotFound, "there is no rendezvous `beer`; there is: `wine`").await;
    let old = ModelInferRequest { model_version: "7".to_owned(), ..asked(&[1, 2], vec![1.0, 2.0]) };
    check(old, Code::NotFound, "version 7 of `wine` cannot be asked for: version 1 is live").await;
    let mut bad = Request::new(asked(&[1, 2], vec![1.0, 2.0]));
    bad.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    assert_eq!(soon(client(&router).model_infer(bad)).await.unwrap_err().code(), Code::InvalidArgument);
    station.stop().await;
    assert_eq!(refused(&router, asked(&[1, 2], vec![1.0, 2.0])).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn overload_silence_and_a_policys_error_have_statuses_of_their_own() {
    let (_world, _station, router) = open_with(Limits { callers: 0, ..Limits::default() }).await;
    let shed = refused(&router, asked(&[1, 2], vec![1.0, 2.0])).await;
    assert_eq!(
        (shed.code(), shed.metadata().get("hedgerow-shed").unwrap().as_bytes()),
        (Code::ResourceExhausted, &b"callers"[..])
    );
    let (_world, _station, router) = open_with(Limits { grace: Duration::ZERO, ..Limits::default() }).await;
    let mut request = Request::new(asked(&[1, 2], vec![1.0, 2.0]));
    request.metadata_mut().insert("hedgerow-budget-ms", "20".parse().unwrap());
    let silent = soon(client(&router).model_infer(request)).await.unwrap_err();
    assert_eq!(silent.code(), Code::DeadlineExceeded);
    assert!(silent.metadata().contains_key("hedgerow-request-id"));
    let (world, _station, router) = open().await;
    world.fence(EPOCH);
    let (answering, mut requests) = (Arc::clone(&world), world.requests());
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let body =
                r#"{"answer":{"error":"no model agreed"},"decision":{"decided_by":"default","reason":"dispute"}}"#;
            answering.answer(&request, EPOCH, ResultKind::Error, body);
        }
    });
    let error = refused(&router, asked(&[1, 2], vec![1.0, 2.0])).await;
    assert_eq!((error.code(), error.message()), (Code::DeadlineExceeded, "no model agreed"));
    assert_eq!(error.metadata().get("hedgerow-kind").unwrap(), "error");
}

#[tokio::test]
async fn the_services_other_calls_answer_before_and_after() {
    let (_world, station, router) = open().await;
    let mut client = client(&router);
    assert!(soon(client.server_live(ServerLiveRequest {})).await.unwrap().into_inner().live);
    assert!(soon(client.server_ready(ServerReadyRequest {})).await.unwrap().into_inner().ready);
    let server = soon(client.server_metadata(ServerMetadataRequest {})).await.unwrap().into_inner();
    assert_eq!(server.name, "hedgerow");
    let ready = |version: &str| ModelReadyRequest { name: "wine".to_owned(), version: version.to_owned() };
    assert!(soon(client.model_ready(ready(""))).await.unwrap().into_inner().ready);
    assert!(soon(client.model_ready(ready("1"))).await.unwrap().into_inner().ready);
    assert_eq!(soon(client.model_ready(ready("2"))).await.unwrap_err().code(), Code::NotFound);
    let about = ModelMetadataRequest { name: "wine".to_owned(), version: String::new() };
    let model = soon(client.model_metadata(about)).await.unwrap().into_inner();
    assert_eq!((&*model.name, &*model.versions), ("wine", &["1".to_owned()][..]));
    assert_eq!(
        (&*model.inputs[1].name, &*model.inputs[1].datatype, &*model.inputs[1].shape),
        ("ash", "FP64", &[-1][..])
    );
    station.stop().await;
    assert!(!soon(client.server_ready(ServerReadyRequest {})).await.unwrap().into_inner().ready);
    assert!(!soon(client.model_ready(ready(""))).await.unwrap().into_inner().ready);
}

/// Sends so many zeros to `path`, which are empty messages, and never comes to an end.
fn endless(router: &Router, path: &str, bytes: usize) -> impl Future<Output = http::Response<Body>> + Unpin + use<> {
    let sent = bytes::Bytes::from(vec![0; bytes]);
    let body = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(sent)]).chain(stream::pending()));
    let request = http::Request::post(path).header("content-type", "application/grpc").body(body).unwrap();
    let response = router.clone().oneshot(request);
    Box::pin(async { response.await.unwrap() })
}

#[tokio::test]
async fn bodies_of_calls_share_the_room_of_all_bodies_and_give_it_back() {
    const CALL: &str = "/inference.GRPCInferenceService/ModelInfer";
    let (_world, _station, router) = open().await;
    // A body over HTTP that does not say how long it is takes as much as an input may be; what they leave is less than that.
    let mut callers: Vec<_> = (0..259).map(|_| endless(&router, "/v2/models/wine/infer", 0)).collect();
    for caller in &mut callers {
        assert!(poll!(caller).is_pending());
    }
    let mut call = endless(&router, CALL, 600 << 10);
    assert!(poll!(&mut call).is_pending(), "there is room for this one");
    let shed = soon(endless(&router, CALL, 600 << 10)).await;
    let said = |name: &str| shed.headers()[name].to_str().unwrap();
    assert_eq!((said("grpc-status"), said("hedgerow-shed")), ("8", "bodies"), "RESOURCE_EXHAUSTED");
    assert_eq!(said("grpc-retry-pushback-ms"), "1000");
    drop(call);
    assert!(poll!(&mut endless(&router, CALL, 600 << 10)).is_pending(), "whoever went away left his place");
}

#[tokio::test]
async fn the_health_service_tells_of_each_rendezvous_and_of_all_and_whoever_watches_when_it_ends() {
    let (_world, station, router) = open().await;
    let mut client = HealthClient::new(router);
    let about = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", "wine", "inference.GRPCInferenceService"] {
        let told = soon(client.check(about(service))).await.unwrap().into_inner();
        assert_eq!(told.status(), ServingStatus::Serving, "{service}");
    }
    let nobody = soon(client.check(about("beer"))).await.unwrap_err();
    assert_eq!((nobody.code(), nobody.message()), (Code::NotFound, "there is no service and no rendezvous `beer`"));
    let mut watched = soon(client.watch(about("wine"))).await.unwrap().into_inner();
    let mut unknown = soon(client.watch(about("beer"))).await.unwrap().into_inner();
    assert_eq!(soon(watched.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(soon(unknown.message()).await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    station.stop().await;
    assert_eq!(soon(watched.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(soon(watched.message()).await.unwrap().is_none() && soon(unknown.message()).await.unwrap().is_none());
    let told = soon(client.check(about("wine"))).await.unwrap().into_inner();
    assert_eq!(told.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_tells_of_the_same_services_in_both_of_its_versions() {
    let (_world, _station, router) = open().await;
    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
            };
            let all = Some(MessageRequest::ListServices(String::new()));
            let asked = stream::iter([ServerReflectionRequest { host: String::new(), message_request: all }]);
            let mut client = ServerReflectionClient::new(router.clone());
            let mut told = soon(client.server_reflection_info(asked)).await.unwrap().into_inner();
            let Some(MessageResponse::ListServicesResponse(told)) =
                soon(told.message()).await.unwrap().unwrap().message_response
            else {
                panic!("it is asked for services");
            };
            told.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>()
        }};
    }
    let with =
        |own: &str| BTreeSet::from(["grpc.health.v1.Health", own, "inference.GRPCInferenceService"].map(str::to_owned));
    assert_eq!(services!(v1), with("grpc.reflection.v1.ServerReflection"));
    assert_eq!(services!(v1alpha), with("grpc.reflection.v1alpha.ServerReflection"));
}
