//! `best`: the highest score, if it is high enough. Equal scores go to the plan's first.
//!
//! A response that cannot be scored is out of this clause and of no other.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use cel::{Context, Env, Program, Value};

use super::{Choice, Judgement, Why};
use crate::evidence::{Evidence, Facts, Field, Fields};

/// A quality competition.
#[derive(Debug)]
pub(crate) struct Best {
    pub(crate) score: Score,
    pub(crate) at_least: Option<f64>,
}

/// How an answer is scored.
#[derive(Clone, Debug)]
pub(crate) enum Score {
    /// The number at a field.
    Field(Field),
    /// An expression over `answer`.
    Expression(Arc<Expression>),
}

/// A compiled expression, and what it calls by another name.
#[derive(Debug)]
pub(crate) struct Expression {
    program: Program,
    value: Option<Field>,
    confidence: Option<Field>,
}

/// An expression that cannot be a score.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScoreError {
    /// It does not read.
    #[error("{message}")]
    Syntax { line: usize, column: usize, message: String },
    /// It names something that is not there.
    #[error("{0}")]
    UnknownVariable(String),
    /// It calls something that is not there.
    #[error("{0}")]
    UnknownFunction(String),
    /// It is too long or nested too deeply to be read safely.
    #[error("too large")]
    TooLarge,
}

/// Longest expression, in bytes, and deepest nesting: the parser recurses.
const EXPRESSION_MAX: usize = 1_000;
const NESTING_MAX: usize = 24;
/// Larger answers are not given to expressions: comprehensions over them have no bound on time.
const SCORED_MAX: usize = 64 * 1024;

/// What the standard environment calls by name; an unknown one would fail on every response, silently.
pub(crate) const FUNCTIONS: [&str; 15] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "matches",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

// === impl Best ===

impl Best {
    pub(super) fn judge(&self, evidence: &Evidence) -> Judgement {
        // Whoever is outstanding could score higher still.
        if evidence.outstanding() > 0 { Judgement::Wait(None) } else { self.conclude(evidence).into() }
    }

    pub(super) fn conclude(&self, evidence: &Evidence) -> Result<Choice, Why> {
        let mut best: Option<(f64, usize, &Bytes)> = None;
        for (seat, _, answer, facts) in evidence.usable() {
            let score = self.score.of(answer, facts);
            if let Some(score) = score.filter(|score| best.is_none_or(|(highest, ..)| *score > highest)) {
                best = Some((score, seat, answer));
            }
        }
        match best {
            Some((score, seat, answer)) if self.at_least.is_none_or(|mark| score >= mark) => {
                Ok(Choice::one(seat, answer, Why::Scored(score)))
            }
            Some((score, ..)) => Err(Why::Below { highest: Some(score), at_least: self.at_least }),
            None => Err(Why::Below { highest: None, at_least: self.at_least }),
        }
    }
}

// === impl Score ===

impl Score {
    fn of(&self, answer: &Bytes, facts: &Facts) -> Option<f64> {
        match self {
            Self::Field(field) => field.number(facts),
            Self::Expression(_) if answer.len() > SCORED_MAX => None,
            Self::Expression(expression) => expression.score(facts),
        }
    }
}

// === impl Expression ===

impl Expression {
    /// Compiles `source`, once for all requests.
    pub(crate) fn compile(source: &str, fields: &Fields) -> Result<Self, ScoreError> {
        if source.len() > EXPRESSION_MAX || nesting(source) > NESTING_MAX {
            return Err(ScoreError::TooLarge);
        }
        let program = STANDARD.compile(source).map_err(|errors| ScoreError::of(&errors))?;
        check_names(&program)?;
        Ok(Self { program, value: fields.value().cloned(), confidence: fields.confidence().cloned() })
    }

    fn score(&self, facts: &Facts) -> Option<f64> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value("answer", self.answer(facts)?);
        #[expect(clippy::cast_precision_loss, reason = "a score is a double")]
        let score = match self.program.execute(&context).ok()? {
            Value::Float(score) => score,
            Value::Int(score) => score as f64,
            Value::UInt(score) => score as f64,
            Value::Bool(score) => f64::from(u8::from(score)),
            _ => return None,
        };
        score.is_finite().then_some(score)
    }

    /// Returns the answer as expressions see it: its members, and `value` and `confidence` for where the policy says
    /// these are found.
    fn answer(&self, facts: &Facts) -> Option<Value> {
        let mut members: std::collections::HashMap<String, Value> =
            facts.whole()?.iter().map(|(name, value)| (name.clone(), expressed(value))).collect();
        for (alias, field) in [("value", &self.value), ("confidence", &self.confidence)] {
            if let Some(value) = field.as_ref().and_then(|field| field.of(facts)) {
                members.insert(alias.to_owned(), expressed(value));
            }
        }
        Some(members.into())
    }
}

/// Every JSON number is a double to an expression, as the language's own JSON mapping has it: `1` and `1.0` from two
/// executors must not take different overloads.
fn expressed(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::Float),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(expressed).collect())),
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), expressed(value)));
            members.collect::<std::collections::HashMap<_, _>>().into()
        }
    }
}

fn nesting(source: &str) -> usize {
    let depths = source.bytes().scan(0_usize, |depth, byte| {
        match byte {
            b'(' | b'[' | b'{' | b'!' | b'-' | b'?' => *depth += 1,
            b')' | b']' | b'}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}

fn check_names(program: &Program) -> Result<(), ScoreError> {
    let references = program.references();
    let mut unknown: Vec<&str> = references.variables().into_iter().filter(|name| *name != "answer").collect();
    unknown.sort_unstable();
    if let Some(name) = unknown.first() {
        return Err(ScoreError::UnknownVariable((*name).to_owned()));
    }
    // Operators are functions too, with names that nobody can type.
    let typed = |name: &&str| name.starts_with(|first: char| first.is_ascii_alphabetic());
    let unknown = references.functions().into_iter().filter(typed).filter(|name| !FUNCTIONS.contains(name)).min();
    unknown.map_or(Ok(()), |name| Err(ScoreError::UnknownFunction(name.to_owned())))
}

// === impl ScoreError ===

impl ScoreError {
    fn of(errors: &cel::ParseErrors) -> Self {
        let Some(first) = errors.errors.first() else {
            return Self::Syntax { line: 1, column: 1, message: "it does not read".to_owned() };
        };
        let place = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
        Self::Syntax { line: place(first.pos.0), column: place(first.pos.1), message: first.msg.clone() }
    }
}
