//! One membership in the group and one opening of the transactional ids, together: the loop. It decides nothing.

mod hearing;
mod writing;

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{
    Assigned, Attempts, BusError, Consumer, Event, Outage, Producer, Received, StartAt, TopicPartition, Transactions,
};
use executor::{Input, Turn, failed};
use futures::FutureExt as _;
use keyed::{Asked, Kept, Partition, Place};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wire::{Decoder, Envelope, Failure, Request, Timestamp, TraceParent};

use self::hearing::Hearing;
use super::{
    batch::{Batch, Pending},
    keeper::Keeper,
};

/// An executor that keeps state, at work.
pub(super) struct Shift<'run> {
    keeper: &'run Keeper,
    /// Set when the group is joined.
    member: Option<Box<dyn Consumer>>,
    /// Reads what is known, of partitions that are new here.
    restorer: Box<dyn Consumer>,
    settings: Option<Hearing>,
    commands: Option<(Arc<str>, i32)>,
    transactions: Attempts<Written>,
    producer: Arc<dyn Producer>,
    partitions: BTreeMap<i32, Serving>,
    batch: Batch,
    /// Responses that the log has taken in, or has not. Told by other threads, which wake nobody.
    acknowledged: Arc<Mutex<Vec<(i32, i64, bool)>>>,
    decoder: Decoder,
}

/// A partition that is ours.
struct Serving {
    partition: Partition,
    requests: TopicPartition,
    /// When something of what is known was read last.
    heard: Timestamp,
    /// Whether requests are read.
    started: bool,
    committed: Option<Place>,
}

/// What a transaction is of.
struct Written {
    batch: Batch,
    places: Vec<(i32, Place)>,
}

/// Why a shift ended.
pub(super) enum End {
    /// It was told to stop.
    Stopped,
    /// It is not known where the partitions stand, or the group does not let it commit.
    Anew(String),
}

/// Nothing, or why the shift must end.
type Outcome = Result<(), String>;

/// How often it is looked after what other threads told, and after what time has brought.
const TICK: Duration = Duration::from_millis(200);
/// How long a step may go on behind the deadline, or after it began, if that was later.
const GRACE: Duration = Duration::from_secs(1);
/// Responses to requests that were due longer ago than this are not sent: nobody waits, and nobody compares.
const STALE: Duration = Duration::from_secs(5);
/// Where nobody said how much there is to be read, nothing for so long is the end.
const QUIET: Duration = Duration::from_secs(2);
/// What was committed and does not come for so long is lost.
const LOST_AFTER: Duration = Duration::from_secs(20);

// === impl Shift: how it begins and ends ===

impl<'run> Shift<'run> {
    pub(super) fn new(
        keeper: &'run Keeper,
        transactions: Box<dyn Transactions>,
        producer: Arc<dyn Producer>,
        restorer: Box<dyn Consumer>,
    ) -> Self {
        Self {
            keeper,
            member: None,
            restorer,
            settings: None,
            commands: None,
            transactions: Attempts::new(transactions, keeper.clock.clone()),
            producer,
            partitions: BTreeMap::new(),
            batch: Batch::default(),
            acknowledged: Arc::default(),
            decoder: Decoder::default(),
        }
    }

    /// Hears the settings in `topic`, all of them: who sets something need not know how requests are spread.
    pub(super) fn hear_settings(&mut self, tail: Box<dyn Consumer>, topic: &str, count: i32) -> Result<(), BusError> {
        self.settings = Some(Hearing::begin(tail, topic, count, self.keeper.clock.now())?);
        Ok(())
    }

    /// Writes commands to `topic`, which has so many partitions.
    pub(super) fn command_through(&mut self, topic: &str, count: i32) {
        self.commands = Some((topic.into(), count.max(1)));
    }

    pub(super) fn join(&mut self, member: Box<dyn Consumer>) {
        self.member = Some(member);
    }

    pub(super) async fn serve(&mut self, stop: &CancellationToken, outage: &mut Outage) -> Result<End, BusError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_full = self.batch.is_full();
            let done = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                outcome = self.transactions.outcome() => self.on_outcome(outcome),
                event = hearing::next_of(&mut self.settings) => {
                    if let Some(hearing) = &mut self.settings {
                        hearing.on_event(event, outage, self.keeper.clock.now())?;
                    }
                    Ok(())
                }
                event = self.restorer.next() => self.on_kept(event, outage)?,
                event = next_of(&mut self.member), if !is_full => self.on_event(event, outage).await?,
                _ = ticks.tick() => {
                    self.on_tick();
                    Ok(())
                }
            };
            self.begin_serving()?;
            let may_write =
                !self.transactions.is_under_way() && self.transactions.not_before() <= self.keeper.clock.now();
            if may_write && !self.batch.is_empty() {
                self.send();
            }
            if let Err(why) = done {
                return Ok(End::Anew(why));
            }
        }
    }

    /// Writes what was read, answers it, and commits that it is answered.
    pub(super) async fn drain(&mut self) {
        for _ in 0..3 {
            if !self.transactions.is_under_way() {
                if self.batch.is_empty() && self.moved().is_empty() {
                    return;
                }
                self.send();
            }
            let outcome = self.transactions.outcome().await;
            if self.on_outcome(outcome).is_err() {
                return;
            }
            // What is not acknowledged is sent again by the next owner.
            let _ = self.producer.drain(GRACE).await;
            self.take_acknowledgements();
        }
    }

    /// Leaves the group.
    pub(super) async fn close(mut self) {
        if let Some(member) = self.member.take() {
            member.close(Vec::new()).await;
        }
    }
}

// === impl Shift: what happens ===

impl Shift<'_> {
    async fn on_event(&mut self, event: Result<Event, BusError>, outage: &mut Outage) -> Result<Outcome, BusError> {
        match event {
            Ok(event) => {
                outage.end(self.keeper.clock.now());
                match event {
                    Event::Assigned(assigned) => self.on_assigned(assigned, outage).await?,
                    Event::Revoked(revoked) => return Ok(self.on_revoked(&revoked).await),
                    Event::Records(records) => self.on_records(records).await,
                }
            }
            Err(BusError::OffsetGone { partition, low, .. }) => {
                tracing::error!(%partition, low, "requests are gone from the log: going on with what is known and the oldest there is");
                if let Some(serving) = self.partitions.get_mut(&partition.partition) {
                    serving.partition.on_gone(low);
                }
                if let Some(member) = &mut self.member {
                    member.start(&partition, StartAt::Offset(low))?;
                }
            }
            Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
            Err(error) => outage.begin(&error, self.keeper.clock.now()),
        }
        Ok(Ok(()))
    }

    /// Begins to read what is known. Requests are read when all of it was, and all settings that there are by now: the
    /// predecessor may have heard as much.
    async fn on_assigned(&mut self, assigned: Vec<Assigned>, outage: &mut Outage) -> Result<(), BusError> {
        let (bus, clock, now) = (&self.keeper.bus, &self.keeper.clock, self.keeper.clock.now());
        if let Some(hearing) = &mut self.settings {
            hearing.want(&**bus, clock, outage).await?;
        }
        let topic = self.keeper.kept();
        for Assigned { partition: requests, committed } in assigned {
            let kept = TopicPartition::new(&topic, requests.partition);
            let span = outage.insist(clock, || bus.span(&kept)).await?;
            let committed = committed.as_ref().map(|committed| (committed.offset, committed.metadata.as_str()));
            let partition = Partition::open(committed, !span.is_empty());
            if !partition.is_restored() {
                self.restorer.start(&kept, StartAt::Beginning)?;
            }
            let serving = Serving { partition, requests, heard: now, started: false, committed: None };
            self.partitions.insert(kept.partition, serving);
        }
        Ok(())
    }

    /// The group gives these to somebody else, as soon as it is asked for the next event: what is under way ends first,
    /// so that who comes next is told where they stand.
    async fn on_revoked(&mut self, revoked: &[TopicPartition]) -> Outcome {
        let mut ended = Ok(());
        if self.transactions.is_under_way() {
            let outcome = self.transactions.outcome().await;
            ended = self.on_outcome(outcome);
        }
        let topic = self.keeper.kept();
        for name in revoked {
            self.partitions.remove(&name.partition);
            self.batch.forget(name.partition);
            // It may not have been reading any more.
            let _ = self.restorer.stop(&TopicPartition::new(&topic, name.partition));
        }
        ended
    }

    fn on_kept(&mut self, event: Result<Event, BusError>, outage: &mut Outage) -> Result<Outcome, BusError> {
        let now = self.keeper.clock.now();
        match event {
            Ok(Event::Records(records)) => {
                for Received { partition: name, offset, record, .. } in records {
                    let Some(serving) = self.partitions.get_mut(&name.partition).filter(|serving| !serving.started)
                    else {
                        continue;
                    };
                    serving.heard = now;
                    match Kept::decode(&record) {
                        Ok(kept) => serving.partition.on_kept(kept),
                        Err(error) => tracing::warn!(partition = %name, offset, %error, "left out"),
                    }
                }
            }
            Ok(Event::Assigned(_) | Event::Revoked(_)) => {}
            Err(BusError::OffsetGone { partition, low, .. }) => {
                self.restorer.start(&partition, StartAt::Offset(low))?;
            }
            Err(fatal @ BusError::Fatal(_)) => return Err(fatal),
            Err(error) => outage.begin(&error, now),
        }
        Ok(Ok(()))
    }

    fn on_tick(&mut self) {
        let now = self.keeper.clock.now();
        self.take_acknowledgements();
        for (index, serving) in &mut self.partitions {
            serving.partition.expire(now);
            // Only what was committed says how much there must be; without that, all that comes is all there is.
            let waited = now.since(serving.heard);
            let patience = if serving.partition.is_known_to_end() { LOST_AFTER } else { QUIET };
            if !serving.partition.is_restored() && waited >= patience && serving.partition.on_end() {
                tracing::error!(executor = %self.keeper.executor, partition = index, keys = serving.partition.keys(),
                    "not all of the state is in its topic any more: going on with what is there");
            }
        }
        if !self.transactions.is_under_way() && self.batch.is_empty() && !self.moved().is_empty() {
            self.send();
        }
    }

    /// Reads the requests of those partitions of which all is known.
    fn begin_serving(&mut self) -> Result<(), BusError> {
        let now = self.keeper.clock.now();
        let all_set = self.settings.as_ref().is_none_or(|hearing| hearing.is_abreast(now));
        let ready = |serving: &Serving| !serving.started && all_set && serving.partition.is_restored();
        let indices: Vec<i32> =
            self.partitions.iter().filter(|(_, serving)| ready(serving)).map(|(index, _)| *index).collect();
        for index in indices {
            let (Some(serving), Some(member)) = (self.partitions.get_mut(&index), &mut self.member) else { continue };
            serving.started = true;
            let from = serving.partition.start().map_or(StartAt::Beginning, StartAt::Offset);
            let kept = TopicPartition::new(&self.keeper.kept(), index);
            self.restorer.stop(&kept)?;
            member.start(&serving.requests, from)?;
            tracing::info!(executor = %self.keeper.executor, partition = index, keys = serving.partition.keys(), ?from, "keeps state");
            let again: Vec<Kept> = serving.partition.unanswered().cloned().collect();
            for kept in again {
                self.respond(index, &kept, [Duration::ZERO; 3]);
            }
        }
        Ok(())
    }

    async fn on_records(&mut self, records: Vec<Received>) {
        for received in records {
            let index = received.partition.partition;
            let is_new = |serving: &Serving| serving.started && serving.partition.is_new(received.offset);
            if !self.partitions.get(&index).is_some_and(is_new) {
                continue;
            }
            let fetched = self.keeper.clock.now();
            // What is no request is put aside by the collector.
            match self.decoder.decode(&received.record) {
                Ok(Envelope::Request(request)) if request.plan.find(&self.keeper.executor).is_some() => {
                    self.step(index, &received, request, fetched).await;
                }
                _ => {
                    if let Some(serving) = self.partitions.get_mut(&index) {
                        serving.partition.on_passed(received.offset);
                    }
                }
            }
        }
    }

    async fn step(&mut self, index: i32, received: &Received, request: Request, fetched: Timestamp) {
        let Some(serving) = self.partitions.get_mut(&index) else { return };
        let Keeper { clock, keyed, versions, .. } = self.keeper;
        let schema = {
            let versions = versions.borrow();
            let definition = versions.get(request.policy.version).unwrap_or_else(|| Arc::clone(versions.live()));
            Arc::new(definition.input.clone())
        };
        let (born, due, caller) = (request.born, request.deadline(), TraceParent::of(&request));
        let input = Input::new(request.id, due, request.body, schema).called_by(caller);
        let began = clock.now();
        let outcome = match request.key.as_deref() {
            None => Err(failed("the request does not say whom it is about, and who keeps state must know")),
            Some(key) => {
                let (state, setting) =
                    (serving.partition.known(key), self.settings.as_ref().and_then(|hearing| hearing.said.of(key)));
                let turn = Turn {
                    key,
                    state: state.map(AsRef::as_ref),
                    setting: setting.map(AsRef::as_ref),
                    input: &input,
                    born,
                };
                let taking = AssertUnwindSafe(async { keyed.step(turn).await }).catch_unwind();
                tokio::select! {
                    biased;
                    taken = taking => taken.unwrap_or_else(|_| Err(failed("the step panicked"))),
                    () = clock.sleep_until(due.max(began).after(GRACE)) => Err(no_answer()),
                }
            }
        };
        let scored = clock.now().since(began);
        let asked =
            Asked { offset: received.offset, request: request.id, key: request.key.map(|key| key.to_string()), due };
        let taken = serving.partition.on_stepped(asked, keyed.model(), outcome);
        let travelled = fetched.since(received.appended);
        self.batch.push(Pending { partition: index, taken, travelled, fetched, scored });
    }
}

fn no_answer() -> Failure {
    failed("the step came to no end")
}

async fn next_of(member: &mut Option<Box<dyn Consumer>>) -> Result<Event, BusError> {
    match member {
        Some(member) => member.next().await,
        None => std::future::pending().await,
    }
}
