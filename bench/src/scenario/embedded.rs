//! `embedded`: the same rendezvous without a broker, at 1,000 requests a second and at the highest rate that holds.

use std::{sync::Arc, time::Duration};

use bus::{Bus, Clock, EmbeddedBus, EmbeddedLimits};

use crate::{
    arguments::Arguments,
    line::Line,
    measure::Subject,
    system::{Hedgerow, Order},
    work::AMPLE,
};

/// Where the search for the highest rate begins.
const FIRST: u32 = 10_000;

/// A rate holds if so much of it is answered, all of it, and hardly anybody waits longer than this.
const ACHIEVED: f64 = 0.98;
const P99_MAX: Duration = Duration::from_millis(100);

/// Each step of the search is this many tenths of the one before.
const STEP: u32 = 14;

/// Seconds in which nothing is asked, before each rate.
const IDLE: u32 = 3;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let usual = at(arguments.rate.unwrap_or(1_000), arguments.seconds.unwrap_or(30), arguments.warmup).await?;
    if arguments.rate.is_some() {
        return Ok(vec![usual]);
    }
    let (mut rate, mut best) = (FIRST, None);
    loop {
        let line = at(rate, arguments.seconds.unwrap_or(5), 1).await?;
        if !holds(&line) {
            eprintln!(
                "  {rate} a second does not hold: {:.0} were answered, p99 {} ms",
                line.achieved_rate, line.p99_ms
            );
            break;
        }
        (best, rate) = (Some(line), rate / 10 * STEP);
    }
    let best = best.map(|line| line.with("highest_that_holds", true).with("does_not_hold", rate));
    Ok([usual].into_iter().chain(best).collect())
}

async fn at(rate: u32, seconds: u32, warmup: u32) -> anyhow::Result<Line> {
    let clock = Clock::system();
    let bus = roomy(&clock);
    let mut ours = Subject::new(Hedgerow::start(&bus, &clock, Order::default()).await?, AMPLE);
    let idle = ours.idle(IDLE).await?;
    ours.warm_up(rate, warmup).await?;
    ours.measure(rate, seconds).await?;
    Ok(ours.finish("embedded", rate).await?.with("idle_cpu_percent", idle))
}

/// Returns a bus that keeps everything until it is counted.
pub(super) fn roomy(clock: &Clock) -> Arc<dyn Bus> {
    let limits = EmbeddedLimits {
        records_per_partition: 100_000_000,
        bytes_per_partition: 4 << 30,
        ..EmbeddedLimits::default()
    };
    EmbeddedBus::with_limits(clock.clone(), limits)
}

fn holds(line: &Line) -> bool {
    line.achieved_rate >= f64::from(line.rate) * ACHIEVED
        && line.missing == 0
        && line.within_budget_share >= 1.0
        && line.p99_ms <= P99_MAX.as_secs_f64() * 1_000.0
}
