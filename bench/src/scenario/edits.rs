//! `edits`: the same load with and without live edits of the policy, in turns, on a real Kafka.

mod edited;

use bus::Clock;
use serde_json::Value;

use self::edited::Edits;
use super::Kafka;
use crate::{arguments::Arguments, line::Line, measure::Measured, work::AMPLE};

const ROUNDS: u32 = 3;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut edits = Edits::start(Kafka::start()?.bus, Clock::system()).await?;
    let rate = arguments.rate.unwrap_or(1_000);
    let (seconds, each) = (arguments.seconds.unwrap_or(30).div_ceil(ROUNDS), arguments.edits.div_ceil(ROUNDS));
    let (mut before, mut without, mut with) = (Measured::default(), Measured::default(), Measured::default());
    edits.load(rate, arguments.warmup, 0, &mut before).await?;
    for _ in 0..ROUNDS {
        edits.load(rate, seconds, 0, &mut without).await?;
        edits.load(rate, seconds, each, &mut with).await?;
    }
    let (figures, tally) = edits.stop().await?;
    let without = without.line("hedgerow", "edits", rate, AMPLE);
    let with = with.line("hedgerow, edited", "edits", rate, AMPLE).beside(&without);
    // The log does not say in which turn a request was asked: both answer for all of it.
    let lost = (before.sent + measured(&without) + measured(&with)).saturating_sub(tally.answered);
    let mut with = Line { missing: with.missing.max(lost), second: tally.second, ..with };
    if let Value::Object(figures) = figures {
        with.more.extend(figures);
    }
    Ok(vec![without, with])
}

fn measured(line: &Line) -> u64 {
    line.more["requests"].as_u64().unwrap_or_default()
}
