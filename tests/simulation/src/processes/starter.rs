//! The starter as a process, with its callers: an id comes from a key, so whoever asks again asks the same.

use std::time::Duration;

use bytes::Bytes;
use starter::{Digest, Origin, Planner, Seat, Stated, Waiting};
use wire::{Budget, RequestId, ResultsEntry, Timestamp, TopicReader};

use crate::{
    dice::Dice,
    log::{Topic, Who},
    net::{Event, Item, Net, Outcome},
    policies,
    sights::Sight,
    story::HandedOut,
};

/// A caller gives up asking after so long: an id is remembered for a minute, and clocks differ.
const ASKS_FOR: Duration = Duration::from_secs(25);

/// The starter, through all of its lives.
pub struct Starter {
    who: Who,
    is_up: bool,
    skew: i64,
    lag: Duration,
    callers: Vec<Caller>,
    waiting: Waiting<usize>,
    reader: TopicReader,
    at: Vec<i64>,
    wakes: Option<Timestamp>,
    /// What callers were given.
    pub handed_out: Vec<HandedOut>,
    /// What they were told is accepted.
    pub accepted: Vec<RequestId>,
    dice: Dice,
}

/// Somebody who wants one thing answered.
struct Caller {
    id: RequestId,
    budget: Budget,
    began: Option<Timestamp>,
    is_content: bool,
}

// === impl Starter ===

impl Starter {
    /// Returns process `process` with as many callers, before its first life.
    #[must_use]
    pub fn new(seed: u64, process: usize, callers: usize, hot: bool, partitions: i32) -> Self {
        let mut dice = Dice::of(seed, 100 + process as u64);
        let callers = (0..callers).map(|number| Caller::new(&mut dice, number, hot, partitions)).collect();
        Self {
            who: Who { process, life: 0 },
            is_up: false,
            skew: 0,
            lag: Duration::ZERO,
            callers,
            waiting: Waiting::new(1_000),
            reader: TopicReader::new(0),
            at: Vec::new(),
            wakes: None,
            handed_out: Vec::new(),
            accepted: Vec::new(),
            dice,
        }
    }

    /// Begins a new life, in which nobody waits yet.
    pub fn start(&mut self, net: &mut Net) {
        if self.is_up {
            return;
        }
        self.who.life += 1;
        self.is_up = true;
        let skew = net.weather.skew;
        self.skew = i64::try_from(self.dice.between(0, 2 * skew)).unwrap_or(0) - i64::try_from(skew).unwrap_or(0);
        self.lag = self.dice.millis(0, 200);
        self.waiting = Waiting::new(1_000);
        self.reader = TopicReader::new(0);
        self.at = vec![0; usize::try_from(net.logs.partitions()).unwrap_or(0)];
        net.set_life(self.who.process, Some(self.who.life));
        self.wake(net, Duration::ZERO);
    }

    /// Ends it.
    pub fn die(&mut self, net: &mut Net) {
        if self.is_up {
            self.is_up = false;
            self.wakes = None;
            net.set_life(self.who.process, None);
            net.saw(if self.waiting.callers() > 0 { Sight::StarterKilled } else { Sight::Killed });
            net.tell(|| "the starter dies".to_owned());
        }
    }

    /// Returns the id of a request that somebody asks sooner or later.
    #[must_use]
    pub fn some_id(&self, dice: &mut Dice) -> RequestId {
        self.callers[dice.below(self.callers.len())].id
    }

    /// Returns whether nobody who has asked will ask again.
    #[must_use]
    pub fn is_at_rest(&self, net: &Net) -> bool {
        let asks =
            |caller: &Caller| !caller.is_content && caller.began.is_some_and(|began| net.now.since(began) <= ASKS_FOR);
        !self.callers.iter().any(asks)
    }

    /// A caller asks, or asks again.
    pub fn on_ask(&mut self, net: &mut Net, caller: usize) {
        let began = *self.callers[caller].began.get_or_insert(net.now);
        if self.callers[caller].is_content || net.now.since(began) > ASKS_FOR {
            return;
        }
        // Whatever comes of it, a caller who hears nothing asks again.
        let again = self.dice.millis(100, 5_000);
        net.after(again, Event::Ask(caller));
        if !self.is_up {
            return;
        }
        let now = self.clock(net);
        let id = self.callers[caller].id;
        if began < net.now {
            net.saw(Sight::AskedAgain);
        }
        match self.waiting.join(id, Digest::default(), caller, now.after(Duration::from_secs(5)), now) {
            Seat::First(_) => self.write(net, caller),
            Seat::Answered(result) => {
                let partition = id.partition(net.logs.partitions());
                self.handed_out.push(HandedOut { by: self.who, partition, result });
                self.callers[caller].is_content = true;
            }
            Seat::Beside(..) | Seat::Conflict | Seat::Full => {}
        }
    }

    /// A request fared so.
    pub fn on_told(&mut self, net: &mut Net, who: Who, item: &Item, outcome: Outcome) {
        let Item::Request(id) = *item else { return };
        if !self.is_up || self.who != who {
            return;
        }
        if outcome == Outcome::Written {
            self.waiting.on_written(id);
            self.accepted.push(id);
        } else {
            let now = self.clock(net);
            for caller in self.waiting.on_lost(id, now) {
                let again = self.dice.millis(1, 300);
                net.after(again, Event::Ask(caller));
            }
        }
    }

    /// There is something new in a topic.
    pub fn on_fresh(&mut self, net: &mut Net, topic: Topic) {
        if self.is_up && topic == Topic::Results {
            let delay = self.dice.micros(200, net.weather.fetch);
            self.wake(net, delay);
        }
    }

    /// It has its turn: it reads the results that there are.
    pub fn turn(&mut self, net: &mut Net) {
        if !self.is_up || self.wakes.is_none_or(|at| at > net.now) {
            return;
        }
        self.wakes = None;
        let now = self.clock(net);
        for partition in 0..net.logs.partitions() {
            let slot = usize::try_from(partition).unwrap_or(0);
            while let Some(received) = net.logs.read(Topic::Results, partition, self.at[slot]) {
                self.at[slot] += 1;
                let entry = self.reader.read(partition, &received.record);
                let (ResultsEntry::Valid(result) | ResultsEntry::Repeat(result)) = entry else { continue };
                for caller in self.waiting.on_result(&result, now) {
                    self.handed_out.push(HandedOut { by: self.who, partition, result: result.clone() });
                    self.callers[caller].is_content = true;
                }
            }
        }
    }

    fn write(&mut self, net: &mut Net, caller: usize) {
        let Caller { id, budget, .. } = self.callers[caller];
        let edits = net.edits.iter().filter(|at| at.after(self.lag) <= net.now).count();
        let serving = std::sync::Arc::clone(policies::after(edits).serving(&id));
        let body = Bytes::from_static(br#"{"hue":1}"#);
        let stated = Stated { body, budget: Some(budget), ..Stated::default() };
        let request = Planner::new(serving).request(id, self.clock(net), stated);
        let partition = id.partition(net.logs.partitions());
        net.send(self.who, (Topic::Requests, partition), request.encode(), Item::Request(id));
    }

    fn wake(&mut self, net: &mut Net, after: Duration) {
        let at = net.now.after(after);
        if self.wakes.is_none_or(|earlier| at < earlier) {
            self.wakes = Some(at);
            net.at(at, Event::Turn(self.who.process));
        }
    }

    fn clock(&self, net: &Net) -> Timestamp {
        Timestamp::from_micros(net.now.as_micros() + self.skew)
    }
}

// === impl Caller ===

impl Caller {
    fn new(dice: &mut Dice, number: usize, hot: bool, partitions: i32) -> Self {
        let named = |key: &str| Origin::Key(key).id(&policies::name());
        let mut id = named(&format!("order-{number}"));
        if hot && !dice.chance(100) {
            let keys = (0..64).map(|other| named(&format!("order-{number}-{other}")));
            id = keys.into_iter().find(|id| id.partition(partitions) == 0).unwrap_or(id);
        }
        let budget = Budget::from_millis(*dice.pick(&[20, 60, 150, 400, 1_200, 4_000]));
        Self { id, budget, began: None, is_content: false }
    }
}
