//! Records that are framed for a schema registry: a zero byte, the number of a schema, and the value as that schema says.
//!
//! A `Registry` is asked for each schema once, on a thread of its own; what is decoded by a `Schema` is one JSON document,
//! as callers write it who know nothing of schemas. The frame is Confluent's, which Apicurio, Redpanda and Karapace
//! speak too.

mod avro;
mod frame;
mod protobuf;
mod registry;
mod schema;

pub use frame::{Frame, FrameError, HEADER};
pub use registry::{Credentials, InvalidCredentials, InvalidRegistry, Look, Registry, RegistryAt, RegistryError};
pub use schema::{Kind, Reference, Schema, Undecodable, Unusable, Written};
