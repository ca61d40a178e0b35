//! What the embedded bus promises beyond the contract: its limits, its clock, its hand-overs.

mod faults;
mod loss;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::mpsc;
use wire::{Record, Timestamp};

use super::{EmbeddedBus, EmbeddedLimits, SendFault};
use crate::{
    Assigned, Bus, BusError, Clock, Commit, Committed, Consumer, Event, Producer, Received, StartAt, TopicPartition,
    TopicSpec,
};

const TOPIC: &str = "wine.requests";
const HOUR: Duration = Duration::from_hours(1);
const PATIENCE: Duration = Duration::from_secs(20);

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
    assert!((40..90).contains(&span.start) && span.end == 100, "{span:?}");
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
    let gone = next(&mut *tail).await.unwrap_err();
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
    let (bus, producer) = compacted().await;
    let keyless = Record { key: None, ..keyed("", "kept too") };
    send(&*producer, 0, keyed("once", "kept")).unwrap();
    send(&*producer, 0, keyless.clone()).unwrap();
    send(&*producer, 0, Record { key: None, ..keyed("", "a newer one without a key") }).unwrap();
    for index in 3..5_500 {
        send(&*producer, 0, keyed("often", &index.to_string())).unwrap();
    }
    let all = read_from(&*bus, StartAt::Beginning, 5_499).await;
    assert_eq!((&all[0].record, &all[1].record), (&keyed("once", "kept"), &keyless));
    assert!(all.len() < 2_500, "{} records are left", all.len());
    assert!(all.is_sorted_by(|one, other| one.offset < other.offset));
    assert_eq!(bus.span(&partition(0)).await, Ok(0..5_500));
    // In the gap that compaction left, reading goes on behind it.
    let behind = read_from(&*bus, StartAt::Offset(5), 5_499).await;
    assert_eq!(behind[0].offset, all[3].offset);
}

#[tokio::test]
async fn a_compacted_topic_buries_a_tombstone_at_the_second_compaction() {
    let (bus, producer) = compacted().await;
    send(&*producer, 0, keyed("once", "deleted later")).unwrap();
    send(&*producer, 0, Record { payload: None, ..keyed("once", "") }).unwrap();
    let mut last = 1;
    let mut often = async |count: i64| {
        for _ in 0..count {
            last = send(&*producer, 0, keyed("often", "x")).unwrap();
        }
        read_from(&*bus, StartAt::Beginning, last).await[0].offset
    };
    assert_eq!(often(1_100).await, 1, "the value is gone, its tombstone is not");
    assert!(often(1_100).await > 1, "the tombstone is gone");
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
    next(&mut *member).await.unwrap();
    assert_eq!(member.start(&partition(0), StartAt::End), Ok(()));
}

#[tokio::test]
async fn a_partition_waits_for_its_old_owner_to_be_told() {
    let (bus, _) = bus_with(EmbeddedLimits::default(), 2).await;
    let mut old = bus.member("group", TOPIC).await.unwrap();
    next(&mut *old).await.unwrap();
    let mut new = bus.member("group", TOPIC).await.unwrap();
    assert!(futures::poll!(new.next()).is_pending());
    assert!(matches!(next(&mut *old).await, Ok(Event::Revoked(revoked)) if revoked == [partition(1)]));
    assert!(matches!(next(&mut *new).await, Ok(Event::Assigned(assigned)) if assigned[0].partition == partition(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_hand_over_without_a_gap_or_an_overlap() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 4).await;
    let seen = Arc::new(Seen::default());
    let sending = tokio::spawn(async move {
        loop {
            (0..4).for_each(|index| assert!(send(&*producer, index, Record::default()).is_ok()));
            tokio::task::yield_now().await;
        }
    });
    let comers = (0..3).map(|_| tokio::spawn(come_and_go(Arc::clone(&bus), Arc::clone(&seen), 30)));
    for comer in comers.collect::<Vec<_>>() {
        tokio::time::timeout(PATIENCE, comer).await.expect("nobody waits for ever").unwrap();
    }
    sending.abort();
    for (index, offsets) in seen.lock().unwrap().iter() {
        let all = 0..i64::try_from(offsets.len()).unwrap();
        assert!(offsets.iter().copied().eq(all), "partition {index} was read with gaps or overlaps");
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_reader_that_always_finds_something_lets_others_run() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Beginning).unwrap();
    let other = tokio::spawn(async {});
    for _ in 0..1_000 {
        fill(&*producer, 1);
        next(&mut *tail).await.unwrap();
    }
    assert!(other.is_finished());
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
async fn among_many_busy_partitions_each_has_its_turn() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 20).await;
    let mut tail = bus.tail().await.unwrap();
    for index in 0..20 {
        (0..15_000).for_each(|_| assert!(send(&*producer, index, Record::default()).is_ok()));
        tail.start(&partition(index), StartAt::Beginning).unwrap();
    }
    let mut served = BTreeSet::new();
    for _ in 0..20 {
        served.extend(records(&mut *tail).await.iter().map(|record| record.partition.partition));
    }
    assert_eq!(served.len(), 20);
}

/// The offsets read of each partition, in the order they were read by whoever owned it.
type Seen = Mutex<BTreeMap<i32, Vec<i64>>>;

/// Joins, reads a few events, committing each, and leaves; `times` times, by turns closing and just vanishing.
async fn come_and_go(bus: Arc<EmbeddedBus>, seen: Arc<Seen>, times: usize) {
    for time in 0..times {
        let mut member = bus.member("group", TOPIC).await.unwrap();
        for _ in 0..20 {
            match next(&mut *member).await.unwrap() {
                Event::Assigned(assigned) => start_where_committed(&mut *member, assigned),
                Event::Records(records) => read_and_commit(&mut *member, &seen, &records),
                Event::Revoked(_) => {}
            }
        }
        if time % 2 == 0 {
            member.close(Vec::new()).await;
        }
    }
}

fn start_where_committed(member: &mut dyn Consumer, assigned: Vec<Assigned>) {
    for Assigned { partition, committed } in assigned {
        let from = committed.map_or(StartAt::Beginning, |committed| StartAt::Offset(committed.offset));
        member.start(&partition, from).unwrap();
    }
}

fn read_and_commit(member: &mut dyn Consumer, seen: &Seen, records: &[Received]) {
    for received in records {
        seen.lock().unwrap().entry(received.partition.partition).or_default().push(received.offset);
        let committed = Committed { offset: received.offset + 1, metadata: String::new() };
        member.commit(&[Commit { partition: received.partition.clone(), committed }]).unwrap();
    }
}

async fn compacted() -> (Arc<EmbeddedBus>, Arc<dyn Producer>) {
    let bus = EmbeddedBus::new(Clock::system());
    bus.create_topics(&[TopicSpec { compacted: true, ..spec(1) }]).await.unwrap();
    let producer = bus.producer(&[TOPIC]).await.unwrap();
    (bus, producer)
}

/// Reads partition 0 up to offset `to`.
async fn read_from(bus: &dyn Bus, from: StartAt, to: i64) -> Vec<Received> {
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), from).unwrap();
    let mut all = Vec::new();
    while all.last().is_none_or(|last: &Received| last.offset < to) {
        all.extend(records(&mut *tail).await);
    }
    all
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

/// Waits for the next event, but not for ever.
async fn next(consumer: &mut dyn Consumer) -> Result<Event, BusError> {
    tokio::time::timeout(PATIENCE, consumer.next()).await.expect("there is something to tell")
}

async fn records(consumer: &mut dyn Consumer) -> Vec<Received> {
    match next(consumer).await {
        Ok(Event::Records(records)) => records,
        other => panic!("records expected, not {other:?}"),
    }
}
