//! Results as `hedgerow results` prints them: of a running process, and of a real Kafka on which collectors took over
//! from each other.

use std::{
    collections::BTreeSet,
    future::IntoFuture as _,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, KafkaBus, KafkaSettings, TopicPartition};
use bytes::Bytes;
use hedgerow::{app::Role, door::Shelf, results::results_routes};
use serde_json::Value;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{Fencing, Record, RequestId, ResultRecord};

use crate::rendezvous::{AROUND, PATIENCE, Rendezvous, UNARCHIVED};

pub(crate) const QUICK: &str = "
rendezvous: NAME
budget: 30s
input: { features: [x] }
executors:
  one: { constant: { answer: { class: 1 } } }
decide:
  - first:
    until: 30s
  - default: { class: unknown }
";

/// Serves the door to the results; returns where.
pub(crate) async fn door(rendezvous: &Rendezvous, stop: &CancellationToken) -> String {
    let versions = rendezvous.app.versions.clone();
    let ours = rendezvous.app.definition().name().clone();
    let shelf: Shelf = Arc::new(move |name| (*name == ours).then(|| Arc::clone(&versions.borrow())));
    let (bus, clock) = (Arc::clone(&rendezvous.app.bus), rendezvous.app.clock.clone());
    let routes = results_routes(bus, clock, shelf, stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, routes).into_future());
    format!("http://{address}")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.arg("results").args(arguments).env("NO_COLOR", "1").env_remove("BROKERS").env("RUST_LOG", "warn");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `hedgerow results`; returns its exit code and what it printed and said.
async fn results(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = command(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn json(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn words<'a>(lines: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    lines.iter().filter_map(|line| line[field].as_str()).collect()
}

/// A follower's lines, as they come; the process is killed when it goes out of scope.
struct Follower {
    process: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Follower {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments).spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for its end; returns its exit code.
    fn end(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_tells_its_results_and_those_to_come() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, QUICK, &UNARCHIVED).await;
    let stop = CancellationToken::new();
    let (at, name) = (door(&rendezvous, &stop).await, rendezvous.app.definition().name().to_string());
    let (code, printed, said) = results(&[&name, "--at", &at]).await;
    assert_eq!((code, printed.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("there is no result of") && said.contains("--since"), "{said}");

    let asked = rendezvous.ask_all(&["{\"x\": 1}".to_owned(), "{\"x\": 2}".to_owned(), "{\"x\": 3}".to_owned()]).await;
    let (code, printed, _) = results(&[&name, "--at", &at, "--json"]).await;
    let lines = json(&printed);
    let ids: BTreeSet<String> = asked.iter().map(|answered| answered.id.to_string()).collect();
    assert_eq!((code, words(&lines, "request")), (Some(0), ids.iter().map(String::as_str).collect()));
    assert!(lines.iter().all(|line| line["is"] == "valid" && line["answer"]["class"] == 1), "{printed}");
    let (code, printed, _) = results(&[&name, "--at", &at, "--limit", "2", "--from-beginning"]).await;
    assert!(code == Some(0) && printed.lines().count() == 2, "{printed}");
    assert!(printed.lines().all(|line| line.contains("  prediction  {\"class\":1}  first, ")), "{printed}");

    let (follows, interrupted) = ([&*name, "--at", &at, "--follow", "--json"], Follower::start);
    let mut follower = interrupted(&follows);
    for _ in 0..3 {
        assert!(ids.contains(json(&follower.next())[0]["request"].as_str().unwrap()));
    }
    let later = rendezvous.ask("{\"x\": 4}").await.unwrap().id.to_string();
    assert_eq!(json(&follower.next())[0]["request"], *later);
    // A process that stops lets its followers go.
    stop.cancel();
    assert_eq!(follower.end(), Some(0));

    let (code, _, said) = results(&["nobody", "--at", &at]).await;
    assert_eq!((code, said.as_str()), (Some(1), "error: there is no rendezvous `nobody` here\n"));
    rendezvous.stop().await;
}

async fn put(rendezvous: &Rendezvous, partition: i32, record: Record) {
    let topic = rendezvous.topics().results;
    let producer = rendezvous.app.bus.producer(&[&topic]).await.unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let told = Box::new(move |outcome| drop(sender.send(outcome)));
    producer.send(&TopicPartition::new(&topic, partition), record, told).unwrap();
    timeout(PATIENCE, receiver).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn across_a_take_over_on_a_real_kafka_each_result_is_printed_once() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
    let rendezvous = Rendezvous::start(bus, Clock::system(), QUICK, &AROUND).await;
    let name = rendezvous.app.definition().name().to_string();
    let before = rendezvous.another(Role::Collector).await;
    let first = rendezvous.ask("{\"x\": 1}").await.unwrap().result;
    before.stop().await.unwrap();
    let after = rendezvous.another(Role::Collector).await;
    let second = rendezvous.ask("{\"x\": 2}").await.unwrap().result;

    // What the one before has still on its way, a stranger's record, and a retry of the one after.
    let home = |id: RequestId| id.partition(rendezvous.app.partitions);
    let zombie = ResultRecord { body: Bytes::from_static(b"{}"), ..first.clone() };
    put(&rendezvous, home(first.request), zombie.encode()).await;
    let stranger = Fencing { epoch: 0, instance: Uuid::nil() };
    put(&rendezvous, home(second.request), ResultRecord { fencing: stranger, ..second.clone() }.encode()).await;
    put(&rendezvous, home(second.request), second.encode()).await;
    put(&rendezvous, 0, Record { payload: Some(Bytes::from_static(b"\xff")), ..Record::default() }).await;

    let on_kafka = [&*name, "--brokers", brokers, "--json"];
    let (code, printed, said) = results(&on_kafka).await;
    let lines = json(&printed);
    assert_eq!((code, lines.len()), (Some(0), 2), "{printed}{said}");
    let ids = [first.request.to_string(), second.request.to_string()];
    assert_eq!(words(&lines, "request"), ids.iter().map(String::as_str).collect());

    let (code, printed, _) = results(&[&on_kafka[..], &["--all", "--from-beginning"]].concat()).await;
    let lines = json(&printed);
    assert_eq!((code, words(&lines, "is")), (Some(0), ["valid", "repeat", "void", "fence", "garbage"].into()));
    let count = |is: &str| lines.iter().filter(|line| line["is"] == is).count();
    assert_eq!((count("valid"), count("void"), count("repeat"), count("garbage")), (2, 2, 1, 1), "{printed}");
    let partitions = usize::try_from(rendezvous.app.partitions).unwrap();
    assert_eq!(count("fence"), 2 * partitions, "each collector took each partition over: {printed}");

    // Whoever has seen enough goes away; and whoever follows ends it with Ctrl-C.
    let mut unread = command(&on_kafka).spawn().unwrap();
    drop(unread.stdout.take());
    let output = tokio::task::spawn_blocking(move || unread.wait_with_output().unwrap()).await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
    let mut follower = Follower::start(&[&on_kafka[..], &["--follow"]].concat());
    assert!([follower.next(), follower.next()].iter().all(|line| ids.iter().any(|id| line.contains(id))));
    let interrupt = Command::new("kill").args(["-INT", &follower.process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(follower.end(), Some(0));

    let (code, _, said) = results(&["nobody", "--brokers", brokers]).await;
    assert!(code == Some(1) && said.ends_with(": there is no topic nobody.results\n"), "{said}");
    after.stop().await.unwrap();
    rendezvous.stop().await;
}

/// Events as they come.
pub(crate) struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub(crate) async fn of(url: &str, last: Option<&str>) -> Self {
        let request = reqwest::Client::new().get(url);
        let request = if let Some(last) = last { request.header("last-event-id", last) } else { request };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// Returns the next event's name, data and id; those without data have no name.
    pub(crate) async fn next(&mut self) -> (String, Value, String) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_default().to_owned()
                };
                let (name, data, id) = (field("event"), field("data"), field("id"));
                self.text = rest.to_string();
                return (name, serde_json::from_str(&data).unwrap_or_default(), id);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Returns the requests of the next `count` results, and where they end.
    async fn results(&mut self, count: usize) -> (BTreeSet<String>, String) {
        let (mut requests, mut place) = (BTreeSet::new(), String::new());
        while requests.len() < count || place.is_empty() {
            let (name, data, id) = self.next().await;
            match name.as_str() {
                "result" => {
                    requests.insert(data["request"].as_str().unwrap().to_owned());
                    place.clear();
                }
                _ => place = id,
            }
        }
        (requests, place)
    }
}

pub(crate) fn ids(asked: &[starter::Answered]) -> BTreeSet<String> {
    asked.iter().map(|answered| answered.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_told_of_results_as_they_come_and_goes_on_where_it_ended() {
    let clock = Clock::system();
    let rendezvous = Rendezvous::start(EmbeddedBus::new(clock.clone()), clock, QUICK, &UNARCHIVED).await;
    let stop = CancellationToken::new();
    let (at, name) = (door(&rendezvous, &stop).await, rendezvous.app.definition().name().to_string());
    let url = format!("{at}/api/v1/rendezvous/{name}/results");
    rendezvous.ask_all(&["{\"x\": 0}".to_owned()]).await;
    let mut events = Events::of(&url, None).await;
    let asked = rendezvous.ask_all(&["{\"x\": 1}".to_owned(), "{\"x\": 2}".to_owned()]).await;
    let (told, place) = events.results(2).await;
    assert_eq!(told, ids(&asked), "those of before are not told");
    drop(events);
    let missed = rendezvous.ask_all(&["{\"x\": 3}".to_owned()]).await;
    let mut events = Events::of(&url, Some(&place)).await;
    assert_eq!(events.results(1).await.0, ids(&missed), "what came meanwhile is told, and nothing again");
    let mut defaults = Events::of(&format!("{url}?kind=default&since_s=600"), None).await;
    let (name, _, id) = defaults.next().await;
    assert_eq!(name, "", "nobody was answered by default");
    assert!(id.contains(":0."), "{id}");
    let refused = async |url: &str, last: &str| {
        let answer = reqwest::Client::new().get(url).header("last-event-id", last).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["error"].as_str().unwrap().to_owned())
    };
    let (status, sentence) = refused(&url, "seven").await;
    assert_eq!((status, sentence.contains("Last-Event-ID")), (400, true), "{sentence}");
    assert_eq!(refused(&format!("{url}?kind=guess"), &place).await.0, 400);
    assert_eq!(refused(&url.replace(&*rendezvous.app.definition().name().to_string(), "nobody"), &place).await.0, 404);
    stop.cancel();
    while let Ok(Some(_)) = timeout(PATIENCE, events.response.chunk()).await.unwrap() {}
    rendezvous.stop().await;
}
