//! A broker, and the processes that serve one rendezvous on it.

mod reaper;
mod station;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use broker::Broker;
use tempfile::TempDir;
use wire::RendezvousName;

pub(crate) use self::station::Role;
use self::{reaper::Reaper, station::Station};
use crate::Fault;

/// Everything that runs for one row.
pub(crate) struct Deployment {
    binary: PathBuf,
    name: RendezvousName,
    stations: Vec<Station>,
    /// They were told to stop, and somebody has to see how that ends.
    leaving: Vec<Station>,
    started: u32,
    doors: Doors,
    reaper: Arc<Reaper>,
    broker: Broker,
    folder: TempDir,
    problems: Vec<String>,
}

/// Where callers find the starters, as a load balancer would know: who has opened and is neither stopping nor gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors(Arc<Mutex<Vec<SocketAddr>>>);

/// Whether whoever is replaced goes before or after his successor comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    SuccessorFirst,
    SuccessorLast,
}

/// Three that answer at once, two of which must agree, and a canary. A default means that a deadline was missed.
const POLICY: &str = "
rendezvous: NAME
budget: BUDGET
input: { features: [x] }
answer: { value: class }
executors:
  one: { constant: { answer: { class: 1 } } }
  two: { constant: { answer: { class: 1 } } }
  three: { echo: {} }
  next: { constant: { answer: { class: 1 } }, canary: { of: one } }
decoy: { archive: archive, every: 5s }
decide:
  - agree: { votes: 2, on: [class] }
    until: BUDGET
  - default: { class: 0 }
";

/// What an edit changes.
const EDITED: &str = "class: 0";

// === impl Deployment ===

impl Deployment {
    /// Starts the broker and as many processes of each station as the most demanding of `faults` wants, and
    /// waits until all serve.
    pub(crate) fn start(binary: &Path, faults: &[Fault], budget: Duration) -> anyhow::Result<Self> {
        let name = RendezvousName::new("faults")?;
        let folder = tempfile::Builder::new().prefix("hedgerow-faults-").tempdir()?;
        fs::create_dir(folder.path().join("logs"))?;
        let budget = format!("{}ms", budget.as_millis());
        let policy = POLICY.replace("NAME", name.as_str()).replace("BUDGET", &budget);
        fs::write(folder.path().join("policy.yaml"), policy)?;
        let mut deployment = Self {
            binary: binary.to_owned(),
            name,
            stations: Vec::new(),
            leaving: Vec::new(),
            started: 0,
            doors: Doors::default(),
            reaper: Arc::new(Reaper::start()?),
            broker: Broker::start()?,
            folder,
            problems: Vec::new(),
        };
        for role in Role::ALL {
            let most = faults.iter().map(|fault| fault.processes(role)).max();
            for _ in 0..most.unwrap_or_default() {
                deployment.add(role)?;
            }
        }
        deployment.ready()?;
        Ok(deployment)
    }

    pub(crate) fn name(&self) -> &RendezvousName {
        &self.name
    }

    pub(crate) fn brokers(&self) -> String {
        self.broker.bootstrap()
    }

    pub(crate) fn doors(&self) -> Doors {
        self.doors.clone()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns how many processes serve as `role`.
    pub(crate) fn count(&self, role: Role) -> usize {
        self.stations.iter().filter(|station| station.role() == role).count()
    }

    /// Returns how many of them serve by now.
    pub(crate) fn serving(&mut self, role: Role) -> usize {
        self.stations
            .iter_mut()
            .filter(|station| station.role() == role)
            .map(Station::serves)
            .filter(|serves| *serves)
            .count()
    }

    /// Starts one more process, and does not wait for it.
    pub(crate) fn add(&mut self, role: Role) -> anyhow::Result<()> {
        self.started += 1;
        let log = self.folder().join("logs").join(format!("{role}-{}", self.started));
        let mut command = Command::new(&self.binary);
        command
            .args(["run", role.as_str()])
            .arg(self.folder().join("policy.yaml"))
            .args(["--brokers", &self.brokers(), "--listen", "127.0.0.1:0", "--data"])
            .arg(self.folder());
        let station = Station::start(role, &mut command, log, &self.doors, &self.reaper)?;
        self.stations.push(station);
        Ok(())
    }

    /// Waits until every process serves.
    pub(crate) fn ready(&mut self) -> anyhow::Result<()> {
        self.stations.iter_mut().try_for_each(Station::ready)
    }

    /// Kills one process of `role`, whatever it is doing, and starts another one in its place.
    pub(crate) fn kill_one(&mut self, role: Role) -> anyhow::Result<()> {
        let one = self.one(role)?;
        self.problems.extend(self.stations.remove(one).kill());
        self.add(role)
    }

    /// Stops one process of `role` in its tracks and lets it go on after `pause`.
    pub(crate) fn pause_one(&mut self, role: Role, pause: Duration) -> anyhow::Result<()> {
        let one = &self.stations[self.one(role)?];
        one.signal("STOP")?;
        thread::sleep(pause);
        one.signal("CONT")
    }

    /// Asks the process of `role` that serves for the longest to stop, and does not wait for it.
    pub(crate) fn remove_oldest(&mut self, role: Role) -> anyhow::Result<()> {
        let oldest = self.stations.iter().position(|station| station.role() == role).context("nobody to remove")?;
        let station = self.stations.remove(oldest);
        station.signal("TERM")?;
        self.leaving.push(station);
        Ok(())
    }

    /// Replaces the process of `role` that serves for the longest, and waits until it is gone and its successor serves.
    pub(crate) fn replace_oldest(&mut self, role: Role, order: Order) -> anyhow::Result<()> {
        if order == Order::SuccessorFirst {
            self.add(role)?;
            self.ready()?;
        }
        self.remove_oldest(role)?;
        self.see_off();
        if order == Order::SuccessorLast {
            self.add(role)?;
        }
        self.ready()
    }

    /// Kills the broker, or asks it to stop, and starts it again.
    pub(crate) fn restart_broker(&mut self, kill: bool) -> anyhow::Result<()> {
        if kill {
            self.broker.kill();
        } else {
            self.broker.stop();
        }
        Ok(self.broker.restart()?)
    }

    /// Makes the policy with another default the next version.
    pub(crate) fn edit(&self, round: u32) -> anyhow::Result<()> {
        let (policy, edited) = (self.folder().join("policy.yaml"), self.folder().join("edited.yaml"));
        let text = fs::read_to_string(policy)?.replace(EDITED, &format!("class: -{}", round + 1));
        fs::write(&edited, text)?;
        let mut command = Command::new(&self.binary);
        command.arg("apply").arg(&edited).args(["--brokers", &self.brokers(), "--author", "faults"]);
        let applied = command.output()?;
        ensure!(applied.status.success(), "an edit failed: {}", String::from_utf8_lossy(&applied.stderr));
        Ok(())
    }

    /// Asks `hedgerow` something about this rendezvous, and returns what it says on stdout.
    pub(crate) fn ask(&self, command: &str, more: &[&str]) -> anyhow::Result<String> {
        let mut asked = Command::new(&self.binary);
        asked.args([command, self.name.as_str(), "--brokers", &self.brokers()]).args(more);
        let output = asked.output().with_context(|| format!("cannot run {}", self.binary.display()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(!said.trim().is_empty(), "hedgerow {command}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(said)
    }

    /// Asks every process to stop, starters first, and waits; returns what was wrong with that, now or before.
    pub(crate) fn stop_all(&mut self) -> Vec<String> {
        for role in Role::ALL {
            while self.count(role) > 0 {
                if let Err(error) = self.remove_oldest(role) {
                    self.problems.push(error.to_string());
                }
            }
            self.see_off();
        }
        std::mem::take(&mut self.problems)
    }

    /// Kills what is left, copies the broker's log to those of the stations, and returns the folder, which stays.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.stations.clear();
        self.leaving.clear();
        let kept = self.folder.path().to_owned();
        self.folder.disable_cleanup(true);
        if let Err(error) = fs::copy(self.broker.log(), kept.join("logs/broker")) {
            eprintln!("the broker's log cannot be kept: {error}");
        }
        kept
    }

    /// Returns where one process of `role` stands, any of them.
    fn one(&self, role: Role) -> anyhow::Result<usize> {
        let those = (0..self.stations.len()).filter(|index| self.stations[*index].role() == role);
        let those: Vec<usize> = those.collect();
        fastrand::choice(those).with_context(|| format!("nobody serves as {role}"))
    }

    fn see_off(&mut self) {
        for station in self.leaving.drain(..) {
            self.problems.extend(station.ended());
        }
    }
}

// === impl Doors ===

impl Doors {
    /// Returns the door for the `turn`th try, if any is open.
    pub(crate) fn get(&self, turn: u64) -> Option<SocketAddr> {
        let doors = self.lock();
        let count = u64::try_from(doors.len()).unwrap_or(u64::MAX);
        doors.get(usize::try_from(turn.checked_rem(count)?).ok()?).copied()
    }

    fn open(&self, door: SocketAddr) {
        self.lock().push(door);
    }

    fn close(&self, door: SocketAddr) {
        self.lock().retain(|open| *open != door);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
