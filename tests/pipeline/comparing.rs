//! Canaries beside their references, compared by the station: on both buses, by doors, and by processes that are killed.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings};
use canary::{Ledger, Matchup, Report, Verdict};
use comparison::Compared;
use hedgerow::{
    app::{self, Role},
    canaries::{Replay, canary_routes, examples},
    door::Shelf,
};
use policies::{Truths, Versions};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::{task::block_in_place, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use wire::{ExecutorId, RendezvousName, Timestamp};

use crate::{
    processes::{Deployment, Process},
    rendezvous::{PATIENCE, Rendezvous, UNARCHIVED},
};

/// One says what its reference says, the other never does.
const COMPARED: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
answer: { value: class }
executors:
  forest: { constant: { answer: { class: 1 } } }
  same: { constant: { answer: { class: 1 } }, canary: { of: forest, warm_up: 0s } }
  other: { constant: { answer: { class: 2 } }, canary: { of: forest, warm_up: 0s } }
decide:
  - first:
    until: 20s
  - default: { class: unknown }
";
const STATIONS: [Role; 4] = [Role::Collector, Role::Executors, Role::Comparison, Role::Starter];

/// Plays on any bus.
pub(crate) async fn what_canaries_say_is_compared_and_a_replay_comes_to_the_same(bus: Arc<dyn Bus>) {
    const ASKED: u64 = 300;
    let rendezvous = Rendezvous::start(bus, Clock::system(), COMPARED, &STATIONS).await;
    ask(&rendezvous, ASKED).await;
    let (bus, versions) = (&*rendezvous.app.bus, Arc::clone(&rendezvous.app.versions.borrow()));
    let compared = until_asked(bus, &versions, ASKED).await;
    let reports = compared.reports(versions.live());
    let told: Vec<_> = reports.iter().map(|report| (report.canary.as_str(), report.verdict)).collect();
    assert_eq!(told, [("same", reports[0].verdict), ("other", Verdict::Worse)], "{}", reports[1].because);
    assert_ne!(reports[0].verdict, Verdict::Worse, "{}", reports[0].because);
    assert_eq!((reports[1].agreement.agreed, reports[1].requests.asked), (0, ASKED));

    let replay = Replay { versions: Arc::clone(&versions), since: Timestamp::EPOCH, truths: None };
    let again = timeout(PATIENCE, replay.run(bus, &Clock::system(), |_, _| ())).await.unwrap().unwrap();
    assert_eq!(ledgers(&again, &versions), ledgers(&compared, &versions));

    let mut truths = Truths::of(Arc::clone(versions.live())).unwrap();
    for key in 0..ASKED {
        truths.tell(&json!({ "key": key.to_string(), "class": 2 }).to_string()).unwrap();
    }
    let replay = Replay { truths: Some(truths), ..replay };
    let again = timeout(PATIENCE, replay.run(bus, &Clock::system(), |_, _| ())).await.unwrap().unwrap();
    let other = again.report(versions.live(), &ExecutorId::new("other").unwrap()).unwrap();
    let accuracy = other.metrics.iter().find(|told| told.metric == canary::Metric::Accuracy).unwrap();
    assert_eq!((accuracy.n, accuracy.harm), (ASKED, Some(-1.0)), "where it differs it is right");

    let shown = examples(bus, versions.live(), &reports[1], Timestamp::EPOCH).await.unwrap();
    assert!(!shown.is_empty());
    for example in shown.values() {
        assert_eq!((&example.input["x"], &*example.reference, &*example.canary), (&json!(1), "1", "2"));
    }
    rendezvous.has_results(usize::try_from(ASKED).unwrap()).await;
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_on_the_embedded_bus_is_what_a_replay_comes_to() {
    what_canaries_say_is_compared_and_a_replay_comes_to_the_same(EmbeddedBus::new(Clock::system())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_on_a_real_kafka_is_what_a_replay_comes_to() {
    let brokers = tokio::task::spawn_blocking(broker::Broker::shared).await.unwrap().unwrap();
    let bus = KafkaBus::connect(KafkaSettings::new(brokers)).unwrap();
    what_canaries_say_is_compared_and_a_replay_comes_to_the_same(Arc::new(bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_canary_nothing_is_read_and_one_that_an_edit_adds_is_compared_from_its_first_request() {
    let without = COMPARED.lines().filter(|line| !line.contains("canary")).collect::<Vec<_>>().join("\n");
    let bus = EmbeddedBus::new(Clock::system());
    let rendezvous = Rendezvous::start(bus, Clock::system(), &without, &UNARCHIVED).await;
    let mut registry = Registry::default();
    let comparison = rendezvous.app.start(&[Role::Comparison], &mut registry).await.unwrap();
    let counted = |registry: &Registry| {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text.lines().filter(|line| line.starts_with("hedgerow_comparison_records_total{")).count()
    };
    ask(&rendezvous, 20).await;
    assert_eq!(counted(&registry), 0, "nothing is read");
    rendezvous.apply(COMPARED).await;
    ask_keys(&rendezvous, 20..60).await;
    let versions = Arc::clone(&rendezvous.app.versions.borrow());
    until_asked(&*rendezvous.app.bus, &versions, 40).await;
    assert!(counted(&registry) > 0);
    rendezvous.apply(&without).await;
    ask_keys(&rendezvous, 60..80).await;
    rendezvous.has_results(80).await;
    comparison.stop().await.unwrap();
    rendezvous.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_show_canaries_in_the_form_that_is_asked_for_and_verdicts_to_rollouts() {
    let rendezvous = Rendezvous::start(EmbeddedBus::new(Clock::system()), Clock::system(), COMPARED, &STATIONS).await;
    ask(&rendezvous, 300).await;
    let versions = Arc::clone(&rendezvous.app.versions.borrow());
    until_asked(&*rendezvous.app.bus, &versions, 300).await;
    let name = versions.live().name().clone();
    let shelf: Shelf = Arc::new(move |asked: &RendezvousName| (*asked == name).then(|| Arc::clone(&versions)));
    let doors = canary_routes(Arc::clone(&rendezvous.app.bus), Clock::system(), shelf);
    let at = format!("/api/v1/rendezvous/{}/canaries", rendezvous.app.definition().name());
    let get = async |path: &str, accept: &str| {
        let request = Request::get(format!("{at}{path}")).header("accept", accept).body(Body::empty()).unwrap();
        let response = timeout(PATIENCE, doors.clone().oneshot(request)).await.unwrap().unwrap();
        let status = response.status();
        let media = response.headers()["content-type"].to_str().unwrap().to_owned();
        let text = String::from_utf8(to_bytes(response.into_body(), 16 << 20).await.unwrap().to_vec()).unwrap();
        (status, media, text)
    };
    let (status, _, listed) = get("", "*/*").await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (status, &listed[1]["canary"], &listed[1]["verdict"]),
        (StatusCode::OK, &json!("other"), &json!("worse"))
    );
    let (_, media, report) = get("/other", "*/*").await;
    let report: Report = serde_json::from_str(&report).unwrap();
    assert_eq!((media.as_str(), report.requests.asked), ("application/json", 300));
    let page = get("/other", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8").await;
    assert!(page.1.starts_with("text/html") && page.2.to_lowercase().starts_with("<!doctype html>"), "{page:?}");
    assert!(get("/other", "text/markdown").await.1.starts_with("text/markdown"));
    assert!(get("/other", "text/plain").await.1.starts_with("text/plain"));
    let (_, _, verdict) = get("/other/verdict", "*/*").await;
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    let data = json!({
        "ok": false, "successPercent": 0.0, "verdict": "worse", "decision": "rollback", "because": report.because,
        "n": 300, "digest": report.digest(),
    });
    assert_eq!(verdict, json!({ "data": data }));
    assert_eq!(get("/forest", "*/*").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get("/forest/verdict", "*/*").await.0, StatusCode::NOT_FOUND);
    rendezvous.stop().await;
}

/// Two processes share the partitions. One is killed, or sleeps while the other takes over and wakes with an old word.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_is_killed_again_and_again_counts_what_a_replay_of_the_log_counts() {
    const KILLS: usize = 8;
    const AT_A_TIME: usize = 100;
    let deployment = Deployment::new(COMPARED).await;
    let run = |station: &str| block_in_place(|| deployment.run(station));
    let ((starter, address), collector, executors) = (run("starter"), run("collector").0, run("executors").0);
    let mut comparisons: [Option<Process>; 2] = [Some(run("comparison").0), Some(run("comparison").0)];
    let over = CancellationToken::new();
    let asking = async {
        let mut asked = 0;
        while !over.is_cancelled() {
            ask_by_http(&deployment, &address, asked..asked + AT_A_TIME).await;
            asked += AT_A_TIME;
        }
        asked
    };
    let killing = async {
        for round in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(300 * (1 + u64::try_from(round % 3).unwrap()))).await;
            let process = &mut comparisons[round % 2];
            if round % 4 == 3 {
                process.as_ref().unwrap().signal("STOP");
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                process.as_ref().unwrap().signal("CONT");
            } else {
                process.take().unwrap().kill();
                *process = Some(run("comparison").0);
            }
        }
        over.cancel();
    };
    let (asked, ()) = tokio::join!(asking, killing);
    let asked = u64::try_from(asked).unwrap();

    let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(deployment.brokers())).unwrap());
    let versions = versions(&bus, &deployment).await;
    let compared = until_asked(&*bus, &versions, asked).await;
    let replay = Replay { versions: Arc::clone(&versions), since: Timestamp::EPOCH, truths: None };
    let again = timeout(PATIENCE, replay.run(&*bus, &Clock::system(), |_, _| ())).await.unwrap().unwrap();
    assert_eq!(ledgers(&compared, &versions), ledgers(&again, &versions));
    eprintln!("{asked} requests, {KILLS} kills and sleeps: each counted once");

    for process in comparisons.into_iter().flatten().chain([starter, collector, executors]) {
        assert_eq!(block_in_place(|| process.terminate()), Some(0), "it stops when it is told to");
    }
    let last = comparison::read(&*bus, versions.live().name()).await.unwrap();
    assert_eq!(ledgers(&last, &versions), ledgers(&again, &versions), "the last words stand");
}

async fn ask(rendezvous: &Rendezvous, count: u64) {
    ask_keys(rendezvous, 0..count).await;
}

async fn ask_keys(rendezvous: &Rendezvous, keys: std::ops::Range<u64>) {
    let keys: Vec<String> = keys.map(|key| key.to_string()).collect();
    for some in keys.chunks(50) {
        let asked = some.iter().map(|key| rendezvous.ask_as("{\"x\": 1}", Some(key)));
        futures::future::join_all(asked).await.into_iter().for_each(|answered| drop(answered.unwrap()));
    }
}

/// Every question is answered by what the candidate says.
async fn ask_by_http(deployment: &Deployment, address: &str, numbers: std::ops::Range<usize>) {
    let url = format!("http://{address}/v2/models/{}/infer", deployment.name());
    let client = reqwest::Client::new();
    let mut asked = tokio::task::JoinSet::new();
    for number in numbers {
        let key = number.to_string();
        let request = client.post(&url).header("idempotency-key", key).body("{\"x\": 1}").timeout(PATIENCE);
        asked.spawn(async move { request.send().await.unwrap().status().as_u16() });
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let statuses = asked.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// Waits until so many requests that asked each canary are counted, and no more.
async fn until_asked(bus: &dyn Bus, versions: &Versions, asked: u64) -> Compared {
    let name = versions.live().name();
    let counted = async {
        loop {
            let compared = comparison::read(bus, name).await.unwrap();
            let counts: Vec<u64> =
                compared.reports(versions.live()).iter().map(|report| report.requests.asked).collect();
            assert!(counts.iter().all(|count| *count <= asked), "{counts:?} of {asked}: counted twice");
            if counts.iter().all(|count| *count == asked) {
                return compared;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("{asked} requests are not counted"))
}

fn ledgers(compared: &Compared, versions: &Versions) -> Vec<Ledger> {
    Matchup::of(versions.live()).iter().map(|matchup| compared.ledger(matchup)).collect()
}

async fn versions(bus: &Arc<dyn Bus>, deployment: &Deployment) -> Arc<Versions> {
    let stop = CancellationToken::new();
    let meanwhile = std::future::ready(());
    let followed = app::follow(bus, &Clock::system(), &mut Registry::default(), &stop, meanwhile).await;
    let name = RendezvousName::new(&deployment.name()).unwrap();
    let versions = followed.unwrap().unwrap().now(&name).unwrap();
    stop.cancel();
    versions
}
