//! PURE: a request's body → the numbers and texts that models take, in the schema's order.
//!
//! Law: a body has exactly the schema's members, each once, each what the schema says, or it is refused with a sentence
//! that names the member. Members in the schema's order, as front doors write them, are matched without a search.

use std::{borrow::Cow, fmt};

use policies::InputSchema;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// What an input says.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) numbers: Box<[f64]>,
    pub(crate) texts: Box<[String]>,
}

/// Returns the features of `body`, or what is wrong with it.
pub(crate) fn decode(schema: &InputSchema, body: &[u8]) -> Result<Decoded, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let values = Features(schema).deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(values)
}

/// Returns what `schema` describes, all zeros and empty texts: what a model is warmed up with that nobody has asked yet.
#[must_use]
pub fn zeros(schema: &InputSchema) -> Map<String, Value> {
    let numbers = schema.features.iter().map(|name| (name.to_string(), 0.0.into()));
    numbers.chain(schema.texts.iter().map(|name| (name.to_string(), "".into()))).collect()
}

struct Features<'a>(&'a InputSchema);

struct Name;

// === impl Features ===

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = Decoded;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = Decoded;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "an object of {} features", self.0.members().count())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let schema = self.0;
        // NaN cannot be written in JSON, so it marks what was not given.
        let mut numbers = vec![f64::NAN; schema.features.len()].into_boxed_slice();
        let mut texts = vec![None::<String>; schema.texts.len()];
        let mut next = 0;
        while let Some(name) = members.next_key_seed(Name)? {
            let place =
                position(schema, &name, next).ok_or_else(|| A::Error::custom(format!("unknown feature `{name}`")))?;
            let of_feature = |error: A::Error| A::Error::custom(format!("feature `{name}`: {error}"));
            let is_given = match place.checked_sub(numbers.len()) {
                None => !std::mem::replace(&mut numbers[place], members.next_value().map_err(of_feature)?).is_nan(),
                Some(text) => texts[text].replace(members.next_value().map_err(of_feature)?).is_some(),
            };
            if is_given {
                return Err(A::Error::custom(format!("feature `{name}` is given twice")));
            }
            next = place + 1;
        }
        let given = numbers.iter().map(|number| !number.is_nan()).chain(texts.iter().map(Option::is_some));
        if let Some((missing, _)) = schema.members().zip(given).find(|(_, given)| !given) {
            return Err(A::Error::custom(format!("feature `{missing}` is missing")));
        }
        Ok(Decoded { numbers, texts: texts.into_iter().flatten().collect() })
    }
}

/// Returns the place of `name`, texts behind numbers; `guess` is tried first.
fn position(schema: &InputSchema, name: &str, guess: usize) -> Option<usize> {
    let behind = guess.checked_sub(schema.features.len());
    let guessed = behind.map_or_else(|| schema.features.get(guess), |behind| schema.texts.get(behind));
    if guessed.is_some_and(|have| **have == *name) {
        return Some(guess);
    }
    schema.members().position(|have| **have == *name)
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
        check_schema(&InputSchema::of(&["hue", "ash"], &[]), body, expected.map(|numbers| (numbers, &[] as &[&str])));
    }

    fn check_texts(body: &str, expected: Result<(&[f64], &[&str]), &str>) {
        check_schema(&InputSchema::of(&["hue"], &["grape", "maker"]), body, expected);
    }

    fn check_schema(schema: &InputSchema, body: &str, expected: Result<(&[f64], &[&str]), &str>) {
        match (decode(schema, body.as_bytes()), expected) {
            (Ok(Decoded { numbers, texts }), Ok((expected, said))) => {
                assert_eq!(&*numbers, expected, "{body}");
                assert_eq!(&*texts, said, "{body}");
            }
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
    fn texts_stand_beside_numbers_in_any_order() {
        let expected = (&[1.5][..], &["Merlot", ""][..]);
        check_texts(r#"{"hue": 1.5, "grape": "Merlot", "maker": ""}"#, Ok(expected));
        check_texts(r#"{"maker": "", "grape": "M\u0065rlot", "hue": 1.5}"#, Ok(expected));
        check_texts(r#"{"maker": "", "hue": 1.5}"#, Err("feature `grape` is missing"));
        check_texts(r#"{"grape": 5, "hue": 1.5}"#, Err("feature `grape`: invalid type: integer `5`"));
        check_texts(r#"{"grape": null}"#, Err("feature `grape`: invalid type: null"));
        check_texts(r#"{"grape": "", "grape": "x"}"#, Err("feature `grape` is given twice"));
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
    fn what_a_model_is_warmed_up_with_fits_its_schema() {
        let schema = InputSchema::of(&["hue", "ash"], &["grape"]);
        let body = Value::Object(zeros(&schema)).to_string();
        check_schema(&schema, &body, Ok((&[0.0, 0.0], &[""])));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        check("[1, 2]", Err("expected an object of 2 features"));
        check(r#"{"hue": 1, "ash": 2} x"#, Err("trailing characters"));
        check(r#"{"hue": NaN, "ash": 2}"#, Err("feature `hue`"));
        check("", Err("EOF"));
    }
}
