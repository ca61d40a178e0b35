//! Expressions: what they may look at, and where in them a mistake is.

use std::sync::Arc;

use super::ladder::Ladder;
use crate::{
    InputSchema,
    clause::{CALLABLE, Condition, Expression, Fault, FaultKind, Score},
    diagnostic::{Diagnostic, Report, Span, Spanned},
    evidence::Path,
};

/// What a condition on requests may look at.
pub(super) type Requests<'lower> = (&'lower InputSchema, &'lower [Arc<str>]);

impl Ladder<'_> {
    /// A plain path is read as a field, which is fast; everything else is an expression.
    pub(super) fn score(&mut self, text: &Spanned<String>, report: &mut Report<'_>) -> Option<Score> {
        if let Some(written) = Path::parse(&text.is).filter(|path| !is_other(path) && !text.is.contains('-')) {
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
        let compiled = Expression::scoring(&text.is, &mut self.fields);
        compiled
            .map(|expression| Score::Expression(Arc::new(expression)))
            .map_err(|faults| explain(text, &faults, report))
            .ok()
    }

    /// Reads what an answer must be like.
    pub(super) fn accepts(&mut self, text: &Spanned<String>, report: &mut Report<'_>) -> Option<Arc<Expression>> {
        let compiled = Expression::testing(&text.is, &mut self.fields);
        compiled.map(Arc::new).map_err(|faults| explain(text, &faults, report)).ok()
    }
}

/// Whether a path is a name that expressions know, and not a member of the answer.
fn is_other(path: &Path) -> bool {
    ["answer", "executor", "latency_ms", "true", "false", "null"].iter().any(|name| path.is(name))
        || path.below("executor").is_some()
}

/// Reads which requests a case is about.
pub(super) fn condition(
    text: &Spanned<String>,
    (input, attributes): Requests<'_>,
    report: &mut Report<'_>,
) -> Option<Condition> {
    let compiled = Condition::compile(&text.is, input, attributes);
    compiled.map_err(|faults| explain(text, &faults, report)).ok()
}

fn explain(text: &Spanned<String>, faults: &[Fault], report: &mut Report<'_>) {
    for fault in faults {
        say(&fault.kind, place(text, fault.at), report);
    }
}

/// Finds characters of an expression in the file: exactly if it is on one line as it is, otherwise where it starts.
fn place(text: &Spanned<String>, at: Option<(usize, usize)>) -> Span {
    let length = text.is.chars().count();
    let quotes = match text.at.width.checked_sub(length) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return text.at,
    };
    match at {
        Some((start, width)) => Span { column: text.at.column + quotes + start, width, ..text.at },
        None => text.at,
    }
}

fn say(fault: &FaultKind, at: Span, report: &mut Report<'_>) {
    match fault {
        FaultKind::Unreadable(message) => {
            report.error(at, "this expression cannot be read").label(brief(message));
        }
        FaultKind::TooLarge => {
            let problem = report.error(at, "this expression is too long or too deeply nested");
            problem.hint("let the executor compute its score");
        }
        FaultKind::UnknownName { name, known } => unknown_name(name, known, at, report),
        FaultKind::UnknownMember { of, name, known } => {
            let problem = report.error(at, format!("{} has no `{name}`", quoted(of)));
            problem.did_you_mean(name, known.iter().map(String::as_str));
        }
        FaultKind::Bare { name, known } => {
            let problem = report.error(at, format!("`{name}` alone is no value"));
            match known.first() {
                Some(first) => problem.hint(format!("name what you mean of it: `{name}.{first}`")),
                None => {
                    problem.hint(format!("there is nothing in it; name some at the top: `input: {{ {name}: […] }}`"))
                }
            };
        }
        FaultKind::UnknownFunction(name) => {
            let problem = report.error(at, format!("there is no function `{name}`"));
            problem.did_you_mean(name, CALLABLE);
        }
        FaultKind::Arguments { function, wanted } => {
            let problem = report.error(at, format!("`{function}` is called with too many values, or too few"));
            let noun = if *wanted == 1 { "value" } else { "values" };
            problem.label(format!("it takes {wanted} {noun} here"));
        }
        FaultKind::Argument { function, is } => {
            let problem = report.error(at, format!("`{function}` does not take {is}"));
            if *is == "a number" && function == "size" {
                problem.hint("text, lists and maps have a size");
            }
        }
        _ => say_of_types(fault, at, report),
    }
}

fn say_of_types(fault: &FaultKind, at: Span, report: &mut Report<'_>) {
    match fault {
        FaultKind::Operands { operator, left, right } => {
            let problem = report.error(at, format!("`{operator}` does not go between {left} and {right}"));
            operands_hint(operator, left, right, problem);
        }
        FaultKind::Operand { operator, is } => {
            let problem = report.error(at, format!("`{operator}` does not go with {is}"));
            if matches!(operator.as_str(), "&&" | "||" | "!") {
                problem.hint("compare it with something: `answer.confidence > 0.5`");
            }
        }
        FaultKind::Mixed { operator } => {
            let problem =
                report.error(at, format!("`{operator}` does not mix counts with numbers that have a fraction"));
            problem.hint("convert the count: `double(size(answer.items))`");
        }
        FaultKind::Remainder => {
            let problem = report.error(at, "only whole numbers leave a remainder");
            problem.hint("convert what may have a fraction: `int(answer.value) % 2`");
        }
        FaultKind::NeverEqual { left, right } => {
            let problem = report.error(at, format!("{left} is never the same as {right}"));
            problem.hint("compare things of one kind; `string(…)` and `double(…)` convert");
        }
        FaultKind::Null => {
            let problem = report.error(at, "what is null counts as missing, so nothing equals null");
            problem.hint("ask whether it is there: `has(answer.class)`");
        }
        FaultKind::NoNumber(is) => {
            let problem = report.error(at, format!("a score is a number, and this is {is}"));
            if *is == "true or false" {
                problem.hint("say what each is worth: `… ? 1.0 : 0.0`");
            }
        }
        FaultKind::NoTruth(is) => {
            let problem = report.error(at, format!("this must be true or false, and is {is}"));
            problem.hint("compare it with something, as in `… > 0.5`");
        }
        _ => say_of_forms(fault, at, report),
    }
}

fn say_of_forms(fault: &FaultKind, at: Span, report: &mut Report<'_>) {
    match fault {
        FaultKind::Choice(is) => {
            let problem = report.error(at, format!("`?` asks for true or false, and this is {is}"));
            problem.hint("compare it with something: `answer.confidence > 0.5 ? 1.0 : 0.0`");
        }
        FaultKind::Branches { left, right } => {
            let problem = report.error(at, format!("`:` stands between {left} and {right}"));
            problem.hint("let both come to the same kind of value");
        }
        FaultKind::Items(is) => {
            report.error(at, format!("{is} has no items to go through")).hint("lists and maps have");
        }
        FaultKind::Nested => {
            let problem = report.error(at, "going through items within items takes too long");
            problem.hint("let the executor compute it; only a list that is written out may be gone through inside");
        }
        FaultKind::Pattern(why) => {
            report.error(at, "this pattern cannot be read").label(why.as_str());
        }
        FaultKind::PatternUnknown => {
            let problem = report.error(at, "a pattern must be written out");
            problem.hint("write it as text: `answer.class.matches('^cat')`");
        }
        // Said above.
        _ => {}
    }
}

fn unknown_name(name: &str, known: &[String], at: Span, report: &mut Report<'_>) {
    let problem = report.error(at, format!("`{name}` means nothing here"));
    let of_answers = known.iter().any(|known| known == "answer");
    match (of_answers, name) {
        (false, "answer" | "executor" | "latency_ms") => {
            problem.hint("a `when` is asked before anybody answers: it sees `input`, `attributes` and `budget_ms`")
        }
        (true, "input" | "attributes" | "budget_ms") => {
            problem.hint("an answer is judged alone: this sees `answer`, `executor` and `latency_ms`; use `cases`")
        }
        (true, _) => {
            problem.hint(format!("this sees `answer`, `executor`, `latency_ms`; did you mean `answer.{name}`?"))
        }
        (false, _) => {
            problem.hint(format!("a `when` sees `input`, `attributes`, `budget_ms`; did you mean `input.{name}`?"))
        }
    };
    problem.did_you_mean(name, known.iter().map(String::as_str));
}

fn operands_hint(operator: &str, left: &str, right: &str, problem: &mut Diagnostic) {
    match (operator, left, right) {
        ("in", _, "text") => problem.hint("look for text in text with `contains`: `answer.class.contains('cat')`"),
        ("+", "text", _) | ("+", _, "text") => problem.hint("make text of it first: `string(…)`"),
        (_, "text", "a number") | (_, "a number", "text") => problem.hint("compare or compute with numbers only"),
        _ => problem,
    };
}

fn quoted(of: &str) -> String {
    if of.contains(' ') || of == "text" || of == "bytes" || of == "null" { of.to_owned() } else { format!("`{of}`") }
}

/// The parser goes on to list every token that it knows.
fn brief(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" expecting {").next().unwrap_or_default();
    line.strip_prefix("Syntax error: ").unwrap_or(line)
}
