//! `peers`: the stragglers' work on what a user would build instead, in the same run and on the same machine.
//!
//! Kafka Streams takes the collector's place between the same executors and callers, with its default guarantee and with
//! exactly-once. Ray Serve knows no log: it is asked over HTTP, at rates that it can hold and at one that it cannot.

use bus::Clock;

use super::{Kafka, SHORT, stragglers::one};
use crate::{
    arguments::Arguments,
    line::Line,
    measure::Subject,
    system::{Guarantee, Hedgerow, Order, Ray, Streams},
    work::Work,
};

const RATES: [u32; 2] = [1_000, 5_000];
const RAY_RATES: [u32; 2] = [50, 200];

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let Kafka { brokers, bus } = Kafka::start()?;
    let work = Work::Stragglers;
    let order = Order { work, budget: SHORT, ..Order::default() };
    let mut lines = Vec::new();
    for rate in arguments.rate.map_or(RATES.to_vec(), |rate| vec![rate]) {
        for guarantee in [Guarantee::AtLeastOnce, Guarantee::ExactlyOnce] {
            let streams = Streams::start(brokers, &bus, work, SHORT, guarantee).await?;
            lines.push(one(arguments, "peers", Subject::new(streams, SHORT), rate).await?);
        }
        let ours = Hedgerow::start(&bus, &Clock::system(), order).await?;
        lines.push(one(arguments, "peers", Subject::new(ours, SHORT), rate).await?);
    }
    for rate in arguments.rate.map_or(RAY_RATES.to_vec(), |rate| vec![rate]) {
        let ray = Subject::new(Ray::start(work, SHORT).await?, SHORT);
        lines.push(one(arguments, "peers", ray, rate).await?);
    }
    Ok(lines)
}
