//! What requests that were let in since some moment were like.

use std::time::Duration;

use wire::{Budget, Timestamp};

use super::Ended;

/// The requests that were let in since it began and have ended. Those from before tell of the limit before.
#[derive(Debug, Default)]
pub(super) struct Window {
    since: Timestamp,
    ended: u32,
    good: u32,
    /// How many were how strained, in steps of `1 / STEPS`.
    strains: [u32; BUCKETS],
    /// The budgets of all that were answered in time since it began, whenever they were let in.
    earned: Duration,
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
/// So many steps are a whole budget.
const STEPS: f64 = 20.0;
/// As many as there are up to the worst, and that one.
const BUCKETS: usize = 31;

impl Window {
    pub(super) fn begun(since: Timestamp, in_flight: usize) -> Self {
        Self { since, peak: in_flight, ..Self::default() }
    }

    pub(super) fn on_entered(&mut self, in_flight: usize) {
        self.peak = self.peak.max(in_flight);
    }

    pub(super) fn on_ended(&mut self, entered: Timestamp, budget: Budget, ended: Ended, now: Timestamp) {
        let budget = budget.as_duration();
        let strain = (now.since(entered).as_secs_f64() / budget.as_secs_f64().max(1e-6)).min(STRAIN_MAX);
        let strain = if ended == Ended::Unanswered { STRAIN_MAX } else { strain };
        let is_good = ended == Ended::Predicted && strain <= 1.0;
        self.earned += if is_good { budget } else { Duration::ZERO };
        if entered < self.since {
            return;
        }
        self.ended += 1;
        self.good += u32::from(is_good);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from nothing to the worst")]
        let bucket = (strain * STEPS) as usize;
        self.strains[bucket.min(BUCKETS - 1)] += 1;
        self.longest_budget = self.longest_budget.max(budget);
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ended >= ENOUGH && now.since(self.since) >= self.longest_budget.clamp(SHORTEST, LONGEST)
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    /// Returns how strained the one in the middle was: what a queue does to everybody. Those who wait for a straggler are
    /// not the half, nor are those who were answered before their turn.
    pub(super) fn strain(&self) -> f64 {
        let mut below = 0;
        let middle = self.strains.iter().zip(0_u32..).find_map(|(count, step)| {
            let before = below;
            below += count;
            // Of a step's requests each is taken to be somewhere else in it.
            let within = f64::from(self.ended) / 2.0 - f64::from(before);
            (below * 2 >= self.ended && *count > 0).then(|| (f64::from(step) + within / f64::from(*count)) / STEPS)
        });
        middle.unwrap_or_default()
    }

    /// Returns how many were answered in time in each second.
    pub(super) fn good_per_second(&self, now: Timestamp) -> f64 {
        f64::from(self.good) / self.seconds(now)
    }

    /// Returns how many can be in flight while each is still answered within its budget, at the pace at which they are
    /// answered now (Little's law).
    pub(super) fn answerable(&self, now: Timestamp) -> f64 {
        self.earned.as_secs_f64() / self.seconds(now)
    }

    fn seconds(&self, now: Timestamp) -> f64 {
        now.since(self.since).as_secs_f64().max(1e-6)
    }
}
