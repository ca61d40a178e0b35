//! What an evaluation must know besides its request and its responses: how fast executors usually are, and what was
//! answered last about the same key, and who is not waited for because it has lately been asked in vain.
//!
//! These are taken down once, when the request is opened, and stand in the receipt where they mattered: the same
//! evidence gives the same bytes.

use std::{
    collections::{BTreeMap, HashMap},
    iter::zip,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use wire::{ExecutorId, Timestamp};

use crate::evidence::EXECUTORS_MAX;

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

impl Latencies {
    /// Returns whether `other` knows `executor` otherwise: not at all, or by more than one part in `parts`. Whoever is
    /// not known here differs from nobody.
    #[must_use]
    pub fn differ(&self, other: &Self, executor: &ExecutorId, parts: u32) -> bool {
        let Some(ours) = self.0.get(executor) else { return false };
        let moved = |(one, two): (&Duration, &Duration)| one.abs_diff(*two) * parts > *one.max(two);
        other.0.get(executor).is_none_or(|theirs| ours.iter().zip(theirs).any(moved))
    }

    /// Returns what is known of `executors` alone.
    #[must_use]
    pub fn only(&self, executors: &[&ExecutorId]) -> Self {
        let known = executors.iter().filter_map(|id| Some(((*id).clone(), *self.0.get(*id)?)));
        Self(known.collect())
    }

    /// Writes them as one JSON object: `{"forest":{"p50":1200,…}}`, in microseconds.
    #[must_use]
    pub fn to_json(&self) -> String {
        let micros = |took: &Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let quantiles = |all: &[Duration; Quantile::ALL.len()]| -> BTreeMap<&str, u64> {
            zip(Quantile::ALL, all).map(|(quantile, took)| (quantile.as_str(), micros(took))).collect()
        };
        let all: BTreeMap<&str, _> = self.0.iter().map(|(id, all)| (id.as_str(), quantiles(all))).collect();
        serde_json::json!(all).to_string()
    }

    /// Reads what `to_json` wrote.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let all: BTreeMap<String, BTreeMap<String, u64>> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if all.len() > EXECUTORS_MAX {
            return Err(format!("no rendezvous asks more than {EXECUTORS_MAX} executors"));
        }
        let mut latencies = Self::default();
        for (name, quantiles) in all {
            let mut known = [Duration::ZERO; Quantile::ALL.len()];
            for (quantile, took) in zip(Quantile::ALL, &mut known) {
                let micros = quantiles.get(quantile.as_str());
                *took = Duration::from_micros(*micros.ok_or_else(|| format!("`{name}` has no {}", quantile.as_str()))?);
            }
            latencies.set(ExecutorId::new(&name).map_err(|error| error.to_string())?, known);
        }
        Ok(latencies)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> impl Strategy<Value = Latencies> {
        let quantiles = prop::array::uniform6((0..60_000_000_u64).prop_map(Duration::from_micros));
        prop::collection::hash_map("[a-z]{1,8}", quantiles, 0..5)
            .prop_map(|all| Latencies(all.into_iter().map(|(id, all)| (ExecutorId::new(&id).unwrap(), all)).collect()))
    }

    proptest! {
        #[test]
        fn what_is_measured_is_read_as_it_was_written(latencies in known()) {
            prop_assert_eq!(Latencies::from_json(latencies.to_json().as_bytes()), Ok(latencies));
        }
    }

    #[test]
    fn what_nobody_can_have_measured_is_refused() {
        let refused = |json: &str| Latencies::from_json(json.as_bytes()).unwrap_err();
        assert!(refused("[]").contains("invalid type"));
        assert_eq!(refused(r#"{"a":{"p50":1}}"#), "`a` has no p75");
        let many: BTreeMap<String, BTreeMap<String, u64>> = (0..65).map(|n| (n.to_string(), BTreeMap::new())).collect();
        assert_eq!(refused(&serde_json::to_string(&many).unwrap()), "no rendezvous asks more than 64 executors");
    }
}
