//! A record as it lies in a log: key, headers, payload; opaque bytes.

use bytes::Bytes;

use crate::Headers;

/// One record, without its position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The log's key, if any. Partitions are set explicitly and never follow from it.
    pub key: Option<Bytes>,
    /// What `Envelope` understands, and whatever else the writer put there.
    pub headers: Headers,
    /// The body; `None` is a tombstone.
    pub payload: Option<Bytes>,
}
