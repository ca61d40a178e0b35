//! Kinds that ask a server: a bare client with its request made beforehand, and the executor. The server answers at once,
//! in the words of each of them, from a thread of its own.

use std::{hint::black_box, sync::Arc, thread};

use anyhow::{Context as _, anyhow};
use axum::{
    Json, Router,
    routing::{get, post},
};
use bytes::Bytes;
use executor::Executor;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use oip::{
    InferInputTensor, InferOutputTensor, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse, TensorMetadata,
    client::GRPCInferenceServiceClient,
    server::{GRPCInferenceService, GRPCInferenceServiceServer, SERVICE_NAME},
    tensor::Data,
};
use policies::{InputSchema, Protocol, ServerSpec};
use serde_json::{Value, json};
use servers::{Errand, Takes};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tonic::{Request, Response, Status};

use super::{Calls, Side, beside, standing, through};
use crate::{cpu::Whose, line::Line};

const WINE: &[u8] = br#"{"proline":1000.0,"flavanoids":2.1}"#;

pub(super) async fn measure() -> anyhow::Result<Vec<Line>> {
    let (schema, wine) = (Arc::new(InputSchema::of(&["proline", "flavanoids"], &[])), Bytes::from_static(WINE));
    let host = serve().await?;
    let v2 = format!("http://{host}/v2/models/wine/infer");
    let predict = format!("http://{host}/v1/models/wine:predict");
    let pmml = format!("http://{host}/openscoring/model/wine");
    let row = json!([1000.0, 2.1]);
    let tensor = json!({"name": "x", "shape": [1, 2], "datatype": "FP64", "data": row});
    let posts = [
        ("http", Protocol::Http, v2, json!({"id": "a", "inputs": [tensor], "outputs": [{"name": "label"}]})),
        ("tensorflow", Protocol::TensorFlow, predict, json!({"instances": [row]})),
        ("pmml", Protocol::Pmml, pmml, json!({"id": "a", "arguments": {"proline": 1000.0, "flavanoids": 2.1}})),
    ];
    let mut lines = Vec::new();
    for (kind, protocol, url, body) in posts {
        let ours = connect(protocol, &url, &schema).await?;
        lines.extend(beside(kind, Whose::Own, bare(url, &body), through(&*ours, &schema, &wine)).await?);
    }
    let ours = connect(Protocol::Grpc, &format!("http://{host}/wine"), &schema).await?;
    lines.extend(beside("grpc", Whose::Own, bare_grpc(&host)?, through(&*ours, &schema, &wine)).await?);
    Ok(lines)
}

async fn connect(protocol: Protocol, url: &str, schema: &Arc<InputSchema>) -> anyhow::Result<Arc<dyn Executor>> {
    let spec = ServerSpec { protocol, url: url.to_owned(), credentials: None, retries: 0 };
    let errand = Errand {
        name: "vendor".to_owned(),
        takes: Takes::Features(Arc::clone(schema)),
        connections: 1,
        max_batch: None,
        base: std::env::current_dir()?,
        now: standing(),
        sampling: None,
    };
    let executor = servers::connect(&spec, errand).await?;
    executor.trouble().map_or(Ok(executor), |trouble| Err(anyhow!(trouble)))
}

fn bare(url: String, body: &Value) -> impl Side {
    let (client, body) = (reqwest::Client::new(), Bytes::from(body.to_string()));
    Calls::new(async move || {
        let request = client.post(&url).header("content-type", "application/json").body(body.clone());
        black_box(request.send().await?.error_for_status()?.bytes().await?);
        Ok(())
    })
}

fn bare_grpc(host: &str) -> anyhow::Result<impl Side> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build(tcp);
    let calls = GRPCInferenceServiceClient::with_origin(client, format!("http://{host}").parse()?);
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP64".to_owned(),
        shape: vec![1, 2],
        contents: Data::F64(vec![1000.0, 2.1]).into_contents("FP64"),
        ..InferInputTensor::default()
    };
    let message = ModelInferRequest { model_name: "wine".to_owned(), inputs: vec![input], ..Default::default() };
    Ok(Calls::new(async move || {
        black_box(calls.clone().model_infer(message.clone()).await?);
        Ok(())
    }))
}

// === the server ===

/// Starts it, and returns its host and port.
async fn serve() -> anyhow::Result<String> {
    let (say, host) = oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = move || {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            // Who asked may have gone.
            let _ = say.send(listener.local_addr()?.to_string());
            axum::serve(listener, routes()).await
        })
    };
    thread::Builder::new().name("server".to_owned()).spawn(serve)?;
    host.await.context("the server did not start")
}

fn routes() -> Router {
    let always = |said: Value| move || std::future::ready(Json(said.clone()));
    let answer = |said: Value| post(move |_: Bytes| std::future::ready(Json(said.clone())));
    let label = json!([{"name": "label", "shape": [1], "datatype": "INT64", "data": [0]}]);
    let described = json!({
        "name": "wine",
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}],
        "outputs": [{"name": "label", "datatype": "INT64", "shape": [-1]}],
    });
    let size = |size: &str| json!({"size": size, "name": ""});
    let signature = json!({"serving_default": {
        "inputs": {"x": {"dtype": "DT_DOUBLE", "tensor_shape": {"dim": [size("-1"), size("2")]}}},
        "outputs": {"y": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [size("-1")]}}},
    }});
    let version = json!({"model_version_status": [{"version": "1", "state": "AVAILABLE"}]});
    let fields = json!({"id": "wine", "schema": {
        "inputFields": [{"id": "proline"}, {"id": "flavanoids"}], "targetFields": [{"id": "grower"}],
    }});
    Router::new()
        .route("/v2/models/wine", get(always(described)))
        .route("/v2/models/wine/infer", answer(json!({"model_version": "1", "outputs": label})))
        .route("/v1/models/wine", get(always(version)))
        .route(
            "/v1/models/wine/metadata",
            get(always(json!({"metadata": {"signature_def": {"signature_def": signature}}}))),
        )
        .route("/v1/models/{name}", answer(json!({"predictions": [0.25]})))
        .route(
            "/openscoring/model/wine",
            answer(json!({"id": "a", "results": {"grower": "barolo"}})).get(always(fields)),
        )
        .route_service(&format!("/{SERVICE_NAME}/{{*call}}"), GRPCInferenceServiceServer::new(Wine))
}

/// A model over gRPC.
#[derive(Clone)]
struct Wine;

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
        _: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let tensor = |name: &str, datatype: &str, shape: &[i64]| TensorMetadata {
            name: name.into(),
            datatype: datatype.into(),
            shape: shape.to_vec(),
        };
        let (inputs, outputs) = (vec![tensor("x", "FP64", &[-1, 2])], vec![tensor("label", "INT64", &[-1])]);
        Ok(Response::new(ModelMetadataResponse { inputs, outputs, ..ModelMetadataResponse::default() }))
    }

    async fn model_infer(&self, asked: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let label = InferOutputTensor {
            name: "label".into(),
            datatype: "INT64".into(),
            shape: vec![1],
            contents: Data::Signed(vec![0]).into_contents("INT64"),
            ..InferOutputTensor::default()
        };
        let (model_name, model_version) = (asked.into_inner().model_name, "1".to_owned());
        Ok(Response::new(ModelInferResponse { model_name, model_version, outputs: vec![label], ..Default::default() }))
    }
}
