//! The examples of two definitions, played under both: the difference that callers would notice.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;
use wire::Timestamp;

use super::{describe, words};
use crate::{DecidedBy, Definition, Example, Verdict, example::Timeline};

/// An example that comes out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replay {
    /// Its name.
    pub name: String,
    /// Whose example it is.
    pub of: Origin,
    /// What came of it under the old definition.
    pub old: Outcome,
    /// What comes of it under the new one.
    pub new: Outcome,
    /// The difference, in plain words.
    pub sentence: String,
}

/// Whose example one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Only the old definition has it so.
    Old,
    /// Only the new definition has it so.
    New,
    /// Both have it.
    Both,
}

/// What came of an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// When, since the request's birth.
    #[serde(serialize_with = "written")]
    pub at: Duration,
    /// The answer.
    pub answer: Value,
    /// The clause kind that decided.
    pub decided_by: DecidedBy,
}

/// Plays all of them; returns those that differ, and how many were played.
pub(super) fn both(old: &Definition, new: &Definition) -> (Vec<Replay>, usize) {
    let is_same = |left: &Example, right: &Example| {
        left.name == right.name && describe::circumstances(left) == describe::circumstances(right)
    };
    let olds = old.examples.iter().map(|example| {
        let in_both = new.examples.iter().any(|other| is_same(example, other));
        (example, if in_both { Origin::Both } else { Origin::Old })
    });
    let only_new = new.examples.iter().filter(|example| !old.examples.iter().any(|other| is_same(example, other)));
    let all: Vec<_> = olds.chain(only_new.map(|example| (example, Origin::New))).collect();
    let differ = all.iter().filter_map(|(example, of)| Replay::of(example, *of, old, new));
    (differ.collect(), all.len())
}

fn written<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&words::duration(*at))
}

// === impl Replay ===

impl Replay {
    fn of(example: &Example, of: Origin, old: &Definition, new: &Definition) -> Option<Self> {
        let mut timeline = Timeline::default();
        let before = Outcome::of(&example.verdict(old, &mut timeline));
        let after = Outcome::of(&example.verdict(new, &mut timeline));
        let differences = before.differences(&after);
        let whose = match of {
            Origin::Old => " (as it was)",
            Origin::New => " (as it is now)",
            Origin::Both => "",
        };
        let sentence = format!("`{}`{whose}: {}", example.name, differences.join(", "));
        (!differences.is_empty()).then(|| Self { name: example.name.clone(), of, old: before, new: after, sentence })
    }
}

// === impl Outcome ===

impl Outcome {
    fn of(verdict: &Verdict) -> Self {
        let at = verdict.at.since(Timestamp::EPOCH);
        Self { at, answer: words::json(&verdict.answer), decided_by: verdict.decided_by }
    }

    fn differences(&self, new: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.answer != new.answer {
            differences.push(format!("answers {} instead of {}", new.answer, self.answer));
        }
        if self.at != new.at {
            differences.push(format!("comes at {} instead of {}", words::duration(new.at), words::duration(self.at)));
        }
        if self.decided_by != new.decided_by {
            differences.push(format!(
                "is decided by {} instead of {}",
                new.decided_by.as_str(),
                self.decided_by.as_str()
            ));
        }
        differences
    }
}
