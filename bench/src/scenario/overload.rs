//! `overload`: executors that can do only so much, and more and more that is asked of them.
//!
//! Each request takes each executor a fixed time, so that the knee is theirs and not the machine's. Goodput is predictions
//! by their budget: what is shed, answered by default or late is none. First the knee, then multiples of it, then a spike.

use std::time::Duration;

use bus::{Bus, Clock};
use tokio::time::sleep;

use super::Kafka;
use crate::{
    arguments::Arguments,
    line::{Line, round},
    measure::{Measured, Subject, as_f64},
    system::{Hedgerow, Order},
    work::Work,
};

/// Four at a time for 8 ms each: 500 requests a second, at the very best.
const WORK: Work = Work::Fixed(Duration::from_millis(8), 4);
const BUDGET: Duration = Duration::from_millis(100);

/// The search for the knee: from here, in steps, up to more than there can be.
const FIRST: u32 = 200;
const STEP: u32 = 50;
const LAST: u32 = 550;

/// At the knee so much of what is offered is still answered well; so much of what was before a spike is recovery.
const WELL: f64 = 0.95;

/// Offered, in hundredths of the knee.
const MULTIPLES: [u32; 4] = [50, 100, 200, 300];

/// Around the spike, in hundredths of the knee.
const CALM: u32 = 80;
const SPIKE: u32 = 300;

pub(super) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let kafka = Kafka::start()?;
    let knee = match arguments.rate {
        Some(rate) => rate,
        None => knee(&kafka).await?,
    };
    eprintln!("  the knee: {knee} requests a second");
    let seconds = arguments.seconds.unwrap_or(20);
    let mut lines = Vec::new();
    for hundredths in MULTIPLES {
        let rate = of(knee, hundredths);
        let mut subject = subject(&kafka).await?;
        subject.warm_up(rate, arguments.warmup.min(5)).await?;
        let measured = subject.offer(rate, seconds).await?;
        subject.take(&measured, true);
        let line = subject.finish("overload", rate).await?;
        lines.push(line.with("of_knee", f64::from(hundredths) / 100.0).with("goodput", measured.goodput(seconds)));
    }
    let best = lines.iter().filter_map(|line| line.more["goodput"].as_f64()).fold(f64::EPSILON, f64::max);
    for line in &mut lines {
        let goodput = line.more["goodput"].as_f64().unwrap_or_default();
        line.more.insert("goodput_of_peak".to_owned(), round(goodput / best).into());
    }
    lines.push(spike(&kafka, knee, arguments.seconds.unwrap_or(30)).await?);
    Ok(lines)
}

/// Finds the highest rate that is still answered well.
async fn knee(kafka: &Kafka) -> anyhow::Result<u32> {
    let mut knee = FIRST;
    for rate in (FIRST..=LAST).step_by(STEP as usize) {
        let mut subject = subject(kafka).await?;
        subject.warm_up(rate, 2).await?;
        let measured = subject.offer(rate, 4).await?;
        subject.take(&measured, true);
        subject.finish("overload", rate).await?;
        if as_f64(measured.good) < as_f64(measured.sent) * WELL {
            break;
        }
        knee = rate;
    }
    Ok(knee)
}

/// Goes on at four fifths of the knee, and offers three times the knee in between.
async fn spike(kafka: &Kafka, knee: u32, seconds: u32) -> anyhow::Result<Line> {
    let (calm, high) = (of(knee, CALM), of(knee, SPIKE));
    let mut subject = subject(kafka).await?;
    subject.warm_up(calm, 3).await?;
    let around = seconds.min(10);
    // Each begins when the one before has sent its last, whatever is still to be answered of it.
    let before = tokio::spawn(subject.offer(calm, around));
    sleep(Duration::from_secs(around.into())).await;
    let during = tokio::spawn(subject.offer(high, seconds));
    sleep(Duration::from_secs(seconds.into())).await;
    let after = tokio::spawn(subject.offer(calm, around));
    let (before, during, after) = (before.await??, during.await??, after.await??);
    subject.take(&before, false);
    subject.take(&after, false);
    subject.take(&during, true);
    let line = subject.finish("overload", high).await?;
    let line = Line { system: "hedgerow, spike".to_owned(), ..line };
    let line = line.with("of_knee", 3.0).with("seconds", seconds).with("goodput", during.goodput(seconds));
    let line = line.with("goodput_before", before.goodput(around)).with("goodput_after", after.goodput(around));
    Ok(match recovery(&before, &after) {
        Some(recovery) => line.with("recovery_s", recovery),
        None => line.with("recovery_s", serde_json::Value::Null),
    })
}

/// Returns the end of the first half second, counted from the end of the spike, that is as good as it was before; and the
/// next one is, too.
fn recovery(before: &Measured, after: &Measured) -> Option<f64> {
    let enough = WELL * as_f64(before.good) / as_f64(before.sent.max(1));
    let good = |half: &(u64, u64)| as_f64(half.0) >= enough * as_f64(half.1);
    let position = after.halves().windows(2).position(|pair| pair.iter().all(good))?;
    Some(as_f64(position as u64 + 1) / 2.0)
}

async fn subject(Kafka { bus, .. }: &Kafka) -> anyhow::Result<Subject> {
    let order = Order { work: WORK, budget: BUDGET, ..Order::default() };
    let bus: &std::sync::Arc<dyn Bus> = bus;
    Ok(Subject::new(Hedgerow::start(bus, &Clock::system(), order).await?, BUDGET))
}

fn of(knee: u32, hundredths: u32) -> u32 {
    (knee * hundredths / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Answer;

    /// Ten requests in each half second, so many of them answered in time.
    fn measured(good: &[u64]) -> Measured {
        let mut measured = Measured::default();
        for (half, good) in (0..).zip(good) {
            for number in 0..10 {
                let answer = if number < *good { Answer::Prediction } else { Answer::Shed };
                let sent_at = Duration::from_millis(half * 500 + number * 50);
                measured.note(answer, sent_at, Duration::from_millis(5), BUDGET);
            }
        }
        measured
    }

    #[test]
    fn recovered_is_whoever_is_as_good_as_before_for_two_half_seconds() {
        let before = measured(&[10, 10, 10]);
        assert_eq!(recovery(&before, &measured(&[10, 10, 10])), Some(0.5));
        assert_eq!(recovery(&before, &measured(&[2, 10, 3, 10, 10])), Some(2.0));
        assert_eq!(recovery(&before, &measured(&[2, 10, 3, 10])), None);
    }
}
