//! A process that serves, started by a test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

/// Killed when the test is over, however it ends.
pub(crate) struct Running {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

// === impl Running ===

impl Running {
    /// Runs `command` in `folder`, and waits until it says where it listens.
    pub(crate) fn start(mut command: Command, folder: &TempDir) -> Self {
        command.current_dir(folder.path()).env("NO_COLOR", "1").env_remove("BROKERS").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut running = Self { child, address: String::new() };
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("at http://").map(|(_, told)| told.trim().to_owned()));
        running.address = address.expect("it says where it listens");
        // Reads on: a full pipe would stop it.
        thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        running
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
