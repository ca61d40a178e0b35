//! `default:` as written: what there is to say when nothing else decides.

use std::time::Duration;

use super::{
    read::{self, Members},
    tree::{Node, Value},
};
use crate::diagnostic::{Report, Span, Spanned};

/// A default.
#[derive(Debug)]
pub(crate) enum DefaultEntry {
    /// This JSON object.
    Constant(String),
    /// What was answered last about the same key.
    LastKnown {
        /// Where it says so.
        at: Span,
        max_age: Option<Spanned<Duration>>,
        /// This JSON object when nothing is known.
        otherwise: Option<String>,
    },
    /// An error that says this.
    Error(String),
}

/// `{ class: unknown }`, or one of `constant`, `last_known` and `error` alone.
pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<DefaultEntry> {
    if let Value::Map(members) = &node.value {
        // An answer may have a member `error` of its own; nobody writes an answer that looks like the others.
        let form = members.iter().find(|(name, node)| match name.is.as_str() {
            "constant" | "last_known" => matches!(node.value, Value::Map(_)),
            "error" => members.len() == 1,
            _ => false,
        });
        if let Some((name, node)) = form {
            if let Some((other, _)) = members.iter().find(|(other, _)| other.is != name.is) {
                let problem = report.error(other.at, format!("a default with `{}` says nothing else", name.is));
                problem.hint(format!("put `{}` into `{}`, or take it out", other.is, name.is));
                return None;
            }
            return named(name, node, report);
        }
    }
    read::object(node, "the default", report).map(|answer| DefaultEntry::Constant(answer.is))
}

fn named(name: &Spanned<String>, node: &Node, report: &mut Report<'_>) -> Option<DefaultEntry> {
    match name.is.as_str() {
        "constant" => read::object(node, "a constant default", report).map(|answer| DefaultEntry::Constant(answer.is)),
        "error" => read::text(node, "what an error says", report).map(|text| DefaultEntry::Error(text.is)),
        _ => {
            let mut known = Members::of(node, "`last_known`", report)?;
            let max_age = known.require("max_age", report).and_then(|node| read::duration(node, report));
            let otherwise = known.require("otherwise", report);
            let otherwise =
                otherwise.and_then(|node| read::object(node, "`otherwise`", report)).map(|answer| answer.is);
            known.finish(report);
            Some(DefaultEntry::LastKnown { at: name.at, max_age, otherwise })
        }
    }
}
