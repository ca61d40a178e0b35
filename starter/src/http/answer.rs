//! A result as HTTP gives it: to plain callers the body as it lies in the log, to others in their protocol's terms.

mod outputs;

use std::{borrow::Cow, fmt};

use axum::{
    Json,
    body::Bytes,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use wire::ResultKind;

use self::outputs::{Fields, Output};
use crate::{
    input::{OpenInference, Protocol},
    starter::Answered,
};

/// What is read of a result's body; the receipt is passed over.
#[derive(Default, Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    answer: Fields<'a>,
    #[serde(borrow, default)]
    decision: Decision<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Decision<'a> {
    #[serde(borrow)]
    decided_by: Cow<'a, str>,
    #[serde(borrow)]
    completeness: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    executors: Vec<String>,
    #[serde(borrow)]
    case: Option<Cow<'a, str>>,
}

/// The answer of an Open Inference Protocol server.
#[derive(Serialize)]
struct Inferred<'a> {
    model_name: &'a str,
    model_version: String,
    id: String,
    parameters: Parameters<'a>,
    outputs: Vec<Output<'a>>,
    /// What the policy says where its default is an error: the protocol's own member for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "as they stand in the answer, beside other servers' parameters")]
struct Parameters<'a> {
    hedgerow_request_id: String,
    hedgerow_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hedgerow_case: Option<&'a str>,
    hedgerow_kind: &'static str,
    hedgerow_decided_by: &'a str,
    hedgerow_completeness: &'a str,
    hedgerow_reason: &'a str,
    /// Joined by commas: the protocol's parameters are texts, numbers and booleans.
    hedgerow_executors: String,
    hedgerow_elapsed_ms: f64,
    hedgerow_degraded: bool,
}

/// What an error says that says nothing.
const NO_ANSWER: &str = "no answer was acceptable in time";

/// Returns `answered` in its caller's terms.
pub(super) fn response(answered: &Answered) -> Response {
    // A body that cannot be read is still the caller's result: they get it as it is, and headers without the rest.
    let body: Body<'_> = serde_json::from_slice(&answered.result.body).unwrap_or_default();
    let mut response = match &answered.protocol {
        Protocol::Plain => plain(answered.result.body.clone()),
        Protocol::OpenInference(spoken) => Json(inferred(answered, spoken, &body)).into_response(),
    };
    if answered.result.kind == ResultKind::Error {
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    }
    let headers = response.headers_mut();
    let mut add = |name: &'static str, value: &dyn fmt::Display| {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            headers.insert(name, value);
        }
    };
    add("hedgerow-request-id", &answered.id);
    add("hedgerow-kind", &answered.result.kind.as_str());
    add("hedgerow-decided-by", &body.decision.decided_by);
    add("hedgerow-policy", &answered.result.policy);
    if let Some(case) = &body.decision.case {
        add("hedgerow-case", case);
    }
    response
}

fn plain(body: Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn inferred<'a>(answered: &'a Answered, spoken: &OpenInference, body: &'a Body<'_>) -> Inferred<'a> {
    let decision = &body.decision;
    let policy = &answered.result.policy;
    // No prediction, or what there was when time was up: somebody who should have been heard was not.
    let degraded = answered.result.kind != ResultKind::Prediction || decision.reason == "deadline";
    let is_error = answered.result.kind == ResultKind::Error;
    Inferred {
        model_name: policy.rendezvous.as_str(),
        model_version: policy.version.to_string(),
        id: spoken.id.clone().unwrap_or_else(|| answered.id.to_string()),
        parameters: Parameters {
            hedgerow_request_id: answered.id.to_string(),
            hedgerow_policy: policy.to_string(),
            hedgerow_case: decision.case.as_deref(),
            hedgerow_kind: answered.result.kind.as_str(),
            hedgerow_decided_by: &decision.decided_by,
            hedgerow_completeness: &decision.completeness,
            hedgerow_reason: &decision.reason,
            hedgerow_executors: decision.executors.join(","),
            hedgerow_elapsed_ms: answered.elapsed.as_secs_f64() * 1_000.0,
            hedgerow_degraded: degraded,
        },
        outputs: if is_error { Vec::new() } else { body.answer.outputs(&spoken.outputs) },
        error: is_error.then(|| body.answer.text("error").unwrap_or_else(|| NO_ANSWER.to_owned())),
    }
}
