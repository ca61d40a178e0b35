//! What one process counts, slice by slice, and what all of them counted together.
//!
//! A process writes what it counted into one slice of each level, tells it as long as the slice is open, and once more when
//! it is over; whoever reads what all processes told has the sum. A slice holds what was *heard of* in its time; in those that
//! are not the finest, executors' times are kept in half as many cells.
//! Laws: what a process told last of each slice, over all processes and in any order between them, adds up to what they
//! counted; what is held is bounded by slices, and does not grow with requests.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::{LEVELS, Series, Sum, series::number};

/// What one process counted in one slice of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// How fine it is: 0 for the finest.
    pub level: usize,
    /// Its number since the epoch, in that level.
    pub number: u64,
    /// What was counted in it so far.
    pub sum: Sum,
}

/// What one process counts.
#[derive(Debug, Default)]
pub struct Diary {
    open: [Open; LEVELS],
    over: Vec<Slice>,
}

/// What all processes told.
#[derive(Debug, Default)]
pub struct Chronicle<P: Ord> {
    series: Series<Sum>,
    /// By process, in each level the slice that it may still add to.
    open: BTreeMap<P, [Option<(u64, Sum)>; LEVELS]>,
}

#[derive(Debug, Default)]
struct Open {
    number: u64,
    sum: Sum,
    is_news: bool,
    told: Timestamp,
}

/// So often an open slice is told: a crash costs what was counted since. The finest is what people look at live.
const TOLD_EVERY: [Duration; LEVELS] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(10)];
/// A slice that is followed by so many is told no more.
const FOLLOWED: u64 = 3;

// === impl Slice ===

impl Slice {
    /// Returns the place that this slice shares with those that are so much older that nobody needs them: told under one
    /// key, only the newest of them is kept.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.number % crate::series::kept(self.level).max(1)
    }
}

// === impl Diary ===

impl Diary {
    /// Adds what was counted since the last time.
    pub fn add(&mut self, counted: &Sum, now: Timestamp) {
        if counted.is_empty() {
            return;
        }
        self.turn(now);
        let rougher = counted.rougher();
        for (level, open) in self.open.iter_mut().enumerate() {
            open.sum += if level == 0 { counted } else { &rougher };
            open.is_news = true;
        }
    }

    /// Returns what is to be told now; `all` that is not told yet, if the process ends.
    pub fn tell(&mut self, now: Timestamp, all: bool) -> Vec<Slice> {
        self.turn(now);
        let mut told = std::mem::take(&mut self.over);
        for (level, (open, every)) in self.open.iter_mut().zip(TOLD_EVERY).enumerate() {
            if open.is_news && (all || now >= open.told.after(every)) {
                (open.is_news, open.told) = (false, now);
                told.push(Slice { level, number: open.number, sum: open.sum.clone() });
            }
        }
        told
    }

    /// Closes what is over.
    fn turn(&mut self, now: Timestamp) {
        for (level, open) in self.open.iter_mut().enumerate() {
            let number = number(level, now);
            // A clock that is set back adds to the slice that it has.
            if number > open.number {
                let Open { number: over, sum, is_news, .. } =
                    std::mem::replace(open, Open { number, told: now, ..Open::default() });
                if is_news {
                    self.over.push(Slice { level, number: over, sum });
                }
            }
        }
    }
}

// === impl Chronicle ===

impl<P: Ord + Clone> Chronicle<P> {
    /// Takes in what `process` told.
    pub fn take(&mut self, process: &P, slice: Slice) {
        let Slice { level, number, sum } = slice;
        if level >= LEVELS {
            return;
        }
        let open = &mut self.open.entry(process.clone()).or_default()[level];
        match open {
            Some((have, _)) if *have > number => {}
            Some((have, counted)) if *have == number => *counted = sum,
            _ => {
                if let Some((over, counted)) = open.replace((number, sum)) {
                    self.series.add(level, over, &counted);
                }
            }
        }
        self.close(level, number);
    }

    /// Returns the sum over the last `window` until `now`.
    #[must_use]
    pub fn over(&self, window: Duration, now: Timestamp) -> Sum {
        let slices: Vec<&Sum> = self.slices(window, now).map(|(_, counted)| counted).collect();
        Sum::total(&slices)
    }

    /// Returns what `add` makes of all that was counted in the last `window` until `now`.
    pub fn fold<T: Default>(&self, window: Duration, now: Timestamp, add: impl Fn(&mut T, &Sum)) -> T {
        let mut all = T::default();
        self.slices(window, now).for_each(|(_, counted)| add(&mut all, counted));
        all
    }

    /// Returns what was counted in the last `window` until `now`, with the beginning of the slice that it was counted in;
    /// several of one slice if several processes count.
    pub fn slices(&self, window: Duration, now: Timestamp) -> impl Iterator<Item = (Timestamp, &Sum)> {
        let (level, numbers) = crate::series::span(window, now);
        let open = self.open.values().filter_map(move |levels| levels[level].as_ref());
        let open = open.filter(move |(number, _)| numbers.contains(number));
        let open = open.map(move |(number, counted)| (crate::series::begin(level, *number), counted));
        self.series.slices(window, now).chain(open)
    }

    /// Returns how many slices are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len() + self.open.values().flatten().flatten().count()
    }

    /// Returns whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes what processes that are gone left open, once it is long over.
    fn close(&mut self, level: usize, newest: u64) {
        let Self { series, open } = self;
        for levels in open.values_mut() {
            if let Some((over, counted)) = levels[level].take_if(|(number, _)| *number + FOLLOWED < newest) {
                series.add(level, over, &counted);
            }
        }
        open.retain(|_, levels| levels.iter().any(Option::is_some));
    }
}

#[cfg(test)]
mod tests;
