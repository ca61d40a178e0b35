//! What is written about models: changes of what is published, in the control topic beside those of policies, and models'
//! bytes by value, in a topic of their own that only those read who need them.
//!
//! Every change and every part of a model has a key of its own, so that compaction never drops one and offsets stay
//! true. Law: `ModelChange::decode(&change.encode()) == Ok(change)`, and alike for parts. What a change leads to is not
//! known here (`models`).

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ControlError, ControlRecord, ModelName, Record,
    change::{AUTHOR_MAX, MESSAGE_MAX, at_most},
    envelope::{EnvelopeError, Reader, attributes, invalid, shortened},
    headers::Name,
};

/// The topic of models' bytes by value.
pub const MODELS_TOPIC: &str = "hedgerow.models";

/// So many bytes a model may have by value; larger ones are kept elsewhere, and a descriptor says where.
pub const BY_VALUE_MAX: usize = 1 << 20;

/// A record of the control topic, by what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controlled {
    /// A policy.
    Policy(ControlRecord),
    /// A model.
    Model(ModelChange),
}

/// Somebody wants something changed about a model. Whether it is, every reader decides alike, by the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelChange {
    /// Its name; used once.
    pub id: Uuid,
    /// Which model.
    pub model: ModelName,
    /// Who wants it: what they say, at most 200 bytes; the log's access rules decide who may say anything at all.
    pub author: String,
    /// Why, in their words, at most 4,000 bytes.
    pub message: String,
    /// What is to be done.
    pub action: ModelAction,
}

/// What is to be done about a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelAction {
    /// A version is there to be used.
    Publish(Box<Publish>),
    /// A version that was published before is to serve: a rollback, or what was published aside.
    Serve {
        /// Which.
        version: String,
        /// The version that the author knew to be live; refused if it is another by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<String>,
    },
    /// A version is never to serve again; all of them, if none is named.
    Retire {
        /// Which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

/// A version that is there to be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// What it is.
    pub descriptor: Descriptor,
    /// It does not become live: only who names it uses it, a canary for instance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
    /// The version that the author knew to be live; refused if it is another by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// What a version of a model is, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its publisher's label, once for each model: 1 to 60 letters, digits and `.`, `_`, `+`, `-`.
    pub version: String,
    /// What runs it.
    pub kind: ModelKind,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
    /// Where they are.
    pub source: Source,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<TensorSpec>,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<TensorSpec>,
    /// What it was trained with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How good it was found to be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, serde_json::Number>,
    /// What it was trained on: a reference that its publisher understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// When it was made, RFC 3339, if that is known; when it was published says the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// onnxruntime, in the executor's process.
    Onnx,
}

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In `hedgerow.models`: the offsets of its parts, in their order.
    Value {
        /// Where.
        offsets: Vec<i64>,
    },
    /// Elsewhere: `file:`, `http:`, `https:`, `s3:` or `models:`.
    Reference {
        /// Where.
        uri: String,
    },
}

/// One input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// What the model calls it.
    pub name: String,
    /// Of what it is: `f32`, `i64`, `string`, `sequence`, …
    pub of: String,
    /// How long each dimension is, -1 where that is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<i64>,
}

/// A part of a model's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPart {
    /// Names the whole; used once.
    pub id: Uuid,
    /// Which of its parts, from 0.
    pub number: usize,
    /// The bytes.
    pub bytes: Bytes,
}

/// A change as JSON.
#[derive(Serialize, Deserialize)]
struct Body<'a, A> {
    model: &'a str,
    author: String,
    #[serde(default)]
    message: String,
    action: A,
}

const MODEL_TYPE: &str = "dev.hedgerow.model.v1";
const PART_TYPE: &str = "dev.hedgerow.model-part.v1";
/// Half of what a record may have where nobody chose anything, its key and headers included.
const PART_MAX: usize = 500_000;
const LABEL_MAX: usize = 60;
const DIGEST_DIGITS: usize = 64;
const URI_MAX: usize = 2_000;
const TRAINED_ON_MAX: usize = 2_000;
/// Tensors, parameters and metrics that a descriptor may have of each, and how long their texts may be.
const MANY: usize = 1_000;
const TEXT_MAX: usize = 1_000;

// === impl Controlled ===

impl Controlled {
    /// Reads a record of the control topic.
    pub fn decode(record: &Record) -> Result<Self, ControlError> {
        match Reader::new(&record.headers).text(Name::Type)? {
            MODEL_TYPE => ModelChange::decode(record).map(Self::Model),
            _ => ControlRecord::decode(record).map(Self::Policy),
        }
    }
}

// === impl ModelChange ===

impl ModelChange {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let Self { id, model, .. } = self;
        let headers = attributes(MODEL_TYPE, id, format_args!("/models/{model}"));
        Record { key: Some(format!("model/{model}/{id}").into()), headers, payload: Some(self.body().into()) }
    }

    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, ControlError> {
        let headers = Reader::new(&record.headers);
        let kind = headers.text(Name::Type)?;
        if kind != MODEL_TYPE {
            return Err(EnvelopeError::UnknownType(shortened(kind.as_bytes())).into());
        }
        let id = headers.parse(Name::Id)?;
        let body = record.payload.clone().unwrap_or_default();
        let Body { model, author, message, action } = serde_json::from_slice(&body).map_err(unreadable)?;
        let change = Self { id, model: ModelName::new(model).map_err(unreadable)?, author, message, action };
        change.check()?;
        Ok(change)
    }

    /// Refuses what no reader would take: no author, texts without measure, a descriptor that describes nothing.
    pub fn check(&self) -> Result<(), ControlError> {
        if self.author.trim().is_empty() {
            return Err(ControlError::Nobody);
        }
        at_most("author", &self.author, AUTHOR_MAX)?;
        at_most("message", &self.message, MESSAGE_MAX)?;
        let labels = match &self.action {
            ModelAction::Publish(publish) => {
                publish.descriptor.check()?;
                [publish.expected.as_deref(), None]
            }
            ModelAction::Serve { version, expected } => [Some(version.as_str()), expected.as_deref()],
            ModelAction::Retire { version } => [version.as_deref(), None],
        };
        labels.into_iter().flatten().try_for_each(check_label)
    }

    fn body(&self) -> Vec<u8> {
        let Self { model, author, message, action, .. } = self;
        let body = Body { model: model.as_str(), author: author.clone(), message: message.clone(), action };
        serde_json::to_vec(&body).expect("a change is text and numbers")
    }
}

// === impl Descriptor ===

impl Descriptor {
    fn check(&self) -> Result<(), ControlError> {
        check_label(&self.version)?;
        let is_hex = self.sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if self.sha256.len() != DIGEST_DIGITS || !is_hex {
            return Err(unreadable("the model's hash is not 64 hex digits"));
        }
        match &self.source {
            Source::Reference { uri } => at_most("reference", uri, URI_MAX)?,
            Source::Value { offsets } if offsets.is_empty() || offsets.len() > BY_VALUE_MAX / PART_MAX + 1 => {
                return Err(unreadable(format!("no model lies in {} parts", offsets.len())));
            }
            Source::Value { .. } => {}
        }
        at_most("training data reference", self.trained_on.as_deref().unwrap_or_default(), TRAINED_ON_MAX)?;
        at_most("date", self.created.as_deref().unwrap_or_default(), LABEL_MAX)?;
        let counts = [self.inputs.len(), self.outputs.len(), self.parameters.len(), self.metrics.len()];
        if let Some(count) = counts.into_iter().find(|count| *count > MANY) {
            return Err(unreadable(format!("a descriptor may say {MANY} things of a kind, and says {count}")));
        }
        let tensors = self.inputs.iter().chain(&self.outputs).flat_map(|tensor| [&tensor.name, &tensor.of]);
        let parameters = self.parameters.iter().flat_map(|(name, value)| [name, value]);
        let mut texts = tensors.chain(parameters).chain(self.metrics.keys());
        texts.try_for_each(|text| at_most("description", text, TEXT_MAX))
    }
}

// === impl ModelKind ===

impl ModelKind {
    /// Returns its word, as policies write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
        }
    }
}

// === impl Source, TensorSpec ===

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { .. } => write!(out, "in the log ({MODELS_TOPIC})"),
            Self::Reference { uri } => out.write_str(uri),
        }
    }
}

/// As it is written on the command line: `input:f32[-1,13]`.
impl fmt::Display for TensorSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, of, shape } = self;
        write!(out, "{name}:{of}")?;
        let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
        if shape.is_empty() { Ok(()) } else { write!(out, "[{}]", shape.join(",")) }
    }
}

impl std::str::FromStr for TensorSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no tensor: write `NAME:TYPE`, or `input:f32[-1,13]`");
        let (name, rest) = text.split_once(':').ok_or_else(wrong)?;
        let (of, shape) = match rest.split_once('[') {
            Some((of, shape)) => (of, shape.strip_suffix(']').ok_or_else(wrong)?),
            None => (rest, ""),
        };
        let dimensions = shape.split(',').map(str::trim).filter(|dimension| !dimension.is_empty());
        let shape = dimensions.map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        if name.is_empty() || of.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), of: of.to_owned(), shape })
    }
}

// === impl ModelPart ===

impl ModelPart {
    /// Returns a model's bytes in parts that any log takes.
    pub fn of(id: Uuid, bytes: &Bytes) -> impl Iterator<Item = Self> {
        let starts = (0..bytes.len()).step_by(PART_MAX).enumerate();
        starts.map(move |(number, from)| {
            let bytes = bytes.slice(from..bytes.len().min(from + PART_MAX));
            Self { id, number, bytes }
        })
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Record {
        let key = format!("{}/{}", self.id, self.number);
        let headers = attributes(PART_TYPE, &key, "/models");
        Record { key: Some(key.into()), headers, payload: Some(self.bytes.clone()) }
    }

    /// Reads a record.
    pub fn decode(record: &Record) -> Result<Self, EnvelopeError> {
        let headers = Reader::new(&record.headers);
        let kind = headers.text(Name::Type)?;
        if kind != PART_TYPE {
            return Err(EnvelopeError::UnknownType(shortened(kind.as_bytes())));
        }
        let key = headers.text(Name::Id)?;
        let parts = key.split_once('/').and_then(|(id, number)| Some((id.parse().ok()?, number.parse().ok()?)));
        let (id, number) = parts.ok_or_else(|| invalid(Name::Id, key.as_bytes()))?;
        Ok(Self { id, number, bytes: record.payload.clone().unwrap_or_default() })
    }
}

/// A version's label stands behind `@`, in addresses and in metrics.
fn check_label(label: &str) -> Result<(), ControlError> {
    let is_label = (1..=LABEL_MAX).contains(&label.len())
        && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"._+-".contains(&letter));
    if is_label {
        return Ok(());
    }
    let wrong = format!("`{label}` is no version: use 1 to {LABEL_MAX} letters, digits, `.`, `_`, `+` or `-`");
    Err(unreadable(wrong))
}

fn unreadable(error: impl fmt::Display) -> ControlError {
    ControlError::Body(error.to_string())
}

#[cfg(test)]
mod tests;
