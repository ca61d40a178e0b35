//! A results topic with everything that can lie in one, sealers at work on it, and a reader of what they seal.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::{Bus, Clock, Event, Producer, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use fastrand::Rng;
use hedgerow_sealer::{Destination, Metrics, SealerError, SealerStation, run};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    Fence, Fencing, PolicyRef, Record, RendezvousName, RequestId, ResultKind, ResultRecord, ResultsReader, Topics,
};

const PARTITIONS: i32 = 3;
/// Generous: it bounds a test that has failed, never one that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Scene {
    bus: Arc<dyn Bus>,
    rendezvous: RendezvousName,
    pub(crate) topics: Topics,
    producer: Arc<dyn Producer>,
    writers: Vec<Writer>,
    chance: Rng,
}

/// Who owns a partition of the results, and who did.
#[derive(Default)]
struct Writer {
    epoch: u64,
    results: Vec<u32>,
    fresh: u32,
}

pub(crate) struct Sealer {
    pub(crate) metrics: Arc<Metrics>,
    stop: CancellationToken,
    work: JoinHandle<Result<(), SealerError>>,
}

// === impl Scene ===

impl Scene {
    pub(crate) async fn new(bus: Arc<dyn Bus>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("s{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let rendezvous = RendezvousName::new(&name).unwrap();
        let topics = Topics::of(&rendezvous);
        let spec =
            |name: &String| TopicSpec { name: name.clone(), partitions: PARTITIONS, retention: None, compacted: false };
        bus.create_topics(&[spec(&topics.results), spec(&topics.sealed)]).await.unwrap();
        let producer = bus.producer(&[&topics.results, &topics.sealed]).await.unwrap();
        let writers = (0..PARTITIONS).map(|_| Writer::default()).collect();
        let seed = fastrand::u64(..);
        eprintln!("seed {seed}");
        Self { bus, rendezvous, topics, producer, writers, chance: Rng::with_seed(seed) }
    }

    /// Writes `count` records of every sort and waits until the log has them.
    pub(crate) async fn write(&mut self, count: usize) {
        for _ in 0..count {
            let partition = self.chance.i32(0..PARTITIONS);
            let writer = &mut self.writers[usize::try_from(partition).unwrap()];
            let record = writer.next(&mut self.chance, &self.rendezvous, partition);
            let to = TopicPartition::new(&self.topics.results, partition);
            self.producer.send(&to, record, Box::new(|sent| assert!(sent.is_ok(), "{sent:?}"))).unwrap();
        }
        self.producer.drain(PATIENCE).await.unwrap();
    }

    /// Starts a sealer and waits until it has joined its group.
    pub(crate) async fn sealer(&self) -> Sealer {
        let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let station = SealerStation {
            bus: Arc::clone(&self.bus),
            clock: Clock::system(),
            rendezvous: self.rendezvous.clone(),
            to: Destination::Sealed,
            metrics: Arc::clone(&metrics),
        };
        let (ready, is_ready) = oneshot::channel();
        let told = stop.clone();
        // Seen also when nobody asks how it ended.
        let run = async { run(station, told, ready).await.inspect_err(|error| eprintln!("a sealer ended: {error:?}")) };
        let work = tokio::spawn(run);
        timeout(PATIENCE, is_ready).await.expect("a sealer is ready in time").unwrap();
        Sealer { metrics, stop, work }
    }

    /// Waits until as much is sealed as the results hold.
    pub(crate) async fn until_all_is_sealed(&self, sealer: &Sealer) {
        let expected: usize = self.expected().await.iter().map(Vec::len).sum();
        let mut read = 0;
        let waiting = self.read(&self.topics.sealed, |_, _| {
            read += 1;
            read >= expected
        });
        let waited = timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{expected} results were to be sealed; {:?}", sealer.metrics);
    }

    /// Checks what a reader of what is committed finds: each result once, in order, as it was, and nothing else.
    pub(crate) async fn check(&self) {
        let sealed = self.whole(&self.topics.sealed).await;
        for (partition, (sealed, expected)) in sealed.iter().zip(self.expected().await).enumerate() {
            assert_eq!(sealed.len(), expected.len(), "partition {partition}");
            for (sealed, expected) in sealed.iter().zip(&expected) {
                assert_eq!(sealed, expected, "partition {partition}");
            }
        }
    }

    /// Returns the results of each partition that whoever reads all of it by the rule takes.
    async fn expected(&self) -> Vec<Vec<Record>> {
        let valid = |records: Vec<Record>| {
            let mut reader = ResultsReader::new(usize::MAX);
            records.into_iter().filter(|record| reader.read(record).valid().is_some()).collect()
        };
        self.whole(&self.topics.results).await.into_iter().map(valid).collect()
    }

    /// Reads all that a topic holds, by partition. What tells the end is a record behind it, which nobody heeds.
    async fn whole(&self, topic: &str) -> Vec<Vec<Record>> {
        let end = Record { payload: Some(Bytes::from(Uuid::new_v4().to_string())), ..Record::default() };
        for partition in 0..PARTITIONS {
            let to = TopicPartition::new(topic, partition);
            self.producer.send(&to, end.clone(), Box::new(|sent| assert!(sent.is_ok(), "{sent:?}"))).unwrap();
        }
        self.producer.drain(PATIENCE).await.unwrap();
        let (mut whole, mut ended) = (vec![Vec::new(); usize::try_from(PARTITIONS).unwrap()], 0);
        let reading = self.read(topic, |partition, record| {
            if record == end {
                ended += 1;
            } else if !record.headers.is_empty() {
                whole[usize::try_from(partition).unwrap()].push(record);
            }
            ended == PARTITIONS
        });
        timeout(PATIENCE, reading).await.expect("the end of the topic is read");
        whole
    }

    /// Reads a topic from its beginning until `enough`.
    async fn read(&self, topic: &str, mut enough: impl FnMut(i32, Record) -> bool) {
        let mut tail = self.bus.tail().await.unwrap();
        for partition in 0..PARTITIONS {
            tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).unwrap();
        }
        'reading: loop {
            match tail.next().await {
                Ok(Event::Records(records)) => {
                    for received in records {
                        if enough(received.partition.partition, received.record) {
                            break 'reading;
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => eprintln!("the reader waits: {error}"),
            }
        }
        tail.close(Vec::new()).await;
    }
}

// === impl Writer ===

impl Writer {
    /// Returns what somebody writes next: the owner, mostly.
    fn next(&mut self, chance: &mut Rng, rendezvous: &RendezvousName, partition: i32) -> Record {
        if self.epoch == 0 {
            self.epoch = 1;
            return fence(1);
        }
        let result = |id: u32, epoch: u64| {
            let request = RequestId::from_key(rendezvous, &format!("{partition}-{id}"));
            let policy = PolicyRef { rendezvous: rendezvous.clone(), version: 1 };
            let body = Bytes::from(format!("{{\"id\":{id},\"epoch\":{epoch}}}"));
            let (kind, key) = (ResultKind::Prediction, Some("key".into()));
            ResultRecord { request, policy, kind, key, reply: None, fencing: fencing(epoch), body }.encode()
        };
        match chance.u8(0..20) {
            0 => {
                self.epoch += 1;
                fence(self.epoch)
            }
            1 => fence(self.epoch),
            2 => fence(self.epoch - 1),
            3 | 4 if !self.results.is_empty() => {
                let back = chance.usize(0..self.results.len().min(50));
                result(self.results[self.results.len() - 1 - back], self.epoch)
            }
            // One whom the owner has fenced off decides otherwise.
            5 | 6 => result(self.fresh, self.epoch - 1),
            _ => {
                self.fresh += 1;
                self.results.push(self.fresh);
                result(self.fresh, self.epoch)
            }
        }
    }
}

fn fencing(epoch: u64) -> Fencing {
    Fencing { epoch, instance: Uuid::from_u128(u128::from(epoch)) }
}

fn fence(epoch: u64) -> Record {
    Fence(fencing(epoch)).encode()
}

// === impl Sealer ===

impl Sealer {
    /// Waits until its counters satisfy `enough`.
    pub(crate) async fn until(&self, enough: impl Fn(&Metrics) -> bool) {
        let looking = async {
            while !enough(&self.metrics) {
                assert!(!self.work.is_finished(), "the sealer has ended");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{:?}", self.metrics));
    }

    /// Tells it to stop and waits until it has.
    pub(crate) async fn stop(self) -> Result<(), SealerError> {
        self.stop.cancel();
        timeout(PATIENCE, self.work).await.expect("a sealer stops in time").unwrap()
    }

    /// Drops it wherever it is.
    pub(crate) async fn drop_dead(self) {
        self.work.abort();
        assert!(self.work.await.is_err_and(|error| error.is_cancelled()), "it ended by itself");
    }
}
