//! The audit of whole pipelines: clean where hedgerow wrote, and exact where somebody else did.

use std::{future::IntoFuture as _, sync::Arc, time::Duration};

use assert_cmd::cargo::cargo_bin_cmd;
use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, EmbeddedLimits, KafkaBus, KafkaSettings, Stretch, TopicPartition};
use bytes::Bytes;
use hedgerow::{
    auditing::{Audit, audit_routes},
    door::Shelf,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};
use uuid::Uuid;
use wire::{Envelope, Fencing, Record, ResultRecord, ResultsReader, Timestamp, Topics};

use crate::{
    cases::{HUNG, SILENT},
    processes::Deployment,
    rendezvous::{ALL, PATIENCE, Rendezvous},
};

/// What the command says.
pub(crate) struct Audited {
    pub(crate) code: Option<i32>,
    pub(crate) shown: String,
    error: String,
}

/// Runs `hedgerow audit NAME --json`, without brokers in the environment.
pub(crate) async fn audit(name: &str, arguments: &[&str]) -> Audited {
    run(name, &[arguments, &["--json"]].concat()).await
}

async fn run(name: &str, arguments: &[&str]) -> Audited {
    let mut command = cargo_bin_cmd!("hedgerow");
    command.args(["audit", name]).args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Audited { code: output.status.code(), shown: text(output.stdout), error: text(output.stderr) }
}

// === impl Audited ===

impl Audited {
    pub(crate) fn told(&self) -> Value {
        serde_json::from_str(&self.shown).unwrap_or_else(|_| panic!("{}{}", self.shown, self.error))
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|x| format!("{{\"x\": {x}}}")).collect()
}

async fn embedded(policy: &str) -> Rendezvous {
    let clock = Clock::system();
    Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, policy, &ALL).await
}

/// Serves the door to the audit; returns where.
async fn door(rendezvous: &Rendezvous) -> String {
    let versions = rendezvous.app.versions.clone();
    let ours = rendezvous.app.definition().name().clone();
    let shelf: Shelf = Arc::new(move |name| (*name == ours).then(|| Arc::clone(&versions.borrow())));
    let routes = audit_routes(Arc::clone(&rendezvous.app.bus), rendezvous.app.clock.clone(), shelf);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, routes).into_future());
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_pipeline_audits_clean_through_its_door() {
    let rendezvous = embedded(SILENT).await;
    rendezvous.ask_all(&numbers(200)).await;
    let (at, name) = (door(&rendezvous).await, rendezvous.app.definition().name().to_string());

    let audited = audit(&name, &["--at", &at]).await;
    let told = audited.told();
    let counts = ["accepted", "results", "missing", "second", "void", "degraded", "open"]
        .map(|field| told[field].as_u64().unwrap());
    assert_eq!((audited.code, counts), (Some(0), [200, 200, 0, 0, 0, 200, 0]), "{told}");
    // Why depends on whether the executors say in time that they would be too late.
    let defaults = told["degraded_by"].as_array().unwrap().iter().map(|by| by["count"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(defaults, 200, "{told}");

    let audited = run(&name, &["--at", &at, "--strict"]).await;
    assert_eq!(audited.code, Some(1), "defaults are degraded: {}", audited.shown);
    let verdict = format!("{name}: exactly one result for each of 200 accepted requests\n");
    assert!(audited.shown.starts_with(&verdict), "{}", audited.shown);
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_rendezvous_is_judged_by_what_was_accepted_and_what_is_due_is_waited_for() {
    let rendezvous = embedded(&SILENT.replace("200ms", "2s")).await;
    let definition = rendezvous.app.definition();
    let bodies = numbers(50);
    let asking = rendezvous.ask_all(&bodies);
    let auditing = async {
        has_requests(&rendezvous, 50).await;
        let audit = |wait| Audit {
            rendezvous: definition.name().clone(),
            since: None,
            grace: PATIENCE,
            wait,
            limits: audit::Limits::default(),
        };
        let app = &rendezvous.app;
        let run = async |wait| audit(wait).run(&*app.bus, &app.clock, || None, |_, _| ()).await.unwrap();
        let hasty = run(Duration::ZERO).await;
        let patient = timeout(PATIENCE, run(PATIENCE)).await.unwrap();
        (hasty, patient)
    };
    let (_, (hasty, patient)) = tokio::join!(asking, auditing);
    assert_eq!((hasty.counts.accepted, hasty.ok), (50, true));
    assert_eq!(hasty.counts.results + hasty.counts.open, 50);
    assert_eq!((patient.counts.results, patient.counts.open, patient.ok), (50, 0, true), "{patient}");
    rendezvous.stop().await;
}

/// Waits until the log holds `count` requests.
async fn has_requests(rendezvous: &Rendezvous, count: i64) {
    let requests = rendezvous.topics().requests;
    let all = async {
        loop {
            let mut held = 0;
            for partition in 0..rendezvous.app.partitions {
                let span = rendezvous.app.bus.span(&TopicPartition::new(&requests, partition)).await.unwrap();
                held += span.end - span.start;
            }
            if held >= count {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, all).await.expect("the requests are in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_forgot_its_beginning_accuses_nobody() {
    let clock = Clock::system();
    let limits = EmbeddedLimits { records_per_partition: 20, ..EmbeddedLimits::default() };
    let bus = EmbeddedBus::with_limits(clock.clone(), limits);
    let rendezvous = Rendezvous::start(bus, clock, QUICK, &ALL).await;
    for burst in numbers(400).chunks(10) {
        rendezvous.ask_all(burst).await;
    }
    let audit = Audit {
        rendezvous: rendezvous.app.definition().name().clone(),
        since: None,
        grace: Duration::ZERO,
        wait: Duration::ZERO,
        limits: audit::Limits::default(),
    };
    let report = audit.run(&*rendezvous.app.bus, &rendezvous.app.clock, || None, |_, _| ()).await.unwrap();
    assert!(report.ok && report.counts.unjudged > 0, "{report}");
    rendezvous.stop().await;
}

/// Answers at once.
const QUICK: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
answer: { value: class }
executors:
  quick: { constant: { answer: { class: 1 } } }
decide:
  - first: {}
    until: 30s
  - default: { class: unknown }
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_zombie_a_liar_and_a_vandal_wrote_is_reported_exactly() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    let rendezvous = Rendezvous::start(Arc::clone(&bus), Clock::system(), &HUNG.replace("3s", "1s"), &ALL).await;
    rendezvous.ask_all(&numbers(40)).await;
    let (name, topics) = (rendezvous.app.definition().name().to_string(), rendezvous.topics());
    // Nobody's fences or repeats come between what is planted.
    rendezvous.stop().await;
    let audited = audit(&name, &["--brokers", brokers]).await;
    assert_eq!((audited.code, &audited.told()["accepted"]), (Some(0), &json!(40)), "{}", audited.shown);

    let (result, first) = some_result(&*bus, &topics).await;
    let partition = result.request.partition(4);
    let zombie = Fencing { instance: Uuid::nil(), ..result.fencing };
    let other = Bytes::from_static(b"{\"answer\": {\"class\": 7}}");
    let planted = [
        Envelope::Result(ResultRecord { fencing: zombie, ..result.clone() }).encode(),
        Envelope::Result(ResultRecord { body: other, ..result.clone() }).encode(),
        Record { payload: Some(Bytes::from_static(b"\xff\x00garbage")), ..Record::default() },
    ];
    let mut offsets = Vec::new();
    for record in planted {
        offsets.push(send(&*bus, &topics.results, partition, record).await);
    }

    let audited = audit(&name, &["--brokers", brokers]).await;
    let told = audited.told();
    let expected = json!({
        "accepted": 40, "results": 40, "missing": 0, "second": 1, "contradictory": 1, "void": 1, "invented": 0,
        "misplaced": 0, "ok": false
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&told[field], value, "{field} of {told}");
    }
    let [violation] = &told["violations"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!(violation["kind"], "contradictory");
    assert_eq!(violation["request"], result.request.to_string());
    assert_eq!(
        (&violation["first_at"]["offset"], &violation["result_at"]["offset"]),
        (&json!(first), &json!(offsets[1]))
    );
    let fences = told["fences"].as_array().unwrap();
    let of_zombie = fences.iter().find(|fence| fence["instance"] == Uuid::nil().to_string()).unwrap();
    assert_eq!((&of_zombie["standing"], &of_zombie["void_first"]), (&json!("unfenced"), &json!(offsets[0])));
    let garbage = &told["partitions"][usize::try_from(partition).unwrap()]["garbage"]["results"];
    assert_eq!(garbage, &json!({"count": 1, "first": offsets[2], "last": offsets[2]}));
    assert_eq!(audited.code, Some(1));
}

/// A valid result of an id, and its offset.
async fn some_result(bus: &dyn Bus, topics: &Topics) -> (ResultRecord, i64) {
    let mut found = None;
    for partition in 0..4 {
        let (mut stretch, mut reader) = (Stretch::default(), ResultsReader::new(100));
        stretch.add(bus, TopicPartition::new(&topics.results, partition), Timestamp::EPOCH).await.unwrap();
        let see = |received: bus::Received| {
            let valid = reader.read(&received.record).valid();
            // Under the fence that is accepted last, so that what is planted is valid too.
            found = valid.map(|result| (result, received.offset)).or_else(|| found.take());
        };
        stretch.read(bus, see, |_| ()).await.unwrap();
    }
    found.expect("requests were answered")
}

async fn send(bus: &dyn Bus, topic: &str, partition: i32, record: Record) -> i64 {
    let producer = bus.producer(&[topic]).await.unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let acknowledge = Box::new(move |outcome| _ = sender.send(outcome));
    producer.send(&TopicPartition::new(topic, partition), record, acknowledge).unwrap();
    timeout(PATIENCE, receiver).await.unwrap().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_which_collectors_are_killed_audits_clean_while_it_runs_and_after() {
    const REQUESTS: usize = 600;
    let deployment = Deployment::new(QUICK).await;
    let (starter, address) = deployment.run("starter");
    let executors = deployment.run("executors").0;
    let mut collector = deployment.run("collector").0;
    let url = format!("http://{address}/v2/models/{}/infer", deployment.name());
    let client = reqwest::Client::new();
    let mut asked = tokio::task::JoinSet::new();
    for (index, body) in numbers(REQUESTS).into_iter().enumerate() {
        let request = client.post(&url).header("idempotency-key", index.to_string()).body(body).timeout(PATIENCE);
        asked.spawn(async move { request.send().await.unwrap().status().as_u16() });
        if index % 200 == 100 {
            // It has some of them in hand: nobody waited for the answers.
            collector.kill();
            collector = tokio::task::block_in_place(|| deployment.run("collector").0);
        }
    }
    let during = audit(&deployment.name(), &["--brokers", &deployment.brokers]).await;
    assert_eq!((during.code, &during.told()["ok"]), (Some(0), &json!(true)), "{}", during.shown);
    assert!(asked.join_all().await.iter().all(|status| *status == 200));

    let after = audit(&deployment.name(), &["--brokers", &deployment.brokers]).await;
    let told = after.told();
    assert_eq!(
        (after.code, &told["accepted"], &told["results"]),
        (Some(0), &json!(REQUESTS), &json!(REQUESTS)),
        "{told}"
    );
    assert!(told["fences_accepted"].as_u64().unwrap() > 4, "partitions changed hands: {told}");
    for process in [starter, executors, collector] {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendezvous_that_is_not_there_is_named() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let audited = audit("nowhere", &["--brokers", brokers]).await;
    assert_eq!((audited.code, audited.shown.as_str()), (Some(1), ""));
    assert!(
        audited.error.contains("nowhere.requests") && audited.error.contains("is there a rendezvous"),
        "{}",
        audited.error
    );
    let audited = audit("nowhere", &["--at", "http://127.0.0.1:1"]).await;
    assert_eq!(audited.code, Some(1));
    assert!(audited.error.contains("--brokers"), "{}", audited.error);
}
