//! PURE: Openscoring's words as JSON: which fields a model has, what a request is, what a result says.
//!
//! Releases differ in two names: a result is `result` up to 1.4 and `results` since 2.0, a model's inputs `activeFields`
//! up to 1.2 and `inputFields` since 1.3. Either is read.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use executor::{
    Input,
    answer::{self, Output, Values},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{Takes, place};

/// What a model is given, and how its results are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Fields by name, each with the place of its feature; `None` is text, which no model of this kind takes.
    fields: Option<Vec<(usize, Arc<str>)>>,
    /// Which result is the model's decision; `None` if it does not say.
    target: Option<String>,
    /// Results that are probabilities, in the order of the model's file.
    probabilities: Vec<String>,
}

/// The part of `GET /model/m` that we need.
#[derive(Debug, Deserialize)]
pub(super) struct ModelResponse {
    #[serde(default)]
    properties: HashMap<String, Value>,
    schema: Schema,
}

#[derive(Debug, Deserialize)]
struct Schema {
    #[serde(rename = "inputFields", alias = "activeFields")]
    inputs: Vec<Field>,
    #[serde(rename = "targetFields", default)]
    targets: Vec<Field>,
    #[serde(rename = "outputFields", default)]
    outputs: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    /// One that the model does not name has none.
    id: Option<String>,
}

/// What is asked about one input.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub(super) id: String,
    arguments: HashMap<&'a str, f64>,
}

/// What is asked about several.
#[derive(Debug, Serialize)]
pub(super) struct BatchRequest<'a> {
    pub(super) id: String,
    pub(super) requests: Vec<Request<'a>>,
}

/// What is said about one input.
#[derive(Debug, Deserialize)]
pub(super) struct Evaluated {
    #[serde(alias = "result")]
    results: Option<Map<String, Value>>,
    /// Why there is nothing, in a batch.
    message: Option<String>,
}

/// What is said about several.
#[derive(Debug, Deserialize)]
pub(super) struct BatchResponse {
    pub(super) responses: Vec<Evaluated>,
}

// === impl ModelResponse ===

impl ModelResponse {
    /// Returns the beginning of its file's checksum, which is all that tells one version from another.
    pub(super) fn version(&self) -> Option<String> {
        let checksum = ["file.md5sum", "file.checksum"].iter().find_map(|name| self.properties.get(*name)?.as_str())?;
        Some(checksum.chars().take(12).collect())
    }
}

// === impl Layout ===

impl Layout {
    /// Returns what is sent to a server that says nothing of itself: every feature.
    pub(super) fn assumed(takes: &Takes) -> Self {
        let fields = match takes {
            Takes::Features(schema) => Some(schema.features.iter().cloned().enumerate().collect()),
            Takes::Text => None,
        };
        Self { fields, target: None, probabilities: Vec::new() }
    }

    /// Returns the layout that `model` asks for, or how it differs from what there is to give.
    pub(super) fn of(model: &ModelResponse, takes: &Takes) -> Result<Self, String> {
        let Takes::Features(schema) = takes else {
            return Err("a PMML model takes features, and what a judge is given is text".to_owned());
        };
        let names = model.schema.inputs.iter().filter_map(|field| field.id.as_deref());
        let fields = names.map(|name| place(name, schema).map(|place| (place, Arc::clone(&schema.features[place]))));
        let target = match model.schema.targets.as_slice() {
            [only] => only.id.clone(),
            _ => None,
        };
        let outputs = model.schema.outputs.iter().filter_map(|field| field.id.clone());
        let probabilities = outputs.filter(|name| name.starts_with("probability")).collect();
        Ok(Self { fields: Some(fields.collect::<Result<_, _>>()?), target, probabilities })
    }

    /// Returns what is asked about `input`, or why nothing can be.
    pub(super) fn request(&self, input: &Input) -> Result<Request<'_>, String> {
        let Some(fields) = &self.fields else {
            return Err("a PMML model takes features, and what a judge is given is text".to_owned());
        };
        let features = input.features().map_err(|failure| failure.message)?;
        let arguments = fields.iter().map(|(place, name)| (&**name, features[*place])).collect();
        Ok(Request { id: input.request.to_string(), arguments })
    }
}

// === impl Evaluated ===

impl Evaluated {
    /// Returns the answer that this is, or why there is none.
    pub(super) fn answer(self, layout: &Layout) -> Result<Bytes, String> {
        let Some(mut results) = self.results else {
            return Err(self.message.unwrap_or_else(|| "neither a result nor why there is none".to_owned()));
        };
        let one = |name: &str, value: Value| Output {
            name: name.to_owned().into(),
            values: Values::Json(vec![value].into()),
        };
        let classifies = |target: &&String| {
            results.len() == layout.probabilities.len() + 1
                && results.contains_key(*target)
                && layout.probabilities.iter().all(|name| results.contains_key(name))
        };
        let target = layout.target.as_ref().filter(|_| !layout.probabilities.is_empty()).filter(classifies);
        if let Some(label) = target.and_then(|target| results.remove(target)) {
            let probabilities: Vec<Value> =
                layout.probabilities.iter().filter_map(|name| results.remove(name)).collect();
            let probabilities = Output { name: "probabilities".into(), values: Values::Json(probabilities.into()) };
            return Ok(answer::compose(&[one("label", label), probabilities]));
        }
        let outputs: Vec<Output> = results.into_iter().map(|(name, value)| one(&name, value)).collect();
        Ok(answer::compose(&outputs))
    }
}

#[cfg(test)]
mod tests {
    use policies::InputSchema;

    use super::*;

    const MODEL: &str = r#"{"id": "wine", "properties": {"file.md5sum": "ccb94ac2dd6b16e6449918febc6a78bc"}, "schema": {
        "activeFields": [{"id": "ash"}], "targetFields": [{"id": "cultivar"}],
        "outputFields": [{"id": "probability(red)"}, {"id": "probability(blue)"}]}}"#;

    fn features() -> Takes {
        Takes::Features(Arc::new(InputSchema::of(&["hue", "ash"], &[])))
    }

    fn layout(model: &str) -> Result<Layout, String> {
        Layout::of(&serde_json::from_str(model).unwrap(), &features())
    }

    fn check(model: &str, response: &str, expected: Result<&str, &str>) {
        let answer = serde_json::from_str::<Evaluated>(response).unwrap().answer(&layout(model).unwrap());
        let answer = answer.map(|answer| String::from_utf8(answer.to_vec()).unwrap());
        assert_eq!(answer.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_model_is_given_the_features_that_it_has_fields_for() {
        let asked = serde_json::to_value(
            layout(MODEL).unwrap().request(&crate::rig::input(r#"{"hue": 1, "ash": 2}"#)).unwrap(),
        );
        assert_eq!(asked.unwrap()["arguments"], serde_json::json!({"ash": 2.0}));
        let other = MODEL.replace("ash", "acid");
        assert_eq!(layout(&other).unwrap_err(), "it has an input `acid`, the policy has no such feature");
        assert!(Layout::of(&serde_json::from_str(MODEL).unwrap(), &Takes::Text).unwrap_err().contains("a judge"));
    }

    #[test]
    fn a_version_is_the_beginning_of_a_checksum() {
        let model: ModelResponse = serde_json::from_str(MODEL).unwrap();
        assert_eq!(model.version().as_deref(), Some("ccb94ac2dd6b"));
    }

    #[test]
    fn a_decision_and_its_probabilities_are_a_classifiers_answer() {
        let results = r#"{"probability(red)": 0.25, "cultivar": "blue", "probability(blue)": 0.75}"#;
        let expected = r#"{"class":"blue","probability":0.75,"probabilities":[0.25,0.75]}"#;
        check(MODEL, &format!(r#"{{"id": "a", "result": {results}}}"#), Ok(expected));
        check(MODEL, &format!(r#"{{"id": "a", "results": {results}}}"#), Ok(expected));
    }

    #[test]
    fn other_results_are_given_by_name_and_none_is_told_with_the_reason() {
        let model = MODEL.replace("probability(", "confidence(").replace("activeFields", "inputFields");
        check(&model, r#"{"id": "a", "results": {"cultivar": 5.5}}"#, Ok(r#"{"cultivar":5.5}"#));
        check(&model, r#"{"id": "a", "message": "Field ash is not there"}"#, Err("Field ash is not there"));
        check(&model, r#"{"id": "a"}"#, Err("neither a result nor why there is none"));
    }
}
