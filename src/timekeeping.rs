//! Keeps this process' clock by the log's, and tells how far they are apart.
//!
//! What is written shows that a clock is ahead, what is read only that it is behind. So that a station which finds every
//! request too old, and answers none, finds out why, each process writes an empty record now and then.

use std::{fmt, sync::Arc, time::Duration};

use bus::{Bus, BusError, Clock, ClockState, Producer, TopicPartition, TopicSpec};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::Record;

/// Where processes write for the time that the log gives a record.
pub const CLOCK_TOPIC: &str = "hedgerow.clock";

/// Three in each minute, which is how long what they show is heeded.
const EVERY: Duration = Duration::from_secs(20);
/// So many at the start: the quickest shows most.
const AT_FIRST: usize = 3;
/// How long a start waits for the log's time, and a record for its acknowledgement.
const WITHIN: Duration = Duration::from_secs(5);
const KEPT: Duration = Duration::from_hours(1);

/// Reads a clock's state when it is asked for.
#[derive(Debug)]
struct Timekeeping(Clock);

/// Adds what is known of `clock` to `registry`.
pub fn register(clock: &Clock, registry: &mut Registry) {
    registry.register_collector(Box::new(Timekeeping(clock.clone())));
}

/// Writes until `stop`, so that the clock that `bus` teaches learns; returns as soon as it has, or was given the time to.
pub async fn keep(bus: &Arc<dyn Bus>, stop: &CancellationToken) {
    let (tell, learned) = oneshot::channel();
    tokio::spawn(write_on(Arc::clone(bus), stop.clone(), tell));
    // Who does not learn now does later; what hinders it is told by whom it hinders.
    let _ = timeout(WITHIN, learned).await;
}

async fn write_on(bus: Arc<dyn Bus>, stop: CancellationToken, tell: oneshot::Sender<()>) {
    let (mut producer, mut tell, mut is_failing) = (None, Some(tell), false);
    loop {
        let count = if tell.is_some() { AT_FIRST } else { 1 };
        let written = write(&*bus, &mut producer, count).await;
        if let Err(error) = &written {
            producer = None;
            if !is_failing {
                tracing::warn!(%error, "`{CLOCK_TOPIC}` cannot be written: a clock that is ahead goes unnoticed");
            }
        }
        is_failing = written.is_err();
        if let Some(tell) = tell.take() {
            // Nobody may wait any more.
            let _ = tell.send(());
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
    }
}

async fn write(bus: &dyn Bus, producer: &mut Option<Arc<dyn Producer>>, count: usize) -> Result<(), BusError> {
    let producer = if let Some(producer) = producer {
        producer
    } else {
        let name = CLOCK_TOPIC.to_owned();
        bus.create_topics(&[TopicSpec { name, partitions: 1, retention: Some(KEPT), compacted: false }]).await?;
        producer.insert(bus.producer(&[CLOCK_TOPIC]).await?)
    };
    for _ in 0..count {
        let (tell, told) = oneshot::channel();
        let acknowledge = Box::new(move |outcome| {
            // Whoever waited may have given up.
            let _ = tell.send(outcome);
        });
        producer.send(&TopicPartition::new(CLOCK_TOPIC, 0), Record::default(), acknowledge)?;
        let silence = || BusError::Unavailable("no acknowledgement".to_owned());
        timeout(WITHIN, told).await.map_err(|_| silence())?.map_err(|_| silence())??;
    }
    Ok(())
}

impl Collector for Timekeeping {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let ClockState { correction, at_least, at_most, is_trusted } = self.0.state();
        let offset = "How far this process' clock is ahead of the log's, at least and at most";
        let mut offset =
            encoder.encode_descriptor("hedgerow_clock_offset", offset, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (bound, micros) in [("at_least", at_least), ("at_most", at_most)] {
            if let Some(micros) = micros {
                let labels = [("bound", bound)];
                ConstGauge::new(seconds(micros)).encode(offset.encode_family(&labels)?)?;
            }
        }
        let by = "By how much less this process' clock is read, so that it agrees with the log's";
        let by = encoder.encode_descriptor("hedgerow_clock_correction", by, Some(&Unit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(seconds(correction)).encode(by)?;
        let trusted = "Whether that is believed: no more than a minute, and no contradictions";
        let trusted = encoder.encode_descriptor("hedgerow_clock_trusted", trusted, None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(is_trusted)).encode(trusted)
    }
}

fn seconds(micros: i64) -> f64 {
    let seconds = Duration::from_micros(micros.unsigned_abs()).as_secs_f64();
    if micros < 0 { -seconds } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_tells_what_is_known_and_leaves_out_what_is_not() {
        let mut registry = Registry::default();
        register(&Clock::system(), &mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("hedgerow_clock_correction_seconds 0.0\n"), "{text}");
        assert!(text.contains("hedgerow_clock_trusted 1\n"), "{text}");
        assert!(!text.contains("bound="), "{text}");
        assert!((seconds(-1_500_000) + 1.5).abs() < 1e-9);
    }
}
