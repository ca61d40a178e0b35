//! The values of one tensor: each a finite number that its datatype can hold, or a text.

use std::fmt::{self, Write as _};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::{plain::is_not_finite, problem::shortened},
    Tensor, TensorProblem, binary,
};

/// One value of an input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(Number),
    Text(String),
}

/// A finite number, as whole as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// From an integer.
    Whole(i128),
    /// From anything else.
    Float(f64),
}

/// What a tensor's datatype admits.
enum Datatype {
    Bool,
    Whole { min: i128, max: i128 },
    Float,
}

/// One value of `data` as written.
pub(super) enum Element {
    Number(Number),
    Bool(bool),
    Text(String),
    Null,
    Object,
}

/// What each value of a tensor is, or what is wrong with it.
type Values = Vec<Result<Value, TensorProblem>>;

/// Reads the numbers of `tensor`, of which there must be `expected`.
pub(super) fn numbers(tensor: &Tensor<'_>, expected: usize) -> Result<Values, TensorProblem> {
    let name = tensor.datatype()?;
    let datatype = Datatype::named(name)?;
    let elements = elements(tensor, expected, "an array of numbers")?;
    Ok(elements.into_iter().map(|element| datatype.admit(element, name).map(Value::Number)).collect())
}

/// Reads the texts of `tensor`, of which there must be `expected`.
pub(super) fn texts(tensor: &Tensor<'_>, expected: usize) -> Result<Values, TensorProblem> {
    match tensor.datatype()? {
        "BYTES" => {}
        other => return Err(TensorProblem::NotBytes { found: shortened(other).to_owned() }),
    }
    let text = |element| match element {
        Element::Text(text) => Ok(Value::Text(text)),
        other => Err(TensorProblem::NotText { found: other.to_string() }),
    };
    Ok(elements(tensor, expected, "an array of texts")?.into_iter().map(text).collect())
}

/// Returns what stands in the JSON or behind it.
fn elements(tensor: &Tensor<'_>, expected: usize, what: &'static str) -> Result<Vec<Element>, TensorProblem> {
    let elements = match tensor.binary {
        Some(bytes) => binary::read(tensor.datatype()?, bytes)?,
        None => written(tensor, expected, what)?,
    };
    if elements.len() != expected {
        return Err(TensorProblem::Count { expected, found: elements.len() });
    }
    Ok(elements)
}

fn written(tensor: &Tensor<'_>, expected: usize, what: &'static str) -> Result<Vec<Element>, TensorProblem> {
    let mut elements = Vec::with_capacity(expected.min(1_024));
    let malformed = TensorProblem::Malformed { member: "data", expected: what };
    let data = tensor.data.ok_or(TensorProblem::Without("data"))?.get();
    let mut parser = serde_json::Deserializer::from_str(data);
    Flat(&mut elements).deserialize(&mut parser).map_err(|error| {
        if error.to_string().starts_with("number out of range") {
            return TensorProblem::NotFinite { found: "a number beyond 64-bit floats".to_owned() };
        }
        malformed.clone()
    })?;
    if !data.starts_with('[') {
        return Err(malformed);
    }
    Ok(elements)
}

// === impl Value ===

impl Value {
    pub(super) fn write(&self, text: &mut String) {
        match self {
            Self::Number(number) => number.write(text),
            Self::Text(said) => text.push_str(&serde_json::Value::from(said.as_str()).to_string()),
        }
    }
}

// === impl Number ===

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "to compare and to score; the body keeps every digit")]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    fn write(self, text: &mut String) {
        let written = match self {
            Self::Whole(value) => write!(text, "{value}"),
            // The debug form keeps the point or exponent and the shortest digits that read back the same.
            Self::Float(value) => write!(text, "{value:?}"),
        };
        written.expect("writing to a string cannot fail");
    }
}

// === impl Datatype ===

impl Datatype {
    fn named(name: &str) -> Result<Self, TensorProblem> {
        let whole = |bits: u32, signed: bool| {
            let span = 1_i128 << bits;
            let min = if signed { -span / 2 } else { 0 };
            Self::Whole { min, max: min + span - 1 }
        };
        Ok(match name {
            "BOOL" => Self::Bool,
            "INT8" => whole(8, true),
            "INT16" => whole(16, true),
            "INT32" => whole(32, true),
            "INT64" => whole(64, true),
            "UINT8" => whole(8, false),
            "UINT16" => whole(16, false),
            "UINT32" => whole(32, false),
            "UINT64" => whole(64, false),
            "FP16" | "BF16" | "FP32" | "FP64" => Self::Float,
            "BYTES" => return Err(TensorProblem::Bytes),
            unknown => return Err(TensorProblem::Datatype { found: shortened(unknown).to_owned() }),
        })
    }

    fn admit(&self, element: Element, name: &str) -> Result<Number, TensorProblem> {
        match (self, element) {
            (_, Element::Null) => Err(TensorProblem::Null),
            (_, Element::Text(found)) if is_not_finite(&found) => {
                Err(TensorProblem::NotFinite { found: format!("{:?}", shortened(&found)) })
            }
            (Self::Bool, Element::Bool(value)) => Ok(Number::Whole(value.into())),
            (Self::Float, Element::Number(number)) => Ok(number),
            (Self::Whole { min, max }, Element::Number(number)) => match number.whole() {
                Some(value) if (*min..=*max).contains(&value) => Ok(Number::Whole(value)),
                _ => Err(refused(&Element::Number(number), name)),
            },
            (_, other) => Err(refused(&other, name)),
        }
    }
}

fn refused(element: &Element, datatype: &str) -> TensorProblem {
    TensorProblem::Element { found: element.to_string(), datatype: datatype.to_owned() }
}

impl Number {
    /// Returns the whole number it is: some writers put `5.0` for 5.
    fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(value) => Some(value),
            #[expect(clippy::cast_possible_truncation, reason = "whole, and far within 128 bits")]
            Self::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => Some(value as i128),
            Self::Float(_) => None,
        }
    }
}

// === impl Element ===

impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(Number::Whole(value)) => write!(out, "{value}"),
            Self::Number(Number::Float(value)) => write!(out, "{value}"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "{:?}", shortened(text)),
            Self::Null => out.write_str("null"),
            Self::Object => out.write_str("an object"),
        }
    }
}

/// Collects the values of nested arrays in row-major order, as the protocol allows.
struct Flat<'a>(&'a mut Vec<Element>);

// === impl Flat ===

impl Flat<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "what a visitor returns")]
    fn take<E>(self, element: Element) -> Result<(), E> {
        self.0.push(element);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Flat(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.take(Element::Number(Number::Whole(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.take(Element::Number(Number::Whole(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.take(Element::Number(Number::Float(value)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.take(Element::Bool(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(Element::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(Element::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.take(Element::Object)
    }
}
