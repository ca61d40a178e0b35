//! Durations measured lately: one distribution in two halves that take turns, so that a slow spell is forgotten.
//!
//! Pure. It remembers between one and two halves.

use std::time::Duration;

use hdrhistogram::Histogram;
use wire::Timestamp;

/// Longer ones count as this long: nothing beyond a minute can be made up for.
const MICROS_MAX: u64 = 60_000_000;

/// A distribution of recent durations, each exact to two digits.
#[derive(Debug)]
pub(crate) struct Recent {
    half: Duration,
    current: Histogram<u32>,
    previous: Histogram<u32>,
    turned: Timestamp,
}

// === impl Recent ===

impl Recent {
    /// Returns an empty one, each half of which collects for `half`.
    pub(crate) fn new(half: Duration) -> Self {
        Self { half, current: empty(), previous: empty(), turned: Timestamp::EPOCH }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.current.saturating_record(micros.min(MICROS_MAX));
    }

    /// Returns the durations at `shares`, if at least `samples_min` were measured lately.
    pub(crate) fn quantiles<const N: usize>(&self, shares: [f64; N], samples_min: u64) -> Option<[Duration; N]> {
        if self.current.len() + self.previous.len() < samples_min {
            return None;
        }
        let mut recent = self.previous.clone();
        recent += &self.current;
        Some(shares.map(|share| Duration::from_micros(recent.value_at_quantile(share))))
    }

    /// Forgets what is old.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        if now.since(self.turned) >= self.half {
            self.turned = now;
            std::mem::swap(&mut self.current, &mut self.previous);
            self.current.reset();
        }
    }
}

fn empty() -> Histogram<u32> {
    Histogram::new_with_bounds(1, MICROS_MAX, 2).expect("the bounds are constants in order")
}
