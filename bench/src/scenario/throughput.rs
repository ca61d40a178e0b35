//! `throughput`: hedgerow with three candidates, a canary and the decoy, at rates up to a million requests a minute,
//! beside a bare fan-out to as many readers.

use bus::Clock;

use super::Kafka;
use crate::{
    arguments::Arguments,
    line::Line,
    measure::Subject,
    system::{Bare, Hedgerow, Order, Shape},
    work::AMPLE,
};

/// Requests a second, and for how many seconds: the last is a million in a minute.
const RATES: [(u32, u32); 5] = [(100, 10), (1_000, 15), (5_000, 15), (10_000, 15), (17_000, 60)];

/// Seconds in which nothing is asked, before the first rate.
const IDLE: u32 = 10;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let Kafka { brokers, bus } = Kafka::start()?;
    let rates = arguments.rate.map_or(RATES.to_vec(), |rate| vec![(rate, 15)]);
    let mut lines = Vec::new();
    for (rate, seconds) in rates {
        let seconds = arguments.seconds.unwrap_or(seconds);
        // One after the other: at the highest rate nobody else may take up even what idling takes.
        let mut bare = Subject::new(Bare::start(brokers, &bus, Shape::FanOutAndMore).await?, AMPLE);
        bare.warm_up(rate, arguments.warmup).await?;
        bare.measure(rate, seconds).await?;
        let bare = bare.finish("throughput", rate).await?;
        let order = Order { audience: true, ..Order::default() };
        let mut ours = Subject::new(Hedgerow::start(&bus, &Clock::system(), order).await?, AMPLE);
        let idle = if lines.is_empty() { Some(ours.idle(IDLE).await?) } else { None };
        ours.warm_up(rate, arguments.warmup).await?;
        ours.measure(rate, seconds).await?;
        let ours = ours.finish("throughput", rate).await?.beside(&bare);
        let ours = idle.into_iter().fold(ours, |ours, idle| ours.with("idle_cpu_percent", idle));
        lines.extend([bare, ours]);
    }
    Ok(lines)
}
