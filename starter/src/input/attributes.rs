//! What a caller says beside the input: in headers or as parameters, checked against what the policy declares.
//!
//! Laws, each tested by name:
//! - *Declared or refused*: no attribute passes that the policy does not declare, and none is dropped in silence.
//! - *One text*: what is said twice is said alike, or refused.

use std::sync::Arc;

use bytes::Bytes;
use wire::Attributes;

use super::{
    AttributeProblem, InvalidInput, Parameter,
    problem::{shortened, similar},
};

/// Where attributes stand in headers, of HTTP and of the input topic: `hedgerow-attribute-tenant`.
pub(crate) const HEADER: &str = "hedgerow-attribute-";

/// The longest text of an attribute, in bytes.
const TEXT_BYTES: usize = 256;

/// Parameters that other servers know and their clients send unasked: no attribute is meant by them, unless declared.
const FOREIGN: [&str; 8] = [
    "binary_data_output",
    "content_type",
    "headers",
    "priority",
    "sequence_end",
    "sequence_id",
    "sequence_start",
    "timeout",
];

/// Checks attributes against what one version of a policy declares. Made once, used for every input.
#[derive(Clone, Debug)]
pub(crate) struct AttributeReader {
    declared: Vec<Arc<str>>,
}

/// Attributes as headers say them: the name behind `HEADER`, and the value.
pub type Said = (String, Bytes);

// === impl AttributeReader ===

impl AttributeReader {
    /// Returns a reader of the attributes in `declared`.
    pub(crate) fn new(declared: &[Arc<str>]) -> Self {
        Self { declared: declared.to_vec() }
    }

    /// Returns what is said in headers and in a body's `parameters`.
    pub(crate) fn read<'a>(
        &self,
        said: &[Said],
        parameters: impl IntoIterator<Item = &'a Parameter>,
    ) -> Result<Attributes, InvalidInput> {
        let mut all = Attributes::default();
        for (name, value) in said {
            let declared = self.in_header(name).ok_or_else(|| self.unknown(name))?;
            add(&mut all, declared, value)?;
        }
        for (name, value) in parameters {
            if let Some(declared) = self.declared.iter().find(|declared| ***declared == **name) {
                let value = text(value).ok_or_else(|| AttributeProblem::Kind.of(name))?;
                add(&mut all, declared, value.as_bytes())?;
            } else if !FOREIGN.contains(&&**name) {
                return Err(self.unknown(name));
            }
        }
        Ok(all)
    }

    /// Finds the attribute that a header means. HTTP knows no capitals, and proxies drop headers with an underscore.
    fn in_header(&self, name: &str) -> Option<&Arc<str>> {
        let plain = |letter: u8| if letter == b'_' { b'-' } else { letter.to_ascii_lowercase() };
        let alike = |known: &&Arc<str>| known.bytes().map(plain).eq(name.bytes().map(plain));
        self.declared.iter().find(|known| ***known == *name).or_else(|| self.declared.iter().find(alike))
    }

    fn unknown(&self, name: &str) -> InvalidInput {
        AttributeProblem::Unknown { similar: similar(&self.declared, name) }.of(name)
    }
}

fn add(all: &mut Attributes, name: &str, value: &[u8]) -> Result<(), InvalidInput> {
    let visible = std::str::from_utf8(value).ok().map(str::trim).filter(|text| is_visible(text));
    let text = visible.ok_or_else(|| {
        let found = shortened(&String::from_utf8_lossy(value)).escape_debug().to_string();
        AttributeProblem::Text { found }.of(name)
    })?;
    match all.get(name) {
        Some(first) if first != text => {
            let (first, second) = (shortened(first).to_owned(), shortened(text).to_owned());
            Err(AttributeProblem::Conflict { first, second }.of(name))
        }
        Some(_) => Ok(()),
        None => {
            all.set(name, text);
            Ok(())
        }
    }
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_BYTES && !text.contains(char::is_control)
}

/// Returns a JSON value as text: a number as it was written.
fn text(json: &str) -> Option<String> {
    match serde_json::from_str(json).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(json.to_owned()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
