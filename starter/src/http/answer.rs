//! A result as HTTP gives it: to plain callers the body as it lies in the log, to others in their protocol's terms.

mod binary;
mod decision;
mod inferred;
mod message;
mod outputs;

use std::fmt;

use axum::{
    body::Bytes,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use wire::ResultKind;

use self::decision::Body;
pub(super) use self::message::{many_message, one_message};
use super::refusal::Problem;
use crate::{
    input::{OpenInference, Protocol},
    starter::{Answered, Inferred, Row},
};

/// How many bytes of a body are JSON, where tensors lie behind it in binary form.
pub(super) const JSON_BYTES: HeaderName = HeaderName::from_static("inference-header-content-length");

/// Returns what came of an input in its caller's terms.
pub(super) fn response(inferred: Inferred) -> Result<Response, Problem> {
    match inferred {
        Inferred::One(answered) => Ok(one(&answered)),
        Inferred::Many { protocol: Protocol::OpenInference(spoken), rows } => many(&spoken, rows),
        // Only the protocol knows rows, so this is never asked for; each row would be told whole.
        Inferred::Many { protocol: Protocol::Plain, rows } => many(&OpenInference::default(), rows),
    }
}

fn one(answered: &Answered) -> Response {
    // A body that cannot be read is still the caller's result: they get it as it is, and headers without the rest.
    let body = Body::of(answered);
    let mut response = match &answered.protocol {
        Protocol::Plain => json(answered.result.body.clone()),
        Protocol::OpenInference(spoken) => tensors(&inferred::one(answered, spoken, &body)),
    };
    if answered.result.kind == ResultKind::Error {
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    }
    add(&mut response, "hedgerow-request-id", &answered.id);
    add(&mut response, "hedgerow-kind", &answered.result.kind.as_str());
    add(&mut response, "hedgerow-decided-by", &body.decision.decided_by);
    add(&mut response, "hedgerow-policy", &answered.result.policy);
    if let Some(case) = &body.decision.case {
        add(&mut response, "hedgerow-case", case);
    }
    response
}

/// All rows in one response. It has the status of its first row, unless some row has an answer: then each says for itself
/// what it is.
fn many(spoken: &OpenInference, rows: Vec<Row>) -> Result<Response, Problem> {
    if rows.iter().all(Result::is_err) {
        return Err(rows.into_iter().find_map(Result::err).map_or(Problem::CutOff, Problem::Refused));
    }
    let bodies: Vec<Body<'_>> = rows.iter().map(|row| row.as_ref().map(Body::of).unwrap_or_default()).collect();
    let inferred = inferred::many(spoken, &rows, &bodies);
    let mut response = tensors(&inferred);
    let is_error = |row: &Row| row.as_ref().map_or(true, |answered| answered.result.kind == ResultKind::Error);
    if rows.iter().all(is_error) {
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    }
    add(&mut response, "hedgerow-kind", &inferred::kind(&rows));
    add(&mut response, "hedgerow-rows", &rows.len());
    Ok(response)
}

/// Writes an answer of the protocol, and behind it the tensors that are wanted in binary form.
fn tensors(inferred: &inferred::Answer<'_>) -> Response {
    let (json_text, binary) = inferred.write();
    if binary.is_empty() {
        return json(json_text.into());
    }
    let length = json_text.len();
    let mut whole = json_text;
    whole.extend(binary);
    let mut response = Bytes::from(whole).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(JSON_BYTES, HeaderValue::from(length));
    response
}

fn json(body: Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn add(response: &mut Response, name: &'static str, value: &dyn fmt::Display) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        response.headers_mut().insert(name, value);
    }
}
