//! The requests behind a number: their names, and what is known of them.

use maud::{Markup, html};
use serde_json::Value;

use super::Shown;
use crate::{
    canary::{Example, outside::clean},
    prose::plain,
};

/// Longer inputs are cut: who wants all of one asks for it by its id.
const LONGEST: usize = 1_500;
/// So many fields stand beside each other.
const FIELDS_MAX: usize = 40;

/// Returns these requests, folded; nothing if there are none.
pub(super) fn requests(shown: &Shown, ids: &[String], what: &str) -> Markup {
    if ids.is_empty() {
        return html! {};
    }
    let (number, noun) = (ids.len(), if ids.len() == 1 { "request" } else { "requests" });
    html! {
        details {
            summary { (number) " " (noun) " " (what) }
            div.inside { @for id in ids { (request(shown, id)) } }
        }
    }
}

/// Returns the requests of several groups, folded together.
pub(super) fn groups<'shown>(shown: &Shown, groups: impl Iterator<Item = (String, &'shown [String])>) -> Markup {
    html! {
        details {
            summary { "Requests of these segments" }
            div.inside {
                @for (name, ids) in groups.filter(|(_, ids)| !ids.is_empty()) {
                    h3 { (name) }
                    @for id in ids { (request(shown, id)) }
                }
            }
        }
    }
}

fn request(shown: &Shown, id: &str) -> Markup {
    let rendezvous = &shown.report.rendezvous;
    html! {
        div.request {
            code { "hedgerow explain " (id) " --rendezvous " (rendezvous) }
            @if let Some(example) = shown.examples.get(id) { (known(shown, example)) }
        }
    }
}

fn known(shown: &Shown, example: &Example) -> Markup {
    html! {
        dl {
            @if !example.input.is_null() { dt { "Input" } dd { (input(&clean(example.input.clone()))) } }
            dt { (shown.report.reference) } dd { code { (cut(&plain(&example.reference))) } }
            dt { (shown.report.canary) } dd { code { (cut(&plain(&example.canary))) } }
            @if let Some(truth) = &example.truth { dt { "Right answer" } dd { code { (cut(&plain(truth))) } } }
        }
    }
}

fn input(input: &Value) -> Markup {
    let is_leaf = |value: &Value| !value.is_object() && !value.is_array();
    match input {
        Value::Object(fields) if fields.len() <= FIELDS_MAX && fields.values().all(is_leaf) => html! {
            div.features { @for (name, value) in fields { span { b { (name) } (leaf(value)) } } }
        },
        other => html! { pre { (cut(&serde_json::to_string_pretty(other).unwrap_or_default())) } },
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
