//! Peers in processes of their own: they say that they are ready, and end when their standard input does, however this
//! process ends.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{sync::oneshot, time::timeout};

/// A peer that serves. Dropped, it is told to end, and waited for.
pub(super) struct Peer(Child);

/// How long a peer may take until it serves, and until it has ended.
const START: Duration = Duration::from_mins(2);
const END: Duration = Duration::from_secs(20);

/// Returns where `bench/peers/setup.sh` has put them.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let folder = env::var_os("HEDGEROW_PEERS").map_or_else(|| PathBuf::from("target/setup/peers"), PathBuf::from);
    if !folder.join("stamp").exists() {
        bail!("the peers are not in {}: run `bench/peers/setup.sh`", folder.display());
    }
    Ok(folder)
}

// === impl Peer ===

impl Peer {
    /// Starts one and waits until it says that it is ready.
    pub(super) async fn start(mut command: Command) -> anyhow::Result<Self> {
        let what = command.get_program().display().to_string();
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut peer = Self(child.with_context(|| format!("{what} cannot be started: run `bench/peers/setup.sh`"))?);
        let lines = BufReader::new(peer.0.stdout.take().context("its output was asked for")?).lines();
        let (say_ready, ready) = oneshot::channel();
        // Read to its end, so that it never waits for a full pipe.
        thread::spawn(move || {
            let mut say_ready = Some(say_ready);
            for line in lines.map_while(Result::ok).filter(|line| line == "ready") {
                // Who does not wait any more has given up on it.
                let _ = say_ready.take().map(|say| say.send(line));
            }
        });
        match timeout(START, ready).await {
            Ok(Ok(_)) => Ok(peer),
            Ok(Err(_)) => bail!("{what} ended before it served: its last words are above"),
            Err(_) => bail!("{what} does not serve after {} s", START.as_secs()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let began = Instant::now();
        while began.elapsed() < END {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            // The end of another process has no event to wait for here.
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
