//! PURE: a call's message as a caller over HTTP would have written it.

use std::collections::HashMap;

use axum::body::Bytes;
use oip::{InferInputTensor, InferParameter, InferTensorContents, ModelInferRequest, ParameterChoice, tensor::Data};
use serde_json::{Map, Value, json};

use crate::input::InvalidInput;

/// A body, and how much of it is JSON; behind that lie the tensors' values.
pub(super) struct Written {
    pub(super) body: Bytes,
    pub(super) json_bytes: usize,
}

/// Returns `asked` as a body.
pub(super) fn written(asked: ModelInferRequest) -> Result<Written, InvalidInput> {
    let ModelInferRequest { id, parameters, inputs, outputs, raw_input_contents: raw, .. } = asked;
    if !raw.is_empty() && raw.len() != inputs.len() {
        let (have, need) = (raw.len(), inputs.len());
        return Err(InvalidInput::Protocol(format!("`raw_input_contents` holds {have} tensors, `inputs` has {need}")));
    }
    let mut values = raw.iter();
    let inputs: Vec<Value> =
        inputs.into_iter().map(|input| tensor(input, values.next())).collect::<Result<_, InvalidInput>>()?;
    let outputs: Vec<Value> = outputs
        .into_iter()
        .map(|output| json!({ "name": output.name, "parameters": all(output.parameters) }))
        .collect();
    let mut body = Map::new();
    if !id.is_empty() {
        body.insert("id".to_owned(), id.into());
    }
    body.insert("parameters".to_owned(), all(parameters));
    body.insert("inputs".to_owned(), inputs.into());
    body.insert("outputs".to_owned(), outputs.into());
    let mut bytes = Value::from(body).to_string().into_bytes();
    let json_bytes = bytes.len();
    bytes.extend(raw.iter().flatten());
    Ok(Written { body: bytes.into(), json_bytes })
}

fn tensor(input: InferInputTensor, raw: Option<&Bytes>) -> Result<Value, InvalidInput> {
    let InferInputTensor { name, datatype, shape, parameters, contents } = input;
    let mut written = json!({ "name": name, "shape": shape, "datatype": datatype });
    if let Some(raw) = raw {
        if contents.is_some() {
            let sentence = format!("tensor `{name}` has values in `contents` and in `raw_input_contents`");
            return Err(InvalidInput::Protocol(sentence));
        }
        written["parameters"] = json!({ "binary_data_size": raw.len() });
    } else {
        written["data"] = data(&datatype, contents.unwrap_or_default())
            .map_err(|why| InvalidInput::Protocol(format!("tensor `{name}`: {why}")))?;
    }
    if let Some(region) = parameters.get("shared_memory_region") {
        written["parameters"]["shared_memory_region"] = value(region);
    }
    Ok(written)
}

fn data(datatype: &str, contents: InferTensorContents) -> Result<Value, String> {
    // What is not finite has no number in JSON; it is refused as the text it is written as.
    let float = |value: f64| serde_json::Number::from_f64(value).map_or(value.to_string().into(), Value::Number);
    Ok(match Data::of_contents(datatype, contents)? {
        Data::Bool(values) => values.into(),
        Data::Signed(values) => values.into(),
        Data::Unsigned(values) => values.into(),
        Data::F32(values) => values.into_iter().map(|value| float(value.into())).collect(),
        Data::F64(values) => values.into_iter().map(float).collect(),
        Data::Bytes(values) => {
            let texts = values.iter().map(|text| std::str::from_utf8(text));
            texts.collect::<Result<Vec<_>, _>>().map_err(|_| "a text of it is not UTF-8")?.into()
        }
    })
}

fn all(parameters: HashMap<String, InferParameter>) -> Value {
    let all: Map<String, Value> = parameters.into_iter().map(|(name, parameter)| (name, value(&parameter))).collect();
    all.into()
}

fn value(parameter: &InferParameter) -> Value {
    match &parameter.parameter_choice {
        None => Value::Null,
        Some(ParameterChoice::Bool(value)) => (*value).into(),
        Some(ParameterChoice::Int64(value)) => (*value).into(),
        Some(ParameterChoice::Text(value)) => value.as_str().into(),
        Some(ParameterChoice::Double(value)) => (*value).into(),
        Some(ParameterChoice::Uint64(value)) => (*value).into(),
    }
}
