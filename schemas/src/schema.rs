//! A schema, read once, and the values that it makes JSON documents of.
//!
//! Pure. Laws, each tested by name:
//! - *A number stays the number*: whole numbers keep every digit; what JSON cannot say (NaN, infinity) is refused, and in
//!   Protobuf is the word that its JSON form has for it, which is no number either.
//! - *All or nothing*: bytes that a schema in Avro does not account for are refused; fields that a message in Protobuf does
//!   not know are passed over, as everywhere.
//! - *Bounded by its bytes*: what a few bytes could make a large, deep or endless value of is refused.

use bytes::Bytes;

use crate::{avro::Avro, frame::FrameError, protobuf::Protobuf};

/// A schema as it lies in a registry, with all that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// In which language.
    pub kind: Kind,
    /// What is written.
    pub text: String,
    /// What it refers to, what that refers to, and so on; each once.
    pub references: Vec<Reference>,
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name that it is referred to by.
    pub name: String,
    /// What is written there.
    pub text: String,
}

/// The languages of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Avro, as JSON.
    Avro,
    /// A file of Protobuf.
    Protobuf,
    /// JSON Schema; its values are JSON as it is, and are not checked by it: what is a valid input the policy says.
    Json,
}

/// A schema, ready for use.
#[derive(Debug)]
pub enum Schema {
    /// In Avro.
    Avro(Box<Avro>),
    /// In Protobuf.
    Protobuf(Protobuf),
    /// In JSON Schema.
    Json,
}

/// Why values of a schema cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not of its language, or refers to what is not there.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It contains itself.
    #[error("`{0}` contains itself, and such values may be of any depth")]
    Endless(String),
    /// Written out, it has no end that anybody would wait for.
    #[error("written out, with all that it refers to, it is larger or deeper than any value that people exchange")]
    Vast,
    /// It has an array of nulls, or of what comes to the same.
    #[error("it has an array of what takes no bytes, and a few bytes may say that there are any number of those")]
    Weightless,
}

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// It is not what its schema says.
    #[error("the value is not of its schema: {0}")]
    Foreign(String),
    /// It is not all there.
    #[error("the value ends too early")]
    Short,
    /// Something is behind it.
    #[error("{0} bytes are left behind the value")]
    Left(usize),
    /// A number that JSON cannot say.
    #[error("`{0}` is {1}, which is not a finite number")]
    NotFinite(String, String),
    /// The message is not found.
    #[error(transparent)]
    Path(#[from] FrameError),
    /// The file has no such message.
    #[error("the Protobuf file has no message at {0:?}")]
    NoMessage(Vec<usize>),
}

// === impl Schema ===

impl Schema {
    /// Reads a schema.
    pub fn read(written: &Written) -> Result<Self, Unusable> {
        match written.kind {
            Kind::Avro => Avro::read(written).map(|avro| Self::Avro(Box::new(avro))),
            Kind::Protobuf => Protobuf::read(written).map(Self::Protobuf),
            Kind::Json => Ok(Self::Json),
        }
    }

    /// Returns the JSON document that `payload`, the bytes behind the frame's head, says.
    pub fn decode(&self, payload: &[u8]) -> Result<Bytes, Undecodable> {
        match self {
            Self::Avro(avro) => avro.decode(payload),
            Self::Protobuf(protobuf) => protobuf.decode(payload),
            Self::Json => Ok(Bytes::copy_from_slice(payload)),
        }
    }
}

#[cfg(test)]
mod tests;
