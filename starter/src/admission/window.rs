//! What requests that were let in since some moment were like.

use std::time::Duration;

use wire::{Budget, Timestamp};

use super::{Ended, STRAINED};

/// The requests that were let in since it began and have ended. Those from before tell of the limit before.
#[derive(Debug, Default)]
pub(super) struct Window {
    since: Timestamp,
    ended: u32,
    strained: u32,
    good: u32,
    strain: f64,
    /// The most that were in flight.
    peak: usize,
    longest_budget: Duration,
}

/// Fewer say nothing.
const ENOUGH: u32 = 20;
/// A window is at least so long, and as long as a budget, within these bounds: whoever ends quickly is heard first.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);
/// Beyond it a late result is just late.
const STRAIN_MAX: f64 = 1.5;

impl Window {
    pub(super) fn begun(since: Timestamp, in_flight: usize) -> Self {
        Self { since, peak: in_flight, ..Self::default() }
    }

    pub(super) fn on_entered(&mut self, in_flight: usize) {
        self.peak = self.peak.max(in_flight);
    }

    pub(super) fn on_ended(&mut self, entered: Timestamp, budget: Budget, ended: Ended, now: Timestamp) {
        if entered < self.since {
            return;
        }
        let budget = budget.as_duration();
        let strain = (now.since(entered).as_secs_f64() / budget.as_secs_f64().max(1e-6)).min(STRAIN_MAX);
        let strain = if ended == Ended::Unanswered { STRAIN_MAX } else { strain };
        self.ended += 1;
        self.strained += u32::from(strain > STRAINED);
        self.good += u32::from(ended == Ended::Predicted && strain <= 1.0);
        self.strain += strain;
        self.longest_budget = self.longest_budget.max(budget);
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ended >= ENOUGH && now.since(self.since) >= self.longest_budget.clamp(SHORTEST, LONGEST)
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn strained_share(&self) -> f64 {
        f64::from(self.strained) / f64::from(self.ended.max(1))
    }

    pub(super) fn mean_strain(&self) -> f64 {
        self.strain / f64::from(self.ended.max(1))
    }

    /// Returns how many were answered in time in each second.
    pub(super) fn good_per_second(&self, now: Timestamp) -> f64 {
        f64::from(self.good) / now.since(self.since).as_secs_f64().max(1e-6)
    }
}
