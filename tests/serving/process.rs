//! A `hedgerow` process with a console, and whoever asks it.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use reqwest::{Client, RequestBuilder, Response, header, redirect::Policy};
use serde_json::Value;
use tempfile::TempDir;

/// Long enough for a loaded machine; nothing is measured here.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const READER: &str = "reader-0123456789";
pub(crate) const OPERATOR: &str = "operator-0123456789";

/// Two candidates, and a canary that is always of another opinion.
pub(crate) const POLICY: &str = "
rendezvous: NAME
budget: 20s
input: { features: [x] }
answer: { value: class }
objectives: [{ within: 5s, share: 99%, window: 1d }]
executors:
  forest: { constant: { answer: { class: 1 } } }
  boost: { constant: { answer: { class: 1 } } }
  next: { constant: { answer: { class: 2 } }, canary: { of: forest, warm_up: 0s } }
decide:
  - first:
    until: 15s
  - default: { class: unknown }
";

/// A process, killed when it goes out of scope.
pub(crate) struct Process {
    child: Child,
    folder: TempDir,
    /// Where its front door is, if it has one, as `http://…`.
    pub(crate) front: String,
    /// Where its console is.
    pub(crate) console: String,
}

/// Somebody with a token, or none.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    at: String,
    token: Option<&'static str>,
}

/// Returns a folder with the policy of `name` in it.
pub(crate) fn policy(name: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), POLICY.replace("NAME", name)).unwrap();
    folder
}

/// Returns the command without what this machine's environment says.
pub(crate) fn hedgerow(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.current_dir(folder.path()).env("NO_COLOR", "1");
    let console = ["HEDGEROW_CONSOLE", "HEDGEROW_CONSOLE_TOKEN", "HEDGEROW_OPERATOR_TOKEN", "HEDGEROW_TRACE_URL"];
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"];
    for variable in ["BROKERS", "LISTEN"].into_iter().chain(console).chain(keys) {
        command.env_remove(variable);
    }
    command
}

// === impl Process ===

impl Process {
    /// Starts every station of the rendezvous `wine`, and returns once it is ready.
    pub(crate) fn up(options: &[&str], tokens: &[(&str, &str)]) -> Self {
        let folder = policy("wine");
        let mut command = hedgerow(&folder);
        command.args(["up", "policy.yaml", "--listen", "127.0.0.1:0"]).args(options).envs(tokens.iter().copied());
        Self::start(folder, command)
    }

    /// Starts `command`, and returns once it says where its console is.
    pub(crate) fn start(folder: TempDir, mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (sender, said) = mpsc::channel();
        // Reads on, whoever listens: a full pipe would stop the process.
        thread::spawn(move || {
            for line in lines {
                eprintln!("{line}");
                // The test may have heard enough.
                let _ = sender.send(line);
            }
        });
        let mut process = Self { child, folder, front: String::new(), console: String::new() };
        while process.console.is_empty() {
            let line = said.recv_timeout(PATIENCE).expect("it says where its console is");
            let Some((before, address)) = line.split_once("http://") else { continue };
            let address = format!("http://{}", address.trim());
            if before.contains("console is") {
                process.console = address;
            } else {
                process.front = address;
            }
        }
        process
    }

    /// Runs a command beside it, against its front door.
    pub(crate) fn run(&self, arguments: &[&str], tokens: &[(&str, &str)]) -> Output {
        let mut command = hedgerow(&self.folder);
        command.args(arguments).args(["--at", &self.front]).envs(tokens.iter().copied()).output().unwrap()
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn visitor(&self, token: Option<&'static str>) -> Visitor {
        Visitor::at(&self.console, token)
    }

    /// Asks for a prediction at the front door, and returns the request's id.
    pub(crate) async fn ask(&self, x: u32) -> String {
        self.ask_with(&format!("{{\"x\": {x}}}")).await
    }

    /// The same of any input.
    pub(crate) async fn ask_with(&self, input: &str) -> String {
        let url = format!("{}/v2/models/wine/infer", self.front);
        let asked = Client::new().post(url).body(input.to_owned()).timeout(PATIENCE).send().await.unwrap();
        asked.headers()["hedgerow-request-id"].to_str().unwrap().to_owned()
    }

    /// Asks it to stop as a supervisor would, and returns its exit code, or `None` if it has not within `grace`.
    pub(crate) fn terminate_within(mut self, grace: Duration) -> Option<i32> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        let (sender, ended) = mpsc::channel();
        let id = self.child.id();
        // Whoever waits for a child waits for ever; whoever waits for a message does not.
        let mut child = std::mem::replace(&mut self.child, Command::new("true").spawn().unwrap());
        thread::spawn(move || sender.send(child.wait().unwrap().code()));
        ended.recv_timeout(grace).unwrap_or_else(|_| {
            let killed = Command::new("kill").args(["-9", &id.to_string()]).status();
            assert!(killed.is_ok());
            None
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Visitor ===

impl Visitor {
    pub(crate) fn at(at: &str, token: Option<&'static str>) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { client, at: at.to_owned(), token }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.with_token(self.client.get(format!("{}{path}", self.at)))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.with_token(self.client.post(format!("{}{path}", self.at)))
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        match self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Returns a page as a browser gets it.
    pub(crate) async fn page(&self, path: &str) -> Response {
        self.get(path).header(header::ACCEPT, "text/html,application/xhtml+xml").timeout(PATIENCE).send().await.unwrap()
    }

    /// Returns its `<main>`.
    pub(crate) async fn main(&self, path: &str) -> String {
        let text = self.page(path).await.text().await.unwrap();
        let begin = text.find("<main").unwrap_or_else(|| panic!("{text}"));
        let end = text.rfind("</main>").unwrap() + "</main>".len();
        text[begin..end].to_owned()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).timeout(PATIENCE).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    /// Sends a form as the page of `origin` would.
    pub(crate) async fn form(&self, path: &str, origin: &str, fields: &[(&str, &str)]) -> Response {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(header::ORIGIN, origin).header(header::ACCEPT, "text/html").body(body.join("&"));
        request.timeout(PATIENCE).send().await.unwrap()
    }

    /// Signs in with `token`; whoever does so has a cookie from then on.
    pub(crate) async fn sign_in(&self, token: &str) -> String {
        let response = self.form("/sign-in", &self.at, &[("token", token)]).await;
        assert_eq!(response.status(), 303);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}
