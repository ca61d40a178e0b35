//! A record's headers, all in one buffer: they cost one allocation to write, to read and to copy, however many there are.
//!
//! In the buffer lie, for each header: one byte for a name of ours, or a byte for any other and the name itself; then the
//! value. What is not one byte has its length in front.

mod name;

use std::{fmt, io::Write as _, str};

pub(crate) use name::Name;

/// Headers in the order written; names may repeat and values may be null, as the log allows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    count: usize,
    bytes: Vec<u8>,
}

/// The headers that are left to be read.
pub(crate) struct Entries<'a>(&'a [u8]);

/// Whose name it is.
pub(crate) enum Label<'a> {
    Ours(Name),
    Other(&'a [u8]),
}

/// Stands for a name that is not ours.
const OTHER: u8 = u8::MAX;
/// Stands in the place of a length for a value that is null.
const NULL: usize = usize::MAX;
/// A length.
const LENGTH: usize = size_of::<usize>();
/// What a header of ours takes up, name and length and all; the longest take more, most take less.
const USUAL: usize = 32;

// === impl Headers ===

impl Headers {
    /// Returns no headers, with room for `count` of usual length.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self { count: 0, bytes: Vec::with_capacity(count * USUAL) }
    }

    /// Adds a header behind the others.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(ours) = Name::find(name) {
            self.begin(ours);
        } else {
            self.count += 1;
            self.bytes.push(OTHER);
            self.append(Some(name.as_bytes()));
        }
        self.append(value);
    }

    /// Returns the last value under `name`: a writer that adds means to overrule.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().filter(|(have, _)| *have == name).last().and_then(|(_, value)| value)
    }

    /// Returns names and values in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.entries().map(|(label, value)| (label.text(), value))
    }

    /// Returns how many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries(&self.bytes)
    }

    /// Adds a header of ours.
    pub(crate) fn put(&mut self, name: Name, value: &[u8]) {
        self.begin(name);
        self.append(Some(value));
    }

    /// Adds a header of ours whose value is written where it is to lie.
    pub(crate) fn write(&mut self, name: Name, value: impl fmt::Display) {
        self.begin(name);
        self.append(Some(&[]));
        let from = self.bytes.len();
        write!(self.bytes, "{value}").expect("a buffer takes everything");
        let length = self.bytes.len() - from;
        self.bytes[from - LENGTH..from].copy_from_slice(&length.to_le_bytes());
    }

    fn begin(&mut self, name: Name) {
        self.count += 1;
        self.bytes.push(name as u8);
    }

    fn append(&mut self, text: Option<&[u8]>) {
        self.bytes.extend_from_slice(&text.map_or(NULL, <[u8]>::len).to_le_bytes());
        self.bytes.extend_from_slice(text.unwrap_or_default());
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable = |value: Option<&[u8]>| value.map(|value| value.escape_ascii().to_string());
        out.debug_list().entries(self.iter().map(|(name, value)| (name, readable(value)))).finish()
    }
}

// === impl Entries, Label ===

impl<'a> Entries<'a> {
    /// Takes what has its length in front; `None` if that is null.
    fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<LENGTH>()?;
        self.0 = rest;
        // A null is longer than what is left, whatever is left.
        let (text, rest) = rest.split_at_checked(usize::from_le_bytes(*length))?;
        self.0 = rest;
        Some(text)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Label<'a>, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        let label = match Name::ALL.get(usize::from(tag)) {
            Some(name) => Label::Ours(*name),
            None => Label::Other(self.take().unwrap_or_default()),
        };
        Some((label, self.take()))
    }
}

impl<'a> Label<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Ours(name) => name.as_str(),
            Self::Other(name) => str::from_utf8(name).expect("only text is pushed as a name"),
        }
    }
}

#[cfg(test)]
mod tests;
