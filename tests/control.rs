//! Policies are changed from the command line while they run: through the door of a process, and over a real Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "control/canary.rs"]
mod canary_acts;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use broker::Broker;
use bus::{Clock, EmbeddedBus};
use control::{Access, Follower, door};
use policies::{Definition, History};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use wire::RendezvousName;

const PATIENCE: Duration = Duration::from_mins(1);

/// A file that is edited, and where its policy runs.
struct Desk {
    folder: TempDir,
    /// `--at` or `--brokers`, and what stands behind.
    place: [String; 2],
}

/// A policy in a process of its own bus, with its door.
struct Process {
    desk: Desk,
    follower: Follower,
}

fn text(name: &str, budget_ms: u64) -> String {
    format!(
        "rendezvous: {name}
budget: {budget_ms}ms
input: {{ features: [alcohol] }}
answer: {{ value: class }}
executors:
  echo: {{ echo: {{}} }}
decide:
  - first: any
    until: {budget_ms}ms
  - default: {{ class: unknown }}
examples:
  - name: silence
    heard: {{}}
    expect: {{ decided_by: default }}
"
    )
}

// === impl Desk ===

impl Desk {
    fn new(name: &str, place: [String; 2]) -> Self {
        let desk = Self { folder: TempDir::new().unwrap(), place };
        desk.save(&text(name, 50));
        desk
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("wine.yaml")
    }

    fn save(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
        command.args(arguments).args(&self.place).current_dir(self.folder.path());
        command.env("NO_COLOR", "1").env("USER", "ada").env_remove("BROKERS").env_remove("HEDGEROW_AT");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that is to end with `code`, and returns what it said, on stdout and on stderr.
    fn says(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let Output { status, stdout, stderr } = self.run(arguments);
        let (said, erred) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert_eq!(status.code(), Some(code), "{arguments:?}\n{said}\n{erred}");
        (said, erred)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.run(arguments).stdout).unwrap()
    }
}

// === impl Process ===

impl Process {
    async fn start() -> Self {
        Self::serving(&Definition::parse("wine.yaml", &text("wine", 50)).unwrap(), axum::Router::new()).await
    }

    /// Serves `first`, and more beside its door.
    async fn serving(first: &Definition, beside: axum::Router) -> Self {
        let bus = EmbeddedBus::new(Clock::system());
        let follower = Follower::start(bus, Clock::system(), Arc::default(), CancellationToken::new()).await.unwrap();
        follower.ensure_first(first, "ada", "wine.yaml").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let router = door::router(follower.clone(), Access::Loopback).merge(beside);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { desk: Desk::new("wine", ["--at".to_owned(), at]), follower }
    }

    fn history(&self) -> watch::Receiver<History> {
        self.follower.history(&RendezvousName::new("wine").unwrap()).unwrap()
    }

    fn live(&self) -> u64 {
        self.history().borrow().live().unwrap().policy_ref.version
    }
}

/// Instants are what they are.
fn timeless(text: &str) -> String {
    let year = text.find('-').and_then(|dash| dash.checked_sub(4)).filter(|start| text.is_char_boundary(*start));
    match year.and_then(|start| Some((start, text.get(start..start + 20)?))) {
        Some((start, at)) if at.ends_with('Z') && at.contains('T') => {
            format!("{}an instant{}", &text[..start], timeless(&text[start + 20..]))
        }
        Some((start, _)) => format!("{}{}", &text[..start + 5], timeless(&text[start + 5..])),
        None => text.to_owned(),
    }
}

#[test]
fn help_shows_how_policies_are_changed() {
    let desk = Desk::new("wine", ["--at".to_owned(), "http://127.0.0.1:1".to_owned()]);
    for command in ["apply", "rollback", "approve", "promote", "withdraw", "policies"] {
        insta::assert_snapshot!(format!("help_{command}"), desk.says(0, &[command, "--help"]).0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_checked_shown_and_live_without_a_restart() {
    let process = Process::start().await;
    let desk = &process.desk;
    desk.save(&text("wine", 40));
    let (dry, _) = desk.says(0, &["apply", "wine.yaml", "--dry-run"]);
    assert_eq!(process.live(), 1, "{dry}");
    let (said, erred) = desk.says(0, &["apply", "wine.yaml", "-m", "faster"]);
    insta::assert_snapshot!("apply", timeless(&said));
    assert_eq!((erred.as_str(), process.live()), ("", 2));
    let (again, _) = desk.says(0, &["apply", "wine.yaml"]);
    assert!(again.contains("version 2 says so already") && process.live() == 2, "{again}");
    let entry = process.history().borrow().entry(2).unwrap().clone();
    assert_eq!((entry.author.as_str(), entry.message.as_str()), ("ada", "faster"));
    assert_eq!(desk.says(0, &["policies", "wine", "--show", "1"]).0, text("wine", 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_edit_with_an_error_changes_nothing_and_names_file_line_column_and_hint() {
    let process = Process::start().await;
    let desk = &process.desk;
    desk.save(&text("wine", 40).replace("- first: any", "- frist: any"));
    let (_, erred) = desk.says(2, &["apply", "wine.yaml"]);
    assert!(erred.contains("wine.yaml:8:5") && erred.contains("hint: did you mean `first`?"), "{erred}");
    desk.save(&text("wine", 40).replace("decided_by: default", "decided_by: first"));
    let (_, erred) = desk.says(2, &["apply", "wine.yaml"]);
    assert!(erred.contains("silence") && erred.contains("decided_by  first     default"), "{erred}");
    assert_eq!(process.history().borrow().newest(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_is_told_what_changed_meanwhile() {
    let process = Process::start().await;
    let desk = &process.desk;
    desk.save(&text("wine", 40));
    desk.says(0, &["apply", "wine.yaml", "--expect", "1", "--author", "bob", "-m", "faster"]);
    desk.save(&text("wine", 30));
    let (said, erred) = desk.says(3, &["apply", "wine.yaml", "--expect", "1"]);
    assert!(said.contains("compared with version 2"), "{said}");
    insta::assert_snapshot!("conflict", timeless(&erred));
    let json = desk.json(&["apply", "wine.yaml", "--expect", "1", "--json"]);
    assert_eq!(
        (&json["outcome"], &json["why"], &json["since"][0]["author"]),
        (&"refused".into(), &"conflict".into(), &"bob".into())
    );
    assert_eq!(process.live(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_with_who_when_why_and_what_is_live() {
    let process = Process::start().await;
    let desk = &process.desk;
    desk.save(&text("wine", 40));
    desk.says(0, &["apply", "wine.yaml", "-m", "faster"]);
    let (said, _) = desk.says(0, &["rollback", "wine", "-m", "too fast"]);
    assert_eq!(said, "wine: version 3 is live\n");
    desk.save(&text("wine", 30));
    let (said, _) = desk.says(0, &["apply", "wine.yaml", "--share", "5%", "-m", "fastest"]);
    assert!(said.ends_with("`hedgerow withdraw wine` ends it\n"), "{said}");
    insta::assert_snapshot!("policies_wine", timeless(&desk.says(0, &["policies", "wine"]).0));
    insta::assert_snapshot!("policies", timeless(&desk.says(0, &["policies"]).0));
    let mut json = desk.json(&["policies", "wine", "--json"]);
    json["versions"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!("policies_json", timeless(&serde_json::to_string_pretty(&json).unwrap()));
    let (said, _) = desk.says(0, &["withdraw", "wine", "--reason", "slower after all"]);
    assert_eq!(said, "wine: version 4 is withdrawn\n");
    let (_, erred) = desk.says(1, &["promote", "wine"]);
    assert!(erred.contains("nothing is on trial"), "{erred}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_others_must_approve_waits_for_them() {
    let process = Process::start().await;
    let desk = &process.desk;
    desk.save(&text("wine", 40).replace("budget", "approvals: 1\nbudget"));
    desk.says(0, &["apply", "wine.yaml"]);
    desk.save(&text("wine", 30));
    let (said, _) = desk.says(0, &["apply", "wine.yaml"]);
    assert!(said.contains("version 3 is proposed; 1 more person must approve it: `hedgerow approve wine`"), "{said}");
    assert_eq!(process.live(), 2);
    let (_, erred) = desk.says(1, &["approve", "wine"]);
    assert!(erred.contains("somebody else must approve it"), "{erred}");
    assert_eq!(desk.says(0, &["approve", "wine", "--author", "bob"]).0, "wine: version 3 is live\n");
    assert!(desk.says(0, &["policies", "wine"]).0.contains("(approved by bob)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_save_is_applied_until_somebody_else_applies() {
    let process = Process::start().await;
    let desk = &process.desk;
    let mut command = desk.command(&["apply", "wine.yaml", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (said, erred) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
    heard(&said, "version 1 says so already");
    desk.save(&text("wine", 40));
    heard(&said, "version 2 is live");
    desk.save("rendezvous: [");
    heard(&erred, "error:");
    desk.save(&text("wine", 30));
    heard(&said, "version 3 is live");
    let (other, _) = desk.says(0, &["rollback", "wine", "--author", "bob"]);
    assert_eq!(other, "wine: version 4 is live\n");
    desk.save(&text("wine", 20));
    heard(&erred, "by bob");
    heard(&erred, "is watched no more");
    assert_eq!(ended(&mut child), Some(3));
    assert_eq!(process.live(), 4);
}

#[test]
fn a_process_takes_edits_on_save_and_through_its_door() {
    let desk = Desk::new("wine", ["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
    let up = Up::start(&desk, &["--watch"]);
    let door = Desk::new("wine", ["--at".to_owned(), up.at.clone()]);
    heard(&up.said, "version 1 says so already");
    desk.save(&text("wine", 40));
    heard(&up.said, "version 2 is live");
    assert_eq!(door.json(&["policies", "wine", "--json"])["live"], 2);
    let (said, _) = door.says(0, &["rollback", "wine"]);
    assert_eq!(said, "wine: version 3 is live\n");
    let answer = reqwest_get(&format!("{}/v2/models/wine", up.at));
    assert!(answer.contains("\"3\""), "{answer}");
    let metrics = reqwest_get(&format!("{}/metrics", up.at));
    assert!(metrics.contains("hedgerow_policy_version{rendezvous=\"wine\"} 3"), "{metrics}");
}

#[test]
fn a_door_can_be_for_reading_only() {
    let desk = Desk::new("wine", ["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
    let up = Up::start(&desk, &["--control", "nobody"]);
    let door = Desk::new("wine", ["--at".to_owned(), up.at.clone()]);
    door.save(&text("wine", 40));
    let (_, erred) = door.says(1, &["apply", "wine.yaml"]);
    assert!(erred.contains("this door is for reading"), "{erred}");
    assert!(door.says(0, &["policies"]).0.contains("version 1 is live"));
}

#[test]
fn where_nothing_listens_it_is_said_what_to_do() {
    let desk = Desk::new("wine", ["--at".to_owned(), "http://127.0.0.1:1".to_owned()]);
    let (_, erred) = desk.says(1, &["policies"]);
    assert!(erred.contains("nothing answers at http://127.0.0.1:1") && erred.contains("--brokers"), "{erred}");
    assert!(desk.says(2, &["apply", "wine.yaml", "--share", "5"]).1.contains("write `5%`"));
    assert!(desk.says(2, &["rollback", "no/name"]).1.contains("is not a name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_kafka_the_same_is_said_and_the_other_of_two_is_told() {
    let brokers = tokio::task::spawn_blocking(Broker::shared).await.unwrap().unwrap();
    let name = format!("c{}", std::process::id());
    let desk = Desk::new(&name, ["--brokers".to_owned(), brokers.to_owned()]);
    let (said, _) = desk.says(0, &["apply", "wine.yaml", "-m", "the first"]);
    assert_eq!(said, format!("the first version of this policy\n{name}: version 1 is live\n"));
    desk.save(&text(&name, 40));
    let mut both = ["bob", "eve"].map(|author| {
        let mut command = desk.command(&["apply", "wine.yaml", "--expect", "1", "--author", author]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    });
    let mut codes = both.each_mut().map(|child| ended(child).unwrap());
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "one wins, the other is told");
    let view = desk.json(&["policies", &name, "--json"]);
    assert_eq!((&view["live"], &view["newest"], view["refused"].as_array().unwrap().len()), (&2.into(), &2.into(), 1));
}

/// `hedgerow up`, killed when it goes out of scope.
struct Up {
    child: Child,
    at: String,
    said: mpsc::Receiver<String>,
}

// === impl Up ===

impl Up {
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let mut command = desk.command(&[&["up", "wine.yaml"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, erred) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        let ready = heard(&erred, "at http://");
        let at = ready.split("at ").last().unwrap().trim().to_owned();
        Self { child, at, said }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reqwest_get(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() })
}

fn ended(child: &mut Child) -> Option<i32> {
    child.wait().unwrap().code()
}

/// Returns what is said, line by line.
fn lines(from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|read| read > 0) {
            // The test may have heard enough; the pipe is emptied all the same.
            let _ = sender.send(std::mem::take(&mut line));
        }
        let _ = from.read_to_end(&mut Vec::new());
    });
    said
}

/// Waits for a line with `words`, and returns it.
fn heard(said: &mpsc::Receiver<String>, words: &str) -> String {
    loop {
        let line = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said `{words}`"));
        eprint!("{line}");
        if line.contains(words) {
            return line;
        }
    }
}
