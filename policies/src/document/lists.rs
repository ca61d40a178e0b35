//! `list` in `answer:` as written: where the ranked list is, and how two of them are compared.

use std::num::NonZeroUsize;

use super::{
    read::{self, Members},
    tree::{Node, Value},
};
use crate::diagnostic::{Report, Spanned};

/// A ranked list; what is missing of it was reported, or has a usual value.
#[derive(Debug, Default)]
pub(crate) struct ListEntry {
    pub(crate) field: Option<Spanned<String>>,
    pub(crate) item: Option<Spanned<String>>,
    pub(crate) top: Option<Spanned<NonZeroUsize>>,
    pub(crate) persistence: Option<Spanned<f64>>,
}

// === impl ListEntry ===

impl ListEntry {
    /// `items`, or `{ field: items, item: id, top: 10, persistence: 90% }`.
    pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Self {
        match &node.value {
            Value::Map(_) => {}
            Value::Scalar { .. } => {
                return Self { field: read::text(node, "the list's field", report), ..Self::default() };
            }
            Value::List(_) => {
                let problem = report.error(node.at, "`list` is the field that holds one, or a map");
                problem.label(format!("this is {}", node.what())).hint("write `list: items`");
                return Self::default();
            }
        }
        let Some(mut list) = Members::of(node, "`list`", report) else { return Self::default() };
        let field = list.require("field", report).and_then(|node| read::text(node, "the list's field", report));
        let entry = Self {
            field,
            item: list.take("item").and_then(|node| read::text(node, "what an item is known by", report)),
            top: list.take("top").and_then(|node| read::count(node, "`top`", report)),
            persistence: list.take("persistence").and_then(|node| persistence(node, report)),
        };
        list.finish(report);
        entry
    }
}

/// `90%` or `0.9`; whether that makes sense is `lower`'s.
fn persistence(node: &Node, report: &mut Report<'_>) -> Option<Spanned<f64>> {
    let part = read::part(node);
    if part.is_none() {
        let problem = report.error(node.at, "`persistence` is a share");
        problem.label(format!("this is {}", node.what())).hint("write `persistence: 90%`");
    }
    part.map(|is| Spanned { is, at: node.at })
}
