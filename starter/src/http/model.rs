//! What the Open Inference Protocol tells of a rendezvous and of its versions: the live one, and one on trial.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use policies::{Definition, InputSchema, Trial, TrialMode, Versions};
use serde::Serialize;
use serde_json::json;

use super::{Starters, find, refusal::Problem, status};
use crate::starter::Starter;

/// A rendezvous, or one version of it.
#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    /// The live version, and behind it the one on trial.
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<Tensor<'a>>,
    /// None are promised: what an answer holds is the models' affair.
    outputs: [(); 0],
    parameters: Parameters<'a>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: [i64; 1],
}

/// What runs a rendezvous, in the protocol's words.
pub(super) const PLATFORM: &str = "hedgerow";
/// What every number is.
pub(super) const NUMBER: &str = "FP64";
/// What every text is.
pub(super) const TEXT: &str = "BYTES";
/// As many rows as one likes.
pub(super) const SHAPE: [i64; 1] = [-1];

/// What the protocol has no member for. Texts, numbers and booleans only, as it says.
#[derive(Serialize)]
struct Parameters<'a> {
    /// The version that this tells of.
    version: String,
    live_version: String,
    /// The version on trial, and how: `shadow` or `share`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<&'static str>,
    budget_ms: f64,
    /// What may be said beside the inputs, joined by commas.
    attributes: String,
    /// The cases that are decided about otherwise, joined by commas.
    #[serde(skip_serializing_if = "str::is_empty")]
    cases: &'a str,
}

pub(super) async fn metadata(
    State(starters): State<Starters>,
    Path(rendezvous): Path<String>,
) -> Result<Response, Problem> {
    let versions = find(&starters, &rendezvous)?.versions();
    Ok(described(&versions, versions.live()))
}

pub(super) async fn version_metadata(
    State(starters): State<Starters>,
    Path((rendezvous, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let starter = find(&starters, &rendezvous)?;
    let (number, versions) = (number(starter, &version)?, starter.versions());
    let definition = versions.in_use().find(|known| known.policy_ref.version == number);
    definition.map(|definition| described(&versions, definition)).ok_or_else(|| not_live(&versions, &version))
}

pub(super) async fn ready(
    State(starters): State<Starters>,
    Path(rendezvous): Path<String>,
) -> Result<Response, Problem> {
    let ready = find(&starters, &rendezvous)?.is_ready();
    Ok((status(ready), Json(json!({ "name": rendezvous, "ready": ready }))).into_response())
}

pub(super) async fn version_ready(
    State(starters): State<Starters>,
    Path((rendezvous, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let starter = find(&starters, &rendezvous)?;
    let (number, versions, ready) = (number(starter, &version)?, starter.versions(), starter.is_ready());
    if number != versions.live().policy_ref.version {
        return Err(not_live(&versions, &version));
    }
    Ok((status(ready), Json(json!({ "name": rendezvous, "version": version, "ready": ready }))).into_response())
}

/// Reads a version out of a path.
pub(super) fn number(starter: &Starter, version: &str) -> Result<u64, Problem> {
    version.parse().map_err(|_| not_live(&starter.versions(), version))
}

pub(super) fn not_live(versions: &Versions, asked: &str) -> Problem {
    let live = &versions.live().policy_ref;
    Problem::unknown_version(&live.rendezvous, asked, live.version)
}

/// Returns the live version's number, and that of one on trial.
pub(super) fn numbers(versions: &Versions) -> Vec<String> {
    let trial = versions.trial().map(|trial| &trial.definition);
    [versions.live()].into_iter().chain(trial).map(|definition| definition.policy_ref.version.to_string()).collect()
}

fn described(versions: &Versions, definition: &Definition) -> Response {
    let number = |definition: &Arc<Definition>| definition.policy_ref.version.to_string();
    let (live, trial) = (number(versions.live()), versions.trial());
    let trial_version = trial.map(|trial| number(&trial.definition));
    let cases: Vec<&str> = definition.cases.iter().map(|case| &*case.name).collect();
    Json(Metadata {
        name: definition.name().as_str(),
        versions: numbers(versions),
        platform: PLATFORM,
        inputs: tensors(definition).map(|(name, datatype)| Tensor { name, datatype, shape: SHAPE }).collect(),
        outputs: [],
        parameters: Parameters {
            version: definition.policy_ref.version.to_string(),
            live_version: live,
            trial_version,
            trial: trial.map(mode),
            budget_ms: definition.budget.as_duration().as_secs_f64() * 1_000.0,
            attributes: definition.attributes.join(","),
            cases: &cases.join(","),
        },
    })
    .into_response()
}

/// Returns each tensor's name and datatype: the numbers, and behind them the texts.
pub(super) fn tensors(definition: &Definition) -> impl Iterator<Item = (&str, &'static str)> {
    let InputSchema { features, texts } = &definition.input;
    features.iter().map(|name| (&**name, NUMBER)).chain(texts.iter().map(|name| (&**name, TEXT)))
}

fn mode(trial: &Trial) -> &'static str {
    match trial.mode {
        TrialMode::Shadow => "shadow",
        TrialMode::Share(_) => "share",
    }
}
