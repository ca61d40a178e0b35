//! The command itself, as processes, on a real Kafka: started, killed, started again.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use broker::Broker;
use bus::{Bus, Clock, KafkaBus, KafkaSettings};
use hedgerow::{app, observer::Observer};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{cases, rendezvous::PATIENCE};

/// A policy in a folder of its own, and the processes that serve it.
pub(crate) struct Deployment {
    pub(crate) brokers: String,
    folder: TempDir,
    pub(crate) policy: PathBuf,
}

/// A `hedgerow` process, killed when it goes out of scope.
pub(crate) struct Process(Child);

// === impl Deployment ===

impl Deployment {
    pub(crate) async fn new(policy: &str) -> Self {
        let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
        Self::on(brokers.to_owned(), policy)
    }

    fn on(brokers: String, policy: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("p{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = TempDir::new().unwrap();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wine/models");
        let text = policy.replace("NAME", &name).replace("../examples/wine/models", &models.display().to_string());
        let path = folder.path().join("policy.yaml");
        std::fs::write(&path, text).unwrap();
        Self { brokers, folder, policy: path }
    }

    /// The same without a broker: for a process that runs everything.
    pub(crate) fn alone(policy: &str) -> Self {
        Self::on(String::new(), policy)
    }

    /// Starts `hedgerow up` without a broker; returns once it says that it is ready, with the address it listens on.
    pub(crate) fn up(&self, options: &[&str]) -> (Process, String) {
        let (process, lines) = self.spawn("up", &["up"], options);
        (process, heard(&lines, "at http://"))
    }

    /// Starts `hedgerow run STATION`, and returns once it says that it is ready, with the address it listens on.
    pub(crate) fn run(&self, station: &str) -> (Process, String) {
        let (process, lines) = self.start(station);
        (process, heard(&lines, "at http://"))
    }

    /// The same, with more options.
    pub(crate) fn run_with(&self, station: &str, options: &[&str]) -> (Process, String) {
        let options = [&["--brokers", &self.brokers], options].concat();
        let (process, lines) = self.spawn(station, &["run", station], &options);
        (process, heard(&lines, "at http://"))
    }

    /// Starts `hedgerow run STATION`, and returns what it says, line by line.
    fn start(&self, station: &str) -> (Process, mpsc::Receiver<String>) {
        self.spawn(station, &["run", station], &["--brokers", &self.brokers])
    }

    fn spawn(&self, name: &str, command: &[&str], options: &[&str]) -> (Process, mpsc::Receiver<String>) {
        let mut spawned = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
        spawned
            .args(command)
            .arg(&self.policy)
            .args(options)
            .args(["--listen", "127.0.0.1:0", "--data", self.folder.path().to_str().unwrap()])
            .env("NO_COLOR", "1")
            .env_remove("BROKERS")
            .stderr(Stdio::piped());
        let mut child = spawned.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let process = Process(child);
        let (sender, said) = mpsc::channel();
        let station = name.to_owned();
        // Reads on, whoever listens: a full pipe would stop the process.
        thread::spawn(move || {
            for line in lines {
                eprintln!("{station}: {line}");
                // The test may have heard enough.
                let _ = sender.send(line);
            }
        });
        (process, said)
    }

    /// Makes the file, with `before` replaced by `after`, the next version; the file stays as it is.
    fn apply(&self, before: &str, after: &str) {
        let edited = self.folder.path().join("edited.yaml");
        let text = std::fs::read_to_string(&self.policy).unwrap();
        assert!(text.contains(before), "{text}");
        std::fs::write(&edited, text.replace(before, after)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
        command.args(["apply", edited.to_str().unwrap(), "--brokers", &self.brokers, "--author", "a test"]);
        let applied = command.output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }

    pub(crate) async fn observe(&self) -> (Observer, CancellationToken) {
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(KafkaSettings::new(&self.brokers)).unwrap());
        let (definition, _) = app::load(&self.policy).unwrap();
        let stop = CancellationToken::new();
        (Observer::start(&bus, &definition, Clock::system().now(), stop.clone()).await.unwrap(), stop)
    }

    pub(crate) fn name(&self) -> String {
        app::load(&self.policy).unwrap().0.name().to_string()
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Returns the folder that archives are written under.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Waits for a line with `words`, and returns what stands behind them.
fn heard(lines: &mpsc::Receiver<String>, words: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said `{words}`"));
        if let Some((_, rest)) = line.split_once(words) {
            return rest.trim().to_owned();
        }
    }
}

// === impl Process ===

impl Process {
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop as a supervisor would, and returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.tell_to_stop();
        self.0.wait().unwrap().code()
    }

    /// Asks it to stop and kills it if it has not within `grace`, as a supervisor would; returns its exit code, or `None`
    /// if it had to be killed.
    pub(crate) fn terminate_within(self, grace: Duration) -> Option<i32> {
        self.tell_to_stop();
        self.ends_within(grace)
    }

    fn ends_within(mut self, grace: Duration) -> Option<i32> {
        let until = Instant::now() + grace;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Asks it to stop.
    pub(crate) fn tell_to_stop(&self) {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_station_finds_the_live_version_and_not_its_file() {
    let deployment = Deployment::new(cases::ARCHIVED).await;
    let stations = ["collector", "executors", "decoy", "starter"];
    let first = stations.map(|name| deployment.run(name).0);
    deployment.apply("answer: { class: 1 }", "answer: { class: 2 }");
    first.into_iter().for_each(Process::kill);

    let mut address = String::new();
    let again = stations.map(|name| {
        let (process, lines) = deployment.start(name);
        heard(&lines, "serves version 2 of its policy");
        address = heard(&lines, "at http://");
        process
    });
    let url = format!("http://{address}/v2/models/{}/infer", deployment.name());
    let answered = reqwest::Client::new().post(&url).body(r#"{"x": 1}"#).timeout(PATIENCE).send().await.unwrap();
    assert_eq!(answered.headers()["hedgerow-policy"], format!("{}@2", deployment.name()));
    let body: Value = answered.json().await.unwrap();
    assert!(body.to_string().contains(r#""class":2"#), "{body}");
    for process in again {
        assert_eq!(process.terminate(), Some(0));
    }
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_said_so() {
    let mut broker = Broker::start().unwrap();
    let deployment = Deployment::on(broker.bootstrap(), &cases::wine());
    broker.kill();
    let (collector, lines) = deployment.start("collector");
    let waiting = heard(&lines, "waiting for ");
    assert!(waiting.contains(&deployment.brokers) && waiting.contains("since"), "{waiting}");
    broker.restart().unwrap();
    heard(&lines, "answers after");
    heard(&lines, "ready on");
    assert_eq!(collector.terminate(), Some(0));
}

/// Whoever is to be waited for is in the process itself: nobody has to wait for five seconds after Ctrl-C.
#[tokio::test(flavor = "multi_thread")]
async fn everything_in_one_process_ends_at_once_when_it_is_interrupted() {
    let deployment = Deployment::new(cases::ARCHIVED).await;
    for options in [&["--brokers", &deployment.brokers][..], &[]] {
        let (process, lines) = deployment.spawn("up", &["up"], options);
        let address = heard(&lines, "at http://");
        let url = format!("http://{address}/v2/models/{}/infer", deployment.name());
        let answered = reqwest::Client::new().post(&url).body(r#"{"x": 1}"#).timeout(PATIENCE).send().await.unwrap();
        assert!(answered.status().is_success(), "{answered:?}");
        process.signal("INT");
        // A collector that waits for a successor, and executors that do, take longer.
        let code = tokio::task::block_in_place(|| process.ends_within(Duration::from_secs(4)));
        assert_eq!(code, Some(0), "over {options:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_through_the_demo_are_ten_thousand_results_on_kafka() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let summary = demo(&["--rate", "1000", "--brokers", brokers]).await;
    assert_counts(&summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_through_the_demo_are_ten_thousand_results_embedded() {
    assert_counts(&demo(&["--rate", "2000"]).await);
}

async fn demo(arguments: &[&str]) -> Value {
    let empty = TempDir::new().unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_hedgerow"))
        .args(["demo", "--requests", "10000", "--json"])
        .args(arguments)
        .current_dir(empty.path())
        .output()
        .await
        .unwrap();
    let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_counts(summary: &Value) {
    for (field, expected) in [("requests", 10_000), ("results", 10_000), ("missing", 0), ("second", 0)] {
        assert_eq!(summary[field], expected, "{summary}");
    }
    let agreement = summary["canary_agreement"].as_f64().unwrap();
    assert!(agreement > 0.5, "{summary}");
    let decided: u64 = summary["decided_by"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(decided, 10_000, "{summary}");
    for field in ["within_budget_share", "p50_ms", "p99_ms"] {
        assert!(summary[field].is_number(), "{summary}");
    }
}
