//! Laws of producers, and of what a record is on its way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use hedgerow_bus::{Bus, BusError, StartAt, TopicPartition};
use wire::{Headers, Record};

use super::support::{PATIENCE, Reader, partitions, producer, record, send, send_numbers, topic, within};

pub(crate) async fn every_record_goes_to_the_partition_the_sender_named(bus: &dyn Bus) {
    let name = topic(bus, 4).await;
    let producer = producer(bus, &name).await;
    let all = partitions(&name, 4);
    // One key for all: a client that partitions by key would put them together.
    for (index, to) in all.iter().enumerate() {
        let keyed = Record { key: Some(Bytes::from_static(b"same")), ..record(&index.to_string()) };
        assert_eq!(send(&*producer, to, keyed).await, Ok(0));
    }
    let mut tail = Reader::tail(bus).await;
    tail.start_all(&all);
    for received in tail.read(4).await {
        assert_eq!(received.record.payload, record(&received.partition.partition.to_string()).payload);
    }
}

pub(crate) async fn a_record_comes_back_exactly_as_it_was_sent(bus: &dyn Bus) {
    let mut headers = Headers::default();
    headers.push("ce_id", Some(b"7"));
    let bytes: Vec<u8> = (0..=255).collect();
    let record = Record { key: Some(Bytes::from(bytes.clone())), headers, payload: Some(Bytes::from(bytes)) };
    comes_back(bus, record).await;
}

pub(crate) async fn headers_may_repeat_be_null_and_hold_any_bytes(bus: &dyn Bus) {
    let mut headers = Headers::default();
    headers.push("repeated", Some(b"first"));
    headers.push("null", None);
    headers.push("empty", Some(b""));
    headers.push("repeated", Some(b"second"));
    headers.push("binary", Some(&[0, 255, 10, 0]));
    headers.push("grüße", Some("höflich".as_bytes()));
    headers.push("repeated", None);
    comes_back(bus, Record { headers, ..record("body") }).await;
}

pub(crate) async fn an_empty_payload_is_not_a_tombstone(bus: &dyn Bus) {
    let empty = || Some(Bytes::new());
    comes_back(bus, Record { key: empty(), payload: empty(), ..Record::default() }).await;
    comes_back(bus, Record { key: empty(), payload: None, ..Record::default() }).await;
    comes_back(bus, Record { key: None, payload: empty(), ..Record::default() }).await;
    comes_back(bus, Record::default()).await;
}

pub(crate) async fn every_send_is_acknowledged_with_the_offset_where_it_lies(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let to = TopicPartition::new(&name, 0);
    for offset in 0..20_i64 {
        assert_eq!(send(&*producer, &to, record(&offset.to_string())).await, Ok(offset));
    }
    let mut tail = Reader::tail(bus).await;
    tail.start(&to, StartAt::Beginning);
    for received in tail.read(20).await {
        assert_eq!(received.record, record(&received.offset.to_string()));
    }
}

pub(crate) async fn a_drained_producer_has_nothing_in_flight(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let (sent, acknowledged) = (1_000, Arc::new(AtomicUsize::new(0)));
    for number in 0..sent {
        let acknowledged = Arc::clone(&acknowledged);
        let acknowledge = Box::new(move |result: Result<i64, BusError>| {
            result.unwrap();
            acknowledged.fetch_add(1, Ordering::SeqCst);
        });
        producer.send(&TopicPartition::new(&name, 0), record(&number.to_string()), acknowledge).unwrap();
        assert!(producer.in_flight() <= number + 1);
    }
    assert_eq!(within(producer.drain(PATIENCE)).await, Ok(()));
    assert_eq!((producer.in_flight(), acknowledged.load(Ordering::SeqCst)), (0, sent));
}

pub(crate) async fn a_record_over_the_limit_is_too_large_and_harms_nothing(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let to = TopicPartition::new(&name, 0);
    let large = Record { payload: Some(Bytes::from(vec![b'x'; 2 << 20])), ..Record::default() };
    assert_eq!(send(&*producer, &to, large).await, Err(BusError::TooLarge));
    assert_eq!(send(&*producer, &to, record("small")).await, Ok(0));
}

pub(crate) async fn a_partition_that_does_not_exist_is_an_error(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let producer = producer(bus, &name).await;
    let refused = send(&*producer, &TopicPartition::new(&name, 2), record("lost")).await;
    assert!(matches!(refused, Err(BusError::Fatal(_))), "{refused:?}");
    assert_eq!(send(&*producer, &TopicPartition::new(&name, 1), record("fine")).await, Ok(0));
}

pub(crate) async fn append_times_never_step_back(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let to = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &to, 0..500).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&to, StartAt::Beginning);
    let received = tail.read(500).await;
    assert!(received.is_sorted_by_key(|received| received.appended));
    // Nobody's default: 2020 or later.
    assert!(received[0].appended.as_micros() > 1_577_836_800_000_000);
}

async fn comes_back(bus: &dyn Bus, record: Record) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let to = TopicPartition::new(&name, 0);
    send(&*producer, &to, record.clone()).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&to, StartAt::Beginning);
    assert_eq!(tail.read(1).await[0].record, record);
}
