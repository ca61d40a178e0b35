//! PURE: a request's body → the numbers that models take, in the schema's order.
//!
//! Law: a body has exactly the schema's members, each once, each a number, or it is refused with a sentence that names
//! the member. Members in the schema's order, as front doors write them, are matched without a search.

use std::{borrow::Cow, fmt};

use policies::InputSchema;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

/// Returns the features of `body`, or what is wrong with it.
pub(crate) fn decode(schema: &InputSchema, body: &[u8]) -> Result<Box<[f64]>, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let values = Features(schema).deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(values)
}

struct Features<'a>(&'a InputSchema);

struct Name;

// === impl Features ===

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = Box<[f64]>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = Box<[f64]>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "an object of {} features", self.0.features.len())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let names = &self.0.features;
        // NaN cannot be written in JSON, so it marks what was not given.
        let mut values = vec![f64::NAN; names.len()].into_boxed_slice();
        let mut next = 0;
        while let Some(name) = members.next_key_seed(Name)? {
            let index =
                position(names, &name, next).ok_or_else(|| A::Error::custom(format!("unknown feature `{name}`")))?;
            if !values[index].is_nan() {
                return Err(A::Error::custom(format!("feature `{name}` is given twice")));
            }
            values[index] =
                members.next_value::<f64>().map_err(|error| A::Error::custom(format!("feature `{name}`: {error}")))?;
            next = index + 1;
        }
        match values.iter().position(|value| value.is_nan()) {
            None => Ok(values),
            Some(missing) => Err(A::Error::custom(format!("feature `{}` is missing", names[missing]))),
        }
    }
}

fn position(names: &[std::sync::Arc<str>], name: &str, guess: usize) -> Option<usize> {
    if names.get(guess).is_some_and(|have| **have == *name) {
        return Some(guess);
    }
    names.iter().position(|have| **have == *name)
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a feature's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<&[f64], &str>) {
        let schema = InputSchema { features: vec!["hue".into(), "ash".into()] };
        match (decode(&schema, body.as_bytes()), expected) {
            (Ok(values), Ok(expected)) => assert_eq!(&*values, expected, "{body}"),
            (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{body}: {problem}"),
            (got, _) => panic!("{body}: {got:?}"),
        }
    }

    #[test]
    fn members_come_in_any_order() {
        check(r#"{"hue": 1.5, "ash": 2}"#, Ok(&[1.5, 2.0]));
        check(r#"{"ash": -2e3, "h\u0075e": 1}"#, Ok(&[1.0, -2000.0]));
    }

    #[test]
    fn every_refusal_names_the_member() {
        check(r#"{"hue": 1}"#, Err("feature `ash` is missing"));
        check(r#"{"hue": 1, "ash": 2, "malic": 3}"#, Err("unknown feature `malic`"));
        check(r#"{"hue": 1, "hue": 2, "ash": 2}"#, Err("feature `hue` is given twice"));
        check(r#"{"hue": "1", "ash": 2}"#, Err("feature `hue`: invalid type: string"));
        check(r#"{"hue": null, "ash": 2}"#, Err("feature `hue`: invalid type: null"));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        check("[1, 2]", Err("expected an object of 2 features"));
        check(r#"{"hue": 1, "ash": 2} x"#, Err("trailing characters"));
        check(r#"{"hue": NaN, "ash": 2}"#, Err("feature `hue`"));
        check("", Err("EOF"));
    }
}
