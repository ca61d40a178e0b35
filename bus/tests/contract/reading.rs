//! Laws of consumers: order, where reading begins, and when it ends.

use std::time::Duration;

use futures::join;
use hedgerow_bus::{Bus, BusError, StartAt, TopicPartition};

use super::support::{Reader, partitions, producer, record, send, send_numbers, settle, topic, unique, within};

pub(crate) async fn ten_thousand_records_arrive_in_order_each_once(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..10_000).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    for (number, received) in tail.read(10_000).await.iter().enumerate() {
        assert_eq!((received.offset, &received.record), (position(number), &record(&number.to_string())));
    }
    assert_eq!(tail.records.len(), 10_000);
}

pub(crate) async fn partitions_are_each_in_order(bus: &dyn Bus) {
    let name = topic(bus, 3).await;
    let producer = producer(bus, &name).await;
    let all = partitions(&name, 3);
    let mut tail = Reader::tail(bus).await;
    tail.start_all(&all);
    for round in 0..10 {
        for partition in &all {
            send_numbers(&*producer, partition, round * 50..(round + 1) * 50).await;
        }
    }
    tail.read(1_500).await;
    for partition in &all {
        assert_eq!(tail.offsets_of(partition), (0..500).collect::<Vec<_>>());
    }
}

pub(crate) async fn an_unhurried_reader_misses_nothing(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    let mut tail = Reader::unhurried(bus).await;
    tail.start(&only, StartAt::Beginning);
    for round in 0..3 {
        send_numbers(&*producer, &only, round * 10..(round + 1) * 10).await;
        tail.read(10 * (round + 1)).await;
    }
    assert_eq!(tail.offsets_of(&only), (0..30).collect::<Vec<_>>());
}

pub(crate) async fn a_waiting_reader_is_woken(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    for offset in 0..20 {
        let count = tail.records.len() + 1;
        let (_, sent) = join!(tail.read(count), send(&*producer, &only, record("wake")));
        assert_eq!(sent, Ok(offset));
    }
    assert_eq!(tail.offsets_of(&only), (0..20).collect::<Vec<_>>());
}

pub(crate) async fn a_cancelled_next_loses_and_doubles_nothing(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    let mut sent = 0;
    within(async {
        while tail.records.len() < 2_000 {
            if sent < 2_000 {
                producer.send(&only, record("x"), Box::new(|result| assert!(result.is_ok(), "{result:?}"))).unwrap();
                sent += 1;
            }
            // Polled, woken and dropped again and again, mostly before anything is there.
            tokio::select! {
                biased;
                () = tail.step() => {}
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    assert_eq!(tail.offsets_of(&only), (0..2_000).collect::<Vec<_>>());
}

pub(crate) async fn nothing_is_delivered_before_start(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let producer = producer(bus, &name).await;
    let all = partitions(&name, 2);
    let mut member = Reader::member(bus, &unique("group"), &name).await;
    settle(&mut [&mut member], |owned| owned == [2]).await;
    send_numbers(&*producer, &all[0], 0..10).await;
    member.start(&all[1], StartAt::Beginning);
    send(&*producer, &all[1], record("marker")).await.unwrap();
    member.read_to("marker").await;
    assert_eq!(member.offsets_of(&all[0]), [0; 0]);
    member.start(&all[0], StartAt::Beginning);
    member.read(11).await;
    assert_eq!(member.offsets_of(&all[0]), (0..10).collect::<Vec<_>>());
}

pub(crate) async fn a_stopped_partition_delivers_nothing_more(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let producer = producer(bus, &name).await;
    let all = partitions(&name, 2);
    send_numbers(&*producer, &all[0], 0..5_000).await;
    let mut tail = Reader::tail(bus).await;
    tail.start_all(&all);
    let read = tail.read(1).await.len();
    // More is fetched by now; the reader itself asserts that none of it arrives.
    tail.stop(&all[0]);
    send(&*producer, &all[1], record("marker")).await.unwrap();
    tail.read_to("marker").await;
    tail.start(&all[0], StartAt::Offset(position(read)));
    tail.read(5_001).await;
    assert_eq!(tail.offsets_of(&all[0]), (0..5_000).collect::<Vec<_>>());
}

pub(crate) async fn a_partition_started_again_jumps_there(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..3_000).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    tail.read(1).await;
    for from in [2_990, 5, 2_000] {
        tail.records.clear();
        tail.start(&only, StartAt::Offset(from));
        let count = usize::try_from(3_000 - from).unwrap();
        tail.read(count).await;
        assert_eq!(tail.offsets_of(&only), (from..3_000).collect::<Vec<_>>());
    }
}

pub(crate) async fn from_the_end_only_what_comes_later_is_delivered(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..10).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::End);
    let first = first_while_sending(bus, &mut tail, &only).await;
    assert!(first >= 10, "{first} was there before");
}

pub(crate) async fn from_the_end_of_the_span_nothing_is_missed(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..10).await;
    let end = within(bus.span(&only)).await.unwrap().end;
    send(&*producer, &only, record("between")).await.unwrap();
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Offset(end));
    send(&*producer, &only, record("after")).await.unwrap();
    tail.read(2).await;
    assert_eq!(tail.offsets_of(&only), [10, 11]);
}

pub(crate) async fn from_an_instant_the_first_record_of_it_comes_first(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    // A broker's clock may tick in milliseconds: go on until it has ticked twice, so that something precedes the instant.
    within(async {
        while ticks(&tail) < 2 {
            send(&*producer, &only, record("tick")).await.unwrap();
            let count = tail.records.len() + 1;
            tail.read(count).await;
        }
    })
    .await;
    let instant = tail.records.last().expect("it has ticked").appended;
    let first = tail.records.iter().find(|received| received.appended >= instant).expect("the last is one").offset;
    let mut reader = Reader::tail(bus).await;
    reader.start(&only, StartAt::Time(instant));
    assert!(first > 0 && reader.read(1).await[0].offset == first);
}

pub(crate) async fn an_instant_is_located_where_a_reader_of_it_begins(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..10).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    let read = tail.read(10).await;
    for instant in [read[0].appended, read[4].appended, read[9].appended] {
        let first = read.iter().find(|received| received.appended >= instant).expect("it is one of them").offset;
        assert_eq!(within(bus.locate(&only, instant)).await.unwrap(), first);
    }
    let later = read[9].appended.after(Duration::from_hours(1));
    assert_eq!(within(bus.locate(&only, later)).await.unwrap(), 10);
}

pub(crate) async fn from_an_instant_to_come_only_what_comes_later_is_delivered(bus: &dyn Bus) {
    let name = topic(bus, 1).await;
    let producer = producer(bus, &name).await;
    let only = TopicPartition::new(&name, 0);
    send_numbers(&*producer, &only, 0..10).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&only, StartAt::Beginning);
    let last = tail.read(10).await[9].appended;
    let mut reader = Reader::tail(bus).await;
    reader.start(&only, StartAt::Time(last.after(Duration::from_hours(1))));
    let first = first_while_sending(bus, &mut reader, &only).await;
    assert!(first >= 10, "{first} was there before");
}

pub(crate) async fn an_offset_that_is_not_held_stops_its_partition_only(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let producer = producer(bus, &name).await;
    let all = partitions(&name, 2);
    send_numbers(&*producer, &all[0], 0..3).await;
    let mut tail = Reader::tail(bus).await;
    tail.start(&all[0], StartAt::Offset(9));
    let gone = within(tail.consumer.next()).await.unwrap_err();
    assert!(
        matches!(&gone, BusError::OffsetGone { partition, offset: 9, .. } if *partition == all[0]),
        "not the error of that offset: {gone:?}",
    );
    tail.start(&all[1], StartAt::Beginning);
    send(&*producer, &all[1], record("marker")).await.unwrap();
    tail.read_to("marker").await;
    assert_eq!(tail.offsets_of(&all[0]), [0; 0]);
    tail.start(&all[0], StartAt::Offset(1));
    tail.read(3).await;
    assert_eq!(tail.offsets_of(&all[0]), [1, 2]);
}

/// Sends until `reader`, whose start the broker may be slow to look up, delivers something; returns its first offset.
async fn first_while_sending(bus: &dyn Bus, reader: &mut Reader, to: &TopicPartition) -> i64 {
    let producer = producer(bus, &to.topic).await;
    within(async {
        while reader.records.is_empty() {
            tokio::select! {
                () = reader.step() => {}
                sent = send(&*producer, to, record("later")) => assert!(sent.is_ok(), "{sent:?}"),
            }
        }
    })
    .await;
    reader.records[0].offset
}

fn ticks(tail: &Reader) -> usize {
    tail.records.windows(2).filter(|pair| pair[0].appended < pair[1].appended).count()
}

fn position(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}
