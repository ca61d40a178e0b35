//! The door for callers over gRPC: the Open Inference Protocol's service, on the listener that serves HTTP.
//!
//! A call becomes what a caller over HTTP would have sent, its tensors in binary form, and goes the same way. The call's
//! deadline lowers the budget; what is said beside a call stands in its metadata, under the names of HTTP's headers.
//!
//! Beside it are the services that clients without its `.proto` file and supervisors ask: reflection, and health.

mod deadline;
mod health;
mod message;
mod receiving;
mod reflection;
mod status;

use std::sync::Arc;

use axum::{Router, middleware::map_request_with_state};
use oip::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest,
    ModelReadyResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse,
    ServerReadyRequest, ServerReadyResponse, TensorMetadata,
    server::{GRPCInferenceService, GRPCInferenceServiceServer},
};
use policies::Versions;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    Starters, answer, caller_attributes, caller_budget, caller_key, caller_reply, find, model, refusal::Problem,
    trace_of,
};
use crate::starter::{Inferred, RawInput, Starter};

/// The path under which its calls are.
const PATH: &str = "/inference.GRPCInferenceService/{call}";

/// The service.
struct Calls(Starters);

/// A message says what an input says, and a little more around it.
const AROUND: usize = 64 << 10;

/// Returns the routes of `starters`, whose inputs have at most `limit` bytes, and of what tells clients of them: which
/// services there are, and how they are. Bodies count towards `bodies`.
pub(super) fn routes(starters: Starters, limit: usize, bodies: Arc<Semaphore>, stop: CancellationToken) -> Router {
    let calls = GRPCInferenceServiceServer::new(Calls(Arc::clone(&starters)));
    Router::new()
        .route_service(PATH, calls.max_decoding_message_size(limit + AROUND))
        .route_layer(map_request_with_state(bodies, receiving::received))
        .route_service(health::PATH, health::service(starters, stop))
        .merge(reflection::routes())
}

// === impl Calls ===

impl Calls {
    fn find(&self, rendezvous: &str) -> Result<&Starter, Problem> {
        find(&self.0, rendezvous)
    }

    async fn infer(&self, call: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Problem> {
        let (metadata, _, asked) = call.into_parts();
        let headers = metadata.into_headers();
        let starter = self.find(&asked.model_name)?;
        let version = numbered(starter, &asked.model_version)?;
        let budgets = [caller_budget(&headers, None)?, deadline::budget(&headers)?];
        let written = message::written(asked).map_err(Problem::from)?;
        let input = RawInput {
            body: written.body,
            json_bytes: Some(written.json_bytes),
            key: caller_key(&headers)?,
            attributes: caller_attributes(&headers),
            parameters: Vec::new(),
            budget: budgets.into_iter().flatten().min(),
            version,
            traceparent: trace_of(&headers),
            reply: caller_reply(starter, &headers)?,
        };
        match starter.infer(input).await? {
            Inferred::One(answered) => answer::one_message(&answered),
            Inferred::Many { protocol, rows } => answer::many_message(&protocol, rows),
        }
    }

    fn describe(&self, asked: &ModelMetadataRequest) -> Result<ModelMetadataResponse, Problem> {
        let starter = self.find(&asked.name)?;
        let versions = starter.versions();
        let number = numbered(starter, &asked.version)?;
        let wanted = |number| versions.in_use().find(|known| known.policy_ref.version == number);
        let definition = match number {
            None => versions.live(),
            Some(number) => wanted(number).ok_or_else(|| model::not_live(&versions, &asked.version))?,
        };
        let tensor = |(name, datatype): (&str, &str)| TensorMetadata {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            shape: model::SHAPE.to_vec(),
        };
        Ok(ModelMetadataResponse {
            name: definition.name().to_string(),
            versions: model::numbers(&versions),
            platform: model::PLATFORM.to_owned(),
            inputs: model::tensors(definition).map(tensor).collect(),
            outputs: Vec::new(),
        })
    }

    fn is_ready(&self, asked: &ModelReadyRequest) -> Result<bool, Problem> {
        let starter = self.find(&asked.name)?;
        let is_live = |versions: &Versions, number| versions.live().policy_ref.version == number;
        match numbered(starter, &asked.version)? {
            Some(number) if !is_live(&starter.versions(), number) => {
                Err(model::not_live(&starter.versions(), &asked.version))
            }
            _ => Ok(starter.is_ready()),
        }
    }
}

#[tonic::async_trait]
impl GRPCInferenceService for Calls {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        let ready = self.0.values().all(Starter::is_ready);
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        let (name, version) = (model::PLATFORM.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(Response::new(ServerMetadataResponse { name, version, extensions: Vec::new() }))
    }

    async fn model_ready(&self, call: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ready = self.is_ready(call.get_ref())?;
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn model_metadata(
        &self,
        call: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        Ok(Response::new(self.describe(call.get_ref())?))
    }

    async fn model_infer(&self, call: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        Ok(self.infer(call).await?)
    }
}

/// Returns the version that is named, if one is.
fn numbered(starter: &Starter, version: &str) -> Result<Option<u64>, Problem> {
    if version.is_empty() { Ok(None) } else { model::number(starter, version).map(Some) }
}
