//! Conditions on requests: CEL over the input's numbers and texts, the caller's attributes and the budget.

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
use crate::InputSchema;

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
    members: Members,
    pub(crate) attributes: &'request Attributes,
    pub(crate) budget: Budget,
}

/// What an input has, in the file's order; a request that was let in has it all.
#[derive(Debug, Default)]
struct Members {
    numbers: Vec<Option<f64>>,
    texts: Vec<Option<String>>,
}

// === impl Condition ===

impl Condition {
    /// Compiles `source`, which may look at such an input and these attributes.
    pub(crate) fn compile(source: &str, input: &InputSchema, attributes: &[Arc<str>]) -> Result<Self, Vec<Fault>> {
        let compiled = expression::compile(source, Scope::Request { input, attributes }, Wanted::Truth)?;
        Ok(Self { source: source.into(), compiled })
    }

    /// Returns whether it holds; one that cannot be told does not.
    pub(crate) fn holds(&self, asking: &Asking<'_>) -> bool {
        self.compiled.holds(&Seen { condition: self, asking }).unwrap_or(false)
    }

    /// Returns whether it always holds, or never, if it looks at nothing.
    pub(crate) fn always(&self) -> Option<bool> {
        let nothing =
            Asking { members: Members::default(), attributes: &Attributes::default(), budget: Budget::default() };
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
            Slot::Number(place) => Some(expression::double(self.asking.number(*place)?)),
            Slot::Text(place) => Some(CowVal::owned(CelString::from(self.asking.text(*place)?))),
            Slot::Attribute(name) => Some(CowVal::owned(CelString::from(said(name)))),
            Slot::HasAttribute(name) => Some(CowVal::owned(CelBool::from(!said(name).is_empty()))),
            Slot::Budget => Some(expression::double(self.asking.budget.as_duration().as_secs_f64() * 1e3)),
            _ => None,
        }
    }
}

// === impl Asking ===

impl<'request> Asking<'request> {
    /// Reads a request's body: one JSON object.
    pub(crate) fn read(body: &[u8], input: &InputSchema, attributes: &'request Attributes, budget: Budget) -> Self {
        let read = Reading(input).deserialize(&mut serde_json::Deserializer::from_slice(body));
        Self { members: read.unwrap_or_default(), attributes, budget }
    }

    /// Returns the number at this place of the schema.
    pub(crate) fn number(&self, place: usize) -> Option<f64> {
        self.members.numbers.get(place).copied().flatten()
    }

    /// Returns the text at this place of the schema.
    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        self.members.texts.get(place)?.as_deref()
    }
}

/// Finds an input's members in one pass, without keeping anything else.
struct Reading<'input>(&'input InputSchema);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Members;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let InputSchema { features, texts } = self.0;
        let mut read = Members { numbers: vec![None; features.len()], texts: vec![None; texts.len()] };
        while let Some(place) = members.next_key_seed(Name(self.0))? {
            match place {
                Place::Number(place) => read.numbers[place] = members.next_value()?,
                Place::Text(place) => read.texts[place] = members.next_value()?,
                Place::Nowhere => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(read)
    }
}

/// Finds a name among an input's members.
struct Name<'input>(&'input InputSchema);

enum Place {
    Number(usize),
    Text(usize),
    Nowhere,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Place;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Place;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let place = |names: &[Arc<str>]| names.iter().position(|known| &**known == name);
        let text = || place(&self.0.texts).map_or(Place::Nowhere, Place::Text);
        Ok(place(&self.0.features).map_or_else(text, Place::Number))
    }
}

#[cfg(test)]
mod tests;
