//! What a version of a model did, in numbers: how many requests and calls, how long calls took, how large batches were.

use measures::{Executor, Failed, Times, Used};
use serde::{Deserialize, Serialize};

/// What was counted. Requests are those that were answered, that failed, and for which it abstained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// Calls; `None` where that is not told: of executors elsewhere.
    pub calls: Option<u64>,
    /// Requests, those too that were refused before a call.
    pub requests: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Those for which it chose not to answer.
    pub abstained: u64,
    /// Those in whose call the model, or its server, failed, and those for which it could not be loaded.
    pub failed: u64,
    /// Those whose deadline was past before a call.
    pub expired: u64,
    /// Those for which the queue had no room.
    pub overloaded: u64,
    /// How long calls took, of a batch as a whole.
    pub duration: Duration,
    /// How many requests went into a call; `None` where that is not told.
    pub batches: Option<Batches>,
}

/// How long calls took; `None` without any. Percentiles are overstated by at most a thirty-second, of more than an hour by a
/// sixteenth; the shortest and the longest are exact, but of executors elsewhere, of which they are percentiles like the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duration {
    /// The median.
    pub p50_us: Option<u64>,
    /// What 9 of 10 did not exceed.
    pub p90_us: Option<u64>,
    /// What 99 of 100 did not exceed.
    pub p99_us: Option<u64>,
    /// What 999 of 1,000 did not exceed.
    pub p999_us: Option<u64>,
    /// The shortest.
    pub min_us: Option<u64>,
    /// The longest.
    pub max_us: Option<u64>,
}

/// How many requests went into a call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// On average.
    pub mean: f64,
    /// In half of the calls no more than this.
    pub p50: u32,
    /// In 99 of 100 calls.
    pub p99: u32,
    /// In the largest.
    pub max: u32,
}

// === impl Numbers ===

impl Numbers {
    pub(crate) fn of(used: &Used) -> Self {
        let failed = |why| used.failed(why);
        let (failed, expired, overloaded) =
            (failed(Failed::Failed), failed(Failed::Expired), failed(Failed::Overloaded));
        let min = used.shortest_us;
        Self {
            calls: Some(used.calls()),
            requests: used.answered + used.abstained + failed + expired + overloaded,
            answered: used.answered,
            abstained: used.abstained,
            failed,
            expired,
            overloaded,
            duration: Duration { min_us: min, max_us: used.longest_us, ..Duration::of(&used.took, used.longest_us) },
            batches: Batches::of(used),
        }
    }

    /// Returns what collectors heard of an executor that tells nothing itself: each request by itself.
    pub(crate) fn heard_of(did: &Executor) -> Self {
        let failed = |why| did.failed.get(&why).copied().unwrap_or_default();
        let answered = did.heard + did.late;
        let (failed, expired, overloaded) =
            (failed(Failed::Failed), failed(Failed::Expired), failed(Failed::Overloaded));
        Self {
            calls: None,
            requests: answered + did.abstained + failed + expired + overloaded,
            answered,
            abstained: did.abstained,
            failed,
            expired,
            overloaded,
            duration: Duration::of(&did.computed, None),
            batches: None,
        }
    }
}

// === impl Duration ===

impl Duration {
    /// A quantile is a cell's end, and nothing took longer than what took `longest_us`.
    fn of(times: &Times, longest_us: Option<u64>) -> Self {
        let quantile = |share| {
            let micros = times.quantile(share)?.as_micros();
            let micros = u64::try_from(micros).unwrap_or(u64::MAX);
            Some(longest_us.map_or(micros, |longest| micros.min(longest)))
        };
        Self {
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            min_us: quantile(0.0),
            max_us: quantile(1.0),
        }
    }
}

// === impl Batches ===

impl Batches {
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    fn of(used: &Used) -> Option<Self> {
        let mean = used.requests as f64 / used.calls().max(1) as f64;
        Some(Self { mean, p50: used.size(0.5)?, p99: used.size(0.99)?, max: used.largest })
    }
}
