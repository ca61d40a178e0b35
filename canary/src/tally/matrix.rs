//! Who said what when the other said what: a matrix of labels, of bounded size.
//!
//! Law: where there are more labels than it holds, those that are kept depend on their names alone, and each of them is
//! counted from its first answer on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// So many labels are told apart.
const LABELS_MAX: usize = 24;
/// A label has at most so many characters; what is longer is cut.
const LABEL_CHARS: usize = 60;

/// Counts by the reference's label, then the canary's. `None` is any other label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Matrix {
    labels: BTreeSet<(u64, String)>,
    counts: Vec<(Option<String>, Option<String>, u64)>,
}

// === impl Matrix ===

impl Matrix {
    pub(crate) fn count(&mut self, reference: &str, canary: &str) {
        let (reference, canary) = (cut(reference), cut(canary));
        self.add(Some(reference), Some(canary), 1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (reference, canary, count) in &other.counts {
            self.add(reference.clone(), canary.clone(), *count);
        }
    }

    /// Returns the labels in alphabetical order, and whether there are others.
    pub(crate) fn labels(&self) -> (Vec<String>, bool) {
        let labels: BTreeSet<&String> = self.labels.iter().map(|(_, label)| label).collect();
        let others = self.counts.iter().any(|(reference, canary, _)| reference.is_none() || canary.is_none());
        (labels.into_iter().cloned().collect(), others)
    }

    /// Returns how often the reference said the one and the canary the other.
    pub(crate) fn of(&self, reference: Option<&str>, canary: Option<&str>) -> u64 {
        self.place(reference, canary).map_or(0, |place| self.counts[place].2)
    }

    fn add(&mut self, reference: Option<String>, canary: Option<String>, count: u64) {
        for label in reference.iter().chain(&canary) {
            self.labels.insert((hash(label), label.clone()));
        }
        while self.labels.len() > LABELS_MAX {
            let Some((_, gone)) = self.labels.pop_last() else { break };
            self.forget(&gone);
        }
        let known = |label: Option<String>| label.filter(|label| self.labels.contains(&(hash(label), label.clone())));
        let (reference, canary) = (known(reference), known(canary));
        self.put(reference, canary, count);
    }

    fn put(&mut self, reference: Option<String>, canary: Option<String>, count: u64) {
        match self.place(reference.as_deref(), canary.as_deref()) {
            Some(place) => self.counts[place].2 += count,
            None => self.counts.push((reference, canary, count)),
        }
        // A set by another name: JSON has no maps by two names, and two that counted alike are to be alike.
        self.counts.sort_unstable();
    }

    fn place(&self, reference: Option<&str>, canary: Option<&str>) -> Option<usize> {
        self.counts.iter().position(|(one, other, _)| one.as_deref() == reference && other.as_deref() == canary)
    }

    fn forget(&mut self, gone: &str) {
        let mut counts: BTreeMap<(Option<String>, Option<String>), u64> = BTreeMap::new();
        for (reference, canary, count) in self.counts.drain(..) {
            let kept = |label: Option<String>| label.filter(|label| label != gone);
            *counts.entry((kept(reference), kept(canary))).or_default() += count;
        }
        self.counts = counts.into_iter().map(|((reference, canary), count)| (reference, canary, count)).collect();
    }
}

fn cut(label: &str) -> String {
    label.chars().take(LABEL_CHARS).collect()
}

/// FNV-1a, 64 bits: which labels are kept is to be the same everywhere.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
