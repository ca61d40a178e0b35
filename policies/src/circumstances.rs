//! What an evaluation must know besides its request and its responses: how fast executors usually are, and what was
//! answered last about the same key, and who is not waited for because it has lately been asked in vain.
//!
//! These are taken down once, when the request is opened, and stand in the receipt where they mattered: the same
//! evidence gives the same bytes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use wire::{ExecutorId, Timestamp};

/// What is known when a request is opened.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// How fast executors usually are.
    pub latencies: Arc<Latencies>,
    /// The last prediction about the request's key, where the policy may fall back to it.
    pub last_known: Option<LastKnown>,
    /// Whose breaker is open: they count as failed from the start. Of most requests nobody's is.
    pub open_breakers: Vec<ExecutorId>,
}

/// A prediction given earlier about the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastKnown {
    /// The answer: one JSON object.
    pub answer: Bytes,
    /// When the log took it in.
    pub at: Timestamp,
}

/// How long executors take from their start to their answer: some quantiles of each, measured lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies(HashMap<ExecutorId, [Duration; Quantile::ALL.len()]>);

/// The quantiles that a policy can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantile {
    /// Half are faster.
    P50,
    /// Three of four are faster.
    P75,
    /// Nine of ten are faster.
    P90,
    /// 95 of 100 are faster.
    P95,
    /// 99 of 100 are faster.
    P99,
    /// 999 of 1,000 are faster.
    P999,
}

// === impl Latencies ===

impl Latencies {
    /// Takes down the quantiles of `executor`, in the order of `Quantile::ALL`. Who has answered too seldom to be
    /// known is left out: its patience is then the longest that the policy allows.
    pub fn set(&mut self, executor: ExecutorId, quantiles: [Duration; Quantile::ALL.len()]) {
        self.0.insert(executor, quantiles);
    }

    /// Returns a quantile of an executor that is known.
    #[must_use]
    pub fn of(&self, executor: &ExecutorId, quantile: Quantile) -> Option<Duration> {
        self.0.get(executor).map(|quantiles| quantiles[quantile as usize])
    }
}

// === impl Quantile ===

impl Quantile {
    /// Every one of them, ascending.
    pub const ALL: [Self; 6] = [Self::P50, Self::P75, Self::P90, Self::P95, Self::P99, Self::P999];

    /// Returns the word for it in YAML: `p95`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P75 => "p75",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }

    /// Returns the share that is faster: 0.95.
    #[must_use]
    pub const fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P75 => 0.75,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
        }
    }
}
