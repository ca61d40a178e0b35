//! Models that are registered with a real `MLflow`: published by its alias or version, served, and left alone when it is
//! away.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use reqwest::Client;
use tempfile::TempDir;
use tokio::time::{interval, timeout};

use crate::{
    process::{Process, hedgerow},
    published::{FIRST, POLICY, SECOND, hash, publish, until_it_serves, version},
};

/// It imports a lot of Python first, on a machine that does other things as well.
const STARTS_WITHIN: Duration = Duration::from_mins(3);

/// Runs what follows it in a group of its own, and kills that when its input ends: the test may end in any way.
const SHELL: &str = r#"setsid "$@" & child=$!; read -r _; kill -9 "-$child""#;

/// A tracking server, with its database and its files in a folder that goes with it.
struct MlFlow {
    at: String,
    folder: TempDir,
    life: Option<ChildStdin>,
    shell: Child,
}

/// Returns the Python that has `MLflow`.
fn python() -> PathBuf {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/setup/python/bin/python");
    let python = env::var_os("HEDGEROW_TEST_PYTHON").map_or(set_up, PathBuf::from);
    assert!(python.exists(), "there is no Python with MLflow at {}: run `tools/setup.sh python`", python.display());
    python
}

// === impl MlFlow ===

impl MlFlow {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(python()).args(["-m", "mlflow", "server", "--workers", "1"]);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--backend-store-uri", "sqlite:///runs.db"]);
        command.args(["--artifacts-destination", "files"]).current_dir(folder.path());
        // Its runner of jobs is seven more Pythons, of which nothing is asked here.
        command.env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false").env("MLFLOW_DISABLE_TELEMETRY", "true");
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut shell = command.spawn().unwrap();
        let life = shell.stdin.take();
        let server = Self { at: format!("http://127.0.0.1:{port}"), folder, life, shell };
        server.wait().await;
        server
    }

    async fn wait(&self) {
        let (client, mut looks) = (Client::new(), interval(Duration::from_millis(100)));
        let is_there = async {
            let url = format!("{}/health", self.at);
            while !client.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
                looks.tick().await;
            }
        };
        if timeout(STARTS_WITHIN, is_there).await.is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            panic!("MLflow did not answer; its log:\n{log}");
        }
    }

    /// Registers a file as the next version of the model `forest`, and lets the alias `champion` mean it.
    fn register(&self, file: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/serving/mlflow/register.py");
        // What a model is called where it is saved is up to the flavour; ours is ONNX's.
        let model = self.folder.path().join("model.onnx");
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), &model).unwrap();
        let mut command = Command::new(python());
        command.args([script, &self.at, "forest"]).arg(model).arg("champion").env("MLFLOW_DISABLE_TELEMETRY", "true");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert!(output.status.success(), "{}", text(output.stderr));
        text(output.stdout).lines().last().unwrap().to_owned()
    }
}

impl Drop for MlFlow {
    fn drop(&mut self) {
        drop(self.life.take());
        // It may be gone already.
        let _ = self.shell.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_with_mlflow_is_published_by_its_alias_and_stays_what_it_was_when_that_moves_or_it_is_away()
{
    let mlflow = MlFlow::start().await;
    let (url, folder) = (mlflow.at.clone(), TempDir::new().unwrap());
    let at = [("MLFLOW_TRACKING_URI", url.as_str())];
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let mut command = hedgerow(&folder);
    command.args(["up", "policy.yaml", "--listen", "127.0.0.1:0"]).envs(at);
    let process = Process::start(folder, command);
    let visitor = process.visitor(None);

    assert_eq!(mlflow.register(FIRST), "1");
    let (code, told) = publish(&process, &at, "a", "models:/forest@champion");
    assert_eq!(code, Some(0), "{told}");
    let first = version(&visitor, "a").await;
    assert_eq!(first["source"]["reference"]["uri"], "models:/forest/1", "an alias is followed when it is published");
    assert_eq!(first["sha256"], hash(FIRST));
    assert!(first["trained_on"].as_str().is_some_and(|run| run.starts_with("mlflow run ")), "{first}");
    until_it_serves(&process, &visitor, "forest@a").await;

    assert_eq!(mlflow.register(SECOND), "2");
    assert_eq!(version(&visitor, "a").await["sha256"], hash(FIRST), "an alias that moves moves nothing here");
    until_it_serves(&process, &visitor, "forest@a").await;
    let (code, told) = publish(&process, &at, "b", "models:/forest@champion");
    assert_eq!(code, Some(0), "{told}");
    let second = version(&visitor, "b").await;
    assert_eq!(
        (&second["source"]["reference"]["uri"], &second["sha256"]),
        (&"models:/forest/2".into(), &hash(SECOND).into())
    );
    until_it_serves(&process, &visitor, "forest@b").await;
    let (code, told) = publish(&process, &at, "c", "models:/forest/1");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(version(&visitor, "c").await["sha256"], hash(FIRST));
    until_it_serves(&process, &visitor, "forest@c").await;

    let (code, told) = publish(&process, &at, "d", "models:/forest@nobody");
    assert!(code == Some(1) && told.contains("models:/forest@nobody") && told.contains("alias"), "{told}");
    let (code, told) = publish(&process, &at, "d", "models:/forest/99");
    assert!(code == Some(1) && told.contains("models:/forest/99"), "{told}");
    drop(mlflow);
    let (code, told) = publish(&process, &at, "d", "models:/forest@champion");
    assert!(code == Some(1) && told.contains("cannot fetch models:/forest@champion"), "{told}");
    until_it_serves(&process, &visitor, "forest@c").await;
    let served = process.run(&["models", "rollback", "forest"], &[]);
    assert!(served.status.success());
    // What was live before must be fetched again, and cannot be: so the one that serves goes on.
    until_it_serves(&process, &visitor, "forest@c").await;
}
