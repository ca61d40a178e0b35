//! An executor as a process: it answers at least once, or late, or never; and begins again where it committed.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use executors::{Parked, Progress};
use wire::{Envelope, ExecutorId, Failure, FailureKind, ModelVersion, Record, Reply, Request, RequestId, Response};

use crate::{
    dice::Dice,
    log::{Topic, Who},
    net::{Answering, Event, Item, Net, Outcome},
    policies,
    sights::Sight,
};

/// One executor, through all of its lives.
pub struct Executor {
    who: Who,
    id: ExecutorId,
    is_up: bool,
    lag: Duration,
    lanes: BTreeMap<i32, Lane>,
    committed: BTreeMap<i32, i64>,
    parked: Parked<(i32, i64, Box<Request>)>,
    wakes: Option<wire::Timestamp>,
    /// In which of its lives it last answered: each has a model of its own.
    answered: Option<u32>,
    dice: Dice,
}

struct Lane {
    at: i64,
    progress: Progress,
}

// === impl Executor ===

impl Executor {
    /// Returns process `process`, which runs the executor called `name`, before its first life.
    #[must_use]
    pub fn new(seed: u64, process: usize, name: &str) -> Self {
        Self {
            who: Who { process, life: 0 },
            id: named(name),
            is_up: false,
            lag: Duration::ZERO,
            lanes: BTreeMap::new(),
            committed: BTreeMap::new(),
            parked: Parked::default(),
            wakes: None,
            answered: None,
            dice: Dice::of(seed, 100 + process as u64),
        }
    }

    /// Begins a new life, where the last one had committed.
    pub fn start(&mut self, net: &mut Net) {
        if self.is_up {
            return;
        }
        self.who.life += 1;
        self.is_up = true;
        self.lag = self.dice.millis(0, 200);
        net.set_life(self.who.process, Some(self.who.life));
        for partition in 0..net.logs.partitions() {
            let at = self.committed.get(&partition).copied().unwrap_or(0);
            self.lanes.insert(partition, Lane { at, progress: Progress::from(at) });
        }
        self.wake(net, Duration::ZERO);
    }

    /// Ends it.
    pub fn die(&mut self, net: &mut Net) {
        if self.is_up {
            self.is_up = false;
            self.lanes.clear();
            self.parked.release();
            self.wakes = None;
            net.set_life(self.who.process, None);
            net.saw(Sight::ExecutorKilled);
            net.tell(|| format!("executor {} dies", self.id));
        }
    }

    /// There is something new in a partition.
    pub fn on_fresh(&mut self, net: &mut Net, topic: Topic) {
        if self.is_up && topic == Topic::Requests {
            let delay = self.dice.micros(200, net.weather.fetch);
            self.wake(net, delay);
        }
    }

    /// It has its turn: it reads all there is, commits now and then, and sleeps.
    pub fn turn(&mut self, net: &mut Net) {
        if !self.is_up || self.wakes.is_none_or(|at| at > net.now) {
            return;
        }
        self.wakes = None;
        for (partition, offset, request) in self.parked.release() {
            self.consider(net, partition, offset, request);
        }
        for partition in 0..net.logs.partitions() {
            self.read(net, partition);
        }
        if self.parked.next_deadline().is_some() {
            self.wake(net, Duration::from_millis(50));
        }
    }

    /// An answer is ready: it is sent, unless its executor has died meanwhile.
    pub fn on_answer(&mut self, net: &mut Net, answering: Answering) {
        let Answering { by, partition, offset, record } = answering;
        if self.is_up && self.who == by {
            let item = Item::Response(partition, offset, record.clone());
            if self.answered.replace(by.life).is_some_and(|before| before != by.life) {
                net.saw(Sight::ModelSwapped);
            }
            net.send(by, (Topic::Responses, partition), record, item);
        }
    }

    /// A response fared so: what may not be in the log is sent again.
    pub fn on_told(&mut self, net: &mut Net, who: Who, item: Item, outcome: Outcome) {
        let Item::Response(partition, offset, record) = item else { return };
        if !self.is_up || self.who != who {
            return;
        }
        if outcome == Outcome::Written {
            if let Some(lane) = self.lanes.get_mut(&partition) {
                lane.progress.finish(offset);
                self.committed.insert(partition, lane.progress.committable(net.now));
            }
        } else {
            let delay = self.dice.millis(5, 50);
            net.after(delay, Event::Answer(Answering { by: who, partition, offset, record }));
        }
    }

    fn read(&mut self, net: &mut Net, partition: i32) {
        while let Some(lane) = self.lanes.get_mut(&partition)
            && let Some(received) = net.logs.read(Topic::Requests, partition, lane.at)
        {
            lane.at += 1;
            match Envelope::decode(&received.record) {
                Ok(Envelope::Request(request)) if request.policy.rendezvous.as_str() == policies::NAME => {
                    lane.progress.begin(received.offset, 1, request.deadline());
                    self.consider(net, partition, received.offset, Box::new(request));
                }
                _ => lane.progress.begin(received.offset, 0, received.appended),
            }
        }
    }

    /// Answers a request whose version is known; another one waits for it.
    fn consider(&mut self, net: &mut Net, partition: i32, offset: i64, request: Box<Request>) {
        let edits = net.edits.iter().filter(|at| at.after(self.lag) <= net.now).count();
        if policies::after(edits).get(request.policy.version).is_none() && request.deadline() > net.now {
            // Without room it is not answered.
            return self.parked.park(request.deadline(), (partition, offset, request)).unwrap_or(());
        }
        let (weather, dice) = (&net.weather, &mut self.dice);
        let is_asked = request.plan.find(&self.id).is_some();
        if !is_asked {
            return;
        }
        if dice.chance(weather.silent) {
            return net.saw(Sight::SilentExecutor);
        }
        let takes = dice.micros(500, weather.slowest);
        let failing = dice.chance(weather.failing);
        let again = self.dice.chance(60);
        for copy in 1..=1 + u32::from(again) {
            // Work may be done twice, and not come out the same.
            let response = Response {
                request: request.id,
                executor: self.id.clone(),
                model: ModelVersion::new(self.id.as_str(), &self.who.life.to_string()),
                fetched: Duration::ZERO,
                queued: Duration::ZERO,
                scored: takes,
                reply: self.reply(&request, failing),
            };
            let record = response.encode();
            net.after(takes * copy, Event::Answer(Answering { by: self.who, partition, offset, record }));
        }
    }

    fn reply(&mut self, request: &Request, failing: bool) -> Reply {
        if failing {
            let (kind, message) = (FailureKind::Failed, "the model is not well".to_owned());
            return Reply::Failure(Failure { kind, message });
        }
        Reply::Answer(answer(&mut self.dice, request.id))
    }

    fn wake(&mut self, net: &mut Net, after: Duration) {
        let at = net.now.after(after);
        if self.wakes.is_none_or(|earlier| at < earlier) {
            self.wakes = Some(at);
            net.at(at, Event::Turn(self.who.process));
        }
    }
}

/// Returns an answer: mostly the one that the request is for, now and then another, rarely a very long one.
pub fn answer(dice: &mut Dice, request: RequestId) -> Bytes {
    let class = if dice.chance(750) { request.as_uuid().as_u128() % 3 } else { u128::from(dice.between(0, 2)) };
    let class = ["cat", "dog", "owl"][usize::try_from(class).unwrap_or(0)];
    let padding = if dice.chance(60) { "-".repeat(3_000) } else { String::new() };
    Bytes::from(format!(r#"{{"class":"{class}","note":"{padding}"}}"#))
}

/// Returns a response to `request` that `executor` might have given.
pub fn response(dice: &mut Dice, request: RequestId, executor: &str) -> Record {
    let executor = named(executor);
    let model = ModelVersion::new(executor.as_str(), "0");
    let reply = Reply::Answer(answer(dice, request));
    Response {
        request,
        executor,
        model,
        fetched: Duration::ZERO,
        queued: Duration::ZERO,
        scored: Duration::ZERO,
        reply,
    }
    .encode()
}

fn named(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap_or_else(|_| unreachable!("executors are named in this crate"))
}
