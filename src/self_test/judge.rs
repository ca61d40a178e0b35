//! PURE: whether canaries changed anything: what blocks with them came to, beside the blocks without.
//!
//! Laws:
//! - *Results are compared by input*: every block asks the same, so a result is the same if the answer, the clause and
//!   whether it is a prediction are those that most blocks without a canary had for that input.
//! - *Times are changed only where noise cannot be it*: the blocks without a canary differ among themselves, by what is
//!   called the noise. A quantile is changed if it is surely higher by more than that. Surely: by the confidence sequences
//!   of both quantiles, which share one per cent of error with all other comparisons here.

use std::collections::{BTreeMap, HashMap};

use canary::{Cells, Interval, statistics};
use serde::Serialize;

use super::schedule::Kind;

/// One request that came to an end.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// In which block, from 0.
    pub(super) block: usize,
    /// What was done in it.
    pub(super) kind: Kind,
    /// Which input.
    pub(super) input: u64,
    /// What became of it, in words: only whether they are the same matters.
    pub(super) outcome: String,
    /// From the instant at which it was to be sent to its result, in milliseconds.
    pub(super) latency_ms: f64,
}

/// What blocks of one kind came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindTold {
    /// Which.
    pub kind: Kind,
    /// How many canaries they had.
    pub canaries: usize,
    /// Requests.
    pub requests: u64,
    /// Those whose result was the one that blocks without a canary had.
    pub same: u64,
    /// Some that were not.
    pub differing: Vec<String>,
    /// Where the share of different results may truly lie.
    pub differing_share: Interval,
    /// How long half of the requests took at most.
    pub p50: TimeTold,
    /// How long 99 of 100 took at most.
    pub p99: TimeTold,
    /// What the canaries surely changed: `results`, `p50`, `p99`. None of it, if all is well.
    pub changed: Vec<&'static str>,
}

/// A quantile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimeTold {
    /// As seen.
    pub ms: Option<f64>,
    /// Where it may truly lie; `null` ends where too few requests were made to say.
    pub interval: Interval,
    /// Where the difference to the blocks without a canary may truly lie.
    pub difference: Interval,
    /// How far the blocks without a canary lie apart.
    pub noise: f64,
}

/// Everything of one kind.
#[derive(Debug)]
struct Gathered {
    all: Cells<u64>,
    blocks: BTreeMap<usize, Cells<u64>>,
    requests: u64,
    same: u64,
    differing: Vec<String>,
}

/// How probable it may be that anything here is wrong.
const ERROR: f64 = 0.01;
/// So many requests with another result are shown.
const SHOWN: usize = 5;
const CELLS: usize = 4_096;

/// Judges every kind that was seen, blocks without a canary first.
pub(super) fn judge(seen: &[Seen]) -> Vec<KindTold> {
    let usual = usual(seen);
    let mut kinds: BTreeMap<Kind, Gathered> = BTreeMap::new();
    for one in seen {
        kinds.entry(one.kind).or_default().add(one, usual.get(&one.input).copied());
    }
    let without = kinds.remove(&Kind::Without).unwrap_or_default();
    let alpha = ERROR / exact(3 * kinds.len().max(1));
    let first = without.told(Kind::Without, &without, alpha);
    let others = kinds.iter().map(|(kind, gathered)| gathered.told(*kind, &without, alpha));
    std::iter::once(first.clone()).chain(others).collect()
}

/// Returns what became of each input in most blocks without a canary.
fn usual(seen: &[Seen]) -> HashMap<u64, &str> {
    let mut counts: HashMap<u64, BTreeMap<&str, u32>> = HashMap::new();
    for one in seen.iter().filter(|one| one.kind == Kind::Without) {
        *counts.entry(one.input).or_default().entry(&one.outcome).or_default() += 1;
    }
    let most = |(input, counts): (u64, BTreeMap<_, _>)| {
        let (text, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        Some((input, text))
    };
    counts.into_iter().filter_map(most).collect()
}

// === impl Gathered ===

impl Gathered {
    fn add(&mut self, seen: &Seen, usual: Option<&str>) {
        *self.all.at(seen.latency_ms) += 1;
        *self.blocks.entry(seen.block).or_insert_with(|| Cells::new(CELLS)).at(seen.latency_ms) += 1;
        self.requests += 1;
        match usual {
            Some(usual) if usual == seen.outcome => self.same += 1,
            usual if self.differing.len() < SHOWN => {
                let usual = usual.unwrap_or("never asked");
                self.differing.push(format!("input {}: {}; without a canary: {usual}", seen.input, seen.outcome));
            }
            _ => {}
        }
    }

    fn told(&self, kind: Kind, without: &Self, alpha: f64) -> KindTold {
        let (p50, p99) = (self.time(0.5, without, alpha), self.time(0.99, without, alpha));
        let share = |of: &Self| statistics::share(of.requests - of.same, of.requests, alpha / 2.0);
        let (mine, theirs) = (share(self), share(without));
        let is_slower = |time: TimeTold| time.difference.low.is_some_and(|low| low > time.noise);
        let changed = [("results", mine.low > theirs.high), ("p50", is_slower(p50)), ("p99", is_slower(p99))];
        let changed = changed.into_iter().filter(|(_, changed)| *changed && kind != Kind::Without);
        KindTold {
            kind,
            canaries: kind.canaries().len(),
            requests: self.requests,
            same: self.same,
            differing: self.differing.clone(),
            differing_share: mine.into(),
            p50,
            p99,
            changed: changed.map(|(what, _)| what).collect(),
        }
    }

    fn time(&self, share: f64, without: &Self, alpha: f64) -> TimeTold {
        let bounds = |of: &Self| statistics::quantile_bounds(&of.all, share, alpha / 2.0);
        TimeTold {
            ms: statistics::quantile(&self.all, share),
            interval: bounds(self).into(),
            difference: statistics::difference(bounds(self), bounds(without)).into(),
            noise: without.noise(share),
        }
    }

    /// Returns how far the blocks lie apart.
    fn noise(&self, share: f64) -> f64 {
        let quantiles = self.blocks.values().filter_map(|block| statistics::quantile(block, share));
        let (low, high) = quantiles.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| (low.min(ms), high.max(ms)));
        (high - low).max(0.0)
    }
}

impl Default for Gathered {
    fn default() -> Self {
        let (blocks, requests, same, differing) = Default::default();
        Self { all: Cells::new(CELLS), blocks, requests, same, differing }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn exact(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 2,000 requests, without and with a canary in turns; `latency` and `outcome` of a request are told its
    /// kind and input.
    fn seen(latency: impl Fn(Kind, usize, u64) -> f64, outcome: impl Fn(Kind, u64) -> String) -> Vec<Seen> {
        let mut all = Vec::new();
        for (block, kind) in Kind::blocks(3).into_iter().enumerate() {
            for input in 0..2_000 {
                let latency_ms = latency(kind, block, input);
                all.push(Seen { block, kind, input, outcome: outcome(kind, input), latency_ms });
            }
        }
        all
    }

    fn usual_latency(_: Kind, block: usize, input: u64) -> f64 {
        let mut random = fastrand::Rng::with_seed(input * 1_000 + block as u64);
        5.0 + random.f64() * 5.0
    }

    fn usual_outcome(_: Kind, input: u64) -> String {
        format!("class {}", input % 3)
    }

    fn changed(seen: &[Seen]) -> Vec<(Kind, Vec<&'static str>)> {
        let told = judge(seen).into_iter().filter(|told| !told.changed.is_empty());
        told.map(|told| (told.kind, told.changed)).collect()
    }

    #[test]
    fn where_nothing_differs_nothing_is_changed() {
        let told = judge(&seen(usual_latency, usual_outcome));
        assert_eq!(told.len(), 5);
        for one in &told {
            assert!(one.changed.is_empty(), "{one:#?}");
            assert_eq!(one.same, one.requests);
            let (low, high) = (one.p99.difference.low.unwrap(), one.p99.difference.high.unwrap());
            assert!(low < 0.0 && high > 0.0 && high < 1.0, "{one:#?}");
        }
    }

    #[test]
    fn a_canary_that_holds_up_every_fiftieth_request_changed_p99_and_nothing_else() {
        let slower = |kind, block, input| {
            let held_up = if kind == Kind::Hangs && input % 50 == 0 { 30.0 } else { 0.0 };
            usual_latency(kind, block, input) + held_up
        };
        assert_eq!(changed(&seen(slower, usual_outcome)), [(Kind::Hangs, vec!["p99"])]);
    }

    #[test]
    fn a_canary_that_holds_up_all_changed_both_times() {
        let slower = |kind, block, input| usual_latency(kind, block, input) + if kind == Kind::Ten { 4.0 } else { 0.0 };
        assert_eq!(changed(&seen(slower, usual_outcome)), [(Kind::Ten, vec!["p50", "p99"])]);
    }

    #[test]
    fn what_blocks_without_a_canary_do_too_is_noise() {
        // One block without a canary had a stall of its own: that much is nobody's fault.
        let stalls = |kind, block, input| {
            let stall = if (block == 2 || kind == Kind::Slow) && input % 50 == 0 { 30.0 } else { 0.0 };
            usual_latency(kind, block, input) + stall
        };
        assert_eq!(changed(&seen(stalls, usual_outcome)), []);
    }

    #[test]
    fn other_results_are_changed_results_with_their_inputs() {
        let other = |kind, input| {
            if kind == Kind::Crashes && input % 100 == 7 { "default".to_owned() } else { usual_outcome(kind, input) }
        };
        let told = judge(&seen(usual_latency, other));
        let crashes = told.iter().find(|told| told.kind == Kind::Crashes).unwrap();
        assert_eq!(crashes.changed, ["results"]);
        assert_eq!((crashes.requests, crashes.same), (6_000, 5_940));
        assert_eq!(crashes.differing[0], "input 7: default; without a canary: class 1");
        assert!(told.iter().all(|told| told.kind == Kind::Crashes || told.changed.is_empty()));
    }

    #[test]
    fn of_a_few_requests_no_p99_is_known() {
        let few: Vec<Seen> = seen(usual_latency, usual_outcome).into_iter().filter(|one| one.input < 50).collect();
        for told in judge(&few) {
            assert_eq!((told.p99.difference.high, told.changed.len()), (None, 0));
        }
    }
}
