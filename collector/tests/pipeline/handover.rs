//! Partitions change hands under load, on a clock that stands still until the test moves it: how late a result is does
//! not depend on the machine.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use bus::{Bus, Clock, Consumer, Event, Received, SendFault};
use policies::ResultBody;
use tokio::time::timeout;
use wire::{Budget, Envelope, Fence, Fencing, Reading, RequestId, ResultKind, ResultsReader, Timestamp};

use crate::scene::{GENEROUS, Running, Scene};

const BUDGET: Budget = Budget::from_millis(100);
/// So long executors take.
const ANSWER_AFTER: u32 = 10;
/// So much later than the second answer a result may lie in the log. Everything runs in turns between two milliseconds.
const LATE_MAX: Duration = Duration::from_millis(3);

/// A load of one request a millisecond, each answered by two.
struct Load {
    scene: Scene,
    asked: u32,
    answered: u32,
}

impl Load {
    async fn on(partitions: i32) -> Self {
        let clock = Clock::standing_at(Timestamp::from_micros(1_000_000_000));
        Self { scene: Scene::set_on(clock, crate::scene::DEFINITION, partitions).await, asked: 0, answered: 0 }
    }

    /// Goes on for so long, and lets the collectors do what they have to.
    async fn run(&mut self, millis: u32) {
        for _ in 0..millis {
            self.scene.ask(self.asked, BUDGET);
            self.asked += 1;
            if self.asked > ANSWER_AFTER {
                self.answer();
            }
            self.pass(1).await;
        }
    }

    fn answer(&mut self) {
        self.scene.answer("a", self.answered, "cat");
        self.scene.answer("b", self.answered, "cat");
        self.answered += 1;
    }

    /// Asks no more, and answers what is open.
    async fn end(&mut self) {
        while self.answered < self.asked {
            self.answer();
            self.pass(1).await;
        }
    }

    /// Lets time pass.
    async fn pass(&mut self, millis: u32) {
        for _ in 0..millis {
            self.scene.clock.advance(Duration::from_millis(1));
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Lets time pass until a collector that was told to stop has.
    async fn stop(&mut self, running: Running) {
        running.stop.cancel();
        while !running.task.is_finished() {
            self.run(1).await;
        }
        running.stop().await;
    }

    /// Starts a collector under load and waits until it serves.
    async fn collector(&mut self) -> Running {
        let (running, mut served) = self.scene.start();
        while served.try_recv().is_err() {
            assert!(!running.task.is_finished());
            self.run(1).await;
        }
        running
    }

    /// Every request has one result, a prediction, and none came late.
    async fn check(&self) {
        let count = usize::try_from(self.asked).expect("small");
        let results = self.scene.results(count).await;
        let late: Vec<_> = results.values().filter(|result| result.kind != ResultKind::Prediction).collect();
        assert!(late.is_empty(), "{} are defaults, such as {:?}", late.len(), late[0]);
        let answered = self.appended(&self.scene.topics.responses).await;
        let written = self.appended(&self.scene.topics.results).await;
        for id in results.keys() {
            let took = written[id].since(answered[id]);
            assert!(took <= LATE_MAX, "the result of {id} came {took:?} after its second answer");
        }
    }

    /// When the last response, or the valid result, of each request was taken in.
    async fn appended(&self, topic: &str) -> HashMap<RequestId, Timestamp> {
        let mut appended = HashMap::new();
        let mut readers: HashMap<i32, ResultsReader> = HashMap::new();
        for received in self.all(topic).await {
            let reader = readers.entry(received.partition.partition).or_insert_with(|| ResultsReader::new(100_000));
            match Envelope::decode(&received.record) {
                Ok(Envelope::Response(response)) => drop(appended.insert(response.request, received.appended)),
                Ok(Envelope::Fence(fence)) => drop(reader.on_fence(fence)),
                Ok(Envelope::Result(result)) if reader.on_result(&result) == Reading::Valid => {
                    appended.insert(result.request, received.appended);
                }
                _ => {}
            }
        }
        appended
    }

    async fn all(&self, topic: &str) -> Vec<Received> {
        let mut tail = self.scene.reader(topic).await;
        let mut all = Vec::new();
        while let Ok(event) = timeout(Duration::ZERO, tail.next()).await {
            if let Event::Records(records) = event.expect("the bus is there") {
                all.extend(records);
            }
        }
        all
    }

    async fn fences(&self) -> usize {
        let results = self.all(&self.scene.topics.results).await;
        let fences: HashSet<_> = results
            .iter()
            .filter_map(|received| match Envelope::decode(&received.record) {
                Ok(Envelope::Fence(fence)) => Some((received.partition.partition, fence.0.instance)),
                _ => None,
            })
            .collect();
        fences.len()
    }

    /// A member of the collectors' group that takes its share and does nothing with it.
    async fn sleeper(&mut self) -> Box<dyn Consumer> {
        let group = self.scene.topics.group("collector");
        let mut sleeper = self.scene.embedded.member(&group, &self.scene.topics.requests).await.expect("a member");
        loop {
            self.run(1).await;
            if let Ok(event) = timeout(Duration::ZERO, sleeper.next()).await {
                assert!(matches!(event, Ok(Event::Assigned(_))), "{event:?}");
                return sleeper;
            }
        }
    }
}

#[tokio::test]
async fn a_roll_of_every_collector_misses_no_deadline() {
    let mut load = Load::on(4).await;
    let mut running = vec![load.collector().await, load.collector().await, load.collector().await];
    load.run(200).await;
    for _ in 0..6 {
        let oldest = running.remove(0);
        load.stop(oldest).await;
        load.run(50).await;
        running.push(load.collector().await);
        load.run(50).await;
    }
    load.run(10).await;
    load.end().await;
    for last in running {
        last.stop.cancel();
        while !last.task.is_finished() {
            load.pass(1).await;
        }
        last.stop().await;
    }
    load.check().await;
}

#[tokio::test]
async fn what_the_group_gives_to_somebody_who_does_not_come_is_served_on_and_taken_back() {
    let mut load = Load::on(2).await;
    let running = load.collector().await;
    load.run(20).await;
    let sleeper = load.sleeper().await;
    load.run(100).await;
    drop(sleeper);
    load.run(100).await;
    load.end().await;
    load.check().await;
    assert_eq!(load.fences().await, 2, "nobody else has taken either over");
    // What is confirmed after it was taken back is committed again.
    load.pass(1_000).await;
    running.crash().await;
    let next = load.collector().await;
    load.run(20).await;
    load.end().await;
    load.check().await;
    assert!(next.counted().contains("hedgerow_responses_late_total 0"), "{}", next.counted());
    next.crash().await;
}

#[tokio::test]
async fn a_collector_that_was_told_to_stop_serves_on_as_long_as_nobody_takes_over() {
    let mut load = Load::on(2).await;
    let running = load.collector().await;
    let sleeper = load.sleeper().await;
    running.stop.cancel();
    load.run(4_000).await;
    load.end().await;
    assert!(!running.task.is_finished(), "its successor may still come");
    load.check().await;
    while !running.task.is_finished() {
        load.pass(1).await;
    }
    running.stop().await;
    drop(sleeper);
}

#[tokio::test]
async fn who_has_everything_and_is_asked_nothing_stops_at_once() {
    let load = Load::on(2).await;
    let (running, served) = load.scene.start();
    timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
    load.scene.clock.advance(Duration::from_secs(1));
    // Time stands still from here on.
    running.stop().await;
}

#[tokio::test]
async fn a_successor_does_not_count_or_decide_what_its_predecessor_decided() {
    let mut load = Load::on(1).await;
    let first = load.collector().await;
    load.run(300).await;
    first.stop.cancel();
    let second = load.collector().await;
    while !first.task.is_finished() {
        load.run(1).await;
    }
    load.end().await;
    let decided = |running: &Running| -> u32 {
        let counted = running.counted();
        let line = counted.lines().find(|line| line.starts_with("hedgerow_decision_seconds_count "));
        line.and_then(|line| line.split_once(' ')?.1.parse().ok()).expect("it is counted")
    };
    let answered = load.asked;
    let both = decided(&first) + decided(&second);
    // What the first wrote behind the second's fence, before it read that, is decided twice and valid once.
    assert!((answered..answered + 10).contains(&both), "{both} of {answered}");
    assert!(first.counted().contains("hedgerow_handed_over_total 1"), "{}", first.counted());
    first.stop().await;
    second.crash().await;
    load.check().await;
}

/// The elapsed time of a receipt is the collector's own; this is the log's.
#[tokio::test]
async fn a_crash_costs_no_answer_and_what_was_due_meanwhile_is_answered_at_once() {
    let mut load = Load::on(2).await;
    let first = load.collector().await;
    load.run(50).await;
    first.crash().await;
    load.run(500).await;
    let second = load.collector().await;
    load.run(50).await;
    load.end().await;
    let count = usize::try_from(load.asked).expect("small");
    let results = load.scene.results(count).await;
    let heard = results.values().filter(|result| {
        let body = ResultBody::read(&result.body).expect("a body");
        body.decision.executors == ["a", "b"]
    });
    assert_eq!(heard.count(), count, "all answers were in the log in time");
    second.crash().await;
}

/// For a moment after a take-over a partition is read twice; the end of that must not end the next take-over's reading.
#[tokio::test]
async fn who_is_fenced_off_right_after_a_take_over_serves_again() {
    let mut load = Load::on(1).await;
    let running = load.collector().await;
    load.run(20).await;
    let own = load.scene.fence().await;
    let stranger = Fencing { epoch: own.epoch + 1, instance: uuid::Uuid::from_u128(7) };
    load.scene.put(&load.scene.topics.results, 0, Fence(stranger).encode());
    load.run(5).await;
    // Its own next fence is not there before that moment is over.
    load.scene.embedded.faults().on_send(&load.scene.topics.results, 12, SendFault::Failed);
    load.run(4_000).await;
    load.end().await;
    let results = load.scene.results(usize::try_from(load.asked).expect("small")).await;
    let last = results.values().filter(|result| result.kind == ResultKind::Prediction).count();
    assert!(last > 1_000, "it serves again: {last} predictions");
    running.crash().await;
}

#[tokio::test]
async fn partitions_that_were_increased_are_refused_loudly_by_topic_and_number() {
    for which in 0..3 {
        let scene = Scene::set(2).await;
        let topics = [&scene.topics.requests, &scene.topics.responses, &scene.topics.results];
        let running = scene.collector().await;
        scene.embedded.grow(topics[which], 5).expect("it exists");
        if which > 0 {
            // The group does not know of these; whoever has to take a partition over looks.
            let own = scene.fence().await;
            let stranger = Fencing { epoch: own.epoch + 1, instance: uuid::Uuid::from_u128(7) };
            scene.put(&scene.topics.results, 0, Fence(stranger).encode());
        }
        let ended = timeout(GENEROUS, running.task).await.expect("in time").expect("it does not panic");
        let error = ended.expect_err("it refuses").to_string();
        let expected = format!("topic {} has 5 partitions, and the collector began with 2", topics[which]);
        assert!(error.contains(&expected) && error.contains("start every station again"), "{error}");
    }
}

#[tokio::test]
async fn topics_with_unequal_numbers_of_partitions_are_refused_at_the_start() {
    let scene = Scene::set(2).await;
    scene.embedded.grow(&scene.topics.results, 5).expect("it exists");
    let (running, _served) = scene.start();
    let ended = timeout(GENEROUS, running.task).await.expect("in time").expect("it does not panic");
    assert!(ended.expect_err("it refuses").to_string().contains("test.results has 5"), "by its name");
}
