//! `hedge`: what a spare executor buys that starts when the first is slower than usual, and what it costs.
//!
//! Each answer takes 2 ms, and two of a hundred take 60 ms. One executor alone shows them all in its tail; two that both
//! start at once show none and work twice; a spare that starts after the first one's p95 works in one request of twenty.

use std::time::Duration;

use bus::Clock;

use super::Kafka;
use crate::{
    arguments::Arguments,
    line::Line,
    measure::Subject,
    system::{Hedgerow, Order, Voting},
    work::Work,
};

const WORK: Work = Work::StragglersOver(Duration::from_millis(2));
/// Nobody runs out of it: what is compared is latency.
const BUDGET: Duration = Duration::from_millis(200);
const RATE: u32 = 1_000;
const SECONDS: u32 = 15;

/// So many warm-ups: what is usual is learned in the first, and announced every few seconds.
const WARM_UPS: u32 = 2;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let Kafka { bus, .. } = Kafka::start()?;
    let rate = arguments.rate.unwrap_or(RATE);
    let mut lines: Vec<Line> = Vec::new();
    for voting in [Voting::One, Voting::Spare, Voting::FirstOfTwo] {
        let order = Order { work: WORK, budget: BUDGET, voting, ..Order::default() };
        let mut ours = Subject::new(Hedgerow::start(&bus, &Clock::system(), order).await?, BUDGET);
        ours.warm_up(rate, arguments.warmup * WARM_UPS).await?;
        ours.measure(rate, arguments.seconds.unwrap_or(SECONDS)).await?;
        let line = ours.finish("hedge", rate).await?;
        lines.push(match lines.first() {
            Some(alone) => line.beside(alone),
            None => line,
        });
    }
    Ok(lines)
}
