//! PURE: how rows are laid out as tensors of the Open Inference Protocol v2, whether they travel as JSON or over gRPC.
//! Several inputs are the rows of one batch: `n` stands for their number below.

use std::{borrow::Cow, sync::Arc};

use executor::Input;
use policies::InputSchema;
use serde::{Deserialize, Serialize};
use wire::Failure;

/// How a server wants rows, and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) rows: Rows,
    /// The outputs that its model has; empty if it does not say. Some servers leave out what they are not asked for.
    pub(crate) wanted: Vec<String>,
}

/// How a server wants rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Tensors of the features, and what of a row each of them takes.
    Features(Vec<(Part, Tensor)>),
    /// One tensor `[n]` of text, under this name: what a judge is given, as JSON.
    Text(String),
}

/// What of a row a tensor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All numbers, as `[n, features]`.
    Numbers,
    /// The number at this place of the schema, as `[n, 1]`.
    Number(usize),
    /// The text at this place of the schema, as `[n, 1]`.
    Text(usize),
}

/// What an input says.
#[derive(Clone, Copy)]
struct Row<'a> {
    numbers: &'a [f64],
    texts: &'a [String],
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
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) datatype: String,
}

/// The part of a model's metadata that we need.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) inputs: Vec<Tensor>,
    #[serde(default)]
    pub(crate) outputs: Vec<Tensor>,
}

/// A tensor as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct Given<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: Vec<usize>,
    pub(crate) datatype: &'a str,
    pub(crate) data: Data<'a>,
}

/// What is in it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Data<'a> {
    Floats(Cow<'a, [f64]>),
    Whole(Vec<i64>),
    Text(Vec<&'a str>),
}

// === impl Layout ===

impl Layout {
    /// Returns what is sent to a server that says nothing of itself.
    pub(crate) fn assumed(takes: &Takes) -> Self {
        let rows = match takes {
            Takes::Features(schema) => Rows::assumed(schema),
            Takes::Text => Rows::Text("input".to_owned()),
        };
        Self { rows, wanted: Vec::new() }
    }

    /// Returns the layout that `metadata` asks for, or how it differs from what there is to give.
    pub(crate) fn of(metadata: Metadata, takes: &Takes) -> Result<Self, String> {
        let wanted = metadata.outputs.into_iter().map(|output| output.name).collect();
        let rows = match takes {
            // Nobody is sure that a model takes nothing: a server that was not told what it takes says that.
            _ if metadata.inputs.is_empty() => Self::assumed(takes).rows,
            Takes::Features(schema) => Rows::of_features(metadata.inputs, schema)?,
            Takes::Text => Rows::of_text(&metadata.inputs)?,
        };
        Ok(Self { rows, wanted })
    }

    /// Returns why nothing can be asked about `input`, if so.
    pub(crate) fn check(&self, input: &Input) -> Result<(), String> {
        match self.rows {
            Rows::Features(_) => input.features().map(drop).map_err(|failure| failure.message),
            Rows::Text(_) => std::str::from_utf8(&input.body).map(drop).map_err(|error| error.to_string()),
        }
    }

    /// Returns the tensors that `inputs` are, a row each and at least one, or why they are none.
    pub(crate) fn tensors<'a>(&'a self, inputs: &[&'a Input]) -> Result<Vec<Given<'a>>, String> {
        if let Rows::Text(name) = &self.rows {
            let texts = inputs.iter().map(|input| std::str::from_utf8(&input.body)).collect::<Result<Vec<_>, _>>();
            let texts = texts.map_err(|error| error.to_string())?;
            return Ok(vec![Given { name, shape: vec![texts.len()], datatype: "BYTES", data: Data::Text(texts) }]);
        }
        let row = |input: &&'a Input| Ok(Row { numbers: input.features()?, texts: input.texts()? });
        let rows: Result<Vec<Row<'a>>, Failure> = inputs.iter().map(row).collect();
        Ok(self.rows.tensors(&rows.map_err(|failure| failure.message)?))
    }
}

// === impl Rows ===

impl Rows {
    fn of_text(inputs: &[Tensor]) -> Result<Self, String> {
        match inputs {
            [Tensor { name, datatype }] if datatype == "BYTES" => Ok(Self::Text(name.clone())),
            [Tensor { name, datatype }] => {
                Err(format!("its input `{name}` takes {datatype}, and what a judge is given is text, BYTES"))
            }
            several => Err(format!("it has {} inputs, and what a judge is given is one text", several.len())),
        }
    }

    /// A row of all numbers, and a tensor of its own for each text.
    fn assumed(schema: &InputSchema) -> Self {
        let row = Tensor { name: "input".to_owned(), datatype: "FP64".to_owned() };
        let row = (!schema.features.is_empty()).then_some((Part::Numbers, row));
        let text = |(place, name): (usize, &Arc<str>)| {
            (Part::Text(place), Tensor { name: name.to_string(), datatype: "BYTES".to_owned() })
        };
        Self::Features(row.into_iter().chain(schema.texts.iter().enumerate().map(text)).collect())
    }

    fn of_features(inputs: Vec<Tensor>, schema: &InputSchema) -> Result<Self, String> {
        let known = |tensor: &Tensor| match tensor.datatype.as_str() {
            "FP64" | "FP32" | "INT64" | "INT32" => Ok(()),
            "BYTES" if !schema.texts.is_empty() => Ok(()),
            other => Err(format!("its input `{}` takes {other}, which is not a number we can give", tensor.name)),
        };
        inputs.iter().try_for_each(known)?;
        let is_text = |tensor: &Tensor| tensor.datatype == "BYTES";
        let (all, texts) = (inputs.len(), inputs.iter().filter(|tensor| is_text(tensor)).count());
        let numbers = all - texts;
        let is_row = numbers == 1 && (all == 1 || schema.features.len() > 1);
        if (!is_row && numbers != schema.features.len()) || texts != schema.texts.len() {
            return Err(format!("it has {all} inputs, the policy has {} features", schema.members().count()));
        }
        let part = |tensor: Tensor| {
            let part = if is_text(&tensor) {
                Part::Text(place_among(&schema.texts, &tensor.name)?)
            } else if is_row {
                Part::Numbers
            } else {
                Part::Number(place(&tensor.name, schema)?)
            };
            Ok((part, tensor))
        };
        inputs.into_iter().map(part).collect::<Result<_, _>>().map(Self::Features)
    }

    fn tensors<'a>(&'a self, rows: &[Row<'a>]) -> Vec<Given<'a>> {
        match self {
            Self::Features(parts) => parts.iter().map(|(part, tensor)| part.of(rows, tensor)).collect(),
            Self::Text(_) => Vec::new(),
        }
    }
}

/// Returns where the input `name` of a model stands among the numbers.
pub(crate) fn place(name: &str, schema: &InputSchema) -> Result<usize, String> {
    place_among(&schema.features, name)
}

fn place_among(names: &[Arc<str>], name: &str) -> Result<usize, String> {
    let place = names.iter().position(|feature| **feature == *name);
    place.ok_or_else(|| format!("it has an input `{name}`, the policy has no such feature"))
}

/// Refuses texts, for kinds of servers that are given numbers only.
pub(crate) fn numbers_only(schema: &InputSchema) -> Result<(), String> {
    match schema.texts.first() {
        None => Ok(()),
        Some(text) => Err(format!("the policy has the text `{text}`, and a server of this kind is given numbers only")),
    }
}

// === impl Part ===

impl Part {
    fn of<'a>(self, rows: &[Row<'a>], tensor: &'a Tensor) -> Given<'a> {
        match self {
            Self::Numbers => {
                let data = if let [only] = rows {
                    Cow::Borrowed(only.numbers)
                } else {
                    rows.iter().flat_map(|row| row.numbers).copied().collect()
                };
                Given::new(tensor, rows.len(), data)
            }
            Self::Number(place) => Given::new(tensor, rows.len(), rows.iter().map(|row| row.numbers[place]).collect()),
            Self::Text(place) => {
                let data = Data::Text(rows.iter().map(|row| row.texts[place].as_str()).collect());
                Given { name: &tensor.name, shape: vec![rows.len(), 1], datatype: "BYTES", data }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Takes {
        Takes::Features(Arc::new(InputSchema::of(&["hue", "ash"], &[])))
    }

    fn check_row(metadata: &str, expected: Result<&str, &str>) {
        check_rows(metadata, &[&[1.5, 2.0]], expected);
    }

    fn check_rows(metadata: &str, rows: &[&[f64]], expected: Result<&str, &str>) {
        let rows: Vec<Row<'_>> = rows.iter().map(|numbers| Row { numbers, texts: &[] }).collect();
        check_layout(metadata, &features(), &rows, expected);
    }

    /// Of a policy with one text beside two numbers.
    fn check_text(metadata: &str, expected: Result<&str, &str>) {
        let takes = Takes::Features(Arc::new(InputSchema::of(&["hue", "ash"], &["grape"])));
        let texts = ["Merlot".to_owned()];
        check_layout(metadata, &takes, &[Row { numbers: &[1.5, 2.0], texts: &texts }], expected);
    }

    fn check_layout(metadata: &str, takes: &Takes, rows: &[Row<'_>], expected: Result<&str, &str>) {
        let layout = Layout::of(serde_json::from_str(metadata).unwrap(), takes);
        match (layout, expected) {
            (Ok(layout), Ok(expected)) => {
                let tensors = serde_json::to_value(layout.rows.tensors(rows)).unwrap();
                assert_eq!(tensors.to_string(), expected);
            }
            (Err(problem), Err(expected)) => assert_eq!(problem, expected),
            (got, _) => panic!("{got:?}"),
        }
    }

    #[test]
    fn a_row_or_columns_are_sent_as_the_metadata_asks() {
        check_row(
            r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}"#,
            Ok(r#"[{"data":[1.5,2.0],"datatype":"FP32","name":"x","shape":[1,2]}]"#),
        );
        check_row(
            r#"{"inputs": [{"name": "ash", "datatype": "INT64"}, {"name": "hue", "datatype": "FP64"}]}"#,
            Ok(concat!(
                r#"[{"data":[2],"datatype":"INT64","name":"ash","shape":[1,1]},"#,
                r#"{"data":[1.5],"datatype":"FP64","name":"hue","shape":[1,1]}]"#
            )),
        );
    }

    #[test]
    fn a_server_that_was_not_told_what_its_model_takes_is_given_one_row() {
        let one_row = r#"[{"data":[1.5,2.0],"datatype":"FP64","name":"input","shape":[1,2]}]"#;
        check_row(r#"{"name": "wine", "inputs": [], "outputs": []}"#, Ok(one_row));
        check_row(r#"{"name": "wine"}"#, Ok(one_row));
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
    fn a_text_is_a_tensor_of_bytes_beside_a_row_of_numbers_or_columns() {
        let text = r#"{"data":["Merlot"],"datatype":"BYTES","name":"grape","shape":[1,1]}"#;
        let row = r#"{"data":[1.5,2.0],"datatype":"FP32","name":"x","shape":[1,2]}"#;
        check_text(
            r#"{"inputs": [{"name": "grape", "datatype": "BYTES"}, {"name": "x", "datatype": "FP32"}]}"#,
            Ok(&format!("[{text},{row}]")),
        );
        check_text(
            r#"{"inputs": [{"name": "ash", "datatype": "FP64"}, {"name": "grape", "datatype": "BYTES"},
                {"name": "hue", "datatype": "INT32"}]}"#,
            Ok(&format!(
                r#"[{{"data":[2.0],"datatype":"FP64","name":"ash","shape":[1,1]}},{text},{{"data":[1],"datatype":"INT32","name":"hue","shape":[1,1]}}]"#
            )),
        );
        check_text(
            r#"{"inputs": []}"#,
            Ok(&format!("[{},{text}]", row.replace("FP32", "FP64").replace("\"x\"", "\"input\""))),
        );
        check_text(
            r#"{"inputs": [{"name": "x", "datatype": "FP32"}]}"#,
            Err("it has 1 inputs, the policy has 3 features"),
        );
        check_text(
            r#"{"inputs": [{"name": "x", "datatype": "FP32"}, {"name": "grepe", "datatype": "BYTES"}]}"#,
            Err("it has an input `grepe`, the policy has no such feature"),
        );
    }

    #[test]
    fn a_model_of_other_inputs_is_refused_with_what_differs() {
        check_row(
            r#"{"inputs": [{"name": "text", "datatype": "BYTES"}]}"#,
            Err("its input `text` takes BYTES, which is not a number we can give"),
        );
        check_row(
            r#"{"inputs": [{"name": "a", "datatype": "FP32"}, {"name": "b", "datatype": "FP32"}, {"name": "c", "datatype": "FP32"}]}"#,
            Err("it has 3 inputs, the policy has 2 features"),
        );
        check_row(
            r#"{"inputs": [{"name": "hue", "datatype": "FP32"}, {"name": "acid", "datatype": "FP32"}]}"#,
            Err("it has an input `acid`, the policy has no such feature"),
        );
    }

    #[test]
    fn a_judge_is_given_text() {
        let check = |metadata: &str, expected: Result<&str, &str>| {
            let layout = Layout::of(serde_json::from_str(metadata).unwrap(), &Takes::Text);
            let expected = expected.map(|name| Rows::Text(name.to_owned())).map_err(str::to_owned);
            assert_eq!(layout.map(|layout| layout.rows), expected);
        };
        check(r#"{"inputs": [{"name": "case", "datatype": "BYTES", "shape": [1]}]}"#, Ok("case"));
        check(r#"{"inputs": []}"#, Ok("input"));
        check(
            r#"{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2]}]}"#,
            Err("its input `x` takes FP32, and what a judge is given is text, BYTES"),
        );
        check(
            r#"{"inputs": [{"name": "x", "datatype": "BYTES"}, {"name": "y", "datatype": "BYTES"}]}"#,
            Err("it has 2 inputs, and what a judge is given is one text"),
        );
    }
}
