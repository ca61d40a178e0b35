//! An answer as a gRPC message; what HTTP says in headers stands in the call's metadata.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderValue};
use oip::{InferOutputTensor, InferParameter, ModelInferResponse, ParameterChoice};
use serde::Deserialize;
use serde_json::value::RawValue;
use tonic::{Response, metadata::MetadataMap};
use wire::ResultKind;

use super::{
    binary::data_of,
    decision::Body,
    inferred::{self, Answer, Value},
};
use crate::{
    http::refusal::Problem,
    input::{OpenInference, Protocol},
    starter::{Answered, Row},
};

/// The decision as it was written, receipt and all.
#[derive(Deserialize)]
struct Decided<'a> {
    #[serde(borrow)]
    decision: &'a RawValue,
}

/// Returns the answer of one row. An error that is the policy's default is the call's status, as there is nothing else
/// that a client would notice; the decision stands beside it.
pub(crate) fn one_message(answered: &Answered) -> Result<Response<ModelInferResponse>, Problem> {
    let body = Body::of(answered);
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    add("hedgerow-request-id", answered.id.to_string());
    add("hedgerow-kind", answered.result.kind.as_str().to_owned());
    add("hedgerow-decided-by", body.decision.decided_by.to_string());
    add("hedgerow-policy", answered.result.policy.to_string());
    if let Some(case) = &body.decision.case {
        add("hedgerow-case", case.to_string());
    }
    if answered.result.kind == ResultKind::Error {
        return Err(Problem::ErrorResult { sentence: inferred::error_of(&body), headers });
    }
    let default = OpenInference::default();
    let spoken = if let Protocol::OpenInference(spoken) = &answered.protocol { spoken } else { &default };
    let mut answer = inferred::one(answered, spoken, &body);
    if let Ok(Decided { decision }) = serde_json::from_slice(&answered.result.body) {
        answer.parameters.push(("hedgerow_decision", decision.get().into()));
    }
    Ok(Response::from_parts(MetadataMap::from_headers(headers), message(answer), tonic::Extensions::default()))
}

/// Returns the answers of several rows; the first refusal, if there is nothing else.
pub(crate) fn many_message(protocol: &Protocol, rows: Vec<Row>) -> Result<Response<ModelInferResponse>, Problem> {
    if rows.iter().all(Result::is_err) {
        return Err(rows.into_iter().find_map(Result::err).map_or(Problem::CutOff, Problem::Refused));
    }
    let default = OpenInference::default();
    let spoken = if let Protocol::OpenInference(spoken) = protocol { spoken } else { &default };
    let bodies: Vec<Body<'_>> = rows.iter().map(|row| row.as_ref().map(Body::of).unwrap_or_default()).collect();
    Ok(Response::new(message(inferred::many(spoken, &rows, &bodies))))
}

/// Values go as bytes: they say each datatype, and clients read them without copying value by value.
fn message(answer: Answer<'_>) -> ModelInferResponse {
    let tensor = |name: &str, shape: &[usize], datatype: &str| InferOutputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.iter().map(|length| i64::try_from(*length).unwrap_or(i64::MAX)).collect(),
        parameters: HashMap::new(),
        contents: None,
    };
    let outputs = answer.outputs.iter().map(|(output, _)| output);
    ModelInferResponse {
        outputs: outputs.clone().map(|output| tensor(output.name, &output.shape, output.datatype)).collect(),
        raw_output_contents: outputs.map(|output| data_of(output).to_bytes()).collect(),
        model_name: answer.model_name,
        model_version: answer.model_version,
        id: answer.id.unwrap_or_default(),
        parameters: answer.parameters.into_iter().map(|(name, value)| (name.to_owned(), parameter(value))).collect(),
    }
}

fn parameter(value: Value) -> InferParameter {
    let choice = match value {
        Value::Bool(value) => ParameterChoice::Bool(value),
        Value::Number(value) => ParameterChoice::Double(value.as_f64().unwrap_or_default()),
        Value::String(value) => ParameterChoice::Text(value),
        other => ParameterChoice::Text(other.to_string()),
    };
    InferParameter { parameter_choice: Some(choice) }
}
