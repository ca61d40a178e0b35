//! Expressions: what they may look at, and where in them a mistake is.

use std::sync::Arc;

use super::ladder::Ladder;
use crate::{
    InputSchema,
    clause::{Condition, Expression, Score, ScoreError},
    diagnostic::{Report, Span, Spanned},
    evidence::Path,
};

/// What a condition on requests may look at.
pub(super) type Requests<'lower> = (&'lower InputSchema, &'lower [Arc<str>]);

impl Ladder<'_> {
    /// A plain path is read as a field, which is fast; everything else is an expression.
    pub(super) fn score(&mut self, text: &Spanned<String>, report: &mut Report<'_>) -> Option<Score> {
        if let Some(written) = Path::parse(&text.is).filter(|path| !path.is("answer")) {
            let path = written.below("answer").unwrap_or(written);
            let named = if path.is("value") {
                self.fields.value()
            } else if path.is("confidence") {
                self.fields.confidence()
            } else {
                None
            };
            return Some(Score::Field(named.cloned().unwrap_or_else(|| self.fields.add(&path))));
        }
        match Expression::compile(&text.is, &mut self.fields) {
            Ok(expression) => Some(Score::Expression(Arc::new(expression))),
            Err(error) => {
                explain(text, &error, report);
                None
            }
        }
    }

    /// Reads what an answer must be like.
    pub(super) fn accepts(&mut self, text: &Spanned<String>, report: &mut Report<'_>) -> Option<Arc<Expression>> {
        let compiled = Expression::compile(&text.is, &mut self.fields);
        compiled.map(Arc::new).map_err(|error| explain(text, &error, report)).ok()
    }
}

/// Reads which requests a case is about.
pub(super) fn condition(
    text: &Spanned<String>,
    (input, attributes): Requests<'_>,
    report: &mut Report<'_>,
) -> Option<Condition> {
    Condition::compile(&text.is, &input.features, attributes).map_err(|error| explain(text, &error, report)).ok()
}

fn explain(text: &Spanned<String>, error: &ScoreError, report: &mut Report<'_>) {
    match error {
        ScoreError::Syntax { line: 1, column, message } => {
            // Quotes count in the file, and the expression is on one line of it.
            let at = Span { column: text.at.column + column, width: 1, ..text.at };
            report.error(at, "this expression cannot be read").label(brief(message));
        }
        ScoreError::Syntax { message, .. } => {
            report.error(text.at, "this expression cannot be read").label(brief(message));
        }
        ScoreError::UnknownVariable(name) => {
            let problem = report.error(text.at, format!("`{name}` means nothing in a score"));
            let misspelt = strsim::damerau_levenshtein(name, "answer") <= 2;
            let meant = if misspelt { "answer".to_owned() } else { format!("answer.{name}") };
            problem.hint(format!("an expression sees `answer` only; did you mean `{meant}`?"));
        }
        ScoreError::UnknownFunction(name) => {
            report.error(text.at, format!("there is no function `{name}` for scores"));
        }
        ScoreError::TooLarge => {
            let problem = report.error(text.at, "this expression is too long or too deeply nested");
            problem.hint("let the executor compute its score");
        }
    }
}

/// The parser goes on to list every token that it knows.
fn brief(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" expecting {").next().unwrap_or_default();
    line.strip_prefix("Syntax error: ").unwrap_or(line)
}
