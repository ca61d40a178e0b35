//! One worker: a Python process that has loaded a file, and is asked over its standard input and output.
//!
//! It leads a process group of its own, so that a Ctrl-C is for us alone, and what it started ends with it. However this
//! process ends, the worker's standard input does too, upon which it ends itself (`host.py`).

use std::{ffi::OsStr, io, path::PathBuf, process::ExitStatus, process::Stdio, sync::Arc, time::Duration};

use bytes::Bytes;
use executor::Now;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    frames::{self, Began},
    listening::{LastLine, listen},
};

/// How to start a worker.
pub(crate) struct Recipe {
    /// The executor's name, for the log.
    pub(crate) name: Arc<str>,
    pub(crate) interpreter: PathBuf,
    /// The file, whole.
    pub(crate) path: PathBuf,
    /// The first frame.
    pub(crate) begin: Vec<u8>,
    /// How long it may take to be ready.
    pub(crate) patience: Duration,
    pub(crate) now: Now,
}

/// A worker that is ready.
pub(crate) struct Worker {
    pub(crate) id: u32,
    /// Whether it takes several rows in one call.
    pub(crate) batches: bool,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: LastLine,
    listening: JoinHandle<()>,
}

/// Why there is no worker.
pub(crate) enum StartError {
    /// There is no interpreter, or it cannot be run.
    NoInterpreter(io::Error),
    /// The file cannot be loaded.
    Problem(String),
}

/// Why a call has no answer.
pub(crate) enum Unanswered {
    /// The worker was gone before it could be asked.
    NotAsked,
    /// It ended meanwhile, or said what cannot be understood.
    Ended,
}

/// The program that each worker begins with: it reads the real one, which is too long for a list of processes.
const BOOT: &str = "import os\nhost, size = b'', {size}\nwhile len(host) < size:\n part = os.read(0, size - len(host))\n if not part: raise SystemExit(0)\n host += part\nexec(compile(host, 'hedgerow', 'exec'))";
const HOST: &str = include_str!("host.py");
/// Workers are as many as the policy says: libraries that start a thread for each core in each of them slow all down.
const ONE_THREAD: [&str; 3] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];
/// How long what a dead worker printed is waited for: something that it started may hold its standard error open.
const LAST_WORDS: Duration = Duration::from_millis(200);

// === impl Recipe ===

impl Recipe {
    /// Starts a worker; returns when it is ready to be asked.
    pub(crate) async fn start(&self) -> Result<Worker, StartError> {
        let mut worker = self.spawn().map_err(StartError::NoInterpreter)?;
        let Ok(greeting) = timeout(self.patience, worker.greet(&self.begin)).await else {
            let words = format!("it was not ready after {} s", self.patience.as_secs_f32());
            return Err(StartError::Problem(worker.end(&words).await));
        };
        match greeting.ok().and_then(|said| serde_json::from_slice(&said).ok()) {
            Some(Began::Ready { batches }) => {
                worker.batches = batches;
                Ok(worker)
            }
            Some(Began::Problem { problem }) => Err(StartError::Problem(problem)),
            None => Err(StartError::Problem(worker.end("it said nothing that can be understood").await)),
        }
    }

    fn spawn(&self) -> io::Result<Worker> {
        let boot = BOOT.replace("{size}", &HOST.len().to_string());
        let mut command = Command::new(&self.interpreter);
        command.args(["-c", &boot, &self.name]).arg(&self.path);
        command.current_dir(self.path.parent().unwrap_or(&self.path));
        for name in ONE_THREAD.into_iter().filter(|name| std::env::var_os(name).is_none()) {
            command.env(name, OsStr::new("1"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = child.id().expect("nobody has waited for it yet");
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let printed = child.stderr.take().expect("it is piped");
        let last = LastLine::default();
        let listening = tokio::spawn(listen(printed, Arc::clone(&self.name), id, last.clone(), Arc::clone(&self.now)));
        let (input, output) = (input.expect("it is piped"), BufReader::new(output.expect("it is piped")));
        Ok(Worker { id, batches: false, child, input, output, last, listening })
    }
}

// === impl Worker ===

impl Worker {
    async fn greet(&mut self, begin: &[u8]) -> Result<Bytes, Unanswered> {
        let host = self.input.write_all(HOST.as_bytes()).await;
        host.map_err(|_| Unanswered::NotAsked)?;
        self.call(begin).await
    }

    /// Sends a frame and returns the one that comes back. Whoever gives up waiting must end the worker.
    pub(crate) async fn call(&mut self, frame: &[u8]) -> Result<Bytes, Unanswered> {
        // Whoever ended before has read no frame whole.
        self.input.write_all(frame).await.map_err(|_| Unanswered::NotAsked)?;
        let Self { child, output, .. } = self;
        tokio::select! {
            biased;
            said = read_frame(output) => said.map_err(|_| Unanswered::Ended),
            // The end of the pipe does not tell: something that the worker started may hold it open.
            _ = child.wait() => Err(Unanswered::Ended),
        }
    }

    /// Returns when it ends by itself.
    pub(crate) async fn ended(&mut self) {
        // An error says that it cannot be waited for: then it is not ours any more.
        let _ = self.child.wait().await;
    }

    /// Ends it, if it has not ended, and returns how it did: `instead` if it had not.
    pub(crate) async fn end(mut self, instead: &str) -> String {
        let status = match self.child.try_wait() {
            Ok(Some(status)) => Some(status),
            // Who closes its output is about to end.
            _ => timeout(LAST_WORDS, self.child.wait()).await.ok().and_then(Result::ok),
        };
        self.kill();
        let _ = timeout(LAST_WORDS, &mut self.listening).await;
        let how = status.map_or_else(|| instead.to_owned(), |status| format!("its worker {}", words(status)));
        match self.last.get() {
            Some(last) => format!("{how}; the last that it printed: {last}"),
            None => how,
        }
    }

    /// Ends it at once, and all that it started.
    pub(crate) fn kill(&self) {
        if let Some(group) = i32::try_from(self.id).ok().and_then(Pid::from_raw) {
            // An error says that nobody is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Who has ended was killed when that was noticed, and his number may be somebody else's by now.
        if self.child.id().is_some() {
            self.kill();
        }
    }
}

async fn read_frame(output: &mut BufReader<ChildStdout>) -> io::Result<Bytes> {
    let length = output.read_u32().await? as usize;
    if length > frames::LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    output.read_exact(&mut frame).await?;
    Ok(frame.into())
}

/// Returns how a process ended.
fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    let Some(signal) = status.signal() else {
        return format!("ended with exit code {}", status.code().unwrap_or_default());
    };
    let known = match signal {
        4 => " (SIGILL: an instruction that this processor does not know)",
        6 => " (SIGABRT: a library gave up)",
        7 => " (SIGBUS: memory that is not there)",
        8 => " (SIGFPE: arithmetic)",
        9 => " (SIGKILL: by hand, or because memory ran out)",
        11 => " (SIGSEGV: a library went wrong)",
        15 => " (SIGTERM: by hand)",
        _ => "",
    };
    format!("was killed by signal {signal}{known}")
}

impl std::fmt::Display for StartError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoInterpreter(cause) => write!(out, "the interpreter cannot be run in the file's folder: {cause}"),
            Self::Problem(problem) => out.write_str(problem),
        }
    }
}
