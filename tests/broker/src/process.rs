//! The broker's process, the registry's, or the store's, under a watchdog that outlives nobody.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::BrokerError;

/// A running broker.
#[derive(Debug)]
pub(crate) struct Process {
    watchdog: Child,
    orders: Option<ChildStdin>,
    log: PathBuf,
}

/// Runs the broker and obeys its standard input: each line is a signal to pass on. The end of the input, which the
/// kernel brings about however the test process ends, kills the broker and removes its folder; the broker is stopped
/// first, so that it cannot write into what is being removed.
const WATCHDOG: &str = r#"
folder=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
broker=$!
(
    while read -r signal <&3; do kill "-$signal" "$broker"; done
    kill -STOP "$broker"; rm -rf "$folder"; kill -KILL "$broker"
) 2>/dev/null &
watch=$!
wait "$broker"
kill "$watch" 2>/dev/null
"#;

/// Lines of the log that an error shows.
const LAST_LINES: usize = 20;

// === impl Process ===

impl Process {
    /// Starts Java with these arguments; `folder` goes when the process does, its log lies there.
    pub(crate) fn start(arguments: &[OsString], folder: &Path) -> Result<Self, BrokerError> {
        let log = log(folder);
        // What it said before a restart stays.
        let lines = File::options().create(true).append(true).open(&log)?;
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .arg(folder)
            .arg(java())
            .args(arguments)
            // A signal to the test's group, such as the one of Ctrl-C, must not keep the watchdog from cleaning up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lines.try_clone()?)
            .stderr(lines)
            .spawn()
            .map_err(BrokerError::NoJava)?;
        let orders = watchdog.stdin.take();
        Ok(Self { watchdog, orders, log })
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&mut self, name: &str) {
        if let Some(orders) = &mut self.orders {
            // A watchdog that is gone took the broker with it; the probe and the clients will notice.
            let _ = writeln!(orders, "{name}");
        }
    }

    /// Kills it and waits for its end; its folder stays.
    pub(crate) fn kill(self) {
        self.end_by("KILL");
    }

    /// Asks it to stop and waits for its end; its folder stays.
    pub(crate) fn stop(self) {
        self.end_by("TERM");
    }

    fn end_by(mut self, signal: &str) {
        self.signal(signal);
        let _ = self.watchdog.wait();
        self.orders = None;
    }

    /// Returns whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.watchdog.try_wait(), Ok(None))
    }

    /// Returns the end of what it said.
    pub(crate) fn last_lines(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.watchdog.wait();
    }
}

/// Returns where a broker in `folder` writes what it says.
pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The same choice as the set-up step's: `JAVA_HOME` before the path.
pub(crate) fn java() -> OsString {
    env::var_os("JAVA_HOME")
        .filter(|home| !home.is_empty())
        .map_or_else(|| "java".into(), |home| Path::new(&home).join("bin/java").into_os_string())
}
