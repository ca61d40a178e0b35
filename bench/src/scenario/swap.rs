//! `swap`: the same load with and without new versions of its model, in turns; on the embedded bus and on a real Kafka.

use std::sync::Arc;

use bus::{Bus, Clock};

use super::{Kafka, embedded::roomy};
use crate::{
    arguments::Arguments,
    line::Line,
    measure::{Measured, Subject},
    system::Published,
    work::AMPLE,
};

const ROUNDS: u32 = 3;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut lines = on(roomy(&Clock::system()), arguments).await?;
    lines.extend(on(Kafka::start()?.bus, arguments).await?);
    Ok(lines)
}

async fn on(bus: Arc<dyn Bus>, arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let (rate, seconds) = (arguments.rate.unwrap_or(2_000), arguments.seconds.unwrap_or(36).div_ceil(ROUNDS));
    let system = Published::start(&bus, &Clock::system(), 1).await?;
    let publisher = system.publisher();
    let mut subject = Subject::new(system, AMPLE);
    subject.warm_up(rate, arguments.warmup).await?;
    let (mut swapping, mut changes, mut next) = (Measured::default(), 0, 2);
    for _ in 0..ROUNDS {
        subject.measure(rate, seconds).await?;
        let publishing = tokio::spawn(publisher.clone().swap(next, seconds));
        let load = subject.offer(rate, seconds).await?;
        changes += publishing.await??;
        next += u64::from(seconds.div_ceil(3));
        subject.take(&load, false);
        swapping.add(&load);
    }
    let mut plain = subject.finish("swap", rate).await?;
    // What was swapped was so in the turns that were for it.
    let swapped = ["swaps", "failed_loads"].map(|told| (told, plain.more.remove(told).unwrap_or_default()));
    let called = format!("{}, swapping", plain.system);
    let swapping = swapping.line(&called, "swap", rate, AMPLE).beside(&plain).with("changes", changes);
    // The log does not say in which turn a request was asked: both answer for all of it.
    let swapping = Line { missing: swapping.missing.max(plain.missing), second: plain.second, ..swapping };
    let swapping = swapped.into_iter().fold(swapping, |line, (told, count)| line.with(told, count));
    Ok(vec![plain, swapping])
}
