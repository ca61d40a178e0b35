//! PURE: TensorFlow Serving's words as JSON: what a signature asks for, what an instance looks like, what a prediction is.

use std::collections::BTreeMap;

use bytes::Bytes;
use executor::{
    Input,
    answer::{self, Output, Values},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::layout::{Takes, numbers_only, place};

/// The signature that is asked for, as `:predict` does unless it is told otherwise.
const SIGNATURE: &str = "serving_default";

/// What instances look like, and what a prediction without a name is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    rows: Rows,
    output: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rows {
    /// The list of all features.
    List(Numbers),
    /// An object of features by name, each with its place in the schema.
    Object(Vec<(usize, String, Numbers)>),
    /// The text that a judge is given.
    Text,
}

/// How an input takes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    are_whole: bool,
    /// Whether a single number stands without a list around it.
    is_bare: bool,
}

/// The part of `GET …/metadata` that we need.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    metadata: Signatures,
}

#[derive(Debug, Deserialize)]
struct Signatures {
    signature_def: SignatureDef,
}

#[derive(Debug, Deserialize)]
struct SignatureDef {
    signature_def: BTreeMap<String, Signature>,
}

#[derive(Debug, Deserialize)]
struct Signature {
    #[serde(default)]
    inputs: BTreeMap<String, Tensor>,
    #[serde(default)]
    outputs: BTreeMap<String, Tensor>,
}

#[derive(Debug, Deserialize)]
struct Tensor {
    dtype: String,
    #[serde(default)]
    tensor_shape: Shape,
}

#[derive(Debug, Default, Deserialize)]
struct Shape {
    #[serde(default)]
    dim: Vec<Dimension>,
    #[serde(default)]
    unknown_rank: bool,
}

/// How long a dimension is: Protobuf's JSON writes long numbers as texts.
#[derive(Debug, Deserialize)]
struct Dimension {
    size: String,
}

/// What `GET /v1/models/m` says.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    model_version_status: Vec<VersionStatus>,
}

#[derive(Debug, Deserialize)]
struct VersionStatus {
    version: String,
    state: String,
}

/// What `:predict` says.
#[derive(Debug, Deserialize)]
pub(super) struct Predicted {
    predictions: Vec<Value>,
}

// === impl Layout ===

impl Layout {
    /// Returns what is sent to a server that says nothing of itself.
    pub(super) fn assumed(takes: &Takes) -> Self {
        let rows = match takes {
            Takes::Features(_) => Rows::List(Numbers { are_whole: false, is_bare: false }),
            Takes::Text => Rows::Text,
        };
        Self { rows, output: "predictions".to_owned() }
    }

    /// Returns the layout that `metadata` asks for, or how it differs from what there is to give.
    pub(super) fn of(metadata: &Metadata, takes: &Takes) -> Result<Self, String> {
        if let Takes::Features(schema) = takes {
            numbers_only(schema)?;
        }
        let signatures = &metadata.metadata.signature_def.signature_def;
        let Some(signature) = signatures.get(SIGNATURE) else {
            let known: Vec<&str> = signatures.keys().map(String::as_str).collect();
            return Err(format!("it has no signature `{SIGNATURE}`, but {}", known.join(", ")));
        };
        let output = match signature.outputs.keys().collect::<Vec<_>>().as_slice() {
            [only] => (*only).clone(),
            _ => "predictions".to_owned(),
        };
        Ok(Self { rows: Rows::of(signature, takes)?, output })
    }

    /// Returns the instance that `input` is, or why it is none.
    pub(super) fn instance(&self, input: &Input) -> Result<Value, String> {
        match &self.rows {
            Rows::Text => std::str::from_utf8(&input.body).map(Value::from).map_err(|error| error.to_string()),
            Rows::List(numbers) => {
                let features = input.features().map_err(|failure| failure.message)?;
                match (features, numbers.is_bare) {
                    ([only], true) => Ok(numbers.number(*only)),
                    (all, _) => Ok(all.iter().map(|value| numbers.number(*value)).collect()),
                }
            }
            Rows::Object(inputs) => {
                let features = input.features().map_err(|failure| failure.message)?;
                let member = |(place, name, numbers): &(usize, String, Numbers)| {
                    let number = numbers.number(features[*place]);
                    (name.clone(), if numbers.is_bare { number } else { Value::from(vec![number]) })
                };
                Ok(Value::Object(inputs.iter().map(member).collect()))
            }
        }
    }
}

// === impl Rows ===

impl Rows {
    fn of(signature: &Signature, takes: &Takes) -> Result<Self, String> {
        let inputs: Vec<(&String, &Tensor)> = signature.inputs.iter().collect();
        if let Some((name, tensor)) = inputs.iter().find(|(_, tensor)| !tensor.takes_rows()) {
            let length = tensor.tensor_shape.dim.first().map_or("0", |first| &first.size);
            return Err(format!("its input `{name}` takes {length} rows at once and no other number of them"));
        }
        match (takes, inputs.as_slice()) {
            (Takes::Text, [(_, tensor)]) if tensor.dtype == "DT_STRING" => Ok(Self::Text),
            (Takes::Text, [(name, tensor)]) => {
                Err(format!("its input `{name}` takes {}, and what a judge is given is text, DT_STRING", tensor.dtype))
            }
            (Takes::Text, several) => {
                Err(format!("it has {} inputs, and what a judge is given is one text", several.len()))
            }
            (Takes::Features(_), [(name, tensor)]) => Ok(Self::List(tensor.numbers(name)?)),
            (Takes::Features(schema), several) if several.len() == schema.features.len() => {
                let column = |(name, tensor): &(&String, &Tensor)| {
                    Ok((place(name, schema)?, (*name).clone(), tensor.numbers(name)?))
                };
                several.iter().map(column).collect::<Result<_, String>>().map(Self::Object)
            }
            (Takes::Features(schema), several) => {
                Err(format!("it has {} inputs, the policy has {} features", several.len(), schema.features.len()))
            }
        }
    }
}

// === impl Tensor, Numbers ===

impl Tensor {
    /// Returns whether it takes any number of rows.
    fn takes_rows(&self) -> bool {
        self.tensor_shape.unknown_rank || self.tensor_shape.dim.first().is_some_and(|first| first.size == "-1")
    }

    fn numbers(&self, name: &str) -> Result<Numbers, String> {
        let are_whole = match self.dtype.as_str() {
            "DT_FLOAT" | "DT_DOUBLE" | "DT_HALF" | "DT_BFLOAT16" => false,
            "DT_INT64" | "DT_INT32" | "DT_INT16" | "DT_INT8" | "DT_UINT8" | "DT_UINT16" | "DT_UINT32" | "DT_UINT64" => {
                true
            }
            other => return Err(format!("its input `{name}` takes {other}, which is not a number we can give")),
        };
        Ok(Numbers { are_whole, is_bare: self.tensor_shape.dim.len() == 1 })
    }
}

impl Numbers {
    #[expect(clippy::cast_possible_truncation, reason = "a model of whole numbers takes them whole")]
    fn number(self, value: f64) -> Value {
        if self.are_whole { Value::from(value as i64) } else { Value::from(value) }
    }
}

// === impl Status ===

impl Status {
    /// Returns the newest version that serves.
    pub(super) fn serving(self) -> Option<String> {
        let serving = self.model_version_status.into_iter().filter(|status| status.state == "AVAILABLE");
        let newest = serving.max_by_key(|status| status.version.parse::<u64>().unwrap_or_default());
        newest.map(|status| status.version)
    }
}

// === impl Predicted ===

impl Predicted {
    /// Returns the answers about the `rows` rows that we asked about, or why they cannot be that.
    pub(super) fn answers(self, layout: &Layout, rows: usize) -> Result<Vec<Bytes>, String> {
        if self.predictions.len() != rows {
            return Err(format!("it has {} predictions for {rows} rows", self.predictions.len()));
        }
        Ok(self.predictions.into_iter().map(|prediction| composed(prediction, &layout.output)).collect())
    }
}

/// A model of one output says it without its name, which converters make up: a single number is a regressor's.
fn composed(prediction: Value, output: &str) -> Bytes {
    let outputs = match prediction {
        Value::Object(outputs) => outputs,
        Value::Array(ref values) if values.len() == 1 && values[0].is_number() => return regressors(&values[0]),
        Value::Number(_) => return regressors(&prediction),
        other => Map::from_iter([(output.to_owned(), other)]),
    };
    let output = |(name, value): (String, Value)| {
        let values = match value {
            Value::Array(values) => flat(values),
            other => vec![other],
        };
        Output { name: name.into(), values: Values::Json(values.into()) }
    };
    answer::compose(&outputs.into_iter().map(output).collect::<Vec<_>>())
}

fn regressors(value: &Value) -> Bytes {
    let value = value.as_f64().unwrap_or(f64::NAN);
    answer::compose(&[Output { name: "value".into(), values: Values::F64(vec![value].into()) }])
}

fn flat(values: Vec<Value>) -> Vec<Value> {
    let inner = |value| if let Value::Array(inner) = value { flat(inner) } else { vec![value] };
    values.into_iter().flat_map(inner).collect()
}
