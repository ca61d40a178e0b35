//! The few fields of an answer that a policy looks at: found in one pass over its bytes, once.
//!
//! Law: a field that is missing, null or not a number JSON can write (NaN) is the same as no field.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Number, Value, value::RawValue};

/// A field's place in an answer: `class` or `scores.fraud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Arc<str>>);

/// A path that its policy looks at, by its place in `Fields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    head: usize,
    path: Path,
}

/// Everything that a policy looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    heads: Vec<Arc<str>>,
    value: Option<Field>,
    confidence: Option<Field>,
    whole: bool,
    /// Where it also matters how the value is written.
    texts: Vec<Field>,
}

/// What was found in one answer.
#[derive(Debug)]
pub(crate) struct Facts {
    /// One value per head of `Fields`; null where there is none.
    heads: Box<[Value]>,
    /// Boxed, because it is rare.
    more: Option<Box<More>>,
}

/// What only some policies look at.
#[derive(Debug, Default)]
struct More {
    /// The whole object, where an expression may look anywhere.
    whole: Option<Map<String, Value>>,
    /// How values are written, where that is compared.
    texts: Vec<(Field, Option<Box<str>>)>,
}

/// Returns whether two values are written the same in canonical JSON: members in any order, `1` as `1.0`.
#[must_use]
pub fn canonical_eq(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => same_number(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| canonical_eq(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(name).is_some_and(|right| canonical_eq(left, right)))
        }
        _ => left == right,
    }
}

/// Returns a value's canonical JSON: the same text for the same value, and for no other.
#[must_use]
pub fn canonical_text(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let written = || number.as_f64().map_or_else(|| number.to_string(), |float| float.to_string());
            whole_number(number).map_or_else(written, |whole| whole.to_string())
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical_text).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical_text(value)))
                .collect();
            members.sort_unstable();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

/// Whole numbers are compared as such, however written, so that equality stays transitive beyond 2^53.
pub(crate) fn same_number(left: &Number, right: &Number) -> bool {
    match (whole_number(left), whole_number(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => left.as_f64() == right.as_f64(),
        _ => false,
    }
}

fn whole_number(number: &Number) -> Option<i128> {
    if let Some(whole) = number.as_i64() {
        return Some(whole.into());
    }
    if let Some(whole) = number.as_u64() {
        return Some(whole.into());
    }
    // Beyond 1e30 no two doubles share a whole number anyway, and the cast would saturate.
    let float = number.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i128")]
    (float.fract() == 0.0 && float.abs() < 1e30).then_some(float as i128)
}

// === impl Path ===

impl Path {
    /// Reads `a.b.c`; `None` if that is not what `text` looks like.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_name = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
        };
        let parts: Vec<Arc<str>> = text.split('.').map(Arc::from).collect();
        parts.iter().all(|part| is_name(part)).then_some(Self(parts))
    }

    /// Returns what `value` has there; `None` where it has nothing or null.
    pub(crate) fn of<'value>(&self, value: &'value Value) -> Option<&'value Value> {
        let found = self.0.iter().try_fold(value, |value, name| value.get(&**name))?;
        (!found.is_null()).then_some(found)
    }

    /// Returns the path below its first name, if that is `name`.
    pub(crate) fn below(&self, name: &str) -> Option<Self> {
        (self.0.len() > 1 && &*self.0[0] == name).then(|| Self(self.0[1..].to_vec()))
    }

    /// Returns whether it is the single name `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.len() == 1 && &*self.0[0] == name
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("."))
    }
}

// === impl Field ===

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(out)
    }
}

impl Field {
    /// Returns what the answer has there; `None` where it has nothing or null.
    pub(crate) fn of<'facts>(&self, facts: &'facts Facts) -> Option<&'facts Value> {
        let found = self.path.0[1..].iter().try_fold(&facts.heads[self.head], |value, name| value.get(&**name))?;
        (!found.is_null()).then_some(found)
    }

    /// Returns how the answer has it written there, if the policy compares that.
    pub(crate) fn text<'facts>(&self, facts: &'facts Facts) -> Option<&'facts str> {
        let more = facts.more.as_ref()?;
        let (_, text) = more.texts.iter().find(|(field, _)| field == self)?;
        text.as_deref()
    }

    /// Finds how it is written in an answer that was read.
    fn written(&self, answer: &[u8]) -> (Self, Option<Box<str>>) {
        let text = self.path.0.iter().try_fold(answer, |text, name| {
            let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(text).ok()?;
            members.get(&**name).map(|member| member.get().as_bytes())
        });
        (self.clone(), text.and_then(|text| std::str::from_utf8(text).ok()).map(Box::from))
    }

    /// Puts a value there.
    pub(crate) fn put(&self, value: Value, answer: &mut Value) {
        let place = self.path.0.iter().fold(answer, |place, name| {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place.as_object_mut().expect("it was made an object").entry(&**name).or_insert(Value::Null)
        });
        *place = value;
    }

    /// Returns the finite number that the answer has there.
    pub(crate) fn number(&self, facts: &Facts) -> Option<f64> {
        self.of(facts)?.as_f64().filter(|number| number.is_finite())
    }
}

// === impl Fields ===

impl Fields {
    /// Makes sure that `path` is looked at.
    pub(crate) fn add(&mut self, path: &Path) -> Field {
        let head = self.heads.iter().position(|head| *head == path.0[0]).unwrap_or_else(|| {
            self.heads.push(path.0[0].clone());
            self.heads.len() - 1
        });
        Field { head, path: path.clone() }
    }

    /// Says where the answer proper is: an answer without it abstains.
    pub(crate) fn set_value(&mut self, path: &Path) {
        self.value = Some(self.add(path));
    }

    /// Says where the executor's confidence is.
    pub(crate) fn set_confidence(&mut self, path: &Path) {
        self.confidence = Some(self.add(path));
    }

    /// Makes sure that the whole object is kept, for an expression that may look anywhere.
    pub(crate) fn set_whole(&mut self) {
        self.whole = true;
    }

    /// Makes sure that it is kept how the value at `field` is written.
    pub(crate) fn keep_text(&mut self, field: &Field) {
        if !self.texts.contains(field) {
            self.texts.push(field.clone());
        }
    }

    /// Returns where the answer proper is, if the policy says so.
    pub(crate) fn value(&self) -> Option<&Field> {
        self.value.as_ref()
    }

    /// Returns where the confidence is, if the policy says so.
    pub(crate) fn confidence(&self) -> Option<&Field> {
        self.confidence.as_ref()
    }

    /// Reads an answer, or says why it is no vote.
    pub(crate) fn read(&self, answer: &[u8]) -> Result<Facts, String> {
        let mut json = serde_json::Deserializer::from_slice(answer);
        let facts = self.deserialize(&mut json).and_then(|facts| json.end().map(|()| facts));
        let mut facts = facts.map_err(|error| format!("the answer is not one JSON object: {error}"))?;
        if !self.texts.is_empty() {
            facts.more.get_or_insert_default().texts = self.texts.iter().map(|field| field.written(answer)).collect();
        }
        match &self.value {
            Some(field) if field.of(&facts).is_none() => Err(format!("the answer has no `{}`", field.path)),
            _ => Ok(facts),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Fields {
    type Value = Facts;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Facts, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Fields {
    type Value = Facts;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Facts, M::Error> {
        let mut heads: Box<[Value]> = self.heads.iter().map(|_| Value::Null).collect();
        if !self.whole {
            while let Some(head) = members.next_key_seed(Head(&self.heads))? {
                match head {
                    Some(head) => heads[head] = members.next_value()?,
                    None => drop(members.next_value::<IgnoredAny>()?),
                }
            }
            return Ok(Facts { heads, more: None });
        }
        let mut whole = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            whole.insert(name, value);
        }
        for (head, name) in heads.iter_mut().zip(&self.heads) {
            *head = whole.get(&**name).cloned().unwrap_or_default();
        }
        Ok(Facts { heads, more: Some(Box::new(More { whole: Some(whole), texts: Vec::new() })) })
    }
}

/// Finds a member's name among the heads, without keeping it.
struct Head<'fields>(&'fields [Arc<str>]);

impl<'de> DeserializeSeed<'de> for Head<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Head<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|head| &**head == name))
    }
}

// === impl Facts ===

impl Facts {
    /// Returns the whole object, where the policy has an expression.
    pub(crate) fn whole(&self) -> Option<&Map<String, Value>> {
        self.more.as_ref()?.whole.as_ref()
    }
}

#[cfg(test)]
mod tests;
