//! Our messages against the bytes that others write for the same ones, and our client against our server.

use hedgerow_oip::{
    InferInputTensor, InferOutputTensor, InferParameter, InferRequestedOutputTensor, InferTensorContents,
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest,
    ModelReadyResponse, ParameterChoice, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse, TensorMetadata,
    client::GRPCInferenceServiceClient,
    server::{GRPCInferenceService, GRPCInferenceServiceServer},
};
use prost::Message;
use tonic::{Code, Request, Response, Status};

/// What the classes of `mlserver` 1.7.1 (Google's Protobuf for Python) write for `request()`, `response()` and so on.
const REQUEST: &str = concat!(
    "0a0477696e651201371a016122130a0473656564120b10fcffffffffffffffff012a580a01781204465033321a0b01ffffffffffffffffff01",
    "22080a016b12031a01762a360a0101120affffffffffffffffff011a0affffffffffffffffff012201032a010932040000c03f3a0800000000",
    "0000e03f420372656432100a056c6162656c12070a0162120208013a040000c03f",
);
const RESPONSE: &str = "0a0477696e651201371a01612a160a056c6162656c1205494e5436341a01012a031a0102320101";
const METADATA: &str = concat!(
    "0a0477696e651201371a07736b6c6561726e22160a01781204465036341a0bffffffffffffffffff010d",
    "2a1c0a07707265646963741205494e5436341a0affffffffffffffffff01",
);
const SERVER: &str = "0a016d1201311a0165";

#[expect(clippy::unwrap_used, reason = "a test")]
fn check<M: Message + Default + PartialEq + std::fmt::Debug>(message: &M, hex: &str) {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
    assert_eq!(message.encode_to_vec(), bytes);
    assert_eq!(&M::decode(bytes.as_slice()).unwrap(), message);
}

fn parameter(choice: ParameterChoice) -> InferParameter {
    InferParameter { parameter_choice: Some(choice) }
}

fn request() -> ModelInferRequest {
    let contents = InferTensorContents {
        bool_contents: vec![true],
        int_contents: vec![-1],
        int64_contents: vec![-1],
        uint_contents: vec![3],
        uint64_contents: vec![9],
        fp32_contents: vec![1.5],
        fp64_contents: vec![0.5],
        bytes_contents: vec!["red".into()],
    };
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, -1],
        parameters: [("k".to_owned(), parameter(ParameterChoice::Text("v".to_owned())))].into(),
        contents: Some(contents),
    };
    let wanted = InferRequestedOutputTensor {
        name: "label".to_owned(),
        parameters: [("b".to_owned(), parameter(ParameterChoice::Bool(true)))].into(),
    };
    ModelInferRequest {
        model_name: "wine".to_owned(),
        model_version: "7".to_owned(),
        id: "a".to_owned(),
        parameters: [("seed".to_owned(), parameter(ParameterChoice::Int64(-4)))].into(),
        inputs: vec![input],
        outputs: vec![wanted],
        raw_input_contents: vec![vec![0, 0, 0xc0, 0x3f].into()],
    }
}

fn response() -> ModelInferResponse {
    let label = InferOutputTensor {
        name: "label".to_owned(),
        datatype: "INT64".to_owned(),
        shape: vec![1],
        contents: Some(InferTensorContents { int64_contents: vec![2], ..Default::default() }),
        ..Default::default()
    };
    ModelInferResponse {
        model_name: "wine".to_owned(),
        model_version: "7".to_owned(),
        id: "a".to_owned(),
        outputs: vec![label],
        raw_output_contents: vec![vec![1].into()],
        ..Default::default()
    }
}

fn metadata() -> ModelMetadataResponse {
    let tensor =
        |name: &str, datatype: &str, shape| TensorMetadata { name: name.into(), datatype: datatype.into(), shape };
    ModelMetadataResponse {
        name: "wine".to_owned(),
        versions: vec!["7".to_owned()],
        platform: "sklearn".to_owned(),
        inputs: vec![tensor("x", "FP64", vec![-1, 13])],
        outputs: vec![tensor("predict", "INT64", vec![-1])],
    }
}

fn server() -> ServerMetadataResponse {
    ServerMetadataResponse { name: "m".to_owned(), version: "1".to_owned(), extensions: vec!["e".to_owned()] }
}

#[test]
fn messages_are_the_bytes_that_other_implementations_write() {
    check(&request(), REQUEST);
    check(&response(), RESPONSE);
    check(&metadata(), METADATA);
    check(&server(), SERVER);
    check(&ServerLiveResponse { live: true }, "0801");
    check(&ServerReadyResponse { ready: true }, "0801");
    check(&ModelReadyResponse { ready: true }, "0801");
    check(&ModelReadyRequest { name: "wine".to_owned(), version: "7".to_owned() }, "0a0477696e65120137");
    check(&ModelMetadataRequest { name: "wine".to_owned(), version: "7".to_owned() }, "0a0477696e65120137");
}

/// Answers what the constants above are, about the model `wine` alone.
struct Wine;

#[tonic::async_trait]
impl GRPCInferenceService for Wine {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: true }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(server()))
    }

    async fn model_ready(&self, asked: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        Ok(Response::new(ModelReadyResponse { ready: asked.into_inner().name == "wine" }))
    }

    async fn model_metadata(
        &self,
        asked: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        if asked.into_inner().name == "wine" {
            return Ok(Response::new(metadata()));
        }
        Err(Status::not_found("there is only wine"))
    }

    async fn model_infer(&self, asked: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        assert_eq!(asked.into_inner(), request());
        Ok(Response::new(response()))
    }
}

#[tokio::test]
async fn a_client_asks_a_server_everything_that_the_protocol_knows() {
    let mut client = GRPCInferenceServiceClient::new(GRPCInferenceServiceServer::new(Wine));
    assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
    assert!(client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
    assert_eq!(client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner(), server());
    let of = |name: &str| ModelReadyRequest { name: name.to_owned(), version: String::new() };
    assert!(client.model_ready(of("wine")).await.unwrap().into_inner().ready);
    assert!(!client.model_ready(of("beer")).await.unwrap().into_inner().ready);
    let of = |name: &str| ModelMetadataRequest { name: name.to_owned(), version: String::new() };
    assert_eq!(client.model_metadata(of("wine")).await.unwrap().into_inner(), metadata());
    assert_eq!(client.model_metadata(of("beer")).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.model_infer(request()).await.unwrap().into_inner(), response());
}
