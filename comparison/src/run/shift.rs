//! One membership in the group, from the first canary to the last, or to the end of the station.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bus::{Assigned, BoxFuture, BusError, Clock, Consumer, Event, Outage, Received, StartAt, TopicPartition};
use canary::{Ledger, Matchup, Topic};
use policies::Versions;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::{ExecutorId, RendezvousName, Timestamp, Topics};

use super::{
    ComparisonStation,
    hands::{Ends, Starts, find_ends, find_starts, name_of, topic_of, topics_of},
    judging::{Judging, Looked},
    matchups,
    writing::Writing,
};
use crate::{
    Metrics,
    partition::{Action, Partition, Told},
    referee::Found,
};

/// A comparison at work.
pub(super) struct Shift {
    bus: Arc<dyn bus::Bus>,
    clock: Clock,
    versions: watch::Receiver<Arc<Versions>>,
    limits: canary::Limits,
    metrics: Arc<Metrics>,
    rendezvous: RendezvousName,
    topics: Topics,
    /// Says which partitions are ours, and reads none.
    member: Box<dyn Consumer>,
    /// Reads them.
    tail: Box<dyn Consumer>,
    partitions: BTreeMap<i32, Partition>,
    /// Tells what all partitions came to, while the first one is ours.
    found: watch::Sender<Option<Found>>,
    /// Given to us, and not compared yet.
    coming: BTreeSet<i32>,
    starting: Option<BoxFuture<'static, Result<Starts, BusError>>>,
    looking: Option<BoxFuture<'static, Result<Ends, BusError>>>,
    judging: Judging,
    writing: Writing,
    /// Before then nobody asks or is asked again.
    not_before: Timestamp,
    shown_at: Timestamp,
}

/// Why a shift ended.
pub(super) enum End {
    /// It was told to stop.
    Stopped,
    /// There is no canary any more.
    NothingToCompare,
}

/// Whoever has it looks at the sum of all.
const FIRST: i32 = 0;
/// So often it is asked at most where topics end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// So often it is shown what was counted.
const SHOW_EVERY: Duration = Duration::from_secs(1);

// === impl Shift ===

impl Shift {
    pub(super) async fn begin(
        station: &ComparisonStation,
        found: watch::Sender<Option<Found>>,
        outage: &mut Outage,
    ) -> Result<Self, BusError> {
        let (bus, clock) = (&station.bus, &station.clock);
        let rendezvous = station.versions.borrow().live().name().clone();
        let topics = Topics::of(&rendezvous);
        let (group, written) = (topics.group("comparison"), [topics.comparisons.as_str()]);
        let producer = outage.insist(clock, || bus.producer(&written)).await?;
        let tail = outage.insist(clock, || bus.unhurried_tail()).await?;
        let member = outage.insist(clock, || bus.member(&group, &topics.requests)).await?;
        let writing = Writing::new(producer, rendezvous.clone(), Arc::clone(&station.metrics));
        let (partitions, coming, starting, looking) = Default::default();
        Ok(Self {
            bus: Arc::clone(bus),
            clock: clock.clone(),
            versions: station.versions.clone(),
            limits: station.limits,
            metrics: Arc::clone(&station.metrics),
            rendezvous,
            topics,
            member,
            tail,
            partitions,
            found,
            coming,
            starting,
            looking,
            judging: Judging::new(),
            writing,
            not_before: Timestamp::EPOCH,
            shown_at: Timestamp::EPOCH,
        })
    }

    pub(super) async fn serve(&mut self, stop: &CancellationToken, outage: &mut Outage) -> Result<End, BusError> {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                event = self.member.next() => self.on_membership(event, outage)?,
                Some((partition, written)) = self.writing.next() => self.on_written(partition, &written, outage),
                Ok(()) = self.versions.changed() => if self.on_versions() {
                    return Ok(End::NothingToCompare);
                },
                starts = ended(&mut self.starting) => self.on_starts(starts, outage)?,
                ends = ended(&mut self.looking) => self.on_ends(ends, outage)?,
                looked = ended(&mut self.judging.reading) => self.on_looked(looked, outage)?,
                event = self.tail.next(), if !self.partitions.is_empty() => self.on_records(event, outage)?,
                () = self.clock.sleep_until(due.unwrap_or(Timestamp::EPOCH)), if due.is_some() => {}
            }
            self.go_on()?;
        }
    }

    /// Writes down what was counted, and leaves the group.
    pub(super) async fn close(mut self) {
        for partition in self.partitions.keys().copied().collect::<Vec<_>>() {
            self.let_go(partition);
        }
        self.writing.drain().await;
        self.metrics.clear();
        self.metrics.partitions.set(0);
        self.tail.close(Vec::new()).await;
        self.member.close(Vec::new()).await;
    }

    /// Returns when there is something to do even if nothing comes.
    fn due(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let wants_ends = self.looking.is_none() && self.partitions.values().any(|partition| partition.wants_ends(now));
        let ends = wants_ends.then_some(self.not_before);
        let starts = (self.starting.is_none() && !self.coming.is_empty()).then_some(self.not_before);
        let partitions = self.partitions.values().filter_map(Partition::next_deadline).min();
        let judged = if self.partitions.is_empty() { None } else { self.judging.due() };
        let later = [partitions, judged].map(|due| due.map(|due| due.max(self.not_before)));
        [ends, starts].into_iter().chain(later).flatten().min()
    }

    /// Does what is due, and what partitions say.
    fn go_on(&mut self) -> Result<(), BusError> {
        let now = self.clock.now();
        let known = Arc::clone(&self.versions.borrow());
        for (index, partition) in &mut self.partitions {
            partition.on_time(now, &*known, known.newest());
            while let Some(action) = partition.poll_action() {
                match action {
                    Action::Read(topic, from) => {
                        let topic = topic_of(&self.topics, topic, *index);
                        unless_fatal(self.tail.start(&topic, StartAt::Offset(from)))?;
                    }
                    Action::Pause(topic) => {
                        unless_fatal(self.tail.stop(&topic_of(&self.topics, topic, *index)))?;
                    }
                    Action::Keep(kept) => {
                        if let Err(error) = self.writing.send(*index, &kept) {
                            partition.on_kept(false, now);
                            unless_fatal(Err(error))?;
                        }
                    }
                    Action::Tell(told) => tell(&self.metrics, (&self.topics, *index), told),
                }
            }
        }
        if self.not_before <= now {
            self.not_before = now.after(LOOK_EVERY);
            self.look(now);
        }
        if self.shown_at.after(SHOW_EVERY) <= now {
            self.shown_at = now;
            self.show(now);
        }
        Ok(())
    }

    /// Looks where new partitions begin, and where topics end whose partitions wait for that.
    fn look(&mut self, now: Timestamp) {
        if !self.partitions.is_empty() {
            self.judging.look(&self.bus, &self.rendezvous, now);
        }
        let (bus, clock) = (Arc::clone(&self.bus), self.clock.clone());
        if self.starting.is_none() && !self.coming.is_empty() {
            let coming = self.coming.iter().copied().collect();
            self.starting = Some(Box::pin(find_starts(bus, clock, self.rendezvous.clone(), coming)));
            return;
        }
        let waiting = self.partitions.iter().filter(|(_, partition)| partition.wants_ends(now));
        let waiting: Vec<i32> = waiting.map(|(partition, _)| *partition).collect();
        if self.looking.is_none() && !waiting.is_empty() {
            self.looking = Some(Box::pin(find_ends(bus, clock, self.topics.clone(), waiting)));
        }
    }

    fn on_membership(&mut self, event: Result<Event, BusError>, outage: &mut Outage) -> Result<(), BusError> {
        match outage.note(event, &self.clock)? {
            Some(Event::Assigned(assigned)) => {
                self.coming.extend(assigned.iter().map(|Assigned { partition, .. }| partition.partition));
                self.not_before = Timestamp::EPOCH;
            }
            Some(Event::Revoked(revoked)) => {
                for TopicPartition { partition, .. } in revoked {
                    self.coming.remove(&partition);
                    self.let_go(partition);
                }
                self.metrics.clear();
                self.judging.forget();
            }
            Some(Event::Records(_)) | None => {}
        }
        Ok(())
    }

    fn on_starts(&mut self, starts: Result<Starts, BusError>, outage: &mut Outage) -> Result<(), BusError> {
        let Some(starts) = outage.note(starts, &self.clock)? else { return Ok(()) };
        let (now, matchups) = (self.clock.now(), matchups(&self.versions));
        for (index, start) in starts {
            // It may have been taken from us meanwhile.
            if self.coming.remove(&index) {
                tracing::debug!(partition = index, ?start, "comparing begins");
                self.partitions.insert(index, Partition::open(matchups.clone(), self.limits, start, now));
            }
        }
        self.metrics.partitions.set(i64::try_from(self.partitions.len()).unwrap_or(i64::MAX));
        Ok(())
    }

    fn on_ends(&mut self, ends: Result<Ends, BusError>, outage: &mut Outage) -> Result<(), BusError> {
        let Some((ends, asked)) = outage.note(ends, &self.clock)? else { return Ok(()) };
        for (index, spans) in ends {
            if let Some(partition) = self.partitions.get_mut(&index) {
                for (topic, span) in Topic::ALL.into_iter().zip(spans) {
                    partition.on_end(topic, span.end, asked);
                }
            }
        }
        Ok(())
    }

    fn on_looked(&mut self, (words, outcome): Looked, outage: &mut Outage) -> Result<(), BusError> {
        let is_new = outage.note(outcome, &self.clock)?.unwrap_or(false);
        let words = self.judging.on_looked(words);
        if !is_new {
            return Ok(());
        }
        let now = self.clock.now();
        for (index, partition) in &mut self.partitions {
            let Some(place) = words.place_of(*index) else { continue };
            if self.writing.is_contradicted(*index, place) {
                // Somebody who had it before woke up and has an older word.
                tracing::debug!(partition = index, place, "contradicted");
                partition.on_contradicted(now);
            }
        }
        if self.partitions.contains_key(&FIRST) {
            let live = Arc::clone(self.versions.borrow().live());
            let reports = words.compared().reports(&live);
            self.metrics.show_verdicts(&reports);
            self.found.send_replace(Some(Found { by: live.policy_ref.clone(), reports }));
        }
        Ok(())
    }

    fn on_records(&mut self, event: Result<Event, BusError>, outage: &mut Outage) -> Result<(), BusError> {
        if let Err(BusError::OffsetGone { partition: name, offset, low, high }) = &event {
            let (known, now) = (Arc::clone(&self.versions.borrow()), self.clock.now());
            if let Some((topic, partition)) = self.of(name) {
                partition.on_gone(topic, *offset, (*low, *high), &*known, now);
            }
            return Ok(());
        }
        if let Some(Event::Records(records)) = outage.note(event, &self.clock)? {
            for Received { partition: name, offset, appended, record } in records {
                if let Some((topic, partition)) = self.of(&name) {
                    partition.on_record(topic, offset, appended, record);
                }
            }
        }
        Ok(())
    }

    /// Compares by what is live now; returns whether there is nothing to compare.
    fn on_versions(&mut self) -> bool {
        let matchups = matchups(&self.versions);
        let (known, now) = (Arc::clone(&self.versions.borrow()), self.clock.now());
        if matchups.is_empty() {
            return true;
        }
        for partition in self.partitions.values_mut() {
            partition.on_matchups(matchups.clone(), self.limits, &*known, now);
        }
        self.metrics.clear();
        self.judging.forget();
        false
    }

    fn on_written(&mut self, index: i32, written: &Result<i64, BusError>, outage: &mut Outage) {
        let now = self.clock.now();
        self.writing.on_written(index, written);
        match written {
            Ok(_) => {}
            // It is written again in a few seconds.
            Err(error @ (BusError::Unavailable(_) | BusError::QueueFull)) => outage.begin(error, now),
            Err(error) => tracing::error!(partition = index, %error, "what was compared is not written down"),
        }
        if let Some(partition) = self.partitions.get_mut(&index) {
            partition.on_kept(written.is_ok(), now);
        }
    }

    /// Writes down what is new of a partition that is not ours any more.
    fn let_go(&mut self, index: i32) {
        let known = Arc::clone(&self.versions.borrow());
        self.writing.forget(index);
        let Some(mut partition) = self.partitions.remove(&index) else { return };
        if index == FIRST {
            self.found.send_replace(None);
        }
        for name in topics_of(&self.topics, index) {
            // What comes although it was stopped is nobody's.
            let _ = self.tail.stop(&name);
        }
        if let Some(kept) = partition.last_word(&*known)
            && let Err(error) = self.writing.send(index, &kept)
        {
            tracing::warn!(partition = index, %error, "not written down, and counted again by the next owner");
        }
        self.metrics.partitions.set(i64::try_from(self.partitions.len()).unwrap_or(i64::MAX));
    }

    fn show(&self, now: Timestamp) {
        let mut sums: BTreeMap<&ExecutorId, Ledger> = BTreeMap::new();
        for (Matchup { canary, .. }, ledger) in self.partitions.values().flat_map(Partition::ledgers) {
            sums.entry(canary).or_default().merge(ledger);
        }
        self.metrics.show(sums.iter().map(|(canary, ledger)| (*canary, ledger)));
        let open: usize = self.partitions.values().map(|partition| partition.held().0).sum();
        self.metrics.open.set(i64::try_from(open).unwrap_or(i64::MAX));
        let behind = self.partitions.values().filter_map(Partition::waiting_since).min();
        let lag = behind.map_or(0, |since| now.since(since).as_secs());
        self.metrics.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    fn of(&mut self, name: &TopicPartition) -> Option<(Topic, &mut Partition)> {
        let topic = Topic::ALL.into_iter().find(|topic| *name_of(&self.topics, *topic) == *name.topic)?;
        Some((topic, self.partitions.get_mut(&name.partition)?))
    }
}

fn tell(metrics: &Metrics, (topics, partition): (&Topics, i32), told: Told) {
    metrics.on_told(told);
    let of = |topic| topic_of(topics, topic, partition);
    match told {
        Told::Lost(topic, records) => {
            tracing::error!(partition = %of(topic), records, "the log dropped these before they were compared");
        }
        Told::CutOff(topic) => {
            tracing::error!(partition = %of(topic), "the log was cut off: comparing goes on at its beginning");
        }
        Told::VersionUnknown => tracing::warn!("a request names a version of the policy that nobody knows"),
        Told::Read(_) | Told::Passed(_) | Told::Unreadable(_) => {}
    }
}

fn unless_fatal(result: Result<(), BusError>) -> Result<(), BusError> {
    match result {
        Err(fatal @ BusError::Fatal(_)) => Err(fatal),
        _ => Ok(()),
    }
}

/// Waits for what is under way and returns what came of it; for ever if nothing is. Cancel-safe.
async fn ended<T>(under_way: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(waiting) = under_way else { return std::future::pending().await };
    let outcome = waiting.await;
    *under_way = None;
    outcome
}
