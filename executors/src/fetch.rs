//! The fetching loop's turns: partitions come and go, versions change, and each request goes to those it asks.
//!
//! The group only says what is ours, and keeps what is done; a tail reads it. So whoever loses a partition, or leaves,
//! reads on without a gap until its successor has begun (`parting`): what both answer counts once.

mod hedged;
mod held;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Assigned, BoxFuture, BusError, Clock, Commit, Consumer, Event, Outage, Received, StartAt, TopicPartition};
use models::Registry;
use policies::{InputSchema, Versions};
use tokio::sync::watch;
use wire::{Asked, Decoder, Envelope, Request, Timestamp, Topics};

use self::held::{Held, Waiting};
use crate::{
    ExecutorsStation,
    crew::{Crew, Loaded, Sheet},
    desk::Job,
    ear::Heard,
    hearing::Judge,
    hedging::Hedging,
    judging::{Asking, Judging},
    metrics::{Metrics, Skipped},
    parked::Parked,
    parting::Parting,
    run::WHO,
    verdicts::Verdicts,
    work::Share,
};

/// How far back a group that never committed begins, at least.
const HORIZON: Duration = Duration::from_mins(1);
/// How long behind its deadline a request is passed over without a word, and the reader jumps ahead.
const STALE: Duration = Duration::from_secs(5);
/// No policy allows a longer budget; a record that claims one is not believed.
const BUDGET_MAX: Duration = Duration::from_mins(5);
/// A jump goes back by so much more than the longest budget: as far as clocks of one data centre differ. What lies in
/// between is dead by the log's clock, and would only keep the living waiting.
const CLOCKS_DIFFER: Duration = Duration::from_millis(20);

/// What the loop holds.
pub(crate) struct Fetch {
    /// `None` when it has left the group.
    member: Option<Box<dyn Consumer>>,
    /// Reads the requests of what is ours, and the responses of what is ours no more.
    reader: Box<dyn Consumer>,
    versions: watch::Receiver<Arc<Versions>>,
    models: watch::Receiver<Arc<Registry>>,
    crew: Crew,
    held: HashMap<i32, Held>,
    judging: Judging,
    /// Those who start later, and what is decided before they do.
    hedging: Hedging<Asking>,
    verdicts: Verdicts,
    /// Requests of versions that are not known here yet.
    parked: Parked<Waiting>,
    topics: Topics,
    clock: Clock,
    metrics: Arc<Metrics>,
    horizon: Duration,
    /// The longest budget that a request may have, of the versions and of all requests that were read.
    longest: Duration,
    decoder: Decoder,
    outage: Outage,
}

/// What a turn begins with.
enum Happened {
    Edited,
    Published,
    Loaded(Loaded),
    Time,
    Group(Result<Event, BusError>),
    Read(Result<Event, BusError>),
    Heard(Result<Heard, BusError>),
    Decided(Result<Heard, BusError>),
}

// === impl Fetch ===

impl Fetch {
    pub(crate) fn new(
        station: ExecutorsStation,
        crew: Crew,
        member: Box<dyn Consumer>,
        reader: Box<dyn Consumer>,
    ) -> Self {
        let topics = Topics::of(station.definition().name());
        let longest = longest(&station.versions.borrow());
        let horizon = horizon(longest);
        let ExecutorsStation { bus, clock, metrics, versions, models, .. } = station;
        let mut verdicts = Verdicts::new(Arc::clone(&bus), topics.results.clone());
        verdicts.follow(&versions.borrow(), crew.only(), clock.now());
        let mut judging = Judging::new(bus, topics.responses.clone());
        judging.follow(&versions.borrow(), crew.only());
        let ((held, hedging, parked), outage) = (Default::default(), Outage::of(WHO));
        let member = Some(member);
        Self {
            member,
            reader,
            versions,
            models,
            crew,
            held,
            judging,
            hedging,
            verdicts,
            parked,
            topics,
            clock,
            metrics,
            horizon,
            longest,
            decoder: Decoder::default(),
            outage,
        }
    }

    pub(crate) fn has_partitions(&self) -> bool {
        !self.held.is_empty()
    }

    /// Waits for what happens next and does what follows. Cancel-safe: nothing is taken before the wait is over.
    pub(crate) async fn turn(&mut self) -> Result<(), BusError> {
        let parted = self.held.values().filter_map(Held::ends).min();
        let wake = [self.parked.next_deadline(), self.judging.next_deadline(), self.hedging.next_start(), parted]
            .into_iter()
            .flatten()
            .min();
        let happened = tokio::select! {
            biased;
            () = edited(&mut self.versions) => Happened::Edited,
            () = edited(&mut self.models) => Happened::Published,
            loaded = self.crew.next_loaded() => Happened::Loaded(loaded),
            () = sleep_until(&self.clock, wake) => Happened::Time,
            heard = self.judging.ear.next() => Happened::Heard(heard),
            decided = self.verdicts.ear.next() => Happened::Decided(decided),
            event = next_of(&mut self.member) => Happened::Group(event),
            event = self.reader.next() => Happened::Read(event),
        };
        match happened {
            Happened::Edited => self.on_edited(),
            Happened::Published => self.on_published(),
            Happened::Loaded(loaded) => drop(self.crew.on_loaded(loaded)),
            Happened::Time => self.on_time()?,
            Happened::Group(Ok(event)) | Happened::Read(Ok(event)) => {
                self.outage.end(self.clock.now());
                self.on_event(event)?;
            }
            Happened::Group(Err(error)) | Happened::Read(Err(error)) => self.on_error(error)?,
            Happened::Heard(heard) => self.on_heard(heard)?,
            Happened::Decided(heard) => self.on_decided(heard)?,
        }
        self.begin_judging();
        self.begin_hedges();
        self.crew.hand_over();
        Ok(())
    }

    /// Commits how far each partition is done.
    pub(crate) fn commit(&mut self) -> Result<(), BusError> {
        let commits = self.commits();
        match &mut self.member {
            Some(member) if !commits.is_empty() => match member.commit(&commits) {
                Err(fatal @ BusError::Fatal(_)) => Err(fatal),
                // A lost commit only means more to read again.
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Returns the executors, for them to be told to finish.
    pub(crate) fn crew(&mut self) -> &mut Crew {
        &mut self.crew
    }

    /// Returns what was read so far, for `is_done`.
    pub(crate) fn read(&self) -> HashMap<i32, i64> {
        self.held.iter().map(|(partition, held)| (*partition, held.share.progress().read())).collect()
    }

    /// Returns whether what was read then may be committed.
    pub(crate) fn is_done(&self, read: &HashMap<i32, i64>) -> bool {
        let now = self.clock.now();
        let is_done = |(partition, read): (&i32, &i64)| {
            self.held.get(partition).is_none_or(|held| held.share.progress().committable(now) >= *read)
        };
        read.iter().all(is_done)
    }

    /// Leaves the group with a last commit, and serves on outside it. The returned future ends when the group is left.
    pub(crate) fn leave(&mut self) -> Result<BoxFuture<'static, ()>, BusError> {
        let last = self.commits();
        let Some(member) = self.member.take() else { return Ok(Box::pin(std::future::ready(()))) };
        let left = member.close(last);
        let held: Vec<i32> = self.held.keys().copied().collect();
        held.into_iter().try_for_each(|partition| self.part_from(partition))?;
        Ok(left)
    }

    fn commits(&mut self) -> Vec<Commit> {
        let now = self.clock.now();
        self.held.values_mut().filter_map(|held| held.commit(now)).collect()
    }

    fn on_edited(&mut self) {
        let versions = Arc::clone(&self.versions.borrow_and_update());
        self.longest = self.longest.max(longest(&versions));
        self.horizon = self.horizon.max(horizon(self.longest));
        self.judging.follow(&versions, self.crew.only());
        self.verdicts.follow(&versions, self.crew.only(), self.clock.now());
        self.crew.follow(versions, Arc::clone(&self.models.borrow_and_update()));
        for waiting in self.parked.release() {
            let sheet = self.crew.sheet(waiting.request.policy.version);
            self.give_out(waiting, sheet);
        }
    }

    fn on_published(&mut self) {
        let models = Arc::clone(&self.models.borrow_and_update());
        let versions = Arc::clone(&self.versions.borrow());
        self.crew.follow(versions, models);
    }

    fn on_time(&mut self) -> Result<(), BusError> {
        let now = self.clock.now();
        for waiting in self.parked.expire(now) {
            self.fail(waiting, "the request's version of the policy did not arrive in time");
        }
        self.judging.on_time(now);
        self.part(now)
    }

    /// Begins to part from a partition that is another's now, or will be: it is served on until that one has begun.
    fn part_from(&mut self, partition: i32) -> Result<(), BusError> {
        let Some(held) = self.held.get_mut(&partition) else { return Ok(()) };
        held.parting.get_or_insert_with(|| Parting::new(self.clock.now()));
        self.reader.start(held.share.responses(), StartAt::End)
    }

    /// Lets those partitions go that are served by another process now, or by nobody's wish.
    fn part(&mut self, now: Timestamp) -> Result<(), BusError> {
        for (partition, held) in self.held.extract_if(|_, held| held.ends().is_some_and(|ends| ends <= now)) {
            self.judging.ear.stop(partition)?;
            self.verdicts.stop(partition)?;
            self.reader.stop(&held.requests)?;
            self.reader.stop(held.share.responses())?;
            // Whoever leaves finishes what is in hand. Whoever stays has other things to do: the successor does it again.
            if self.member.is_some() {
                held.share.revoke();
            }
        }
        Ok(())
    }

    fn on_heard(&mut self, heard: Result<Heard, BusError>) -> Result<(), BusError> {
        let now = self.clock.now();
        match heard {
            Ok(heard) => self.judging.on_heard(heard, now),
            Err(error @ BusError::Fatal(_)) => Err(error),
            Err(BusError::OffsetGone { .. }) => self.judging.on_gap(now),
            Err(error) => {
                self.outage.begin(&error, now);
                Ok(())
            }
        }
    }

    /// Gives judges what they have waited for.
    fn begin_judging(&mut self) {
        let now = self.clock.now();
        while let Some(asking) = self.judging.poll_ready(now) {
            let sheet = self.crew.sheet(asking.version);
            match sheet.as_ref().and_then(|sheet| sheet.place(&asking.judge)) {
                Some(place) => self.begin(place, asking),
                None => {
                    self.crew.fail(&asking.judge, &asking.work, "its version of the policy cannot be read any more");
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), BusError> {
        match event {
            Event::Assigned(partitions) => partitions.into_iter().try_for_each(|assigned| self.on_assigned(assigned)),
            Event::Revoked(partitions) => {
                partitions.into_iter().try_for_each(|revoked| self.part_from(revoked.partition))
            }
            Event::Records(records) => self.on_records(records),
        }
    }

    fn on_error(&mut self, error: BusError) -> Result<(), BusError> {
        match error {
            BusError::OffsetGone { ref partition, .. } if *partition.topic != *self.topics.requests => {
                self.reader.start(partition, StartAt::End)
            }
            BusError::OffsetGone { ref partition, low, .. } => {
                tracing::error!(%error, "going on with the live requests");
                self.metrics.skip(Skipped::Gone);
                if let Some(held) = self.held.get_mut(&partition.partition) {
                    held.begin_again(low);
                }
                self.reader.start(partition, self.live())
            }
            BusError::Fatal(_) => Err(error),
            other => {
                self.outage.begin(&other, self.clock.now());
                Ok(())
            }
        }
    }

    /// Starts where the group had come to, or with the requests that may still be alive. What comes back before it was
    /// let go is read on.
    fn on_assigned(&mut self, assigned: Assigned) -> Result<(), BusError> {
        let Assigned { partition, committed } = assigned;
        let next = committed.map(|committed| committed.offset);
        if let Some(held) = self.held.get_mut(&partition.partition) {
            held.parting = None;
            held.committed = held.committed.max(next.unwrap_or(0));
            return self.reader.stop(held.share.responses());
        }
        self.reader.start(&partition, next.map_or(self.live(), StartAt::Offset))?;
        let responses = TopicPartition::new(&self.topics.responses, partition.partition);
        let share = Arc::new(Share::new(responses, next.unwrap_or(0)));
        let committed = next.unwrap_or(0);
        let held = Held { requests: partition.clone(), share, committed, parting: None, jumped_from: None };
        self.held.insert(partition.partition, held);
        let now = self.clock.now();
        self.verdicts.on_assigned(partition.partition, now)?;
        self.judging.on_assigned(partition.partition, now)
    }

    fn live(&self) -> StartAt {
        StartAt::Time(self.clock.now().before(self.horizon))
    }

    fn on_records(&mut self, records: Vec<Received>) -> Result<(), BusError> {
        let mut left_behind = None;
        for received in records {
            if *received.partition.topic != *self.topics.requests {
                self.on_response(&received);
                continue;
            }
            let Some(held) = self.held.get_mut(&received.partition.partition) else { continue };
            // Behind a jump the rest of the batch comes again, as far as it is alive.
            if left_behind == Some(received.partition.partition) {
                continue;
            }
            if let Some(from) = held.jumped_from.take() {
                self.metrics.skip_many(Skipped::Stale, received.offset - from);
            }
            let share = Arc::clone(&held.share);
            if self.on_record(share, &received) == Age::Ancient {
                self.jump(&received)?;
                left_behind = Some(received.partition.partition);
            }
        }
        self.part(self.clock.now())
    }

    /// Goes on with what may be alive: after a stop everything else was asked in vain.
    fn jump(&mut self, from: &Received) -> Result<(), BusError> {
        tracing::warn!(partition = %from.partition, offset = from.offset, "passing over requests that are long dead");
        if let Some(held) = self.held.get_mut(&from.partition.partition) {
            held.jumped_from = Some(from.offset + 1);
        }
        let alive = self.clock.now().before(self.longest).before(CLOCKS_DIFFER);
        self.reader.start(&from.partition, StartAt::Time(alive))
    }

    /// Listens for the successor of a partition.
    fn on_response(&mut self, received: &Received) {
        let held = self.held.get_mut(&received.partition.partition);
        if let Some(parting) = held.and_then(|held| held.parting.as_mut())
            && let Ok(Envelope::Response(response)) = self.decoder.decode(&received.record)
        {
            parting.on_response(response.request, &response.executor);
        }
    }

    fn on_record(&mut self, share: Arc<Share>, received: &Received) -> Age {
        self.metrics.requests.inc();
        let now = self.clock.now();
        let skip = |reason| {
            self.metrics.skip(reason);
            share.progress().begin(received.offset, 0, now);
        };
        let Ok(Envelope::Request(request)) = self.decoder.decode(&received.record) else {
            // The collector reads the same topic and keeps it among the dead letters.
            skip(Skipped::Poison);
            return Age::Alive;
        };
        self.longest = self.longest.max(request.budget.as_duration().min(BUDGET_MAX));
        if request.deadline().after(STALE) <= now {
            skip(Skipped::Stale);
            let ancient = received.appended.after(self.longest).after(STALE) <= now;
            return if ancient { Age::Ancient } else { Age::Alive };
        }
        let sheet = self.crew.sheet(request.policy.version);
        let asked: Vec<&Asked> = here(&self.crew, &request, sheet.as_deref()).collect();
        if asked.is_empty() {
            skip(Skipped::NotAsked);
            return Age::Alive;
        }
        if let Some(parting) = self.held.get_mut(&received.partition.partition).and_then(|held| held.parting.as_mut()) {
            // Whoever starts later may be spared here, there, or both.
            let surely = asked.iter().filter(|asked| asked.start_after.is_zero());
            parting.on_request(request.id, surely.map(|asked| asked.executor.clone()), now);
        }
        // Before anything is handed out: an acknowledgement may come at once.
        let parts = u32::try_from(asked.len()).unwrap_or(u32::MAX);
        let place = |asked: &&Asked| sheet.as_ref().and_then(|sheet| sheet.place(&asked.executor));
        let dues = asked.iter().filter_map(place).map(|place| place.deadline(request.born, request.deadline()));
        share.progress().begin(received.offset, parts, dues.fold(request.deadline(), Timestamp::max));
        let (offset, asked) = (received.offset, received.appended);
        self.give_out(Waiting { request, share, offset, asked, fetched: now }, sheet);
        Age::Alive
    }

    /// Gives a request to everybody it asks who is here, or keeps it until its version has come.
    fn give_out(&mut self, waiting: Waiting, sheet: Option<Arc<Sheet>>) {
        let version = waiting.request.policy.version;
        if waiting.share.is_revoked() {
            // Another process has the partition now, and gives it out there.
        } else if let Some(sheet) = sheet {
            self.hand_out(waiting, &sheet);
        } else if !self.crew.may_come(version) {
            self.fail(waiting, "the request's version of the policy cannot be read");
        } else if let Err(waiting) = self.parked.park(waiting.request.deadline(), waiting) {
            self.fail(waiting, "too many requests wait for their version of the policy");
        }
    }

    fn hand_out(&mut self, waiting: Waiting, sheet: &Sheet) {
        let (born, version, fetched) = (waiting.request.born, waiting.request.policy.version, waiting.fetched);
        let (work, plan) = waiting.begin(Arc::clone(&sheet.schema));
        let mut judges = Vec::new();
        for asked in plan.asked() {
            let Some(place) = sheet.place(&asked.executor) else { continue };
            let start = born.after(asked.start_after);
            let work = match place.budget {
                Some(budget) => Arc::new(work.due(budget, place.deadline(born, work.input.deadline))),
                None => Arc::clone(&work),
            };
            if place.hears.is_empty() && !place.is_spared {
                self.crew.give(place, Job { work, start });
                continue;
            }
            let who = Asking { judge: asked.executor.clone(), version, work, start };
            if place.hears.is_empty() {
                self.begin(place, who);
                continue;
            }
            // Whoever was not asked about this request says nothing about it.
            let awaited = place.hears.iter().filter(|heard| plan.find(heard).is_some()).cloned().collect();
            judges.push(Judge { who, awaited, until: born.after(place.wait) });
        }
        if !judges.is_empty() {
            for refused in self.judging.on_request(work.input.request, judges, fetched) {
                self.crew.fail(&refused.judge, &refused.work, "too many requests wait for what others say");
            }
        }
    }

    /// Answers for everybody here whom a request asks that nobody can score.
    fn fail(&self, waiting: Waiting, why: &str) {
        let (work, plan) = waiting.begin(Arc::new(InputSchema::default()));
        if work.share.is_revoked() {
            return;
        }
        for asked in plan.asked().iter().filter(|asked| self.crew.is_ours(&asked.executor)) {
            self.crew.fail(&asked.executor, &work, why);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Alive,
    /// So old that reading on record by record would only meet more of the kind.
    Ancient,
}

/// Returns those of whom a request asks who are here. Of a version that is not known, all that may be.
fn here<'a>(crew: &'a Crew, request: &'a Request, sheet: Option<&'a Sheet>) -> impl Iterator<Item = &'a Asked> {
    let is_here = move |asked: &&Asked| match sheet {
        Some(sheet) => sheet.place(&asked.executor).is_some(),
        None => crew.is_ours(&asked.executor),
    };
    request.plan.asked().iter().filter(is_here)
}

/// How long a request of these versions may wait for its result.
fn longest(versions: &Versions) -> Duration {
    versions.in_use().map(|definition| definition.budget.as_duration()).fold(Duration::ZERO, Duration::max)
}

/// How far back whoever knows nothing begins.
fn horizon(longest: Duration) -> Duration {
    HORIZON.max(longest * 2)
}

/// Waits for what happens in the group; for ever outside of it.
async fn next_of(member: &mut Option<Box<dyn Consumer>>) -> Result<Event, BusError> {
    match member {
        Some(member) => member.next().await,
        None => std::future::pending().await,
    }
}

/// Waits for other versions, or other models; for ever if nobody can publish any.
async fn edited<T>(versions: &mut watch::Receiver<T>) {
    if versions.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn sleep_until(clock: &Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
