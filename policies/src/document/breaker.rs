//! `breaker:` as written.

use std::{num::NonZeroUsize, time::Duration};

use super::{
    read::{self, Members},
    share,
    tree::Node,
};
use crate::diagnostic::{Report, Span, Spanned};

/// When an executor is no longer waited for.
#[derive(Debug)]
pub(crate) struct BreakerEntry {
    pub(crate) at: Span,
    /// Whether `off` was written, which some readers of YAML take for `false`.
    pub(crate) is_off: bool,
    pub(crate) open_at: Option<Spanned<f64>>,
    pub(crate) min: Option<Spanned<NonZeroUsize>>,
    pub(crate) window: Option<Spanned<Duration>>,
    pub(crate) pause: Option<Spanned<Duration>>,
}

// === impl BreakerEntry ===

impl BreakerEntry {
    /// `off` or `{ open_at: 90%, min: 20, window: 10s, pause: 1s }`.
    pub(super) fn read(node: &Node, report: &mut Report<'_>) -> Self {
        let nothing = Self { at: node.at, is_off: false, open_at: None, min: None, window: None, pause: None };
        match node.text() {
            Some("off" | "false") => return Self { is_off: true, ..nothing },
            Some(text) => {
                report
                    .error(node.at, format!("`{text}` is no breaker"))
                    .hint("write `off`, or when it opens: `{ open_at: 90%, min: 20, window: 10s, pause: 1s }`");
                return nothing;
            }
            None => {}
        }
        let Some(mut breaker) = Members::of(node, "`breaker`", report) else { return nothing };
        let entry = Self {
            open_at: breaker.take("open_at").and_then(|node| share(node, report)),
            min: breaker.take("min").and_then(|node| read::count(node, "`min`", report)),
            window: breaker.take("window").and_then(|node| read::duration(node, report)),
            pause: breaker.take("pause").and_then(|node| read::duration(node, report)),
            ..nothing
        };
        breaker.finish(report);
        entry
    }
}
