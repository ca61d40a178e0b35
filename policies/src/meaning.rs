//! What changes between two definitions: in meaning, not in text.
//!
//! Laws: a definition does not differ from itself; what is written otherwise and means the same does not differ; every
//! field of the language that is changed is told. Each definition becomes a tree of parts with facts (`describe`, which
//! takes every struct apart without `..`, so that a new field cannot be forgotten); the trees are compared (`part`); and
//! each one's examples are played under both (`replay`), which is the difference that callers would notice.

mod describe;
mod part;
mod replay;
mod words;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

pub use replay::{Origin, Outcome, Replay};

use crate::Definition;

/// What changes from one definition to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Every change, in the order of the file.
    pub changes: Vec<Change>,
    /// The examples of either that come out otherwise.
    pub examples: Vec<Replay>,
    /// How many examples were played under both.
    pub played: usize,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Where: names with dots between, clauses by their place from 1 and their kind: `decide.1.agree.votes`. The place
    /// is the new one, unless the part is gone.
    pub path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// What it was, durations as in the file; for what moved, its place from 1.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
    /// What that means, in plain words.
    pub sentence: String,
}

/// What can happen to a part of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It says something else.
    Changed,
    /// It says the same in another place, where places matter.
    Moved,
}

/// Returns what changes when `new` takes the place of `old`.
#[must_use]
pub fn diff(old: &Definition, new: &Definition) -> Difference {
    let (before, after) = (describe::definition(old), describe::definition(new));
    let (examples, played) = replay::both(old, new);
    Difference { changes: part::compare(&before, &after), examples, played }
}

// === impl Difference ===

impl Difference {
    /// Returns whether both mean the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.examples.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(out, "nothing changes in meaning");
        }
        for change in &self.changes {
            writeln!(out, "{} {}", change.kind.mark(), change.sentence)?;
        }
        if self.played > 0 {
            let differ = self.examples.len();
            let examples = if self.played == 1 { "example comes" } else { "examples come" };
            writeln!(
                out,
                "{differ} of {} {examples} out otherwise{}",
                self.played,
                if differ == 0 { "" } else { ":" }
            )?;
        }
        self.examples.iter().try_for_each(|replay| writeln!(out, "  {}", replay.sentence))
    }
}

// === impl ChangeKind ===

impl ChangeKind {
    /// Returns the sign that stands before such a change.
    #[must_use]
    pub const fn mark(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
            Self::Moved => '>',
        }
    }
}

#[cfg(test)]
mod tests;
