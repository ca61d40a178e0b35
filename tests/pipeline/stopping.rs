//! Stations as processes on a real Kafka that are told to stop, or are killed at the front door, under load: whoever was
//! accepted gets the one result, and nobody goes unheard meanwhile.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bus::{Bus, Event, KafkaBus, KafkaSettings, StartAt, TopicPartition};
use hedgerow::observer::Observer;
use reqwest::{Client, StatusCode};
use tokio::{task::JoinSet, time::timeout};
use wire::{Envelope, Record, Topics};

use crate::{
    processes::{Deployment, Process},
    rendezvous::{PATIENCE, archived},
};

/// Somebody who takes a while, so that there is always something in hand.
const POLICY: &str = "
rendezvous: NAME
budget: 5s
input: { features: [x] }
answer: { value: class }
executors:
  calm: { constant: { answer: { class: 1 }, delay: 200ms }, concurrency: 1000 }
decoy: { archive: archive, every: 1s }
decide:
  - first: {}
    until: 5s
  - default: { class: unknown }
";
const BODY: &str = r#"{"x": 1}"#;
/// 200 requests a second.
const PACE: Duration = Duration::from_millis(5);

/// The front doors that callers know.
type Doors = Arc<Mutex<Vec<String>>>;

/// A caller who asks under one name until he has an answer, wherever one is to be had.
async fn ask_until_answered(client: Client, doors: Doors, path: String, key: String) -> String {
    for attempt in 0.. {
        let door = {
            let doors = doors.lock().unwrap();
            doors[attempt % doors.len()].clone()
        };
        let asked = client.post(format!("http://{door}{path}")).header("idempotency-key", &key).body(BODY);
        if let Ok(response) = asked.timeout(PATIENCE).send().await {
            let status = response.status();
            let body = response.text().await;
            match (status, body) {
                (StatusCode::OK, Ok(body)) => return body,
                // Killed in the middle of its answer.
                (StatusCode::OK, Err(_)) | (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => {}
                (status, body) => panic!("{key}: {status} {body:?}"),
            }
        }
        tokio::time::sleep(PACE).await;
    }
    unreachable!("a caller asks on until it is answered")
}

/// Callers who come one after the other until `enough`; returns what each was answered, in the order of their names.
async fn callers(doors: &Doors, path: &str, enough: &AtomicBool) -> Vec<String> {
    let (client, mut asking) = (Client::new(), JoinSet::new());
    let mut count = 0;
    while !enough.load(Ordering::Relaxed) {
        let asked = ask_until_answered(client.clone(), Arc::clone(doors), path.to_owned(), count.to_string());
        let began = Instant::now();
        asking.spawn(async move { (count, asked.await, began.elapsed()) });
        count += 1;
        tokio::time::sleep(PACE).await;
    }
    let mut answers = timeout(PATIENCE, asking.join_all()).await.expect("everybody is answered");
    answers.sort_unstable();
    let slowest = answers.iter().map(|(_, _, elapsed)| *elapsed).max();
    eprintln!("{count} callers were answered, the slowest after {slowest:?}");
    answers.into_iter().map(|(_, answer, _)| answer).collect()
}

/// Lets load be there for a while.
async fn some_load() {
    tokio::time::sleep(PACE * 100).await;
}

fn infer(deployment: &Deployment) -> String {
    format!("/v2/models/{}/infer", deployment.name())
}

/// Starts a station, without holding up those who ask meanwhile.
fn start(deployment: &Deployment, station: &str) -> (Process, String) {
    tokio::task::block_in_place(|| deployment.run(station))
}

/// Tells a process to stop; it must end well within what supervisors commonly grant.
fn stop(process: Process, what: &str) {
    let code = tokio::task::block_in_place(|| process.terminate_within(Duration::from_secs(10)));
    assert_eq!(code, Some(0), "{what} drains within its grace period");
}

/// The observer reads beside those who answer, and may be behind them: it is waited for, and then looked at.
async fn each_has_one_result(observer: &Observer, requests: usize) {
    let all = observer.until(|observed| observed.results.len() >= requests);
    timeout(PATIENCE, all).await.expect("a result for each request");
    assert_eq!(observer.look(|observed| (observed.results.len(), observed.second())), (requests, 0));
}

fn stop_all(stations: impl IntoIterator<Item = Process>) {
    for process in stations {
        stop(process, "a station");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_killed_starter_ask_again_and_get_the_one_result() {
    let deployment = Deployment::new(POLICY).await;
    let others = ["collector", "executors"].map(|name| deployment.run(name).0);
    let (observer, watching) = deployment.observe().await;
    let mut starters: Vec<_> = (0..2).map(|_| Some(deployment.run("starter"))).collect();
    let addresses = starters.iter().flatten().map(|(_, address)| address.clone()).collect();
    let (doors, enough): (Doors, _) = (Arc::new(Mutex::new(addresses)), AtomicBool::new(false));
    let path = infer(&deployment);

    let killing = async {
        for round in 0..4 {
            some_load().await;
            let index = round % 2;
            let (killed, _) = starters[index].take().unwrap();
            killed.kill();
            let (process, address) = start(&deployment, "starter");
            doors.lock().unwrap()[index].clone_from(&address);
            starters[index] = Some((process, address));
        }
        some_load().await;
        enough.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(callers(&doors, &path, &enough), killing);
    assert!(answers.iter().all(|answer| answer.contains(r#""class":1"#)), "no default among the answers");
    each_has_one_result(&observer, answers.len()).await;

    // Whoever asks once more, anywhere, gets what he got.
    let addresses = doors.lock().unwrap().clone();
    for (name, answer) in answers.iter().enumerate().step_by(10) {
        for address in &addresses {
            let door = Arc::new(Mutex::new(vec![address.clone()]));
            let again = ask_until_answered(Client::new(), door, path.clone(), name.to_string()).await;
            assert_eq!(again, *answer, "request {name}");
        }
    }
    each_has_one_result(&observer, answers.len()).await;
    watching.cancel();
    for (process, _) in starters.into_iter().flatten() {
        stop(process, "the starter");
    }
    stop_all(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_a_killed_starter_had_in_hand_are_asked_under_the_same_name() {
    const INPUTS: usize = 2_000;
    let deployment = Deployment::new(POLICY).await;
    let others = ["collector", "executors"].map(|name| deployment.run(name).0);
    let (observer, watching) = deployment.observe().await;
    let (mut starter, _) = deployment.run("starter");
    let bus = bus(&deployment);
    let topics = topics(&deployment);
    let producer = bus.producer(&[&topics.inputs]).await.unwrap();
    let partitions = bus.partitions(&topics.inputs).await.unwrap();
    let writing = async {
        for number in 0..INPUTS {
            let to = TopicPartition::new(&topics.inputs, i32::try_from(number).unwrap() % partitions);
            let record = Record { payload: Some(BODY.into()), ..Record::default() };
            producer.send(&to, record, Box::new(|outcome| assert!(outcome.is_ok(), "{outcome:?}"))).unwrap();
            if number % 10 == 0 {
                tokio::time::sleep(PACE).await;
            }
        }
    };
    let killing = async {
        for round in 1..=3 {
            let some = observer.until(|observed| observed.results.len() >= INPUTS / 5 * round);
            timeout(PATIENCE, some).await.expect("inputs are answered");
            let next = start(&deployment, "starter").0;
            std::mem::replace(&mut starter, next).kill();
        }
    };
    tokio::join!(writing, killing);
    each_has_one_result(&observer, INPUTS).await;
    stop(starter, "the starter");

    let written = requests(&bus, &topics).await;
    let names: HashSet<_> = written.iter().collect();
    eprintln!("{} requests were written for {INPUTS} inputs", written.len());
    assert_eq!(names.len(), INPUTS, "each input has one name");
    each_has_one_result(&observer, INPUTS).await;
    watching.cancel();
    stop_all(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_starter_that_is_told_to_stop_answers_everybody_whom_it_accepted() {
    let deployment = Deployment::new(POLICY).await;
    let others = ["collector", "executors"].map(|name| deployment.run(name).0);
    let (observer, watching) = deployment.observe().await;
    let (leaving, address) = deployment.run("starter");
    let (staying, other) = deployment.run("starter");
    let path = infer(&deployment);
    // Each on a connection of his own: that it is refused is how a caller learns that he was not accepted.
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let enough = AtomicBool::new(false);
    let asking = async {
        let mut asked = JoinSet::new();
        while !enough.load(Ordering::Relaxed) {
            let request = client.post(format!("http://{address}{path}")).body(BODY).timeout(PATIENCE);
            asked.spawn(async move { request.send().await.ok().map(|response| response.status()) });
            tokio::time::sleep(PACE).await;
        }
        asked.join_all().await
    };
    let stopping = async {
        some_load().await;
        stop(leaving, "the starter");
        enough.store(true, Ordering::Relaxed);
    };
    let (statuses, ()) = tokio::join!(asking, stopping);
    let answered = statuses.iter().filter(|status| **status == Some(StatusCode::OK)).count();
    let refused = |status: &Option<StatusCode>| {
        matches!(status, None | Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS))
    };
    assert!(statuses.iter().all(|status| *status == Some(StatusCode::OK) || refused(status)), "{statuses:?}");
    assert_eq!(requests(&bus(&deployment), &topics(&deployment)).await.len(), answered, "accepted is answered");

    let door = Arc::new(Mutex::new(vec![other]));
    ask_until_answered(Client::new(), door, path, "later".to_owned()).await;
    each_has_one_result(&observer, answered + 1).await;
    watching.cancel();
    stop(staying, "the starter");
    stop_all(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_that_are_rolled_under_load_leave_nobody_unheard() {
    let deployment = Deployment::new(POLICY).await;
    let others = ["collector"].map(|name| deployment.run(name).0);
    let (observer, watching) = deployment.observe().await;
    let (mut executors, _) = deployment.run("executors");
    let (starter, address) = deployment.run("starter");
    let (doors, enough): (Doors, _) = (Arc::new(Mutex::new(vec![address])), AtomicBool::new(false));
    let rolling = async {
        for _ in 0..3 {
            some_load().await;
            let next = start(&deployment, "executors").0;
            stop(std::mem::replace(&mut executors, next), "the executors' station");
        }
        // Nobody takes over from the last one: as long as somebody asks, it serves on.
        executors.tell_to_stop();
        some_load().await;
        enough.store(true, Ordering::Relaxed);
    };
    let path = infer(&deployment);
    let (answers, ()) = tokio::join!(callers(&doors, &path, &enough), rolling);
    assert!(answers.iter().all(|answer| answer.contains(r#""class":1"#)), "no default among the answers");
    stop(executors, "the executors' station");
    each_has_one_result(&observer, answers.len()).await;
    let (heard, failures) = observer.look(|observed| observed.responses["calm"]);
    eprintln!("{heard} answers to {} requests, {failures} failures", answers.len());
    assert_eq!(failures, 0);
    watching.cancel();
    stop(starter, "the starter");
    stop_all(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_station_that_is_told_to_stop_drains_within_its_grace_period() {
    let deployment = Deployment::new(POLICY).await;
    let mut stations: Vec<(&str, Process)> =
        ["collector", "executors", "decoy"].map(|name| (name, deployment.run(name).0)).into();
    let (observer, watching) = deployment.observe().await;
    let (leaving, address) = deployment.run("starter");
    let (staying, other) = deployment.run("starter");
    let (doors, enough): (Doors, _) = (Arc::new(Mutex::new(vec![address, other])), AtomicBool::new(false));
    let stopping = async {
        some_load().await;
        stop(leaving, "starter");
        for (name, process) in &mut stations {
            some_load().await;
            let next = start(&deployment, name).0;
            stop(std::mem::replace(process, next), name);
        }
        some_load().await;
        enough.store(true, Ordering::Relaxed);
    };
    let path = infer(&deployment);
    let (answers, ()) = tokio::join!(callers(&doors, &path, &enough), stopping);
    assert!(answers.iter().all(|answer| answer.contains(r#""class":1"#)), "no default among the answers");
    each_has_one_result(&observer, answers.len()).await;
    watching.cancel();
    stop(staying, "starter");
    for (name, process) in stations {
        stop(process, name);
    }
    let written = requests(&bus(&deployment), &topics(&deployment)).await.len();
    let archived = archived(deployment.folder());
    let places: HashSet<_> =
        archived.iter().map(|record| (record.received.partition.clone(), record.received.offset)).collect();
    assert_eq!((places.len(), archived.len()), (written, written), "nothing missing in the archive, nothing doubled");
}

fn bus(deployment: &Deployment) -> KafkaBus {
    KafkaBus::connect(KafkaSettings::new(deployment.brokers())).unwrap()
}

fn topics(deployment: &Deployment) -> Topics {
    Topics::of(&wire::RendezvousName::new(&deployment.name()).unwrap())
}

/// Returns the id of every request that was ever written.
async fn requests(bus: &KafkaBus, topics: &Topics) -> Vec<wire::RequestId> {
    let mut tail = bus.tail().await.unwrap();
    let mut left = HashSet::new();
    for index in 0..bus.partitions(&topics.requests).await.unwrap() {
        let partition = TopicPartition::new(&topics.requests, index);
        let span = bus.span(&partition).await.unwrap();
        if !span.is_empty() {
            tail.start(&partition, StartAt::Beginning).unwrap();
            left.insert((index, span.end - 1));
        }
    }
    let mut ids = Vec::new();
    while !left.is_empty() {
        let Event::Records(records) = timeout(PATIENCE, tail.next()).await.expect("what is there").unwrap() else {
            continue;
        };
        for received in records {
            let Ok(Envelope::Request(request)) = Envelope::decode(&received.record) else { panic!("{received:?}") };
            ids.push(request.id);
            left.remove(&(received.partition.partition, received.offset));
        }
    }
    ids
}
