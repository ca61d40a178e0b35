//! What people look at: values in, pages with charts, Markdown and terminal text out.
//!
//! Pure: no I/O, no clock; the same values give the same bytes. Whatever comes from outside is text and stays text: in
//! HTML and SVG `maud` escapes it, in Markdown and for terminals `prose` does.
//! Reading order: `words` (numbers and instants as people read them) → `prose` (sentences with names in them) →
//! `canary` (the report of a comparison).

pub mod canary;
mod prose;
#[allow(dead_code, reason = "the charts need them")]
mod words;
