//! A place for a decoy to work at: a bus, a clock that stands still, and a folder.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use bus::{EmbeddedBus, EmbeddedLimits, Producer, TopicSpec};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wire::{Headers, Record};

use super::*;
use crate::{Archive, ArchivedRecord, read};

pub(super) const TOPIC: &str = "wine.requests";
const PATIENCE: Duration = Duration::from_secs(30);

/// A bus, a clock that stands still, and a folder.
pub(super) struct Place {
    pub(super) bus: Arc<EmbeddedBus>,
    pub(super) clock: Clock,
    pub(super) folder: TempDir,
    pub(super) producer: Arc<dyn Producer>,
    pub(super) partitions: i32,
}

/// A decoy at work.
pub(super) struct Running {
    pub(super) stop: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
    pub(super) task: JoinHandle<Result<(), DecoyError>>,
}

// === impl Place ===

impl Place {
    pub(super) async fn new(partitions: i32) -> Self {
        Self::with_limits(partitions, EmbeddedLimits::default()).await
    }

    pub(super) async fn with_limits(partitions: i32, limits: EmbeddedLimits) -> Self {
        let clock = Clock::standing_at(Timestamp::from_micros(1_800_000_000_000_000));
        let bus = EmbeddedBus::with_limits(clock.clone(), limits);
        let topic = TopicSpec { name: TOPIC.to_owned(), partitions, retention: None, compacted: false };
        bus.create_topics(&[topic]).await.unwrap();
        let producer = bus.producer(&[TOPIC]).await.unwrap();
        Self { bus, clock, folder: TempDir::new().unwrap(), producer, partitions }
    }

    pub(super) fn station(&self) -> DecoyStation {
        let policy = "rendezvous: wine\nbudget: 50ms\ninput: { features: [a] }\n\
            executors: { x: { echo: {} } }\ndecoy: { archive: archive/wine, every: 60s }\n\
            decide:\n  - default: {}\n    until: 50ms\n";
        let definition = Definition::parse("test", policy).unwrap_or_else(|problems| panic!("{problems:?}"));
        let base = self.folder.path().to_owned();
        let bus: Arc<dyn Bus> = self.bus.clone();
        let (definition, metrics) = (Arc::new(definition), Arc::default());
        DecoyStation { bus, clock: self.clock.clone(), definition, base, has_moved: false, metrics }
    }

    pub(super) async fn run(&self, sizes: Sizes) -> Running {
        self.run_station(self.station(), sizes).await
    }

    pub(super) async fn run_station(&self, station: DecoyStation, sizes: Sizes) -> Running {
        let stop = CancellationToken::new();
        let metrics = Arc::clone(&station.metrics);
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(run_with(station, sizes, stop.clone(), ready));
        tokio::time::timeout(PATIENCE, is_ready).await.unwrap().unwrap();
        Running { stop, metrics, task }
    }

    pub(super) fn send(&self, partition: i32, record: Record) {
        self.producer
            .send(&TopicPartition::new(TOPIC, partition), record, Box::new(|sent| assert!(sent.is_ok())))
            .unwrap();
    }

    pub(super) fn send_many(&self, count: usize) {
        for number in 0..count {
            let record = Record { key: None, headers: Headers::default(), payload: Some(number.to_string().into()) };
            self.send(i32::try_from(number).unwrap() % self.partitions, record);
        }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("archive/wine")
    }

    pub(super) async fn archived(&self) -> Vec<ArchivedRecord> {
        let archive = Archive::open(&self.root()).await.unwrap();
        let mut records = Vec::new();
        for partition in 0..self.partitions {
            for file in archive.files(&TopicPartition::new(TOPIC, partition)).await.unwrap() {
                records.extend(read(&file).unwrap());
            }
        }
        records
    }

    /// Counts the records that the names of the files promise.
    pub(super) async fn count(&self) -> i64 {
        let archive = Archive::open(&self.root()).await.unwrap();
        let mut count = 0;
        for partition in 0..self.partitions {
            for file in archive.files(&TopicPartition::new(TOPIC, partition)).await.unwrap() {
                let (first, last) = file.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap();
                count += last.parse::<i64>().unwrap() - first.parse::<i64>().unwrap() + 1;
            }
        }
        count
    }

    /// Checks that every record of the log is in the archive, once, in order.
    pub(super) async fn check_complete(&self) {
        let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        for record in self.archived().await {
            offsets.entry(record.received.partition.partition).or_default().push(record.received.offset);
        }
        for partition in 0..self.partitions {
            let end = self.bus.span(&TopicPartition::new(TOPIC, partition)).await.unwrap().end;
            let have = offsets.remove(&partition).unwrap_or_default();
            assert_eq!(have, (0..end).collect::<Vec<_>>(), "partition {partition}");
        }
    }
}

// === impl Running ===

impl Running {
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&Metrics) -> bool) {
        until(what, || holds(&self.metrics)).await;
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited too long: {what}");
        tokio::task::yield_now().await;
    }
}

/// Lets the loop take in all that is there, and write it: time passes until it is durable.
pub(super) async fn until_lagless(place: &Place, running: &Running) {
    let mut end = 0;
    for partition in 0..place.partitions {
        end += place.bus.span(&TopicPartition::new(TOPIC, partition)).await.unwrap().end;
    }
    running
        .until("everything is durable", |metrics| {
            place.clock.advance(Duration::from_millis(50));
            metrics.records.get() >= u64::try_from(end).unwrap()
        })
        .await;
}

/// Lets time pass until the archive has as many records as the log.
pub(super) async fn until_complete(place: &Place) {
    let started = Instant::now();
    let mut end = 0;
    for partition in 0..place.partitions {
        end += place.bus.span(&TopicPartition::new(TOPIC, partition)).await.unwrap().end;
    }
    loop {
        let have = place.count().await;
        if have >= end {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "waited too long: {have} of {end} records");
        place.clock.advance(Duration::from_secs(1));
    }
}
