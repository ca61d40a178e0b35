//! Sentences with names in them, rendered so that a name stays a name: in HTML, in Markdown and on a terminal.

use maud::{Markup, Render, html};

/// A sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prose(Vec<Span>);

#[derive(Clone, Debug)]
enum Span {
    Text(String),
    Name(String),
}

/// Longer names are cut in the middle: what tells them apart is mostly at an end.
const LONGEST_NAME: usize = 48;

// === impl Prose ===

impl Prose {
    /// Begins with a name.
    pub(crate) fn name(name: &str) -> Self {
        Self::default().and_name(name)
    }

    /// Begins with text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::default().and(text)
    }

    /// Goes on with text.
    pub(crate) fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Text(text.into()));
        self
    }

    /// Goes on with a name.
    pub(crate) fn and_name(mut self, name: &str) -> Self {
        self.0.push(Span::Name(name.to_owned()));
        self
    }

    /// Returns it in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let span = |span: &Span| match span {
            Span::Text(text) => escaped(text),
            Span::Name(name) => code(name),
        };
        self.0.iter().map(span).collect()
    }

    /// Returns it without any mark-up.
    pub(crate) fn plain(&self) -> String {
        let span = |span: &Span| match span {
            Span::Text(text) => plain(text),
            Span::Name(name) => plain(&cut(name)),
        };
        self.0.iter().map(span).collect()
    }
}

impl Render for Prose {
    fn render(&self) -> Markup {
        html! {
            @for span in &self.0 {
                @match span {
                    Span::Text(text) => (text),
                    Span::Name(name) => code { (name) },
                }
            }
        }
    }
}

// === escaping ===

/// Returns text that Markdown takes for text, on one line.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in plain(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A name that somebody is called by on GitHub would call him.
            '@' => safe.push_str("&#64;"),
            // As a letter of its own: whoever looks for code takes a backslash before it for one in code.
            '`' => safe.push_str("&#96;"),
            '\\' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
    }
    safe
}

/// Returns a name as code, in a table too: a backtick in it becomes another quote, and a bar another bar,
/// since a bar that is escaped is none any more behind a backslash.
pub(crate) fn code(name: &str) -> String {
    let name = plain(&cut(name)).replace('`', "ʼ").replace('|', "∣");
    let name = name.trim();
    if name.is_empty() { "` `".to_owned() } else { format!("`{name}`") }
}

/// Returns text on one line without control characters, which would move a terminal's cursor or colour it.
pub(crate) fn plain(text: &str) -> String {
    let shown = |letter: char| match letter {
        letter if letter.is_control() => ' ',
        // These turn around what follows them.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => letter,
    };
    text.chars().map(shown).collect()
}

/// Returns a name that is no longer than one can read, cut in its middle.
pub(crate) fn cut(name: &str) -> String {
    cut_to(name, LONGEST_NAME)
}

/// Returns a name of at most `most` characters, cut in its middle.
pub(crate) fn cut_to(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let (head, tail) = (most.saturating_sub(1).div_ceil(2), most.saturating_sub(1) / 2);
    let head: String = letters[..head].iter().collect();
    let tail: String = letters[letters.len() - tail..].iter().collect();
    format!("{head}…{tail}")
}
