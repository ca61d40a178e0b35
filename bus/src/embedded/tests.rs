use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::{Record, Timestamp};

use super::{EmbeddedBus, EmbeddedLimits, SendFault};
use crate::{Bus, BusError, Clock, Commit, Committed, Consumer, Event, Producer, Received, StartAt, TopicPartition};
use crate::{TopicSpec, embedded::Arc};

const TOPIC: &str = "wine.requests";
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_full_partition_forgets_its_oldest_records() {
    let limits = EmbeddedLimits { records_per_partition: 10, ..EmbeddedLimits::default() };
    let (bus, producer) = bus_with(limits, 1).await;
    fill(&*producer, 25);
    assert_eq!(bus.span(&partition(0)).await, Ok(15..25));
}

#[tokio::test]
async fn a_full_partition_counts_bytes_but_keeps_its_newest_record() {
    let limits = EmbeddedLimits { bytes_per_partition: 5_000, ..EmbeddedLimits::default() };
    let (bus, producer) = bus_with(limits, 1).await;
    fill(&*producer, 100);
    let span = bus.span(&partition(0)).await.unwrap();
    assert!(span.start > 0 && span.end == 100, "{span:?}");
    let large = Record { payload: Some(Bytes::from(vec![0; 10_000])), ..Record::default() };
    assert_eq!(send(&*producer, 0, large), Ok(100));
    assert_eq!(bus.span(&partition(0)).await, Ok(100..101));
}

#[tokio::test]
async fn a_reader_slower_than_retention_is_told_and_can_start_again() {
    let limits = EmbeddedLimits { records_per_partition: 10, ..EmbeddedLimits::default() };
    let (bus, producer) = bus_with(limits, 2).await;
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    fill(&*producer, 25);
    let gone = tail.next().await.unwrap_err();
    assert_eq!(gone, BusError::OffsetGone { partition: partition(0), offset: 0, low: 15, high: 25 });
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    assert_eq!(records(&mut *tail).await.first().map(|first| first.offset), Some(15));
}

#[tokio::test]
async fn records_older_than_the_retention_go_when_another_comes() {
    let clock = Clock::standing_at(Timestamp::from_micros(1_000_000));
    let bus = EmbeddedBus::new(clock.clone());
    bus.create_topics(&[TopicSpec { retention: Some(HOUR), ..spec(1) }]).await.unwrap();
    let producer = bus.producer(&[TOPIC]).await.unwrap();
    fill(&*producer, 2);
    clock.advance(HOUR);
    fill(&*producer, 1);
    assert_eq!(bus.span(&partition(0)).await, Ok(0..3));
    clock.advance(Duration::from_micros(1));
    fill(&*producer, 1);
    assert_eq!(bus.span(&partition(0)).await, Ok(2..4));
}

#[tokio::test]
async fn a_compacted_topic_keeps_the_newest_record_of_each_key() {
    let bus = EmbeddedBus::new(Clock::system());
    bus.create_topics(&[TopicSpec { compacted: true, ..spec(1) }]).await.unwrap();
    let producer = bus.producer(&[TOPIC]).await.unwrap();
    send(&*producer, 0, keyed("once", "kept")).unwrap();
    for index in 0..5_000 {
        send(&*producer, 0, keyed("often", &index.to_string())).unwrap();
    }
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    let mut all = Vec::new();
    while all.last().is_none_or(|last: &Received| last.offset < 5_000) {
        all.extend(records(&mut *tail).await);
    }
    assert_eq!(all[0].record, keyed("once", "kept"));
    assert!(all.len() < 2_500, "{} records are left", all.len());
    assert!(all.is_sorted_by(|one, other| one.offset < other.offset));
}

#[tokio::test]
async fn append_times_are_the_clocks_and_never_step_back() {
    let clock = Clock::standing_at(Timestamp::from_micros(5_000_000));
    let bus = EmbeddedBus::new(clock.clone());
    bus.create_topics(&[spec(1)]).await.unwrap();
    let producer = bus.producer(&[TOPIC]).await.unwrap();
    fill(&*producer, 1);
    clock.advance(Duration::from_micros(7));
    fill(&*producer, 1);
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    let appended: Vec<i64> = records(&mut *tail).await.iter().map(|record| record.appended.as_micros()).collect();
    assert_eq!(appended, [5_000_000, 5_000_007]);
}

#[tokio::test]
async fn a_member_cannot_start_what_it_was_not_assigned() {
    let (bus, _) = bus_with(EmbeddedLimits::default(), 1).await;
    let mut member = bus.member("group", TOPIC).await.unwrap();
    assert!(matches!(member.start(&partition(0), StartAt::End), Err(BusError::Fatal(_))));
    member.next().await.unwrap();
    assert_eq!(member.start(&partition(0), StartAt::End), Ok(()));
}

#[tokio::test]
async fn a_partition_waits_for_its_old_owner_to_be_told() {
    let (bus, _) = bus_with(EmbeddedLimits::default(), 2).await;
    let mut old = bus.member("group", TOPIC).await.unwrap();
    old.next().await.unwrap();
    let mut new = bus.member("group", TOPIC).await.unwrap();
    assert!(futures::poll!(new.next()).is_pending());
    assert!(matches!(old.next().await, Ok(Event::Revoked(revoked)) if revoked == [partition(1)]));
    assert!(matches!(new.next().await, Ok(Event::Assigned(assigned)) if assigned[0].partition == partition(1)));
}

#[tokio::test]
async fn a_busy_partition_does_not_keep_the_others_waiting() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 2).await;
    fill(&*producer, 10_000);
    send(&*producer, 1, Record::default()).unwrap();
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    tail.start(&partition(1), StartAt::Beginning).unwrap();
    assert!(records(&mut *tail).await.iter().any(|record| record.partition == partition(1)));
}

#[tokio::test]
async fn planned_faults_hit_the_next_sends_to_their_topic_and_no_others() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    bus.faults().on_send("wine.results", 1, SendFault::Failed);
    bus.faults().on_send(TOPIC, 1, SendFault::Refused);
    bus.faults().on_send(TOPIC, 1, SendFault::Failed);
    bus.faults().on_send(TOPIC, 1, SendFault::AcknowledgementLost);
    assert_eq!(send(&*producer, 0, keyed("a", "refused")), Err(BusError::QueueFull));
    assert!(matches!(send(&*producer, 0, keyed("b", "failed")), Err(BusError::Unavailable(_))));
    assert!(matches!(send(&*producer, 0, keyed("c", "landed")), Err(BusError::Unavailable(_))));
    assert_eq!(send(&*producer, 0, keyed("d", "healthy")), Ok(1));
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    let landed: Vec<Record> = records(&mut *tail).await.into_iter().map(|record| record.record).collect();
    assert_eq!(landed, [keyed("c", "landed"), keyed("d", "healthy")]);
}

#[tokio::test]
async fn held_acknowledgements_are_in_flight_until_they_are_released() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    bus.faults().on_send(TOPIC, 2, SendFault::AcknowledgementHeld);
    let (told, mut acknowledged) = mpsc::channel(2);
    for _ in 0..2 {
        let told = told.clone();
        let acknowledge = Box::new(move |result| told.try_send(result).unwrap());
        producer.send(&partition(0), Record::default(), acknowledge).unwrap();
    }
    assert_eq!(producer.in_flight(), 2);
    assert!(matches!(producer.drain(Duration::ZERO).await, Err(BusError::Unavailable(_))));
    assert!(acknowledged.try_recv().is_err());
    bus.faults().release();
    assert_eq!(producer.drain(HOUR).await, Ok(()));
    assert_eq!((acknowledged.try_recv(), acknowledged.try_recv()), (Ok(Ok(0)), Ok(Ok(1))));
}

#[tokio::test]
async fn an_interrupted_bus_says_so_once_and_delivers_in_order_when_it_is_back() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    bus.faults().interrupt();
    assert!(matches!(tail.next().await, Err(BusError::Unavailable(_))));
    assert!(futures::poll!(tail.next()).is_pending());
    assert!(matches!(bus.span(&partition(0)).await, Err(BusError::Unavailable(_))));
    for index in 0..3 {
        producer.send(&partition(0), keyed("a", &index.to_string()), Box::new(|_| ())).unwrap();
    }
    assert_eq!(producer.in_flight(), 3);
    bus.faults().restore();
    let landed: Vec<Record> = records(&mut *tail).await.into_iter().map(|record| record.record).collect();
    assert_eq!(landed, [keyed("a", "0"), keyed("a", "1"), keyed("a", "2")]);
    assert_eq!(producer.in_flight(), 0);
}

#[tokio::test]
async fn commits_are_lost_while_the_bus_is_interrupted() {
    let (bus, _) = bus_with(EmbeddedLimits::default(), 1).await;
    let mut member = bus.member("group", TOPIC).await.unwrap();
    member.next().await.unwrap();
    bus.faults().interrupt();
    let committed = Committed { offset: 7, metadata: String::new() };
    assert_eq!(member.commit(&[Commit { partition: partition(0), committed }]), Ok(()));
    bus.faults().restore();
    drop(member);
    let mut heir = bus.member("group", TOPIC).await.unwrap();
    assert!(matches!(heir.next().await, Ok(Event::Assigned(assigned)) if assigned[0].committed.is_none()));
}

async fn bus_with(limits: EmbeddedLimits, partitions: i32) -> (Arc<EmbeddedBus>, Arc<dyn Producer>) {
    let bus = EmbeddedBus::with_limits(Clock::system(), limits);
    bus.create_topics(&[spec(partitions)]).await.unwrap();
    let producer = bus.producer(&[TOPIC]).await.unwrap();
    (bus, producer)
}

fn spec(partitions: i32) -> TopicSpec {
    TopicSpec { name: TOPIC.to_owned(), partitions, retention: None, compacted: false }
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, index)
}

fn keyed(key: &str, payload: &str) -> Record {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    Record { key: bytes(key), payload: bytes(payload), ..Record::default() }
}

fn fill(producer: &dyn Producer, count: usize) {
    for _ in 0..count {
        send(producer, 0, Record::default()).unwrap();
    }
}

/// Sends and returns what was acknowledged, which is at once as long as nothing is held.
fn send(producer: &dyn Producer, index: i32, record: Record) -> Result<i64, BusError> {
    let (told, mut acknowledged) = mpsc::channel(1);
    let acknowledge = Box::new(move |result| told.try_send(result).unwrap());
    producer.send(&partition(index), record, acknowledge)?;
    acknowledged.try_recv().expect("the embedded bus acknowledges at once")
}

async fn records(consumer: &mut dyn Consumer) -> Vec<Received> {
    match consumer.next().await {
        Ok(Event::Records(records)) => records,
        other => panic!("records expected, not {other:?}"),
    }
}
