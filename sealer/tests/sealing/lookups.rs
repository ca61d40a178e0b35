//! Replies into topics that take long to be looked for, one after the other.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bus::{
    BoxFuture, Bus, BusError, Clock, Commit, Committed, Consumer, EmbeddedBus, Event, Membership, Producer, StartAt,
    TopicPartition, TopicSpec, Transactions,
};
use hedgerow_sealer::{Destination, Metrics, SealerStation, run};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Fence, Fencing, RendezvousName, ReplyTo, RequestId, ResultKind, ResultRecord, Timestamp, Topics};

/// A bus that is asked for partitions from afar, and which member of a group comes back how late.
struct Far {
    bus: Arc<EmbeddedBus>,
    clock: Clock,
    longest_us: Arc<AtomicI64>,
}

/// A member, who is put out if he is away for too long.
struct Member {
    inner: Box<dyn Consumer>,
    clock: Clock,
    heard: Option<Timestamp>,
    longest_us: Arc<AtomicI64>,
}

const LOOK: Duration = Duration::from_millis(100);
const ASKED: i64 = 300;
/// What the group allows.
const PUT_OUT_AFTER: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(2);

impl Bus for Far {
    fn describe(&self) -> String {
        self.bus.describe()
    }

    fn create_topics<'a>(&'a self, topics: &'a [TopicSpec]) -> BoxFuture<'a, Result<(), BusError>> {
        self.bus.create_topics(topics)
    }

    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<i32, BusError>> {
        self.clock.advance(LOOK);
        self.bus.partitions(topic)
    }

    fn span<'a>(&'a self, partition: &'a TopicPartition) -> BoxFuture<'a, Result<Range<i64>, BusError>> {
        self.bus.span(partition)
    }

    fn locate<'a>(&'a self, partition: &'a TopicPartition, at: Timestamp) -> BoxFuture<'a, Result<i64, BusError>> {
        self.bus.locate(partition, at)
    }

    fn committed<'a>(
        &'a self,
        group: &'a str,
        topic: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Option<Committed>>, BusError>> {
        self.bus.committed(group, topic)
    }

    fn groups<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, BusError>> {
        self.bus.groups(prefix)
    }

    fn producer<'a>(&'a self, topics: &'a [&'a str]) -> BoxFuture<'a, Result<Arc<dyn Producer>, BusError>> {
        self.bus.producer(topics)
    }

    fn transactions<'a>(
        &'a self,
        id: &'a str,
        topics: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Box<dyn Transactions>, BusError>> {
        self.bus.transactions(id, topics)
    }

    fn member<'a>(&'a self, group: &'a str, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Consumer>, BusError>> {
        Box::pin(async move {
            let (clock, longest_us) = (self.clock.clone(), Arc::clone(&self.longest_us));
            let member: Box<dyn Consumer> =
                Box::new(Member { inner: self.bus.member(group, topic).await?, clock, heard: None, longest_us });
            Ok(member)
        })
    }

    fn tail(&self) -> BoxFuture<'_, Result<Box<dyn Consumer>, BusError>> {
        self.bus.tail()
    }
}

impl Consumer for Member {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, BusError>> {
        if let Some(heard) = self.heard.take() {
            let away = self.clock.now().since(heard).as_micros();
            self.longest_us.fetch_max(i64::try_from(away).unwrap(), Ordering::Relaxed);
        }
        Box::pin(async move {
            let event = self.inner.next().await;
            self.heard = Some(self.clock.now());
            event
        })
    }

    fn start(&mut self, partition: &TopicPartition, from: StartAt) -> Result<(), BusError> {
        self.inner.start(partition, from)
    }

    fn stop(&mut self, partition: &TopicPartition) -> Result<(), BusError> {
        self.inner.stop(partition)
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), BusError> {
        self.inner.commit(commits)
    }

    fn membership(&self) -> Option<Membership> {
        self.inner.membership()
    }

    fn close(self: Box<Self>, last: Vec<Commit>) -> BoxFuture<'static, ()> {
        self.inner.close(last)
    }
}

#[tokio::test]
async fn replies_into_many_topics_that_are_not_there_put_nobody_out_of_his_group() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000));
    let bus = EmbeddedBus::new(clock.clone());
    let rendezvous = RendezvousName::new("wine").unwrap();
    let results = Topics::of(&rendezvous).results;
    let spec = |name: &str| TopicSpec { name: name.to_owned(), partitions: 1, retention: None, compacted: false };
    bus.create_topics(&[spec(&results), spec("replies-there")]).await.unwrap();
    let producer = bus.producer(&[&results]).await.unwrap();
    let put = |record| producer.send(&TopicPartition::new(&results, 0), record, Box::new(|_| ())).unwrap();
    let fencing = Fencing { epoch: 1, instance: Uuid::nil() };
    put(Fence(fencing).encode());
    for number in 0..=ASKED {
        let topic = if number < ASKED { format!("replies-{number}") } else { "replies-there".to_owned() };
        let reply = ReplyTo { address: topic.parse().unwrap(), key: None, correlation: None };
        let result = ResultRecord {
            request: RequestId::from_key(&rendezvous, &number.to_string()),
            policy: "wine@1".parse().unwrap(),
            kind: ResultKind::Prediction,
            key: None,
            reply: Some(Arc::new(reply)),
            fencing,
            body: "{}".into(),
        };
        put(result.encode());
    }

    let longest_us = Arc::<AtomicI64>::default();
    let far = Far { bus: Arc::clone(&bus), clock: clock.clone(), longest_us: Arc::clone(&longest_us) };
    let (stop, (ready, _ready)) = (CancellationToken::new(), oneshot::channel());
    let to = Destination::Replies("*".parse().unwrap());
    let metrics = Arc::new(Metrics::default());
    let station = SealerStation { bus: Arc::new(far), clock: clock.clone(), rendezvous, to, metrics };
    let work = tokio::spawn(run(station, stop.clone(), ready));
    let there = TopicPartition::new("replies-there", 0);
    let sent = async {
        while bus.span(&there).await.unwrap().is_empty() {
            clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, sent).await.expect("the one behind them is sent");
    stop.cancel();
    timeout(PATIENCE, work).await.unwrap().unwrap().unwrap();
    let longest = Duration::from_micros(longest_us.load(Ordering::Relaxed).unsigned_abs());
    assert!(longest < PUT_OUT_AFTER, "away for {longest:?}");
}
