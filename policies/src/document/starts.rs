//! `start:` as written: `now`, `{ after: 2ms }`, or `{ after: p95, of: forest, min: 2ms, max: 30ms }`.

use std::time::Duration;

use super::{
    clauses::{bounds, quantile},
    read::{self, Members},
    share,
    tree::Node,
};
use crate::{
    Quantile,
    diagnostic::{Report, Span, Spanned},
};

/// When an executor may start.
#[derive(Debug)]
pub(crate) struct StartEntry {
    pub(crate) at: Span,
    /// `None` if it was written wrongly.
    pub(crate) after: Option<AfterEntry>,
    /// At most this share of the requests may start it.
    pub(crate) budget: Option<Spanned<f64>>,
}

/// After what.
#[derive(Debug)]
pub(crate) enum AfterEntry {
    /// A time.
    Fixed(Duration),
    /// As long as somebody usually takes.
    Usual {
        quantile: Quantile,
        of: Option<Spanned<String>>,
        min: Option<Spanned<Duration>>,
        max: Option<Spanned<Duration>>,
        otherwise: Option<Spanned<Duration>>,
    },
}

/// What only goes with a quantile.
const OF_QUANTILES: [&str; 4] = ["of", "min", "max", "otherwise"];

pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Option<StartEntry> {
    if let Some(text) = node.text() {
        if text != "now" {
            report
                .error(node.at, format!("`{text}` is not a start"))
                .hint("write `now`, `{ after: 2ms }` or `{ after: p95 }`");
        }
        return None;
    }
    let mut start = Members::of(node, "`start`", report)?;
    let after = start.require("after", report);
    let budget = start.take("budget").and_then(|node| share(node, report));
    let Some(after) = after else { return Some(StartEntry { at: node.at, after: None, budget }) };
    let is_quantile = after.text().is_some_and(|text| text.starts_with('p'));
    let read = if is_quantile {
        let (of, otherwise) = (start.take("of"), start.take("otherwise"));
        let (min, max) = bounds(&mut start, report);
        quantile(after, report).map(|quantile| AfterEntry::Usual {
            quantile,
            of: of.and_then(|node| read::text(node, "whose latency a start follows", report)),
            min,
            max,
            otherwise: otherwise.and_then(|node| read::duration(node, report)),
        })
    } else {
        for (name, _) in start.any_of(&OF_QUANTILES) {
            let problem =
                report.error(name.at, format!("`{}` goes with a quantile, and this start is a fixed time", name.is));
            problem.hint("write `after: p95`, or take it out");
        }
        read::duration(after, report).map(|fixed| AfterEntry::Fixed(fixed.is))
    };
    start.finish(report);
    Some(StartEntry { at: after.at, after: read, budget })
}
