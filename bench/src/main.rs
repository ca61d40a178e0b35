//! What hedgerow costs, measured beside what it could cost at the least, in one run: `make bench`.
//!
//! - `overhead`: end to end on a real Kafka, three zero-work executors, beside a *bare fan-out*: plain rdkafka on topics
//!   and records of the same shape, three pass-throughs on one fetch, a collector that counts to three.
//! - `embedded`: the same rendezvous on the embedded bus.
//! - `core`: the collector's pure core alone: events a second, bytes of an open request, a million of them open.
//! - `edits`: on a real Kafka, the same load with and without live edits in turns: what edits cost, and how soon every
//!   station has a version that the brokers acknowledged.
//!
//! Open loop, latency from the intended send time. The two systems take turns in short rounds, so that a machine that
//! grows slower or faster meanwhile does so to both.

mod bare;
mod cpu;
mod edits;
mod line;
mod measure;
mod rendezvous;
mod scenario;

use std::{sync::Arc, time::Duration};

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use clap::{Parser, ValueEnum};
use comfy_table::{Table, presets::NOTHING};
use serde_json::{Value, json};

use crate::{bare::Bare, edits::Edits, measure::Measured, rendezvous::Rendezvous};

/// Measures hedgerow beside a bare fan-out.
#[derive(Parser, Debug)]
struct Arguments {
    /// What to measure; everything when not given
    #[arg(long, value_enum)]
    only: Option<Scenario>,

    /// Requests a second
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,

    /// Measured seconds for each system, in three turns: rounded up to a multiple of 3
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,

    /// Seconds of the same load before, not counted
    #[arg(long, default_value_t = 5)]
    warmup: u32,

    /// Live edits in all, while `edits` is measured
    #[arg(long, default_value_t = 1_000)]
    edits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    Overhead,
    Embedded,
    Core,
    Edits,
}

/// Each system's measured seconds come in this many turns.
const ROUNDS: u32 = 3;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let wanted = |scenario| arguments.only.is_none_or(|only| only == scenario);
    if wanted(Scenario::Overhead) {
        report(&arguments.overhead().await?);
    }
    if wanted(Scenario::Embedded) {
        report(&arguments.embedded().await?);
    }
    if wanted(Scenario::Core) {
        let lines = scenario::pure_core::measure()?;
        eprintln!("{}", line::table(&lines));
        for line in lines {
            println!("{}", serde_json::to_string(&line)?);
        }
    }
    if wanted(Scenario::Edits) {
        report(&arguments.edits().await?);
    }
    Ok(())
}

// === impl Arguments ===

impl Arguments {
    async fn overhead(&self) -> anyhow::Result<Value> {
        let brokers = Broker::shared()?;
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers))?);
        let bare = Bare::start(brokers, &bus).await?;
        let rendezvous = Rendezvous::start(bus, Clock::system()).await?;
        let (mut plain, mut ours) = (Measured::default(), Measured::default());
        bare.load(self.rate, self.warmup, &mut Measured::default()).await;
        rendezvous.load(self.rate, self.warmup, &mut Measured::default()).await;
        for _ in 0..ROUNDS {
            bare.load(self.rate, self.seconds.div_ceil(ROUNDS), &mut plain).await;
            rendezvous.load(self.rate, self.seconds.div_ceil(ROUNDS), &mut ours).await;
        }
        let second = rendezvous.stop().await?;
        let ratio = |quantile| ours.us(quantile) / plain.us(quantile);
        Ok(json!({
            "scenario": "overhead", "rate": self.rate, "requests": ours.sent,
            "bare_p50_us": plain.us(0.5), "p50_us": ours.us(0.5), "p50_ratio": round(ratio(0.5)),
            "bare_p99_us": plain.us(0.99), "p99_us": ours.us(0.99), "p99_ratio": round(ratio(0.99)),
            "bare_p999_us": plain.us(0.999), "p999_us": ours.us(0.999), "p999_ratio": round(ratio(0.999)),
            "bare_missing": plain.missing(), "missing": ours.missing(), "second": second,
        }))
    }

    async fn embedded(&self) -> anyhow::Result<Value> {
        let clock = Clock::system();
        let bus: Arc<dyn Bus> = EmbeddedBus::new(clock.clone());
        let rendezvous = Rendezvous::start(bus, clock).await?;
        let mut ours = Measured::default();
        rendezvous.load(self.rate, self.warmup, &mut Measured::default()).await;
        rendezvous.load(self.rate, self.seconds, &mut ours).await;
        let second = rendezvous.stop().await?;
        Ok(json!({
            "scenario": "embedded", "rate": self.rate, "requests": ours.sent,
            "p50_us": ours.us(0.5), "p99_us": ours.us(0.99), "p999_us": ours.us(0.999),
            "missing": ours.missing(), "second": second,
        }))
    }

    async fn edits(&self) -> anyhow::Result<Value> {
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(Broker::shared()?))?);
        let mut edits = Edits::start(bus, Clock::system()).await?;
        let (mut without, mut with) = (Measured::default(), Measured::default());
        let (seconds, each) = (self.seconds.div_ceil(ROUNDS), self.edits.div_ceil(ROUNDS));
        edits.load(self.rate, self.warmup, 0, &mut Measured::default()).await?;
        for _ in 0..ROUNDS {
            edits.load(self.rate, seconds, 0, &mut without).await?;
            edits.load(self.rate, seconds, each, &mut with).await?;
        }
        let ratio = |quantile| round(with.us(quantile) / without.us(quantile));
        let mut figures = json!({
            "scenario": "edits", "rate": self.rate, "requests": without.sent + with.sent,
            "without_p50_us": without.us(0.5), "with_p50_us": with.us(0.5), "p50_ratio": ratio(0.5),
            "without_p99_us": without.us(0.99), "with_p99_us": with.us(0.99), "p99_ratio": ratio(0.99),
            "without_p999_us": without.us(0.999), "with_p999_us": with.us(0.999), "p999_ratio": ratio(0.999),
            "missing": without.missing() + with.missing(),
        });
        let more = edits.stop().await?;
        if let (Some(figures), Value::Object(more)) = (figures.as_object_mut(), more) {
            figures.extend(more);
        }
        Ok(figures)
    }
}

/// Prints one JSON line for programs on stdout, and a table for people on stderr.
fn report(figures: &Value) {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in figures.as_object().into_iter().flatten() {
        table.add_row([name.clone(), value.to_string()]);
    }
    eprintln!("{}", table.trim_fmt());
    println!("{figures}");
}

fn round(ratio: f64) -> f64 {
    (ratio * 1_000.0).round() / 1_000.0
}

/// How long a request may stay unanswered before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);
