//! Those who are told: where they are, in which words they are told, and what their answers mean.

use std::time::Duration;

use alarms::{Answer, Notice, generic, slack};
use anyhow::Context as _;
use reqwest::{Client, StatusCode, Url, header, redirect::Policy};

/// One who is told.
#[derive(Clone)]
pub struct Receiver {
    /// Its name, in metrics and logs.
    pub name: String,
    /// What it reads.
    pub shape: Shape,
    /// Where it is. May hold a secret: never shown.
    pub(super) url: Url,
    /// Who we are, if it wants to know.
    pub(super) token: Option<String>,
}

/// What a receiver reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One flat object.
    Generic,
    /// Slack's blocks.
    Slack,
}

/// Sends to receivers.
#[derive(Clone)]
pub struct Courier {
    client: Client,
    /// Where the pages are.
    console: Option<String>,
}

/// What came of an attempt, and a word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it means for what comes next.
    pub answer: Answer,
    /// What it said, without where it is.
    pub said: String,
}

/// Whoever is there takes a connection within that.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// And has answered within that.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

// === impl Courier ===

impl Courier {
    /// Returns a courier that links to the pages at `console`.
    pub fn new(console: Option<String>) -> anyhow::Result<Self> {
        // Whoever is sent elsewhere would take the credentials with him.
        let client = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN);
        let client = client.user_agent(concat!("hedgerow/", env!("CARGO_PKG_VERSION")));
        Ok(Self { client: client.build().context("no HTTP client for alerts")?, console })
    }

    /// Sends `notice` once, and waits for the answer as long as anybody may take.
    pub async fn send(&self, receiver: &Receiver, notice: &Notice) -> Attempt {
        let console = self.console.as_deref();
        let body = match receiver.shape {
            Shape::Generic => generic(notice, console),
            Shape::Slack => slack(notice, console),
        };
        let mut request = self.client.post(receiver.url.clone()).json(&body);
        if let Some(token) = &receiver.token {
            request = request.bearer_auth(token);
        }
        match request.send().await {
            Ok(response) => {
                let status = response.status();
                let after = response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok());
                Attempt { answer: meaning(status, after), said: status.to_string() }
            }
            Err(error) => Attempt { answer: Answer::Later(None), said: why(&error) },
        }
    }
}

/// Returns what an answer with this status means. Of the ways in which `Retry-After` is written, seconds are understood.
fn meaning(status: StatusCode, retry_after: Option<&str>) -> Answer {
    let after = retry_after.and_then(|after| after.trim().parse().ok()).map(Duration::from_secs);
    if status.is_success() {
        Answer::Taken
    } else if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        Answer::Later(after)
    } else {
        Answer::Refused
    }
}

/// Says why there was no answer, without the address, which may be a secret.
fn why(error: &reqwest::Error) -> String {
    if error.is_connect() {
        "nobody takes a connection there".to_owned()
    } else if error.is_timeout() {
        format!("no answer within {} s", ANSWER_WITHIN.as_secs())
    } else {
        "the connection ended without an answer".to_owned()
    }
}

// === impl Receiver ===

impl Receiver {
    /// Returns where it is, as far as that is no secret.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_taken_refused_or_later() {
        let means = |status: u16, after| meaning(StatusCode::from_u16(status).unwrap(), after);
        assert_eq!([200, 202, 204].map(|status| means(status, None)), [Answer::Taken; 3]);
        assert_eq!([301, 400, 401, 404, 410].map(|status| means(status, None)), [Answer::Refused; 5]);
        assert_eq!([429, 500, 503].map(|status| means(status, None)), [Answer::Later(None); 3]);
        assert_eq!(means(429, Some(" 7 ")), Answer::Later(Some(Duration::from_secs(7))));
        assert_eq!(means(503, Some("-1")), Answer::Later(None));
        assert_eq!(means(503, Some("Wed, 21 Oct 2026 07:28:00 GMT")), Answer::Later(None));
        assert_eq!(means(400, Some("7")), Answer::Refused);
    }

    #[test]
    fn where_a_receiver_is_shows_no_secret() {
        let url = Url::parse("https://user:secret@hooks.example:8443/services/secret?key=secret").unwrap();
        let receiver = Receiver { name: "webhook".to_owned(), shape: Shape::Generic, url, token: None };
        assert_eq!(receiver.host(), "hooks.example:8443");
    }
}
