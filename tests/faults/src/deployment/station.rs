//! One station as a process: started, signalled, killed, and seen off.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{Doors, Reaper};

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Starter,
    Executors,
    Collector,
    Decoy,
    Sealer,
}

/// A process of `hedgerow run`, killed when it goes out of scope.
pub(crate) struct Station {
    role: Role,
    child: Child,
    ready: Option<mpsc::Receiver<()>>,
    log: PathBuf,
    reaper: Arc<Reaper>,
}

/// Generous: several processes start at once on a machine whose cores are busy.
const PATIENCE: Duration = Duration::from_mins(2);

// === impl Role ===

impl Role {
    /// All, in the order in which they are stopped.
    pub(crate) const ALL: [Self; 5] = [Self::Starter, Self::Executors, Self::Collector, Self::Decoy, Self::Sealer];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Executors => "executors",
            Self::Collector => "collector",
            Self::Decoy => "decoy",
            Self::Sealer => "sealer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

// === impl Station ===

impl Station {
    /// Starts `command`; what it says goes to `log`, and a starter's address to `doors` while it serves.
    pub(super) fn start(
        role: Role,
        command: &mut Command,
        log: PathBuf,
        doors: &Doors,
        reaper: &Arc<Reaper>,
    ) -> anyhow::Result<Self> {
        let mut file = File::create(&log)?;
        let spawned = command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = spawned.spawn().with_context(|| format!("cannot start the {role}"))?;
        reaper.add(child.id());
        let lines = BufReader::new(child.stderr.take().context("stderr is a pipe")?).lines().map_while(Result::ok);
        let (sender, ready) = mpsc::channel();
        let doors = doors.clone();
        thread::spawn(move || {
            let mut door = None;
            let close = |door: &mut Option<SocketAddr>| door.take().into_iter().for_each(|door| doors.close(door));
            for line in lines {
                if let Some(address) = opened(&line) {
                    if role == Role::Starter {
                        doors.open(address);
                        door = Some(address);
                    }
                    // Nobody may wait.
                    let _ = sender.send(());
                }
                if line.contains("stopping: ") {
                    close(&mut door);
                }
                // A disk that is full must not stop who reads on.
                let _ = writeln!(file, "{line}");
            }
            close(&mut door);
        });
        Ok(Self { role, child, ready: Some(ready), log, reaper: Arc::clone(reaper) })
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Waits until it serves.
    pub(super) fn ready(&mut self) -> anyhow::Result<()> {
        let Some(ready) = self.ready.take() else { return Ok(()) };
        let told = ready.recv_timeout(PATIENCE);
        told.with_context(|| format!("the {} never served: see {}", self.role, self.log.display()))
    }

    /// Returns whether it serves by now.
    pub(super) fn serves(&mut self) -> bool {
        if self.ready.as_ref().is_some_and(|ready| ready.try_recv().is_ok()) {
            self.ready = None;
        }
        self.ready.is_none()
    }

    /// Sends it a signal, by its name.
    pub(super) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status()?;
        ensure!(told.success(), "the {} cannot be sent {name}: see {}", self.role, self.log.display());
        Ok(())
    }

    /// Kills it as `kill -9` does; returns what was wrong if it had ended before.
    pub(super) fn kill(mut self) -> Option<String> {
        let before = self.child.try_wait().ok().flatten();
        before.map(|status| format!("the {} ended by itself, {status}: see {}", self.role, self.log.display()))
    }

    /// Waits until it has ended, after it was told to; returns what was wrong with how it did.
    pub(super) fn ended(mut self) -> Option<String> {
        let status = self.child.wait();
        let fine = status.as_ref().is_ok_and(ExitStatus::success);
        let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        (!fine).then(|| format!("the {} ended with {ended}: see {}", self.role, self.log.display()))
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reaper.forget(self.child.id());
    }
}

/// Returns the address in the line with which a process says that it serves.
fn opened(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once(" ready on ")?.1.split_once("at http://")?;
    address.trim().parse().ok()
}
