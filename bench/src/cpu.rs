//! The processor time of this process and of whatever it started: the broker, and peers with their own children.

use std::collections::HashSet;

use procfs::process::{self, Process, Stat};

/// Whose time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This process alone: the system lives in it.
    Own,
    /// This process and every descendant of it.
    All,
}

// === impl Whose ===

impl Whose {
    /// Returns the processor seconds used so far, user and system, on whichever core.
    pub(crate) fn seconds(self) -> anyhow::Result<f64> {
        let own = Process::myself()?.stat()?;
        if self == Self::Own {
            return Ok(seconds(&own));
        }
        // Who ends in between is not there any more.
        let all: Vec<Stat> = process::all_processes()?.filter_map(|process| process.ok()?.stat().ok()).collect();
        let mut family = HashSet::from([own.pid]);
        while let Some(child) = all.iter().find(|stat| family.contains(&stat.ppid) && !family.contains(&stat.pid)) {
            family.insert(child.pid);
        }
        Ok(all.iter().filter(|stat| family.contains(&stat.pid)).map(seconds).sum())
    }
}

fn seconds(stat: &Stat) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ticks of a run stay far below 2^52")]
    let ticks = (stat.utime + stat.stime) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a hundred on every Linux")]
    let each = procfs::ticks_per_second() as f64;
    ticks / each
}
