//! Topics that lose what they held, are created again, or grow.

use super::*;
use crate::Stretch;

#[tokio::test]
async fn a_reader_learns_that_what_it_was_to_read_is_dropped_or_was_never_there() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    fill(&*producer, 5);
    let mut tail = bus.tail().await.unwrap();
    tail.start(&partition(0), StartAt::Offset(2)).unwrap();
    bus.drop_before(&partition(0), 4).unwrap();
    assert_eq!(bus.span(&partition(0)).await, Ok(4..5));
    let gone = BusError::OffsetGone { partition: partition(0), offset: 2, low: 4, high: 5 };
    assert_eq!(next(&mut *tail).await.unwrap_err(), gone);

    tail.start(&partition(0), StartAt::End).unwrap();
    bus.recreate(TOPIC).unwrap();
    let gone = BusError::OffsetGone { partition: partition(0), offset: 5, low: 0, high: 0 };
    assert_eq!(next(&mut *tail).await.unwrap_err(), gone);
    assert_eq!(send(&*producer, 0, Record::default()), Ok(0));
}

#[tokio::test]
async fn who_reads_a_stretch_does_not_wait_for_what_is_dropped_or_cut_off_meanwhile() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    fill(&*producer, 8);
    let read = async |stretch: Stretch| {
        let mut seen = Vec::new();
        stretch.read(&*bus, |received| seen.push(received.offset), |_| ()).await.unwrap();
        seen
    };
    let stretch = |offsets| {
        let mut stretch = Stretch::default();
        stretch.add_offsets(partition(0), offsets);
        stretch
    };
    let (dropped, cut_off) = (stretch(2..8), stretch(6..8));
    bus.drop_before(&partition(0), 4).unwrap();
    assert_eq!(read(dropped).await, [4, 5, 6, 7]);
    bus.recreate(TOPIC).unwrap();
    fill(&*producer, 3);
    assert_eq!(read(cut_off).await, [0_i64; 0]);
    assert_eq!(read(stretch(1..3)).await, [1, 2]);
}

#[tokio::test]
async fn who_reads_a_stretch_sees_nothing_beyond_its_end() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    fill(&*producer, 8);
    let (mut stretch, mut seen, mut told) = (Stretch::default(), Vec::new(), 0);
    stretch.add_offsets(partition(0), 2..5);
    stretch.read(&*bus, |received| seen.push(received.offset), |read| told = read).await.unwrap();
    assert_eq!((seen, told), (vec![2, 3, 4], 3));
}

#[tokio::test]
async fn a_group_keeps_what_it_committed_of_a_topic_that_is_created_again() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    fill(&*producer, 5);
    let mut member = bus.member("group", TOPIC).await.unwrap();
    next(&mut *member).await.unwrap();
    let committed = Committed { offset: 5, metadata: String::new() };
    member.close(vec![Commit { partition: partition(0), committed: committed.clone() }]).await;
    bus.recreate(TOPIC).unwrap();
    let mut member = bus.member("group", TOPIC).await.unwrap();
    let Ok(Event::Assigned(assigned)) = next(&mut *member).await else { panic!("nothing is assigned") };
    assert_eq!(assigned[0].committed, Some(committed));
}

#[tokio::test]
async fn a_topic_that_grows_gives_its_group_the_new_partitions() {
    let (bus, producer) = bus_with(EmbeddedLimits::default(), 1).await;
    let mut member = bus.member("group", TOPIC).await.unwrap();
    next(&mut *member).await.unwrap();
    bus.grow(TOPIC, 3).unwrap();
    assert_eq!(bus.partitions(TOPIC).await, Ok(3));
    let Ok(Event::Assigned(assigned)) = next(&mut *member).await else { panic!("nothing is assigned") };
    assert_eq!(assigned.len(), 2);
    assert_eq!(send(&*producer, 2, Record::default()), Ok(0), "a producer that was there before reaches them");
}
