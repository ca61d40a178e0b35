//! The Open Inference Protocol v2 over gRPC. What is left of the budget goes along as `grpc-timeout`.
//!
//! All calls share one connection, which is made when the first is asked and again when it broke.

mod translation;

use std::{sync::LazyLock, time::Duration};

use executor::Input;
use hyper_tls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use native_tls::TlsConnector;
use oip::{ModelInferRequest, ModelMetadataRequest, client::GRPCInferenceServiceClient as Calls};
use tonic::{
    Code, Request, Response, Status,
    metadata::{MetadataKey, MetadataValue},
};

use crate::{
    ServerError,
    dialect::{Answers, Call, Description, Dialect, LONGEST, PATIENCE, Problem, Silence},
    layout::{Layout, Takes},
    web::{address, cause},
};

/// What this machine trusts, for connections that speak HTTP/2 at once.
static TLS: LazyLock<Result<TlsConnector, String>> =
    LazyLock::new(|| TlsConnector::builder().request_alpns(&["h2"]).build().map_err(|error| error.to_string()));

/// How long a connection may be silent before it is asked whether it is still there: a peer that vanished says nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// A model behind a port.
pub(crate) struct Grpc {
    calls: Calls<Client<HttpsConnector<HttpConnector>, tonic::body::Body>>,
    model: String,
    /// Which of its versions; empty leaves that to the server.
    version: String,
    /// What it is called in words.
    place: String,
}

// === impl Grpc ===

impl Grpc {
    /// Returns the model at `url`: `http://host:8081/wine`, or `…/wine/versions/7` for one of its versions.
    pub(crate) fn new(url: &str) -> Result<Self, ServerError> {
        const WHAT: &str = "a model behind a gRPC port";
        let wrong =
            |problem: &str| ServerError::Address { url: url.to_owned(), what: WHAT, problem: problem.to_owned() };
        let parsed = address(url, WHAT)?;
        let path = parsed.path().trim_matches('/');
        let (model, version) = path.split_once("/versions/").unwrap_or((path, ""));
        if model.is_empty() || model.contains('/') || version.contains('/') {
            return Err(wrong(
                "its path is to be the model's name, `/wine`, or one of its versions, `/wine/versions/7`",
            ));
        }
        let (model, version) = (model.to_owned(), version.to_owned());
        let origin = parsed.origin().ascii_serialization().parse().map_err(|_| wrong("it names no host"))?;
        let calls = Calls::with_origin(client()?, origin).max_decoding_message_size(LONGEST);
        Ok(Self { calls, model, version, place: url.to_owned() })
    }

    /// Returns a request of `message` with all that goes along with a call.
    fn request<M>(message: M, call: &Call) -> Request<M> {
        let mut request = Request::new(message);
        request.set_timeout(call.left);
        let metadata = request.metadata_mut();
        if let Some(secret) = &call.secret
            && let Ok(key) = MetadataKey::from_bytes(secret.header.as_str().as_bytes())
            && let Ok(mut value) = MetadataValue::try_from(secret.value.as_bytes())
        {
            value.set_sensitive(true);
            metadata.insert(key, value);
        }
        if let Some(parent) = call.parent
            && let Ok(value) = MetadataValue::try_from(parent.to_string())
        {
            metadata.insert("traceparent", value);
        }
        request
    }

    /// Waits for what is asked, as long as the budget lasts: not every server heeds the time that it is given.
    async fn within<M>(
        &self,
        left: Duration,
        asked: impl Future<Output = Result<Response<M>, Status>>,
    ) -> Result<M, Problem> {
        let late = || Problem::Failed(format!("`{}` did not answer in time", self.place));
        let answered = tokio::time::timeout(left, asked).await.map_err(|_| late())?;
        answered.map(Response::into_inner).map_err(|status| match status.code() {
            Code::DeadlineExceeded => late(),
            _ => self.problem(&status),
        })
    }

    fn problem(&self, status: &Status) -> Problem {
        if let Some(error) = unreachable(status) {
            return Problem::Later { words: format!("`{}` cannot be asked: {error}", self.place), after: None };
        }
        let words = format!("`{}` answered {:?}: {}", self.place, status.code(), status.message());
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Problem::Barred(words),
            Code::Unavailable | Code::ResourceExhausted => Problem::Later { words, after: wished(status) },
            Code::InvalidArgument
            | Code::OutOfRange
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::Unimplemented => Problem::Refused(words),
            _ => Problem::Failed(words),
        }
    }
}

impl Dialect for Grpc {
    type Layout = Layout;

    const IS_SILENT_ABOUT_VERSIONS: bool = false;

    fn assumed(&self, takes: &Takes) -> Layout {
        Layout::assumed(takes)
    }

    async fn describe(&self, takes: &Takes, call: Call) -> Result<Description<Layout>, Silence> {
        let message = ModelMetadataRequest { name: self.model.clone(), version: self.version.clone() };
        let mut calls = self.calls.clone();
        let asked = calls.model_metadata(Self::request(message, &call));
        let metadata = self.within(call.left, asked).await.map_err(Silence::of)?;
        let layout = Layout::of(translation::metadata(metadata), takes).map_err(Silence::Misfit)?;
        Ok(Description { layout, version: None })
    }

    fn check(&self, layout: &Layout, input: &Input) -> Result<(), String> {
        layout.check(input)
    }

    async fn ask(&self, layout: &Layout, rows: &[&Input], call: Call) -> Result<Answers, Problem> {
        let message = ModelInferRequest {
            model_name: self.model.clone(),
            model_version: self.version.clone(),
            id: rows.first().map(|row| row.request.to_string()).unwrap_or_default(),
            inputs: layout.tensors(rows).map_err(Problem::Failed)?.into_iter().map(translation::input).collect(),
            outputs: layout.wanted.iter().map(|name| translation::wanted(name)).collect(),
            ..ModelInferRequest::default()
        };
        let mut calls = self.calls.clone();
        let mut response = self.within(call.left, calls.model_infer(Self::request(message, &call))).await?;
        let version = Some(std::mem::take(&mut response.model_version));
        let bodies = translation::answers(response, rows.len()).map_err(|problem| {
            Problem::Refused(format!("`{}` answered what is no inference response: {problem}", self.place))
        })?;
        Ok(Answers { bodies, version })
    }
}

fn client() -> Result<Client<HttpsConnector<HttpConnector>, tonic::body::Body>, ServerError> {
    let tls = TLS.clone().map_err(ServerError::Client)?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(PATIENCE));
    let connector = HttpsConnector::from((tcp, tls.into()));
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(SILENCE)
        .build(connector);
    Ok(client)
}

/// Returns why there is no connection, if that is what `status` tells.
fn unreachable(status: &Status) -> Option<String> {
    let mut error = std::error::Error::source(status);
    while let Some(source) = error {
        if source.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect) {
            return Some(cause(source));
        }
        error = source.source();
    }
    None
}

/// Returns for how long the server asks to be left alone.
fn wished(status: &Status) -> Option<Duration> {
    let wished = status.metadata().get("grpc-retry-pushback-ms")?.to_str().ok()?;
    wished.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests;
