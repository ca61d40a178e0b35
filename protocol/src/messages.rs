//! The protocol's messages, field by field as its `.proto` numbers them.
//!
//! What is not listed here is skipped when it is read, as Protobuf has it: servers say more than the protocol asks for.

use std::collections::HashMap;

/// Asks whether the server runs.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ServerLiveRequest {}

/// Whether the server runs.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ServerLiveResponse {
    /// Whether it does.
    #[prost(bool, tag = "1")]
    pub live: bool,
}

/// Asks whether the server can infer.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ServerReadyRequest {}

/// Whether the server can infer.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ServerReadyResponse {
    /// Whether it can.
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

/// Asks whether a model can infer.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ModelReadyRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Which of its versions; empty leaves that to the server.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// Whether a model can infer.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ModelReadyResponse {
    /// Whether it can.
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

/// Asks what the server is.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ServerMetadataRequest {}

/// What the server is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ServerMetadataResponse {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its release.
    #[prost(string, tag = "2")]
    pub version: String,
    /// What it knows beyond the protocol.
    #[prost(string, repeated, tag = "3")]
    pub extensions: Vec<String>,
}

/// Asks what a model takes and gives.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ModelMetadataRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Which of its versions; empty leaves that to the server.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// What a model takes and gives.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ModelMetadataResponse {
    /// The model.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Those of its versions that can be asked.
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
    /// What runs it.
    #[prost(string, tag = "3")]
    pub platform: String,
    /// What it takes.
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<TensorMetadata>,
    /// What it gives.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<TensorMetadata>,
}

/// A tensor without its values.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TensorMetadata {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What its values are: `FP32`, `BYTES` and their like.
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// How many there are in each dimension; -1 is any number.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
}

/// Asks a model about something.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// Which of its versions; empty leaves that to the server.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// What the caller calls this request; it comes back with the answer.
    #[prost(string, tag = "3")]
    pub id: String,
    /// What else is to be known.
    #[prost(map = "string, message", tag = "4")]
    pub parameters: HashMap<String, InferParameter>,
    /// What it is asked about.
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<InferInputTensor>,
    /// Which outputs are wanted; none are all.
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<InferRequestedOutputTensor>,
    /// The inputs' values as bytes, one for each input in their order; none if they stand in the inputs.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<bytes::Bytes>,
}

/// One input of a request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferInputTensor {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What its values are.
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// How many there are in each dimension.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    /// What else is to be known.
    #[prost(map = "string, message", tag = "4")]
    pub parameters: HashMap<String, InferParameter>,
    /// Its values, unless they come as bytes.
    #[prost(message, optional, tag = "5")]
    pub contents: Option<InferTensorContents>,
}

/// One output that is wanted.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferRequestedOutputTensor {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What else is to be known.
    #[prost(map = "string, message", tag = "2")]
    pub parameters: HashMap<String, InferParameter>,
}

/// What a model says.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInferResponse {
    /// The model.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// Which of its versions.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// What the caller called the request.
    #[prost(string, tag = "3")]
    pub id: String,
    /// What else is to be known.
    #[prost(map = "string, message", tag = "4")]
    pub parameters: HashMap<String, InferParameter>,
    /// What it says.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<InferOutputTensor>,
    /// The outputs' values as bytes, one for each output in their order; none if they stand in the outputs.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub raw_output_contents: Vec<bytes::Bytes>,
}

/// One output of an answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferOutputTensor {
    /// What it is called.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What its values are.
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// How many there are in each dimension.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    /// What else is to be known.
    #[prost(map = "string, message", tag = "4")]
    pub parameters: HashMap<String, InferParameter>,
    /// Its values, unless they come as bytes.
    #[prost(message, optional, tag = "5")]
    pub contents: Option<InferTensorContents>,
}

/// A tensor's values, in the field that is for their type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferTensorContents {
    /// `BOOL`.
    #[prost(bool, repeated, tag = "1")]
    pub bool_contents: Vec<bool>,
    /// `INT8`, `INT16` and `INT32`.
    #[prost(int32, repeated, tag = "2")]
    pub int_contents: Vec<i32>,
    /// `INT64`.
    #[prost(int64, repeated, tag = "3")]
    pub int64_contents: Vec<i64>,
    /// `UINT8`, `UINT16` and `UINT32`.
    #[prost(uint32, repeated, tag = "4")]
    pub uint_contents: Vec<u32>,
    /// `UINT64`.
    #[prost(uint64, repeated, tag = "5")]
    pub uint64_contents: Vec<u64>,
    /// `FP32`.
    #[prost(float, repeated, tag = "6")]
    pub fp32_contents: Vec<f32>,
    /// `FP64`.
    #[prost(double, repeated, tag = "7")]
    pub fp64_contents: Vec<f64>,
    /// `BYTES`.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub bytes_contents: Vec<bytes::Bytes>,
}

/// Something else that is to be known.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferParameter {
    /// What it is.
    #[prost(oneof = "ParameterChoice", tags = "1, 2, 3, 4, 5")]
    pub parameter_choice: Option<ParameterChoice>,
}

/// What a parameter may be.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ParameterChoice {
    /// A truth value.
    #[prost(bool, tag = "1")]
    Bool(bool),
    /// A whole number.
    #[prost(int64, tag = "2")]
    Int64(i64),
    /// A text.
    #[prost(string, tag = "3")]
    Text(String),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// A whole number that is not negative.
    #[prost(uint64, tag = "5")]
    Uint64(u64),
}
