//! What came from outside, made harmless to read: names may hold anything, and some letters turn around what follows.
//!
//! Escaping is another matter, and is done where something is written. This is about letters that no escaping changes.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::prose::plain;

/// Returns it with every text in it on one line, without control characters and what turns text around.
pub(crate) fn cleaned<T: Clone + Serialize + DeserializeOwned>(told: &T) -> T {
    // By way of JSON, so that a field that is added tomorrow is not forgotten.
    let value = serde_json::to_value(told).map(clean);
    value.and_then(serde_json::from_value).unwrap_or_else(|_| told.clone())
}

/// Returns a value with all of its texts and names so.
pub(crate) fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain(&text)),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (plain(&name), clean(value))).collect(),
        other => other,
    }
}
