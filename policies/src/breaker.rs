//! When an executor is no longer waited for, as its policy says; the breaker itself is the collector's.
//!
//! Law of an open breaker, tested in `evaluation`: the verdict is the one that a failure of that executor at the
//! request's birth would have brought. What it says after all about such a request is a sign of life and no vote:
//! otherwise the answer would depend on whether it came before a verdict that nobody put off for it.

use std::time::Duration;

/// When the breaker of one executor opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSpec {
    /// The share of bad outcomes from which it opens: above 0, at most 1.
    pub open_at: f64,
    /// With fewer outcomes it never opens.
    pub min: u32,
    /// How far back outcomes count.
    pub window: Duration,
    /// How long it is open before the first request is waited for again; doubled each time that this was in vain.
    pub pause: Duration,
}

// === impl BreakerSpec ===

impl BreakerSpec {
    /// The longest pause, however often it was doubled.
    pub const PAUSE_MAX: Duration = Duration::from_secs(30);
}

impl Default for BreakerSpec {
    /// Nine in ten: an answer that comes within the budget counts for its executor even when it is too late for the
    /// verdict, so one that is merely slow stays far below.
    fn default() -> Self {
        Self { open_at: 0.9, min: 20, window: Duration::from_secs(10), pause: Duration::from_secs(1) }
    }
}
