//! Everything the loop holds, and its single turn: wait for one event, hear all that has come, do what follows.

mod edits;
mod leaving;
mod seat;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::{
    Assigned, BusError, Commit, Committed, Consumer, Event, Outage, Producer, Received, StartAt, TopicPartition,
};
use measures::{Feed, Sum};
use tokio::{sync::oneshot, task::JoinSet};
use uuid::Uuid;
use wire::{Timestamp, Topics};

use super::{
    CollectorError, CollectorStation,
    announcer::Announcer,
    hands::{Hands, Names, silence},
    inbox::{Inbox, Message, News},
    recall::Recall,
    referee::Referee,
};
use crate::{
    ledger::Action,
    metrics::Fact,
    partition::{Output, Partition, Source},
    surroundings::Surroundings,
    traced::Traced,
    watermarks::Watermarks,
};
use edits::edited;
use leaving::Departure;
use seat::Seat;

/// So often positions are committed and gauges are set.
const TICK: Duration = Duration::from_millis(500);
/// So long at most records are heard before the time is looked at: what came in time should be heard first, but a
/// backlog must not hold up deadlines.
const LISTEN_MAX: Duration = Duration::from_millis(3);
/// So long requests are waited for while too many responses wait for theirs.
const REQUESTS_FIRST: Duration = Duration::from_millis(5);
/// A member that is given nothing within this time serves: there are more collectors than partitions.
const IDLE_AFTER: Duration = Duration::from_secs(3);

/// Everything the loop holds.
pub(super) struct Desk {
    station: CollectorStation,
    names: Names,
    count: i32,
    producer: Arc<dyn Producer>,
    /// Says what is ours, and keeps what is done; it reads nothing, because Kafka's client stops whatever a member reads
    /// while the group moves partitions, those too that stay. `None` once the group was left.
    member: Option<Box<dyn Consumer>>,
    /// Whatever is read of partitions that are being taken over.
    hasty: Box<dyn Consumer>,
    requests: Box<dyn Consumer>,
    responses: Box<dyn Consumer>,
    results: Box<dyn Consumer>,
    seats: BTreeMap<i32, Seat>,
    inbox: Arc<Inbox>,
    surveys: JoinSet<()>,
    surroundings: Surroundings,
    recall: Recall,
    referee: Referee,
    announcer: Announcer,
    feed: Feed,
    measures: TopicPartition,
    outage: Outage,
    next_tick: Timestamp,
    opened: Timestamp,
    last_request: Timestamp,
    departure: Option<Departure>,
    /// Whether the last attempt failed: the next one waits a moment.
    unreachable: bool,
    assigned: bool,
    ready: Option<oneshot::Sender<()>>,
}

// === impl Desk ===

impl Desk {
    /// Reaches the bus, however long that takes, and joins the group.
    pub(super) async fn open(station: CollectorStation, ready: oneshot::Sender<()>) -> Result<Self, CollectorError> {
        let topics = Topics::of(station.definition().name());
        let (bus, clock, mut outage) = (station.bus.clone(), station.clock.clone(), Outage::of("the collector"));
        let names = Names::of(&topics);
        let counts = outage.insist(&clock, || names.counts(bus.as_ref())).await?;
        let [count, ..] = counts;
        names.insist_on(count, counts)?;
        let written = [topics.results.as_str(), topics.dead_letters.as_str()];
        let producer = outage.insist(&clock, || bus.producer(&written)).await?;
        let hasty = outage.insist(&clock, || bus.hasty_tail()).await?;
        let requests = outage.insist(&clock, || bus.tail()).await?;
        let responses = outage.insist(&clock, || bus.tail()).await?;
        // Our own results are read back to confirm them and to see rivals' fences: callers do not wait for that.
        let results = outage.insist(&clock, || bus.unhurried_tail()).await?;
        let group = topics.group("collector");
        let member = outage.insist(&clock, || bus.member(&group, &topics.requests)).await?;
        let now = clock.now();
        let mut surroundings = Surroundings::new(station.versions());
        if let Some(traces) = &station.traces {
            let system = if station.bus.is_in_process() { "hedgerow" } else { "kafka" };
            surroundings.traces = Traced::wanting(traces.sampling, system);
        }
        let feed = Feed::new(station.definition().name().clone(), Uuid::new_v4());
        let measures = TopicPartition::new(&topics.measures, 0);
        let mut desk = Self {
            names,
            station,
            count,
            producer,
            member: Some(member),
            hasty,
            requests,
            responses,
            results,
            seats: BTreeMap::new(),
            inbox: Arc::default(),
            surveys: JoinSet::new(),
            surroundings,
            recall: Recall::default(),
            referee: Referee::default(),
            announcer: Announcer::default(),
            feed,
            measures,
            outage,
            next_tick: now.after(TICK),
            opened: now,
            last_request: now,
            departure: None,
            unreachable: false,
            assigned: false,
            ready: Some(ready),
        };
        desk.recall();
        Ok(desk)
    }

    /// Waits until something happens or is due. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Result<Event, BusError>> {
        if self.unreachable {
            Outage::pause().await;
            self.unreachable = false;
        }
        if self.seats.values().any(Seat::is_crowded)
            && let Ok(event) = tokio::time::timeout(REQUESTS_FIRST, self.requests.next()).await
        {
            return Some(event);
        }
        let until = self.next_instant();
        let CollectorStation { clock, versions, .. } = &mut self.station;
        tokio::select! {
            biased;
            // A little of what is taken over in each turn, before what is served: that it is not starved.
            event = self.hasty.next() => Some(event),
            event = self.responses.next() => Some(event),
            event = self.requests.next() => Some(event),
            event = self.results.next() => Some(event),
            event = next_of(&mut self.member) => Some(event),
            () = self.inbox.arrived() => None,
            () = edited(versions) => None,
            () = clock.sleep_until(until) => None,
        }
    }

    /// Hears what happened and what else has come meanwhile, lets time pass, and does what follows. Never waits.
    pub(super) async fn act(&mut self, first: Option<Result<Event, BusError>>) -> Result<(), CollectorError> {
        self.read_versions();
        let listen_until = self.now().after(LISTEN_MAX);
        let mut event = first;
        loop {
            event.map_or(Ok(()), |event| self.on_event(event))?;
            if self.unreachable || self.now() >= listen_until {
                break;
            }
            // Answers that came in time are heard before the time is looked at, and what is served before what is taken
            // over: that may be a minute's results, and has somebody else who serves it, or nobody anyway.
            event = tokio::select! {
                biased;
                event = self.responses.next() => Some(event),
                event = self.requests.next() => Some(event),
                event = self.results.next() => Some(event),
                event = next_of(&mut self.member) => Some(event),
                event = self.hasty.next() => Some(event),
                () = std::future::ready(()) => break,
            };
        }
        self.read_inbox()?;
        self.on_time()
    }

    fn now(&self) -> Timestamp {
        self.station.clock.now()
    }

    /// Returns the next instant worth waking for.
    fn next_instant(&self) -> Timestamp {
        let due = self.seats.values().filter_map(Seat::next_time).chain(self.next_departure());
        due.fold(self.next_tick, Timestamp::min)
    }

    fn on_event(&mut self, event: Result<Event, BusError>) -> Result<(), CollectorError> {
        if let Err(BusError::OffsetGone { partition, offset, low, high }) = &event {
            tracing::error!(%partition, offset, low, high, "records that are still needed are gone: reading what there is");
            self.station.metrics.count(&Fact::RecordsGone);
            return Ok(self.on_offset_gone(partition.partition)?);
        }
        match self.outage.note(event, &self.station.clock)? {
            None => self.unreachable = true,
            Some(Event::Assigned(given)) => self.on_assigned(&given)?,
            Some(Event::Revoked(taken)) => self.on_revoked(&taken),
            Some(Event::Records(records)) => self.on_records(&records)?,
        }
        Ok(())
    }

    fn on_assigned(&mut self, given: &[Assigned]) -> Result<(), CollectorError> {
        self.assigned = true;
        let behind = given.iter().map(|assigned| assigned.partition.partition + 1).max().unwrap_or_default();
        if behind > self.count {
            let topic = self.names.requests(0).topic.to_string();
            return Err(CollectorError::Partitions { topic, was: self.count, is: behind });
        }
        for Assigned { partition, committed } in given {
            tracing::debug!(partition = partition.partition, "the collector is given a partition");
            if self.take_back(partition.partition) {
                continue;
            }
            let committed = committed.as_ref().and_then(|committed| understood(partition, committed));
            let place = (partition.partition, self.count);
            let fresh = Partition::new(place, committed, Uuid::new_v4(), &mut self.surroundings);
            // Nothing that is read for an earlier life may reach this one.
            self.drop_seat(partition.partition);
            self.seats.insert(partition.partition, Seat::of(fresh));
        }
        Ok(())
    }

    fn on_records(&mut self, records: &[Received]) -> Result<(), BusError> {
        let now = self.now();
        for received in records {
            let source = self.names.source(&received.partition.topic);
            let seat = self.seats.get_mut(&received.partition.partition);
            if let (Some(source), Some(seat)) = (source, seat) {
                seat.partition.on_record(source, received, now, &mut self.surroundings);
            }
            if source == Some(Source::Requests) {
                self.last_request = now;
            }
        }
        self.perform()
    }

    fn read_inbox(&mut self) -> Result<(), CollectorError> {
        let now = self.now();
        for Message { partition, news } in self.inbox.take() {
            if let News::Fatal(error) = news {
                return Err(error);
            }
            if let Some(seat) = self.seats.get_mut(&partition) {
                hear(&mut seat.partition, news, now, &self.surroundings);
            }
        }
        Ok(())
    }

    fn on_time(&mut self) -> Result<(), CollectorError> {
        let now = self.now();
        for seat in self.seats.values_mut() {
            seat.partition.on_time(now, &mut self.surroundings);
        }
        if self.next_tick <= now {
            self.next_tick = now.after(TICK);
            self.on_tick(now)?;
        }
        self.tell_ready(now);
        self.perform()?;
        self.tend_seats(now)?;
        self.leave_on_time(now);
        if let Some(traces) = &self.station.traces {
            traces.hand_over(&mut self.surroundings.traces);
        }
        Ok(())
    }

    fn on_tick(&mut self, now: Timestamp) -> Result<(), BusError> {
        let commits = self.commits();
        if let Some(member) = self.member.as_mut().filter(|_| !commits.is_empty()) {
            let attempt = member.commit(&commits);
            self.outage.note(attempt, &self.station.clock)?;
        }
        while self.surveys.try_join_next().is_some() {}
        self.surroundings.on_time(now);
        self.judge(now);
        self.announce(now);
        self.measure(now);
        let open = self.seats.values().map(|seat| seat.partition.open_requests()).sum();
        let unconfirmed = self.seats.values().map(|seat| seat.partition.unconfirmed()).sum();
        self.station.metrics.show(open, unconfirmed, self.surroundings.way_back.p99());
        let breakers = self.seats.values_mut().map(|seat| seat.partition.breakers());
        self.station.metrics.breakers.show(breakers);
        self.station.metrics.objectives.show(&self.surroundings.versions.live().objectives);
        Ok(())
    }

    /// Tells what was counted.
    fn measure(&mut self, now: Timestamp) {
        let mut counted = Sum::default();
        self.seats.values_mut().for_each(|seat| counted += &seat.partition.take_counted(now));
        self.feed.add(&counted, now);
        self.tell(now, false);
    }

    /// Tells what is to be told now, or `all` that is not told yet.
    fn tell(&mut self, now: Timestamp, all: bool) {
        for record in self.feed.tell(now, all) {
            bus::offer(&*self.producer, &self.measures, record, "what the collector counted");
        }
    }

    /// Returns what has changed since the last commit, of what is ours to commit.
    fn commits(&mut self) -> Vec<Commit> {
        let now = self.now();
        let names = &self.names;
        let changed = self.seats.iter_mut().filter_map(|(index, seat)| {
            let watermarks = seat.partition.on_tick(now)?;
            (!seat.is_leaving()).then_some((*index, watermarks))
        });
        changed
            .map(|(index, watermarks)| Commit {
                partition: names.requests(index),
                committed: Committed { offset: watermarks.requests, metadata: watermarks.note() },
            })
            .collect()
    }

    fn tell_ready(&mut self, now: Timestamp) {
        let given = self.assigned || now.since(self.opened) >= IDLE_AFTER;
        if given
            && self.seats.values().all(|seat| seat.partition.is_running())
            && let Some(ready) = self.ready.take()
        {
            // Nobody need be waiting for it.
            let _ = ready.send(());
        }
    }

    /// Ends what is only done for a moment: reading twice, and letting responses wait for their requests.
    fn tend_seats(&mut self, now: Timestamp) -> Result<(), BusError> {
        let Self { seats, hasty, names, .. } = self;
        for (index, seat) in seats {
            let responses = names.responses(*index);
            if seat.has_settled(now) {
                silence(hasty.as_mut(), &responses);
                silence(hasty.as_mut(), &names.requests(*index));
            } else if seat.responses_wait.is_some_and(|until| until <= now) {
                seat.responses_wait = None;
                let started = hasty.start(&responses, StartAt::Offset(seat.partition.next_response()));
                if self.outage.note(started, &self.station.clock)?.is_none() {
                    seat.partition.on_offset_gone(&mut self.surroundings);
                }
            } else if !seat.partition.is_running() && seat.partition.is_crowded() && seat.responses_wait.is_none() {
                silence(hasty.as_mut(), &responses);
                seat.responses_wait = Some(now.after(REQUESTS_FIRST));
            }
        }
        Ok(())
    }

    fn on_offset_gone(&mut self, index: i32) -> Result<(), BusError> {
        if let Some(seat) = self.seats.get_mut(&index) {
            seat.partition.on_offset_gone(&mut self.surroundings);
        }
        self.perform()
    }

    /// Does what the partitions want done, in their order.
    fn perform(&mut self) -> Result<(), BusError> {
        let now = self.now();
        let Self { station, names, count, producer, hasty, requests, responses, results, inbox, surveys, .. } = self;
        let count = *count;
        let mut hands = Hands { station, names, producer, hasty, requests, responses, results, inbox, surveys, count };
        for (index, seat) in &mut self.seats {
            while let Some(output) = seat.partition.poll_output() {
                match &output {
                    Output::Act(Action::FollowResults(_)) => seat.settle(now),
                    Output::Act(Action::Halt) => seat.unsettle(),
                    _ => {}
                }
                let partition = &mut seat.partition;
                let performed = hands.perform(*index, output, partition);
                if self.outage.note(performed, &hands.station.clock)?.is_none() {
                    // What could not be started or stopped is started over from what is known to be safe.
                    partition.on_offset_gone(&mut self.surroundings);
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Waits for the next event of the group; for ever once it was left. Cancel-safe.
async fn next_of(member: &mut Option<Box<dyn Consumer>>) -> Result<Event, BusError> {
    match member {
        Some(member) => member.next().await,
        None => std::future::pending().await,
    }
}

fn hear(partition: &mut Partition, news: News, now: Timestamp, surroundings: &Surroundings) {
    match news {
        News::Spans(survey, spans) => partition.on_spans(survey, &spans),
        News::ResultUnwritten(request, by, why) => {
            partition.on_result_unwritten(request, by, why, (now, surroundings));
        }
        News::FenceUnwritten(by) => partition.on_fence_unwritten(by, now),
        News::DeadLetter { source, offset, written } => partition.on_dead_letter(source, offset, written),
        News::DeadLetterTooLarge { source, offset } => partition.on_dead_letter_too_large(source, offset),
        News::Fatal(_) => {}
    }
}

fn understood(partition: &TopicPartition, committed: &Committed) -> Option<Watermarks> {
    let parsed = Watermarks::parse(committed.offset, &committed.metadata);
    parsed.inspect_err(|error| tracing::error!(%partition, %error, "reading everything that is held")).ok()
}
