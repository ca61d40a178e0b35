//! Real workers, on the machine's own Python.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::Arc,
};

use tempfile::TempDir;
use wire::{FailureKind, RequestId, Timestamp};

use super::*;

/// A folder with `rank.py`.
struct Rank(TempDir);

const ONE: NonZeroUsize = NonZeroUsize::MIN;
/// Time does not pass here: what is due is due in this long, whenever it is asked about.
const SOON: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::from_millis(1);

fn at_rest() -> Now {
    Arc::new(|| Timestamp::EPOCH)
}

fn schema() -> InputSchema {
    InputSchema::of(&["hue", "ash"], &[])
}

fn input_due(body: &str, left: Duration) -> Input {
    let request = RequestId::from_uuid(uuid::Uuid::nil());
    Input::new(request, Timestamp::EPOCH.after(left), Bytes::copy_from_slice(body.as_bytes()), Arc::new(schema()))
}

fn input(body: &str) -> Input {
    input_due(body, SOON)
}

impl Rank {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rank.py"), text).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn try_load(&self, change: impl FnOnce(&mut Spec<'_>)) -> Result<Python, String> {
        let (path, schema) = (self.file("rank.py"), schema());
        let mut spec = Spec { path: &path, function: "score", schema: Some(&schema), workers: ONE, max_batch: None };
        change(&mut spec);
        Python::load_within(SOON, "rank", spec, at_rest()).await.map_err(|error| error.to_string())
    }

    async fn load(&self) -> Python {
        self.try_load(|_| {}).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    async fn refusal(&self) -> String {
        self.try_load(|_| {}).await.err().expect("refused")
    }

    /// Waits until whoever holds the lock on a file is gone.
    fn wait_for_lock(&self, name: &str) {
        File::open(self.file(name)).unwrap().lock().unwrap();
    }
}

async fn ask(python: &Python, body: &str) -> Result<String, String> {
    let answer = python.score(&input(body)).await;
    answer.map(|answer| String::from_utf8(answer.to_vec()).unwrap()).map_err(|failure| failure.message)
}

async fn check(text: &str, body: &str, expected: Result<&str, &str>) {
    let python = Rank::new(text).load().await;
    assert_eq!(ask(&python, body).await, expected.map(str::to_owned).map_err(str::to_owned));
    assert_eq!(python.trouble(), None);
}

/// Holds the lock on a file for as long as the process lives, and says who it is.
const LOCKED: &str = "import fcntl, os\nheld = open('held', 'w')\nfcntl.flock(held, fcntl.LOCK_EX)\n";

#[tokio::test]
async fn a_function_answers_with_what_it_returns() {
    check("def score(x): return {'class': int(x['hue'] > 1)}", r#"{"hue":1.5,"ash":2}"#, Ok(r#"{"class": 1}"#)).await;
}

#[tokio::test]
async fn the_model_s_version_is_the_file_s_hash_and_a_worker_that_comes_later_runs_the_same_text() {
    let rank = Rank::new(&format!("{LOCKED}def score(x): return {{'pid': os.getpid()}}"));
    let python = rank.load().await;
    let bytes = fs::read(rank.file("rank.py")).unwrap();
    assert_eq!(python.model(), version_of("rank", &bytes));
    fs::write(rank.file("rank.py"), "def score(x): return {'class': 'another text'}").unwrap();
    let first = ask(&python, "{}").await.unwrap();
    kill(&first);
    rank.wait_for_lock("held");
    let second = match ask(&python, "{}").await {
        // The pipe to it may have been there a moment longer than it was.
        Err(why) if why.contains("was killed by signal 9") => ask(&python, "{}").await.unwrap(),
        answered => answered.unwrap(),
    };
    assert!(second.starts_with("{\"pid\"") && second != first, "{first} {second}");
}

#[tokio::test]
async fn what_lies_beside_the_file_is_imported_and_found() {
    let rank = Rank::new("import weights\ndef score(x): return {'value': weights.W, 'text': open('words').read()}");
    fs::write(rank.file("weights.py"), "W = 3").unwrap();
    fs::write(rank.file("words"), "a").unwrap();
    assert_eq!(ask(&rank.load().await, "{}").await.unwrap(), r#"{"value": 3, "text": "a"}"#);
}

#[tokio::test]
async fn load_is_called_once_before_anything_is_asked() {
    let text = "def load():\n global n\n n = 0\ndef score(x):\n global n\n n += 1\n return {'n': n}";
    // The first was to warm up.
    check(text, "{}", Ok(r#"{"n": 2}"#)).await;
    let text = "seen = []\nWARM_UP = {'hue': 7}\ndef score(x):\n seen.append(x)\n return {'first': seen[0]}";
    check(text, r#"{"hue":1}"#, Ok(r#"{"first": {"hue": 7}}"#)).await;
}

#[tokio::test]
async fn an_exception_is_a_failure_with_its_type_message_and_line() {
    let text = "WARM_UP = None\ndef score(x):\n    return deeper(x)\n\ndef deeper(x):\n    raise ValueError('too red')";
    check(text, "{}", Err("ValueError: too red (line 6)")).await;
    let text = "WARM_UP = None\ndef score(x):\n    return {'class': x['hue']}";
    check(text, "{}", Err("KeyError: 'hue' (line 3)")).await;
    let not_json = ask(&Rank::new("def score(x): return {}").load().await, "{").await.unwrap_err();
    assert!(not_json.starts_with("json.decoder.JSONDecodeError: "), "{not_json}");
}

#[tokio::test]
async fn none_is_to_choose_not_to_answer() {
    let python = Rank::new("def score(x): return None").load().await;
    assert_eq!(python.score(&input("{}")).await.unwrap_err().kind, FailureKind::Abstained);
}

#[tokio::test]
async fn what_json_does_not_know_is_a_failure_and_what_is_no_number_is_null() {
    let text = "WARM_UP = None\ndef score(x): return {'a': {1, 2}}";
    check(text, "{}", Err("TypeError: an answer is written as JSON, which knows no set")).await;
    let text = "WARM_UP = None\ndef score(x): return [1]";
    check(text, "{}", Err("TypeError: an answer is a dict, or None, and not list")).await;
    let text = "def score(x): return {'a': float('nan'), 'b': [1.5, float('-inf')], 'c': 1}";
    check(text, "{}", Ok(r#"{"a": null, "b": [1.5, null], "c": 1}"#)).await;
    let text = "class Row:\n def tolist(self): return [1, float('nan')]\ndef score(x): return {'a': Row()}";
    check(text, "{}", Ok(r#"{"a": [1, null]}"#)).await;
}

#[tokio::test]
async fn prints_and_reads_of_the_file_touch_no_answer() {
    let text = "import os, sys, subprocess\ndef score(x):\n print('x' * 70000)\n os.write(1, b'\\0\\0\\0\\1!')\n \
                subprocess.run(['echo', 'from below'])\n return {'read': sys.stdin.read() + os.read(0, 9).decode()}";
    check(text, "{}", Ok(r#"{"read": ""}"#)).await;
}

#[tokio::test]
async fn what_cannot_be_loaded_is_refused_with_the_reason_and_the_line() {
    let check = async |text: &str, expected: &str| {
        let refusal = Rank::new(text).refusal().await;
        assert!(refusal.contains("rank.py` cannot be loaded: ") && refusal.ends_with(expected), "{refusal}");
    };
    check("x = 1\ndef score(x:\n  pass", "SyntaxError: '(' was never closed (line 2)").await;
    check("x = 1\nimport no_such_package", "ModuleNotFoundError: No module named 'no_such_package' (line 2)").await;
    check("def other(x): return {}", "there is no function `score` in it").await;
    check("score = 3", "`score` is no function").await;
    check("async def score(x): return {}", "so write a plain function").await;
    check("raise SystemExit(3)", "SystemExit: 3 (line 1)").await;
    check(
        "def score(x): return {'a': 1 / x['hue']}",
        r#"asked about {"ash": 0.0, "hue": 0.0} to warm up: ZeroDivisionError: float division by zero (line 1)"#,
    )
    .await;
    let died = "import os, sys\nprint('the licence is missing')\nos._exit(7)";
    check(died, "its worker ended with exit code 7; the last that it printed: the licence is missing").await;
}

#[tokio::test]
async fn a_file_or_an_interpreter_that_is_not_there_is_told_with_what_to_do() {
    let rank = Rank::new("");
    fs::remove_file(rank.file("rank.py")).unwrap();
    let refusal = rank.refusal().await;
    assert!(refusal.contains("does the path start from the policy file's folder?"), "{refusal}");
    let rank = Rank::new("def score(x): return {}");
    fs::create_dir_all(rank.file(".venv/bin")).unwrap();
    fs::write(rank.file(".venv/bin/python"), "no program").unwrap();
    let refusal = rank.refusal().await;
    assert!(
        refusal.contains(".venv/bin/python`: ") && refusal.contains("name an interpreter in HEDGEROW_PYTHON"),
        "{refusal}"
    );
}

#[tokio::test]
async fn one_that_is_never_ready_is_given_up() {
    let (rank, schema) = (Rank::new("import time\ntime.sleep(1000)"), schema());
    let path = rank.file("rank.py");
    let spec = Spec { path: &path, function: "score", schema: Some(&schema), workers: ONE, max_batch: None };
    let loaded = Python::load_within(Duration::from_millis(300), "rank", spec, at_rest()).await;
    let problem = loaded.err().expect("refused").to_string();
    assert!(problem.ends_with("it was not ready after 0.3 s"), "{problem}");
}

#[tokio::test]
async fn a_slow_import_is_waited_for() {
    check("import time\ntime.sleep(0.5)\ndef score(x): return {'class': 1}", "{}", Ok(r#"{"class": 1}"#)).await;
}

#[tokio::test]
async fn a_worker_that_dies_fails_its_call_with_the_reason_and_is_replaced() {
    let text = "import ctypes, os, sys\ndef score(x):\n how = x.get('how')\n if how == 'exit':\n  print('going', file=sys.stderr)\n  \
                os._exit(3)\n if how == 'segv':\n  ctypes.string_at(0)\n return {'class': 1}";
    let rank = Rank::new(text);
    let python = rank.load().await;
    let exit = ask(&python, r#"{"how":"exit"}"#).await.unwrap_err();
    assert_eq!(exit, "its worker ended with exit code 3; the last that it printed: going");
    assert_eq!(ask(&python, "{}").await.unwrap(), r#"{"class": 1}"#);
    let segv = ask(&python, r#"{"how":"segv"}"#).await.unwrap_err();
    assert!(segv.contains("was killed by signal 11 (SIGSEGV") && segv.ends_with("Segmentation fault"), "{segv}");
    assert_eq!(ask(&python, "{}").await.unwrap(), r#"{"class": 1}"#);
}

#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_replaced_and_others_go_on() {
    let text = format!("{LOCKED}def score(x):\n while 'hang' in x: pass\n return {{'pid': os.getpid()}}");
    let rank = Rank::new(&text);
    let python = rank.load().await;
    let before = ask(&python, "{}").await.unwrap();
    let hung = python.score(&input_due(r#"{"hang":1}"#, AT_ONCE)).await.unwrap_err();
    assert!(hung.message.contains("behind the deadline, so its worker was killed"), "{}", hung.message);
    rank.wait_for_lock("held");
    let after = ask(&python, "{}").await.unwrap();
    assert_ne!(before, after);
}

#[tokio::test]
async fn one_that_is_a_little_late_keeps_its_worker() {
    let text = "import os, time\ndef score(x):\n time.sleep(x.get('late', 0))\n return {'pid': os.getpid()}";
    let rank = Rank::new(text);
    let python = rank.load().await;
    let before = ask(&python, "{}").await.unwrap();
    let late = python.score(&input_due(r#"{"late":0.03}"#, AT_ONCE)).await.unwrap();
    assert_eq!(late, before);
}

#[tokio::test]
async fn one_that_cannot_be_started_again_is_in_trouble_until_it_can() {
    let rank = Rank::new(
        "import os\nif os.path.exists('broken'): raise OSError('the disk is away')\ndef score(x):\n if 'die' in x: os._exit(1)\n return {}",
    );
    let python = rank.load().await;
    fs::write(rank.file("broken"), "").unwrap();
    ask(&python, r#"{"die":1}"#).await.unwrap_err();
    // Whoever comes while another is being started waits for what becomes of it.
    let problem = ask(&python, "{}").await.unwrap_err();
    assert!(problem.contains("OSError: the disk is away (line 2)"), "{problem}");
    assert_eq!(python.trouble().unwrap(), problem);
    fs::remove_file(rank.file("broken")).unwrap();
    while python.trouble().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&python, "{}").await.unwrap(), "{}");
}

#[tokio::test]
async fn several_workers_answer_at_once() {
    // Each waits for the other.
    let text = "import os, time\ndef score(x):\n if x:\n  open(x['me'], 'w').close()\n  while not os.path.exists(x['other']): \
                time.sleep(0.001)\n return {'pid': os.getpid()}\nWARM_UP = {}";
    let rank = Rank::new(text);
    let python = rank.try_load(|spec| spec.workers = NonZeroUsize::new(2).unwrap()).await.unwrap();
    let (one, other) = (ask(&python, r#"{"me":"a","other":"b"}"#), ask(&python, r#"{"me":"b","other":"a"}"#));
    let (one, other) = futures::future::join(one, other).await;
    assert_ne!(one.unwrap(), other.unwrap());
}

const BATCHES: &str = "def one(x): return {'value': 1 / x['hue'], 'rows': 1}\ndef one_batch(rows): return [dict(one(x), rows=len(rows)) for x in rows]\nWARM_UP = {'hue': 1}";

#[tokio::test]
async fn rows_go_together_where_a_function_takes_them_and_one_that_fails_costs_the_others_nothing() {
    let python = Rank::new(BATCHES).try_load(|spec| spec.function = "one").await.unwrap();
    assert_eq!(python.batch_max(), BATCH_MAX);
    let check = async |bodies: &[&str], expected: &[&str]| {
        let inputs: Vec<Input> = bodies.iter().map(|body| input(body)).collect();
        let answers = python.score_batch(&inputs.iter().collect::<Vec<_>>()).await;
        let words = answers.into_iter().map(|answer| match answer {
            Ok(answer) => String::from_utf8(answer.to_vec()).unwrap(),
            Err(failure) => failure.message,
        });
        assert_eq!(words.collect::<Vec<_>>(), expected);
    };
    check(&[r#"{"hue":1}"#, r#"{"hue":2}"#], &[r#"{"value": 1.0, "rows": 2}"#, r#"{"value": 0.5, "rows": 2}"#]).await;
    check(
        &[r#"{"hue":1}"#, r#"{"hue":0}"#],
        &[r#"{"value": 1.0, "rows": 1}"#, "ZeroDivisionError: division by zero (line 1)"],
    )
    .await;
    check(&[], &[]).await;
}

#[tokio::test]
async fn many_rows_in_a_call_need_a_function_that_takes_them() {
    let most = |most: usize| move |spec: &mut Spec<'_>| spec.max_batch = NonZeroUsize::new(most);
    let alone = Rank::new("def score(x): return {}");
    assert_eq!(alone.load().await.batch_max(), ONE);
    let refusal = alone.try_load(most(8)).await.err().expect("refused");
    assert!(
        refusal.contains("`max_batch` is 8, but") && refusal.contains("has no function `score_batch`"),
        "{refusal}"
    );
    let several = Rank::new(&BATCHES.replace("one", "score"));
    assert_eq!(several.try_load(most(8)).await.unwrap().batch_max().get(), 8);
}

#[tokio::test]
async fn workers_end_with_their_executor_and_what_they_started_too() {
    let text = format!(
        "{LOCKED}import subprocess\nsubprocess.Popen(['sleep', '1000'], pass_fds=[held.fileno()])\ndef score(x): return {{}}"
    );
    let rank = Rank::new(&text);
    let python = rank.load().await;
    drop(python);
    // Lets the task that tends the worker go.
    tokio::task::yield_now().await;
    rank.wait_for_lock("held");
}

/// Not a test of itself: the process that the next one kills.
#[tokio::test]
async fn parent_of_a_worker() {
    let Some(folder) = std::env::var_os("PARENT_OF_A_WORKER") else { return };
    let (path, schema) = (PathBuf::from(folder).join("rank.py"), schema());
    let spec = Spec { path: &path, function: "score", schema: Some(&schema), workers: ONE, max_batch: None };
    let python = Python::load("rank", spec, at_rest()).await.unwrap();
    let (ready, hanging) = (ask(&python, "{}").await.unwrap(), input(r#"{"hang":1}"#));
    writeln!(io::stdout(), "ready {ready}").unwrap();
    let _ = python.score(&hanging).await;
}

#[test]
fn nobody_is_left_behind_by_a_process_that_is_killed_whatever_its_workers_are_doing() {
    let text = format!("{LOCKED}def score(x):\n while 'hang' in x: pass\n return {{}}");
    let rank = Rank::new(&text);
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::parent_of_a_worker", "--nocapture"])
        .env("PARENT_OF_A_WORKER", rank.0.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = BufReader::new(parent.stdout.take().unwrap());
    assert!(printed.lines().any(|line| line.unwrap().contains("ready")), "the parent loaded no worker");
    parent.kill().unwrap();
    parent.wait().unwrap();
    rank.wait_for_lock("held");
}

fn kill(said: &str) {
    let said: serde_json::Value = serde_json::from_str(said).unwrap();
    let pid = i32::try_from(said["pid"].as_i64().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
}
