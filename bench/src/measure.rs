//! Measuring a system: an open loop, latency from the intended send time, and what the log says afterwards.

use std::{future::Future, num::NonZeroU64, sync::Arc, time::Duration};

use anyhow::ensure;
use hedgerow::load::{Latencies, Pace, share};
use serde_json::{Map, Value};

use crate::{
    cpu::{Parts, Threads, Whose},
    line::{Line, millis, round},
    system::{Answer, System},
};

/// How late an answer may be and still count as in time: what the way back and the callers' own clock take.
pub(crate) const TOLERANCE: Duration = Duration::from_millis(2);

/// A system under measurement.
pub(crate) struct Subject {
    system: Arc<dyn System>,
    budget: Duration,
    /// Everything that was asked and taken on, whether it is measured or not.
    accepted: u64,
    /// Of that, what was asked beside what is measured and never answered.
    unanswered_beside: u64,
    measured: Measured,
}

/// What was measured of a system.
#[derive(Default)]
pub(crate) struct Measured {
    /// Requests sent.
    pub(crate) sent: u64,
    answered: u64,
    predictions: u64,
    shed: u64,
    within: u64,
    /// Predictions by the budget and the tolerance.
    pub(crate) good: u64,
    latencies: Latencies,
    took: Duration,
    pub(crate) cpu: f64,
    parts: Parts,
    halves: Vec<(u64, u64)>,
}

/// Milliseconds.
const HALF: u128 = 500;

/// So long what has finished is gathered before it is taken down: its latency is known by then.
const GATHER: Duration = Duration::from_millis(5);

// === impl Subject ===

impl Subject {
    pub(crate) fn new(system: impl System + 'static, budget: Duration) -> Self {
        Self { system: Arc::new(system), budget, accepted: 0, unanswered_beside: 0, measured: Measured::default() }
    }

    /// Offers `rate` requests a second for `seconds`, and forgets about it: producers, tables and a JVM warm up.
    pub(crate) async fn warm_up(&mut self, rate: u32, seconds: u32) -> anyhow::Result<()> {
        let measured = self.offer(rate, seconds).await?;
        self.take(&measured, false);
        Ok(())
    }

    /// Offers `rate` requests a second for `seconds`, and measures.
    pub(crate) async fn measure(&mut self, rate: u32, seconds: u32) -> anyhow::Result<()> {
        let measured = self.offer(rate, seconds).await?;
        self.take(&measured, true);
        Ok(())
    }

    /// Offers a load that goes on while others do, and measures nothing yet: for [`Subject::take`].
    pub(crate) fn offer(&self, rate: u32, seconds: u32) -> impl Future<Output = anyhow::Result<Measured>> + use<> {
        let (system, whose, budget) = (Arc::clone(&self.system), self.system.whose(), self.budget);
        async move {
            eprintln!("  {}: {rate} requests a second for {seconds} s", system.name());
            let pace = Pace { rate, count: u64::from(rate) * u64::from(seconds) };
            let mut measured = Measured::default();
            let (cpu, threads) = (whose.seconds()?, Threads::of(whose)?);
            let mut finished = pace.drive(move |index| {
                if index == 0 {
                    sleep_exactly();
                }
                system.ask()
            });
            let mut batch = Vec::new();
            while finished.recv_many(&mut batch, usize::MAX).await > 0 {
                for finished in batch.drain(..) {
                    measured.note(finished.outcome, pace.sent_at(finished.index), finished.latency, budget);
                }
                // To be woken for each of them would take the processor from whoever is measured.
                tokio::time::sleep(GATHER).await;
            }
            ensure!(measured.sent == pace.count, "only {} of {} requests came to an end", measured.sent, pace.count);
            measured.cpu = whose.seconds()? - cpu;
            measured.parts = Threads::of(whose)?.since(&threads);
            Ok(measured)
        }
    }

    /// Takes down what came of a load: it is part of what is told, or was asked beside it.
    pub(crate) fn take(&mut self, measured: &Measured, counts: bool) {
        self.accepted += measured.sent - measured.shed;
        if counts {
            self.measured.add(measured);
        } else {
            self.unanswered_beside += measured.missing();
        }
    }

    /// Asks nothing for a while, and returns how much of one core this process takes meanwhile.
    pub(crate) async fn idle(&self, seconds: u32) -> anyhow::Result<f64> {
        // What was started settles first.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let cpu = Whose::Own.seconds()?;
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        Ok(round((Whose::Own.seconds()? - cpu) / f64::from(seconds) * 100.0))
    }

    /// Returns the processor microseconds of a request by what they went into, as far as anybody knows.
    pub(crate) fn cost(&self) -> Value {
        let measured = &self.measured;
        let each = |used: &Duration| round(used.as_secs_f64() * 1e6 / as_f64(measured.sent.max(1)));
        let parts = measured.parts.iter().map(|(part, used)| ((*part).to_owned(), each(used)));
        parts
            .filter(|(_, micros)| *micros > 0.0)
            .map(|(part, micros)| (part, micros.into()))
            .collect::<Map<_, _>>()
            .into()
    }

    /// Stops it, and returns what is to be told.
    pub(crate) async fn finish(self, scenario: &str, rate: u32) -> anyhow::Result<Line> {
        let Self { system, budget, accepted, unanswered_beside, measured } = self;
        let told = system.tells(accepted);
        let tally = system.stop().await?;
        let (missing, second) = match tally {
            Some(tally) => (accepted.saturating_sub(tally.answered), tally.second),
            // Whoever asked is the only witness.
            None => (measured.missing(), 0),
        };
        let line = measured.line(system.name(), scenario, rate, budget);
        let line = Line { missing, second, ..line };
        let line = told.into_iter().fold(line, |line, (name, figure)| line.with(name, round(figure)));
        // Says of what is missing whether callers miss it too.
        let line = if unanswered_beside > 0 { line.with("unanswered_in_warm_up", unanswered_beside) } else { line };
        Ok(line.with("counted_by", if tally.is_some() { "log" } else { "callers" }))
    }
}

// === impl Measured ===

impl Measured {
    /// Takes one that finished.
    pub(crate) fn note(&mut self, answer: Answer, sent_at: Duration, latency: Duration, budget: Duration) {
        self.sent += 1;
        let half = usize::try_from(sent_at.as_millis() / HALF).unwrap_or_default();
        if self.halves.len() <= half {
            self.halves.resize(half + 1, (0, 0));
        }
        self.halves[half].1 += 1;
        match answer {
            Answer::Nothing => return,
            Answer::Shed => return self.shed += 1,
            Answer::Prediction => self.predictions += 1,
            Answer::Default => {}
        }
        self.answered += 1;
        self.latencies.record(latency);
        self.took = self.took.max(sent_at + latency);
        let within = latency <= budget + TOLERANCE;
        self.within += u64::from(within);
        let good = u64::from(within && answer == Answer::Prediction);
        self.good += good;
        self.halves[half].0 += good;
    }

    /// Returns what is to be told; what is missing, as far as whoever asked can know.
    pub(crate) fn line(&self, system: &str, scenario: &str, rate: u32, budget: Duration) -> Line {
        let line = Line {
            system: system.to_owned(),
            scenario: scenario.to_owned(),
            rate,
            achieved_rate: round(as_f64(self.answered) / self.took.as_secs_f64().max(f64::EPSILON)),
            p50_ms: self.ms(0.5),
            p99_ms: self.ms(0.99),
            p999_ms: self.ms(0.999),
            within_budget_share: share(self.within, self.sent),
            missing: self.missing(),
            second: 0,
            cpu_s_per_1000: round(self.cpu * 1_000.0 / as_f64(self.sent.max(1))),
            more: Map::new(),
        };
        let line = line.marked().with("requests", self.sent).with("budget_ms", millis(budget));
        let line = line.with("p9999_ms", self.ms(0.9999)).with("max_ms", self.ms(1.0));
        let line = line.with("prediction_share", share(self.predictions, self.sent));
        if self.shed > 0 { line.with("shed_share", share(self.shed, self.sent)) } else { line }
    }

    /// Returns predictions in time of each half second's requests, and how many requests those were.
    pub(crate) fn halves(&self) -> &[(u64, u64)] {
        &self.halves
    }

    /// Returns predictions in time a second.
    pub(crate) fn goodput(&self, seconds: u32) -> f64 {
        round(as_f64(self.good) / f64::from(seconds))
    }

    /// Takes down another load of the same system, after this one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.predictions += other.predictions;
        self.shed += other.shed;
        self.within += other.within;
        self.good += other.good;
        self.latencies.add(&other.latencies);
        self.took += other.took;
        self.cpu += other.cpu;
        for (part, used) in &other.parts {
            *self.parts.entry(part).or_default() += *used;
        }
    }

    fn missing(&self) -> u64 {
        self.sent - self.answered - self.shed
    }

    fn ms(&self, quantile: f64) -> f64 {
        millis(self.latencies.quantile(quantile))
    }
}

/// Lets the thread that keeps the pace wake at its instants. By default the kernel may be 50 µs late, to save power: that
/// would be charged to whoever is measured.
fn sleep_exactly() {
    // Where the kernel does not, latencies are that much longer for everybody.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Counts stay far below 2^52, where this is exact.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}
