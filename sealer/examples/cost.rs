//! Measures what sealing costs on a real Kafka: how fast a backlog is sealed, and how much later than in the results a
//! result is there for readers of what is committed. `cargo run -p hedgerow-sealer --example cost [BACKLOG [SECONDS]]`

#![allow(clippy::unwrap_used, reason = "it measures, or ends with the reason")]

use std::{
    collections::HashMap,
    env,
    error::Error,
    io::{Write as _, stdout},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use broker::Broker;
use bus::{Bus, Clock, Event, KafkaBus, KafkaSettings, Producer, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use hedgerow_sealer::{Destination, Metrics, SealerStation, run};
use tokio::{sync::oneshot, time::interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Fence, Fencing, PolicyRef, RendezvousName, RequestId, ResultKind, ResultRecord, Topics};

const PARTITIONS: i32 = 4;
const BODY: &[u8] = &[b' '; 500];

/// Who writes results as a collector would.
struct Writer {
    producer: Arc<dyn Producer>,
    policy: PolicyRef,
    topic: String,
}

impl Writer {
    fn fence(&self) {
        for partition in 0..PARTITIONS {
            let to = TopicPartition::new(&self.topic, partition);
            self.producer.send(&to, Fence(fencing()).encode(), Box::new(|_| {})).unwrap();
        }
    }

    fn result(&self, number: usize) {
        let request = RequestId::from_key(&self.policy.rendezvous, &number.to_string());
        let (kind, body) = (ResultKind::Prediction, Bytes::from_static(BODY));
        let result = ResultRecord {
            request,
            policy: self.policy.clone(),
            kind,
            key: None,
            reply: None,
            fencing: fencing(),
            body,
        };
        let partition = i32::try_from(number % usize::try_from(PARTITIONS).unwrap()).unwrap();
        let to = TopicPartition::new(&self.topic, partition);
        while self.producer.send(&to, result.encode(), Box::new(|_| {})).is_err() {
            std::thread::yield_now();
        }
    }
}

fn fencing() -> Fencing {
    Fencing { epoch: 1, instance: Uuid::nil() }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let argument = |index, default: usize| env::args().nth(index).map_or(Ok(default), |text| text.parse());
    let (backlog, seconds) = (argument(1, 200_000)?, argument(2, 10)?);
    let broker = Broker::start()?;
    let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(broker.bootstrap()))?);
    let rendezvous = RendezvousName::new("cost")?;
    let topics = Topics::of(&rendezvous);
    for name in [&topics.results, &topics.sealed] {
        let spec = TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
        bus.create_topics(&[spec]).await?;
    }
    let producer = bus.producer(&[&topics.results]).await?;
    let policy = PolicyRef { rendezvous: rendezvous.clone(), version: 1 };
    let writer = Writer { producer, policy, topic: topics.results.clone() };
    writer.fence();
    (0..backlog).for_each(|number| writer.result(number));
    writer.producer.drain(Duration::from_mins(1)).await?;

    let (metrics, stop) = (Arc::new(Metrics::default()), CancellationToken::new());
    let station = SealerStation {
        bus: Arc::clone(&bus),
        clock: Clock::system(),
        rendezvous,
        to: Destination::Sealed,
        metrics: Arc::clone(&metrics),
    };
    let (ready, is_ready) = oneshot::channel();
    let sealer = tokio::spawn(run(station, stop.clone(), ready));
    is_ready.await?;
    let started = Instant::now();
    while metrics.sealed.get() < backlog as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (took, transactions) = (started.elapsed(), metrics.transactions.get());
    writeln!(stdout(), "a backlog of {backlog}: {took:?} in {transactions} transactions, from joining the group")?;

    for rate in [500, 5_000] {
        let before = metrics.transactions.get();
        let mut delays = delays(&bus, &topics, &writer, rate, rate * seconds).await?;
        delays.sort_unstable();
        let at = |share: usize| delays[(delays.len() - 1) * share / 100];
        let transactions = metrics.transactions.get() - before;
        writeln!(
            stdout(),
            "{rate}/s: p50 {:?}, p99 {:?}, worst {:?}, {transactions} transactions",
            at(50),
            at(99),
            at(100)
        )?;
    }
    stop.cancel();
    sealer.await??;
    Ok(())
}

/// Writes `count` results at `rate` and returns how long after each was sent a reader of what is committed had it.
async fn delays(
    bus: &Arc<dyn Bus>,
    topics: &Topics,
    writer: &Writer,
    rate: usize,
    count: usize,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut tail = bus.tail().await?;
    for partition in 0..PARTITIONS {
        let partition = TopicPartition::new(&topics.sealed, partition);
        tail.start(&partition, StartAt::Offset(bus.span(&partition).await?.end))?;
    }
    let sent = Mutex::new(HashMap::new());
    let writing = async {
        let (mut tick, per_tick) = (interval(Duration::from_millis(10)), rate / 100);
        for first in (0..count).step_by(per_tick) {
            tick.tick().await;
            for number in first..first + per_tick {
                // Numbers of its own for each rate.
                let number = (rate << 32) + number;
                sent.lock().unwrap().insert(key(writer, number), Instant::now());
                writer.result(number);
            }
        }
    };
    let reading = async {
        let mut delays = Vec::with_capacity(count);
        while delays.len() < count {
            if let Event::Records(records) = tail.next().await? {
                let (now, sent) = (Instant::now(), sent.lock().unwrap());
                let keys = records.iter().filter_map(|received| received.record.key.as_ref());
                delays.extend(keys.filter_map(|key| Some(now - *sent.get(key)?)));
            }
        }
        Ok::<_, bus::BusError>(delays)
    };
    let ((), delays) = tokio::join!(writing, reading);
    Ok(delays?)
}

/// Returns the key of a result.
fn key(writer: &Writer, number: usize) -> Bytes {
    let id = RequestId::from_key(&writer.policy.rendezvous, &number.to_string());
    Bytes::copy_from_slice(id.as_uuid().as_bytes())
}
