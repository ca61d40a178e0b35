//! `combine`: an answer made of several, marked as such: one JSON object with exactly the combined fields.
//!
//! Who has not all of the fields abstains. Sums go by the plan's order, so they do not depend on who came first.

use std::{fmt, num::NonZeroUsize};

use serde_json::{Map, Value};

use super::{Choice, Judgement, Moment, Weight, Weights, Why, groups::Groups, weight::Scales};
use crate::evidence::{Evidence, Field, Seats, canonical_eq};

/// A synthesis.
#[derive(Clone, Debug)]
pub(crate) struct Combine {
    pub(crate) how: How,
    /// The fields that the answer is made of; never empty.
    pub(crate) of: Vec<Field>,
    pub(crate) weights: Weights,
    /// With fewer usable answers it does not decide.
    pub(crate) min_answers: NonZeroUsize,
}

/// How several values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The weighted mean of numbers.
    Mean,
    /// The weighted median of numbers.
    Median,
    /// The value with the most weight behind it.
    VoteWeighted,
}

/// One field of the answers that are combined.
#[derive(Clone, Copy)]
struct Column<'evidence> {
    field: &'evidence Field,
    sources: Seats,
    scales: &'evidence Scales,
    evidence: &'evidence Evidence,
}

// === impl Combine ===

impl Combine {
    pub(super) fn judge(&self, moment: &Moment<'_>) -> Judgement {
        let (sources, pending) = (self.sources(moment), moment.evidence.pending());
        let is_waiting = !pending.is_empty() && self.is_enough(sources.union(pending));
        if is_waiting && !(self.is_enough(sources) && self.is_settled(sources, moment)) {
            return Judgement::Wait(None);
        }
        self.conclude(moment).into()
    }

    pub(super) fn conclude(&self, moment: &Moment<'_>) -> Result<Choice, Why> {
        let sources = self.sources(moment);
        if !self.is_enough(sources) {
            return Err(Why::Scarce { sources: sources.len(), needed: self.min_answers.get() });
        }
        let mut answer = Value::Object(Map::new());
        for column in self.columns(sources, moment) {
            column.field.put(column.combined(self.how), &mut answer);
        }
        let why = Why::Combined { how: self.how, sources: sources.len() };
        Ok(Choice::of(sources, answer.to_string().into(), why))
    }

    /// Returns those whose answers have everything that is combined, and whose word has weight.
    fn sources(&self, moment: &Moment<'_>) -> Seats {
        let has = |field: &Field, seat: usize| match self.how {
            How::Mean | How::Median => field.number(moment.evidence.facts(seat)).is_some(),
            How::VoteWeighted => field.of(moment.evidence.facts(seat)).is_some(),
        };
        let counts = |seat: &usize| {
            moment.sources().weigh(Seats::one(*seat)) > Weight::NONE && self.of.iter().all(|field| has(field, *seat))
        };
        moment.evidence.usable().into_iter().filter(counts).collect()
    }

    fn is_enough(&self, sources: Seats) -> bool {
        sources.len() >= self.min_answers.get()
    }

    /// Returns whether nobody who is still to come changes a field. Any number moves a mean, and may move a median; but
    /// the value with the most votes may be out of reach.
    fn is_settled(&self, sources: Seats, moment: &Moment<'_>) -> bool {
        self.how == How::VoteWeighted && self.columns(sources, moment).all(Column::is_settled)
    }

    fn columns<'evidence>(
        &'evidence self,
        sources: Seats,
        moment: &Moment<'evidence>,
    ) -> impl Iterator<Item = Column<'evidence>> {
        let (scales, evidence) = (moment.sources(), moment.evidence);
        self.of.iter().map(move |field| Column { field, sources, scales, evidence })
    }
}

impl fmt::Display for How {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::VoteWeighted => "weighted vote",
        })
    }
}

// === impl Column ===

impl Column<'_> {
    fn combined(self, how: How) -> Value {
        match how {
            How::Mean => self.mean().into(),
            How::Median => self.median().into(),
            How::VoteWeighted => {
                let value =
                    self.leader(&self.votes()).first().and_then(|seat| self.field.of(self.evidence.facts(seat)));
                value.cloned().unwrap_or_default()
            }
        }
    }

    fn mean(self) -> f64 {
        let total = self.share(self.sources);
        // Shares first: the sum of large numbers would be infinite where their mean is not.
        let mean: f64 = self.numbers().map(|(seat, number)| number * (self.share(Seats::one(seat)) / total)).sum();
        // What rounding adds must not leave the range of what was said: the mean of 0.1, 0.1 and 0.1 is 0.1.
        let least = self.numbers().fold(f64::INFINITY, |least, (_, number)| least.min(number));
        let most = self.numbers().fold(f64::NEG_INFINITY, |most, (_, number)| most.max(number));
        mean.clamp(least, most)
    }

    /// Returns the number below which lies half of the weight; where that is between two, the middle of them.
    fn median(self) -> f64 {
        let mut sorted: Vec<(usize, f64)> = self.numbers().collect();
        sorted.sort_by(|left, right| left.1.total_cmp(&right.1));
        // The seats up to the one at which half of the weight is reached.
        let mut below = Seats::NONE;
        let is_less = |seats| self.scales.weigh(seats).0 < self.scales.weigh(self.sources.without(seats)).0;
        let middle = sorted.iter().position(|(seat, _)| {
            below = below.union(Seats::one(*seat));
            !is_less(below)
        });
        let middle = middle.expect("all together are half and more");
        let is_between = self.scales.weigh(below) == self.scales.weigh(self.sources.without(below));
        let next = sorted.get(middle + 1).filter(|_| is_between);
        next.map_or(sorted[middle].1, |(_, next)| sorted[middle].1.midpoint(*next))
    }

    fn numbers(self) -> impl Iterator<Item = (usize, f64)> {
        self.sources.into_iter().filter_map(move |seat| Some((seat, self.field.number(self.evidence.facts(seat))?)))
    }

    fn votes(self) -> Groups {
        let value = |seat| self.field.of(self.evidence.facts(seat));
        Groups::of(self.sources, |left, right| {
            value(left).zip(value(right)).is_some_and(|(left, right)| canonical_eq(left, right))
        })
    }

    /// Returns those with the most weight behind their value, of several the ones with the plan's first member.
    fn leader(self, votes: &Groups) -> Seats {
        let ahead = |best: Seats, group: Seats| if self.weighs_less(best, group) { group } else { best };
        votes.iter().map(|group| group.members).reduce(ahead).unwrap_or(Seats::NONE)
    }

    fn is_settled(self) -> bool {
        let (votes, pending) = (self.votes(), self.evidence.pending());
        let leader = self.leader(&votes);
        let rivals = votes.iter().map(|group| group.members).filter(|members| *members != leader);
        rivals.chain([Seats::NONE]).all(|rival| !self.weighs_less(leader, rival.union(pending)))
    }

    fn weighs_less(self, one: Seats, other: Seats) -> bool {
        let (weight, against) = (self.scales.weigh(one), self.scales.weigh(other));
        weight < against || (weight == against && other.first() < one.first())
    }

    #[expect(clippy::cast_precision_loss, reason = "weights are far below 2^53")]
    fn share(self, seats: Seats) -> f64 {
        self.scales.weigh(seats).0 as f64
    }
}
