//! How long a result takes from its decision to its reader: by so much earlier the last clause must end.
//!
//! Pure. Measured on the collector's own results, by the time at which the log took them in: the nearest thing to a
//! caller that it can see.

use std::time::Duration;

use wire::{Budget, Timestamp};

use crate::recent::Recent;

/// Before anything was measured.
const INITIAL: Duration = Duration::from_millis(1);
/// At least so many samples, before they are believed.
const SAMPLES_MIN: u64 = 50;
/// So long each half collects.
const HALF: Duration = Duration::from_secs(10);
/// No more than one part in so many of a budget is given up for the way back.
const SHARE: u32 = 5;

/// The recent distribution of ways back.
#[derive(Debug)]
pub struct WayBack {
    recent: Recent,
    p99: Duration,
}

// === impl WayBack ===

impl Default for WayBack {
    fn default() -> Self {
        Self { recent: Recent::new(HALF), p99: INITIAL }
    }
}

impl WayBack {
    /// Takes note that a result which was due at `due` can be read at `now`.
    pub fn record(&mut self, due: Timestamp, now: Timestamp) {
        self.recent.record(now.since(due));
    }

    /// Forgets what is old and draws the conclusion; to be called about once a second.
    pub fn on_time(&mut self, now: Timestamp) {
        if let Some([p99]) = self.recent.quantiles([0.99], SAMPLES_MIN) {
            self.p99 = p99;
        }
        self.recent.on_time(now);
    }

    /// Returns how much earlier than its deadline a request of this budget should be decided.
    #[must_use]
    pub fn lead(&self, budget: Budget) -> Duration {
        self.p99.min(budget.as_duration() / SHARE)
    }

    /// Returns one that takes always as long.
    #[cfg(test)]
    pub(crate) fn of(p99: Duration) -> Self {
        Self { p99, ..Self::default() }
    }

    /// Returns the 99th percentile of the recent ways back.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.p99
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    fn after(samples: u32, millis: i64) -> WayBack {
        let mut way_back = WayBack::default();
        for _ in 0..samples {
            way_back.record(at(0), at(millis));
        }
        way_back.on_time(at(1_000));
        way_back
    }

    #[test]
    fn the_lead_is_a_millisecond_until_something_was_measured() {
        assert_eq!(WayBack::default().lead(Budget::from_millis(100)), Duration::from_millis(1));
        assert_eq!(after(49, 8).lead(Budget::from_millis(100)), Duration::from_millis(1));
    }

    #[test]
    fn the_lead_is_the_measured_way_back() {
        let lead = after(50, 8).lead(Budget::from_millis(100));
        assert!((7_900..8_200).contains(&lead.as_micros()), "{lead:?}");
    }

    #[test]
    fn the_lead_never_takes_more_than_a_fifth_of_the_budget() {
        assert_eq!(after(50, 5_000).lead(Budget::from_millis(100)), Duration::from_millis(20));
        assert_eq!(WayBack::default().lead(Budget::from_micros(1_000)), Duration::from_micros(200));
    }

    #[test]
    fn a_slow_spell_is_forgotten_after_two_halves() {
        let mut way_back = after(100, 500);
        for second in [12, 24, 36] {
            for _ in 0..100 {
                way_back.record(at(0), at(2));
            }
            way_back.on_time(at(second * 1_000));
        }
        assert!(way_back.p99() < Duration::from_millis(3), "{:?}", way_back.p99());
    }
}
