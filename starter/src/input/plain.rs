//! A plain body: checked in one pass over its bytes, without building a tree of it.

use std::{fmt, sync::Arc};

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Digest, InputReader, InvalidInput, problem::shortened};

/// What a body turned out to be.
pub(super) enum Plain {
    /// One JSON object of exactly the features.
    Valid(Digest),
    /// It has `inputs`, which is no feature.
    OpenInference,
}

/// What the pass found. Errors of ours travel here, because the parser's error type can only carry text.
#[derive(Default)]
struct Finding {
    open_inference: bool,
    problem: Option<InvalidInput>,
    extra: Option<InvalidInput>,
    given: Vec<bool>,
    digest: Digest,
    /// The feature whose value is being read.
    reading: Option<usize>,
}

/// Reads `body` as a plain one.
pub(super) fn read(reader: &InputReader, body: &[u8]) -> Result<Plain, InvalidInput> {
    let mut finding = Finding { given: vec![false; reader.features.len()], ..Finding::default() };
    let mut parser = serde_json::Deserializer::from_slice(body);
    let parsed = serde::Deserializer::deserialize_any(&mut parser, Members { reader, finding: &mut finding });
    let parsed = parsed.and_then(|()| parser.end());
    if finding.open_inference {
        return Ok(Plain::OpenInference);
    }
    if let Err(error) = parsed {
        let field = finding.reading.map(|index| &reader.features[index]);
        return Err(finding.problem.unwrap_or_else(|| syntax(body, &error, field)));
    }
    match finding.extra.or_else(|| reader.missing(&finding.given)) {
        Some(problem) => Err(problem),
        None => Ok(Plain::Valid(finding.digest)),
    }
}

/// Puts a parser's error into our words. `field` is the feature whose value was being read.
pub(super) fn syntax(body: &[u8], error: &serde_json::Error, field: Option<&Arc<str>>) -> InvalidInput {
    let (line, column) = (error.line(), error.column());
    let detail = parser_words(error);
    // Python's and JavaScript's writers produce these words; naming the feature saves their users a search.
    let word = ["NaN", "Infinity"].into_iter().find(|word| stands_at(body, line, column, word));
    match (field, word) {
        (Some(field), Some(word)) => InvalidInput::NotFinite { field: Arc::clone(field), found: word.to_owned() },
        (Some(field), None) if detail == "number out of range" => {
            InvalidInput::NotFinite { field: Arc::clone(field), found: "a number beyond 64-bit floats".to_owned() }
        }
        (None, Some(word)) => InvalidInput::NotJson { detail: format!("{word} is not a JSON number"), line, column },
        (_, None) => InvalidInput::NotJson { detail, line, column },
    }
}

/// Returns the parser's sentence without the place it ends with.
pub(super) fn parser_words(error: &serde_json::Error) -> String {
    let sentence = error.to_string();
    let end = sentence.rfind(" at line ").unwrap_or(sentence.len());
    shortened(&sentence[..end]).to_owned()
}

fn stands_at(body: &[u8], line: usize, column: usize, word: &str) -> bool {
    let row = body.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    // The parser may stop before the word, at its first letter, or behind a sign.
    (column.saturating_sub(2)..=column)
        .any(|start| row.get(start..).is_some_and(|rest| rest.starts_with(word.as_bytes())))
}

/// The whole body.
struct Members<'a> {
    reader: &'a InputReader,
    finding: &'a mut Finding,
}

/// A member's name, looked up without keeping it.
struct Name<'a> {
    reader: &'a InputReader,
    likely: usize,
}

enum Named {
    Feature(usize),
    Inputs,
    Extra(String),
}

/// A number.
struct Value<'a> {
    field: &'a Arc<str>,
    problem: &'a mut Option<InvalidInput>,
}

/// A text, added to a digest without being kept.
struct Text<'a> {
    value: Value<'a>,
    digest: &'a mut Digest,
    salt: u64,
}

// === impl Members ===

impl Members<'_> {
    fn not_an_object<E: Error>(self, found: &'static str) -> Result<(), E> {
        refuse(&mut self.finding.problem, InvalidInput::NotAnObject { found })
    }

    /// Keeps the first only: looking for similar names is dear, and a body may have many.
    fn on_extra(&mut self, field: String) {
        if self.finding.extra.is_none() {
            let similar = self.reader.similar(&field);
            self.finding.extra = Some(InvalidInput::Extra { field, similar });
        }
    }

    fn on_feature<'de, A: MapAccess<'de>>(&mut self, index: usize, map: &mut A) -> Result<(), A::Error> {
        let field = &self.reader.features[index];
        if std::mem::replace(&mut self.finding.given[index], true) {
            return refuse(&mut self.finding.problem, InvalidInput::Duplicate { field: Arc::clone(field) });
        }
        self.finding.reading = Some(index);
        let (value, salt) = (Value { field, problem: &mut self.finding.problem }, self.reader.salts[index]);
        if self.reader.is_text(index) {
            map.next_value_seed(Text { value, digest: &mut self.finding.digest, salt })?;
        } else {
            let number = map.next_value_seed(value)?;
            self.finding.digest.add(salt, number);
        }
        self.finding.reading = None;
        Ok(())
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object of features")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut likely = 0;
        while let Some(named) = map.next_key_seed(Name { reader: self.reader, likely })? {
            match named {
                Named::Feature(index) => {
                    likely = index + 1;
                    self.on_feature(index, &mut map)?;
                }
                Named::Inputs => {
                    self.finding.open_inference = true;
                    return Err(A::Error::custom("another protocol"));
                }
                // Read on: `inputs` may still come, and then this is a member of the other protocol.
                Named::Extra(field) => {
                    map.next_value::<IgnoredAny>()?;
                    self.on_extra(field);
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.not_an_object("an array")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.not_an_object("a text")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.not_an_object("true or false")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.not_an_object("a number")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.not_an_object("a number")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.not_an_object("a number")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.not_an_object("null")
    }
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Named;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<Named, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Named;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a feature")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Named, E> {
        Ok(match self.reader.position(name, self.likely) {
            Some(index) => Named::Feature(index),
            None if name == "inputs" => Named::Inputs,
            None => Named::Extra(shortened(name).to_owned()),
        })
    }
}

// === impl Value ===

impl Value<'_> {
    fn wrong<E: Error>(self, found: &'static str) -> Result<f64, E> {
        refuse(self.problem, InvalidInput::WrongType { field: Arc::clone(self.field), found })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = f64;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<f64, D::Error> {
        parser.deserialize_any(self)
    }
}

#[expect(clippy::cast_precision_loss, reason = "models take floats; the body keeps every digit")]
impl<'de> Visitor<'de> for Value<'_> {
    type Value = f64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<f64, E> {
        self.wrong("true or false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        if is_not_finite(text) {
            let (field, found) = (Arc::clone(self.field), format!("{text:?}"));
            return refuse(self.problem, InvalidInput::NotFinite { field, found });
        }
        self.wrong("a text")
    }

    fn visit_unit<E: Error>(self) -> Result<f64, E> {
        refuse(self.problem, InvalidInput::Null { field: Arc::clone(self.field) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<f64, A::Error> {
        self.wrong("an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<f64, A::Error> {
        self.wrong("an object")
    }
}

// === impl Text ===

impl Text<'_> {
    fn wrong<E: Error>(self, found: &'static str) -> Result<(), E> {
        refuse(self.value.problem, InvalidInput::NotText { field: Arc::clone(self.value.field), found })
    }
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.digest.add_text(self.salt, text);
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.wrong("a number")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.wrong("true or false")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.wrong("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.wrong("an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.wrong("an object")
    }
}

/// Returns whether `text` is how some writers put a number that is not finite.
pub(super) fn is_not_finite(text: &str) -> bool {
    let word = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    text.len() < 12 && matches!(word.as_str(), "nan" | "inf" | "infinity")
}

fn refuse<T, E: Error>(place: &mut Option<InvalidInput>, problem: InvalidInput) -> Result<T, E> {
    let error = E::custom(&problem);
    *place = Some(problem);
    Err(error)
}
