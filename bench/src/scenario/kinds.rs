//! `kinds`: what a call costs through hedgerow's `Executor`, of each kind, beside the same model called without it.
//!
//! Both take turns in one run, on one thread, one call after the other. A call through hedgerow is given the request's body and
//! ends with the answer's, JSON both: so for an ONNX model, which knows neither, reading and writing them is part of what
//! hedgerow adds; a function is given the same JSON on either side. Servers answer at once, from another thread of this
//! process, so what is told of them is the client's part, and the ratio is the worst that there can be.

mod in_process;
mod onnx;
mod python;
mod servers;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use bytes::Bytes;
use executor::{Executor, Input, Now};
use policies::InputSchema;
use serde_json::Map;
use wire::{RendezvousName, RequestId, Timestamp};

use crate::{
    cpu::{Threads, Whose},
    line::{Line, round},
    measure::as_f64,
};

/// Turns of each side; whatever else the machine does hits both.
const TURNS: usize = 20;
const TURN: Duration = Duration::from_millis(50);
/// Calls that are shorter are timed several together, because reading the clock takes time too.
const SHORTEST: Duration = Duration::from_micros(20);

/// Measures every kind.
pub(super) async fn measure() -> anyhow::Result<Vec<Line>> {
    let mut lines = onnx::measure().await?;
    lines.extend(servers::measure().await?);
    lines.extend(python::measure().await?);
    lines.extend(in_process::measure().await?);
    Ok(lines)
}

/// One way of calling a model.
trait Side {
    /// Makes calls for as long as a turn is, and returns how long each took, in nanoseconds.
    async fn turn(&mut self) -> anyhow::Result<Vec<f64>>;
}

/// Calls within this process.
struct Calls<F> {
    call: F,
    /// How many are timed together; 0 before that is known.
    together: u32,
}

/// What one side came to.
#[derive(Default)]
struct Measured {
    /// Nanoseconds of each call.
    calls: Vec<f64>,
    took: Duration,
    cpu: Duration,
}

/// Lets both sides of a kind take turns, and returns a line of each.
async fn beside(kind: &str, whose: Whose, mut direct: impl Side, mut ours: impl Side) -> anyhow::Result<[Line; 2]> {
    eprintln!("kinds: {kind}");
    let (mut directly, mut through) = (Measured::default(), Measured::default());
    // The first turns are to warm up.
    direct.turn().await?;
    ours.turn().await?;
    for _ in 0..TURNS {
        directly.add(whose, &mut direct).await?;
        through.add(whose, &mut ours).await?;
    }
    let directly = directly.line(&format!("{kind}, called directly"));
    let through = through.line(&format!("{kind}, through hedgerow")).beside(&directly);
    let more_us = round((through.p50_ms - directly.p50_ms) * 1_000.0);
    Ok([directly, through.with("kind", kind).with("more_us", more_us)])
}

/// Returns the side that calls `executor` about `body`, as the station does.
fn through<'a>(executor: &'a dyn Executor, schema: &'a Arc<InputSchema>, body: &Bytes) -> impl Side + 'a {
    let wine = RendezvousName::new("wine").expect("a name");
    let (request, body) = (RequestId::from_key(&wine, "one"), body.clone());
    let due = Timestamp::EPOCH.after(Duration::from_secs(9));
    Calls::new(async move || {
        let input = Input::new(request, due, body.clone(), Arc::clone(schema));
        let answer = executor.score(&input).await;
        black_box(answer.map_err(|failure| anyhow!(failure.message))?);
        Ok(())
    })
}

/// A clock that stands still: nobody's deadline comes.
fn standing() -> Now {
    Arc::new(|| Timestamp::EPOCH)
}

// === impl Calls ===

impl<F: AsyncFnMut() -> anyhow::Result<()>> Calls<F> {
    fn new(call: F) -> Self {
        Self { call, together: 0 }
    }

    async fn several(&mut self, times: u32) -> anyhow::Result<Duration> {
        let began = Instant::now();
        for _ in 0..times {
            (self.call)().await?;
        }
        Ok(began.elapsed())
    }

    /// Returns how many calls take as long as can be timed.
    async fn enough(&mut self) -> anyhow::Result<u32> {
        let mut times = 1;
        // The first one may be the slowest by far.
        self.several(1).await?;
        while self.several(times).await? < SHORTEST {
            times *= 2;
        }
        Ok(times)
    }
}

impl<F: AsyncFnMut() -> anyhow::Result<()>> Side for Calls<F> {
    async fn turn(&mut self) -> anyhow::Result<Vec<f64>> {
        if self.together == 0 {
            self.together = self.enough().await?;
        }
        let (began, mut calls) = (Instant::now(), Vec::new());
        while began.elapsed() < TURN {
            let took = self.several(self.together).await?;
            calls.push(took.as_secs_f64() * 1e9 / f64::from(self.together));
        }
        Ok(calls)
    }
}

// === impl Measured ===

impl Measured {
    async fn add(&mut self, whose: Whose, side: &mut impl Side) -> anyhow::Result<()> {
        let (before, began) = (Threads::of(whose)?, Instant::now());
        self.calls.extend(side.turn().await?);
        self.took += began.elapsed();
        self.cpu += Threads::of(whose)?.since(&before).values().sum::<Duration>();
        Ok(())
    }

    fn line(mut self, system: &str) -> Line {
        self.calls.sort_by(f64::total_cmp);
        let calls = self.took.as_secs_f64() * 1e9 / (self.calls.iter().sum::<f64>() / as_f64(self.calls.len() as u64));
        let millis = |share: f64| (self.quantile(share) * 10.0).round() / 1e7;
        Line {
            system: system.to_owned(),
            scenario: "kinds".to_owned(),
            rate: 0,
            achieved_rate: (calls / self.took.as_secs_f64()).round(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            p999_ms: millis(0.999),
            within_budget_share: 1.0,
            missing: 0,
            second: 0,
            cpu_s_per_1000: round(self.cpu.as_secs_f64() * 1e9 / calls) / 1e6,
            more: Map::new(),
        }
        .marked()
    }

    fn quantile(&self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a short list")]
        let index = (as_f64(self.calls.len() as u64) * share) as usize;
        self.calls.get(index).or(self.calls.last()).copied().unwrap_or_default()
    }
}
