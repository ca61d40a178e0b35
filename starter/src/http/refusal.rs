//! What is no answer, as HTTP says it: a status, and one sentence.

use std::borrow::Cow;

use axum::{
    Json,
    extract::rejection::BytesRejection,
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use wire::RendezvousName;

use crate::{
    input::{InvalidInput, InvalidReason},
    refusal::Refusal,
};

/// Why a call got no answer.
pub(super) enum Problem {
    /// The starter refused.
    Refused(Refusal),
    /// The policy's default is an error, and a call has no other way to say so than by its status.
    ErrorResult {
        /// What the policy says.
        sentence: String,
        /// What stands beside the result.
        headers: HeaderMap,
    },
    /// There is no such rendezvous; the sentence names those there are.
    UnknownRendezvous(String),
    /// There is no such version to look at or to ask; the sentence names the live one.
    UnknownVersion(String),
    /// The body is over the limit, by how much is not known.
    TooLarge(usize),
    /// The caller went away while sending.
    CutOff,
    /// The body is encoded in a way that is not understood.
    Encoding(&'static str),
    /// There is nothing at this path.
    NoSuchPath,
    /// The path knows other methods.
    Method,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
}

// === impl Problem ===

impl Problem {
    pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Self {
        let known: Vec<String> = known.map(|known| format!("`{known}`")).collect();
        let shown: String = name.chars().take(60).collect();
        Self::UnknownRendezvous(format!("there is no rendezvous `{shown}`; there is: {}", known.join(", ")))
    }

    pub(super) fn unknown_version(rendezvous: &RendezvousName, asked: &str, live: u64) -> Self {
        let shown: String = asked.chars().take(60).collect();
        Self::UnknownVersion(format!("`{rendezvous}` does not serve version `{shown}`: version {live} is live"))
    }

    pub(super) fn of_body(rejected: &BytesRejection, limit: usize) -> Self {
        match rejected.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(limit),
            _ => Self::CutOff,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::Invalid(invalid) if invalid.reason() == InvalidReason::Oversized => {
                    StatusCode::PAYLOAD_TOO_LARGE
                }
                Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
                Refusal::NotLive { .. } => StatusCode::NOT_FOUND,
                Refusal::Conflict { .. } => StatusCode::CONFLICT,
                Refusal::Shed { .. } => StatusCode::TOO_MANY_REQUESTS,
                Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                Refusal::NoResult { .. } => StatusCode::GATEWAY_TIMEOUT,
            },
            Self::ErrorResult { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::UnknownRendezvous(_) | Self::UnknownVersion(_) | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutOff => StatusCode::BAD_REQUEST,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    pub(super) fn sentence(&self) -> Cow<'_, str> {
        match self {
            Self::Refused(refusal) => refusal.to_string().into(),
            Self::UnknownRendezvous(sentence) | Self::UnknownVersion(sentence) | Self::ErrorResult { sentence, .. } => {
                sentence.into()
            }
            Self::TooLarge(limit) => format!("the body has too many bytes, {limit} are allowed").into(),
            Self::CutOff => "the body was cut off".into(),
            Self::Encoding(sentence) => (*sentence).into(),
            Self::NoSuchPath => "there is nothing here; requests go to POST /v2/models/{rendezvous}/infer".into(),
            Self::Method => "this path takes another method: `infer` takes POST, everything else GET".into(),
        }
    }

    /// Returns after how many seconds it is worth trying again, if it is.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(Refusal::Shed { retry_after, .. }) => Some(retry_after.as_secs().max(1)),
            Self::Refused(Refusal::Unavailable(_)) => Some(1),
            _ => None,
        }
    }
}

impl Problem {
    /// Says beside the sentence what a program goes by.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        match self {
            Self::ErrorResult { headers: beside, .. } => headers.extend(beside.clone()),
            Self::Refused(Refusal::Shed { by, .. }) => {
                headers.insert("hedgerow-shed", HeaderValue::from_static(by.word()));
            }
            Self::Refused(Refusal::NoResult { id } | Refusal::Conflict { id }) => {
                if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
                    headers.insert("hedgerow-request-id", value);
                }
            }
            _ => {}
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<InvalidInput> for Problem {
    fn from(invalid: InvalidInput) -> Self {
        Self::Refused(Refusal::Invalid(invalid))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(Body { error: &self.sentence() })).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        self.tell(response.headers_mut());
        response
    }
}
