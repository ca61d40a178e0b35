//! A headless Chromium, told what to do over two pipes in its own protocol: no port, no driver, no library.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::PATIENCE;

/// One browser with one page; both end when it goes out of scope.
pub(crate) struct Chromium {
    child: Child,
    _folder: TempDir,
    to: File,
    from: Receiver<Value>,
    session: Option<String>,
    count: u64,
    /// What happened on the page: complaints, and what it asked for.
    pub(crate) complaints: Vec<String>,
    pub(crate) requests: Vec<String>,
}

/// Returns the browser's name, if there is one here; `tools/setup.sh browser` installs one, `HEDGEROW_BROWSER` names another.
fn browser() -> Option<String> {
    if let Ok(named) = env::var("HEDGEROW_BROWSER") {
        return Some(named);
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let starts = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success());
    names.into_iter().find(starts).map(str::to_owned)
}

// === impl Chromium ===

impl Chromium {
    /// Starts one with an empty page; `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let browser = browser()?;
        let folder = TempDir::new().unwrap();
        let [told, said] = ["told", "said"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args([&told, &said]).status().unwrap().success());
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        // It listens on the third and speaks on the fourth of its files; a shell opens them.
        let child = Command::new("sh")
            .args(["-c", "told=$1 said=$2; shift 2; exec \"$@\" 3<\"$told\" 4>\"$said\"", "sh"])
            .args([&told, &said])
            .arg(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--remote-debugging-pipe", &profile])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(told).unwrap();
        let mut lines = BufReader::new(File::open(said).unwrap());
        let (sender, from) = mpsc::channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            while lines.read_until(0, &mut line).is_ok_and(|length| length > 0) {
                let message = serde_json::from_slice(&line[..line.len() - 1]).unwrap_or_default();
                // Whoever listened has seen enough.
                if sender.send(message).is_err() {
                    break;
                }
                line.clear();
            }
        });
        let (complaints, requests) = Default::default();
        let mut chromium = Self { child, _folder: folder, to, from, session: None, count: 0, complaints, requests };
        let page = chromium.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        chromium.session = chromium.call("Target.attachToTarget", &attach)["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            chromium.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(chromium)
    }

    /// Says how wide its window is, and whether it is dark.
    pub(crate) fn look_like(&mut self, width: u32, is_dark: bool) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media);
    }

    /// Opens a page and waits until it is there with all its files.
    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Returns what `expression` is on the page, once it is there.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let told = self.call("Runtime.evaluate", &asked);
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits until `expression` is true on the page.
    pub(crate) fn until(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.evaluate(expression) != true {
            assert!(Instant::now() < until, "never: {expression}\n{}", self.evaluate("document.body.innerText"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let text = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &text);
        }
    }

    /// Writes what is seen into a file.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let told = self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        decoded(told["data"].as_str().unwrap())
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let mut message = json!({ "id": self.count, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            match self.from.recv_timeout(PATIENCE) {
                Ok(told) if told["id"] == self.count => {
                    assert!(told.get("error").is_none(), "{method}: {told}");
                    return told["result"].clone();
                }
                Ok(event) => self.hear(&event),
                Err(RecvTimeoutError::Timeout) => panic!("the browser does not answer {method}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser is gone at {method}"),
            }
        }
    }

    fn hear(&mut self, event: &Value) {
        let what = &event["params"];
        match event["method"].as_str() {
            Some("Log.entryAdded") => self.complaints.push(what["entry"].to_string()),
            Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown") => self.complaints.push(what.to_string()),
            Some("Network.requestWillBeSent") => {
                self.requests.push(what["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads base 64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().enumerate().fold(0, |bits, (place, byte)| bits | value(*byte) << (18 - 6 * place));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}
