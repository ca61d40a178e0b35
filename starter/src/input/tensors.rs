//! An Open Inference Protocol body: rows, as one tensor of all features, where all are numbers, or as one tensor per feature.
//!
//! What a tensor holds stands in the JSON, or behind it in binary form: then the JSON says how many bytes it takes.

mod binary;
mod table;
mod values;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use wire::Budget;

use self::{table::Table, values::Value};
use super::{Digest, Input, InputReader, InvalidInput, OpenInference, Protocol, Rows, TensorProblem, Wanted, plain};

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
    #[serde(borrow)]
    parameters: Option<TensorParameters<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// Its values, where they lie behind the JSON.
    #[serde(skip)]
    binary: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct TensorParameters<'a> {
    #[serde(borrow)]
    binary_data_size: Option<&'a RawValue>,
    shared_memory_region: Option<IgnoredAny>,
}

/// `parameters`, in the order in which they were written: one that is given twice must be noticed.
struct Parameters<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// An output as it is asked for.
#[derive(Deserialize)]
struct Output<'a> {
    name: String,
    #[serde(borrow)]
    parameters: Option<OutputParameters<'a>>,
}

#[derive(Deserialize)]
struct OutputParameters<'a> {
    #[serde(borrow)]
    binary_data: Option<&'a RawValue>,
    #[serde(borrow)]
    classification: Option<&'a RawValue>,
    shared_memory_region: Option<IgnoredAny>,
}

/// Reads one row out of `body`, which is of the Open Inference Protocol; behind it lies `binary`.
pub(super) fn read(reader: &InputReader, body: &[u8], binary: &[u8]) -> Result<Input, InvalidInput> {
    let (protocol, table) = parse(reader, body, binary, 1)?;
    let (body, digest) = table
        .into_rows()
        .next()
        .map_or_else(|| Ok(object(reader, &[])), |row| row.map(|values| object(reader, &values)))?;
    Ok(Input { body, digest, protocol })
}

/// Reads all rows, of which there may be `most`.
pub(super) fn read_rows(reader: &InputReader, body: &[u8], binary: &[u8], most: usize) -> Result<Rows, InvalidInput> {
    let (protocol, table) = parse(reader, body, binary, most)?;
    let rows = table.into_rows().map(|row| row.map(|values| object(reader, &values).0));
    Ok(Rows { protocol, rows: rows.collect() })
}

fn parse(reader: &InputReader, body: &[u8], binary: &[u8], most: usize) -> Result<(Protocol, Table), InvalidInput> {
    let parsed: Body<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => InvalidInput::Protocol(plain::parser_words(&error)),
        _ => plain::syntax(body, &error, None),
    })?;
    let tensors = tensors(parsed.inputs, binary)?;
    let mut spoken = parameters(parsed.parameters)?;
    (spoken.id, spoken.outputs) = (id(parsed.id)?, outputs(parsed.outputs)?);
    Ok((Protocol::OpenInference(spoken), Table::of(reader, &tensors, most)?))
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

fn tensors<'a>(inputs: Option<&'a RawValue>, binary: &'a [u8]) -> Result<Vec<Tensor<'a>>, InvalidInput> {
    let inputs = inputs.map_or("null", RawValue::get);
    let mut tensors: Vec<Tensor<'_>> = serde_json::from_str(inputs).map_err(|error| {
        let detail = plain::parser_words(&error);
        InvalidInput::Protocol(format!(
            "`inputs` must be an array of tensors with name, shape, datatype, data: {detail}"
        ))
    })?;
    if tensors.is_empty() {
        return Err(InvalidInput::Protocol("`inputs` is empty".to_owned()));
    }
    if let Some(index) = tensors.iter().position(|tensor| tensor.name.is_none()) {
        return Err(InvalidInput::Protocol(format!("`inputs[{index}]` has no `name`")));
    }
    let mut left = binary;
    for tensor in &mut tensors {
        left = tensor.take_binary(left).map_err(|problem| problem.of(tensor.name()))?;
    }
    if left.is_empty() {
        return Ok(tensors);
    }
    let (left, behind) = (left.len(), binary.len());
    Err(InvalidInput::Protocol(format!("of the {behind} bytes behind the JSON {left} belong to no tensor")))
}

fn outputs(outputs: Option<&RawValue>) -> Result<Vec<Wanted>, InvalidInput> {
    let outputs =
        outputs.map(|raw| member::<Vec<Output<'_>>>(raw, "`outputs` must be an array of objects with a `name`"));
    outputs.transpose()?.unwrap_or_default().into_iter().map(Output::wanted).collect()
}

/// Returns what the body's parameters say: the budget, the form of the outputs, and all others as they are.
fn parameters(raw: Option<&RawValue>) -> Result<OpenInference, InvalidInput> {
    let mut spoken = OpenInference::default();
    let Some(raw) = raw else { return Ok(spoken) };
    let Parameters(all) = member(raw, "`parameters` must be an object")?;
    for (name, value) in all {
        match &*name {
            "timeout_ms" => {
                let given = super::budget("parameter `timeout_ms`", value.get())?;
                spoken.budget = Some(spoken.budget.map_or(given, |lowest: Budget| lowest.min(given)));
            }
            "binary_data_output" => {
                spoken.binary = member(value, "parameter `binary_data_output` must be true or false")?;
            }
            _ => spoken.parameters.push((name.into_owned(), value.get().to_owned())),
        }
    }
    Ok(spoken)
}

/// Writes the one JSON object that travels on.
fn object(reader: &InputReader, values: &[Value]) -> (Bytes, Digest) {
    let names: usize = reader.members.iter().map(String::len).sum();
    let (mut text, mut digest) = (String::with_capacity(names + 20 * values.len() + 2), Digest::default());
    for (index, (member, value)) in reader.members.iter().zip(values).enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        text.push_str(member);
        value.write(&mut text);
        match value {
            Value::Number(number) => digest.add(reader.salts[index], number.as_f64()),
            Value::Text(text) => digest.add_text(reader.salts[index], text),
        }
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

impl<'a> Tensor<'a> {
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

    /// Takes what it announces off the bytes that are left behind the JSON; returns the rest.
    fn take_binary<'b>(&mut self, left: &'b [u8]) -> Result<&'b [u8], TensorProblem>
    where
        'b: 'a,
    {
        let Some(parameters) = &self.parameters else { return Ok(left) };
        if parameters.shared_memory_region.is_some() {
            return Err(TensorProblem::SharedMemory);
        }
        let Some(size) = parameters.binary_data_size else { return Ok(left) };
        let malformed = TensorProblem::Malformed { member: "binary_data_size", expected: "a whole number of bytes" };
        let announced: usize = serde_json::from_str(size.get()).map_err(|_| malformed)?;
        if self.data.is_some() {
            return Err(TensorProblem::Malformed { member: "data", expected: "either JSON or binary data, not both," });
        }
        let (own, rest) =
            left.split_at_checked(announced).ok_or(TensorProblem::Binary { announced, left: left.len() })?;
        self.binary = Some(own);
        Ok(rest)
    }
}

// === impl Output ===

impl Output<'_> {
    fn wanted(self) -> Result<Wanted, InvalidInput> {
        let Self { name, parameters } = self;
        let Some(parameters) = parameters else { return Ok(Wanted { name, binary: None }) };
        let refuse = |sentence: &str| {
            Err(InvalidInput::Protocol(format!("output `{}` {sentence}", super::problem::shortened(&name))))
        };
        if parameters.shared_memory_region.is_some() {
            return refuse("is wanted in shared memory, which is not supported");
        }
        // Zero is what clients send who want none.
        if parameters.classification.is_some_and(|count| count.get() != "0") {
            return refuse("is wanted as a classification, which is not supported: ask for its values");
        }
        let Some(binary) = parameters.binary_data else { return Ok(Wanted { name, binary: None }) };
        match serde_json::from_str(binary.get()) {
            Ok(binary) => Ok(Wanted { name, binary: Some(binary) }),
            Err(_) => refuse("needs true or false as `binary_data`"),
        }
    }
}
