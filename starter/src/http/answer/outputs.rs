//! The fields of answers as tensors: of one, or of each row's.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// The fields of an answer, in the order in which they were written.
#[derive(Default)]
pub(crate) struct Fields<'a>(Vec<(String, &'a RawValue)>);

/// One tensor, with a value or as many as an array holds for each row.
pub(crate) struct Output<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: Vec<usize>,
    pub(crate) datatype: &'static str,
    /// Null where a row has none.
    pub(crate) data: Vec<Value>,
}

// === impl Fields ===

impl Fields<'_> {
    /// Returns the field `name`, if it is a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        serde_json::from_str(value.get()).ok()
    }

    fn get(&self, name: &str) -> Option<Value> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        serde_json::from_str(value.get()).ok().filter(|value| !Value::is_null(value))
    }
}

/// Returns the fields of `rows` as tensors: those that `is_wanted`, in the order in which they come first. A null has no
/// value, and what no row has is no tensor.
pub(crate) fn outputs<'a>(
    rows: impl Iterator<Item = &'a Fields<'a>>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Output<'a>> {
    let (mut names, rows): (Vec<&str>, Vec<&Fields<'_>>) = (Vec::new(), rows.collect());
    for (name, _) in rows.iter().flat_map(|row| &row.0) {
        if !names.contains(&&**name) && is_wanted(name) {
            names.push(name);
        }
    }
    let of_all = |name| Output::of(name, rows.iter().map(|row| row.get(name)).collect());
    names.into_iter().filter_map(of_all).collect()
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an answer: one JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        parser.deserialize_map(Members)
    }
}

// === impl Output ===

impl<'a> Output<'a> {
    fn of(name: &'a str, values: Vec<Option<Value>>) -> Option<Self> {
        let rows = values.len();
        if values.iter().all(Option::is_none) {
            return None;
        }
        let shaped = Self::arrays(name, &values).or_else(|| {
            let datatype = common_datatype(&values.iter().flatten().collect::<Vec<_>>())?;
            let datatype = if values.contains(&None) { with_holes(datatype)? } else { datatype };
            let data = values.iter().map(|value| value.clone().unwrap_or_default()).collect();
            Some(Self { name, shape: vec![rows], datatype, data })
        });
        // Nested, mixed, or not the same in all rows: no tensor says it, its text does.
        Some(shaped.unwrap_or_else(|| {
            let text = |value: Option<Value>| match value {
                None | Some(Value::String(_)) => value.unwrap_or_default(),
                Some(other) => other.to_string().into(),
            };
            Self { name, shape: vec![rows], datatype: "BYTES", data: values.into_iter().map(text).collect() }
        }))
    }

    /// Returns the tensor of values that are arrays of one length in all rows.
    fn arrays(name: &'a str, values: &[Option<Value>]) -> Option<Self> {
        let arrays: Vec<Option<&Vec<Value>>> = values
            .iter()
            .map(|value| match value {
                None => Some(None),
                Some(Value::Array(array)) => Some(Some(array)),
                Some(_) => None,
            })
            .collect::<Option<_>>()?;
        let length = arrays.iter().flatten().map(|array| array.len()).next()?;
        if arrays.iter().flatten().any(|array| array.len() != length) {
            return None;
        }
        let datatype = common_datatype(&arrays.iter().copied().flatten().flatten().collect::<Vec<_>>())?;
        let datatype = if arrays.contains(&None) { with_holes(datatype)? } else { datatype };
        let row = |array: Option<&Vec<Value>>| array.map_or_else(|| vec![Value::Null; length], Clone::clone);
        let data = arrays.into_iter().flat_map(row).collect();
        Some(Self { name, shape: vec![values.len(), length], datatype, data })
    }
}

/// Returns the datatype that can also say that there is no value: a float's NaN, or no text.
fn with_holes(datatype: &'static str) -> Option<&'static str> {
    match datatype {
        "BOOL" => None,
        "BYTES" => Some("BYTES"),
        _ => Some("FP64"),
    }
}

fn datatype(value: &Value) -> Option<&'static str> {
    match value {
        Value::Bool(_) => Some("BOOL"),
        Value::String(_) => Some("BYTES"),
        Value::Number(number) if number.is_i64() => Some("INT64"),
        Value::Number(number) if number.is_u64() => Some("UINT64"),
        Value::Number(_) => Some("FP64"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn common_datatype(values: &[&Value]) -> Option<&'static str> {
    let mut datatypes = values.iter().map(|value| datatype(value));
    let first = datatypes.next().unwrap_or(Some("FP64"))?;
    datatypes.try_fold(first, |common, next| match (common, next?) {
        (common, next) if common == next => Some(common),
        // Writers leave the point away where nothing stands behind it: 0.25, 1, 0.5.
        ("INT64" | "UINT64" | "FP64", "INT64" | "UINT64" | "FP64") => Some("FP64"),
        _ => None,
    })
}
