//! PURE: between our tensors and answers, and the messages of the Open Inference Protocol over gRPC.
//!
//! Law: the same model gives the same answer whether it is asked over HTTP or over gRPC. So numbers are handed on as JSON
//! has them: those of single precision by their shortest decimal.

use bytes::Bytes;
use executor::answer::{self, Output, Values};
use oip::{
    InferInputTensor, InferOutputTensor, InferRequestedOutputTensor, InferTensorContents, ModelInferResponse,
    ModelMetadataResponse, TensorMetadata, tensor,
};
use serde_json::Value;

use crate::layout::{Data, Given, Metadata, Tensor};

pub(super) fn metadata(message: ModelMetadataResponse) -> Metadata {
    let tensor = |tensor: TensorMetadata| Tensor { name: tensor.name, datatype: tensor.datatype };
    Metadata {
        inputs: message.inputs.into_iter().map(tensor).collect(),
        outputs: message.outputs.into_iter().map(tensor).collect(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "as narrow as the model wants them")]
pub(super) fn input(given: Given<'_>) -> InferInputTensor {
    let mut contents = InferTensorContents::default();
    match given.data {
        Data::Floats(values) if given.datatype == "FP32" => {
            contents.fp32_contents = values.iter().map(|value| *value as f32).collect();
        }
        Data::Floats(values) => contents.fp64_contents = values.into_owned(),
        Data::Whole(values) if given.datatype == "INT32" => {
            contents.int_contents = values.iter().map(|value| *value as i32).collect();
        }
        Data::Whole(values) => contents.int64_contents = values,
        Data::Text(texts) => {
            contents.bytes_contents = texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        }
    }
    InferInputTensor {
        name: given.name.to_owned(),
        datatype: given.datatype.to_owned(),
        shape: given.shape.into_iter().map(|length| length as i64).collect(),
        contents: Some(contents),
        ..InferInputTensor::default()
    }
}

pub(super) fn wanted(name: &str) -> InferRequestedOutputTensor {
    InferRequestedOutputTensor { name: name.to_owned(), ..InferRequestedOutputTensor::default() }
}

/// Returns the answers about the `rows` rows that we asked about, or why they cannot be that.
pub(super) fn answers(message: ModelInferResponse, rows: usize) -> Result<Vec<Bytes>, String> {
    let mut raw = message.raw_output_contents.into_iter();
    let outputs = message.outputs.into_iter().map(|output| {
        let bytes = raw.next();
        self::output(output, bytes, rows)
    });
    let outputs: Vec<Output> = outputs.collect::<Result<_, _>>()?;
    if rows == 1 { Ok(vec![answer::compose(&outputs)]) } else { answer::compose_rows(&outputs, rows) }
}

/// Of a single row the shape's first dimension is nobody's business: some servers leave it out.
fn output(output: InferOutputTensor, bytes: Option<Bytes>, rows: usize) -> Result<Output<'static>, String> {
    let InferOutputTensor { name, datatype, shape, contents, .. } = output;
    let data = match (contents, bytes) {
        (_, Some(bytes)) => tensor::Data::of_bytes(&datatype, &bytes),
        (Some(contents), None) => tensor::Data::of_contents(&datatype, contents),
        (None, None) => Err("it has no values".to_owned()),
    };
    let data = data.map_err(|problem| format!("output `{name}`: {problem}"))?;
    if rows > 1 && shape.first().is_some_and(|first| usize::try_from(*first) != Ok(rows)) {
        return Err(format!("output `{name}` has the shape {shape:?} for {rows} rows"));
    }
    let promised: i64 = shape.iter().product();
    if !shape.is_empty() && i64::try_from(data.len()) != Ok(promised) {
        return Err(format!("output `{name}` has {} values, its shape says {promised}", data.len()));
    }
    Ok(Output { name: name.into(), values: Values::Json(json(data).into()) })
}

fn json(data: tensor::Data) -> Vec<Value> {
    match data {
        tensor::Data::Bool(values) => values.into_iter().map(Value::from).collect(),
        tensor::Data::Signed(values) => values.into_iter().map(Value::from).collect(),
        tensor::Data::Unsigned(values) => values.into_iter().map(Value::from).collect(),
        tensor::Data::F32(values) => values.into_iter().map(shortest).collect(),
        tensor::Data::F64(values) => values.into_iter().map(Value::from).collect(),
        tensor::Data::Bytes(values) => {
            values.into_iter().map(|text| Value::from(String::from_utf8_lossy(&text).into_owned())).collect()
        }
    }
}

fn shortest(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, datatype: &str, shape: &[i64], data: tensor::Data) -> InferOutputTensor {
        InferOutputTensor {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            shape: shape.to_vec(),
            contents: data.into_contents(datatype),
            ..InferOutputTensor::default()
        }
    }

    fn check(rows: usize, message: ModelInferResponse, expected: Result<&str, &str>) {
        let answers = answers(message, rows);
        let answers = answers.map(|all| all.iter().map(|one| std::str::from_utf8(one).unwrap()).collect::<String>());
        assert_eq!(answers.as_deref().map_err(String::as_str), expected);
    }

    fn said(outputs: Vec<InferOutputTensor>) -> ModelInferResponse {
        ModelInferResponse { outputs, ..ModelInferResponse::default() }
    }

    #[test]
    fn outputs_become_the_answer_that_they_are_over_http() {
        let label = || output("label", "INT64", &[1], tensor::Data::Signed(vec![2]));
        let probabilities = || output("probabilities", "FP32", &[1, 2], tensor::Data::F32(vec![0.1, 0.9]));
        check(1, said(vec![label(), probabilities()]), {
            Ok(r#"{"class":2,"probability":0.9,"probabilities":[0.1,0.9]}"#)
        });
        let price = output("price", "FP64", &[1, 1], tensor::Data::F64(vec![9.5]));
        check(1, said(vec![price]), Ok(r#"{"price":9.5}"#));
        let name = output("name", "BYTES", &[1], tensor::Data::Bytes(vec!["red".into()]));
        let is_red = output("is_red", "BOOL", &[1], tensor::Data::Bool(vec![true]));
        check(1, said(vec![name, is_red]), Ok(r#"{"name":"red","is_red":true}"#));
        let none = output("x", "FP32", &[1], tensor::Data::F32(vec![f32::NAN]));
        check(1, said(vec![none]), Ok(r#"{"x":null}"#));
    }

    #[test]
    fn values_that_come_as_bytes_are_the_same() {
        let mut message = said(vec![output("a", "INT64", &[1], tensor::Data::Bool(vec![]))]);
        message.outputs.push(output("b", "FP32", &[1], tensor::Data::Bool(vec![])));
        message.raw_output_contents =
            vec![tensor::Data::Signed(vec![7]).to_bytes(), tensor::Data::F32(vec![0.1]).to_bytes()];
        check(1, message, Ok(r#"{"a":7,"b":0.1}"#));
    }

    #[test]
    fn rows_are_parted_or_what_cannot_be_is_told() {
        let labels = |shape: &[i64], values| output("label", "INT64", shape, tensor::Data::Signed(values));
        check(2, said(vec![labels(&[2, 1], vec![3, 5])]), Ok(r#"{"label":3}{"label":5}"#));
        check(2, said(vec![labels(&[1], vec![3])]), Err("output `label` has the shape [1] for 2 rows"));
        check(1, said(vec![labels(&[3], vec![3])]), Err("output `label` has 1 values, its shape says 3"));
        check(
            1,
            said(vec![output("x", "FP8", &[1], tensor::Data::Signed(vec![3]))]),
            Err("output `x`: it has no values"),
        );
    }
}
