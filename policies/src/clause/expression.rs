//! Score expressions: CEL over one answer, compiled once, shared by all requests.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, Program, Value};

use crate::evidence::{Facts, Field, Fields, Path};

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    /// As written.
    source: Arc<str>,
    program: Program,
    /// The members of `answer` that it may look at, by the names that it calls them.
    members: Vec<(String, Field)>,
    /// Whether it may look at others too: it does more with `answer` than name members.
    whole: bool,
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

/// Longest expression, in bytes, and deepest nesting: parser and interpreter recurse.
const EXPRESSION_MAX: usize = 1_000;
const NESTING_MAX: usize = 24;

/// What the standard environment calls by name; an unknown one would fail on every response, silently.
pub(crate) const FUNCTIONS: [&str; 12] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "uint",
];

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Larger answers are not given to expressions: comprehensions over them have no bound on time.
const ANSWER_MAX: usize = 64 * 1024;

/// Returns whether an answer is small enough to be given to expressions.
pub(super) fn is_readable(answer: &[u8]) -> bool {
    answer.len() <= ANSWER_MAX
}

// === impl Expression ===

impl Expression {
    /// Compiles `source`, and makes sure that `fields` keeps what it looks at. It sees an answer's members, and as
    /// `value` and `confidence` whatever the policy says these are.
    pub(crate) fn compile(source: &str, fields: &mut Fields) -> Result<Self, ScoreError> {
        let program = program(source)?;
        check_names(&program, source)?;
        let named = members(source);
        let whole = named.is_none();
        if whole {
            fields.set_whole();
        }
        let mut members = Vec::new();
        for name in named.unwrap_or_else(|| vec!["value", "confidence"]) {
            let aliased = match name {
                "value" => fields.value().cloned(),
                "confidence" => fields.confidence().cloned(),
                _ => None,
            };
            let field = aliased.or_else(|| Path::parse(name).map(|path| fields.add(&path)));
            members.extend(field.map(|field| (name.to_owned(), field)));
        }
        Ok(Self { source: source.into(), program, members, whole })
    }

    /// Returns it as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the finite number that it makes of what a speaker answered, if it makes one.
    pub(super) fn score(&self, facts: &Facts, _speaker: &Speaker<'_>) -> Option<f64> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value("answer", self.answer(facts));
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

    /// Returns whether what a speaker answered is what it asks for, if it says.
    pub(super) fn holds(&self, facts: &Facts, _speaker: &Speaker<'_>) -> Option<bool> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value("answer", self.answer(facts));
        match self.program.execute(&context).ok()? {
            Value::Bool(holds) => Some(holds),
            _ => None,
        }
    }

    fn answer(&self, facts: &Facts) -> Value {
        let others = facts.whole().into_iter().flatten().filter(|(_, value)| self.whole && !value.is_null());
        let mut seen: HashMap<String, Value> = others.map(|(name, value)| (name.clone(), expressed(value))).collect();
        for (name, field) in &self.members {
            if let Some(value) = field.of(facts) {
                seen.insert(name.clone(), expressed(value));
            }
        }
        seen.into()
    }
}

/// Parses an expression that is not too large.
pub(super) fn program(source: &str) -> Result<Program, ScoreError> {
    if source.len() > EXPRESSION_MAX || nesting(source) > NESTING_MAX {
        return Err(ScoreError::TooLarge);
    }
    STANDARD.compile(source).map_err(|errors| ScoreError::of(&errors))
}

/// Returns what every expression may call.
pub(super) fn environment() -> Arc<Env> {
    Arc::clone(&STANDARD)
}

/// Returns the members of `answer` that `source` names, if naming members is all that it does with it.
fn members(source: &str) -> Option<Vec<&str>> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut named = Vec::new();
    for (at, _) in source.match_indices("answer") {
        let (before, behind) = (&source[..at], &source[at + "answer".len()..]);
        // Part of another name, or the member of something: `answer.answer`.
        if before.ends_with(|letter| is_name(letter) || letter == '.') || behind.starts_with(is_name) {
            continue;
        }
        let behind = behind.strip_prefix('.')?;
        let name = &behind[..behind.find(|letter| !is_name(letter)).unwrap_or(behind.len())];
        if name.is_empty() || behind[name.len()..].trim_start().starts_with('(') {
            return None;
        }
        named.push(name);
    }
    named.sort_unstable();
    named.dedup();
    Some(named)
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
            members.collect::<HashMap<_, _>>().into()
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

fn check_names(program: &Program, source: &str) -> Result<(), ScoreError> {
    let references = program.references();
    // The references do not tell what a macro binds: `list.exists(item, …)`. Only macros take a name and a comma.
    let dense: String = source.split_whitespace().collect();
    let is_bound = |name: &str| dense.contains(&format!("({name},"));
    let mut unknown = references.variables();
    unknown.retain(|name| *name != "answer" && !is_bound(name));
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

#[cfg(test)]
mod tests;
