//! `stragglers`: two answers of a hundred of each executor take 60 ms, and everybody is to be answered within 20 ms.

use bus::Clock;

use super::{Kafka, SHORT};
use crate::{
    arguments::Arguments,
    line::Line,
    measure::Subject,
    system::{Hedgerow, InProcess, Order, Plain},
    work::Work,
};

const RATES: [u32; 2] = [1_000, 5_000];

/// Measured seconds.
const SECONDS: u32 = 15;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let Kafka { brokers, bus } = Kafka::start()?;
    let order = Order { work: Work::Stragglers, budget: SHORT, ..Order::default() };
    let mut lines = Vec::new();
    for rate in arguments.rate.map_or(RATES.to_vec(), |rate| vec![rate]) {
        let tokio = Subject::new(InProcess::start(Work::Stragglers, SHORT), SHORT);
        lines.push(one(arguments, "stragglers", tokio, rate).await?);
        let plain = Subject::new(Plain::start(brokers, &bus, Work::Stragglers, SHORT).await?, SHORT);
        let plain = one(arguments, "stragglers", plain, rate).await?;
        let ours = Subject::new(Hedgerow::start(&bus, &Clock::system(), order).await?, SHORT);
        let ours = one(arguments, "stragglers", ours, rate).await?.beside(&plain);
        lines.extend([plain, ours]);
    }
    Ok(lines)
}

/// Warms a subject up, measures it and stops it.
pub(super) async fn one(
    arguments: &Arguments,
    scenario: &str,
    mut subject: Subject,
    rate: u32,
) -> anyhow::Result<Line> {
    // A virtual machine takes longer to warm up than anything here.
    let warmup = if scenario == "peers" { arguments.warmup * 3 } else { arguments.warmup };
    subject.warm_up(rate, warmup).await?;
    subject.measure(rate, arguments.seconds.unwrap_or(SECONDS)).await?;
    subject.finish(scenario, rate).await
}
