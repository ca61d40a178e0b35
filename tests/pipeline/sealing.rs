//! `hedgerow run sealer` as processes on a real Kafka: killed, stopped in their tracks, and read by a consumer that
//! knows nothing of hedgerow but the topic's name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Bus, Event, KafkaBus, KafkaSettings, StartAt, TopicPartition};
use bytes::Bytes;
use hedgerow::app;
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::Headers as _,
};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use wire::{Headers, Record, TopicReader, Topics};

use crate::{
    cases,
    processes::{Deployment, Process},
    rendezvous::{PATIENCE, wine_rows},
};

const PARTITIONS: i32 = 4;
/// The test's broker puts a member out of its group after 0.8 seconds.
const LONGER_THAN_A_SESSION: Duration = Duration::from_millis(1_500);
/// A hung transaction ends after three seconds; the test's broker looks twice a second. A transaction of the default
/// length would hold readers up for a minute.
const HELD_UP_AT_MOST: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_consumer_reads_each_result_once_though_sealers_and_collectors_are_killed() {
    let deployment = Deployment::new(&cases::wine()).await;
    let (starter, address) = block_in_place(|| deployment.run("starter"));
    let mut stations: Vec<(&str, Option<Process>)> = ["sealer", "collector", "sealer", "executors"]
        .map(|name| (name, Some(block_in_place(|| deployment.run(name)).0)))
        .into();
    let killing = async {
        for round in 0..9 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (name, process) = &mut stations[round % 3];
            if round % 3 == 2 {
                // Its partitions go to the other sealer meanwhile, and it wakes with what it had in hand.
                process.as_ref().unwrap().signal("STOP");
                tokio::time::sleep(LONGER_THAN_A_SESSION).await;
                process.as_ref().unwrap().signal("CONT");
            } else {
                process.take().unwrap().kill();
                *process = Some(block_in_place(|| deployment.run(name)).0);
            }
        }
    };
    let asked = ask_during(&deployment, &address, killing).await;
    assert_eq!(starter.terminate(), Some(0));
    block_in_place(|| sealed_in_the_end(&deployment, asked));
    for (name, process) in stations {
        assert_eq!(process.unwrap().terminate(), Some(0), "{name} stops when it is told to");
    }
    assert_sealed(&deployment, asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealer_stopped_amid_a_transaction_holds_readers_up_for_a_moment_only_and_goes_on() {
    let deployment = Deployment::new(&cases::wine()).await;
    let (starter, address) = block_in_place(|| deployment.run("starter"));
    let stations = ["collector", "executors", "sealer"].map(|name| block_in_place(|| deployment.run(name)).0);
    let sealer = &stations[2];
    let stopping = async {
        let ends = Ends::of(&deployment);
        let tried = Instant::now();
        loop {
            sealer.signal("STOP");
            if block_in_place(|| ends.are_held_up()) {
                break;
            }
            sealer.signal("CONT");
            assert!(tried.elapsed() < PATIENCE, "it was never stopped amid a transaction");
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        let stopped = Instant::now();
        while block_in_place(|| ends.differ()) {
            assert!(stopped.elapsed() < HELD_UP_AT_MOST, "readers are held up");
        }
        eprintln!("readers were held up for {:?}", stopped.elapsed());
        sealer.signal("CONT");
    };
    let asked = ask_during(&deployment, &address, stopping).await;
    // What comes now is sealed by whoever goes on.
    ask(&deployment, &address, asked..asked + 100).await;
    assert_eq!(starter.terminate(), Some(0));
    block_in_place(|| sealed_in_the_end(&deployment, asked + 100));
    for process in stations {
        assert_eq!(process.terminate(), Some(0));
    }
    assert_sealed(&deployment, asked + 100).await;
}

/// Asks from before `fault` until after it, however long it takes; returns how often.
async fn ask_during(deployment: &Deployment, address: &str, fault: impl Future<Output = ()>) -> usize {
    const AT_A_TIME: usize = 100;
    let over = CancellationToken::new();
    let asking = async {
        let mut asked = 0;
        while !over.is_cancelled() {
            ask(deployment, address, asked..asked + AT_A_TIME).await;
            asked += AT_A_TIME;
        }
        asked
    };
    let fault = async {
        fault.await;
        over.cancel();
    };
    tokio::join!(asking, fault).0
}

/// Asks once every four milliseconds; every question is answered.
async fn ask(deployment: &Deployment, address: &str, numbers: std::ops::Range<usize>) {
    let url = format!("http://{address}/v2/models/{}/infer", deployment.name());
    let (client, rows) = (reqwest::Client::new(), wine_rows());
    let mut asked = tokio::task::JoinSet::new();
    for number in numbers {
        let body = rows[number % rows.len()].0.clone();
        let request = client.post(&url).header("idempotency-key", number.to_string()).body(body).timeout(PATIENCE);
        asked.spawn(async move { request.send().await.unwrap().status().as_u16() });
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    let statuses = asked.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// Waits until a plain consumer has read as many sealed results.
fn sealed_in_the_end(deployment: &Deployment, count: usize) {
    let (started, mut read) = (Instant::now(), 0);
    let consumer = plain(deployment, "read_committed", false);
    while read < count {
        assert!(started.elapsed() < PATIENCE, "{read} of {count} are sealed");
        read += usize::from(matches!(consumer.poll(Duration::from_millis(100)), Some(Ok(_))));
    }
}

/// Checks that the sealed topic holds what a reader of the results takes by the rule, in its order and as it was, and
/// nothing else; when all stations have stopped.
async fn assert_sealed(deployment: &Deployment, count: usize) {
    let expected = valid(deployment).await;
    let sealed = block_in_place(|| sealed(deployment));
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), count, "each request has its result");
    let counts = |of: &BTreeMap<i32, Vec<Record>>| of.iter().map(|(at, all)| (*at, all.len())).collect::<Vec<_>>();
    assert_eq!(counts(&sealed), counts(&expected));
    assert!(sealed == expected, "in the same order, byte for byte");
}

/// Reads the results as whoever runs the rule does.
async fn valid(deployment: &Deployment) -> BTreeMap<i32, Vec<Record>> {
    let bus = KafkaBus::connect(KafkaSettings::new(&deployment.brokers)).unwrap();
    let topic = topics(deployment).results;
    let (mut tail, mut ends) = (bus.tail().await.unwrap(), BTreeMap::new());
    for index in 0..PARTITIONS {
        let partition = TopicPartition::new(&topic, index);
        let span = bus.span(&partition).await.unwrap();
        tail.start(&partition, StartAt::Beginning).unwrap();
        if !span.is_empty() {
            ends.insert(index, span.end);
        }
    }
    let (mut reader, mut valid) = (TopicReader::new(1 << 16), BTreeMap::<_, Vec<_>>::new());
    while !ends.is_empty() {
        let event = tokio::time::timeout(PATIENCE, tail.next()).await.expect("the results are read").unwrap();
        let Event::Records(records) = event else { panic!("a tail is in no group") };
        for received in records {
            let index = received.partition.partition;
            if reader.read(index, &received.record).valid().is_some() {
                valid.entry(index).or_default().push(received.record);
            }
            ends.retain(|at, end| *at != index || received.offset + 1 < *end);
        }
    }
    valid
}

/// Reads the sealed topic as any consumer in any language would.
fn sealed(deployment: &Deployment) -> BTreeMap<i32, Vec<Record>> {
    let consumer = plain(deployment, "read_committed", true);
    let (mut sealed, mut ended, started) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new(), Instant::now());
    while !(0..PARTITIONS).all(|partition| ended.contains(&partition)) {
        assert!(started.elapsed() < PATIENCE, "a consumer is told of the end of each partition: {ended:?}");
        match consumer.poll(Duration::from_millis(100)) {
            // Also where it was only told of its partitions, however short that took.
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
            Some(message) => {
                let message = message.unwrap();
                let bytes = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
                let mut headers = Headers::default();
                for header in message.headers().unwrap().iter() {
                    headers.push(header.key, header.value);
                }
                let record = Record { key: bytes(message.key()), headers, payload: bytes(message.payload()) };
                sealed.entry(message.partition()).or_default().push(record);
            }
        }
    }
    sealed
}

fn plain(deployment: &Deployment, isolation: &str, tells_ends: bool) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &deployment.brokers)
        .set("group.id", format!("plain-{isolation}-{tells_ends}-{}", deployment.name()))
        .set("isolation.level", isolation)
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", tells_ends.to_string())
        .create()
        .unwrap();
    consumer.subscribe(&[&topics(deployment).sealed]).unwrap();
    consumer
}

fn topics(deployment: &Deployment) -> Topics {
    Topics::of(app::load(&deployment.policy).unwrap().0.name())
}

/// Where the sealed topic ends for those who read all of it, and for those who read what is committed.
struct Ends {
    all: BaseConsumer,
    committed: BaseConsumer,
    topic: Arc<str>,
}

impl Ends {
    fn of(deployment: &Deployment) -> Self {
        let consumer = |isolation| plain(deployment, isolation, false);
        let topic = topics(deployment).sealed.into();
        Self { all: consumer("read_uncommitted"), committed: consumer("read_committed"), topic }
    }

    fn differ(&self) -> bool {
        (0..PARTITIONS).any(|partition| self.end(&self.committed, partition) < self.end(&self.all, partition))
    }

    fn end(&self, of: &BaseConsumer, partition: i32) -> i64 {
        let began = Instant::now();
        loop {
            match of.fetch_watermarks(&self.topic, partition, PATIENCE) {
                Ok((_, end)) => return end,
                // A client that asked while leaders were being found is told to ask again.
                Err(KafkaError::MetadataFetch(RDKafkaErrorCode::NotLeaderForPartition))
                    if began.elapsed() < PATIENCE => {}
                Err(error) => panic!("partition {partition}: {error}"),
            }
        }
    }

    /// Returns whether a transaction is open: a commit that was asked for is through after a few looks.
    fn are_held_up(&self) -> bool {
        (0..20).all(|_| self.differ())
    }
}
