//! The loop between the bus and the archive: it tells partitions what happened and does what they say.
//!
//! Every look at a file happens in a task of its own, at most one a partition, so that the loop keeps polling whatever
//! the disk does. Dropping the loop at any point is a legal exit: the archive alone says where to go on.

mod joining;
mod report;
mod tasks;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use bus::{Assigned, Bus, BusError, Clock, Commit, Committed, Consumer, Event, Outage, TopicPartition};
use policies::{DecoySpec, Definition};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::Timestamp;

use self::{
    joining::join,
    report::report_on,
    tasks::{Done, Tasks},
};
use crate::{
    Metrics,
    partition::{Action, Partition},
    segment::Limits,
};

/// What the decoy needs.
pub struct DecoyStation {
    /// Where requests come from.
    pub bus: Arc<dyn Bus>,
    /// Tells how long records have waited.
    pub clock: Clock,
    /// The rendezvous; its `decoy` says where the archive is.
    pub definition: Arc<Definition>,
    /// The folder that the archive's path is relative to: the policy file's.
    pub base: PathBuf,
    /// Whether inputs were archived in another folder before: an empty archive then begins where that one ended, and
    /// not at the beginning of the log.
    pub has_moved: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Why the decoy ended.
#[derive(Debug, thiserror::Error)]
pub enum DecoyError {
    /// The rendezvous archives nothing.
    #[error("the rendezvous has no `decoy`")]
    NoArchive,
    /// The bus cannot be used as it is.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// How large files get, and how much memory they may take up before they are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    rows: usize,
    file_bytes: usize,
    memory_bytes: usize,
}

/// Archives the requests of the partitions that this member is given, until `stop`. `ready` fires when the archive of
/// those was looked at; an archive that cannot be used delays neither it nor anybody else.
pub async fn run(station: DecoyStation, stop: CancellationToken, ready: oneshot::Sender<()>) -> Result<(), DecoyError> {
    run_with(station, SIZES, stop, ready).await
}

/// Who waits for the bus, if it is away.
const WHO: &str = "the decoy";
/// A row group's worth of rows, and files that readers like. A quarter of a gigabyte is shared by all partitions.
const SIZES: Sizes = Sizes { rows: 100_000, file_bytes: 32 << 20, memory_bytes: 256 << 20 };
/// How often the lag is asked for.
const TEND_EVERY: Duration = Duration::from_secs(5);
/// How often old files are looked for.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// A member that is given nothing for this long has nothing to do, and is ready for it.
const IDLE_AFTER: Duration = Duration::from_secs(3);
/// What is in hand when the station is stopped is written within this, or read again by the next owner.
const DRAIN_WITHIN: Duration = Duration::from_millis(1_500);

pub(crate) async fn run_with(
    station: DecoyStation,
    sizes: Sizes,
    stop: CancellationToken,
    ready: oneshot::Sender<()>,
) -> Result<(), DecoyError> {
    let spec = station.definition.decoy.clone().ok_or(DecoyError::NoArchive)?;
    let consumer = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        joined = join(&station) => joined?,
    };
    let mut decoy = Decoy::new(station, spec, sizes, consumer, ready);
    loop {
        tokio::select! {
            // Whoever is stopped takes in nothing more; what is done makes room for what comes.
            biased;
            () = stop.cancelled() => return decoy.close().await,
            done = decoy.tasks.next(), if !decoy.tasks.is_empty() => decoy.on_done(done)?,
            event = decoy.consumer.next() => decoy.on_event(event)?,
            () = decoy.clock.sleep_until(decoy.next_wake) => decoy.on_time()?,
        }
    }
}

/// The decoy at work.
struct Decoy {
    consumer: Box<dyn Consumer>,
    tasks: Tasks,
    clock: Clock,
    metrics: Arc<Metrics>,
    keep: Option<Duration>,
    every: Duration,
    has_moved: bool,
    sizes: Sizes,
    partitions: BTreeMap<TopicPartition, Owned>,
    /// Counts assignments, so that what an earlier owner of a partition began is not taken for this one's.
    turns: u64,
    ready: Option<oneshot::Sender<()>>,
    idle_at: Timestamp,
    tend_at: Timestamp,
    prune_at: Timestamp,
    next_wake: Timestamp,
    outage: Outage,
}

struct Owned {
    turn: u64,
    partition: Partition,
}

// === impl Decoy ===

impl Decoy {
    fn new(
        station: DecoyStation,
        spec: DecoySpec,
        sizes: Sizes,
        consumer: Box<dyn Consumer>,
        ready: oneshot::Sender<()>,
    ) -> Self {
        let now = station.clock.now();
        let has_moved = station.has_moved;
        let tasks = Tasks::new(station.bus, station.base.join(spec.archive));
        let (clock, metrics, (keep, every)) = (station.clock, station.metrics, (spec.keep, spec.every));
        let ((partitions, turns), outage) = (Default::default(), Outage::of(WHO));
        let (idle_at, tend_at, prune_at, next_wake) = (now.after(IDLE_AFTER), now, now, now);
        let ready = Some(ready);
        Self {
            consumer,
            tasks,
            clock,
            metrics,
            keep,
            every,
            has_moved,
            sizes,
            partitions,
            turns,
            ready,
            idle_at,
            tend_at,
            prune_at,
            next_wake,
            outage,
        }
    }

    fn on_event(&mut self, event: Result<Event, BusError>) -> Result<(), BusError> {
        let now = self.clock.now();
        if event.is_ok() {
            self.outage.end(now);
        }
        match event {
            Ok(Event::Assigned(assigned)) => self.on_assigned(assigned),
            Ok(Event::Revoked(revoked)) => revoked.iter().for_each(|name| drop(self.partitions.remove(name))),
            Ok(Event::Records(records)) => {
                let limits = self.limits();
                for received in &records {
                    if let Some(owned) = self.partitions.get_mut(&received.partition) {
                        owned.partition.on_record(received, now, &limits);
                    }
                }
            }
            Err(BusError::OffsetGone { partition, low, high, .. }) => {
                if let Some(owned) = self.partitions.get_mut(&partition) {
                    owned.partition.on_gone(&(low..high), now);
                }
            }
            Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
            Err(error) => self.outage.begin(&error, now),
        }
        self.act()
    }

    fn on_assigned(&mut self, assigned: Vec<Assigned>) {
        for Assigned { partition: name, committed } in assigned {
            self.turns += 1;
            let partition = Partition::open(name.clone(), committed.map(|committed| committed.offset), self.has_moved);
            self.partitions.insert(name, Owned { turn: self.turns, partition });
        }
    }

    fn on_done(&mut self, done: Done) -> Result<(), BusError> {
        let (now, limits) = (self.clock.now(), self.limits());
        match done {
            Done::Surveyed { name, turn, survey } => {
                if let Some(partition) = self.owned(&name, turn) {
                    partition.on_surveyed(survey, now);
                }
            }
            Done::Written { name, turn, written } => {
                if let Some(partition) = self.owned(&name, turn) {
                    partition.on_written(written, now, &limits);
                }
            }
            Done::Tended(ends) => self.on_tended(&ends),
            Done::Pruned(Ok(files)) => drop(self.metrics.pruned.inc_by(files)),
            Done::Pruned(Err(error)) => {
                self.metrics.failures.inc();
                tracing::warn!(%error, "old files of the archive are not removed");
            }
        }
        self.act()
    }

    fn on_time(&mut self) -> Result<(), BusError> {
        let now = self.clock.now();
        self.partitions.values_mut().for_each(|owned| owned.partition.on_time(now));
        let names = || self.partitions.keys().cloned().collect();
        if self.tend_at <= now {
            self.tend_at = now.after(TEND_EVERY);
            self.tasks.tend(names());
        }
        if self.prune_at <= now {
            self.prune_at = now.after(PRUNE_EVERY);
            if let Some(keep) = self.keep {
                self.tasks.prune(names(), now.before(keep));
            }
        }
        self.act()
    }

    fn on_tended(&mut self, ends: &[(TopicPartition, i64)]) {
        let lag = |(name, end): &(TopicPartition, i64)| Some(end - self.partitions.get(name)?.partition.durable()?);
        let known: Vec<i64> = ends.iter().filter_map(lag).collect();
        self.metrics.lag.set(known.iter().map(|lag| (*lag).max(0)).sum());
    }

    /// Does what the partitions say until they say nothing more.
    fn act(&mut self) -> Result<(), BusError> {
        let now = self.clock.now();
        for (name, owned) in &mut self.partitions {
            while let Some(action) = owned.partition.poll_action() {
                match action {
                    Action::Survey => self.tasks.survey(name.clone(), owned.turn),
                    Action::Write(sealed) => self.tasks.write(name.clone(), owned.turn, sealed),
                    Action::Start(from) => match self.consumer.start(name, from) {
                        Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
                        Err(error) => owned.partition.on_refused(error.to_string(), now),
                        Ok(()) => {}
                    },
                    // What comes although it was stopped is ignored, and a lost commit only shows a lag.
                    Action::Pause => unless_fatal(self.consumer.stop(name))?,
                    Action::Commit(offset) => unless_fatal(self.consumer.commit(&[commit(name, offset)]))?,
                    Action::Report(report) => report_on(name, &report, &self.metrics, now),
                }
            }
        }
        self.settle(now);
        Ok(())
    }

    /// Brings what follows from the partitions' states up to date.
    fn settle(&mut self, now: Timestamp) {
        let partitions = || self.partitions.values().map(|owned| &owned.partition);
        let troubled = partitions().filter(|partition| partition.is_troubled()).count();
        self.metrics.troubled.set(i64::try_from(troubled).unwrap_or(i64::MAX));
        let due = partitions().filter_map(Partition::deadline).min();
        let idle = self.ready.as_ref().map(|_| self.idle_at);
        let wakes = [due, idle, Some(self.tend_at), Some(self.prune_at)];
        self.next_wake = wakes.into_iter().flatten().min().unwrap_or(self.tend_at);
        let looked = partitions().next().is_some() && !partitions().any(Partition::is_surveying);
        if (looked || self.idle_at <= now)
            && let Some(ready) = self.ready.take()
        {
            // Whoever started this station may have stopped waiting.
            let _ = ready.send(());
        }
    }

    /// Writes what is in hand, commits, and leaves.
    async fn close(mut self) -> Result<(), DecoyError> {
        self.partitions.values_mut().for_each(|owned| owned.partition.on_stop());
        self.act()?;
        let drained = tokio::time::timeout(DRAIN_WITHIN, async {
            while self.partitions.values().any(|owned| owned.partition.is_busy()) {
                let done = self.tasks.next().await;
                self.on_done(done)?;
            }
            Ok::<(), BusError>(())
        });
        if let Ok(drained) = drained.await {
            drained?;
        } else {
            tracing::warn!("the archive is slow: what it has not taken in is read again by the next owner");
        }
        let durable = |(name, owned): (&TopicPartition, &Owned)| Some(commit(name, owned.partition.durable()?));
        let last = self.partitions.iter().filter_map(durable).filter(|last| last.committed.offset > 0).collect();
        self.consumer.close(last).await;
        Ok(())
    }

    fn owned(&mut self, name: &TopicPartition, turn: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(name).filter(|owned| owned.turn == turn).map(|owned| &mut owned.partition)
    }

    /// Each partition has a file that fills and one that is written.
    fn limits(&self) -> Limits {
        let share = self.sizes.memory_bytes / (2 * self.partitions.len().max(1));
        Limits { rows: self.sizes.rows, bytes: self.sizes.file_bytes.min(share), every: self.every }
    }
}

fn commit(name: &TopicPartition, offset: i64) -> Commit {
    Commit { partition: name.clone(), committed: Committed { offset, metadata: String::new() } }
}

fn unless_fatal(result: Result<(), BusError>) -> Result<(), BusError> {
    match result {
        Err(fatal @ BusError::Fatal(_)) => Err(fatal),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
