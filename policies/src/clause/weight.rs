//! How much votes count.

use std::fmt;

use wire::ExecutorId;

use crate::evidence::{Roster, Seats};

/// A vote's weight, in thousandths: sums are exact, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(pub(crate) u64);

/// Weights of those that do not weigh 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights(pub(crate) Vec<(ExecutorId, Weight)>);

/// The weight of each seat.
#[derive(Clone, Debug)]
pub(crate) enum Scales {
    /// Every vote weighs 1.
    Even,
    /// By seat.
    Weighed(Box<[Weight]>),
}

// === impl Weight ===

impl Weight {
    pub(crate) const NONE: Self = Self(0);
    /// What one vote weighs unless the policy says.
    pub(crate) const ONE: Self = Self(1_000);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Weight {
    /// Writes `2`, or `2.5`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1_000, self.0 % 1_000);
        if thousandths == 0 {
            return write!(out, "{whole}");
        }
        let digits = format!("{thousandths:03}");
        write!(out, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

// === impl Weights ===

impl Weights {
    /// Returns what `executor` weighs.
    pub(crate) fn of(&self, executor: &ExecutorId) -> Weight {
        self.0.iter().find(|(other, _)| other == executor).map_or(Weight::ONE, |(_, weight)| *weight)
    }
}

// === impl Scales ===

impl Scales {
    pub(crate) fn of(weights: &Weights, roster: &Roster) -> Self {
        let by_seat: Box<[Weight]> = roster.asked().iter().map(|asked| weights.of(&asked.executor)).collect();
        if by_seat.iter().all(|weight| *weight == Weight::ONE) { Self::Even } else { Self::Weighed(by_seat) }
    }

    pub(crate) fn weigh(&self, seats: Seats) -> Weight {
        match self {
            Self::Even => Weight(Weight::ONE.0 * seats.len() as u64),
            Self::Weighed(by_seat) => seats.into_iter().fold(Weight::NONE, |sum, seat| sum.and(by_seat[seat])),
        }
    }

    /// Returns the least weight that is more than half of that of `seats`; in whole votes, where votes are whole.
    pub(crate) fn majority(&self, seats: Seats) -> Weight {
        let more_than_half = self.weigh(seats).0 / 2 + 1;
        let is_whole = |seat| self.weigh(Seats::one(seat)).0.is_multiple_of(Weight::ONE.0);
        let step = if seats.into_iter().all(is_whole) { Weight::ONE.0 } else { 1 };
        Weight(more_than_half.next_multiple_of(step))
    }
}
