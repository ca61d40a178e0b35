//! On the embedded bus: what was sent, what was committed, and what is said of it.

use std::ops::Range;

use bus::{Commit, Committed, EmbeddedBus, TopicSpec};
use wire::Record;

use super::*;

struct Place {
    bus: Arc<EmbeddedBus>,
    clock: Clock,
    lagging: Lagging,
    wine: RendezvousName,
}

// === impl Place ===

impl Place {
    async fn new() -> Self {
        let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
        let (bus, wine) = (EmbeddedBus::new(clock.clone()), RendezvousName::new("wine").unwrap());
        let topics = Topics::of(&wine);
        let spec = |name| TopicSpec { name, partitions: 2, retention: None, compacted: false };
        bus.create_topics(&[topics.inputs, topics.requests, topics.results].map(spec)).await.unwrap();
        let lagging = Lagging::new(Arc::<EmbeddedBus>::clone(&bus), clock.clone());
        Self { bus, clock, lagging, wine }
    }

    async fn send(&self, partition: i32, count: Range<usize>) {
        let requests = Topics::of(&self.wine).requests;
        let producer = self.bus.producer(&[&requests]).await.unwrap();
        for _ in count {
            let to = TopicPartition::new(&requests, partition);
            producer.send(&to, Record::default(), Box::new(|sent| assert!(sent.is_ok()))).unwrap();
        }
    }

    async fn commit(&self, group: &str, partition: i32, offset: i64) {
        let topics = Topics::of(&self.wine);
        let mut member = self.bus.member(&topics.group(group), &topics.requests).await.unwrap();
        assert!(matches!(member.next().await, Ok(Event::Assigned(all)) if all.len() == 2));
        let committed = Committed { offset, metadata: String::new() };
        let partition = TopicPartition::new(&topics.requests, partition);
        member.close(vec![Commit { partition, committed }]).await;
    }

    async fn lags(&self) -> Vec<String> {
        let lags = self.lagging.lags(&self.wine).await.unwrap();
        let shown = |lag: &Lag| {
            let Lag { station, executors, behind_records, behind_us, unknown_partitions, .. } = lag;
            format!("{station}{executors:?}: {behind_records} {behind_us:?} {unknown_partitions}")
        };
        lags.groups.iter().map(shown).collect()
    }
}

#[tokio::test]
async fn what_is_not_committed_is_behind_by_records_and_by_the_age_of_the_oldest() {
    let place = Place::new().await;
    assert_eq!(place.lags().await, Vec::<String>::new(), "nobody was ever there");
    place.send(0, 0..10).await;
    place.clock.advance(Duration::from_mins(1));
    place.send(0, 0..5).await;
    place.send(1, 0..3).await;
    place.commit("collector", 0, 10).await;
    place.clock.advance(Duration::from_secs(30));
    assert_eq!(place.lags().await, ["collector[]: 5 Some(30000000) 1"], "of the other partition nothing is known");
    place.commit("collector", 1, 3).await;
    place.commit("collector", 0, 9).await;
    place.commit("executors.forest+boost", 0, 15).await;
    place.commit("executors", 1, 0).await;
    place.clock.advance(STANDS);
    assert_eq!(
        place.lags().await,
        [
            "executors[]: 3 Some(33000000) 1",
            "executors[\"forest\", \"boost\"]: 0 None 1",
            "collector[]: 6 Some(93000000) 0"
        ]
    );
}

#[tokio::test]
async fn an_answer_stands_for_some_seconds() {
    let place = Place::new().await;
    place.send(0, 0..10).await;
    place.commit("decoy", 0, 4).await;
    assert_eq!(place.lags().await, ["decoy[]: 6 Some(0) 1"]);
    place.send(0, 0..10).await;
    assert_eq!(place.lags().await, ["decoy[]: 6 Some(0) 1"]);
    place.clock.advance(STANDS);
    assert_eq!(place.lags().await, ["decoy[]: 16 Some(3000000) 1"]);
}

#[tokio::test]
async fn what_the_log_dropped_is_not_behind_any_more() {
    let place = Place::new().await;
    place.send(0, 0..10).await;
    place.commit("decoy", 0, 4).await;
    place.bus.drop_before(&TopicPartition::new(&Topics::of(&place.wine).requests, 0), 8).unwrap();
    assert_eq!(place.lags().await, ["decoy[]: 2 Some(0) 1"]);
}

#[tokio::test]
async fn groups_of_others_are_not_its_own() {
    let topics = Topics::of(&RendezvousName::new("wine").unwrap());
    let of = |name: &str| Group::of(name.to_owned(), &topics).map(|group| (group.station, group.executors.len()));
    assert_eq!(of("hedgerow.wine.sealer"), Some(("sealer", 0)));
    assert_eq!(of("hedgerow.wine.executors.a+b"), Some(("executors", 2)));
    assert_eq!(of("hedgerow.wine2.sealer"), None);
    assert_eq!(of("hedgerow.wine.sealer.more"), None);
    assert_eq!(of("hedgerow.wine.alerts"), None);
}

#[tokio::test]
async fn of_one_station_it_is_known_whether_it_was_ever_there() {
    let place = Place::new().await;
    place.send(0, 0..10).await;
    assert_eq!(place.lagging.of(&place.wine, "decoy").await.unwrap(), None);
    place.commit("decoy", 0, 4).await;
    assert_eq!(place.lagging.of(&place.wine, "decoy").await.unwrap().map(|lag| lag.behind_records), Some(6));
}
