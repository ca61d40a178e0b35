//! A record as it lies in a log: key, headers, payload; opaque bytes.

use std::borrow::Cow;

use bytes::Bytes;

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

/// Headers in the order written; names may repeat and values may be null, as the log allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, Option<Bytes>)>);

// === impl Headers ===

impl Headers {
    /// Returns no headers, with room for `capacity`.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a header behind the others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: Option<Bytes>) {
        self.0.push((name.into(), value));
    }

    /// Returns the last value under `name`: a writer that adds means to overrule.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|(have, _)| have == name).and_then(|(_, value)| value.as_ref())
    }

    /// Returns names and values in the order written.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Bytes>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Returns how many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
