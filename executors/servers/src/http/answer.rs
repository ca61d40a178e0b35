//! PURE: what an Open Inference Protocol v2 server says as JSON → answers.

use bytes::Bytes;
use executor::answer::{self, Output, Values};
use serde::Deserialize;
use serde_json::Value;

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

    fn check_answer(response: &str, expected: Result<&str, &str>) {
        check_answers(1, response, expected);
    }

    fn check_answers(rows: usize, response: &str, expected: Result<&str, &str>) {
        let answers = serde_json::from_str::<Inferred>(response).unwrap().answers(rows);
        let answers = answers.map(|all| all.iter().map(|one| std::str::from_utf8(one).unwrap()).collect::<String>());
        assert_eq!(answers.as_deref().map_err(String::as_str), expected);
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
