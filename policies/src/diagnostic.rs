//! A problem in a policy file: its place, its sentence, its hint.
//!
//! Law: no two different mistakes share a sentence.

use std::fmt;

use serde::Serialize;

/// Every problem of one file, in the file's order; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file.
    pub source: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters of the line are meant.
    pub width: usize,
    /// The line as written.
    pub excerpt: String,
    /// What is wrong: no two different mistakes share a sentence.
    pub message: String,
    /// What there is to say about the very place.
    pub label: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Part of one line of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

/// Something, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) is: T,
    pub(crate) at: Span,
}

/// Collects the problems of one file.
pub(crate) struct Report<'text> {
    source: &'text str,
    text: &'text str,
    found: Vec<Diagnostic>,
}

/// More problems than this are not listed: the rest follows from them.
const PROBLEMS_MAX: usize = 100;
/// Longer lines are cut in diagnostics.
const EXCERPT_MAX: usize = 160;

// === impl Report ===

impl<'text> Report<'text> {
    pub(crate) fn new(source: &'text str, text: &'text str) -> Self {
        Self { source, text, found: Vec::new() }
    }

    /// Adds a problem.
    pub(crate) fn error(&mut self, at: Span, message: impl Into<String>) -> &mut Diagnostic {
        let excerpt = self.text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
        let excerpt: String = excerpt.chars().take(EXCERPT_MAX).collect();
        self.found.push(Diagnostic {
            source: self.source.to_owned(),
            line: at.line,
            column: at.column,
            width: at.width,
            excerpt,
            message: message.into(),
            label: None,
            hint: None,
        });
        self.found.last_mut().expect("just pushed")
    }

    /// Returns whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns what was found, in the file's order.
    pub(crate) fn finish(mut self) -> Diagnostics {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found.dedup();
        self.found.truncate(PROBLEMS_MAX);
        Diagnostics(self.found)
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Hints at the one of `known` that `written` was probably meant to be, or at all of them.
    pub(crate) fn did_you_mean<'known>(
        &mut self,
        written: &str,
        known: impl IntoIterator<Item = &'known str>,
    ) -> &mut Self {
        let known: Vec<&str> = known.into_iter().collect();
        let distance = |name: &&&str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
        let closest = known.iter().min_by_key(distance);
        match closest.filter(|name| distance(name) <= written.len().max(3) / 3) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None if known.is_empty() => self,
            None => self.hint(format!("there is `{}`", known.join("`, `"))),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, column, excerpt, .. } = self;
        writeln!(out, "error: {}", self.message)?;
        writeln!(out, "  --> {source}:{line}:{column}")?;
        let number = format!("{line:>4}");
        // A tab counts as one character, so the caret's line repeats it.
        let indent: String =
            excerpt.chars().take(column.saturating_sub(1)).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let room = EXCERPT_MAX.saturating_sub(column - 1).max(1);
        let carets = "^".repeat(self.width.clamp(1, room));
        writeln!(out, "{number} | {excerpt}")?;
        let label = self.label.as_deref().unwrap_or_default();
        writeln!(out, "{}", format!("     | {indent}{carets} {label}").trim_end())?;
        self.hint.as_ref().map_or(Ok(()), |hint| writeln!(out, "hint: {hint}"))
    }
}

// === impl Diagnostics ===

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(out, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
