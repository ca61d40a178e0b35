//! What people look at: values in, pages with charts, Markdown and terminal text out.
//!
//! Pure: no I/O, no clock; the same values give the same bytes. Whatever comes from outside is text and stays text: in
//! HTML and SVG `maud` escapes it, in Markdown and for terminals `prose` does.
//! Reading order: `words` (numbers and instants as people read them) → `prose` (sentences with names in them) →
//! `outside` (names that turn text around) → `colours` and `charts` → `page` (the
//! file around a page) → `canary` (the report of a comparison) → `console` (the pages of a running process).

pub mod canary;
mod charts;
mod colours;
pub mod console;
mod outside;
mod page;
mod prose;
mod words;
