//! Conditions on requests: CEL over the input's features, the caller's attributes and the budget.

use std::sync::Arc;

use cel::{Context, Program, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use wire::{Attributes, Budget};

use super::{ScoreError, expression};

/// A compiled condition.
#[derive(Debug)]
pub(crate) struct Condition {
    /// As written.
    pub(crate) source: Arc<str>,
    program: Program,
    features: Vec<Arc<str>>,
    attributes: Vec<Arc<str>>,
}

/// What a condition looks at.
#[derive(Debug)]
pub(crate) struct Asking<'request> {
    /// The features, in the file's order; a request that was let in has them all.
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) attributes: &'request Attributes,
    pub(crate) budget: Budget,
}

// === impl Condition ===

impl Condition {
    /// Compiles `source`, which may look at these features and attributes.
    pub(crate) fn compile(source: &str, features: &[Arc<str>], attributes: &[Arc<str>]) -> Result<Self, ScoreError> {
        let program = expression::program(source)?;
        Ok(Self { source: source.into(), program, features: features.to_vec(), attributes: attributes.to_vec() })
    }

    /// Returns whether it holds; one that cannot be told does not.
    pub(crate) fn holds(&self, asking: &Asking<'_>) -> bool {
        let mut context = Context::with_env(expression::environment());
        let numbers = self.features.iter().zip(&asking.numbers);
        let input: std::collections::HashMap<String, Value> =
            numbers.filter_map(|(name, number)| Some((name.to_string(), Value::Float((*number)?)))).collect();
        let said = |name: &Arc<str>| asking.attributes.get(name).unwrap_or_default().to_owned();
        let attributes: std::collections::HashMap<String, Value> =
            self.attributes.iter().map(|name| (name.to_string(), Value::String(Arc::new(said(name))))).collect();
        context.add_variable_from_value("input", input);
        context.add_variable_from_value("attributes", attributes);
        context.add_variable_from_value("budget_ms", asking.budget.as_duration().as_secs_f64() * 1e3);
        matches!(self.program.execute(&context), Ok(Value::Bool(true)))
    }
}

// === impl Asking ===

impl<'request> Asking<'request> {
    /// Reads the numbers of a request's body: one JSON object.
    pub(crate) fn read(body: &[u8], features: &[Arc<str>], attributes: &'request Attributes, budget: Budget) -> Self {
        let read = Numbers(features).deserialize(&mut serde_json::Deserializer::from_slice(body));
        Self { numbers: read.unwrap_or_else(|_| vec![None; features.len()]), attributes, budget }
    }
}

/// Finds the features in one pass, without keeping anything else.
struct Numbers<'features>(&'features [Arc<str>]);

impl<'de> DeserializeSeed<'de> for Numbers<'_> {
    type Value = Vec<Option<f64>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = Vec<Option<f64>>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut numbers = vec![None; self.0.len()];
        while let Some(place) = members.next_key_seed(Place(self.0))? {
            match place {
                Some(place) => numbers[place] = members.next_value()?,
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(numbers)
    }
}

/// Finds a name among the features.
struct Place<'features>(&'features [Arc<str>]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|feature| &**feature == name))
    }
}
