//! Laws of topics and what they hold.

use hedgerow_bus::{Bus, BusError, TopicPartition, TopicSpec};

use super::support::{producer, record, send, send_numbers, spec, topic, unique, within};

pub(crate) async fn creating_a_topic_again_changes_nothing(bus: &dyn Bus) {
    let (one, two) = (spec(1), spec(3));
    within(bus.create_topics(std::slice::from_ref(&one))).await.unwrap();
    let producer = producer(bus, &one.name).await;
    send(&*producer, &TopicPartition::new(&one.name, 0), record("kept")).await.unwrap();
    within(bus.create_topics(&[one.clone(), two.clone()])).await.unwrap();
    assert_eq!(within(bus.partitions(&one.name)).await, Ok(1));
    assert_eq!(within(bus.partitions(&two.name)).await, Ok(3));
    assert_eq!(within(bus.span(&TopicPartition::new(&one.name, 0))).await, Ok(0..1));
}

pub(crate) async fn a_topic_is_never_created_with_another_number_of_partitions(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let other = TopicSpec { name: name.clone(), ..spec(3) };
    let refused = within(bus.create_topics(&[other])).await;
    assert!(matches!(&refused, Err(BusError::Fatal(sentence)) if sentence.contains(&name)), "{refused:?}");
    assert_eq!(within(bus.partitions(&name)).await, Ok(2));
}

pub(crate) async fn partitions_of_a_topic_that_does_not_exist_are_an_error(bus: &dyn Bus) {
    let name = unique("nowhere");
    let refused = within(bus.partitions(&name)).await;
    assert!(matches!(&refused, Err(BusError::Fatal(sentence)) if sentence.contains(&name)), "{refused:?}");
}

pub(crate) async fn a_span_grows_with_what_is_sent(bus: &dyn Bus) {
    let name = topic(bus, 2).await;
    let (sent, empty) = (TopicPartition::new(&name, 0), TopicPartition::new(&name, 1));
    assert_eq!(within(bus.span(&sent)).await, Ok(0..0));
    let producer = producer(bus, &name).await;
    assert_eq!(within(bus.span(&sent)).await, Ok(0..0), "warming a producer up is seen by nobody");
    send_numbers(&*producer, &sent, 0..7).await;
    assert_eq!(within(bus.span(&sent)).await, Ok(0..7));
    assert_eq!(within(bus.span(&empty)).await, Ok(0..0));
}
