//! Some of a request's executors, by seat: a set of at most 64, in one word.

use super::EXECUTORS_MAX;

/// A set of seats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seats(u64);

const _: () = assert!(EXECUTORS_MAX <= u64::BITS as usize);

impl Seats {
    pub(crate) const NONE: Self = Self(0);

    /// Returns the set of this one seat.
    pub(crate) const fn one(seat: usize) -> Self {
        Self(1 << seat)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(crate) const fn contains(self, seat: usize) -> bool {
        self.0 & (1 << seat) != 0
    }

    pub(crate) const fn contains_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the plan's first of them.
    pub(crate) fn first(self) -> Option<usize> {
        (!self.is_empty()).then_some(self.0.trailing_zeros() as usize)
    }
}

impl IntoIterator for Seats {
    type Item = usize;
    type IntoIter = Iter;

    /// Goes through them in the plan's order.
    fn into_iter(self) -> Iter {
        Iter(self)
    }
}

/// What is left to go through.
#[derive(Clone, Debug)]
pub(crate) struct Iter(Seats);

impl Iterator for Iter {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let seat = self.0.first()?;
        self.0 = self.0.without(Seats::one(seat));
        Some(seat)
    }
}

impl FromIterator<usize> for Seats {
    fn from_iter<I: IntoIterator<Item = usize>>(seats: I) -> Self {
        seats.into_iter().fold(Self::NONE, |set, seat| set.union(Self::one(seat)))
    }
}
