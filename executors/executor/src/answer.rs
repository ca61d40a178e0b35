//! PURE: a model's outputs, whatever runs it → the one JSON object that is its answer.
//!
//! Laws: a label beside probabilities is a classifier's answer, `{"class": …, "probability": largest, "probabilities":
//! […]}`; a single floating number alone is a regressor's, `{"value": …}`, because converters name it at random; anything
//! else, and what a server named on purpose, is every output by its name. What is not a finite number is `null`, so that
//! it can never be taken for a prediction.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

/// One output, borrowed from whatever produced it.
pub struct Output<'a> {
    /// What the model calls it.
    pub name: Cow<'a, str>,
    /// What it says.
    pub values: Values<'a>,
}

/// The values of one output, for one input row or for several, row by row.
pub enum Values<'a> {
    /// Single precision.
    F32(Cow<'a, [f32]>),
    /// Double precision.
    F64(Cow<'a, [f64]>),
    /// Integers.
    I64(Cow<'a, [i64]>),
    /// Truth values.
    Bool(Cow<'a, [bool]>),
    /// Texts.
    Text(Cow<'a, [String]>),
    /// Whatever JSON knows.
    Json(Cow<'a, [serde_json::Value]>),
}

const LABELS: [&str; 3] = ["label", "output_label", "predict"];
const PROBABILITIES: [&str; 3] = ["probabilities", "output_probability", "predict_proba"];

/// Returns the answer that `outputs` are.
#[must_use]
pub fn compose(outputs: &[Output]) -> Bytes {
    let mut json = Json(Vec::with_capacity(128));
    if let Some((label, probabilities)) = classifier(outputs) {
        json.member("class", |out| label.write_one(0, out));
        json.member("probability", |out| probabilities.write_largest(out));
        json.member("probabilities", |out| probabilities.write_list(out));
    } else if let [Output { values: values @ (Values::F32(_) | Values::F64(_)), .. }] = outputs
        && values.len() == 1
    {
        json.member("value", |out| values.write_one(0, out));
    } else {
        for output in outputs {
            json.member(&output.name, |out| output.values.write(out));
        }
    }
    json.close()
}

/// Returns the answers that `outputs` of `rows` rows are, or which output cannot be parted into rows.
pub fn compose_rows(outputs: &[Output], rows: usize) -> Result<Vec<Bytes>, String> {
    if let Some(uneven) = outputs.iter().find(|output| rows == 0 || output.values.len() % rows != 0) {
        return Err(format!("output `{}` has {} values for {rows} rows", uneven.name, uneven.values.len()));
    }
    let row = |row| {
        let of_row: Vec<Output> = outputs.iter().map(|output| output.row(row, rows)).collect();
        compose(&of_row)
    };
    Ok((0..rows).map(row).collect())
}

fn classifier<'a>(outputs: &'a [Output]) -> Option<(&'a Values<'a>, &'a Values<'a>)> {
    let find = |names: &[&str]| outputs.iter().find(|output| names.contains(&&*output.name)).map(|found| &found.values);
    let (label, probabilities) = (find(&LABELS)?, find(&PROBABILITIES)?);
    (outputs.len() == 2 && label.len() == 1 && !probabilities.is_empty()).then_some((label, probabilities))
}

/// An object as it grows.
struct Json(Vec<u8>);

// === impl Json ===

impl Json {
    fn member(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        write(name, &mut self.0);
        self.0.push(b':');
        value(&mut self.0);
    }

    fn close(mut self) -> Bytes {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        self.0.into()
    }
}

/// Numbers that are not finite become `null` here: so writes `serde_json`.
fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("numbers, texts and JSON values are always written to memory");
}

// === impl Output, Values ===

impl Output<'_> {
    fn row(&self, row: usize, rows: usize) -> Output<'_> {
        Output { name: Cow::Borrowed(&self.name), values: self.values.row(row, rows) }
    }
}

impl Values<'_> {
    /// Returns the part of one of `rows` rows.
    fn row(&self, row: usize, rows: usize) -> Values<'_> {
        let width = self.len() / rows;
        let part = row * width..(row + 1) * width;
        match self {
            Self::F32(values) => Values::F32(values[part].into()),
            Self::F64(values) => Values::F64(values[part].into()),
            Self::I64(values) => Values::I64(values[part].into()),
            Self::Bool(values) => Values::Bool(values[part].into()),
            Self::Text(values) => Values::Text(values[part].into()),
            Self::Json(values) => Values::Json(values[part].into()),
        }
    }

    /// Returns how many there are, of all rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Json(values) => values.len(),
        }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.len() == 1 { self.write_one(0, out) } else { self.write_list(out) }
    }

    fn write_one(&self, index: usize, out: &mut Vec<u8>) {
        match self {
            Self::F32(values) => write(&values[index], out),
            Self::F64(values) => write(&values[index], out),
            Self::I64(values) => write(&values[index], out),
            Self::Bool(values) => write(&values[index], out),
            Self::Text(values) => write(&values[index], out),
            Self::Json(values) => write(&values[index], out),
        }
    }

    fn write_list(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for index in 0..self.len() {
            if index > 0 {
                out.push(b',');
            }
            self.write_one(index, out);
        }
        out.push(b']');
    }

    /// Writes the largest number; `null` if any is not a finite number: such a row means nothing as a whole.
    fn write_largest(&self, out: &mut Vec<u8>) {
        match self {
            Self::F32(values) => {
                let finite = values.iter().all(|value| value.is_finite());
                write(&finite.then(|| values.iter().copied().fold(f32::NEG_INFINITY, f32::max)), out);
            }
            Self::F64(values) => write(&largest(values.iter().copied().map(Some)), out),
            Self::Json(values) => write(&largest(values.iter().map(serde_json::Value::as_f64)), out),
            Self::I64(_) | Self::Bool(_) | Self::Text(_) => write(&None::<f64>, out),
        }
    }
}

fn largest(mut values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values
        .try_fold(f64::NEG_INFINITY, |most, value| value.filter(|value| value.is_finite()).map(|value| most.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output<'a>(name: &'static str, values: Values<'a>) -> Output<'a> {
        Output { name: name.into(), values }
    }

    fn check(outputs: &[Output], expected: &str) {
        assert_eq!(std::str::from_utf8(&compose(outputs)).unwrap(), expected);
    }

    #[test]
    fn a_label_beside_probabilities_is_a_classifiers_answer() {
        let label = || output("label", Values::I64(vec![1].into()));
        let expected = r#"{"class":1,"probability":0.96,"probabilities":[0.04,0.96]}"#;
        check(&[label(), output("probabilities", Values::F32(vec![0.04, 0.96].into()))], expected);
        check(&[output("output_probability", Values::F32(vec![0.04, 0.96].into())), label()], expected);
        let text = output("output_label", Values::Text(vec!["red \"a\"".to_owned()].into()));
        check(
            &[text, output("output_probability", Values::F64(vec![1.0].into()))],
            r#"{"class":"red \"a\"","probability":1.0,"probabilities":[1.0]}"#,
        );
    }

    #[test]
    fn a_single_number_is_a_regressors_answer() {
        check(&[output("variable", Values::F32(vec![0.1].into()))], r#"{"value":0.1}"#);
    }

    #[test]
    fn other_outputs_are_given_by_name() {
        check(
            &[output("a", Values::F64(vec![1.0, 2.5].into())), output("ok", Values::Bool(vec![true].into()))],
            r#"{"a":[1.0,2.5],"ok":true}"#,
        );
        check(&[output("a", Values::I64(vec![].into()))], r#"{"a":[]}"#);
        check(&[], "{}");
    }

    #[test]
    fn rows_are_parted_and_each_is_an_answer_of_its_own() {
        let outputs = [
            output("label", Values::Text(vec!["red".to_owned(), "white".to_owned()].into())),
            output("probabilities", Values::F32(vec![0.75, 0.25, 0.5, f32::NAN].into())),
        ];
        let answers = compose_rows(&outputs, 2).unwrap();
        assert_eq!(answers[0], r#"{"class":"red","probability":0.75,"probabilities":[0.75,0.25]}"#);
        assert_eq!(answers[1], r#"{"class":"white","probability":null,"probabilities":[0.5,null]}"#);
        let problem = compose_rows(&outputs, 3).unwrap_err();
        assert_eq!(problem, "output `label` has 2 values for 3 rows");
    }

    #[test]
    fn what_is_not_a_number_is_null() {
        check(&[output("x", Values::F32(vec![f32::NAN].into()))], r#"{"value":null}"#);
        check(
            &[
                output("label", Values::I64(vec![0].into())),
                output("probabilities", Values::F64(vec![0.5, f64::INFINITY].into())),
            ],
            r#"{"class":0,"probability":null,"probabilities":[0.5,null]}"#,
        );
    }
}
