//! What people look at first: how a rendezvous does, from what was counted and what is promised.
//!
//! Law: a percentile comes from merged histograms, a rate from counts; nothing here is an average of what others worked out.
//! Every duration is in microseconds, every share between 0 and 1.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use policies::{DecidedBy, Definition, Objective, Reason};
use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::{
    Alert, Burn, Chronicle, Executor, Failed, Results, Spent, Stage, Standing, Sum, Times, executor::micros,
    objective::share,
};

/// How a rendezvous does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Which.
    pub rendezvous: String,
    /// Its live version.
    pub version: u64,
    /// When this was, in microseconds since the epoch.
    pub at_us: i64,
    /// Over how long a time results, latencies, clauses, blame and executors are counted.
    pub window_us: u64,
    /// Results a second, over the last minute.
    pub rate: f64,
    /// Results.
    pub results: u64,
    /// Those that are a default, a last known answer or an error.
    pub degraded: u64,
    /// Their share; `None` without results.
    pub degraded_share: Option<f64>,
    /// From birth to the result in the log.
    pub latency: Latency,
    /// The same over time, oldest first; a time without results is not there.
    pub over_time: Vec<Point>,
    /// How the live version's objectives stand.
    pub objectives: Vec<Promise>,
    /// What decided, by the clause's place.
    pub decided: Vec<Share>,
    /// Results that were degraded or came later than their budget.
    pub misses: u64,
    /// Where time went, and what misses are blamed on.
    pub blame: Vec<Blame>,
    /// Who was asked: first those of the live version in its order, then those that were.
    pub executors: Vec<Runner>,
}

/// Percentiles; `None` without any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_us: Option<u64>,
    /// What 99 of 100 do not exceed.
    pub p99_us: Option<u64>,
    /// What 999 of 1,000 do not exceed.
    pub p999_us: Option<u64>,
}

/// Results of one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When it begins, in microseconds since the epoch.
    pub at_us: i64,
    /// How many results were heard of in it.
    pub results: u64,
    /// Those that are degraded.
    pub degraded: u64,
    /// A second.
    pub rate: f64,
    /// From birth to the result in the log.
    #[serde(flatten)]
    pub latency: Latency,
}

/// An objective, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// How soon.
    pub within_us: u64,
    /// The share that must be.
    pub share: f64,
    /// Over how long a time.
    pub window_us: u64,
    /// Whether degraded results are good too, if they come in time.
    pub degraded_is_good: bool,
    /// Results in that time.
    pub results: u64,
    /// Those that were good.
    pub good: u64,
    /// Their share; `None` without results.
    pub attained: Option<f64>,
    /// The share of the error budget that is left, below 0 if it is overdrawn; `None` without results or without a budget.
    pub budget_left: Option<f64>,
    /// What fires.
    pub alert: Option<Alert>,
    /// How fast the budget burns.
    pub burns: Vec<Rate>,
}

/// How fast a budget burns: at 1 it would last as long as the objective's window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// What fires above it.
    pub alert: Alert,
    /// Over how long a time, in seconds.
    pub long_s: u64,
    /// And over how long a one, in seconds, so that it ends soon after its cause has.
    pub short_s: u64,
    /// From which rate on it fires.
    pub threshold: f64,
    /// The rate in the long one.
    pub over_long: Option<f64>,
    /// The rate in the short one.
    pub over_short: Option<f64>,
    /// Whether it fires.
    pub fires: bool,
}

/// Results that were decided alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The clause's place in its ladder, from 1; 0 if none was tried.
    pub clause: usize,
    /// Its kind.
    pub by: DecidedBy,
    /// How many.
    pub results: u64,
    /// Of all.
    pub share: f64,
    /// Why then.
    pub reasons: BTreeMap<String, u64>,
}

/// What is known of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// Which.
    pub stage: Stage,
    /// How long it took, of all results on average.
    pub mean_us: u64,
    /// Of the time of all results.
    pub share: f64,
    /// Misses that are blamed on it.
    pub misses: u64,
}

/// What one executor did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runner {
    /// Its name.
    pub name: String,
    /// Whether it is only compared.
    pub canary: bool,
    /// Whether the live version asks it.
    pub live: bool,
    /// The models that answered.
    pub models: Vec<String>,
    /// Whether it is not waited for: in the last minute its breaker was open in some partition.
    pub breaker_open: bool,
    /// From birth to the answer in the log, late ones too.
    pub latency: Latency,
    /// The same as a curve: a share of the answers, and what it did not exceed, in microseconds. Shares beyond which not even
    /// one answer would lie are not there.
    #[serde(default)]
    pub curve: Vec<(f64, u64)>,
    /// Of that, waiting in the executor.
    pub queued: Latency,
    /// Of that, the work.
    pub computed: Latency,
    /// Answers that came before the verdict.
    pub heard: u64,
    /// Answers that a result was made of.
    pub useful: u64,
    /// Answers that came after the verdict.
    pub late: u64,
    /// Failures of the model or its server.
    pub failed: u64,
    /// Requests that it had no time for.
    pub expired: u64,
    /// Requests that its queue had no room for.
    pub overloaded: u64,
    /// Answers that could not be chosen, or that it chose not to give.
    pub abstained: u64,
    /// Requests that were decided before it might start.
    pub spared: u64,
    /// Requests for which it was not waited.
    pub struck: u64,
    /// Requests that were decided before anything was heard of it.
    pub pending: u64,
    /// Work on answers that results were made of.
    pub useful_us: u64,
    /// Work that no result was made of.
    pub wasted_us: u64,
    /// Work that was only compared.
    pub compared_us: u64,
}

/// So long the rate is counted.
const LATELY: Duration = Duration::from_mins(1);
/// At most about so many points over time.
const POINTS: u64 = 120;
/// The shares of an executor's curve: fifty executors' curves are a few kilobytes.
const SHARES: [f64; 9] = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

// === impl Overview ===

impl Overview {
    /// Returns how the rendezvous that `definition` is the live version of does, over the last `window` until `now`.
    #[must_use]
    pub fn of<P: Ord + Clone>(
        counted: &Chronicle<P>,
        definition: &Definition,
        window: Duration,
        now: Timestamp,
    ) -> Self {
        let sum = counted.over(window, now);
        let all = sum.results.all();
        Self {
            rendezvous: definition.name().to_string(),
            version: definition.policy_ref.version,
            at_us: now.as_micros(),
            window_us: micros(window),
            rate: rate(counted, now),
            results: all,
            degraded: sum.results.degraded.count(),
            degraded_share: share(sum.results.degraded.count(), all),
            latency: Latency::of(&together(&sum.results)),
            over_time: points(counted, window, now),
            objectives: definition.objectives.iter().map(|objective| promise(counted, objective, now)).collect(),
            decided: decided(&sum),
            misses: sum.misses,
            blame: blame(&sum),
            executors: runners(&sum, &struck(counted, now), definition),
        }
    }
}

/// Returns how many results a second there were lately.
fn rate<P: Ord + Clone>(counted: &Chronicle<P>, now: Timestamp) -> f64 {
    // Whoever began less than a minute ago is not slow.
    let slices = counted.slices(LATELY, now).filter(|(_, sum)| sum.results.all() > 0);
    let (mut first, mut results) = (now, 0);
    for (begin, sum) in slices {
        first = first.min(begin);
        results += sum.results.all();
    }
    per_second(results, now.since(first))
}

fn points<P: Ord + Clone>(counted: &Chronicle<P>, window: Duration, now: Timestamp) -> Vec<Point> {
    let slice = crate::series::length(crate::series::span(window, now).0);
    let slices = u64::try_from(window.as_micros() / slice.as_micros().max(1)).unwrap_or(u64::MAX);
    let step = slice * u32::try_from(slices.div_ceil(POINTS).max(1)).unwrap_or(u32::MAX);
    let mut by_step: BTreeMap<i64, Vec<&Results>> = BTreeMap::new();
    let step_us = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
    for (begin, sum) in counted.slices(window, now).filter(|(_, sum)| sum.results.all() > 0) {
        by_step.entry(begin.as_micros() / step_us * step_us).or_default().push(&sum.results);
    }
    let point = |(at_us, all): (i64, Vec<&Results>)| {
        let count = |all: u64, times: &Times| all + times.count();
        let degraded = all.iter().map(|results| &results.degraded).fold(0, count);
        let times = Times::total(all.iter().flat_map(|results| [&results.predicted, &results.degraded]));
        let lasted = step.min(now.since(Timestamp::from_micros(at_us)));
        Point {
            at_us,
            results: times.count(),
            degraded,
            rate: per_second(times.count(), lasted),
            latency: Latency::of(&times),
        }
    };
    by_step.into_iter().map(point).collect()
}

fn promise<P: Ord + Clone>(counted: &Chronicle<P>, objective: &Objective, now: Timestamp) -> Promise {
    let standing = Standing::of(objective, |window| {
        counted.fold(window, now, |(all, good): &mut (u64, u64), sum| {
            *all += sum.results.all();
            *good += sum.results.good(objective);
        })
    });
    let rate = |burn: &Burn| Rate {
        alert: burn.alert,
        long_s: burn.long.as_secs(),
        short_s: burn.short.as_secs(),
        threshold: burn.threshold,
        over_long: burn.over_long,
        over_short: burn.over_short,
        fires: burn.fires,
    };
    Promise {
        within_us: micros(objective.within),
        share: objective.share,
        window_us: micros(objective.window),
        degraded_is_good: objective.degraded_is_good,
        results: standing.all,
        good: standing.good,
        attained: standing.attained,
        budget_left: standing.budget_left,
        alert: standing.alert(),
        burns: standing.burns.iter().map(rate).collect(),
    }
}

fn decided(sum: &Sum) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for decided in &sum.decided {
        let (clause, by, results) = (decided.clause, decided.by, decided.results);
        let reason = |reason: Reason| reason.as_str().to_owned();
        let like = shares.iter_mut().find(|share| (share.clause, share.by) == (clause, by));
        if let Some(share) = like {
            share.results += results;
            *share.reasons.entry(reason(decided.reason)).or_default() += results;
        } else {
            let reasons = BTreeMap::from([(reason(decided.reason), results)]);
            shares.push(Share { clause, by, results, share: 0.0, reasons });
        }
    }
    let all = sum.results.all();
    for part in &mut shares {
        part.share = share(part.results, all).unwrap_or_default();
    }
    shares
}

fn blame(sum: &Sum) -> Vec<Blame> {
    let all: u64 = sum.stages.values().map(|spent| spent.took_us).sum();
    let of = |(stage, spent): (&Stage, &Spent)| Blame {
        stage: *stage,
        mean_us: spent.took_us.checked_div(sum.split).unwrap_or(0),
        share: share(spent.took_us, all).unwrap_or_default(),
        misses: spent.blamed,
    };
    sum.stages.iter().map(of).collect()
}

/// Returns for whom it was not waited lately.
fn struck<P: Ord + Clone>(counted: &Chronicle<P>, now: Timestamp) -> BTreeSet<&str> {
    let executors = counted.slices(LATELY, now).flat_map(|(_, sum)| &sum.executors);
    executors.filter(|(_, did)| did.struck > 0).map(|(name, _)| name.as_str()).collect()
}

fn runners(sum: &Sum, struck: &BTreeSet<&str>, definition: &Definition) -> Vec<Runner> {
    let nothing = Executor::default();
    let live = definition.executors.iter().map(|spec| spec.id.as_str());
    let live: Vec<&str> = live.collect();
    let gone = sum.executors.keys().map(String::as_str).filter(|name| !live.contains(name));
    let runner = |(name, is_live): (&str, bool)| {
        let did = sum.executors.get(name).unwrap_or(&nothing);
        let failed = |kind| did.failed.get(&kind).copied().unwrap_or_default();
        Runner {
            name: name.to_owned(),
            canary: did.canary,
            live: is_live,
            models: did.models.iter().cloned().collect(),
            breaker_open: struck.contains(name),
            latency: Latency::of(&did.answers),
            curve: curve(&did.answers),
            queued: Latency::of(&did.queued),
            computed: Latency::of(&did.computed),
            heard: did.heard,
            useful: did.useful,
            late: did.late,
            failed: failed(Failed::Failed),
            expired: failed(Failed::Expired),
            overloaded: failed(Failed::Overloaded),
            abstained: did.abstained,
            spared: did.spared,
            struck: did.struck,
            pending: did.pending,
            useful_us: did.useful_us,
            wasted_us: did.wasted_us,
            compared_us: did.compared_us,
        }
    };
    let live = live.iter().map(|name| (*name, true));
    live.chain(gone.map(|name| (name, false))).map(runner).collect()
}

fn curve(times: &Times) -> Vec<(f64, u64)> {
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
    let all = times.count() as f64;
    // What is beyond a share is one answer at least, or the curve would end in a step that nothing was seen of.
    let is_seen = |share: &f64| *share <= 0.5 || all * (1.0 - share) > 1.0 - 1e-6;
    let point = |share: f64| Some((share, micros(times.quantile(share)?)));
    SHARES.into_iter().filter(is_seen).filter_map(point).collect()
}

// === impl Latency ===

impl Latency {
    fn of(times: &Times) -> Self {
        let quantile = |share| times.quantile(share).map(micros);
        Self { p50_us: quantile(0.5), p99_us: quantile(0.99), p999_us: quantile(0.999) }
    }
}

/// A caller waits for a default as for a prediction.
fn together(results: &Results) -> Times {
    let mut all = results.predicted.clone();
    all += &results.degraded;
    all
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52")]
fn per_second(count: u64, lasted: Duration) -> f64 {
    // What has just begun says nothing yet.
    count as f64 / lasted.as_secs_f64().max(1.0)
}

#[cfg(test)]
mod tests;
