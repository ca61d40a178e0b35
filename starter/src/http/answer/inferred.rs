//! The answer of an Open Inference Protocol server, of one row or of several.

use std::time::Duration;

use serde::Serialize;
pub(crate) use serde_json::Value;
use wire::ResultKind;

use super::{
    binary::data_of,
    decision::{Body, Decision},
    outputs::{Output, outputs},
};
use crate::{
    input::OpenInference,
    refusal::Refusal,
    starter::{Answered, Row},
};

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) model_name: String,
    pub(crate) model_version: String,
    pub(crate) id: Option<String>,
    pub(crate) parameters: Vec<(&'static str, Value)>,
    /// Each with whether it is wanted in binary form.
    pub(crate) outputs: Vec<(Output<'a>, bool)>,
    /// What the policy says where its default is an error: the protocol's own member for it.
    pub(crate) error: Option<String>,
}

/// As it is written.
#[derive(Serialize)]
struct Written<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    parameters: serde_json::Map<String, Value>,
    outputs: Vec<Tensor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    datatype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a [Value]>,
}

#[derive(Serialize)]
struct Size {
    binary_data_size: usize,
}

/// What became of one row of several.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// `prediction`, `default` or `error` as everywhere, or `refused`: then there is no result.
    kind: &'static str,
    #[serde(flatten)]
    decision: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    decided_by: &'a str,
    completeness: &'a str,
    reason: &'a str,
    executors: &'a [String],
    elapsed_ms: f64,
    degraded: bool,
}

/// What an error says that says nothing.
const NO_ANSWER: &str = "no answer was acceptable in time";

/// Returns the answer of a single row.
pub(crate) fn one<'a>(answered: &'a Answered, spoken: &OpenInference, body: &'a Body<'a>) -> Answer<'a> {
    let (decision, policy) = (&body.decision, &answered.result.policy);
    let is_error = answered.result.kind == ResultKind::Error;
    let mut parameters: Vec<(&'static str, Value)> = vec![
        ("hedgerow_request_id", answered.id.to_string().into()),
        ("hedgerow_policy", policy.to_string().into()),
        ("hedgerow_kind", answered.result.kind.as_str().into()),
        ("hedgerow_decided_by", (&*decision.decided_by).into()),
        ("hedgerow_completeness", (&*decision.completeness).into()),
        ("hedgerow_reason", (&*decision.reason).into()),
        // Joined by commas: the protocol's parameters are texts, numbers and booleans.
        ("hedgerow_executors", decision.executors.join(",").into()),
        ("hedgerow_elapsed_ms", milliseconds(answered.elapsed).into()),
        ("hedgerow_degraded", is_degraded(answered, decision).into()),
    ];
    if let Some(case) = &decision.case {
        parameters.push(("hedgerow_case", (&**case).into()));
    }
    Answer {
        model_name: policy.rendezvous.to_string(),
        model_version: policy.version.to_string(),
        id: Some(spoken.id.clone().unwrap_or_else(|| answered.id.to_string())),
        parameters,
        outputs: if is_error {
            Vec::new()
        } else {
            wanted(outputs([&body.answer].into_iter(), |name| spoken.wants(name)), spoken)
        },
        error: is_error.then(|| error_of(body)),
    }
}

/// Returns the answer of several rows: of each what it said, and in a parameter how it was decided.
pub(crate) fn many<'a>(spoken: &OpenInference, rows: &'a [Row], bodies: &'a [Body<'a>]) -> Answer<'a> {
    let told: Vec<Told<'_>> = rows.iter().zip(bodies).map(|(row, body)| Told::of(row, body)).collect();
    // Of one policy, and perhaps of several versions of it.
    let first = rows.iter().flatten().next().map(|answered| &answered.result.policy);
    let is_degraded = told.iter().any(|told| told.decision.as_ref().is_none_or(|shown| shown.degraded));
    Answer {
        model_name: first.map(|policy| policy.rendezvous.to_string()).unwrap_or_default(),
        model_version: first.map(|policy| policy.version.to_string()).unwrap_or_default(),
        id: spoken.id.clone(),
        parameters: vec![
            ("hedgerow_kind", kind(rows).into()),
            ("hedgerow_degraded", is_degraded.into()),
            // Text, as the protocol's parameters are: one object for each row, in their order.
            ("hedgerow_rows", serde_json::to_string(&told).unwrap_or_default().into()),
        ],
        outputs: wanted(outputs_of(rows, bodies, spoken), spoken),
        error: None,
    }
}

/// Returns the kind of all rows, or `mixed`.
pub(crate) fn kind(rows: &[Row]) -> &'static str {
    let mut kinds = rows.iter().map(|row| row.as_ref().map_or("refused", |answered| answered.result.kind.as_str()));
    let first = kinds.next().unwrap_or_default();
    if kinds.all(|kind| kind == first) { first } else { "mixed" }
}

fn outputs_of<'a>(rows: &[Row], bodies: &'a [Body<'a>], spoken: &OpenInference) -> Vec<Output<'a>> {
    let is_error = |row: &Row| row.as_ref().is_ok_and(|answered| answered.result.kind == ResultKind::Error);
    // What an error says is told of its row, and is no output.
    let errors = rows.iter().any(is_error);
    outputs(bodies.iter().map(|body| &body.answer), |name| spoken.wants(name) && !(errors && name == "error"))
}

fn wanted<'a>(outputs: Vec<Output<'a>>, spoken: &OpenInference) -> Vec<(Output<'a>, bool)> {
    outputs
        .into_iter()
        .map(|output| {
            let binary = spoken.wants_binary(output.name);
            (output, binary)
        })
        .collect()
}

pub(crate) fn error_of(body: &Body<'_>) -> String {
    body.answer.text("error").unwrap_or_else(|| NO_ANSWER.to_owned())
}

/// Returns how long the caller waited, in whole microseconds: a division by a thousand is the nearest number to what is
/// meant, and so is written with three decimals at most. A product of seconds is not.
fn milliseconds(elapsed: Duration) -> f64 {
    // More than 2^53 microseconds, in 285 years, would be rounded.
    #[expect(clippy::cast_precision_loss, reason = "nobody waits that long")]
    let micros = elapsed.as_micros() as f64;
    micros / 1_000.0
}

/// No prediction, or what there was when time was up: somebody who should have been heard was not.
fn is_degraded(answered: &Answered, decision: &Decision<'_>) -> bool {
    answered.result.kind != ResultKind::Prediction || decision.reason == "deadline"
}

// === impl Told ===

impl<'a> Told<'a> {
    fn of(row: &Row, body: &'a Body<'_>) -> Self {
        let answered = match row {
            Ok(answered) => answered,
            Err(refusal) => {
                let id = match refusal {
                    Refusal::Conflict { id } | Refusal::NoResult { id } => Some(id.to_string()),
                    _ => None,
                };
                return Self { request_id: id, kind: "refused", decision: None, error: Some(refusal.to_string()) };
            }
        };
        let decision = &body.decision;
        Self {
            request_id: Some(answered.id.to_string()),
            kind: answered.result.kind.as_str(),
            decision: Some(Shown {
                policy: answered.result.policy.to_string(),
                case: decision.case.as_deref(),
                decided_by: &decision.decided_by,
                completeness: &decision.completeness,
                reason: &decision.reason,
                executors: &decision.executors,
                elapsed_ms: milliseconds(answered.elapsed),
                degraded: is_degraded(answered, decision),
            }),
            error: (answered.result.kind == ResultKind::Error).then(|| error_of(body)),
        }
    }
}

// === impl Answer ===

impl Answer<'_> {
    /// Returns its JSON, and what lies behind that in binary form.
    pub(crate) fn write(&self) -> (Vec<u8>, Vec<u8>) {
        let mut behind = Vec::new();
        let tensor = |(output, is_binary): &'_ (Output<'_>, bool)| {
            let bytes = is_binary.then(|| data_of(output).to_bytes());
            behind.extend(bytes.iter().flatten());
            (bytes.map(|bytes| Size { binary_data_size: bytes.len() }), output.datatype)
        };
        let sizes: Vec<_> = self.outputs.iter().map(tensor).collect();
        let tensors = self.outputs.iter().zip(sizes).map(|((output, is_binary), (parameters, datatype))| Tensor {
            name: output.name,
            shape: &output.shape,
            datatype,
            parameters,
            data: (!is_binary).then_some(&*output.data),
        });
        let written = Written {
            model_name: &self.model_name,
            model_version: &self.model_version,
            id: self.id.as_deref(),
            parameters: self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            outputs: tensors.collect(),
            error: self.error.as_deref(),
        };
        // Text, numbers and checked JSON always serialise.
        (serde_json::to_vec(&written).unwrap_or_default(), behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_with_the_digits_of_their_microseconds_and_no_others() {
        for micros in (0..200_000).chain([5_272, 123_456_789, 86_400_000_001]) {
            let (whole, rest) = (micros / 1_000, micros % 1_000);
            let written = format!("{whole}.{rest:03}");
            let written = written.trim_end_matches('0').trim_end_matches('.');
            assert_eq!(milliseconds(Duration::from_micros(micros)).to_string(), written);
        }
    }
}
