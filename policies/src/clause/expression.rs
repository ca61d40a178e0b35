//! Expressions: CEL over one answer and who gave it, compiled once, shared by all requests.
//!
//! Names were resolved when the policy was read, so looking something up neither searches nor copies: the interpreter
//! borrows text from the answer, and makes a value of nothing that the expression does not look at.

mod calls;
mod check;
mod compile;
mod fault;
mod names;
mod types;

use std::{collections::HashMap, sync::Arc};

use cel::{
    Context, Value,
    common::{
        types::{CelBool, CelDouble, CelString},
        value::CowVal,
    },
    context::VariableResolver,
};

pub(crate) use compile::CALLABLE;
pub(super) use compile::{Compiled, Scope, Slot, Wanted, compile, environment, slot};
pub(crate) use fault::{Fault, FaultKind};

use crate::evidence::{Facts, Field, Fields};

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// As written.
    source: Arc<str>,
    compiled: Compiled,
    /// Where `answer.value` and `answer.confidence` are, for an expression that looks at all of the answer.
    aliases: Vec<(&'static str, Field)>,
}

/// Who gave the answer that an expression looks at, and how long that took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker<'roster> {
    pub(crate) name: &'roster str,
    /// The executor's place in the policy's order, from 1.
    pub(crate) rank: usize,
    pub(crate) family: &'roster str,
    pub(crate) cost: f64,
    /// From the request's birth.
    pub(crate) latency: std::time::Duration,
}

/// Larger answers are not given to expressions: comprehensions over them have no bound on time.
const ANSWER_MAX: usize = 64 * 1024;

/// Returns whether an answer is small enough to be given to expressions.
pub(super) fn is_readable(answer: &[u8]) -> bool {
    answer.len() <= ANSWER_MAX
}

// === impl Expression ===

impl Expression {
    /// Compiles a score, and makes sure that `fields` keeps what it looks at. It sees an answer's members, and as
    /// `value` and `confidence` whatever the policy says these are.
    pub(crate) fn scoring(source: &str, fields: &mut Fields) -> Result<Self, Vec<Fault>> {
        Self::compile(source, fields, Wanted::Number)
    }

    /// Compiles what an answer must be like, likewise.
    pub(crate) fn testing(source: &str, fields: &mut Fields) -> Result<Self, Vec<Fault>> {
        Self::compile(source, fields, Wanted::Truth)
    }

    fn compile(source: &str, fields: &mut Fields, wanted: Wanted) -> Result<Self, Vec<Fault>> {
        let compiled = compile(source, Scope::Answer(fields), wanted)?;
        let aliases = [("value", fields.value().cloned()), ("confidence", fields.confidence().cloned())];
        let aliases = aliases.into_iter().filter_map(|(name, field)| Some((name, field?))).collect();
        Ok(Self { source: source.into(), compiled, aliases })
    }

    /// Returns it as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the finite number that it makes of what a speaker answered, if it makes one.
    pub(super) fn score(&self, facts: &Facts, speaker: &Speaker<'_>) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a score is a double")]
        let score = match self.compiled.evaluate(&Seen { expression: self, facts, speaker })? {
            Value::Float(score) => score,
            Value::Int(score) => score as f64,
            Value::UInt(score) => score as f64,
            _ => return None,
        };
        score.is_finite().then_some(score)
    }

    /// Returns whether what a speaker answered is what it asks for, if it says.
    pub(super) fn holds(&self, facts: &Facts, speaker: &Speaker<'_>) -> Option<bool> {
        self.compiled.holds(&Seen { expression: self, facts, speaker })
    }
}

// === impl Compiled ===

impl Compiled {
    /// Returns what the expression comes to with the names that `names` knows; `None` if it fails.
    fn evaluate(&self, names: &dyn VariableResolver) -> Option<Value> {
        let mut context = Context::with_env(environment());
        context.set_variable_resolver(names);
        // Not `resolve_val`, which would be inlined here at each level of its recursion.
        Value::resolve(&self.tree, &context).ok()
    }

    /// Returns whether it comes to true or false, if it does to either.
    pub(super) fn holds(&self, names: &dyn VariableResolver) -> Option<bool> {
        match self.evaluate(names)? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }
}

/// What an expression sees of one answer.
struct Seen<'seen> {
    expression: &'seen Expression,
    facts: &'seen Facts,
    speaker: &'seen Speaker<'seen>,
}

// === impl Seen ===

impl VariableResolver for Seen<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match self.expression.compiled.slots.get(slot(variable)?)? {
            Slot::Field(field) => expressed(field.of(self.facts)?),
            Slot::HasField(field) => Some(CowVal::owned(CelBool::from(field.of(self.facts).is_some()))),
            Slot::Answer => boxed(self.whole()),
            Slot::Name => Some(CowVal::owned(CelString::from(self.speaker.name))),
            #[expect(clippy::cast_precision_loss, reason = "at most 64 executors")]
            Slot::Rank => Some(double(self.speaker.rank as f64)),
            Slot::Family => Some(CowVal::owned(CelString::from(self.speaker.family))),
            Slot::Cost => Some(double(self.speaker.cost)),
            Slot::Latency => Some(double(self.speaker.latency.as_secs_f64() * 1e3)),
            Slot::Number(_) | Slot::Text(_) | Slot::Attribute(_) | Slot::HasAttribute(_) | Slot::Budget => None,
        }
    }
}

impl Seen<'_> {
    fn whole(&self) -> Value {
        let others = self.facts.whole().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let mut seen: HashMap<String, Value> = others.map(|(name, value)| (name.clone(), copied(value))).collect();
        for (name, field) in &self.expression.aliases {
            if let Some(value) = field.of(self.facts) {
                seen.insert((*name).to_owned(), copied(value));
            }
        }
        seen.into()
    }
}

/// Makes a number of the interpreter's.
pub(super) fn double<'b>(number: f64) -> CowVal<'b, 'b> {
    CowVal::owned(CelDouble::from(number))
}

/// Every JSON number is a double to an expression, as the language's own JSON mapping has it: `1` and `1.0` from two
/// executors must not take different overloads.
fn expressed(value: &serde_json::Value) -> Option<CowVal<'_, '_>> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::Bool(truth) => Some(CowVal::owned(CelBool::from(*truth))),
        serde_json::Value::Number(number) => number.as_f64().map(double),
        serde_json::Value::String(text) => Some(CowVal::owned(CelString::from(text.as_str()))),
        _ => boxed(copied(value)),
    }
}

fn boxed<'b>(value: Value) -> Option<CowVal<'b, 'b>> {
    value.try_into().ok().map(CowVal::Owned)
}

fn copied(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::Float),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(copied).collect())),
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), copied(value)));
            members.collect::<HashMap<_, _>>().into()
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
