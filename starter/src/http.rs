//! The door for callers over HTTP: Open Inference Protocol version 2, or a plain JSON object of features.
//!
//! Tensors may come and go in binary form behind the JSON, and may hold several rows: each is a request of its own, and
//! all are answered in one response, in which the parameter `hedgerow_rows` says of each how it was decided.
//!
//! A default is an answer (200) and cannot be read as a prediction by accident: `hedgerow-kind: default` in the header,
//! `decided_by` in the body. Where the policy's default is an error, the answer is 504 and `hedgerow-kind: error`, with
//! the decision in the body all the same: it is the request's one result, and asking again under the same key gives it
//! again. Everything that is no result is `{"error": "…"}` with a status of 400 or above, and has no `hedgerow-kind`.
//!
//! Beside the body a caller may say: `idempotency-key`, `hedgerow-budget-ms` (or `?budget_ms=`), `traceparent`, and
//! `hedgerow-attribute-<name>` for each attribute that the policy declares, `hedgerow-reply-to` and `hedgerow-correlation-id`. Every result says in `hedgerow-policy` which
//! version decided (`wine@7`), and in `hedgerow-case` under which of its cases, if any.

mod answer;
mod body;
mod grpc;
mod model;
mod refusal;

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRef, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use wire::{Budget, ReplyTo};

use self::{body::Body, refusal::Problem};
use crate::{
    input::{ATTRIBUTE_HEADER, InvalidInput, Said, budget, reply},
    plan::{budget_header, key},
    refusal::Refusal,
    starter::{RawInput, Starter},
};

/// The starters behind the door, by rendezvous.
type Starters = Arc<BTreeMap<String, Starter>>;

/// What the routes share.
#[derive(Clone)]
struct Door {
    starters: Starters,
    /// A permit for each KiB of bodies that are being received.
    bodies: Arc<Semaphore>,
}

/// How long `serve` waits for open callers when it is stopped. Supervisors commonly kill after ten seconds, and the
/// stations behind it want a part of them.
const LAST_CALLERS: Duration = Duration::from_secs(4);

/// Returns the routes of the Open Inference Protocol for `starters`, over HTTP and gRPC. From `stop` on, whoever asks how
/// they are is told that nobody is let in any more.
pub fn router(starters: impl IntoIterator<Item = Starter>, stop: &CancellationToken) -> Router {
    let named = |starter: Starter| (starter.name().to_string(), starter);
    let starters: BTreeMap<String, Starter> = starters.into_iter().map(named).collect();
    // One byte more than the largest input is let in, so that the refusal is ours and says both sizes.
    let limit = starters.values().map(|starter| starter.limits().body_bytes).max().unwrap_or_default();
    let (starters, bodies) = (Arc::new(starters), Arc::new(body::room()));
    let calls = grpc::routes(Arc::clone(&starters), limit, Arc::clone(&bodies), stop.clone());
    Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(async || Json(json!({ "live": true }))))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{rendezvous}", get(model::metadata))
        .route("/v2/models/{rendezvous}/ready", get(model::ready))
        .route("/v2/models/{rendezvous}/infer", post(infer))
        .route("/v2/models/{rendezvous}/versions/{version}", get(model::version_metadata))
        .route("/v2/models/{rendezvous}/versions/{version}/ready", get(model::version_ready))
        .route("/v2/models/{rendezvous}/versions/{version}/infer", post(infer_version))
        .fallback(async || Problem::NoSuchPath)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(DefaultBodyLimit::max(limit + 1))
        .with_state(Door { starters, bodies })
        .merge(calls)
}

/// Serves `router` until `stop`. Then nobody is let in any more, and those who are in get their answers; after four
/// seconds whoever still waits is left to the starters, who tell him that they stop. Requests know their caller's address.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    // Answers are small and awaited: holding them back to fill a packet would cost what the budget is for.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    let served = served.with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_CALLERS).await;
    };
    tokio::select! {
        outcome = served.into_future() => outcome,
        () = late => Ok(()),
    }
}

impl FromRef<Door> for Starters {
    fn from_ref(door: &Door) -> Self {
        Arc::clone(&door.starters)
    }
}

async fn infer(
    State(starters): State<Starters>,
    Path(rendezvous): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    ask(find(&starters, &rendezvous)?, None, query, &headers, body).await
}

async fn infer_version(
    State(starters): State<Starters>,
    Path((rendezvous, version)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let starter = find(&starters, &rendezvous)?;
    let version = model::number(starter, &version)?;
    ask(starter, Some(version), query, &headers, body).await
}

async fn ask(
    starter: &Starter,
    version: Option<u64>,
    query: Option<String>,
    headers: &HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    refuse_encodings(headers)?;
    let input = RawInput {
        body,
        json_bytes: json_bytes(headers)?,
        key: caller_key(headers)?,
        attributes: caller_attributes(headers),
        parameters: Vec::new(),
        budget: caller_budget(headers, query.as_deref())?,
        version,
        traceparent: trace_of(headers),
        reply: caller_reply(starter, headers)?,
    };
    answer::response(starter.infer(input).await?)
}

async fn server() -> impl IntoResponse {
    Json(json!({ "name": "hedgerow", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"] }))
}

async fn ready(State(starters): State<Starters>) -> impl IntoResponse {
    let ready = starters.values().all(Starter::is_ready);
    (status(ready), Json(json!({ "ready": ready })))
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn find<'a>(starters: &'a Starters, rendezvous: &str) -> Result<&'a Starter, Problem> {
    starters.get(rendezvous).ok_or_else(|| Problem::unknown(rendezvous, starters.keys()))
}

fn refuse_encodings(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("content-encoding") {
        Some(encoding) if encoding != "identity" => {
            Err(Problem::Encoding("compressed bodies are not supported: send JSON as it is"))
        }
        _ => Ok(()),
    }
}

/// Returns how many bytes of the body are JSON, if its caller says so.
fn json_bytes(headers: &HeaderMap) -> Result<Option<usize>, InvalidInput> {
    let Some(value) = headers.get(answer::JSON_BYTES) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let bytes = text.trim().parse().map(Some);
    bytes.map_err(|_| {
        InvalidInput::parameter("header `Inference-Header-Content-Length`", "a whole number of bytes", text)
    })
}

fn trace_of(headers: &HeaderMap) -> Option<Bytes> {
    headers.get("traceparent").map(|value| Bytes::copy_from_slice(value.as_bytes()))
}

fn caller_key(headers: &HeaderMap) -> Result<Option<String>, InvalidInput> {
    let key = headers.get("idempotency-key").map(|value| key("header `Idempotency-Key`", value.as_bytes()));
    Ok(key.transpose()?.map(str::to_owned))
}

fn caller_reply(starter: &Starter, headers: &HeaderMap) -> Result<Option<Arc<ReplyTo>>, Refusal> {
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let reply = reply::read(starter.replies(), header, None).map_err(|invalid| starter.refused(invalid.into()))?;
    Ok(reply.map(Arc::new))
}

fn caller_attributes(headers: &HeaderMap) -> Vec<Said> {
    let said = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(ATTRIBUTE_HEADER)?;
        Some((name.to_owned(), Bytes::copy_from_slice(value.as_bytes())))
    });
    said.collect()
}

/// Returns the lowest budget that header and query ask for.
fn caller_budget(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Budget>, InvalidInput> {
    let header = headers.get("hedgerow-budget-ms");
    let header = header.map(|value| budget_header("header `hedgerow-budget-ms`", value.as_bytes())).transpose()?;
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.find(|(name, _)| *name == "budget_ms");
    let query = query.map(|(_, value)| budget("query `budget_ms`", value)).transpose()?;
    Ok([header, query].into_iter().flatten().min())
}
