//! A canary's report as a page, as Markdown for a pull request, and as text for a terminal.
//!
//! Laws: the first thing that is said is the verdict and why; a verdict is a word and a sign, never a colour alone; each
//! number stands beside how many requests it rests on.

mod index;
mod lists;
mod markdown;
mod page;
mod text;
mod verdict;

use std::collections::BTreeMap;

use serde_json::Value;
use wire::Timestamp;

pub use index::index;
pub(crate) use index::listed;
pub use markdown::markdown;
pub use page::html;
pub(crate) use page::parts;
pub use text::text;

use crate::outside;

/// What is known of requests that a report names, by their ids.
pub type Examples = BTreeMap<String, Example>;

/// One request that a report names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// What was asked.
    pub input: Value,
    /// What the reference said, or did instead.
    pub reference: String,
    /// What the canary said, or did instead.
    pub canary: String,
    /// The right answer, where it was told.
    pub truth: Option<String>,
}

/// How a page was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// When; not told if nobody says.
    pub at: Option<Timestamp>,
    /// The command that makes it again.
    pub command: Option<String>,
}
