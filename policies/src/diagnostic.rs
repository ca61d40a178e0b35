//! A problem in a policy file: its place, its sentence, its hint.
//!
//! Law: no two different mistakes share a sentence.

use std::fmt;

use serde::Serialize;

/// Every problem of one file, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the file can be used in spite of it.
    pub severity: Severity,
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

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file means nothing as it stands.
    Error,
    /// The file has a meaning, and probably not the one that was wanted.
    Warning,
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
    errors: usize,
    /// Takes what is said about problems beyond the most that are kept.
    spare: Diagnostic,
}

/// More problems than this are not listed: the rest follows from them.
const PROBLEMS_MAX: usize = 100;
/// More are not even kept until they are sorted.
const KEPT_MAX: usize = 200;
/// Longer lines are cut in diagnostics.
const EXCERPT_MAX: usize = 160;
/// Longer sentences are: they quote what was written.
const SENTENCE_MAX: usize = 400;
/// Longer names, or choices among more, get no "did you mean": the search takes time for each pair.
const SIMILAR_MAX: usize = 200;

// === impl Report ===

impl<'text> Report<'text> {
    pub(crate) fn new(source: &'text str, text: &'text str) -> Self {
        let spare = Diagnostic::new(Severity::Error, source, Span::default(), String::new());
        Self { source, text, found: Vec::new(), errors: 0, spare }
    }

    /// Adds a problem that leaves the file without a meaning.
    pub(crate) fn error(&mut self, at: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.errors += 1;
        self.add(Severity::Error, at, message.into())
    }

    /// Adds a problem that does not.
    pub(crate) fn warn(&mut self, at: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, at, message.into())
    }

    fn add(&mut self, severity: Severity, at: Span, message: String) -> &mut Diagnostic {
        let problem = Diagnostic::new(severity, self.source, at, cut(message));
        if self.found.len() == KEPT_MAX {
            self.spare = problem;
            return &mut self.spare;
        }
        self.found.push(problem);
        self.found.last_mut().expect("just pushed")
    }

    /// Returns whether nothing was found that leaves the file without a meaning.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors == 0
    }

    /// Returns what was found, in the file's order.
    pub(crate) fn finish(mut self) -> Diagnostics {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found.dedup();
        self.found.truncate(PROBLEMS_MAX);
        let mut lines = self.text.lines().enumerate().peekable();
        for problem in &mut self.found {
            while lines.next_if(|(index, _)| index + 1 < problem.line).is_some() {}
            let line = lines.peek().map_or("", |(_, line)| line);
            problem.excerpt = line.trim_start_matches('\u{feff}').chars().take(EXCERPT_MAX).collect();
        }
        Diagnostics(self.found)
    }
}

/// Keeps the beginning of what quotes a very long text.
fn cut(mut sentence: String) -> String {
    if let Some((end, _)) = sentence.char_indices().nth(SENTENCE_MAX) {
        sentence.truncate(end);
        sentence.push('…');
    }
    sentence
}

// === impl Diagnostic ===

impl Diagnostic {
    fn new(severity: Severity, source: &str, at: Span, message: String) -> Self {
        let Span { line, column, width } = at;
        let (source, excerpt) = (source.to_owned(), String::new());
        Self { severity, source, line, column, width, excerpt, message, label: None, hint: None }
    }

    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(cut(label.into()));
        self
    }

    pub(crate) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(cut(hint.into()));
        self
    }

    /// Hints at the one of `known` that `written` was probably meant to be, or at all of them if there is no other
    /// hint yet.
    pub(crate) fn did_you_mean<'known>(
        &mut self,
        written: &str,
        known: impl IntoIterator<Item = &'known str>,
    ) -> &mut Self {
        let known: Vec<&str> = known.into_iter().take(SIMILAR_MAX).collect();
        if written.len() > SIMILAR_MAX {
            return self;
        }
        let distance = |name: &&&str| strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase());
        let closest = known.iter().min_by_key(distance);
        match closest.filter(|name| distance(name) <= written.len().max(3) / 3) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None if known.is_empty() || self.hint.is_some() => self,
            None => self.hint(format!("there is `{}`", known.join("`, `"))),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, column, excerpt, .. } = self;
        writeln!(out, "{}: {}", self.severity.as_str(), self.message)?;
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

// === impl Severity ===

impl Severity {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

// === impl Diagnostics ===

impl Diagnostics {
    /// Returns how many of them leave the file without a meaning.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.severity == Severity::Error).count()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(out, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
