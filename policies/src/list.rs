//! Where an answer has a ranked list, and by what two such lists are compared; comparing them is another crate's.
//!
//! Law: what is no list is never taken for an empty one.

use std::{fmt, num::NonZeroUsize};

use serde_json::Value;

use crate::evidence::Path;

/// What a policy declares of the ranked list in its answers: the best item first.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedList {
    /// Where it is.
    pub(crate) field: Path,
    /// What an item is known by, where items are objects; `None` is the whole of it.
    pub(crate) item: Option<Path>,
    /// So many of the first items are asked for in the other list.
    pub top: NonZeroUsize,
    /// How probably whoever has read an item goes on to the next: above 0, below 1.
    pub persistence: f64,
}

/// Why an answer has no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoList {
    /// There is nothing at its place, or null.
    Absent,
    /// There is something else.
    NotAList,
    /// One of its items is not known by anything.
    NamelessItem,
}

// === impl RankedList ===

impl RankedList {
    /// So many of the first items count for the overlap, unless the policy says.
    pub const TOP: NonZeroUsize = NonZeroUsize::new(10).expect("not zero");
    /// The persistence, unless the policy says: the first ten items then have 86 % of the weight.
    pub const PERSISTENCE: f64 = 0.9;
    /// Items behind this one are not looked at: nobody reads so far, and comparing lists takes as long as they are.
    pub const ITEMS_MAX: usize = 1_000;

    /// Returns where it is.
    #[must_use]
    pub fn field(&self) -> String {
        self.field.to_string()
    }

    /// Returns what an item is known by, if that is a part of it.
    #[must_use]
    pub fn item(&self) -> Option<String> {
        self.item.as_ref().map(ToString::to_string)
    }

    /// Returns what the items of `answer` are known by, the best first.
    pub fn read(&self, answer: &Value) -> Result<Vec<Value>, NoList> {
        let Value::Array(items) = self.field.of(answer).ok_or(NoList::Absent)? else { return Err(NoList::NotAList) };
        let known_by = |item| self.item.as_ref().map_or(Some(item), |path| path.of(item));
        items.iter().map(|item| known_by(item).cloned().ok_or(NoList::NamelessItem)).collect()
    }
}

impl fmt::Display for RankedList {
    /// Writes all that lists are compared by: whoever compares by the same text may go on with the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, item, top, persistence } = self;
        write!(out, "the first {top} of `{field}`")?;
        if let Some(item) = item {
            write!(out, " known by `{item}`")?;
        }
        write!(out, ", read on with {persistence}")
    }
}
