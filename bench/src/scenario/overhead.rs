//! `overhead`: what hedgerow costs end to end, beside a bare fan-out and a bare chain that promise nothing.
//!
//! They take turns in short rounds, so that a machine that grows slower or faster meanwhile does so to all.

use bus::Clock;

use super::Kafka;
use crate::{
    arguments::Arguments,
    line::{COST, Line},
    measure::Subject,
    system::{Bare, Hedgerow, Order, Shape},
    work::AMPLE,
};

/// Each system's measured seconds come in this many turns.
const ROUNDS: u32 = 3;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let (rate, seconds) = (arguments.rate.unwrap_or(1_000), arguments.seconds.unwrap_or(30).div_ceil(ROUNDS));
    let Kafka { brokers, bus } = Kafka::start()?;
    let order = Order::default();
    let mut subjects = [
        Subject::new(Bare::start(brokers, &bus, Shape::Chain).await?, AMPLE),
        Subject::new(Bare::start(brokers, &bus, Shape::FanOut).await?, AMPLE),
        Subject::new(Hedgerow::start(&bus, &Clock::system(), order).await?, AMPLE),
    ];
    for subject in &mut subjects {
        subject.warm_up(rate, arguments.warmup).await?;
    }
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.measure(rate, seconds).await?;
        }
    }
    let mut lines = Vec::new();
    for subject in subjects {
        let cost = subject.cost();
        lines.push(subject.finish("overhead", rate).await?.with(COST, cost));
    }
    if let [_, bare, ours] = &mut lines[..] {
        *ours = ours.clone().beside(bare);
    }
    Ok(lines)
}
