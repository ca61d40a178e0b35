//! Servers of models as processes that end with the test.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use reqwest::Client;
use tempfile::TempDir;

/// How long a server may take to answer, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs what follows it, and kills that when its input ends: the test may end in any way.
const SHELL: &str = r#""$@" & child=$!; read -r _; kill -9 "$child""#;

/// A server that runs.
pub(crate) struct Peer {
    /// `host:port`.
    pub(crate) http: String,
    pub(crate) grpc: String,
    life: Option<ChildStdin>,
    shell: Child,
    folder: TempDir,
}

/// Returns where `tools/setup.sh models` put the servers.
pub(crate) fn models() -> PathBuf {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/setup/models");
    let models = env::var_os("HEDGEROW_MODELS").map_or(set_up, PathBuf::from);
    assert!(
        models.join("stamp").exists(),
        "no servers of models are in {}: run `tools/setup.sh models`",
        models.display()
    );
    models
}

/// Returns the Python that has `MLServer`.
fn python() -> PathBuf {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/setup/python/bin/python");
    let python = env::var_os("HEDGEROW_TEST_PYTHON").map_or(set_up, PathBuf::from);
    assert!(python.exists(), "there is no Python at {}: run `tools/setup.sh python`", python.display());
    python
}

impl Peer {
    /// Starts `MLServer` with the model that was trained at the set-up.
    pub(crate) async fn mlserver() -> Self {
        let (http, grpc, metrics) = (free_port(), free_port(), free_port());
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(python());
        command.args(["-c", "from mlserver.cli import main; main()", "start"]).arg(models().join("mlserver"));
        for (name, value) in
            [("HTTP_PORT", http), ("GRPC_PORT", grpc), ("METRICS_PORT", metrics), ("PARALLEL_WORKERS", 0)]
        {
            command.env(format!("MLSERVER_{name}"), value.to_string());
        }
        command.env("MLSERVER_HOST", "127.0.0.1");
        let mut peer = Self::run(command, http, grpc);
        peer.wait_for("/v2/models/wine/ready").await;
        peer
    }

    /// Starts Openscoring and gives it `pmml` as the model `wine`.
    pub(crate) async fn openscoring(pmml: &[u8]) -> Self {
        let http = free_port();
        let java = env::var_os("JAVA_HOME").map_or("java".into(), |home| PathBuf::from(home).join("bin/java"));
        let mut command = Command::new("sh");
        command.args([OsStr::new("-c"), OsStr::new(SHELL), OsStr::new("sh"), java.as_os_str()]);
        // It lives for seconds: what the second compiler would find out, nobody would profit from.
        command.args(["-XX:TieredStopAtLevel=1", "-jar"]).arg(models().join("jetty-runner.jar"));
        command.args(["--host", "127.0.0.1", "--port", &http.to_string(), "--path", "/openscoring"]);
        command.arg(models().join("openscoring"));
        let mut peer = Self::run(command, http, 0);
        peer.wait_for("/openscoring/model").await;
        let url = format!("http://{}/openscoring/model/wine", peer.http);
        let deployed =
            Client::new().put(url).header("content-type", "application/xml").body(pmml.to_vec()).send().await;
        assert_eq!(deployed.unwrap().status(), 201);
        peer
    }

    fn run(mut command: Command, http: u16, grpc: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut shell = command.spawn().unwrap();
        let life = shell.stdin.take();
        Self { http: format!("127.0.0.1:{http}"), grpc: format!("127.0.0.1:{grpc}"), life, shell, folder }
    }

    async fn wait_for(&mut self, path: &str) {
        let (client, url) = (Client::new(), format!("http://{}{path}", self.http));
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let is_there = async {
            while !client.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
                looks.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, is_there).await.is_err() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            panic!("{url} did not answer; its log:\n{log}");
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.life.take());
        // It may be gone already.
        let _ = self.shell.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
