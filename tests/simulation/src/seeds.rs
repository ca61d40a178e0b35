//! Many worlds: played by several threads, each seed by itself, judged, and counted.

use std::{
    fmt,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Broken, judge, play,
    sights::{Sight, Sights, look_back},
    truth::Truth,
};

/// What came of many worlds.
#[derive(Debug, Default)]
pub struct Report {
    /// How many were played.
    pub worlds: u64,
    /// How many events they had in all.
    pub events: u64,
    /// In how many worlds each thing was seen.
    pub sights: Sights,
    /// Which promises were broken in which.
    pub broken: Vec<(u64, Broken)>,
}

/// No more than these are reported: one is enough to begin with.
const BROKEN_MAX: usize = 50;

/// Plays `seeds`, `threads` at a time; `progress` hears now and then how many are done.
pub fn play_all(seeds: Range<u64>, threads: usize, progress: impl Fn(u64) + Sync) -> Report {
    let (next, report) = (AtomicU64::new(seeds.start), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut mine = Report::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || mine.broken.len() >= BROKEN_MAX {
                        break;
                    }
                    mine.add_world(seed);
                    if seed % 500 == 499 {
                        progress(seed + 1 - seeds.start);
                    }
                }
                report.lock().unwrap_or_else(PoisonError::into_inner).add(mine);
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.broken.sort_by_key(|(seed, _)| *seed);
    report
}

// === impl Report ===

impl Report {
    fn add_world(&mut self, seed: u64) {
        let played = play(seed, false);
        self.worlds += 1;
        self.events += played.events;
        let (truth, mut sights) = (Truth::of(&played.story), played.sights.clone());
        look_back(&truth, &mut sights);
        self.sights.add_world(&sights);
        self.broken.extend(judge(&truth).into_iter().map(|broken| (seed, broken)));
    }

    fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.events += other.events;
        self.sights.add(&other.sights);
        self.broken.extend(other.broken);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} worlds, {} events", self.worlds, self.events)?;
        for sight in Sight::ALL {
            writeln!(out, "{:>8}  {sight:?}", self.sights.count(*sight))?;
        }
        for (seed, broken) in &self.broken {
            writeln!(out, "seed {seed}: {}: {}", broken.invariant, broken.how)?;
        }
        match self.broken.first() {
            None => write!(out, "nothing is broken"),
            Some((seed, _)) => write!(out, "hint: make simulate SEED={seed} shows it whole"),
        }
    }
}
