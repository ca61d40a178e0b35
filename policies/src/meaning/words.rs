//! How values are written in a difference: each in one form only, whatever the file says.

use serde_json::{Number, Value};

pub(super) use crate::duration::written as duration;

/// Writes names as people list them: "`a`, `b` and `c`".
pub(super) fn names<Name: AsRef<str>>(names: &[Name]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// Writes so many of something.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns JSON text as a value in which equal numbers are written equally.
pub(super) fn json(text: &[u8]) -> Value {
    match serde_json::from_slice(text) {
        Ok(value) => canonical(value),
        Err(_) => String::from_utf8_lossy(text).into_owned().into(),
    }
}

/// Writes whole numbers as such: `1.0` is `1`.
pub(super) fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, canonical(value))).collect(),
        other => other,
    }
}

fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // 2^53: beyond it a double does not say which whole number was meant.
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then(|| (float as i64).into())
}

/// Returns an expression without the space that means nothing: outside of quotes, and not between two names.
pub(super) fn expression(source: &str) -> String {
    // In raw strings a backslash escapes nothing, and a comment ends with its line: these are left as they are.
    if ["//", "r\"", "r'", "R\"", "R'"].iter().any(|special| source.contains(special)) {
        return source.trim().to_owned();
    }
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (mut dense, mut quote, mut escaped, mut space) = (String::with_capacity(source.len()), None, false, false);
    for letter in source.chars() {
        if quote.is_none() && letter.is_whitespace() {
            space = true;
            continue;
        }
        if space && is_name(letter) && dense.ends_with(is_name) {
            dense.push(' ');
        }
        space = false;
        match quote {
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            Some(open) if letter == open && !escaped => quote = None,
            _ => {}
        }
        escaped = quote.is_some() && letter == '\\' && !escaped;
        dense.push(letter);
    }
    dense
}
