//! The collector on the embedded bus, between a scripted starter and scripted executors.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Bus, Clock, Consumer, EmbeddedBus, Event, Producer, SendFault, StartAt, TopicPartition, TopicSpec};
use bytes::Bytes;
use hedgerow_collector::{CollectorError, CollectorStation, Metrics, run};
use policies::{Definition, ResultBody};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    Budget, DeadLetter, Envelope, ModelVersion, Reading, Record, Reply, Request, RequestId, Response, ResultRecord,
    ResultsReader, Topics,
};

/// Longer than anything here takes, on any machine.
const GENEROUS: Duration = Duration::from_secs(30);

const DEFINITION: &str = "\
rendezvous: test\nbudget: 60s\ninput: { features: [x] }\nanswer: { value: class }\n\
executors:\n  a: { echo: }\n  b: { echo: }\n  c: { echo: }\n\
decide:\n- agree: 2\n  until: 60s\n- default: { class: none }\n";

struct Scene {
    embedded: Arc<EmbeddedBus>,
    clock: Clock,
    definition: Arc<Definition>,
    topics: Topics,
    partitions: i32,
    producer: Arc<dyn Producer>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), CollectorError>>,
    metrics: Arc<Metrics>,
}

impl Scene {
    async fn set(partitions: i32) -> Self {
        let clock = Clock::system();
        let embedded = EmbeddedBus::new(clock.clone());
        let definition = Definition::parse("test.yaml", DEFINITION).unwrap_or_else(|problems| panic!("{problems}"));
        let topics = Topics::of(definition.name());
        let names = [&topics.requests, &topics.responses, &topics.results, &topics.dead_letters];
        let specs = names.map(|name| TopicSpec { name: name.clone(), partitions, retention: None, compacted: false });
        embedded.create_topics(&specs).await.expect("they are new");
        let written = names.map(String::as_str);
        let producer = embedded.producer(&written).await.expect("the topics exist");
        Self { embedded, clock, definition: Arc::new(definition), topics, partitions, producer }
    }

    /// Starts a collector and waits until it serves.
    async fn collector(&self) -> Running {
        let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let station = CollectorStation {
            bus: self.embedded.clone(),
            clock: self.clock.clone(),
            definition: self.definition.clone(),
            metrics: metrics.clone(),
        };
        let (ready, served) = oneshot::channel();
        let task = tokio::spawn(run(station, stop.clone(), ready));
        timeout(GENEROUS, served).await.expect("it serves in time").expect("it serves");
        Running { stop, task, metrics }
    }

    fn ask(&self, number: u32, budget: Budget) {
        let id = id(number);
        let request = Request {
            id,
            born: self.clock.now(),
            budget,
            policy: self.definition.policy_ref.clone(),
            plan: self.definition.plan(),
            traceparent: None,
            body: "{\"x\":1}".into(),
        };
        self.put(&self.topics.requests, id.partition(self.partitions), request.encode());
    }

    fn answer(&self, executor: &str, number: u32, class: &str) {
        let response = Response {
            request: id(number),
            executor: wire::ExecutorId::new(executor).expect("a name"),
            model: ModelVersion::from("model@1"),
            queued: Duration::ZERO,
            scored: Duration::ZERO,
            reply: Reply::Answer(format!(r#"{{"class":"{class}"}}"#).into()),
        };
        self.put(&self.topics.responses, response.request.partition(self.partitions), response.encode());
    }

    fn put(&self, topic: &str, partition: i32, record: Record) {
        let sent = self.producer.send(&TopicPartition::new(topic, partition), record, Box::new(|_| {}));
        sent.expect("the bus takes it");
    }

    async fn reader(&self, topic: &str) -> Box<dyn Consumer> {
        let mut tail = self.embedded.tail().await.expect("the bus is there");
        for partition in 0..self.partitions {
            tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).expect("it exists");
        }
        tail
    }

    /// Waits until each of `0..count` has a valid result and returns them. Fails if any id ever has two.
    async fn results(&self, count: usize) -> HashMap<RequestId, ResultRecord> {
        let mut tail = self.reader(&self.topics.results).await;
        let mut readers: HashMap<i32, ResultsReader> = HashMap::new();
        let mut valid = HashMap::new();
        while valid.len() < count {
            let event = timeout(GENEROUS, tail.next()).await;
            let Ok(event) = event else { panic!("only {} of {count} have a result", valid.len()) };
            let Event::Records(records) = event.expect("the bus is there") else { continue };
            for received in records {
                let reader = readers.entry(received.partition.partition).or_insert_with(|| ResultsReader::new(100_000));
                match Envelope::decode(&received.record) {
                    Ok(Envelope::Fence(fence)) => drop(reader.on_fence(fence)),
                    Ok(Envelope::Result(result)) if reader.on_result(&result) == Reading::Valid => {
                        assert!(valid.insert(result.request, result).is_none(), "two results of one request");
                    }
                    _ => {}
                }
            }
        }
        valid
    }

    async fn result(&self, number: u32) -> ResultBody {
        let results = self.results(1).await;
        serde_json::from_slice(&results[&id(number)].body).expect("a result's body is JSON")
    }
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        timeout(GENEROUS, self.task)
            .await
            .expect("it stops in time")
            .expect("it does not panic")
            .expect("it stops well");
    }

    /// Ends the task wherever it is, as a kill would.
    async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.is_err(), "it was still running");
    }

    fn counted(&self) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text takes text");
        text
    }
}

fn id(number: u32) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(u128::from(number) * 0x9E37_79B9_7F4A_7C15))
}

const MINUTE: Budget = Budget::from_millis(60_000);

#[tokio::test]
async fn two_that_agree_are_the_result() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    let body = scene.result(1).await;
    assert_eq!(body.answer["class"], "cat");
    assert_eq!(body.decision.executors, ["a", "b"]);
    running.stop().await;
}

#[tokio::test]
async fn one_request_on_an_idle_topic_is_answered_by_its_deadline() {
    let scene = Scene::set(3).await;
    let running = scene.collector().await;
    let asked = scene.clock.now();
    scene.ask(1, Budget::from_millis(80));
    let body = scene.result(1).await;
    let took = scene.clock.now().since(asked);
    assert_eq!(body.answer["class"], "none");
    assert!(took >= Duration::from_millis(60), "too early: {took:?}");
    // The deadline is 80 ms; the rest is room for a busy machine.
    assert!(took < Duration::from_millis(500), "too late: {took:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_hung_candidate_does_not_delay_the_result_beyond_the_deadline() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    scene.ask(1, Budget::from_millis(100));
    scene.answer("a", 1, "cat");
    let body = scene.result(1).await;
    assert_eq!(body.decision.decided_by.as_str(), "default");
    assert_eq!(body.decision.completeness.as_str(), "partial");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_with_open_requests_leaves_them_to_the_next_collector() {
    let scene = Scene::set(2).await;
    let first = scene.collector().await;
    for number in 0..200 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        if number % 2 == 0 {
            scene.answer("b", number, "cat");
        }
    }
    assert_eq!(scene.results(100).await.len(), 100);
    first.stop().await;
    let second = scene.collector().await;
    for number in (1..200).step_by(2) {
        scene.answer("c", number, "cat");
    }
    let results = scene.results(200).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction), "a's answers were not lost");
    second.stop().await;
}

#[tokio::test]
async fn a_crash_at_any_time_loses_nothing_and_answers_nothing_twice() {
    let scene = Scene::set(2).await;
    for round in 0..6_u32 {
        let running = scene.collector().await;
        for number in round * 100..(round + 1) * 100 {
            scene.ask(number, MINUTE);
            scene.answer("a", number, "cat");
            if number % 3 > 0 {
                scene.answer("b", number, "cat");
            }
        }
        // Some crash with nothing decided, some in the middle, some when a commit may be on its way.
        let seen = usize::try_from(round * 60).expect("small");
        scene.results(seen).await;
        running.crash().await;
    }
    let last = scene.collector().await;
    for number in (0..600).step_by(3) {
        scene.answer("c", number, "cat");
    }
    let results = scene.results(600).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction));
    last.stop().await;
    scene.results(600).await;
}

#[tokio::test]
async fn two_collectors_share_the_partitions_and_one_takes_over_from_the_other() {
    let scene = Scene::set(4).await;
    let first = scene.collector().await;
    (0..100).for_each(|number| scene.ask(number, MINUTE));
    let second = scene.collector().await;
    (100..200).for_each(|number| scene.ask(number, MINUTE));
    (0..200).for_each(|number| scene.answer("a", number, "cat"));
    first.crash().await;
    (0..200).for_each(|number| scene.answer("b", number, "cat"));
    let results = scene.results(200).await;
    assert!(results.values().all(|result| result.kind == wire::ResultKind::Prediction));
    second.stop().await;
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_the_partition_goes_on() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    let poison = Record { payload: Some(Bytes::from_static(b"?")), ..Record::default() };
    scene.put(&scene.topics.requests, 0, poison.clone());
    scene.put(&scene.topics.responses, 0, poison.clone());
    scene.put(&scene.topics.results, 0, poison);
    scene.ask(1, MINUTE);
    scene.answer("a", 1, "cat");
    scene.answer("b", 1, "cat");
    let mut dead = scene.reader(&scene.topics.dead_letters).await;
    let mut described = Vec::new();
    while described.len() < 2 {
        let event = timeout(GENEROUS, dead.next()).await.expect("in time").expect("the bus is there");
        let Event::Records(records) = event else { continue };
        described.extend(records.iter().filter_map(|received| DeadLetter::describe(&received.record)));
    }
    described.sort();
    let why = "header `ce_type` is missing".to_owned();
    assert_eq!(described, [("test.requests/0/0".to_owned(), why.clone()), ("test.responses/0/0".to_owned(), why)]);
    assert_eq!(scene.result(1).await.answer["class"], "cat");
    running.stop().await;
}

#[tokio::test]
async fn failed_sends_and_lost_acknowledgements_end_in_one_result_each() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    for fault in [SendFault::Refused, SendFault::Failed, SendFault::AcknowledgementLost] {
        scene.embedded.faults().on_send(&scene.topics.results, 20, fault);
    }
    for number in 0..100 {
        scene.ask(number, MINUTE);
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    assert_eq!(scene.results(100).await.len(), 100);
    assert!(running.counted().contains("hedgerow_results_rewritten_total"), "{}", running.counted());
    running.stop().await;
}

#[tokio::test]
async fn a_bus_that_goes_away_and_comes_back_costs_no_result() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    (0..50).for_each(|number| scene.ask(number, MINUTE));
    scene.embedded.faults().interrupt();
    for number in 0..50 {
        scene.answer("a", number, "cat");
        scene.answer("b", number, "cat");
    }
    scene.embedded.faults().restore();
    assert_eq!(scene.results(50).await.len(), 50);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_too_large_for_the_topic_becomes_a_default_of_the_same_request() {
    let scene = Scene::set(1).await;
    let running = scene.collector().await;
    let large = "x".repeat(1_048_000);
    scene.ask(1, MINUTE);
    scene.answer("a", 1, &large);
    scene.answer("b", 1, &large);
    let body = scene.result(1).await;
    assert_eq!(body.answer["class"], "none");
    running.stop().await;
}
