//! An executor written with the Python package, in a process of its own, in a rendezvous on a real Kafka.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use reqwest::Client;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    processes::{Deployment, Process},
    rendezvous::PATIENCE,
};

/// Both must say the same, so nothing is decided without the one elsewhere.
const BOTH: &str = "
rendezvous: NAME
budget: 50s
input: { features: [x] }
answer: { value: class }
executors:
  ours: { constant: { answer: { class: 7 } } }
  theirs: { elsewhere: {} }
decide:
  - agree: { votes: 2, on: [class] }
    until: 49s
  - default: { class: unknown }
";

/// Waits in its first call for a file, so that a test has something in hand when it stops it.
const THEIRS: &str = "
import os, sys, time
from hedgerow import Input, executor

@executor('theirs', rendezvous='NAME', version='3')
def theirs(one: Input) -> dict:
    if one.features['x'] == 1:
        print('in hand', file=sys.stderr, flush=True)
        while not os.path.exists('go'):
            time.sleep(0.01)
    return {'class': 7}
";

/// Nobody here answers: those whose clocks are wrong do, or nobody does.
const WRONG_CLOCKS: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
executors:
  ahead: { elsewhere: {} }
  behind: { elsewhere: {} }
decide:
  - agree: { votes: 2, on: [class] }
    until: 19s
  - default: { class: unknown }
";

/// Two hosts whose clocks are wrong by far more than the budget: to one everything is over, to the other nothing has begun.
const ON_WRONG_HOSTS: &str = "
import time
from hedgerow import Input, executor

def host(off):
    right = time.time_ns
    time.time_ns = lambda: right() + off * 1_000_000_000

def answer(one: Input) -> dict:
    return {'class': 7 if 0 < one.remaining() < 20 else one.remaining()}

host(40 if WHO == 'ahead' else -40)
theirs = executor(WHO, rendezvous='NAME')(answer)
";

/// The Python process; killed at the end.
struct Theirs {
    child: Child,
    said: mpsc::Receiver<String>,
}

fn python() -> PathBuf {
    let set_up = concat!(env!("CARGO_MANIFEST_DIR"), "/target/setup/python/bin/python");
    let python = std::env::var_os("HEDGEROW_TEST_PYTHON").map_or_else(|| PathBuf::from(set_up), PathBuf::from);
    assert!(python.exists(), "there is no Python at {}: run tools/setup.sh python", python.display());
    python
}

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk/python")
}

// === impl Theirs ===

impl Theirs {
    fn start(deployment: &Deployment, module: &str, text: &str) -> Self {
        let text = text.replace("NAME", &deployment.name());
        fs::write(deployment.folder().join(module).with_extension("py"), text).unwrap();
        let mut child = Command::new(python())
            .args(["-m", "hedgerow", "run", &format!("{module}:theirs"), "--brokers", deployment.brokers()])
            // Whoever is killed says nothing to the group, which waits this long: the least that brokers allow.
            .args(["--kafka", "session.timeout.ms=6000", "--kafka", "heartbeat.interval.ms=1000"])
            .current_dir(deployment.folder())
            .env("PYTHONPATH", sdk())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (sender, said) = mpsc::channel(1_000);
        thread::spawn(move || {
            for line in lines {
                eprintln!("theirs: {line}");
                // The test may have heard enough.
                let _ = sender.try_send(line);
            }
        });
        Self { child, said }
    }

    async fn says(&mut self, words: &str) {
        let heard = async { while !self.said.recv().await.expect("it ended").contains(words) {} };
        tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("it never said `{words}`"));
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
    }

    async fn ends(mut self) -> ExitStatus {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn ask(url: String, x: u32) -> Value {
    let asked = Client::new().post(&url).body(format!("{{\"x\": {x}}}")).timeout(PATIENCE).send();
    asked.await.unwrap().json().await.unwrap()
}

fn check(answered: &Value) {
    let text = answered.to_string();
    assert!(text.contains(r#""decided_by":"agree""#) && text.contains(r#""class":7"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_runs_elsewhere_decides_with_ours_and_nothing_is_lost_when_it_is_killed_or_told_to_stop() {
    let deployment = Deployment::new(BOTH).await;
    let stations = ["collector", "starter"].map(|station| deployment.run(station));
    let (_ours, _) = deployment.run_with("executors", &["--only", "ours"]);
    let url = format!("http://{}/v2/models/{}/infer", stations[1].1, deployment.name());
    let go = deployment.folder().join("go");

    let mut first = Theirs::start(&deployment, "theirs", THEIRS);
    let in_hand = tokio::spawn(ask(url.clone(), 1));
    first.says("in hand").await;
    first.kill();
    let behind: Vec<_> = (2..12).map(|x| tokio::spawn(ask(url.clone(), x))).collect();
    fs::write(&go, "").unwrap();
    let second = Theirs::start(&deployment, "theirs", THEIRS);
    check(&in_hand.await.unwrap());
    for answered in behind {
        check(&answered.await.unwrap());
    }
    drop(second);

    fs::remove_file(&go).unwrap();
    let mut third = Theirs::start(&deployment, "theirs", THEIRS);
    let in_hand = tokio::spawn(ask(url.clone(), 1));
    third.says("in hand").await;
    third.signal();
    fs::write(&go, "").unwrap();
    assert!(third.ends().await.success());
    check(&in_hand.await.unwrap());
    stations.into_iter().map(|(process, _)| process).for_each(Process::kill);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_elsewhere_whose_clocks_are_wrong_answer_in_time() {
    let deployment = Deployment::new(WRONG_CLOCKS).await;
    let stations = ["collector", "starter"].map(|station| deployment.run(station));
    let theirs = ["ahead", "behind"].map(|who| {
        let mut theirs = Theirs::start(&deployment, who, &ON_WRONG_HOSTS.replace("WHO", &format!("'{who}'")));
        async move {
            theirs.says("and is corrected by that").await;
            theirs
        }
    });
    let [ahead, behind] = theirs;
    let _both = tokio::join!(ahead, behind);
    check(&ask(format!("http://{}/v2/models/{}/infer", stations[1].1, deployment.name()), 1).await);
    stations.into_iter().map(|(process, _)| process).for_each(Process::kill);
}

#[test]
fn the_python_package_s_own_tests_pass() {
    let ran =
        Command::new(python()).args(["-m", "unittest", "discover", "-s", "tests"]).current_dir(sdk()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && !said.contains("Ran 0 tests"), "{said}");
}
