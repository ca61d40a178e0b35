//! PURE: whether a new version of a model says the same kind of thing as the one that it is to replace.
//!
//! Compared are the answers to inputs that the one before answered. Laws, each tested by name: whoever fails one of them,
//! or gives an answer of another shape, does not replace anybody; what the answers say may differ, and is counted.
//! A shape is which members an object has and what kind of value each is; a list's length belongs to it where the one
//! before gave lists of one length. `null`, which stands for what is no number, fits only where there was one before.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use wire::Failure;

/// What answers look like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// Nothing is known: it was in an empty list.
    Open,
    Null,
    Truth,
    Number,
    Text,
    /// Of such values, and so many if it always was so many.
    List(Box<Shape>, Option<usize>),
    Object(BTreeMap<String, Shape>),
    /// Now this, now that.
    Any,
}

/// Returns in how many of its answers the new version says something else than the one `before`; or why it must not
/// replace it.
pub(crate) fn compare(before: &[Bytes], new: &[Result<Bytes, Failure>]) -> Result<usize, String> {
    let before: Vec<Value> = before.iter().map(|answer| read(answer)).collect();
    let expected = before.iter().map(Shape::of).reduce(Shape::or).unwrap_or(Shape::Any);
    let mut different = 0;
    for (before, new) in before.iter().zip(new) {
        let new = new
            .as_ref()
            .map_err(|failure| format!("it fails an input that the version before it answered: {}", failure.message))?;
        let new = read(new);
        expected.check(&new, "its answer").map_err(|problem| {
            format!("{problem}; who means that publishes it under a name of its own and applies a policy that names it")
        })?;
        different += usize::from(*before != new);
    }
    Ok(different)
}

fn read(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap_or(Value::Null)
}

// === impl Shape ===

impl Shape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Truth,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(values) => {
                let item = values.iter().map(Self::of).reduce(Self::or).unwrap_or(Self::Open);
                Self::List(Box::new(item), Some(values.len()))
            }
            Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
        }
    }

    /// Returns what is the one or the other.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open, shape) | (shape, Self::Open) => shape,
            (Self::List(one, length), Self::List(other, others)) => {
                Self::List(Box::new(one.or(*other)), length.filter(|length| Some(*length) == others))
            }
            (Self::Object(one), Self::Object(other)) if one.keys().eq(other.keys()) => {
                let both = one.into_iter().zip(other.into_values());
                Self::Object(both.map(|((name, one), other)| (name, one.or(other))).collect())
            }
            (one, other) if one == other => one,
            _ => Self::Any,
        }
    }

    fn check(&self, value: &Value, what: &str) -> Result<(), String> {
        match (self, value) {
            (Self::Object(expected), Value::Object(members)) => {
                if let Some(missing) = expected.keys().find(|name| !members.contains_key(*name)) {
                    return Err(format!("{what} has no `{missing}`, as before"));
                }
                for (name, value) in members {
                    let shape = expected.get(name).ok_or_else(|| format!("{what} has `{name}`, unlike before"))?;
                    shape.check(value, &format!("`{name}`"))?;
                }
                Ok(())
            }
            (Self::List(_, Some(length)), Value::Array(values)) if values.len() != *length => {
                Err(format!("{what} has {} values instead of {length}", values.len()))
            }
            (Self::List(item, _), Value::Array(values)) => {
                values.iter().try_for_each(|value| item.check(value, &format!("a value of {what}")))
            }
            (Self::Open | Self::Any, _) => Ok(()),
            (expected, value) if *expected == Self::of(value) => Ok(()),
            (expected, value) => Err(format!("{what} is {} instead of {}", Self::of(value).word(), expected.word())),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Open | Self::Any => "anything",
            Self::Null => "null",
            Self::Truth => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List(..) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use executor::failed;

    use super::*;

    fn check(before: &[&'static str], new: &[&'static str], expected: Result<usize, &str>) {
        let before: Vec<Bytes> = before.iter().map(|answer| Bytes::from_static(answer.as_bytes())).collect();
        let new: Vec<_> = new.iter().map(|answer| Ok(Bytes::from_static(answer.as_bytes()))).collect();
        match (compare(&before, &new), expected) {
            (Err(told), Err(expected)) => assert!(told.starts_with(expected), "{told}"),
            (told, expected) => assert_eq!(told, expected.map_err(str::to_owned)),
        }
    }

    #[test]
    fn answers_that_differ_in_what_they_say_are_counted() {
        check(&[r#"{"class":1}"#, r#"{"class":2}"#], &[r#"{"class":1}"#, r#"{"class":3}"#], Ok(1));
        check(&[r#"{"p":[0.1,0.9]}"#], &[r#"{"p":[0.9,0.1]}"#], Ok(1));
        check(&[], &[], Ok(0));
    }

    #[test]
    fn an_answer_of_another_shape_replaces_nobody() {
        check(&[r#"{"class":1}"#], &[r#"{"value":1}"#], Err("its answer has no `class`, as before"));
        check(&[r#"{"class":1}"#], &[r#"{"class":1,"p":1}"#], Err("its answer has `p`, unlike before"));
        check(&[r#"{"class":1}"#], &[r#"{"class":"red"}"#], Err("`class` is a text instead of a number"));
        check(&[r#"{"value":1.5}"#], &[r#"{"value":null}"#], Err("`value` is null instead of a number"));
        check(&[r#"{"p":[0.1,0.9]}"#], &[r#"{"p":[0.1,0.2,0.7]}"#], Err("`p` has 3 values instead of 2"));
        check(&[r#"{"p":[0.1]}"#], &[r#"{"p":["a"]}"#], Err("a value of `p` is a text instead of a number"));
        check(&["{}"], &["what?"], Err("its answer is null instead of an object"));
    }

    #[test]
    fn what_varied_before_may_vary() {
        let before = [r#"{"items":[1],"best":"a"}"#, r#"{"items":[],"best":null}"#, r#"{"items":[1,2],"best":"b"}"#];
        check(&before, &[r#"{"items":[3,4,5],"best":null}"#; 3], Ok(3));
    }

    #[test]
    fn whoever_fails_what_was_answered_before_replaces_nobody() {
        let told = compare(&["{}".into()], &[Err(failed("no such feature"))]).unwrap_err();
        assert_eq!(told, "it fails an input that the version before it answered: no such feature");
    }
}
