//! An answer's fields as tensors.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// The fields of an answer, in the order in which they were written.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

/// One tensor.
#[derive(Serialize)]
pub(super) struct Output<'a> {
    name: &'a str,
    shape: Vec<usize>,
    datatype: &'static str,
    data: Vec<Value>,
}

// === impl Fields ===

impl Fields<'_> {
    /// Returns the field `name`, if it is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        serde_json::from_str(value.get()).ok()
    }

    /// Returns the fields named in `wanted`, all if it is empty, as tensors. A null has no value, hence no tensor.
    pub(super) fn outputs(&self, wanted: &[String]) -> Vec<Output<'_>> {
        let asked_for = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        let fields = self.0.iter().filter(|(name, _)| asked_for(name));
        fields.filter_map(|(name, value)| Output::of(name, value)).collect()
    }
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
    fn of(name: &'a str, value: &RawValue) -> Option<Self> {
        let (shape, datatype, data) = match serde_json::from_str(value.get()).ok()? {
            Value::Null => return None,
            Value::Array(values) => match common_datatype(&values) {
                Some(datatype) => (vec![1, values.len()], datatype, values),
                // Nested or mixed: no tensor says it, its text does.
                None => (vec![1], "BYTES", vec![value.get().into()]),
            },
            Value::Object(_) => (vec![1], "BYTES", vec![value.get().into()]),
            single => (vec![1], datatype(&single)?, vec![single]),
        };
        Some(Self { name, shape, datatype, data })
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

fn common_datatype(values: &[Value]) -> Option<&'static str> {
    let mut datatypes = values.iter().map(datatype);
    let first = datatypes.next().unwrap_or(Some("FP64"))?;
    datatypes.try_fold(first, |common, next| match (common, next?) {
        (common, next) if common == next => Some(common),
        // Writers leave the point away where nothing stands behind it: 0.25, 1, 0.5.
        ("INT64" | "UINT64" | "FP64", "INT64" | "UINT64" | "FP64") => Some("FP64"),
        _ => None,
    })
}
