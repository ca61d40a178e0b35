//! What changes from one version to another: in meaning, said in words, and in the text, line by line.

use maud::{Markup, html};
use policies::{ChangeKind, Difference, PolicyShown, TextView};
use similar::{ChangeTag, TextDiff};

use super::super::telling::coded;
use crate::prose::plain;

/// Longer texts are not compared line by line: that takes as long as the one's lines times the other's.
const LINES: usize = 4_000;
/// So many lines around what changed are shown.
const AROUND: usize = 3;

pub(super) fn section(shown: &PolicyShown, against: &TextView) -> Markup {
    let Some(text) = &shown.shown else { return html! {} };
    html! {
        section #difference {
            h2 { "From version " (against.version) " to version " (text.version) }
            @match &shown.difference {
                Some(difference) => (meaning(difference)),
                None => p { "One of them does not read any more, so only their texts are compared." },
            }
            h3 { "In the text" }
            (lines(against, text))
        }
    }
}

fn meaning(difference: &Difference) -> Markup {
    html! {
        @if difference.is_empty() {
            p { "Nothing changes in meaning." }
        } @else {
            ul.changes {
                @for change in &difference.changes {
                    li { b.change { (called(change.kind)) } " " (coded(&change.sentence)) }
                }
            }
        }
        @if difference.played > 0 {
            p.soft {
                (difference.examples.len()) " of " (difference.played) " " (if difference.played == 1 { "example comes" } else { "examples come" }) " out otherwise" @if !difference.examples.is_empty() { ":" } @else { "." }
            }
            @if !difference.examples.is_empty() { ul { @for example in &difference.examples { li { (coded(&example.sentence)) } } } }
        }
    }
}

fn called(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Moved => "moved",
    }
}

fn lines(old: &TextView, new: &TextView) -> Markup {
    if old.text == new.text {
        return html! { p { "Both texts are the same." } };
    }
    if old.text.lines().count() + new.text.lines().count() > LINES {
        return html! { p { "The texts are too long to be compared here; " code { "hedgerow policies --show" } " prints them." } };
    }
    let diff = TextDiff::from_lines(&*old.text, &*new.text);
    html! {
        div.scroll role="region" tabindex="0" aria-label="What differs line by line" {
            pre.diff {
                @for (place, group) in diff.grouped_ops(AROUND).iter().enumerate() {
                    @if place > 0 { span.gap { "…" } "\n" }
                    @for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                        @let text = plain(change.value().trim_end_matches(['\n', '\r']));
                        @match change.tag() {
                            ChangeTag::Equal => span { "  " (text) },
                            ChangeTag::Delete => del { "- " (text) },
                            ChangeTag::Insert => ins { "+ " (text) },
                        }
                        "\n"
                    }
                }
            }
        }
    }
}
