//! `core`: requests meet their responses in the collector's pure part, on one thread, with nothing around it.
//!
//! An event is a request or a response. Rate 0 says that nothing is offered: it goes as fast as it can, and its latencies
//! are the time of one event, over batches. What the heap gives is counted by another program, because counting slows down.

use std::{
    env,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use collector::rendezvous::Output;
use hedgerow_bench::joining::{Core, Events};
use serde_json::{Map, Value};

use crate::{
    cpu::Whose,
    line::{Line, round},
    measure::as_f64,
};

/// Requests open at a time in the small batches, and in the one that is as large as may be.
const OPEN: u32 = 1_000;
const BATCHES: u32 = 500;
const MILLION: u32 = 1_000_000;

/// Events that are made and then played; the making is not measured.
const STRETCH: u32 = 10_000;

/// Measures the core.
pub(crate) fn measure() -> anyhow::Result<Vec<Line>> {
    eprintln!("core: {BATCHES} batches of {OPEN} requests");
    let mut few = Played::default();
    for _ in 0..BATCHES {
        let mut core = Core::new()?;
        let events = core.events(0, OPEN);
        few.play(&mut core, events);
    }
    eprintln!("core: a million requests open at once");
    let mut many = Played::default();
    let mut core = Core::new()?;
    for first in (0..MILLION).step_by(STRETCH as usize) {
        let Events { requests, .. } = core.events(first, STRETCH);
        many.play(&mut core, Events { requests, responses: Vec::new() });
    }
    ensure!(core.is_open() == MILLION as usize, "{} requests are open, not a million", core.is_open());
    for first in (0..MILLION).step_by(STRETCH as usize) {
        let Events { responses, .. } = core.events(first, STRETCH);
        many.play(&mut core, Events { requests: Vec::new(), responses });
    }
    let mut few = few.line("core, 1,000 open");
    few.more.extend(heap()?);
    Ok(vec![few, many.line("core, 1,000,000 open")])
}

/// What was played, and how long it took.
#[derive(Default)]
struct Played {
    requests: u64,
    events: u64,
    decided: u64,
    took: Duration,
    cpu: f64,
    /// Nanoseconds of an event, for each batch.
    batches: Vec<f64>,
}

// === impl Played ===

impl Played {
    fn play(&mut self, core: &mut Core, Events { requests, responses }: Events) {
        let events = requests.len() + responses.len();
        self.requests += requests.len() as u64;
        self.events += events as u64;
        let (began, cpu) = (Instant::now(), Whose::Own.seconds().unwrap_or_default());
        for request in requests {
            core.open(request);
        }
        for response in responses {
            core.hear(response);
        }
        while let Some(output) = core.poll() {
            self.decided += u64::from(matches!(output, Output::Emit(_)));
        }
        let took = began.elapsed();
        self.took += took;
        self.cpu += Whose::Own.seconds().unwrap_or_default() - cpu;
        self.batches.push(took.as_secs_f64() * 1e9 / as_f64(events as u64));
    }

    fn line(mut self, system: &str) -> Line {
        self.batches.sort_by(f64::total_cmp);
        let millis = |share: f64| round(self.quantile(share)) / 1e6;
        Line {
            system: system.to_owned(),
            scenario: "core".to_owned(),
            rate: 0,
            achieved_rate: (as_f64(self.events) / self.took.as_secs_f64()).round(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            p999_ms: millis(0.999),
            within_budget_share: 1.0,
            missing: self.requests.saturating_sub(self.decided),
            second: self.decided.saturating_sub(self.requests),
            cpu_s_per_1000: round(self.cpu * 1e9 / as_f64(self.events)) / 1e6,
            more: Map::new(),
        }
        .marked()
        .with("events", self.events)
        .with("ns_per_event", round(self.took.as_secs_f64() * 1e9 / as_f64(self.events)))
        .with("best_ns_per_event", round(self.quantile(0.0)))
    }

    fn quantile(&self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a short list")]
        let index = (as_f64(self.batches.len() as u64) * share) as usize;
        self.batches.get(index).or(self.batches.last()).copied().unwrap_or_default()
    }
}

/// Asks the other program, which lies beside this one, what the heap gives.
fn heap() -> anyhow::Result<Map<String, Value>> {
    let beside = env::current_exe()?.with_file_name("hedgerow-bench-heap");
    let run = Command::new(&beside).output();
    let run = run.with_context(|| format!("{} is not there: `make bench` builds it", beside.display()))?;
    ensure!(run.status.success(), "{}: {}", beside.display(), String::from_utf8_lossy(&run.stderr));
    Ok(serde_json::from_slice(&run.stdout)?)
}
