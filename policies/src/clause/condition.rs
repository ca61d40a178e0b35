//! Conditions on requests: CEL over the input's features, the caller's attributes and the budget.

use std::sync::Arc;

use cel::{
    common::{
        types::{CelBool, CelString},
        value::CowVal,
    },
    context::VariableResolver,
};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use wire::{Attributes, Budget};

use super::expression::{self, Compiled, Fault, Scope, Slot, Wanted};

/// A compiled condition.
#[derive(Debug)]
pub(crate) struct Condition {
    /// As written.
    pub(crate) source: Arc<str>,
    compiled: Compiled,
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
    pub(crate) fn compile(source: &str, features: &[Arc<str>], attributes: &[Arc<str>]) -> Result<Self, Vec<Fault>> {
        let compiled = expression::compile(source, Scope::Request { features, attributes }, Wanted::Truth)?;
        Ok(Self { source: source.into(), compiled })
    }

    /// Returns whether it holds; one that cannot be told does not.
    pub(crate) fn holds(&self, asking: &Asking<'_>) -> bool {
        self.compiled.holds(&Seen { condition: self, asking }).unwrap_or(false)
    }

    /// Returns whether it always holds, or never, if it looks at nothing.
    pub(crate) fn always(&self) -> Option<bool> {
        let nothing = Asking { numbers: Vec::new(), attributes: &Attributes::default(), budget: Budget::default() };
        self.compiled.slots.is_empty().then(|| self.holds(&nothing))
    }
}

/// What a condition sees of one request.
struct Seen<'seen> {
    condition: &'seen Condition,
    asking: &'seen Asking<'seen>,
}

impl VariableResolver for Seen<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let said = |name: &Arc<str>| self.asking.attributes.get(name).unwrap_or_default();
        match self.condition.compiled.slots.get(expression::slot(variable)?)? {
            Slot::Feature(place) => Some(expression::double((*self.asking.numbers.get(*place)?)?)),
            Slot::Attribute(name) => Some(CowVal::owned(CelString::from(said(name)))),
            Slot::HasAttribute(name) => Some(CowVal::owned(CelBool::from(!said(name).is_empty()))),
            Slot::Budget => Some(expression::double(self.asking.budget.as_duration().as_secs_f64() * 1e3)),
            _ => None,
        }
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

#[cfg(test)]
mod tests;
