//! A collector as a process: the production code's partitions, driven as `collector::run` drives them.

mod doing;
mod leaving;
mod seat;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use collector::{Partition, Source, Surroundings, Watermarks, ledger::Unwritten};
use uuid::Uuid;
use wire::Timestamp;

use crate::{
    dice::Dice,
    group::Told,
    log::{Topic, Who},
    net::{Event, Item, Net, Outcome, Question},
    policies,
    sights::Sight,
};
use leaving::Departure;
use seat::Seat;

const TICK: Duration = Duration::from_millis(500);

/// One collector, through all of its lives.
pub struct Collector {
    who: Who,
    is_up: bool,
    is_paused: bool,
    /// Whether the group hears it.
    is_muted: bool,
    /// How far its host's clock is off, in microseconds.
    skew: i64,
    /// How much later it reads of an edit.
    lag: Duration,
    /// It dies after so many more things that it does.
    fuse: Option<u32>,
    member: Option<u64>,
    departure: Option<Departure>,
    last_request: Timestamp,
    seats: BTreeMap<i32, Seat>,
    surroundings: Surroundings,
    said: VecDeque<(u64, Told)>,
    news: Vec<News>,
    next_tick: Timestamp,
    wakes: Option<Timestamp>,
    dice: Dice,
}

enum News {
    Told(Item, Outcome),
    Spans(Question),
}

// === impl Collector ===

impl Collector {
    /// Returns process `process` before its first life.
    #[must_use]
    pub fn new(seed: u64, process: usize) -> Self {
        Self {
            who: Who { process, life: 0 },
            is_up: false,
            is_paused: false,
            is_muted: false,
            skew: 0,
            lag: Duration::ZERO,
            fuse: None,
            member: None,
            departure: None,
            last_request: Timestamp::EPOCH,
            seats: BTreeMap::new(),
            surroundings: Surroundings::new(Arc::clone(policies::after(0))),
            said: VecDeque::new(),
            news: Vec::new(),
            next_tick: Timestamp::EPOCH,
            wakes: None,
            dice: Dice::of(seed, 100 + process as u64),
        }
    }

    /// Begins a new life.
    pub fn start(&mut self, net: &mut Net) {
        if self.is_up {
            return;
        }
        self.who.life += 1;
        (self.is_up, self.is_paused, self.is_muted) = (true, false, false);
        (self.fuse, self.departure) = (None, None);
        let skew = net.weather.skew;
        self.skew = i64::try_from(self.dice.between(0, 2 * skew)).unwrap_or(0) - i64::try_from(skew).unwrap_or(0);
        if self.skew != 0 {
            net.saw(Sight::ClockOff);
        }
        self.lag = self.dice.millis(0, 200);
        self.surroundings = Surroundings::new(Arc::clone(policies::after(self.edits(net))));
        self.last_request = self.clock(net);
        self.next_tick = self.clock(net).after(TICK);
        net.set_life(self.who.process, Some(self.who.life));
        net.tell(|| format!("{:?} starts", self.who));
        self.join(net);
        self.wake(net, Duration::ZERO);
    }

    /// Ends it, now.
    pub fn die(&mut self, net: &mut Net) {
        if !self.is_up {
            return;
        }
        let midway = self.seats.values().any(|seat| seat.partition.unconfirmed() > 0 || !seat.partition.is_running());
        net.tell(|| format!("{:?} dies", self.who));
        net.saw(Sight::Killed);
        if midway {
            net.saw(Sight::KilledMidway);
        }
        self.end(net);
    }

    /// It dies after so many more things that it does.
    pub fn light(&mut self, fuse: u32) {
        self.fuse = Some(fuse);
    }

    /// Whatever was about to go wrong with it does not.
    pub fn mend(&mut self, net: &mut Net) {
        self.fuse = None;
        self.resume(net);
        self.unmute(net);
    }

    /// It stands still.
    pub fn pause(&mut self, net: &mut Net) {
        if self.is_up && !self.is_paused {
            self.is_paused = true;
            net.saw(Sight::Paused);
            net.tell(|| format!("{:?} stands still", self.who));
            self.fall_silent(net);
        }
    }

    /// It goes on.
    pub fn resume(&mut self, net: &mut Net) {
        if self.is_paused {
            self.is_paused = false;
            net.tell(|| format!("{:?} goes on", self.who));
            self.be_heard(net);
        }
    }

    /// Its group does not hear it any more.
    pub fn mute(&mut self, net: &mut Net) {
        if self.is_up && !self.is_muted {
            self.is_muted = true;
            net.saw(Sight::Muted);
            net.tell(|| format!("{:?} is not heard", self.who));
            self.fall_silent(net);
        }
    }

    /// Its group hears it again.
    pub fn unmute(&mut self, net: &mut Net) {
        if self.is_muted {
            self.is_muted = false;
            net.tell(|| format!("{:?} is heard again", self.who));
            self.be_heard(net);
        }
    }

    /// Returns whether it was not heard of by the group at all since it fell silent.
    #[must_use]
    pub fn is_silent(&self, who: Who) -> bool {
        self.who != who || !self.is_up || self.is_paused || self.is_muted
    }

    /// Returns the partitions that it serves.
    pub fn serves(&self) -> impl Iterator<Item = i32> {
        self.seats.iter().filter(|(_, seat)| seat.partition.is_running()).map(|(index, _)| *index)
    }

    /// Returns how many requests are open and how many results unconfirmed.
    #[must_use]
    pub fn in_hand(&self) -> (usize, usize) {
        let sum = |of: fn(&Partition) -> usize| self.seats.values().map(|seat| of(&seat.partition)).sum();
        (sum(Partition::open_requests), sum(Partition::unconfirmed))
    }

    /// The group says something.
    pub fn on_said(&mut self, net: &mut Net, who: Who, member: u64, told: Told) {
        if self.who == who && self.is_up {
            self.said.push_back((member, told));
            self.wake(net, Duration::ZERO);
        }
    }

    /// A record that it sent fared so.
    pub fn on_told(&mut self, net: &mut Net, who: Who, item: Item, outcome: Outcome) {
        if self.who == who && self.is_up {
            self.news.push(News::Told(item, outcome));
            self.wake(net, Duration::ZERO);
        }
    }

    /// What it asked is answered.
    pub fn on_spans(&mut self, net: &mut Net, question: Question) {
        if self.who == question.by && self.is_up {
            self.news.push(News::Spans(question));
            self.wake(net, Duration::ZERO);
        }
    }

    /// There is something new in a partition.
    pub fn on_fresh(&mut self, net: &mut Net, topic: Topic, partition: i32) {
        let reads =
            self.seats.get(&partition).is_some_and(|seat| seat.at.keys().any(|source| topic_of(*source) == topic));
        if reads && self.is_up && !self.is_paused {
            let delay = self.fetched(net);
            self.wake(net, delay);
        }
    }

    /// It has its turn, if this is the one that it waited for.
    pub fn turn(&mut self, net: &mut Net) {
        if !self.is_up || self.wakes.is_none_or(|at| at > net.now) {
            return;
        }
        self.wakes = None;
        if self.is_paused {
            return;
        }
        self.read_versions(net);
        for _ in 0..self.dice.between(1, 4) {
            self.hear_something(net);
            if !self.is_up {
                return;
            }
        }
        self.read_news(net);
        self.on_time(net);
        if self.is_up {
            self.rest(net);
        }
    }

    fn hear_something(&mut self, net: &mut Net) {
        if !self.said.is_empty() && !self.is_muted && self.dice.chance(500) {
            return self.listen(net);
        }
        let waiting: Vec<(i32, Source)> = self
            .seats
            .iter()
            .flat_map(|(index, seat)| {
                let behind = |(source, at): (&Source, &i64)| {
                    (*at < net.logs.span(topic_of(*source), *index).end).then_some((*index, *source))
                };
                seat.at.iter().filter_map(behind).collect::<Vec<_>>()
            })
            .collect();
        if waiting.is_empty() {
            return;
        }
        let (index, source) = *self.dice.pick(&waiting);
        let count = self.dice.between(1, 8);
        let now = self.clock(net);
        let Some(seat) = self.seats.get_mut(&index) else { return };
        for _ in 0..count {
            let Some(at) = seat.at.get_mut(&source) else { break };
            let Some(received) = net.logs.read(topic_of(source), index, *at) else { break };
            *at += 1;
            seat.partition.on_record(source, &received, now, &mut self.surroundings);
            if source == Source::Requests {
                self.last_request = now;
            }
        }
        if seat.at.get(&source).is_some_and(|at| *at < net.logs.span(topic_of(source), index).end) {
            net.saw(Sight::BatchCut);
        }
        self.perform(net);
    }

    /// Hears what the group says.
    fn listen(&mut self, net: &mut Net) {
        let Some((member, told)) = self.said.pop_front() else { return };
        if self.member != Some(member) {
            return;
        }
        net.tell(|| format!("{:?} hears as member {member}: {told:?}", self.who));
        match told {
            Told::Assigned(index) if self.take_back(index) => net.saw(Sight::TakenBack),
            Told::Assigned(index) => {
                let committed = net.committed(index);
                let committed = committed.and_then(|(offset, note)| Watermarks::parse(offset, &note).ok());
                let place = (index, net.logs.partitions());
                let seed = Uuid::from_u128(self.dice.bits());
                let partition = Partition::new(place, committed, seed, &mut self.surroundings);
                self.seats.insert(index, Seat::of(partition));
                self.perform(net);
            }
            Told::Revoked(index) => {
                self.on_revoked(index, net);
                let told = net.group.on_given_up(member, index);
                net.announce(told);
            }
            Told::Expelled => {
                for index in self.seats.keys().copied().collect::<Vec<_>>() {
                    self.on_revoked(index, net);
                }
                self.join(net);
            }
        }
    }

    fn read_news(&mut self, net: &mut Net) {
        let now = self.clock(net);
        for news in std::mem::take(&mut self.news) {
            match news {
                News::Spans(Question { partition, number, spans, .. }) => {
                    if let Some(seat) = self.seats.get_mut(&partition) {
                        seat.partition.on_spans(number, &spans);
                    }
                }
                News::Told(item, outcome) => self.hear(&item, outcome, now),
            }
        }
    }

    fn hear(&mut self, item: &Item, outcome: Outcome, now: Timestamp) {
        let (Item::Result(index, ..) | Item::Fence(index, _) | Item::DeadLetter(index, ..)) = item else { return };
        let Some(Seat { partition, .. }) = self.seats.get_mut(index) else { return };
        match item {
            Item::Result(_, request, by) => {
                let why = if outcome == Outcome::TooLarge { Unwritten::TooLarge } else { Unwritten::Uncertain };
                partition.on_result_unwritten(*request, *by, why, (now, &self.surroundings));
            }
            Item::Fence(_, by) => partition.on_fence_unwritten(*by, now),
            Item::DeadLetter(_, source, offset) => {
                partition.on_dead_letter(*source, *offset, outcome == Outcome::Written);
            }
            Item::Request(_) | Item::Response(..) | Item::Nothing => {}
        }
    }

    fn on_time(&mut self, net: &mut Net) {
        let now = self.clock(net);
        for seat in self.seats.values_mut() {
            seat.partition.on_time(now, &mut self.surroundings);
        }
        if self.next_tick <= now {
            self.next_tick = now.after(TICK);
            self.commit(net);
            self.surroundings.on_time(now);
        }
        self.perform(net);
        if self.is_up {
            self.leave_on_time(net);
        }
    }

    fn commit(&mut self, net: &mut Net) {
        for (member, index, watermarks) in self.commits(net) {
            if self.burns(net) {
                return;
            }
            if self.dice.chance(net.weather.commits_lost) {
                net.saw(Sight::CommitLost);
                continue;
            }
            // One connection: commits of a member keep their order.
            net.after(Duration::from_millis(3), Event::Commit(member, index, watermarks));
        }
    }

    /// Returns what has changed since the last commit, of what is its own to commit.
    fn commits(&mut self, net: &Net) -> Vec<(u64, i32, Watermarks)> {
        let (now, member) = (self.clock(net), self.member);
        let changed = self.seats.iter_mut().filter_map(|(index, seat)| {
            let watermarks = seat.partition.on_tick(now)?;
            Some((member.filter(|_| !seat.is_leaving())?, *index, watermarks))
        });
        changed.collect()
    }

    /// Burns the fuse down by one thing done; returns whether that was the last.
    fn burns(&mut self, net: &mut Net) -> bool {
        match &mut self.fuse {
            Some(0) => {
                self.die(net);
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn end(&mut self, net: &mut Net) {
        self.is_up = false;
        self.seats.clear();
        self.said.clear();
        self.news.clear();
        self.wakes = None;
        net.set_life(self.who.process, None);
        self.fall_silent(net);
    }

    fn join(&mut self, net: &mut Net) {
        let rotation = net.rotation();
        let (member, told) = net.group.join(self.who, rotation);
        self.member = Some(member);
        net.announce(told);
    }

    fn fall_silent(&mut self, net: &mut Net) {
        if let Some(member) = self.member {
            net.after(net.weather.session, Event::Silence(member, self.who));
        }
    }

    fn be_heard(&mut self, net: &mut Net) {
        if self.is_paused || self.is_muted || !self.is_up {
            return;
        }
        if let Some(member) = self.member.filter(|member| !net.group.has(*member)) {
            net.saw(Sight::Expelled);
            self.said.push_back((member, Told::Expelled));
        }
        self.wake(net, Duration::ZERO);
    }

    fn read_versions(&mut self, net: &mut Net) {
        let versions = policies::after(self.edits(net));
        if Arc::ptr_eq(versions, &self.surroundings.versions) {
            return;
        }
        self.surroundings.on_versions(Arc::clone(versions));
        let now = self.clock(net);
        for seat in self.seats.values_mut() {
            seat.partition.on_versions(now, &mut self.surroundings);
        }
    }

    /// Returns how many edits it has read of.
    fn edits(&self, net: &Net) -> usize {
        net.edits.iter().filter(|at| at.after(self.lag) <= net.now).count()
    }

    /// Sleeps until there is something to do.
    fn rest(&mut self, net: &mut Net) {
        let behind = self
            .seats
            .iter()
            .any(|(index, seat)| seat.at.iter().any(|(source, at)| *at < net.logs.span(topic_of(*source), *index).end));
        if behind || (!self.said.is_empty() && !self.is_muted) {
            let delay = self.dice.micros(50, 1_500);
            self.wake(net, delay);
        }
        let due = self.seats.values().filter_map(Seat::next_time).chain(self.next_departure(self.clock(net)));
        let first = due.fold(self.next_tick, Timestamp::min);
        let wait = first.since(self.clock(net)).max(Duration::from_micros(100));
        self.wake(net, wait);
    }

    fn wake(&mut self, net: &mut Net, after: Duration) {
        let at = net.now.after(after);
        if self.wakes.is_none_or(|earlier| at < earlier) {
            self.wakes = Some(at);
            net.at(at, Event::Turn(self.who.process));
        }
    }

    fn fetched(&mut self, net: &Net) -> Duration {
        self.dice.micros(200, net.weather.fetch)
    }

    fn clock(&self, net: &Net) -> Timestamp {
        Timestamp::from_micros(net.now.as_micros() + self.skew)
    }
}

/// Returns where a source lies.
#[must_use]
pub fn topic_of(source: Source) -> Topic {
    match source {
        Source::Requests => Topic::Requests,
        Source::Responses => Topic::Responses,
        Source::Results => Topic::Results,
    }
}
