//! A circuit breaker for each executor: one that does not answer stops costing wait.
//!
//! Pure: outcomes and instants in, a standing for each request out. Laws, each tested by name:
//! - *Closed changes nothing*: everybody is waited for.
//! - *Never below `min`*: fewer outcomes than the policy asks for open nothing, however bad.
//! - *No blink opens it*: what is bad must have lasted a tenth of the window, or the window must be that old: many
//!   requests that end in the same millisecond are one piece of bad luck.
//! - *Whoever answers is heard of*: an executor is asked whether its breaker is open or not, so its answers show for
//!   nothing that it is back. Probes are for those that start only when nobody else has decided.
//! - *A silent executor costs a wait for one request a pause*, and pauses double.
//!
//! An outcome is good if an answer (or an abstention) lay in the log within the policy's budget, also when the verdict
//! had fallen without it: who is merely slow has at least as many good ones as bad ones. It is bad if the executor
//! failed before the verdict, or said nothing by then and a clause had waited for it until its end. Whoever was not
//! needed has neither.
//! It deliberately does not know what an open breaker does to a verdict (`policies`).

mod window;

use std::time::Duration;

use policies::BreakerSpec;
use wire::Timestamp;

pub(crate) use window::Tally;
use window::Window;

/// While half-open, one request in so many is waited for.
const PROBE_EVERY: u32 = 10;
/// So many good outcomes while half-open close it.
const CLOSE_AFTER: u32 = 5;
/// A pause is shortened by fewer than so many thousandths, so that collectors do not probe in step.
const JITTER: u64 = 200;

/// The breaker of one executor.
#[derive(Debug)]
pub(crate) struct Breaker {
    spec: BreakerSpec,
    state: State,
    window: Window,
    /// How often it opened or stayed open since it was closed.
    openings: u32,
    /// For the jitter.
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Nobody is waited for until then.
    Open {
        until: Timestamp,
    },
    /// One in so many is waited for; of those born since, one that says nothing opens it again.
    HalfOpen {
        since: Timestamp,
        asked: u32,
        good: u32,
    },
}

/// How a breaker stands, for people and gauges; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Closed,
    HalfOpen,
    Open,
}

// === impl Breaker ===

impl Breaker {
    /// Returns a closed one.
    pub(crate) fn new(spec: BreakerSpec, seed: u64) -> Self {
        Self { spec, state: State::Closed, window: Window::new(spec.window), openings: 0, seed }
    }

    /// Returns when it opens.
    pub(crate) fn spec(&self) -> &BreakerSpec {
        &self.spec
    }

    /// Returns how it stands.
    pub(crate) fn standing(&self) -> Standing {
        match self.state {
            State::Closed => Standing::Closed,
            State::Open { .. } => Standing::Open,
            State::HalfOpen { .. } => Standing::HalfOpen,
        }
    }

    /// Returns what was counted lately.
    pub(crate) fn tally(&self) -> Tally {
        self.window.tally()
    }

    /// Returns whether its executor is waited for by a request that is opened now: decided once for it.
    pub(crate) fn awaits(&mut self, born: Timestamp) -> bool {
        if let State::Open { until } = self.state
            && until <= born
        {
            self.state = State::HalfOpen { since: born, asked: 0, good: 0 };
        }
        match &mut self.state {
            State::Closed => true,
            State::Open { .. } => false,
            State::HalfOpen { asked, .. } => {
                let is_probe = asked.is_multiple_of(PROBE_EVERY);
                *asked = asked.wrapping_add(1);
                is_probe
            }
        }
    }

    /// Takes note of an answer that came in time.
    pub(crate) fn on_good(&mut self, now: Timestamp) {
        self.window.on_good(now);
        match &mut self.state {
            State::Closed => {}
            State::Open { .. } => self.state = State::HalfOpen { since: now, asked: 0, good: 1 },
            State::HalfOpen { good, .. } => {
                *good += 1;
                if *good >= CLOSE_AFTER {
                    (self.state, self.openings) = (State::Closed, 0);
                    self.window.clear();
                }
            }
        }
    }

    /// Takes note that a request which was born at `born` was failed, or awaited it in vain.
    pub(crate) fn on_bad(&mut self, born: Timestamp, now: Timestamp) {
        self.window.on_bad(now);
        match self.state {
            State::Closed if self.is_enough(now) => self.open(now),
            State::HalfOpen { since, .. } if since <= born => self.open(now),
            State::Closed | State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    /// Returns whether so much is bad that it opens.
    fn is_enough(&self, now: Timestamp) -> bool {
        let BreakerSpec { open_at, min, window, .. } = self.spec;
        let blink = window / 10;
        let lasts = |since: Option<Timestamp>| since.is_some_and(|since| since.after(blink) <= now);
        let Tally { good, bad, row, .. } = self.window.tally();
        let is_row = row >= min && lasts(self.window.row_since());
        let all = good.saturating_add(bad);
        is_row || (all >= min && f64::from(bad) >= open_at * f64::from(all) && lasts(self.window.since()))
    }

    fn open(&mut self, now: Timestamp) {
        self.state = State::Open { until: now.after(self.pause()) };
        self.openings = self.openings.saturating_add(1);
    }

    /// Returns how long it is open now: twice as long each time, less some jitter.
    fn pause(&self) -> Duration {
        let doubled = self.spec.pause.saturating_mul(1_u32.checked_shl(self.openings).unwrap_or(u32::MAX));
        let longest = doubled.min(BreakerSpec::PAUSE_MAX);
        let jitter = mixed(self.seed.wrapping_add(u64::from(self.openings))) % JITTER;
        longest.saturating_sub(longest * u32::try_from(jitter).unwrap_or(0) / 1_000)
    }
}

/// Splitmix64: spreads what is alike.
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

// === impl Standing ===

impl Standing {
    /// Returns the word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

#[cfg(test)]
mod tests;
