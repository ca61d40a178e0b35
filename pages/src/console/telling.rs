//! Sentences that others wrote, as a page says them.

use maud::{Markup, html};

use crate::prose::plain;

/// Returns a clause as a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Returns a sentence in which what stands between backticks is code.
pub(super) fn coded(sentence: &str) -> Markup {
    let sentence = plain(sentence);
    let is_paired = sentence.matches('`').count().is_multiple_of(2);
    html! {
        @if is_paired {
            @for (place, part) in sentence.split('`').enumerate() { @if place % 2 == 1 { code { (part) } } @else { (part) } }
        } @else { (sentence) }
    }
}
