//! The house on the embedded bus; and the executor on a real Kafka, killed again and again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use broker::Broker;
use bus::{Bus, Clock, EmbeddedBus, Event, KafkaBus, KafkaSettings, Producer, Received, StartAt, TopicPartition};
use bytes::Bytes;
use hedgerow::app::{self, App, Role, Running};
use hedgerow_heater::{
    Setting, Stands, Switch, decide,
    house::{FIRST, House, LATER, ROOMS},
    kinds,
};
use keyed::Kept;
use prometheus_client::registry::Registry;
use starter::{AdmissionKind, Limits, RawInput};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::{Envelope, Record, Topics};

/// Generous: it bounds a test that has failed, never one that passes.
const PATIENCE: Duration = Duration::from_secs(90);

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("heater.yaml")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heaters_are_told_what_changes_and_nothing_else_whatever_is_restarted_and_set() {
    let mut house = House::open(EmbeddedBus::new(Clock::system()), &policy()).await.unwrap();
    for (room, _) in ROOMS {
        house.set(room, &FIRST).await.unwrap();
    }
    let mut told = Vec::new();
    for minute in 1..=240 {
        if minute % 40 == 0 {
            house = house.restart().await.unwrap();
        }
        if minute == 160 {
            house.set("nursery", &LATER).await.unwrap();
        }
        told.extend(house.minute().await.unwrap());
    }
    for (room, _) in ROOMS {
        let of_room: Vec<_> = told.iter().filter(|told| told.room == room).collect();
        assert!(of_room.len() >= 4, "{room}: {of_room:?}");
        assert_eq!(of_room[0].heater, Switch::On, "it is cold at first");
        for pair in of_room.windows(2) {
            assert_ne!(pair[0].heater, pair[1].heater, "{pair:?}");
        }
    }
    let warm = |name: &str| house.rooms()[name].temperature;
    assert!((19.0..21.0).contains(&warm("hall")) && (21.4..22.8).contains(&warm("nursery")), "{:?}", house.rooms());
    assert!(told.iter().any(|told| told.room == "nursery" && (told.desired - 22.0).abs() < 1e-9));
    house.close().await.unwrap();
}

/// The heater command, as a process; killed when it goes out of scope.
struct Process(Child);

impl Process {
    /// Starts the executor alone; returns when it says that it serves.
    fn start(brokers: &str, policy: &Path, data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heater"));
        command.args(["run", "executors"]).arg(policy).args([
            "--brokers",
            brokers,
            "--partitions",
            "2",
            "--listen",
            "127.0.0.1:0",
            "--data",
        ]);
        let child = command.arg(data).env("NO_COLOR", "1").stderr(Stdio::piped()).spawn().unwrap();
        let mut process = Self(child);
        let lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("heater: {line}");
                // The test may have heard enough.
                let _ = sender.send(line);
            }
        });
        while !said.recv_timeout(PATIENCE).expect("it says that it is ready").contains("ready on") {}
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, and then the test has failed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A rendezvous on Kafka whose executor is elsewhere.
struct Around {
    app: App,
    running: Running,
    producer: Arc<dyn Producer>,
    settings: String,
    commands: String,
    _follower: control::Follower,
}

const SENSORS: [&str; 5] = ["hall", "kitchen", "nursery", "attic", "cellar"];

impl Around {
    async fn open(brokers: &str, policy: &Path, name: &str) -> Self {
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(brokers)).unwrap());
        let (clock, stop) = (Clock::system(), CancellationToken::new());
        let (definition, models) = app::load(policy).unwrap();
        let follower = app::follow(&bus, &clock, &mut Registry::default(), &stop, std::future::ready(())).await;
        let follower = follower.unwrap().unwrap();
        let versions = follower.ensure_first(&definition, "a test", "test").await.unwrap();
        let limits = Limits { admission: AdmissionKind::Fixed, ..Limits::default() };
        let of = App::new(bus, clock, versions, follower.models(), 2);
        let app = App { models, data: std::env::temp_dir(), limits, kinds: kinds(), ..of };
        let running = app.start(&[Role::Collector, Role::Starter], &mut Registry::default()).await.unwrap();
        let (settings, commands) = (format!("{name}.settings"), format!("{name}.commands"));
        let spec = bus::TopicSpec { name: settings.clone(), partitions: 1, retention: None, compacted: true };
        app.bus.create_topics(&[spec]).await.unwrap();
        let producer = app.bus.producer(&[&settings]).await.unwrap();
        Self { app, running, producer, settings, commands, _follower: follower }
    }

    async fn set(&self, sensor: &str, setting: &Setting) {
        let record = Record {
            key: Some(sensor.to_owned().into()),
            payload: Some(serde_json::to_vec(setting).unwrap().into()),
            ..Record::default()
        };
        let (told, taken) = tokio::sync::oneshot::channel();
        let acknowledge = Box::new(move |outcome| drop(told.send(outcome)));
        self.producer.send(&TopicPartition::new(&self.settings, 0), record, acknowledge).unwrap();
        timeout(PATIENCE, taken).await.unwrap().unwrap().unwrap();
    }

    /// Sends a reading of every sensor. What is answered while nobody serves is a default, and the reading counts all the same.
    async fn read(&self, temperatures: impl Fn(usize) -> f64) {
        let starter = self.running.starter.as_ref().unwrap();
        let asked = SENSORS.iter().enumerate().map(|(index, sensor)| {
            let attributes = vec![("sensor".to_owned(), Bytes::from_static(sensor.as_bytes()))];
            let body = format!("{{\"temperature\":{}}}", temperatures(index)).into();
            starter.ask(RawInput { body, attributes, ..RawInput::default() })
        });
        for answered in futures::future::join_all(asked).await {
            answered.unwrap();
        }
    }

    /// Reads `count` records of `topic`, partition by partition in their order.
    async fn records(&self, topic: &str, count: usize) -> Vec<Received> {
        let mut tail = self.app.bus.tail().await.unwrap();
        for partition in 0..self.app.bus.partitions(topic).await.unwrap() {
            tail.start(&TopicPartition::new(topic, partition), StartAt::Beginning).unwrap();
        }
        let mut all = Vec::new();
        while all.len() < count {
            let event = timeout(PATIENCE, tail.next()).await;
            let Event::Records(records) =
                event.unwrap_or_else(|_| panic!("{} of {count} in {topic}", all.len())).unwrap()
            else {
                continue;
            };
            all.extend(records);
        }
        all
    }
}

/// What every request of the log leads to: the commands about each sensor, in order, and how it stands in the end.
fn fold(requests: &[Received], setting: &Setting) -> BTreeMap<String, (Vec<Switch>, Switch)> {
    let mut folded: BTreeMap<String, (Vec<Switch>, Switch)> = BTreeMap::new();
    for received in requests {
        let Ok(Envelope::Request(request)) = Envelope::decode(&received.record) else { panic!("{received:?}") };
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let sensor = request.key.unwrap().to_string();
        let before = folded.get(&sensor).map(|(_, stands)| *stands);
        let heater = decide(body["temperature"].as_f64().unwrap(), setting, before);
        let (commands, stands) = folded.entry(sensor).or_insert((Vec::new(), heater));
        if before != Some(heater) {
            commands.push(heater);
        }
        *stands = heater;
    }
    folded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_on_kafka_it_takes_every_reading_into_account_once() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let folder = TempDir::new().unwrap();
    let name = format!("heater-{}", std::process::id());
    let text = std::fs::read_to_string(policy()).unwrap();
    let text = text
        .replace("rendezvous: heater", &format!("rendezvous: {name}"))
        .replace("heater.settings", &format!("{name}.settings"));
    let file = folder.path().join("heater.yaml");
    std::fs::write(&file, text.replace("heater.commands", &format!("{name}.commands"))).unwrap();

    let around = Around::open(brokers, &file, &name).await;
    for sensor in SENSORS {
        around.set(sensor, &FIRST).await;
    }
    // Up and down about what is wanted, each sensor in a rhythm of its own.
    let temperature = |round: usize, sensor: usize| {
        let phase = (round * (sensor + 2)) % 24;
        18.0 + f64::from(u8::try_from(phase.min(24 - phase)).unwrap()) / 3.0
    };
    let mut rounds = 0;
    for _ in 0..3 {
        let process = Process::start(brokers, &file, folder.path());
        for _ in 0..40 {
            around.read(|sensor| temperature(rounds, sensor)).await;
            rounds += 1;
        }
        // As `kill -9` does, with readings in hand; and others come while nobody serves.
        let killing = async { tokio::task::spawn_blocking(move || drop(process)).await.unwrap() };
        tokio::join!(around.read(|sensor| temperature(rounds, sensor)), killing);
        around.read(|sensor| temperature(rounds + 1, sensor)).await;
        rounds += 2;
    }
    let last = Process::start(brokers, &file, folder.path());
    // Everybody is told something in the end, so that nothing superfluous can lie behind what is read.
    for extreme in [10.0, 30.0] {
        around.read(|_| extreme).await;
        rounds += 1;
    }

    let readings = rounds * SENSORS.len();
    let topics = Topics::of(around.app.definition().name());
    let requests = around.records(&topics.requests, readings).await;
    let expected = fold(&requests, &FIRST);
    let executor = &around.app.definition().executors[0].id;
    let kept = around.records(&topics.state(executor), readings).await;
    let mut numbers: BTreeMap<i32, u64> = BTreeMap::new();
    let mut stands: BTreeMap<String, Switch> = BTreeMap::new();
    for received in &kept {
        let kept = Kept::decode(&received.record).unwrap();
        let number = numbers.entry(received.partition.partition).or_default();
        *number += 1;
        assert_eq!(kept.number, *number, "each reading is in the state once");
        let state: Stands = serde_json::from_slice(kept.state.as_ref().unwrap()).unwrap();
        stands.insert(kept.key.unwrap(), state.heater);
    }
    assert_eq!(stands, expected.iter().map(|(sensor, (_, stands))| (sensor.clone(), *stands)).collect());

    let count = expected.values().map(|(commands, _)| commands.len()).sum();
    let mut commands: BTreeMap<String, Vec<Switch>> = BTreeMap::new();
    for received in around.records(&around.commands, count).await {
        let command: serde_json::Value = serde_json::from_slice(&received.record.payload.unwrap()).unwrap();
        let sensor = String::from_utf8(received.record.key.unwrap().to_vec()).unwrap();
        commands.entry(sensor).or_default().push(serde_json::from_value(command["heater"].clone()).unwrap());
    }
    assert!(count >= 5 * SENSORS.len(), "{count} commands prove little");
    assert_eq!(commands, expected.into_iter().map(|(sensor, (commands, _))| (sensor, commands)).collect());

    // What is set counts without a restart, for the next reading that comes after it was read.
    around.set("hall", &LATER).await;
    let starter = around.running.starter.as_ref().unwrap();
    let turned = async {
        loop {
            let attributes = vec![("sensor".to_owned(), Bytes::from_static(b"hall"))];
            let body = "{\"temperature\":21.0}".into();
            let answered = starter.ask(RawInput { body, attributes, ..RawInput::default() }).await.unwrap();
            let result: serde_json::Value = serde_json::from_slice(&answered.result.body).unwrap();
            if result["answer"]["heater"] == "on" {
                return;
            }
        }
    };
    timeout(PATIENCE, turned).await.expect("21° is too cold where 22° is wanted");
    drop(last);
    around.running.stop().await.unwrap();
}
