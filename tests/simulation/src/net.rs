//! What all processes share: the time, the log, what is on its way, the group, and the account of it all.

mod fate;

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use collector::{Source, Watermarks};
use wire::{Fencing, Record, RequestId, Timestamp};

use crate::{
    dice::Dice,
    group::{Group, Told},
    log::{Entry, Logs, Topic, Who},
    reference::Reference,
    sights::{Sight, Sights},
    story::{Committed, TakenOver},
    weather::Weather,
};

pub use fate::brief;

/// What happens next.
#[derive(Debug)]
pub enum Event {
    /// A process has its turn.
    Turn(usize),
    /// A record reaches the log.
    Land(Landing),
    /// A sender hears how a record fared.
    Told(Who, Item, Outcome),
    /// A question of what a partition holds goes on: responses, then requests, then results.
    Survey(Question),
    /// The group says something to a member.
    Group(Who, u64, Told),
    /// A commit reaches the group.
    Commit(u64, i32, Watermarks),
    /// A member has not been heard of for a session.
    Silence(u64, Who),
    /// A caller asks.
    Ask(usize),
    /// What a station that only reads has begun goes on.
    Step(Who, u64),
    /// An executor has an answer.
    Answer(Answering),
    /// Something goes wrong, or right again.
    Fault(Fault),
}

/// A record on its way.
#[derive(Debug)]
pub struct Landing {
    /// Where to.
    pub to: (Topic, i32),
    /// It.
    pub record: Record,
    /// Who sent it.
    pub by: Who,
    /// Whether it goes on its way even if its sender dies.
    pub on_wire: bool,
    /// Whether its sender was told that it would not.
    pub given_up: bool,
}

/// What a record is to its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A result.
    Result(i32, RequestId, Fencing),
    /// A fence.
    Fence(i32, Fencing),
    /// A dead letter for the record of this place.
    DeadLetter(i32, Source, i64),
    /// A request.
    Request(RequestId),
    /// A response to the request of this place.
    Response(i32, i64, Record),
    /// Nobody waits to hear of it.
    Nothing,
}

/// How a record fared, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Written,
    /// It may be.
    Uncertain,
    /// The log does not take records of its size.
    TooLarge,
}

/// A question of what a partition holds.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks.
    pub by: Who,
    /// Of which partition.
    pub partition: i32,
    /// Its number.
    pub number: u32,
    /// What is known so far.
    pub spans: collector::ledger::Spans,
    /// How many of the three are known.
    pub step: u8,
    /// Which of them is the first to be.
    pub first: u8,
}

/// An answer that an executor works on.
#[derive(Debug)]
pub struct Answering {
    /// Who.
    pub by: Who,
    /// In which partition lies what it answers.
    pub partition: i32,
    /// Where.
    pub offset: i64,
    /// What it will say.
    pub record: Record,
}

/// Something that goes wrong, or right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process dies after so many more things that it does.
    Kill(usize, u32),
    /// It starts again.
    Start(usize),
    /// A collector stands still.
    Pause(usize),
    /// It goes on.
    Resume(usize),
    /// A collector is not heard by its group.
    Mute(usize),
    /// It is heard again.
    Unmute(usize),
    /// A collector is told to stop.
    Stop(usize),
    /// Somebody who has no business here writes a fence.
    Stranger,
    /// Somebody writes what does not belong there.
    Rubbish,
    /// All of it ends.
    Heal,
}

// === impl Event ===

impl Event {
    /// Returns to which process it happens, if it is one that happens to any.
    #[must_use]
    pub fn process(&self) -> Option<usize> {
        match self {
            Self::Turn(process) => Some(*process),
            Self::Step(who, _) | Self::Group(who, ..) | Self::Silence(_, who) | Self::Told(who, ..) => {
                Some(who.process)
            }
            Self::Fault(fault) => fault.process(),
            Self::Land(_) | Self::Survey(_) | Self::Commit(..) | Self::Ask(_) | Self::Answer(_) => None,
        }
    }
}

// === impl Fault ===

impl Fault {
    /// Returns whom it is about.
    #[must_use]
    pub fn process(self) -> Option<usize> {
        match self {
            Self::Kill(process, _)
            | Self::Start(process)
            | Self::Pause(process)
            | Self::Resume(process)
            | Self::Mute(process)
            | Self::Unmute(process)
            | Self::Stop(process) => Some(process),
            Self::Stranger | Self::Rubbish | Self::Heal => None,
        }
    }
}

/// What all processes share.
pub struct Net {
    /// The time, by the broker's clock.
    pub now: Timestamp,
    /// How bad it is; calm from the moment on at which it heals.
    pub weather: Weather,
    /// The log.
    pub logs: Logs,
    /// The collectors' group.
    pub group: Group,
    /// What happened.
    pub sights: Sights,
    /// Accepted commits.
    pub commits: Vec<Committed>,
    /// Take-overs.
    pub takeovers: Vec<TakenOver>,
    /// What readers who do it right see so far.
    pub reference: Reference,
    /// Where records were taken in since somebody looked.
    pub fresh: Vec<(Topic, i32)>,
    /// When the policy is edited.
    pub edits: Vec<Timestamp>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    order: u64,
    dice: Dice,
    /// By process: which life it is in, if it lives.
    lives: Vec<Option<u32>>,
    /// When the last record of a sender to a partition lands: those after it land later.
    lanes: std::collections::HashMap<(Who, Topic, i32), Timestamp>,
    trace: Option<Vec<String>>,
}

#[derive(Debug)]
struct Scheduled {
    at: Timestamp,
    number: u64,
    event: Event,
}

// === impl Net ===

impl Net {
    /// Returns one in which nothing has happened.
    #[must_use]
    pub fn new(seed: u64, weather: Weather, start: Timestamp, traced: bool) -> Self {
        Self {
            now: start,
            logs: Logs::new(weather.partitions),
            group: Group::new(weather.partitions),
            reference: Reference::new(weather.partitions),
            weather,
            sights: Sights::default(),
            commits: Vec::new(),
            takeovers: Vec::new(),
            fresh: Vec::new(),
            edits: Vec::new(),
            queue: BinaryHeap::new(),
            scheduled: 0,
            order: 0,
            dice: Dice::of(seed, 2),
            lives: vec![None; 16],
            lanes: std::collections::HashMap::new(),
            trace: traced.then(Vec::new),
        }
    }

    /// Lets `event` happen at `at`, or now if that is past.
    pub fn at(&mut self, at: Timestamp, event: Event) {
        self.scheduled += 1;
        let (at, number) = (at.max(self.now), self.scheduled);
        self.queue.push(Reverse(Scheduled { at, number, event }));
    }

    /// Lets `event` happen `after` that.
    pub fn after(&mut self, after: Duration, event: Event) {
        self.at(self.now.after(after), event);
    }

    /// Moves on to whatever happens next, unless that is after `until`.
    pub fn next(&mut self, until: Timestamp) -> Option<Event> {
        if self.queue.peek()?.0.at > until {
            return None;
        }
        let Reverse(Scheduled { at, event, .. }) = self.queue.pop()?;
        self.now = at;
        Some(event)
    }

    /// Takes note of something.
    pub fn saw(&mut self, sight: Sight) {
        self.sights.note(sight);
    }

    /// Writes a line of the trace, if anybody wants it.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let (seconds, micros) = (self.now.as_micros() / 1_000_000, self.now.as_micros() % 1_000_000);
            trace.push(format!("{:>5}.{micros:06} {}", seconds - START_SECONDS, line()));
        }
    }

    /// Takes the trace.
    pub fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Begins a life of `process`, or ends it.
    pub fn set_life(&mut self, process: usize, life: Option<u32>) {
        self.lives[process] = life;
    }

    /// Returns whether this life is being lived.
    #[must_use]
    pub fn lives(&self, who: Who) -> bool {
        self.lives[who.process] == Some(who.life)
    }

    /// Takes a record into the log.
    pub fn append(&mut self, (topic, partition): (Topic, i32), record: Record, by: Who) -> i64 {
        // Kafka's instants are whole milliseconds.
        let at = Timestamp::from_micros(self.now.as_micros() / 1_000 * 1_000);
        self.order += 1;
        if topic == Topic::Results {
            let void = self.reference.on_record(partition, &record);
            if void {
                self.saw(Sight::VoidResult);
            }
        }
        if topic == Topic::Requests {
            self.reference.on_request(partition, &record);
        }
        let offset = self.logs.append(topic, partition, Entry { at, order: self.order, by, record });
        self.fresh.push((topic, partition));
        offset
    }

    /// Brings a commit to the group.
    pub fn commit(&mut self, member: u64, partition: i32, watermarks: Watermarks) {
        let Some(tenure) = self.group.commit(member, partition, (watermarks.requests, watermarks.note())) else {
            self.saw(Sight::CommitVoid);
            return self.tell(|| format!("commit of {partition} by member {member} is void"));
        };
        self.order += 1;
        let (order, at) = (self.order, self.now);
        self.commits.push(Committed { order, at, member, tenure, partition, watermarks });
        self.tell(|| format!("commit of {partition} by member {member}: {watermarks:?}"));
    }

    /// Tells members what the group wants of them, each in its time.
    pub fn announce(&mut self, told: Vec<(Who, u64, Told)>) {
        for (who, member, told) in told {
            let delay = self.dice.millis(1, 40);
            self.after(delay, Event::Group(who, member, told));
        }
    }

    /// Returns what an owner is told was committed: nearly always the last.
    pub fn committed(&mut self, partition: i32) -> Option<(i64, String)> {
        let stale = self.dice.chance(self.weather.commits_stale);
        let back = if stale { 1 + self.dice.below(3) } else { 0 };
        if stale {
            self.saw(Sight::CommitStale);
        }
        self.group.committed(partition, back)
    }

    /// Returns a number for the group to shuffle its members by.
    pub fn rotation(&mut self) -> usize {
        self.dice.below(6)
    }

    /// Asks what a partition holds.
    pub fn ask(&mut self, mut question: Question) {
        if question.step == 0 {
            question.first = u8::try_from(self.dice.below(3)).unwrap_or(0);
        }
        let delay = self.dice.micros(300, 4_000);
        self.after(delay, Event::Survey(question));
    }

    /// Goes on with a question; returns it once it is answered.
    pub fn go_on_asking(&mut self, mut question: Question) -> Option<Question> {
        let partition = question.partition;
        // The three are asked for at once, and answered in any order.
        let place = (question.step + question.first) % 3;
        match (question.step, place) {
            (3.., _) => return Some(question),
            (_, 0) => question.spans.responses = self.logs.span(Topic::Responses, partition),
            (_, 1) => question.spans.requests = self.logs.span(Topic::Requests, partition),
            _ => question.spans.results = self.logs.span(Topic::Results, partition),
        }
        question.step += 1;
        self.ask(question);
        None
    }
}

/// The worlds begin here.
pub const START_SECONDS: i64 = 1_000_000;

// === impl Scheduled ===

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
