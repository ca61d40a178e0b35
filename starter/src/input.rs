//! What a caller sent, checked: raw bytes become one JSON object of features, or a sentence that names what is wrong.
//!
//! Pure. Laws, each tested by name:
//! - *Exact bytes*: a valid plain body is kept as the caller wrote it, byte for byte.
//! - *One meaning, one digest*: two bodies that give every feature the same value have the same digest, whatever their
//!   order, spacing or protocol.
//! - *Named*: every refusal names the feature, tensor, attribute or place it is about.
//!
//! It deliberately does not know where the bytes came from, nor who will be asked.

mod attributes;
mod plain;
mod problem;
pub(crate) mod reply;
mod tensors;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use policies::InputSchema;
use wire::{Attributes, Budget};

pub use attributes::Said;
pub(crate) use attributes::{AttributeReader, HEADER as ATTRIBUTE_HEADER};
pub use problem::{AttributeProblem, InvalidInput, InvalidReason, ReplyProblem, TensorProblem};
pub(crate) use tensors::named;

/// Checks inputs against one rendezvous' schema. Made once, used for every input.
#[derive(Clone, Debug)]
pub struct InputReader {
    /// The numbers, and behind them the texts.
    features: Vec<Arc<str>>,
    /// How many of them are numbers.
    numbers: usize,
    index: HashMap<Arc<str>, usize>,
    /// Each feature's name as it begins a member of an object: `"alcohol":`.
    members: Vec<String>,
    /// Each feature's name as a number, for digests.
    salts: Vec<u64>,
    limit: usize,
}

/// A valid input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// One JSON object of features.
    pub body: Bytes,
    /// What it means, to tell a repeated input from another one.
    pub digest: Digest,
    /// How the caller spoke, and expects to be answered.
    pub protocol: Protocol,
}

/// How a caller spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A JSON object of features.
    Plain,
    /// Open Inference Protocol, version 2.
    OpenInference(OpenInference),
}

/// What an Open Inference Protocol body says beside its tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenInference {
    /// The caller's name for the request.
    pub id: Option<String>,
    /// `parameters.timeout_ms`.
    pub budget: Option<Budget>,
    /// The outputs asked for; empty means all.
    pub outputs: Vec<Wanted>,
    /// Whether outputs are wanted in binary form, unless it is said otherwise of one.
    pub binary: bool,
    /// The other parameters.
    pub parameters: Vec<Parameter>,
}

/// An output that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Whether it is wanted in binary form, if that is said.
    pub binary: Option<bool>,
}

/// An input of several rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// How the caller spoke.
    pub(crate) protocol: Protocol,
    /// One JSON object of features each, or what is wrong with that row.
    pub(crate) rows: Vec<Result<Bytes, InvalidInput>>,
}

/// A parameter of a body: its name, and its value as JSON text.
pub type Parameter = (String, String);

/// Says which values an input gives to which features, and what stands beside them: 64 bits, to compare within this
/// process and not to protect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u64);

// === impl InputReader ===

impl InputReader {
    /// Returns a reader of inputs as `schema` says, of at most `limit` bytes.
    #[must_use]
    pub fn new(schema: &InputSchema, limit: usize) -> Self {
        let features: Vec<Arc<str>> = schema.members().cloned().collect();
        let index = features.iter().enumerate().map(|(index, name)| (Arc::clone(name), index)).collect();
        let members = features.iter().map(|name| format!("{}:", serde_json::Value::from(&**name))).collect();
        let salts = features.iter().map(|name| hash(&**name)).collect();
        Self { features, numbers: schema.features.len(), index, members, salts, limit }
    }

    /// Checks `body`.
    pub fn read(&self, body: &Bytes) -> Result<Input, InvalidInput> {
        self.read_framed(body, &Bytes::new())
    }

    /// Checks `body`, behind which lies `binary`: what its tensors hold, if they say so.
    pub(crate) fn read_framed(&self, body: &Bytes, binary: &Bytes) -> Result<Input, InvalidInput> {
        let size = body.len() + binary.len();
        if size > self.limit {
            return Err(InvalidInput::Oversized { size, limit: self.limit });
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(InvalidInput::Empty);
        }
        match plain::read(self, body)? {
            plain::Plain::Valid(_) if !binary.is_empty() => Err(InvalidInput::Protocol(
                "bytes lie behind the JSON, which has no `inputs` that they could belong to".to_owned(),
            )),
            plain::Plain::Valid(digest) => Ok(Input { body: body.clone(), digest, protocol: Protocol::Plain }),
            plain::Plain::OpenInference => tensors::read(self, body, binary),
        }
    }

    /// Reads the rows of a body of the Open Inference Protocol, of which there may be `most`.
    pub(crate) fn read_rows(&self, body: &Bytes, binary: &Bytes, most: usize) -> Result<Rows, InvalidInput> {
        tensors::read_rows(self, body, binary, most)
    }

    /// Returns whether `other` takes the same inputs.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        self.features == other.features && self.numbers == other.numbers
    }

    /// Returns whether the feature at `place` is a text.
    fn is_text(&self, place: usize) -> bool {
        place >= self.numbers
    }

    /// Returns where `name` stands among the features; `likely` is tried first, for callers that keep the order.
    fn position(&self, name: &str, likely: usize) -> Option<usize> {
        match self.features.get(likely) {
            Some(feature) if **feature == *name => Some(likely),
            _ => self.index.get(name).copied(),
        }
    }

    /// Returns the feature whose name is so near to `name` that it was probably meant.
    fn similar(&self, name: &str) -> Option<Arc<str>> {
        problem::similar(&self.features, name)
    }

    /// Returns the refusal of an input that gives no value to some features.
    fn missing(&self, given: &[bool]) -> Option<InvalidInput> {
        let absent = self.features.iter().zip(given).filter(|(_, given)| !**given).map(|(name, _)| Arc::clone(name));
        let fields: Vec<_> = absent.collect();
        (!fields.is_empty()).then_some(InvalidInput::Missing { fields })
    }
}

// === impl Protocol ===

impl Protocol {
    /// Returns the caller's name for the request, if the body has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Plain => None,
            Self::OpenInference(spoken) => spoken.id.as_deref(),
        }
    }

    /// Returns the budget in the body, if there is one.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        match self {
            Self::Plain => None,
            Self::OpenInference(spoken) => spoken.budget,
        }
    }

    /// Returns the body's other parameters.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        match self {
            Self::Plain => &[],
            Self::OpenInference(spoken) => &spoken.parameters,
        }
    }
}

// === impl OpenInference ===

impl OpenInference {
    /// Returns whether the output `name` is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.outputs.is_empty() || self.outputs.iter().any(|wanted| wanted.name == name)
    }

    /// Returns whether it is wanted in binary form.
    pub(crate) fn wants_binary(&self, name: &str) -> bool {
        let wanted = self.outputs.iter().find(|wanted| wanted.name == name);
        wanted.and_then(|wanted| wanted.binary).unwrap_or(self.binary)
    }
}

/// Reads a budget in milliseconds, fractions allowed, that stands at `name`: more than nothing, at most an hour.
pub fn budget(name: &'static str, text: &str) -> Result<Budget, InvalidInput> {
    let micros = text.trim().parse::<f64>().ok().map(|millis| (millis * 1_000.0).round());
    match micros {
        // NaN is in no range. Rounded and within an hour of microseconds, the number is exact.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
        Some(micros) if (1.0..=3.6e9).contains(&micros) => Ok(Budget::from_micros(micros as u64)),
        _ => Err(InvalidInput::parameter(name, "a number of milliseconds, more than 0 and at most an hour", text)),
    }
}

// === impl Digest ===

impl Digest {
    #[cfg(test)]
    pub(crate) const fn of_test(bits: u64) -> Self {
        Self(bits)
    }

    /// Adds that the feature whose name is `salt` is this number; the order of additions does not matter, nor does the
    /// place of the feature: another version of the policy may have more of them.
    fn add(&mut self, salt: u64, number: f64) {
        // Adding zero makes -0.0 the same number as 0.0.
        self.mix(salt, (number + 0.0).to_bits());
    }

    /// Adds that the feature whose name is `salt` is this text.
    fn add_text(&mut self, salt: u64, text: &str) {
        self.mix(salt, hash(text));
    }

    fn mix(&mut self, salt: u64, bits: u64) {
        let mut mixed = bits ^ salt;
        // The finaliser of SplitMix64: every bit of the input changes half of the output's.
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.0 = self.0.wrapping_add(mixed ^ (mixed >> 31));
    }

    /// Returns the digest of the same input with `attributes` beside it.
    #[must_use]
    pub(crate) fn beside(self, attributes: &Attributes) -> Self {
        Self(attributes.iter().fold(self.0, |sum, said| sum.wrapping_add(hash(said))))
    }
}

fn hash(text: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
