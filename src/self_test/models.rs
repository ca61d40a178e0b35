//! A server of models on this machine: three that are well, and canaries with everything that a canary can have.
//!
//! Those that are well and those that are not live in threads of their own, as servers elsewhere would: what a canary's
//! server does to itself is no matter of ours.

use std::{convert::Infallible, future::pending, io, net::SocketAddr, thread, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::Path,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

/// Models that answer over HTTP until this is dropped.
#[derive(Debug)]
pub(super) struct Models {
    well: Server,
    ill: Server,
    /// Nobody listens here.
    nobody: SocketAddr,
}

/// A thread that serves.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    _alive: oneshot::Sender<Infallible>,
}

/// What a canary does to whoever asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ill {
    /// It takes the connection and never says a word, not even what it is.
    Hangs,
    /// It answers when the budget is long over.
    Slow,
    /// It drops the connection in the middle of its answer.
    Drops,
    /// It answers at length, and nothing that anybody can read.
    Garbage,
    /// Nobody listens where it should be.
    Away,
    /// It is well, and every eighth of its answers is as large as the payload.
    Large,
}

/// Of so many answers of a large one, one is large.
const LARGE_EVERY: u64 = 8;

/// How the models behave.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// A slow one answers after so long.
    slow: Duration,
    /// A large answer has so many bytes.
    large: usize,
}

#[derive(Deserialize)]
struct Asked {
    inputs: Vec<Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    data: Vec<f64>,
}

// === impl Models ===

impl Models {
    /// Begins to serve: a slow one answers after `slow`, a large answer has `large` bytes.
    pub(super) fn start(slow: Duration, large: usize) -> anyhow::Result<Self> {
        let manner = Manner { slow, large };
        // Dropped at once, so that its port is one at which nobody listens.
        let nobody = bound()?.local_addr()?;
        Ok(Self { well: Server::start("well", manner)?, ill: Server::start("ill", manner)?, nobody })
    }

    /// Returns where those are that are well: `http://127.0.0.1:4711`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.well.address)
    }

    /// Returns where a canary is that is `ill`.
    pub(super) fn url_of(&self, ill: Ill) -> String {
        let host = if ill == Ill::Away { self.nobody } else { self.ill.address };
        format!("http://{host}/v2/models/{}/infer", ill.name())
    }
}

// === impl Server ===

impl Server {
    fn start(name: &str, manner: Manner) -> anyhow::Result<Self> {
        let listener = bound()?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (alive, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = move || {
            runtime.block_on(async {
                let serving = axum::serve(TcpListener::from_std(listener)?, routes(manner)).into_future();
                tokio::select! { served = serving => served, _ = ended => Ok(()) }
            })
        };
        let serve = move || serve().unwrap_or_else(|error: io::Error| tracing::error!("the models ended: {error}"));
        thread::Builder::new().name(name.to_owned()).spawn(serve).context("no thread for the models")?;
        Ok(Self { address, _alive: alive })
    }
}

fn bound() -> anyhow::Result<std::net::TcpListener> {
    std::net::TcpListener::bind("127.0.0.1:0").context("no port for the models")
}

// === impl Ill ===

impl Ill {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [Self::Hangs, Self::Slow, Self::Drops, Self::Garbage, Self::Away, Self::Large];

    /// Returns its name: a model's, and the beginning of an executor's.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hangs => "hangs",
            Self::Slow => "slow",
            Self::Drops => "drops",
            Self::Garbage => "garbage",
            Self::Away => "away",
            Self::Large => "large",
        }
    }
}

fn routes(manner: Manner) -> Router {
    let describe = |Path(model): Path<String>| async move {
        if model == Ill::Hangs.name() {
            return pending().await;
        }
        Json(json!({ "name": model, "inputs": [{ "name": "input", "datatype": "FP64", "shape": [-1, -1] }] }))
    };
    let infer = move |Path(model): Path<String>, body: Bytes| async move { manner.infer(&model, &body).await };
    Router::new().route("/v2/models/{model}", get(describe)).route("/v2/models/{model}/infer", post(infer))
}

// === impl Manner ===

impl Manner {
    async fn infer(self, model: &str, body: &[u8]) -> Response {
        let Ok(Asked { inputs }) = serde_json::from_slice(body) else {
            return (axum::http::StatusCode::BAD_REQUEST, "these are no tensors").into_response();
        };
        let row: Vec<f64> = inputs.into_iter().flat_map(|tensor| tensor.data).collect();
        let usual = Duration::from_millis(match model {
            "steady" => 4,
            "careful" => 8,
            _ => 2,
        });
        sleep(usual).await;
        match model {
            "hangs" => pending().await,
            "slow" => sleep(self.slow).await,
            "drops" => {
                let halves = [Ok(Bytes::from_static(b"{\"outputs\": [")), Err(io::Error::other("dropped"))];
                return Body::from_stream(stream::iter(halves)).into_response();
            }
            "garbage" => return vec![0xf0; self.large].into_response(),
            "large" if digits(&row).is_multiple_of(LARGE_EVERY) => {
                return answer(&row, model, Some("x".repeat(self.large)));
            }
            _ => {}
        }
        answer(&row, model, None)
    }
}

/// Returns the answer of a model that is well: always the same about the same row.
fn answer(row: &[f64], model: &str, filling: Option<String>) -> Response {
    let output =
        |name, datatype, value: Value| json!({ "name": name, "datatype": datatype, "shape": [1], "data": [value] });
    let mut outputs = vec![output("class", "INT64", class(row, model).into())];
    outputs.extend(filling.map(|filling| output("filling", "BYTES", filling.into())));
    Json(json!({ "model_name": model, "outputs": outputs })).into_response()
}

/// Of twenty rows all agree about sixteen, about three one is of another opinion, and about one all are.
fn class(row: &[f64], model: &str) -> u64 {
    let whole = digits(row);
    let usual = whole / 20 % 3;
    let other = match model {
        "steady" => 1,
        "careful" => 2,
        _ => 0,
    };
    match whole % 20 {
        0 => other,
        place @ 1..=3 if place - 1 == other => usual + 1,
        _ => usual,
    }
}

/// Returns a number that says which row it is, more or less.
fn digits(row: &[f64]) -> u64 {
    let sum: f64 = row.iter().zip(1_u8..).map(|(value, place)| value * f64::from(place)).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only its lowest digits are wanted")]
    let whole = sum.abs() as u64;
    whole
}
