//! PURE: the Open Inference Protocol v2 as JSON: what a model's metadata asks for, what we send, what comes back. Several
//! inputs are the rows of one batch: `n` stands for their number below.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use executor::{
    Input,
    answer::{self, Output, Values},
};
use policies::InputSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::RequestId;

/// How a server wants rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One tensor `[n, features]`.
    Row(Tensor),
    /// One tensor `[n, 1]` a feature; each with the feature's place in the schema.
    Columns(Vec<(usize, Tensor)>),
    /// One tensor `[n]` of text, under this name: what a judge is given, as JSON.
    Text(String),
}

/// What a model takes.
#[derive(Clone, Debug)]
pub enum Takes {
    /// The features of an input.
    Features(Arc<InputSchema>),
    /// An input and what others said about it, as text.
    Text,
}

/// A tensor's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) datatype: String,
}

/// The part of `GET /v2/models/{model}` that we need.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    inputs: Vec<Tensor>,
}

#[derive(Serialize)]
struct Infer<'a> {
    id: String,
    inputs: Vec<Given<'a>>,
}

#[derive(Serialize)]
struct Given<'a> {
    name: &'a str,
    shape: Vec<usize>,
    datatype: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Floats(Cow<'a, [f64]>),
    Whole(Vec<i64>),
    Text(Vec<&'a str>),
}

/// The part of an answer that we need.
#[derive(Debug, Deserialize)]
pub(super) struct Inferred {
    #[serde(default)]
    pub(super) model_version: Option<String>,
    outputs: Vec<Returned>,
}

#[derive(Debug, Deserialize)]
struct Returned {
    name: String,
    #[serde(default)]
    shape: Vec<i64>,
    data: Vec<Value>,
}

// === impl Layout ===

impl Layout {
    /// Returns what is sent to a server that says nothing of itself.
    pub(super) fn assumed(takes: &Takes) -> Self {
        match takes {
            Takes::Features(_) => Self::Row(Tensor { name: "input".to_owned(), datatype: "FP64".to_owned() }),
            Takes::Text => Self::Text("input".to_owned()),
        }
    }

    /// Returns the layout that `metadata` asks for, or how it differs from what there is to give.
    pub(super) fn of(metadata: Metadata, takes: &Takes) -> Result<Self, String> {
        match takes {
            Takes::Features(schema) => Self::of_features(metadata, schema),
            Takes::Text => Self::of_text(&metadata),
        }
    }

    fn of_text(metadata: &Metadata) -> Result<Self, String> {
        match metadata.inputs.as_slice() {
            [Tensor { name, datatype }] if datatype == "BYTES" => Ok(Self::Text(name.clone())),
            [Tensor { name, datatype }] => {
                Err(format!("its input `{name}` takes {datatype}, and what a judge is given is text, BYTES"))
            }
            several => Err(format!("it has {} inputs, and what a judge is given is one text", several.len())),
        }
    }

    fn of_features(metadata: Metadata, schema: &InputSchema) -> Result<Self, String> {
        let known = |tensor: &Tensor| match tensor.datatype.as_str() {
            "FP64" | "FP32" | "INT64" | "INT32" => Ok(()),
            other => Err(format!("its input `{}` takes {other}, which is not a number we can give", tensor.name)),
        };
        metadata.inputs.iter().try_for_each(known)?;
        match <[Tensor; 1]>::try_from(metadata.inputs) {
            Ok([only]) => Ok(Self::Row(only)),
            Err(several) if several.len() == schema.features.len() => {
                several.iter().map(|tensor| column(tensor, schema)).collect::<Result<_, _>>().map(Self::Columns)
            }
            Err(several) => {
                let (inputs, features) = (several.len(), schema.features.len());
                Err(format!("it has {inputs} inputs, the policy has {features} features"))
            }
        }
    }

    /// Returns why nothing can be asked about `input`, if so.
    pub(super) fn check(&self, input: &Input) -> Result<(), String> {
        match self {
            Self::Row(_) | Self::Columns(_) => input.features().map(drop).map_err(|failure| failure.message),
            Self::Text(_) => std::str::from_utf8(&input.body).map(drop).map_err(|error| error.to_string()),
        }
    }

    /// Returns the body of an `infer` request about `inputs`, a row each and at least one, or why it cannot be written.
    pub(super) fn body(&self, inputs: &[&Input]) -> Result<Vec<u8>, String> {
        let id = inputs.first().ok_or("nothing is asked")?.request;
        if let Self::Text(name) = self {
            let texts = inputs.iter().map(|input| std::str::from_utf8(&input.body)).collect::<Result<Vec<_>, _>>();
            let texts = texts.map_err(|error| error.to_string())?;
            let given = Given { name, shape: vec![texts.len()], datatype: "BYTES", data: Data::Text(texts) };
            return Ok(written(id, vec![given]));
        }
        let rows = inputs.iter().map(|input| input.features().map_err(|failure| failure.message));
        Ok(self.body_of(id, &rows.collect::<Result<Vec<_>, _>>()?))
    }

    fn body_of(&self, id: RequestId, rows: &[&[f64]]) -> Vec<u8> {
        let inputs = match self {
            Self::Row(tensor) => {
                let data = if let [only] = rows { Cow::Borrowed(*only) } else { rows.concat().into() };
                vec![Given::new(tensor, rows.len(), data)]
            }
            Self::Columns(tensors) => tensors
                .iter()
                .map(|(place, tensor)| Given::new(tensor, rows.len(), rows.iter().map(|row| row[*place]).collect()))
                .collect(),
            Self::Text(_) => Vec::new(),
        };
        written(id, inputs)
    }
}

fn written(id: RequestId, inputs: Vec<Given<'_>>) -> Vec<u8> {
    serde_json::to_vec(&Infer { id: id.to_string(), inputs }).expect("numbers and names are always written")
}

fn column(tensor: &Tensor, schema: &InputSchema) -> Result<(usize, Tensor), String> {
    let place = schema.features.iter().position(|feature| **feature == *tensor.name);
    place
        .map(|place| (place, tensor.clone()))
        .ok_or_else(|| format!("it has an input `{}`, the policy has no such feature", tensor.name))
}

// === impl Given ===

impl<'a> Given<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "a model of whole numbers takes them whole")]
    fn new(tensor: &'a Tensor, rows: usize, values: Cow<'a, [f64]>) -> Self {
        let shape = vec![rows, values.len() / rows];
        let data = if tensor.datatype.starts_with("INT") {
            Data::Whole(values.iter().map(|value| *value as i64).collect())
        } else {
            Data::Floats(values)
        };
        Self { name: &tensor.name, shape, datatype: &tensor.datatype, data }
    }
}

// === impl Inferred ===

impl Inferred {
    /// Returns the answers about the `rows` rows that we asked about, or why they cannot be that.
    pub(super) fn answers(self, rows: usize) -> Result<Vec<Bytes>, String> {
        if let Some(other) = self.outputs.iter().find(|output| !output.has_rows(rows)) {
            return Err(format!("output `{}` has the shape {:?} for {rows} rows", other.name, other.shape));
        }
        let outputs: Vec<_> = self.outputs.into_iter().map(Returned::output).collect::<Result<_, _>>()?;
        if rows == 1 { Ok(vec![answer::compose(&outputs)]) } else { answer::compose_rows(&outputs, rows) }
    }
}

impl Returned {
    /// Of a single row the shape is nobody's business: some servers leave it out, some its first dimension.
    fn has_rows(&self, rows: usize) -> bool {
        rows == 1 || self.shape.first().is_none_or(|first| usize::try_from(*first) == Ok(rows))
    }

    fn output(self) -> Result<Output<'static>, String> {
        let mut flat = Vec::with_capacity(self.data.len());
        flatten(self.data, &mut flat);
        let promised: i64 = self.shape.iter().product();
        if !self.shape.is_empty() && i64::try_from(flat.len()).ok() != Some(promised) {
            return Err(format!("output `{}` has {} values, its shape says {promised}", self.name, flat.len()));
        }
        Ok(Output { name: self.name.into(), values: Values::Json(flat.into()) })
    }
}

/// The protocol allows nested lists as well as flat ones.
fn flatten(values: Vec<Value>, into: &mut Vec<Value>) {
    for value in values {
        match value {
            Value::Array(inner) => flatten(inner, into),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Takes {
        Takes::Features(Arc::new(InputSchema { features: vec!["hue".into(), "ash".into()] }))
    }

    fn check_body(metadata: &str, expected: Result<&str, &str>) {
        check_rows(metadata, &[&[1.5, 2.0]], expected);
    }

    fn check_rows(metadata: &str, rows: &[&[f64]], expected: Result<&str, &str>) {
        let layout = Layout::of(serde_json::from_str(metadata).unwrap(), &features());
        match (layout, expected) {
            (Ok(layout), Ok(expected)) => {
                let id = RequestId::from_position(&wire::RendezvousName::new("wine").unwrap(), "t", 0, 0);
                let body: Value = serde_json::from_slice(&layout.body_of(id, rows)).unwrap();
                assert_eq!(body["id"], id.to_string());
                assert_eq!(body["inputs"].to_string(), expected);
            }
            (Err(problem), Err(expected)) => assert_eq!(problem, expected),
            (got, _) => panic!("{got:?}"),
        }
    }

    fn check_answer(response: &str, expected: Result<&str, &str>) {
        check_answers(1, response, expected);
    }

    fn check_answers(rows: usize, response: &str, expected: Result<&str, &str>) {
        let answers = serde_json::from_str::<Inferred>(response).unwrap().answers(rows);
        let answers = answers.map(|all| all.iter().map(|one| std::str::from_utf8(one).unwrap()).collect::<String>());
        assert_eq!(answers.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_row_or_columns_are_sent_as_the_metadata_asks() {
        check_body(
            r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}"#,
            Ok(r#"[{"data":[1.5,2.0],"datatype":"FP32","name":"x","shape":[1,2]}]"#),
        );
        check_body(
            r#"{"inputs": [{"name": "ash", "datatype": "INT64"}, {"name": "hue", "datatype": "FP64"}]}"#,
            Ok(concat!(
                r#"[{"data":[2],"datatype":"INT64","name":"ash","shape":[1,1]},"#,
                r#"{"data":[1.5],"datatype":"FP64","name":"hue","shape":[1,1]}]"#
            )),
        );
    }

    #[test]
    fn several_rows_are_one_tensor_or_one_a_column() {
        let rows: &[&[f64]] = &[&[1.5, 2.0], &[3.5, 4.0], &[5.5, 6.0]];
        check_rows(
            r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}"#,
            rows,
            Ok(r#"[{"data":[1.5,2.0,3.5,4.0,5.5,6.0],"datatype":"FP32","name":"x","shape":[3,2]}]"#),
        );
        check_rows(
            r#"{"inputs": [{"name": "ash", "datatype": "INT64"}, {"name": "hue", "datatype": "FP64"}]}"#,
            rows,
            Ok(concat!(
                r#"[{"data":[2,4,6],"datatype":"INT64","name":"ash","shape":[3,1]},"#,
                r#"{"data":[1.5,3.5,5.5],"datatype":"FP64","name":"hue","shape":[3,1]}]"#
            )),
        );
    }

    #[test]
    fn outputs_of_several_rows_are_answers_of_their_own() {
        check_answers(
            2,
            r#"{"outputs": [{"name": "label", "shape": [2], "datatype": "INT64", "data": [2, 0]},
                {"name": "probabilities", "shape": [2, 2], "data": [[0.25, 0.75], [0.9, 0.1]]}]}"#,
            Ok(concat!(
                r#"{"class":2,"probability":0.75,"probabilities":[0.25,0.75]}"#,
                r#"{"class":0,"probability":0.9,"probabilities":[0.9,0.1]}"#
            )),
        );
        check_answers(
            2,
            r#"{"outputs": [{"name": "label", "shape": [1], "data": [2]}]}"#,
            Err("output `label` has the shape [1] for 2 rows"),
        );
        check_answers(
            2,
            r#"{"outputs": [{"name": "label", "data": [2]}]}"#,
            Err("output `label` has 1 values for 2 rows"),
        );
    }

    #[test]
    fn a_model_of_other_inputs_is_refused_with_what_differs() {
        check_body(r#"{"inputs": []}"#, Err("it has 0 inputs, the policy has 2 features"));
        check_body(
            r#"{"inputs": [{"name": "text", "datatype": "BYTES"}]}"#,
            Err("its input `text` takes BYTES, which is not a number we can give"),
        );
        check_body(
            r#"{"inputs": [{"name": "hue", "datatype": "FP32"}, {"name": "acid", "datatype": "FP32"}]}"#,
            Err("it has an input `acid`, the policy has no such feature"),
        );
    }

    #[test]
    fn a_judge_is_given_text() {
        let check = |metadata: &str, expected: Result<&str, &str>| {
            let layout = Layout::of(serde_json::from_str(metadata).unwrap(), &Takes::Text);
            let expected = expected.map(|name| Layout::Text(name.to_owned())).map_err(str::to_owned);
            assert_eq!(layout, expected);
        };
        check(r#"{"inputs": [{"name": "case", "datatype": "BYTES", "shape": [1]}]}"#, Ok("case"));
        check(
            r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2]}]}"#,
            Err("its input `x` takes FP32, and what a judge is given is text, BYTES"),
        );
        check(r#"{"inputs": []}"#, Err("it has 0 inputs, and what a judge is given is one text"));
    }

    #[test]
    fn outputs_become_an_answer_as_those_of_a_model_here() {
        check_answer(
            r#"{"outputs": [{"name": "label", "shape": [1], "datatype": "INT64", "data": [2]},
                {"name": "probabilities", "shape": [1, 2], "datatype": "FP32", "data": [[0.25, 0.75]]}]}"#,
            Ok(r#"{"class":2,"probability":0.75,"probabilities":[0.25,0.75]}"#),
        );
        check_answer(
            r#"{"outputs": [{"name": "class", "data": [1]}, {"name": "probability", "data": [0.9]}]}"#,
            Ok(r#"{"class":1,"probability":0.9}"#),
        );
        check_answer(r#"{"outputs": [{"name": "price", "shape": [1, 1], "data": [9.5]}]}"#, Ok(r#"{"price":9.5}"#));
        check_answer(
            r#"{"outputs": [{"name": "x", "shape": [1, 3], "data": [1, 2]}]}"#,
            Err("output `x` has 2 values, its shape says 3"),
        );
    }
}
