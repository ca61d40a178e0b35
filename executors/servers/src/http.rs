//! A model on an Open Inference Protocol v2 server elsewhere.
//!
//! The server is asked once what inputs its model takes. One that is away when the station starts is not an error: it
//! is asked again later, and meanwhile gets one tensor `input` of all features. A judge gets one tensor of text (`BYTES`,
//! shape `[1]`) instead, which is a JSON object: the input, and what others said about it.
//!
//! Where the policy says so (`max_batch`), requests that wait at the same time are rows of one call. A batch that the
//! server refuses, or answers otherwise than row by row, is asked again one by one; if it takes each of them alone, it is
//! given no batch any more.
//!
//! The server is told under which span its own are to hang (`traceparent`), so that its spans stand in the request's trace.

mod protocol;
mod traceparent;

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use executor::{BoxFuture, Executor, Input, Now, failed};
use futures::future::join_all;
use native_tls::TlsConnector;
use reqwest::{Client, Url};
use traces::Sampling;
use wire::{Failure, ModelVersion, Timestamp};

use protocol::{Inferred, Layout, Metadata};
use traceparent::parent_of;

pub use protocol::Takes;

/// How long a server may take to describe its model, and to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a server that did not describe its model is left alone before it is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 4 << 20;

/// What this machine trusts. Reading that takes a processor some 60 ms, and a policy may bring ten executors at once: it is
/// read once, and not by each of them.
static TLS: LazyLock<Result<TlsConnector, String>> =
    LazyLock::new(|| TlsConnector::new().map_err(|error| error.to_string()));

/// A model on a server.
pub struct Http {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    infer: Url,
    client: Client,
    now: Now,
    takes: Takes,
    sampling: Option<Sampling>,
    state: Mutex<State>,
}

struct State {
    model: ModelVersion,
    layout: Arc<Layout>,
    /// When to ask the server about its model; `None` when it has answered.
    ask_at: Option<Timestamp>,
    /// Why it cannot be reached, as far as is known.
    away: Option<String>,
    /// How many rows it is given in one call at most.
    batch_max: NonZeroUsize,
}

/// Why there is no answer to a call.
enum Problem {
    /// The server does not like what it was asked, or answers something else: of several rows, one may be to blame, or
    /// that they are several.
    Refused(String),
    /// Anything else: it is away, it is slow, it is broken.
    Failed(String),
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is none.
    #[error("`{url}` is not the URL of a model's `infer`: {problem}")]
    Address {
        /// As written.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The model takes other inputs than the policy describes.
    #[error("the model at `{url}` does not fit the policy's input: {problem}")]
    Misfit {
        /// Of its `infer`.
        url: String,
        /// How it differs.
        problem: String,
    },
    /// The client cannot be made (TLS settings of this machine).
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
}

// === impl Http ===

impl Http {
    /// Asks the server at `infer` (`http://host/v2/models/m/infer`) about its model. `connections` are kept open at
    /// most while idle, and a call has `max_batch` rows at most; 1 unless said, because not every server takes several.
    /// It is told which of the traces that `sampling` keeps a call is part of.
    pub async fn connect(
        name: &str,
        infer: &str,
        connections: usize,
        max_batch: Option<NonZeroUsize>,
        takes: Takes,
        now: Now,
        sampling: Option<Sampling>,
    ) -> Result<Self, HttpError> {
        let (infer, batch_max) = (address(infer)?, max_batch.unwrap_or(NonZeroUsize::MIN));
        let tls = TLS.clone().map_err(HttpError::Client)?;
        let client = Client::builder().pool_max_idle_per_host(connections).connect_timeout(PATIENCE).tcp_nodelay(true);
        let client = client.tls_backend_preconfigured(tls);
        let client = client.build().map_err(|error| HttpError::Client(cause(&error)))?;
        let model = ModelVersion::new(name, "unversioned");
        let layout = Arc::new(Layout::assumed(&takes));
        let state = Mutex::new(State { model, layout, ask_at: None, away: None, batch_max });
        let shared = Arc::new(Shared { name: name.to_owned(), infer, client, now, takes, sampling, state });
        shared.describe().await?;
        Ok(Self { shared })
    }
}

impl Executor for Http {
    fn score<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            self.shared.ask_again();
            let layout = Arc::clone(&self.shared.state().layout);
            layout.check(input).map_err(failed)?;
            let mut answers = self.shared.infer(&layout, &[input]).await.map_err(Problem::into_failure)?;
            Ok(answers.pop().expect("one row has one answer"))
        })
    }

    fn score_batch<'a>(&'a self, inputs: &'a [&'a Input]) -> BoxFuture<'a, Vec<Result<Bytes, Failure>>> {
        Box::pin(async move {
            self.shared.ask_again();
            let layout = Arc::clone(&self.shared.state().layout);
            let checked: Vec<Result<(), String>> = inputs.iter().map(|input| layout.check(input)).collect();
            let rows = inputs.iter().zip(&checked).filter(|(_, checked)| checked.is_ok()).map(|(input, _)| *input);
            let answers = self.shared.infer_rows(&layout, &rows.collect::<Vec<_>>()).await;
            let mut answers = answers.into_iter();
            let answer = |checked: Result<(), String>| match checked {
                Ok(()) => answers.next().expect("each row that was asked about has an answer"),
                Err(problem) => Err(failed(problem)),
            };
            checked.into_iter().map(answer).collect()
        })
    }

    fn batch_max(&self) -> NonZeroUsize {
        self.shared.state().batch_max
    }

    fn model(&self) -> ModelVersion {
        self.shared.state().model.clone()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.state().away.clone()
    }
}

fn address(url: &str) -> Result<Url, HttpError> {
    let wrong = |problem: String| HttpError::Address { url: url.to_owned(), problem };
    let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    match (parsed.scheme(), parsed.path().ends_with("/infer")) {
        ("http" | "https", true) => Ok(parsed),
        (_, true) => Err(wrong("it starts neither with `http://` nor with `https://`".to_owned())),
        (_, false) => Err(wrong("its path does not end in `/infer`".to_owned())),
    }
}

// === impl Shared ===

impl Shared {
    /// Asks about several rows in one call; one by one if that is refused, so that no row fails for another's sake.
    async fn infer_rows(&self, layout: &Layout, rows: &[&Input]) -> Vec<Result<Bytes, Failure>> {
        if rows.is_empty() {
            return Vec::new();
        }
        match self.infer(layout, rows).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(Problem::Refused(why)) if rows.len() > 1 => self.infer_alone(layout, rows, &why).await,
            Err(problem) => vec![Err(problem.into_failure()); rows.len()],
        }
    }

    async fn infer_alone(&self, layout: &Layout, rows: &[&Input], why: &str) -> Vec<Result<Bytes, Failure>> {
        let alone = rows.iter().map(async |row| {
            let mut answers = self.infer(layout, &[*row]).await.map_err(Problem::into_failure)?;
            Ok(answers.pop().expect("one row has one answer"))
        });
        let answers = join_all(alone).await;
        if answers.iter().all(Result::is_ok) {
            self.state().batch_max = NonZeroUsize::MIN;
            tracing::warn!(executor = self.name, %why, "this server takes rows alone and not in batches: it gets no batch any more");
        }
        answers
    }

    /// Asks about `rows` in one call, for as long as the last of them may wait.
    async fn infer(&self, layout: &Layout, rows: &[&Input]) -> Result<Vec<Bytes>, Problem> {
        let body = layout.body(rows).map_err(Problem::Failed)?;
        let now = (self.now)();
        let left = rows.iter().map(|row| row.deadline.since(now)).max().unwrap_or_default();
        let mut request = self.client.post(self.infer.clone()).timeout(left).header("content-type", "application/json");
        if let Some(parent) = parent_of(rows, &self.name, self.sampling) {
            request = request.header("traceparent", parent.to_string());
        }
        let response = request.body(body).send().await.map_err(|error| Problem::Failed(self.problem(&error)))?;
        let status = response.status();
        let body = self.read(response).await.map_err(Problem::Failed)?;
        if !status.is_success() {
            let words = format!("`{}` answered {status}: {}", self.infer, excerpt(&body));
            return Err(if status.is_client_error() { Problem::Refused(words) } else { Problem::Failed(words) });
        }
        let unreadable = |problem: &dyn std::fmt::Display| {
            format!("`{}` answered what is no inference response: {problem}: {}", self.infer, excerpt(&body))
        };
        let inferred: Inferred = serde_json::from_slice(&body).map_err(|error| Problem::Failed(unreadable(&error)))?;
        self.note_version(inferred.model_version.as_deref());
        inferred.answers(rows.len()).map_err(|problem| Problem::Refused(unreadable(&problem)))
    }

    /// Reads a body of bounded length.
    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.problem(&error))? {
            if body.len() + part.len() > LONGEST {
                return Err(format!("`{}` answered more than {LONGEST} bytes", self.infer));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn note_version(&self, version: Option<&str>) {
        let model = ModelVersion::new(&self.name, version.filter(|text| !text.is_empty()).unwrap_or("unversioned"));
        self.state().model = model;
    }

    /// Lets a server that did not describe its model be asked again beside the requests, not before them.
    fn ask_again(self: &Arc<Self>) {
        let now = (self.now)();
        let mut state = self.state();
        if state.ask_at.is_some_and(|at| at <= now) {
            state.ask_at = Some(now.after(AGAIN));
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = shared.describe().await {
                    tracing::error!(%error, executor = shared.name, "requests to this server will fail");
                }
            });
        }
    }

    /// Asks the server what inputs its model takes; no answer is a reason to ask again, not an error.
    async fn describe(&self) -> Result<(), HttpError> {
        let layout = match self.metadata().await {
            Ok(metadata) => Layout::of(metadata, &self.takes),
            Err(problem) => {
                tracing::warn!(executor = self.name, %problem, "asking again in {} s", AGAIN.as_secs());
                self.state().ask_at = Some((self.now)().after(AGAIN));
                return Ok(());
            }
        };
        let layout = layout.map_err(|problem| HttpError::Misfit { url: self.infer.to_string(), problem })?;
        let mut state = self.state();
        state.layout = Arc::new(layout);
        state.ask_at = None;
        Ok(())
    }

    async fn metadata(&self) -> Result<Metadata, String> {
        let mut model = self.infer.clone();
        model.set_path(self.infer.path().trim_end_matches("/infer"));
        let answered = self.client.get(model).timeout(PATIENCE).send().await.map_err(|error| self.problem(&error));
        self.state().away = answered.as_ref().err().cloned();
        let response = answered?;
        let status = response.status();
        let body = self.read(response).await?;
        if !status.is_success() {
            return Err(format!("`{}` answered {status} when asked about its model", self.infer));
        }
        serde_json::from_slice(&body).map_err(|error| format!("`{}` says of its model: {error}", self.infer))
    }

    fn problem(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("`{}` did not answer in time", self.infer);
        }
        format!("`{}` cannot be asked: {}", self.infer, cause(error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Problem {
    fn into_failure(self) -> Failure {
        let (Self::Refused(words) | Self::Failed(words)) = self;
        failed(words)
    }
}

/// Returns the innermost cause: the outer ones only repeat that a request failed.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Returns the beginning of a body, for people to read.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests;
