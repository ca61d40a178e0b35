//! What was counted of either of two, and of both at once.

use std::{collections::BTreeMap, ops::AddAssign};

use serde::{Deserialize, Serialize};

use super::{CELLS_MAX, micros};
use crate::{Cells, Said, Side, statistics::Paired};

/// Something that befalls both, one, or none of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Four {
    pub(crate) both: u64,
    pub(crate) canary: u64,
    pub(crate) reference: u64,
    pub(crate) neither: u64,
}

/// What one side did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SideTally {
    pub(crate) said: BTreeMap<Said, u64>,
    /// In microseconds, of answers.
    pub(crate) latency: Cells<u64>,
    /// In microseconds, of answers.
    pub(crate) scored: Cells<u64>,
    pub(crate) models: BTreeMap<String, u64>,
}

/// Numbers in pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) canary: Cells<u64>,
    pub(crate) reference: Cells<u64>,
    /// The canary's less the reference's.
    pub(crate) difference: Cells<u64>,
}

/// So many models of one side are told apart, and the rest counted as one.
const MODELS_MAX: usize = 16;
/// Models beyond.
const OTHERS: &str = "(others)";

/// Adds counts by name.
pub(crate) fn add_counts<K: Ord + Clone>(counts: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (name, count) in others {
        *counts.entry(name.clone()).or_default() += count;
    }
}

// === impl Four ===

impl Four {
    pub(crate) fn count(&mut self, canary: bool, reference: bool) {
        *match (canary, reference) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.canary,
            (false, true) => &mut self.reference,
            (false, false) => &mut self.neither,
        } += 1;
    }

    pub(crate) fn total(self) -> u64 {
        self.both + self.canary + self.reference + self.neither
    }

    pub(crate) fn paired(self) -> Paired {
        Paired { canary: self.canary, reference: self.reference, of: self.total() }
    }
}

impl AddAssign<&Self> for Four {
    fn add_assign(&mut self, other: &Self) {
        self.both += other.both;
        self.canary += other.canary;
        self.reference += other.reference;
        self.neither += other.neither;
    }
}

// === impl SideTally ===

impl Default for SideTally {
    fn default() -> Self {
        let cells = || Cells::new(CELLS_MAX);
        Self { said: BTreeMap::new(), latency: cells(), scored: cells(), models: BTreeMap::new() }
    }
}

impl SideTally {
    pub(super) fn add(&mut self, side: &Side) {
        *self.said.entry(side.said).or_default() += 1;
        if let Some(latency) = side.latency {
            self.latency.count(micros(latency));
        }
        if let Some(scored) = side.scored {
            self.scored.count(micros(scored));
        }
        if let Some(model) = &side.model {
            *self.models.entry(model.clone()).or_default() += 1;
            self.shrink();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        add_counts(&mut self.said, &other.said);
        add_counts(&mut self.models, &other.models);
        self.shrink();
        self.latency.merge(&other.latency);
        self.scored.merge(&other.scored);
    }

    /// The last by name become others, and stay that: so the first by name are counted from their first answer on.
    fn shrink(&mut self) {
        while self.models.len() > MODELS_MAX {
            let last = self.models.keys().rev().find(|name| *name != OTHERS).cloned();
            let count = last.and_then(|last| self.models.remove(&last)).unwrap_or_default();
            *self.models.entry(OTHERS.to_owned()).or_default() += count;
        }
    }

    pub(crate) fn count(&self, said: Said) -> u64 {
        self.said.get(&said).copied().unwrap_or_default()
    }
}

// === impl Numbers ===

impl Default for Numbers {
    fn default() -> Self {
        let cells = || Cells::new(CELLS_MAX);
        Self { canary: cells(), reference: cells(), difference: cells() }
    }
}

impl Numbers {
    pub(super) fn add(&mut self, canary: Option<f64>, reference: Option<f64>) {
        if let Some((canary, reference)) = canary.zip(reference) {
            self.canary.count(canary);
            self.reference.count(reference);
            self.difference.count(canary - reference);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.canary.merge(&other.canary);
        self.reference.merge(&other.reference);
        self.difference.merge(&other.difference);
    }
}
