//! `watched`: the same load while nobody looks on, while people and Prometheus do, and while requests are traced; in turns.
//!
//! What is counted for the console is counted in every turn, as in every process that serves.

mod onlookers;

use std::sync::Arc;

use bus::{Bus, Clock};
use hedgerow::otlp::{Otlp, OtlpArgs};
use prometheus_client::registry::Registry;

use self::onlookers::Onlookers;
use super::{Kafka, embedded::roomy};
use crate::{
    arguments::Arguments,
    line::Line,
    measure::{Measured, Subject},
    system::{Hedgerow, Order},
    work::AMPLE,
};

/// An even number: each second round goes backwards, so that what grows as time passes is not laid to who comes later.
const ROUNDS: u32 = 4;

#[derive(Clone, Copy)]
enum Turn {
    Plain,
    Watched,
    Traced,
}

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut lines = on(roomy(&Clock::system()), arguments).await?;
    lines.extend(on(Kafka::start()?.bus, arguments).await?);
    Ok(lines)
}

async fn on(bus: Arc<dyn Bus>, arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let (clock, order) = (Clock::system(), Order::default());
    let (rate, seconds) = (arguments.rate.unwrap_or(10_000), arguments.seconds.unwrap_or(30).div_ceil(ROUNDS));
    let collector = onlookers::collector().await?;
    let wanted = OtlpArgs { otlp: Some(collector), trace_share: "1%".parse()? }.wanted()?;
    let otlp = wanted.map(|wanted| Otlp::start(&wanted, &mut Registry::default())).transpose()?;
    let plain = Hedgerow::start(&bus, &clock, order).await?;
    let onlookers = Onlookers::of(&bus, &clock, plain.definition()).await?;
    let mut plain = Subject::new(plain, AMPLE);
    let mut traced = Subject::new(Hedgerow::traced(&bus, &clock, order, otlp.as_ref().map(Otlp::traces)).await?, AMPLE);
    // Looked at already, as a page that stays open: what it works out every five minutes falls where it falls.
    let looking = onlookers.look();
    plain.warm_up(rate, arguments.warmup).await?;
    onlookers.leave(looking).await;
    traced.warm_up(rate, arguments.warmup).await?;
    let mut watched = Measured::default();
    for round in 0..ROUNDS {
        let mut turns = [Turn::Plain, Turn::Watched, Turn::Traced];
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            match turn {
                Turn::Plain => plain.measure(rate, seconds).await?,
                Turn::Traced => traced.measure(rate, seconds).await?,
                Turn::Watched => {
                    let looking = onlookers.look();
                    let load = plain.offer(rate, seconds).await?;
                    onlookers.leave(looking).await;
                    plain.take(&load, false);
                    watched.add(&load);
                }
            }
        }
    }
    let (pages, scrapes) = onlookers.stop();
    let plain = plain.finish("watched", rate).await?;
    let called = |what: &str| format!("{}, {what}", plain.system);
    let watched = watched.line(&called("watched"), "watched", rate, AMPLE).beside(&plain);
    let traced = traced.finish("watched", rate).await?;
    let traced = Line { system: called("traced"), ..traced }.beside(&plain);
    let watched = watched.with("pages_sent", pages).with("scrapes", scrapes);
    let watched = cheaper(watched, &plain);
    let traced = cheaper(traced, &plain);
    Ok(vec![plain, watched, traced])
}

/// Adds how much processor time it takes beside another.
fn cheaper(line: Line, other: &Line) -> Line {
    let ratio = line.cpu_s_per_1000 / other.cpu_s_per_1000;
    line.with("cpu_ratio", (ratio * 1_000.0).round() / 1_000.0)
}
