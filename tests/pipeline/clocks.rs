//! Hosts whose clocks are wrong: the log's time decides, and each of them finds it by itself.

use std::sync::Arc;

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use hedgerow::app::{Role, Running};
use policies::{Completeness, DecidedBy};
use starter::Starter;

use crate::rendezvous::{Rendezvous, UNARCHIVED, ask, body};

/// The forest answers soon and boost after the first clause: only who knows the time says that it was the forest alone.
const TIMED: &str = "
rendezvous: NAME
budget: 4s
input: { features: [x] }
answer: { value: class }
executors:
  forest: { constant: { answer: { class: 1 }, delay: 50ms } }
  boost: { constant: { answer: { class: 1 }, delay: 1200ms } }
decide:
  - agree: 2
    until: 300ms
  - first:
    until: 4s
  - default: { class: 9 }
";

const TEN_SECONDS: i64 = 10_000_000;

/// The log as a host with this clock sees it.
type Seen = Box<dyn Fn(&Clock) -> Arc<dyn Bus> + Send>;

fn embedded() -> (Arc<dyn Bus>, Seen) {
    let bus = EmbeddedBus::new(Clock::system());
    (bus.clone(), Box::new(move |clock| bus.teaching(clock)))
}

async fn kafka() -> (Arc<dyn Bus>, Seen) {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let connect = move || KafkaBus::connect(KafkaSettings::new(brokers)).unwrap();
    (Arc::new(connect()), Box::new(move |clock| Arc::new(connect().teaching(clock))))
}

/// Runs `wrong` on a host whose clock is off by so many microseconds, and the other stations on one whose clock is right.
async fn start(bus: Arc<dyn Bus>, seen: Seen, wrong: Role, off: i64) -> (Rendezvous, Running, Clock) {
    let right: Vec<Role> = UNARCHIVED.into_iter().filter(|role| *role != wrong).collect();
    let rendezvous = Rendezvous::start(bus, Clock::system(), TIMED, &right).await;
    let clock = Clock::system_off_by(off);
    let host = rendezvous.another_host(seen(&clock), clock.clone(), &[wrong]).await;
    (rendezvous, host, clock)
}

fn starter(rendezvous: &Rendezvous, host: &Running) -> Starter {
    host.starter.clone().unwrap_or_else(|| rendezvous.starter().clone())
}

/// Returns whether the clause that was due by the log's time decided.
async fn is_judged_rightly(starter: &Starter) -> bool {
    let Ok(answered) = ask(starter, r#"{"x":1}"#, None).await else { return false };
    let decision = body(&answered).decision;
    decision.decided_by == DecidedBy::First && decision.completeness == Completeness::Partial
}

async fn learns((bus, seen): (Arc<dyn Bus>, Seen), wrong: Role, off: i64) {
    let (rendezvous, host, clock) = start(bus, seen, wrong, off).await;
    let starter = starter(&rendezvous, &host);
    for _ in 0..3 {
        assert!(is_judged_rightly(&starter).await, "{wrong:?} off by {off}: {:?}", clock.state());
    }
    let left = clock.state().correction - off;
    assert!(left.abs() < TEN_SECONDS / 10, "{wrong:?} off by {off}: {:?}", clock.state());
    host.stop().await.unwrap();
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_whose_clock_is_wrong_decides_by_the_clause_that_is_due() {
    for off in [TEN_SECONDS, -TEN_SECONDS] {
        learns(embedded(), Role::Collector, off).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_whose_clock_is_wrong_answer_in_time() {
    for off in [TEN_SECONDS, -TEN_SECONDS] {
        learns(embedded(), Role::Executors, off).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starter_whose_clock_is_wrong_gives_requests_their_budget() {
    for off in [TEN_SECONDS, -TEN_SECONDS] {
        learns(embedded(), Role::Starter, off).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_did_not_learn_would_decide_by_the_wrong_clause() {
    let (bus, _) = embedded();
    let same = Arc::clone(&bus);
    let (rendezvous, host, _) = start(bus, Box::new(move |_| Arc::clone(&same)), Role::Collector, TEN_SECONDS).await;
    // Right after a take-over no time decides anything.
    let (starter, mut wrong) = (starter(&rendezvous, &host), 0);
    for _ in 0..5 {
        wrong += usize::from(!is_judged_rightly(&starter).await);
    }
    assert!(wrong > 0);
    host.stop().await.unwrap();
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_kafka_stations_whose_clocks_are_wrong_find_the_broker_s_time() {
    learns(kafka().await, Role::Collector, TEN_SECONDS).await;
    learns(kafka().await, Role::Collector, -TEN_SECONDS).await;
    learns(kafka().await, Role::Executors, TEN_SECONDS).await;
    learns(kafka().await, Role::Starter, -TEN_SECONDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_kafka_a_host_that_shares_the_broker_s_clock_is_not_corrected() {
    let (bus, seen) = kafka().await;
    let (rendezvous, host, clock) = start(bus, seen, Role::Collector, 0).await;
    let starter = starter(&rendezvous, &host);
    for _ in 0..3 {
        is_judged_rightly(&starter).await;
    }
    let state = clock.state();
    assert!(state.correction == 0 && state.is_trusted && state.at_most.is_some(), "{state:?}");
    host.stop().await.unwrap();
    rendezvous.stop().await;
}
