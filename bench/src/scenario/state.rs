//! `state`: what keeping state adds. The same requests about the same keys, to an executor that knows nothing of them and to
//! one that counts them; they take turns in short rounds.

use bus::Clock;

use super::Kafka;
use crate::{
    arguments::Arguments,
    line::{COST, Line},
    measure::Subject,
    system::{Hedgerow, Order, Voting},
    work::AMPLE,
};

const RATE: u32 = 1_000;
const SECONDS: u32 = 30;
/// Each one's measured seconds come in this many turns.
const ROUNDS: u32 = 3;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let (rate, seconds) = (arguments.rate.unwrap_or(RATE), arguments.seconds.unwrap_or(SECONDS).div_ceil(ROUNDS));
    let Kafka { bus, .. } = Kafka::start()?;
    let start = async |voting| {
        let order = Order { voting, ..Order::default() };
        Hedgerow::start(&bus, &Clock::system(), order).await
    };
    let mut subjects =
        [Subject::new(start(Voting::Forgetful).await?, AMPLE), Subject::new(start(Voting::Remembering).await?, AMPLE)];
    for subject in &mut subjects {
        subject.warm_up(rate, arguments.warmup).await?;
    }
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.measure(rate, seconds).await?;
        }
    }
    let mut lines: Vec<Line> = Vec::new();
    for subject in subjects {
        let cost = subject.cost();
        let line = subject.finish("state", rate).await?.with(COST, cost);
        lines.push(match lines.first() {
            Some(without) => line.beside(without),
            None => line,
        });
    }
    Ok(lines)
}
