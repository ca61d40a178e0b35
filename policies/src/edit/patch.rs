//! Cuts and insertions in a text that leave everything else as it is: other lines, comments, indents, line ends.
//!
//! Whatever stands in a way that no cut fits is refused (`None`), and somebody does it by hand.

use std::ops::Range;

use super::source::{Kind, Node};

/// A text, and what is to become of it.
#[derive(Debug)]
pub(super) struct Patch<'text> {
    text: &'text str,
    changes: Vec<(Range<usize>, String)>,
}

// === impl Patch ===

impl<'text> Patch<'text> {
    pub(super) fn of(text: &'text str) -> Self {
        Self { text, changes: Vec::new() }
    }

    /// Returns the text with all changes made.
    pub(super) fn finish(mut self) -> String {
        self.changes.sort_by_key(|(bytes, _)| bytes.start);
        let mut text = self.text.to_owned();
        for (bytes, new) in self.changes.iter().rev() {
            text.replace_range(bytes.clone(), new);
        }
        text
    }

    /// Writes `new` in the place of `node`.
    pub(super) fn replace(&mut self, node: &Node, new: &str) {
        self.changes.push((node.bytes.clone(), new.to_owned()));
    }

    /// Takes the member `place` out of `map`; a line that it had for itself goes with the comment behind it.
    pub(super) fn remove(&mut self, map: &Node, place: usize) -> Option<()> {
        let member = map.members().get(place)?;
        let whole = member.0.bytes.start..member.1.bytes.end;
        if !map.is_flow() {
            self.changes.push((self.lines(&whole)?, String::new()));
            return Some(());
        }
        let (next, sign) = self.behind(member)?;
        if sign == b',' {
            self.cut(whole.start..next + 1);
        } else if let Some(before) = place.checked_sub(1).and_then(|before| map.members().get(before)) {
            let (comma, _) = self.behind(before).filter(|(at, sign)| *sign == b',' && *at < whole.start)?;
            if self.text[comma + 1..whole.start].trim().is_empty() && !self.text[comma..whole.start].contains('\n') {
                self.changes.push((comma..whole.end, String::new()));
            } else {
                self.changes.push((comma..comma + 1, String::new()));
                self.cut(whole);
            }
        } else {
            self.cut(whole);
        }
        Some(())
    }

    /// Writes the member `name: value` behind the member `behind` of `map`, whose value is one word.
    pub(super) fn add(&mut self, map: &Node, behind: usize, name: &str, value: &str) -> Option<()> {
        let (key, before) = map.members().get(behind)?;
        let end = before.bytes.end;
        if map.is_flow() {
            self.changes.push((end..end, format!(", {name}: {value}")));
            return Some(());
        }
        let lines = self.lines(&(key.bytes.start..end))?;
        let indent = &self.text[self.line_start(key.bytes.start)..key.bytes.start];
        let new = format!("{indent}{name}: {value}");
        self.insert_line(lines.end, &new);
        Some(())
    }

    /// Writes `new` before the first item of `list`.
    pub(super) fn put_first(&mut self, list: &Node, new: &str) -> Option<()> {
        let first = list.items().first()?.bytes.start;
        if list.is_flow() {
            self.changes.push((first..first, format!("{new}, ")));
            return Some(());
        }
        let start = self.line_start(first);
        let dash = &self.text[start..first];
        (dash.trim() == "-").then(|| self.insert_line(start, &format!("{dash}{new}")))
    }

    /// Cuts within brackets: with the whole line, if nothing else is left in it but a comment.
    fn cut(&mut self, bytes: Range<usize>) {
        if let Some(lines) = self.lines(&bytes) {
            return self.changes.push((lines, String::new()));
        }
        let behind = self.text[bytes.end..].bytes().take_while(|byte| *byte == b' ').count();
        let ends = self.text[bytes.end + behind..].starts_with(['\n', '\r']);
        let before = self.text[..bytes.start].bytes().rev().take_while(|byte| ends && *byte == b' ').count();
        self.changes.push((bytes.start - before..bytes.end + behind, String::new()));
    }

    /// Returns the lines of `bytes`, if nothing else stands in them than comments behind.
    fn lines(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let start = self.line_start(bytes.start);
        let end = self.text[bytes.end..].find('\n').map_or(self.text.len(), |at| bytes.end + at + 1);
        let rest = self.text[bytes.end..end].trim_start();
        let is_alone = self.text[start..bytes.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'));
        is_alone.then_some(start..end)
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |at| at + 1)
    }

    /// Inserts a line at `at`, where a line begins or the text ends.
    fn insert_line(&mut self, at: usize, line: &str) {
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let is_cut_short = at > 0 && !self.text[..at].ends_with('\n');
        let new = if is_cut_short { format!("{newline}{line}") } else { format!("{line}{newline}") };
        self.changes.push((at..at, new));
    }

    /// Returns what separates a member from whatever follows: a comma or a bracket. Where a value that is nothing stands,
    /// the parser does not say the same everywhere.
    fn behind(&self, (key, value): &(Node, Node)) -> Option<(usize, u8)> {
        if !value.bytes.is_empty() {
            return self.next_sign(value.bytes.end);
        }
        let (colon, _) = self.next_sign(key.bytes.end).filter(|(_, sign)| *sign == b':')?;
        self.next_sign(colon + 1)
    }

    /// Returns the next byte behind `from` that is neither space nor part of a comment.
    fn next_sign(&self, from: usize) -> Option<(usize, u8)> {
        let (mut at, bytes) = (from, self.text.as_bytes());
        loop {
            match *bytes.get(at)? {
                b'#' => at += self.text[at..].find('\n')?,
                byte if byte.is_ascii_whitespace() => at += 1,
                byte => return Some((at, byte)),
            }
        }
    }

    /// Returns what was written as `node`, if it stands in one line.
    pub(super) fn written(&self, node: &Node) -> Option<&'text str> {
        let text = self.text.get(node.bytes.clone())?;
        (!text.contains('\n') && !matches!(node.kind, Kind::Alias)).then_some(text)
    }
}
