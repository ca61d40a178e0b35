//! An Open Inference Protocol body: one row, as one tensor of all features or as one tensor per feature.

mod values;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use wire::Budget;

use self::values::Number;
use super::{Digest, Input, InputReader, InvalidInput, OpenInference, Parameter, Protocol, TensorProblem, plain};

/// The body as written; members are understood one by one, so that each mistake has its own sentence.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
}

/// A tensor as written.
#[derive(Deserialize)]
struct Tensor<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    shape: Option<&'a RawValue>,
    #[serde(borrow)]
    datatype: Option<Cow<'a, str>>,
    parameters: Option<TensorParameters>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TensorParameters {
    binary_data_size: Option<serde::de::IgnoredAny>,
}

/// `parameters`, in the order in which they were written: one that is given twice must be noticed.
struct Parameters<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Output {
    name: String,
}

/// Reads `body` as one of the Open Inference Protocol.
pub(super) fn read(reader: &InputReader, body: &Bytes) -> Result<Input, InvalidInput> {
    let parsed: Body<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => InvalidInput::Protocol(plain::parser_words(&error)),
        _ => plain::syntax(body, &error, None),
    })?;
    let tensors = tensors(parsed.inputs)?;
    let (budget, parameters) = parameters(parsed.parameters)?;
    let spoken = OpenInference { id: id(parsed.id)?, budget, outputs: outputs(parsed.outputs)?, parameters };
    let values = match &tensors[..] {
        [only] if is_row(reader, only) => row(reader, only)?,
        _ => columns(reader, &tensors)?,
    };
    let (body, digest) = object(reader, &values);
    Ok(Input { body, digest, protocol: Protocol::OpenInference(spoken) })
}

/// Returns the name that a body gives its request, whatever its tensors are; `None` if it gives none that reads.
pub(crate) fn named(body: &[u8]) -> Option<String> {
    let parsed: Body<'_> = serde_json::from_slice(body).ok()?;
    parsed.inputs.and_then(|_| id(parsed.id).ok()?)
}

fn id(id: Option<&RawValue>) -> Result<Option<String>, InvalidInput> {
    id.map(|id| member(id, "`id` must be a text")).transpose()
}

fn member<'a, T: Deserialize<'a>>(raw: &'a RawValue, sentence: &str) -> Result<T, InvalidInput> {
    serde_json::from_str(raw.get()).map_err(|_| InvalidInput::Protocol(sentence.to_owned()))
}

fn tensors(inputs: Option<&RawValue>) -> Result<Vec<Tensor<'_>>, InvalidInput> {
    let inputs = inputs.map_or("null", RawValue::get);
    let tensors: Vec<Tensor<'_>> = serde_json::from_str(inputs).map_err(|error| {
        let detail = plain::parser_words(&error);
        InvalidInput::Protocol(format!(
            "`inputs` must be an array of tensors with name, shape, datatype, data: {detail}"
        ))
    })?;
    if tensors.is_empty() {
        return Err(InvalidInput::Protocol("`inputs` is empty".to_owned()));
    }
    match tensors.iter().position(|tensor| tensor.name.is_none()) {
        Some(index) => Err(InvalidInput::Protocol(format!("`inputs[{index}]` has no `name`"))),
        None => Ok(tensors),
    }
}

fn outputs(outputs: Option<&RawValue>) -> Result<Vec<String>, InvalidInput> {
    let outputs = outputs.map(|raw| member::<Vec<Output>>(raw, "`outputs` must be an array of objects with a `name`"));
    Ok(outputs.transpose()?.unwrap_or_default().into_iter().map(|output| output.name).collect())
}

/// Returns the budget and all other parameters.
fn parameters(raw: Option<&RawValue>) -> Result<(Option<Budget>, Vec<Parameter>), InvalidInput> {
    let Some(raw) = raw else { return Ok((None, Vec::new())) };
    let Parameters(all) = member(raw, "`parameters` must be an object")?;
    let (mut budget, mut others) = (None, Vec::new());
    for (name, value) in all {
        if name == "timeout_ms" {
            let given = super::budget("parameter `timeout_ms`", value.get())?;
            budget = Some(budget.map_or(given, |lowest: Budget| lowest.min(given)));
        } else {
            others.push((name.into_owned(), value.get().to_owned()));
        }
    }
    Ok((budget, others))
}

/// Returns whether a lone tensor means the whole row: it is not named for a feature, or is longer than one value.
fn is_row(reader: &InputReader, tensor: &Tensor<'_>) -> bool {
    let named = reader.position(tensor.name(), 0).is_some();
    let many = tensor.shape().is_ok_and(|shape| shape.len() > 2 || shape.iter().any(|dimension| *dimension != 1));
    (many && reader.features.len() > 1) || (!named && reader.features.len() == 1)
}

fn row(reader: &InputReader, tensor: &Tensor<'_>) -> Result<Vec<Number>, InvalidInput> {
    let shape = tensor.shape().map_err(|problem| problem.of(tensor.name()))?;
    let features = i64::try_from(reader.features.len()).unwrap_or(i64::MAX);
    let problem = match shape[..] {
        [length] if length == features => None,
        [1, length] if length == features => None,
        [] if features == 1 => None,
        [rows, length] if length == features && rows > 1 => Some(TensorProblem::Batch { rows }),
        _ => {
            let expected = format!("[1, {features}]: one row of all features in the order of the model's metadata");
            Some(TensorProblem::Shape { found: shape.clone(), expected })
        }
    };
    let values = problem.map_or_else(|| values::read(tensor, reader.features.len()), Err);
    values.map_err(|problem| problem.of(tensor.name()))
}

fn columns(reader: &InputReader, tensors: &[Tensor<'_>]) -> Result<Vec<Number>, InvalidInput> {
    let mut values: Vec<Option<Number>> = vec![None; reader.features.len()];
    for (likely, tensor) in tensors.iter().enumerate() {
        let Some(index) = reader.position(tensor.name(), likely) else {
            let similar = reader.similar(tensor.name());
            return Err(TensorProblem::Unknown { similar }.of(tensor.name()));
        };
        let value = one(tensor).map_err(|problem| problem.of(tensor.name()))?;
        if values[index].replace(value).is_some() {
            return Err(TensorProblem::Duplicate.of(tensor.name()));
        }
    }
    let given: Vec<bool> = values.iter().map(Option::is_some).collect();
    reader.missing(&given).map_or_else(|| Ok(values.into_iter().flatten().collect()), Err)
}

fn one(tensor: &Tensor<'_>) -> Result<Number, TensorProblem> {
    let shape = tensor.shape()?;
    match shape[..] {
        [] | [1] | [1, 1] => {}
        [rows] | [rows, 1] if rows > 1 => return Err(TensorProblem::Batch { rows }),
        _ => return Err(TensorProblem::Shape { found: shape, expected: "[1], [1, 1] or []".to_owned() }),
    }
    let found = values::read(tensor, 1)?;
    found.first().copied().ok_or(TensorProblem::Count { expected: 1, found: 0 })
}

/// Writes the one JSON object that travels on.
fn object(reader: &InputReader, values: &[Number]) -> (Bytes, Digest) {
    let names: usize = reader.members.iter().map(String::len).sum();
    let (mut text, mut digest) = (String::with_capacity(names + 20 * values.len() + 2), Digest::default());
    for (index, (member, value)) in reader.members.iter().zip(values).enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        text.push_str(member);
        value.write(&mut text);
        digest.add(reader.salts[index], value.as_f64());
    }
    text.push_str(if values.is_empty() { "{}" } else { "}" });
    (Bytes::from(text), digest)
}

// === impl Parameters ===

impl<'de: 'a, 'a> Deserialize<'de> for Parameters<'a> {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Parameters<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("parameters: one JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(parameter) = map.next_entry()? {
                    all.push(parameter);
                }
                Ok(Parameters(all))
            }
        }

        parser.deserialize_map(Members)
    }
}

// === impl Tensor ===

impl Tensor<'_> {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn shape(&self) -> Result<Vec<i64>, TensorProblem> {
        let raw = self.shape.ok_or(TensorProblem::Without("shape"))?;
        let malformed = TensorProblem::Malformed { member: "shape", expected: "an array of whole numbers" };
        serde_json::from_str(raw.get()).map_err(|_| malformed)
    }

    fn datatype(&self) -> Result<&str, TensorProblem> {
        self.datatype.as_deref().ok_or(TensorProblem::Without("datatype"))
    }

    fn data(&self) -> Result<&RawValue, TensorProblem> {
        let binary = self.parameters.as_ref().is_some_and(|parameters| parameters.binary_data_size.is_some());
        let absent = if binary { TensorProblem::Binary } else { TensorProblem::Without("data") };
        self.data.ok_or(absent)
    }
}
