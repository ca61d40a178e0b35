//! Where a canary is worse although on the whole it is fine: found, not asked for.
//!
//! Dimensions are the declared features, the attributes, the case and what the reference said. Text is a segment by
//! itself; numbers are cut into quarters where they lie when somebody looks.
//! Laws: neither order nor parts matter, and the size is bounded; however often one looks and wherever the cuts then
//! lie, the probability that any segment is wrongly shown as worse is at most what the whole search is given. To that
//! end its bounds are corrected (Bonferroni) for every segment that there could be: for a number, all ranges of cells.

mod search;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use search::Segment;
pub(crate) use search::{Search, worst};

use crate::{
    Cells, Pair,
    tally::{Examples, Four, hash, number},
};

/// What was counted of every segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segments {
    dimensions: BTreeMap<String, Dimension>,
}

/// One way to cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Dimension {
    /// The smallest by their hash: which are kept depends on nothing else, and each is complete.
    texts: BTreeMap<String, Part>,
    order: BTreeSet<(u64, String)>,
    others: Part,
    numbers: Cells<Part>,
}

/// What was counted of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) asked: u64,
    pub(crate) compared: u64,
    pub(crate) disagreed: u64,
    pub(crate) failed: Four,
    pub(crate) right: Four,
    pub(crate) examples: Examples,
}

/// So many ways to cut; those behind, by name, are not looked at.
pub(crate) const DIMENSIONS_MAX: usize = 32;
/// So many texts of one dimension are told apart.
pub(crate) const TEXTS_MAX: usize = 64;
/// So many cells of one number: 2 % of it each within four octaves.
const CELLS_MAX: usize = 256;
/// A text has at most so many characters; what is longer is cut.
const TEXT_CHARS: usize = 60;

// === impl Segments ===

impl Segments {
    /// Counts a pair in each of its segments.
    pub fn add(&mut self, pair: &Pair) {
        let part = Part::of(pair);
        for (name, fact) in &pair.facts {
            if let Some(dimension) = self.dimension(name) {
                dimension.add(fact, &part);
            }
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.dimensions {
            if let Some(dimension) = self.dimension(name) {
                dimension.merge(theirs);
            }
        }
    }

    /// Returns how many segments there are at the finest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dimensions.values().map(|dimension| dimension.texts.len() + dimension.numbers.len()).sum()
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dimensions.is_empty()
    }

    fn dimension(&mut self, name: &str) -> Option<&mut Dimension> {
        if !self.dimensions.contains_key(name) {
            self.dimensions.insert(name.to_owned(), Dimension::default());
            while self.dimensions.len() > DIMENSIONS_MAX {
                self.dimensions.pop_last();
            }
        }
        self.dimensions.get_mut(name)
    }
}

// === impl Dimension ===

impl Default for Dimension {
    fn default() -> Self {
        let numbers = Cells::new(CELLS_MAX);
        Self { texts: BTreeMap::new(), order: BTreeSet::new(), others: Part::default(), numbers }
    }
}

impl Dimension {
    fn add(&mut self, fact: &Value, part: &Part) {
        match (number(fact), fact) {
            (Some(number), _) => *self.numbers.at(number) += part,
            (None, Value::String(text)) => self.count(&text.chars().take(TEXT_CHARS).collect::<String>(), part),
            (None, Value::Bool(yes)) => self.count(if *yes { "true" } else { "false" }, part),
            _ => {}
        }
    }

    fn count(&mut self, text: &str, part: &Part) {
        *self.texts.entry(text.to_owned()).or_default() += part;
        self.order.insert((hash(text), text.to_owned()));
        while self.order.len() > TEXTS_MAX {
            let gone = self.order.pop_last().and_then(|(_, gone)| self.texts.remove(&gone));
            self.others += &gone.unwrap_or_default();
        }
    }

    fn merge(&mut self, other: &Self) {
        for (text, part) in &other.texts {
            self.count(text, part);
        }
        self.others += &other.others;
        self.numbers.merge(&other.numbers);
    }
}

// === impl Part ===

impl Part {
    fn of(pair: &Pair) -> Self {
        let mut part = Self { asked: 1, ..Self::default() };
        part.failed.count(pair.canary.failed(), pair.reference.failed());
        if let Some((canary, reference)) = pair.canary.right.zip(pair.reference.right) {
            part.right.count(canary, reference);
        }
        if pair.excluded().is_none() {
            part.compared = 1;
            part.disagreed = u64::from(pair.agree == Some(false));
        }
        let is_bad = part.disagreed + part.failed.canary + part.right.reference > 0;
        if is_bad {
            part.examples.some(pair.request);
        }
        part
    }
}

impl AddAssign<&Self> for Part {
    fn add_assign(&mut self, other: &Self) {
        self.asked += other.asked;
        self.compared += other.compared;
        self.disagreed += other.disagreed;
        self.failed += &other.failed;
        self.right += &other.right;
        self.examples.merge(&other.examples);
    }
}

#[cfg(test)]
mod tests;
