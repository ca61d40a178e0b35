//! What the Kafka bus does when the broker dies, freezes and comes back. Each test harms a broker of its own.

#![allow(clippy::unwrap_used, reason = "all of this is tests, though not all of it in functions marked so")]

#[path = "contract/support.rs"]
#[allow(dead_code, reason = "shared with the contract")]
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use broker::Broker;
use hedgerow_bus::{Bus, BusError, Event, KafkaBus, KafkaSettings, StartAt, TopicPartition};
use support::{Reader, commit, producer, record, send, send_numbers, settle, topic, unique, within};

#[tokio::test]
async fn a_reader_is_told_once_that_the_broker_is_away_and_reads_on_when_it_is_back() {
    let (mut broker, bus) = start();
    let name = topic(&bus, 1).await;
    let only = TopicPartition::new(&name, 0);
    let producer = producer(&bus, &name).await;
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    send(&*producer, &only, record("before")).await.unwrap();
    tail.read(1).await;

    broker.kill();
    let away = within(tail.consumer.next()).await.unwrap_err();
    assert!(matches!(away, BusError::Unavailable(_)), "{away:?}");
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&acknowledged);
    let acknowledge = Box::new(move |result: Result<i64, BusError>| {
        assert_eq!(result, Ok(1));
        count.fetch_add(1, Ordering::SeqCst);
    });
    producer.send(&only, record("meanwhile"), acknowledge).unwrap();

    // Restarting takes the thread, so the reader sees nothing of it until then: no second error is waiting.
    broker.restart().unwrap();
    let Event::Records(records) = within(tail.consumer.next()).await.unwrap() else { panic!("a tail is in no group") };
    assert_eq!((records[0].offset, &records[0].record), (1, &record("meanwhile")));
    within(producer.drain(Duration::from_secs(10))).await.unwrap();
    assert_eq!(acknowledged.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_reader_is_told_of_a_broker_that_answers_nothing() {
    let mut broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
    let mut settings = KafkaSettings::new(broker.bootstrap());
    settings.options.insert("socket.timeout.ms".to_owned(), "1500".to_owned());
    let bus = KafkaBus::connect(settings).unwrap();
    let name = topic(&bus, 1).await;
    let only = TopicPartition::new(&name, 0);
    let producer = producer(&bus, &name).await;
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    send(&*producer, &only, record("before")).await.unwrap();
    tail.read(1).await;
    broker.freeze();
    let away = within(tail.consumer.next()).await.unwrap_err();
    assert!(matches!(away, BusError::Unavailable(_)), "{away:?}");
    broker.thaw();
    send(&*producer, &only, record("after")).await.unwrap();
    let Event::Records(records) = within(tail.consumer.next()).await.unwrap() else { panic!("a tail is in no group") };
    assert_eq!(records[0].record, record("after"));
}

#[tokio::test]
async fn a_cluster_without_the_new_groups_is_told_with_what_to_choose() {
    let broker = Broker::start_with(&[("group.coordinator.rebalance.protocols", "classic")])
        .unwrap_or_else(|error| panic!("{error}"));
    let mut settings = KafkaSettings::new(broker.bootstrap());
    let bus = KafkaBus::connect(settings.clone()).unwrap();
    let name = topic(&bus, 1).await;
    let mut member = Reader::member(&bus, &unique("group"), &name).await;
    let refused = within(member.consumer.next()).await.unwrap_err();
    assert!(
        matches!(&refused, BusError::Fatal(sentence) if sentence.contains("group.protocol=classic")),
        "{refused:?}"
    );
    settings.options.insert("group.protocol".to_owned(), "classic".to_owned());
    let bus = KafkaBus::connect(settings).unwrap();
    let mut member = Reader::member(&bus, &unique("group"), &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
}

#[tokio::test]
async fn a_member_survives_its_broker_with_what_it_committed() {
    let (mut broker, bus) = start();
    let (name, group) = (topic(&bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let producer = producer(&bus, &name).await;
    let mut member = Reader::member(&bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    member.start(&only, StartAt::Beginning);
    send_numbers(&*producer, &only, 0..10).await;
    member.read(10).await;
    member.consumer.commit(&[commit(&only, 5, "note")]).unwrap();
    member.close(Vec::new()).await;

    let mut member = Reader::member(&bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    broker.kill();
    broker.restart().unwrap();
    send(&*producer, &only, record("after")).await.unwrap();
    within(async {
        // It may lose its partition on the way and get it back; then it starts it again.
        while !member.records.iter().any(|received| received.record == record("after")) {
            if member.owned.len() == 1 && member.records.is_empty() {
                member.start(&only, StartAt::Offset(5));
            }
            match member.consumer.next().await {
                Ok(event) => member.remember(event),
                Err(error) => assert!(matches!(error, BusError::Unavailable(_)), "{error:?}"),
            }
        }
    })
    .await;
    assert_eq!(member.offsets_of(&only), [5, 6, 7, 8, 9, 10]);
    assert_eq!(member.owned[&0].as_ref().map(|committed| committed.offset), Some(5));
}

#[tokio::test]
async fn closing_takes_two_seconds_at_most_whatever_the_broker_does() {
    let (mut broker, bus) = start();
    let (name, group) = (topic(&bus, 1).await, unique("group"));
    let only = TopicPartition::new(&name, 0);
    let mut member = Reader::member(&bus, &group, &name).await;
    settle(&mut [&mut member], |owned| owned == [1]).await;
    let mut tail = Reader::tail(&bus).await;
    tail.start(&only, StartAt::Beginning);
    broker.freeze();
    let started = Instant::now();
    member.close(vec![commit(&only, 1, "")]).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let started = Instant::now();
    tail.close(Vec::new()).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn questions_to_a_broker_that_is_away_end_with_unavailable() {
    let (mut broker, bus) = start();
    let name = topic(&bus, 1).await;
    broker.kill();
    let only = TopicPartition::new(&name, 0);
    let asked = [
        within(bus.partitions(&name)).await.map(drop),
        within(bus.span(&only)).await.map(drop),
        within(bus.create_topics(&[support::spec(1)])).await,
        within(bus.producer(&[&name])).await.map(drop),
        within(bus.member("group", &name)).await.map(drop),
    ];
    for answer in asked {
        assert!(matches!(answer, Err(BusError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_full_queue_is_told_at_once() {
    let (mut broker, _) = start();
    let mut settings = KafkaSettings::new(broker.bootstrap());
    settings.options.insert("queue.buffering.max.messages".to_owned(), "10".to_owned());
    let bus = KafkaBus::connect(settings).unwrap();
    let name = topic(&bus, 1).await;
    let producer = producer(&bus, &name).await;
    broker.kill();
    let only = TopicPartition::new(&name, 0);
    let sent = (0..11).map(|_| producer.send(&only, record("x"), Box::new(drop))).collect::<Vec<_>>();
    assert!(sent[..10].iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(sent[10], Err(BusError::QueueFull));
    assert_eq!(producer.in_flight(), 10);
}

fn start() -> (Broker, KafkaBus) {
    let broker = Broker::start().unwrap_or_else(|error| panic!("{error}"));
    let bus = KafkaBus::connect(KafkaSettings::new(broker.bootstrap())).unwrap();
    (broker, bus)
}
