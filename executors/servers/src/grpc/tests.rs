//! A small server of the Open Inference Protocol over gRPC, and what the executor makes of its good and bad days.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use executor::Executor;
use oip::{
    InferOutputTensor, ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse, TensorMetadata,
    server::{GRPCInferenceService, GRPCInferenceServiceServer, SERVICE_NAME},
    tensor::Data,
};
use policies::{Credentials, Protocol, SecretRef, ServerSpec};
use serde_json::json;
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};

use crate::{
    ServerError, connect,
    rig::{self, LONG, ask, read, standing},
};

/// How the server's `infer` behaves, call by call; when it is used up, well.
#[derive(Clone)]
enum Mood {
    Status(Code),
    Hanging,
}

#[derive(Clone, Default)]
struct Wine {
    inputs: Vec<&'static str>,
    moods: Vec<Mood>,
    heard: Arc<Mutex<Vec<(MetadataMap, ModelInferRequest)>>>,
}

#[tonic::async_trait]
impl GRPCInferenceService for Wine {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn model_ready(&self, _: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn model_metadata(
        &self,
        asked: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        if asked.into_inner().name != "wine" {
            return Err(Status::not_found("there is only wine"));
        }
        let tensor = |name: &&str| TensorMetadata { name: (*name).into(), datatype: "FP32".into(), shape: vec![-1, 1] };
        let inputs = self.inputs.iter().map(tensor).collect();
        let outputs = vec![tensor(&"label")];
        Ok(Response::new(ModelMetadataResponse { inputs, outputs, ..ModelMetadataResponse::default() }))
    }

    /// The first feature of each row comes back as its label.
    async fn model_infer(&self, asked: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let (metadata, _, message) = asked.into_parts();
        let (calls, rows) = {
            let mut heard = self.heard.lock().unwrap();
            heard.push((metadata, message.clone()));
            (heard.len(), message.inputs[0].shape[0])
        };
        match self.moods.get(calls - 1) {
            None => {}
            Some(Mood::Status(code)) => return Err(Status::new(*code, "not now")),
            Some(Mood::Hanging) => std::future::pending().await,
        }
        let values = message.inputs[0].contents.clone().unwrap();
        let width = usize::try_from(message.inputs[0].shape[1]).unwrap();
        let firsts: Vec<f64> = match values.fp64_contents.as_slice() {
            [] => values.fp32_contents.iter().copied().step_by(width).map(f64::from).collect(),
            doubles => doubles.iter().copied().step_by(width).collect(),
        };
        let label = InferOutputTensor {
            name: "label".into(),
            datatype: "FP64".into(),
            shape: vec![rows],
            contents: Data::F64(firsts).into_contents("FP64"),
            ..InferOutputTensor::default()
        };
        let (model_name, model_version) = (message.model_name, "7".to_owned());
        let answer = ModelInferResponse { model_name, model_version, outputs: vec![label], ..Default::default() };
        Ok(Response::new(answer))
    }
}

impl Wine {
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/wine", listener.local_addr().unwrap());
        self.serve_at(listener);
        address
    }

    fn serve_at(&self, listener: TcpListener) {
        let service = GRPCInferenceServiceServer::new(self.clone());
        let routes = axum::Router::new().route_service(&format!("/{SERVICE_NAME}/{{*call}}"), service);
        tokio::spawn(async move { axum::serve(listener, routes).await });
    }

    fn calls(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    fn told(&self, call: usize, name: &str) -> String {
        let heard = self.heard.lock().unwrap();
        heard[call].0.get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
    }
}

fn spec(address: &str) -> ServerSpec {
    ServerSpec { protocol: Protocol::Grpc, url: address.to_owned(), credentials: None, retries: 0 }
}

async fn asked(address: &str) -> Arc<dyn Executor> {
    connect(&spec(address), rig::errand(standing())).await.unwrap()
}

#[tokio::test]
async fn a_model_is_asked_as_its_description_says_and_answers_with_its_version() {
    let wine = Wine { inputs: vec!["ash", "hue"], ..Wine::default() };
    let executor = asked(&wine.serve().await).await;
    assert_eq!(executor.model().as_str(), "vendor@unversioned");
    assert_eq!(ask(&executor, LONG).await.unwrap(), json!({"label": 2.0}), "its first input is ash");
    assert_eq!(executor.model().as_str(), "vendor@7");
    let heard = wine.heard.lock().unwrap()[0].1.clone();
    assert_eq!((heard.model_name.as_str(), heard.model_version.as_str()), ("wine", ""));
    assert_eq!(heard.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["ash", "hue"]);
    assert_eq!(heard.outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["label"]);
}

#[tokio::test]
async fn a_call_says_how_long_it_may_take() {
    let wine = Wine::default();
    let executor = asked(&wine.serve().await).await;
    ask(&executor, Duration::from_millis(1_500)).await.unwrap();
    assert_eq!(wine.told(0, "grpc-timeout"), "1500000u");
}

#[tokio::test]
async fn a_batch_is_one_call_and_each_row_has_its_answer() {
    let wine = Wine::default();
    let errand = crate::Errand { max_batch: NonZeroUsize::new(8), ..rig::errand(standing()) };
    let executor = connect(&spec(&wine.serve().await), errand).await.unwrap();
    let inputs = [rig::input(r#"{"hue": 3, "ash": 2}"#), rig::input("{}"), rig::input(r#"{"hue": 5, "ash": 2}"#)];
    let answers = executor.score_batch(&inputs.iter().collect::<Vec<_>>()).await;
    let answers: Vec<_> = answers.into_iter().map(read).collect();
    assert_eq!((&answers[0], &answers[2]), (&Ok(json!({"label": 3.0})), &Ok(json!({"label": 5.0}))));
    assert!(answers[1].as_ref().unwrap_err().contains("feature `hue` is missing"));
    assert_eq!(wine.calls(), 1);
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    for (code, calls) in
        [(Code::Unavailable, 3), (Code::ResourceExhausted, 3), (Code::Internal, 1), (Code::InvalidArgument, 1)]
    {
        let wine = Wine { moods: vec![Mood::Status(code), Mood::Status(code)], ..Wine::default() };
        let spec = ServerSpec { retries: 2, ..spec(&wine.serve().await) };
        let answer = ask(&connect(&spec, rig::errand(standing())).await.unwrap(), LONG).await;
        assert_eq!((wine.calls(), answer.is_ok()), (calls, calls == 3), "{code:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_the_deadline() {
    let wine = Wine { moods: vec![Mood::Hanging], ..Wine::default() };
    let executor = asked(&wine.serve().await).await;
    let problem = ask(&executor, Duration::from_millis(50)).await.unwrap_err();
    assert!(problem.contains("did not answer in time"), "{problem}");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_asked_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    drop(listener);
    let executor = asked(&format!("http://{host}/wine")).await;
    assert!(executor.trouble().unwrap().contains("refused"), "{:?}", executor.trouble());
    assert!(ask(&executor, LONG).await.unwrap_err().contains("cannot be asked: Connection refused"));
    Wine::default().serve_at(TcpListener::bind(host).await.unwrap());
    assert_eq!(ask(&executor, LONG).await.unwrap(), json!({"label": 1.0}));
}

#[tokio::test]
async fn a_secret_and_the_caller_s_trace_go_along_as_metadata() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cret").unwrap();
    let wine = Wine { moods: vec![Mood::Status(Code::PermissionDenied)], ..Wine::default() };
    let credentials = Credentials { secret: SecretRef::File("key".into()), header: Some("x-api-key".into()) };
    let spec = ServerSpec { credentials: Some(credentials), ..spec(&wine.serve().await) };
    let errand = crate::Errand { base: folder.path().to_owned(), ..rig::errand(standing()) };
    let executor = connect(&spec, errand).await.unwrap();
    let problem = ask(&executor, LONG).await.unwrap_err();
    assert!(problem.contains("PermissionDenied") && !problem.contains("s3cret"), "{problem}");
    std::fs::write(folder.path().join("key"), "an0ther").unwrap();
    let parent = wire::TraceParent::read(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    read(executor.score(&rig::input(r#"{"hue": 1, "ash": 2}"#).called_by(parent)).await).unwrap();
    assert_eq!((wine.told(0, "x-api-key"), wine.told(1, "x-api-key")), ("s3cret".into(), "s3cret".into()));
    assert_eq!(wine.told(1, "traceparent"), parent.unwrap().to_string());
}

#[tokio::test]
async fn an_address_that_names_no_model_is_refused_with_the_reason() {
    for address in ["http://scorer:8081", "http://scorer:8081/a/b", "http://scorer:8081/wine/versions/7/infer"] {
        let error = connect(&spec(address), rig::errand(standing())).await.err().expect("refused");
        assert!(matches!(&error, ServerError::Address { .. }), "{error}");
        assert!(error.to_string().contains("the model's name, `/wine`"), "{error}");
    }
}
