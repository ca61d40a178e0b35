//! The fetching loop's turns: partitions come and go, and each request goes to those it asks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bus::{Assigned, BusError, Clock, Commit, Committed, Consumer, Event, Received, StartAt, TopicPartition};
use policies::InputSchema;
use wire::{Envelope, ExecutorId, Request, Timestamp, Topics};

use crate::{
    ExecutorsStation,
    desk::{Desk, Job},
    executor::Input,
    metrics::{Metrics, Skipped},
    outage::Outage,
    work::{Share, Work},
};

/// How far back a group that never committed begins, and how old records must be for the reader to jump ahead.
const HORIZON: Duration = Duration::from_mins(1);
/// How long behind its deadline a request is passed over without a word.
const STALE: Duration = Duration::from_secs(5);
/// How many jobs are gathered for one wake-up of an executor's thread, at most.
const GATHERED: usize = 64;

/// What the loop holds.
pub(crate) struct Fetch {
    consumer: Box<dyn Consumer>,
    seats: Vec<Seat>,
    held: HashMap<i32, Held>,
    topics: Topics,
    schema: Arc<InputSchema>,
    clock: Clock,
    metrics: Arc<Metrics>,
    horizon: Duration,
    outage: Outage,
}

/// An executor, and the jobs gathered for it.
struct Seat {
    id: ExecutorId,
    desk: Arc<Desk>,
    gathered: Vec<Job>,
}

/// A partition that is ours.
struct Held {
    requests: TopicPartition,
    share: Arc<Share>,
    committed: i64,
}

// === impl Fetch ===

impl Fetch {
    pub(crate) fn new(
        station: &ExecutorsStation,
        desks: Vec<(ExecutorId, Arc<Desk>)>,
        consumer: Box<dyn Consumer>,
    ) -> Self {
        let seat = |(id, desk)| Seat { id, desk, gathered: Vec::with_capacity(GATHERED) };
        Self {
            consumer,
            seats: desks.into_iter().map(seat).collect(),
            held: HashMap::new(),
            topics: Topics::of(station.definition().name()),
            schema: Arc::new(station.definition().input.clone()),
            clock: station.clock.clone(),
            metrics: Arc::clone(&station.metrics),
            horizon: HORIZON.max(station.definition().budget.as_duration() * 2),
            outage: Outage::default(),
        }
    }

    pub(crate) fn has_partitions(&self) -> bool {
        !self.held.is_empty()
    }

    /// Waits for what happens next and does what follows. Cancel-safe: the only wait is the consumer's.
    pub(crate) async fn turn(&mut self) -> Result<(), BusError> {
        match self.consumer.next().await {
            Ok(event) => {
                self.outage.end(self.clock.now());
                self.on_event(event)
            }
            Err(error) => self.on_error(error),
        }
    }

    /// Commits how far each partition is done.
    pub(crate) fn commit(&mut self) -> Result<(), BusError> {
        let commits = self.commits();
        if commits.is_empty() {
            return Ok(());
        }
        match self.consumer.commit(&commits) {
            Err(fatal @ BusError::Fatal(_)) => Err(fatal),
            // A lost commit only means more to read again.
            _ => Ok(()),
        }
    }

    /// Commits for the last time and leaves the group.
    pub(crate) async fn close(mut self) {
        let last = self.commits();
        self.consumer.close(last).await;
    }

    fn commits(&mut self) -> Vec<Commit> {
        let now = self.clock.now();
        self.held.values_mut().filter_map(|held| held.commit(now)).collect()
    }

    fn on_event(&mut self, event: Event) -> Result<(), BusError> {
        match event {
            Event::Assigned(partitions) => partitions.into_iter().try_for_each(|assigned| self.on_assigned(assigned)),
            Event::Revoked(partitions) => {
                for revoked in partitions {
                    let _ = self.held.remove(&revoked.partition).map(|held| held.share.revoke());
                }
                Ok(())
            }
            Event::Records(records) => self.on_records(records),
        }
    }

    fn on_error(&mut self, error: BusError) -> Result<(), BusError> {
        match error {
            BusError::OffsetGone { ref partition, .. } => {
                tracing::warn!(%error, "going on with the live requests");
                self.consumer.start(partition, self.live())
            }
            BusError::Fatal(_) => Err(error),
            other => {
                self.outage.begin(&other.to_string(), self.clock.now());
                Ok(())
            }
        }
    }

    /// Starts where the group had come to, or with the requests that may still be alive.
    fn on_assigned(&mut self, assigned: Assigned) -> Result<(), BusError> {
        let Assigned { partition, committed } = assigned;
        let next = committed.map(|committed| committed.offset);
        self.consumer.start(&partition, next.map_or(self.live(), StartAt::Offset))?;
        let responses = TopicPartition::new(&self.topics.responses, partition.partition);
        let share = Arc::new(Share::new(responses, next.unwrap_or(0)));
        let held = Held { requests: partition.clone(), share, committed: next.unwrap_or(0) };
        self.held.insert(partition.partition, held);
        Ok(())
    }

    fn live(&self) -> StartAt {
        StartAt::Time(self.clock.now().before(self.horizon))
    }

    fn on_records(&mut self, records: Vec<Received>) -> Result<(), BusError> {
        let mut left_behind = None;
        for received in records {
            let Some(held) = self.held.get(&received.partition.partition) else { continue };
            // Behind a jump the rest of the batch comes again, as far as it is alive.
            if left_behind == Some(received.partition.partition) {
                continue;
            }
            let share = Arc::clone(&held.share);
            if self.on_record(share, &received) == Age::Ancient {
                tracing::warn!(partition = %received.partition, offset = received.offset, "passing over requests that are long dead");
                self.consumer.start(&received.partition, self.live())?;
                left_behind = Some(received.partition.partition);
            }
        }
        self.seats.iter_mut().for_each(Seat::hand_over);
        Ok(())
    }

    fn on_record(&mut self, share: Arc<Share>, received: &Received) -> Age {
        self.metrics.requests.inc();
        let now = self.clock.now();
        let skip = |reason| {
            self.metrics.skip(reason);
            share.progress().begin(received.offset, 0, now);
        };
        let Ok(Envelope::Request(request)) = Envelope::decode(&received.record) else {
            // The collector reads the same topic and keeps it among the dead letters.
            skip(Skipped::Poison);
            return Age::Alive;
        };
        if request.deadline().after(STALE) <= now {
            skip(Skipped::Stale);
            return if received.appended.after(self.horizon) < now { Age::Ancient } else { Age::Alive };
        }
        let asked = self.seats.iter().filter(|seat| request.plan.find(&seat.id).is_some()).count();
        if asked == 0 {
            skip(Skipped::NotAsked);
            return Age::Alive;
        }
        // Before anything is handed out: an acknowledgement may come at once.
        let parts = u32::try_from(asked).unwrap_or(u32::MAX);
        share.progress().begin(received.offset, parts, request.deadline());
        self.hand_out(share, request, received.offset, now);
        Age::Alive
    }

    /// Gives a request to everybody it asks who is here.
    fn hand_out(&mut self, share: Arc<Share>, request: Request, offset: i64, fetched: Timestamp) {
        let input = Input::new(request.id, request.deadline(), request.body, Arc::clone(&self.schema));
        let work = Arc::new(Work { input, share, offset, fetched });
        for seat in &mut self.seats {
            let Some(asked) = request.plan.find(&seat.id) else { continue };
            let job = Job { work: Arc::clone(&work), start: request.born.after(asked.start_after) };
            if let Err(job) = seat.desk.try_now(job) {
                seat.gathered.push(job);
                if seat.gathered.len() == GATHERED {
                    seat.hand_over();
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Alive,
    /// So old that reading on record by record would only meet more of the kind.
    Ancient,
}

// === impl Seat, Held ===

impl Seat {
    fn hand_over(&mut self) {
        if !self.gathered.is_empty() {
            self.desk.offer(&mut self.gathered);
        }
    }
}

impl Held {
    fn commit(&mut self, now: Timestamp) -> Option<Commit> {
        let offset = self.share.progress().committable(now);
        (offset > self.committed).then(|| {
            self.committed = offset;
            Commit { partition: self.requests.clone(), committed: Committed { offset, metadata: String::new() } }
        })
    }
}
