//! Calls over HTTP: one pooled client, bounded answers, and what each status means.

use std::{sync::LazyLock, time::Duration};

use native_tls::TlsConnector;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header::RETRY_AFTER, redirect::Policy};

use crate::{
    ServerError,
    dialect::{Call, LONGEST, PATIENCE, Problem, excerpt},
};

/// What this machine trusts. Reading that takes a processor some 60 ms, and a policy may bring ten executors at once: it is
/// read once, and not by each of them.
static TLS: LazyLock<Result<TlsConnector, String>> =
    LazyLock::new(|| TlsConnector::new().map_err(|error| error.to_string()));

/// One server, asked over HTTP.
pub(crate) struct Web {
    client: Client,
    /// What it is called in words.
    place: String,
}

// === impl Web ===

impl Web {
    /// Returns a client that keeps `connections` open at most while idle.
    pub(crate) fn new(place: &str, connections: usize) -> Result<Self, ServerError> {
        let tls = TLS.clone().map_err(ServerError::Client)?;
        let client = Client::builder().pool_max_idle_per_host(connections).connect_timeout(PATIENCE).tcp_nodelay(true);
        // A server that sends us elsewhere would have us tell strangers what lets us in.
        let client = client.redirect(Policy::none()).tls_backend_preconfigured(tls);
        let client = client.build().map_err(|error| ServerError::Client(cause(&error)))?;
        Ok(Self { client, place: place.to_owned() })
    }

    /// Returns what the server has at `url`.
    pub(crate) async fn get(&self, url: Url, call: &Call) -> Result<Vec<u8>, Problem> {
        self.send(self.client.get(url), call).await
    }

    /// Returns what the server at `url` says to `body`, which is JSON.
    pub(crate) async fn post(&self, url: Url, body: Vec<u8>, call: &Call) -> Result<Vec<u8>, Problem> {
        self.send(self.client.post(url).header("content-type", "application/json").body(body), call).await
    }

    async fn send(&self, mut request: RequestBuilder, call: &Call) -> Result<Vec<u8>, Problem> {
        if let Some(secret) = &call.secret {
            request = request.header(secret.header.clone(), secret.value.clone());
        }
        if let Some(parent) = call.parent {
            request = request.header("traceparent", parent.to_string());
        }
        let response = request.timeout(call.left).send().await.map_err(|error| self.problem(&error))?;
        let (status, after) = (response.status(), wished(&response));
        let body = self.read(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        let words = format!("`{}` answered {status}: {}", self.place, excerpt(&body));
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Problem::Barred(words),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Problem::Later { words, after },
            // What it does not have it does not get by being asked again.
            StatusCode::NOT_IMPLEMENTED => Problem::Refused(words),
            status if status.is_server_error() => Problem::Failed(words),
            _ => Problem::Refused(words),
        })
    }

    /// Reads a body of bounded length.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Problem> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.problem(&error))? {
            if body.len() + part.len() > LONGEST {
                return Err(Problem::Failed(format!("`{}` answered more than {LONGEST} bytes", self.place)));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// Returns the failure that an answer is which is none; `what` it was to be.
    pub(crate) fn unreadable(&self, what: &str, problem: &dyn std::fmt::Display, body: &[u8]) -> String {
        format!("`{}` answered what is no {what}: {problem}: {}", self.place, excerpt(body))
    }

    fn problem(&self, error: &reqwest::Error) -> Problem {
        if error.is_timeout() {
            return Problem::Failed(format!("`{}` did not answer in time", self.place));
        }
        let words = format!("`{}` cannot be asked: {}", self.place, cause(error));
        if error.is_connect() { Problem::Later { words, after: None } } else { Problem::Failed(words) }
    }
}

/// Returns the address that `url` is, or what is wrong with it; `what` it is to be.
pub(crate) fn address(url: &str, what: &'static str) -> Result<Url, ServerError> {
    let wrong = |problem: String| ServerError::Address { url: url.to_owned(), what, problem };
    let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        _ => Err(wrong("it starts neither with `http://` nor with `https://`".to_owned())),
    }
}

/// Returns for how long the server asks to be left alone, if it says so in seconds.
fn wished(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Returns the innermost cause: the outer ones only repeat that a request failed.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
