//! The processor time of this process and of whatever it started: the broker, and peers with their own children.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use procfs::process::{self, Process, Stat};

/// Whose time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This process alone: the system lives in it.
    Own,
    /// This process and every descendant of it.
    All,
}

/// What each thread of all of them has used so far, by process and thread: whose part it does, and for how long.
pub(crate) struct Threads(HashMap<(i32, i32), (&'static str, Duration)>);

/// Processor time by what it went into.
pub(crate) type Parts = BTreeMap<&'static str, Duration>;

// === impl Whose ===

impl Whose {
    /// Returns the processor seconds used so far, user and system, on whichever core.
    pub(crate) fn seconds(self) -> anyhow::Result<f64> {
        Ok(self.processes()?.iter().map(seconds).sum())
    }

    fn processes(self) -> anyhow::Result<Vec<Stat>> {
        let own = Process::myself()?.stat()?;
        if self == Self::Own {
            return Ok(vec![own]);
        }
        // Who ends in between is not there any more.
        let mut all: Vec<Stat> = process::all_processes()?.filter_map(|process| process.ok()?.stat().ok()).collect();
        let mut family = HashSet::from([own.pid]);
        while let Some(child) = all.iter().find(|stat| family.contains(&stat.ppid) && !family.contains(&stat.pid)) {
            family.insert(child.pid);
        }
        all.retain(|stat| family.contains(&stat.pid));
        Ok(all)
    }
}

// === impl Threads ===

impl Threads {
    pub(crate) fn of(whose: Whose) -> anyhow::Result<Self> {
        let own = Process::myself()?.pid;
        let mut threads = HashMap::new();
        for stat in whose.processes()? {
            let Ok(tasks) = Process::new(stat.pid).and_then(|process| process.tasks()) else { continue };
            // Who ends in between is not there any more, nor is what it used since.
            for task in tasks.flatten() {
                let (Ok(name), Ok(used)) = (task.stat().map(|stat| stat.comm), task.schedstat()) else { continue };
                let part = if stat.pid == own { own_part(&name) } else { others_part(&name) };
                threads.insert((stat.pid, task.tid), (part, Duration::from_nanos(used.sum_exec_runtime)));
            }
        }
        Ok(Self(threads))
    }

    /// Returns what was used since then.
    pub(crate) fn since(&self, before: &Self) -> Parts {
        let mut parts = Parts::new();
        for (thread, (part, used)) in &self.0 {
            let then = before.0.get(thread).map_or(Duration::ZERO, |(_, then)| *then);
            *parts.entry(part).or_default() += used.saturating_sub(then);
        }
        parts
    }
}

/// Returns what a thread of this process does. Systems that are measured beside hedgerow name theirs alike.
fn own_part(thread: &str) -> &'static str {
    match thread {
        "starter" => "starter",
        "executors" => "executors",
        "collector" => "collector",
        "decoy" => "decoy",
        "stations" => "starter, executors and collector",
        executor if executor.starts_with("x-") => "executors",
        // Whoever asks, and what counts the answers.
        callers if callers == "pace" || callers.starts_with("tokio-") => "callers",
        client if client.starts_with("rdk:") => "Kafka client: network",
        reports if reports.ends_with("-producer") => "Kafka client: acknowledgements",
        _ => "others",
    }
}

/// Returns what a thread of another process does: Java's, mostly. The kernel keeps 15 bytes of a name.
fn others_part(thread: &str) -> &'static str {
    match thread {
        requests if requests.starts_with("data-plane-") => "broker: requests",
        collecting if collecting.starts_with("G1 ") || collecting.starts_with("GC ") => "broker: garbage collection",
        compiling if compiling.starts_with("C1 ") || compiling.starts_with("C2 ") => "broker: compiling",
        _ => "broker: others",
    }
}

fn seconds(stat: &Stat) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ticks of a run stay far below 2^52")]
    let ticks = (stat.utime + stat.stime) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a hundred on every Linux")]
    let each = procfs::ticks_per_second() as f64;
    ticks / each
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Instant};

    use super::*;

    #[test]
    fn what_a_thread_uses_is_booked_to_its_part_and_what_it_used_before_is_not() {
        let (go, wait) = mpsc::channel::<()>();
        let (done, finished) = mpsc::channel();
        let working = thread::Builder::new().name("collector".to_owned()).spawn(move || {
            for () in wait {
                let before = Threads::of(Whose::Own).unwrap();
                let began = Instant::now();
                while Threads::of(Whose::Own).unwrap().since(&before)["collector"] < Duration::from_millis(5) {
                    assert!(began.elapsed() < Duration::from_mins(1), "it uses nothing");
                }
                done.send(()).unwrap();
            }
        });
        go.send(()).unwrap();
        finished.recv().unwrap();
        let before = Threads::of(Whose::Own).unwrap();
        assert!(before.0.values().any(|(part, used)| *part == "collector" && *used >= Duration::from_millis(5)));
        assert!(Threads::of(Whose::Own).unwrap().since(&before)["collector"] < Duration::from_millis(5));
        drop(go);
        working.unwrap().join().unwrap();
    }

    #[test]
    fn every_part_has_its_threads() {
        let own = ["starter", "x-forest", "rdk:broker1", "kafka-producer", "bare-producer", "tokio-rt-worker", "java"];
        assert_eq!(
            own.map(own_part).join(", "),
            "starter, executors, Kafka client: network, Kafka client: acknowledgements, \
            Kafka client: acknowledgements, callers, others"
        );
        let others = ["data-plane-kafk", "G1 Conc#0", "GC Thread#1", "C2 CompilerThre", "kafka-scheduler"];
        assert_eq!(
            others.map(others_part).join(", "),
            "broker: requests, broker: garbage collection, broker: garbage collection, \
            broker: compiling, broker: others"
        );
    }
}
