//! `models50`: one process with one model, and one with fifty, each asked by an executor of its own: what they hold while
//! nothing is asked, and what an answer takes that waits for all of them.

use bus::Clock;
use procfs::process::Process;
use serde_json::Value;

use super::embedded::roomy;
use crate::{
    arguments::Arguments,
    line::{Line, round},
    measure::{Subject, as_f64},
    system::Published,
    work::AMPLE,
};

const MODELS: usize = 50;
/// Seconds in which nothing is asked.
const IDLE: u32 = 10;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let one = of(1, arguments).await?;
    let many = of(MODELS, arguments).await?;
    let held = |line: &Line, what: &str| line.more.get(what).and_then(Value::as_f64).unwrap_or_default();
    let each = (held(&many, "rss_mb") - held(&one, "rss_mb")) / as_f64(MODELS as u64 - 1);
    let many = many.with("rss_mb_each_more", round(each));
    Ok(vec![one, many])
}

async fn of(models: usize, arguments: &Arguments) -> anyhow::Result<Line> {
    let (rate, clock, before) = (arguments.rate.unwrap_or(100), Clock::system(), rss_mb()?);
    let published = Published::start(&roomy(&clock), &clock, models).await?;
    let mut subject = Subject::new(published, AMPLE);
    let idle = subject.idle(IDLE).await?;
    // Loaded and warm. What comes is kept by the bus, which in this process forgets nothing until it is counted.
    let loaded = rss_mb()?;
    subject.warm_up(rate, arguments.warmup).await?;
    subject.measure(rate, arguments.seconds.unwrap_or(10)).await?;
    let line = subject.finish("models50", rate).await?;
    let called = if models == 1 { "one model".to_owned() } else { format!("{models} models") };
    let line = Line { system: format!("{}, {called}", line.system), ..line };
    Ok(line.with("rss_mb_before", before).with("rss_mb", loaded).with("idle_cpu_percent", idle))
}

/// Returns the memory that this process has in use.
fn rss_mb() -> anyhow::Result<f64> {
    Ok(round(as_f64(Process::myself()?.statm()?.resident * procfs::page_size()) / 1e6))
}
