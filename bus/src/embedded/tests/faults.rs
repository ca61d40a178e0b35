//! The faults do what they say, and nothing else.

use super::*;

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
    assert!(matches!(next(&mut *tail).await, Err(BusError::Unavailable(_))));
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
    next(&mut *member).await.unwrap();
    bus.faults().interrupt();
    let committed = Committed { offset: 7, metadata: String::new() };
    assert_eq!(member.commit(&[Commit { partition: partition(0), committed }]), Ok(()));
    bus.faults().restore();
    drop(member);
    let mut heir = bus.member("group", TOPIC).await.unwrap();
    assert!(matches!(next(&mut *heir).await, Ok(Event::Assigned(assigned)) if assigned[0].committed.is_none()));
}
