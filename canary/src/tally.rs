//! What a canary and its reference came to: counts alone, of bounded size.
//!
//! Laws: the order in which pairs are added changes nothing, and tallies of parts add up to the tally of the whole. So
//! partitions need not know of each other, and who resumes goes on where the counts were.

mod examples;
mod lists;
mod matrix;
mod sides;

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use examples::Examples;
pub(crate) use lists::{Lists, Shares};
pub(crate) use matrix::{Matrix, hash};
pub(crate) use sides::{Four, Numbers, SideTally, add_counts};

use crate::{Cells, Excluded, Pair, Segments, cells::Places, statistics::Paired};

/// Everything that was counted of one canary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The canary beside its reference.
    pub pairs: Tally,
    /// The reference beside itself.
    pub noise: Tally,
    /// Where the canary is worse.
    pub segments: Segments,
    /// Responses of the canary to requests that nobody remembers: begun before the comparison, or far too late.
    pub strays: u64,
}

/// What was counted of two that were asked the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests about which the canary was asked, excluded ones too.
    pub asked: u64,
    /// Of these, how many had two answers that were compared.
    pub compared: u64,
    /// Of these, how many had the same answer twice.
    pub agreed: u64,
    /// How many were not compared, and why.
    pub excluded: BTreeMap<Excluded, u64>,
    pub(crate) failed: Four,
    pub(crate) right: Four,
    pub(crate) canary: SideTally,
    pub(crate) reference: SideTally,
    /// Milliseconds after the verdict.
    pub(crate) lateness: Cells<u64>,
    /// Microseconds that the canary took longer.
    pub(crate) slower: Cells<u64>,
    pub(crate) value: Numbers,
    pub(crate) confidence: Numbers,
    /// Nothing in what was written down before lists were compared.
    #[serde(default)]
    pub(crate) lists: Lists,
    pub(crate) matrix: Matrix,
    pub(crate) impact: ImpactTally,
    /// By the second in which the log took the request in.
    pub(crate) course: Places<Moment>,
    /// Microseconds since the epoch: the first and the last request.
    pub(crate) span: Option<(i64, i64)>,
    pub(crate) examples: ExamplesOf,
}

/// How many results would have been others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImpactTally {
    pub(crate) known: u64,
    pub(crate) candidate: u64,
    pub(crate) first: u64,
    pub(crate) unknown: BTreeMap<String, u64>,
}

/// What came of the requests of some seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) asked: u64,
    pub(crate) compared: u64,
    pub(crate) agreed: u64,
    pub(crate) failed: Four,
    pub(crate) right: Four,
}

/// Some requests behind the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExamplesOf {
    pub(crate) disagreed: Examples,
    /// Lists that rank least alike.
    #[serde(default)]
    pub(crate) apart: Examples,
    pub(crate) failed: Examples,
    pub(crate) wrong: Examples,
    pub(crate) slowest: Examples,
    pub(crate) changed: Examples,
}

/// A distribution has at most so many cells: four octaves, or forty in 16 % each.
const CELLS_MAX: usize = 256;
/// A course has at most so many points.
const COURSE_MAX: usize = 128;
/// So many reasons why nobody knows what would have been.
const REASONS_MAX: usize = 16;

// === impl Tally ===

impl Default for Tally {
    fn default() -> Self {
        Self {
            asked: 0,
            compared: 0,
            agreed: 0,
            excluded: BTreeMap::new(),
            failed: Four::default(),
            right: Four::default(),
            canary: SideTally::default(),
            reference: SideTally::default(),
            lateness: Cells::new(CELLS_MAX),
            slower: Cells::new(CELLS_MAX),
            value: Numbers::default(),
            confidence: Numbers::default(),
            lists: Lists::default(),
            matrix: Matrix::default(),
            impact: ImpactTally::default(),
            course: Places::new(COURSE_MAX),
            span: None,
            examples: ExamplesOf::default(),
        }
    }
}

impl Tally {
    /// Counts a request that shows nothing.
    pub fn exclude(&mut self, why: Excluded) {
        self.asked += 1;
        *self.excluded.entry(why).or_default() += 1;
    }

    /// Counts a pair.
    pub fn add(&mut self, pair: &Pair) {
        self.asked += 1;
        let at = pair.at.as_micros();
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        let mut moment = Moment { asked: 1, ..Moment::default() };
        moment.failed.count(pair.canary.failed(), pair.reference.failed());
        if let Some((canary, reference)) = pair.canary.right.zip(pair.reference.right) {
            moment.right.count(canary, reference);
        }
        match (pair.excluded(), pair.agree) {
            (None, Some(agree)) => (moment.compared, moment.agreed) = (1, u64::from(agree)),
            (why, _) => *self.excluded.entry(why.unwrap_or(Excluded::NotComparable)).or_default() += 1,
        }
        self.failed += &moment.failed;
        self.right += &moment.right;
        self.compared += moment.compared;
        self.agreed += moment.agreed;
        *self.course.at(at.div_euclid(1_000_000)) += &moment;
        self.canary.add(&pair.canary);
        self.reference.add(&pair.reference);
        self.measure(pair);
        self.impact.add(pair);
        self.examples.add(pair);
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.compared += other.compared;
        self.agreed += other.agreed;
        add_counts(&mut self.excluded, &other.excluded);
        self.failed += &other.failed;
        self.right += &other.right;
        self.canary.merge(&other.canary);
        self.reference.merge(&other.reference);
        self.lateness.merge(&other.lateness);
        self.slower.merge(&other.slower);
        self.value.merge(&other.value);
        self.confidence.merge(&other.confidence);
        self.lists.merge(&other.lists);
        self.matrix.merge(&other.matrix);
        self.impact.merge(&other.impact);
        self.course.merge(&other.course);
        let spans = self.span.into_iter().chain(other.span);
        self.span = spans.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)));
        self.examples.merge(&other.examples);
    }

    /// Returns how often one of the two failed and the other did not.
    pub(crate) fn failures(&self) -> Paired {
        self.failed.paired()
    }

    /// Returns how often one of the two was right and the other was not, the canary's being wrong counting as its own.
    pub(crate) fn mistakes(&self) -> Paired {
        let Paired { canary, reference, of } = self.right.paired();
        Paired { canary: reference, reference: canary, of }
    }

    fn measure(&mut self, pair: &Pair) {
        if let Some(late) = pair.canary.late {
            self.lateness.count(late.as_secs_f64() * 1e3);
        }
        if let Some((canary, reference)) = pair.canary.latency.zip(pair.reference.latency) {
            self.slower.count(micros(canary) - micros(reference));
        }
        if pair.agree.is_some() {
            self.value.add(pair.canary.number(), pair.reference.number());
            self.confidence.add(pair.canary.confidence, pair.reference.confidence);
            if let Some((likeness, repeated)) = pair.lists() {
                self.lists.count(&likeness, repeated);
            }
            let labels = pair.canary.label().zip(pair.reference.label());
            if let Some((canary, reference)) = labels {
                self.matrix.count(&reference, &canary);
            }
        }
    }
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

// === impl Moment ===

impl AddAssign<&Self> for Moment {
    fn add_assign(&mut self, other: &Self) {
        self.asked += other.asked;
        self.compared += other.compared;
        self.agreed += other.agreed;
        self.failed += &other.failed;
        self.right += &other.right;
    }
}

// === impl ImpactTally ===

impl ImpactTally {
    fn add(&mut self, pair: &Pair) {
        match pair.impact {
            Ok(impact) => {
                self.known += 1;
                self.candidate += u64::from(impact.candidate);
                self.first += u64::from(impact.first);
            }
            Err(why) if self.unknown.len() < REASONS_MAX || self.unknown.contains_key(why) => {
                *self.unknown.entry(why.to_owned()).or_default() += 1;
            }
            Err(_) => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        self.known += other.known;
        self.candidate += other.candidate;
        self.first += other.first;
        add_counts(&mut self.unknown, &other.unknown);
    }
}

// === impl ExamplesOf ===

impl ExamplesOf {
    fn add(&mut self, pair: &Pair) {
        let request = pair.request;
        if pair.agree == Some(false) {
            self.disagreed.some(request);
        }
        if let Some(likeness) = pair.likeness.filter(|likeness| !likeness.is_same) {
            self.apart.least(request, likeness.ranking);
        }
        if pair.canary.failed() && !pair.reference.failed() {
            self.failed.some(request);
        }
        if (pair.canary.right, pair.reference.right) == (Some(false), Some(true)) {
            self.wrong.some(request);
        }
        if pair.impact.is_ok_and(|impact| impact.first) {
            self.changed.some(request);
        }
        if let Some((canary, reference)) = pair.canary.latency.zip(pair.reference.latency) {
            self.slowest.largest(request, canary.saturating_sub(reference));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.disagreed.merge(&other.disagreed);
        self.apart.merge(&other.apart);
        self.failed.merge(&other.failed);
        self.wrong.merge(&other.wrong);
        self.slowest.merge(&other.slowest);
        self.changed.merge(&other.changed);
    }
}

// === impl Ledger ===

impl Ledger {
    /// Adds what was counted elsewhere, as in another partition.
    pub fn merge(&mut self, other: &Self) {
        self.pairs.merge(&other.pairs);
        self.noise.merge(&other.noise);
        self.segments.merge(&other.segments);
        self.strays += other.strays;
    }

    /// Counts a request of which the canary shows `pair`.
    pub(crate) fn add(&mut self, pair: &Pair) {
        self.pairs.add(pair);
        self.segments.add(pair);
    }
}

/// Returns whether a value is one that numbers are cut from.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests;
